import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { details, type ServerStatus, Status, summary } from '../../src/status';
import { LanguageStatusSeverity, statusItems } from './vscode';

const clean: ServerStatus = { errors: 0, warnings: 0, information: 0, files: 3, scanning: false, notes: [] };

beforeEach(() => statusItems.clear());

test('the summary counts problems by severity', () => {
  assert.equal(summary(clean), 'AIMET: no problems');
  assert.equal(summary({ ...clean, scanning: true }), 'AIMET: checking');
  assert.equal(summary({ ...clean, warnings: 1 }), 'AIMET: 1 warning');
  assert.equal(summary({ ...clean, errors: 2, information: 1, scanning: true }), 'AIMET: 2 errors, 1 info');
});

test('the details name what is switched off', () => {
  assert.equal(details({ ...clean, files: 1 }), '1 file checked.');
  assert.equal(details({ ...clean, scanning: true }), 'Checking the workspace.');
  assert.equal(
    details({ ...clean, notes: ['Repairs are off.', 'Only open files'] }),
    '3 files checked. Repairs are off. Only open files.',
  );
});

test('busy, ready and failed states', () => {
  const status = new Status();
  const item = statusItems.get('aimetGuidelines.findings');
  assert.equal(item?.busy, true);
  status.show({ ...clean, scanning: true });
  assert.deepEqual([item?.busy, item?.severity], [true, LanguageStatusSeverity.Information]);
  status.show({ ...clean, notes: ['AIMET204 is off in the settings.'] });
  assert.deepEqual([item?.busy, item?.severity], [false, LanguageStatusSeverity.Warning]);
  status.failed('No Python.');
  assert.deepEqual([item?.severity, item?.detail], [LanguageStatusSeverity.Error, 'No Python.']);
});

test('the interpreter that runs the server is named', () => {
  const status = new Status();
  status.running({ path: '/usr/bin/python3', version: [3, 11, 7], origin: 'PATH' });
  const item = statusItems.get('aimetGuidelines.interpreter');
  assert.deepEqual([item?.text, item?.detail], ['AIMET server: Python 3.11.7', '/usr/bin/python3 (PATH)']);
});
