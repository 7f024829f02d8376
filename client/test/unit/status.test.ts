import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { details, type ServerStatus, Status, summary } from '../../src/status';
import { LanguageStatusSeverity, statusItems } from './vscode';

const clean: ServerStatus = { busy: null, errors: 0, warnings: 0, informations: 0, repairable: 0, files: 3, notes: [] };

beforeEach(() => statusItems.clear());

test('the summary counts problems of every severity', () => {
  assert.equal(summary(clean), 'AIMET: no problems');
  assert.equal(summary({ ...clean, warnings: 1, repairable: 1 }), 'AIMET: 1 problem, 1 repairable');
  assert.equal(
    summary({ ...clean, errors: 2, warnings: 3, informations: 1, repairable: 4 }),
    'AIMET: 6 problems, 4 repairable',
  );
});

test('the details name severities and what is switched off', () => {
  assert.equal(details(clean), '');
  assert.equal(details({ ...clean, errors: 1, informations: 2, files: 1 }), '1 error, 2 hints in 1 file.');
  assert.equal(details({ ...clean, notes: ['Repairs are off.'] }), 'Repairs are off.');
});

test('busy, ready and failed states', () => {
  const status = new Status();
  const item = statusItems.get('aimetGuidelines.findings');
  assert.equal(item?.busy, true);
  status.show({ ...clean, busy: 'checking 12 of 300 files' });
  assert.deepEqual([item?.busy, item?.text], [true, 'AIMET: checking 12 of 300 files']);
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
