import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { affectsServerProcess, expandPath, interpreterSetting } from '../../src/settings';
import { workspace } from './vscode';

afterEach(() => {
  workspace.settings = {};
  workspace.workspaceFolders = undefined;
});

test('~ and ${workspaceFolder} are replaced, relative paths lie in the folder', () => {
  assert.equal(expandPath('~/py/bin/python', '/home/me/project', '/home/me'), '/home/me/py/bin/python');
  assert.equal(
    expandPath('${workspaceFolder}/.venv/bin/python', '/home/me/project', '/home/me'),
    '/home/me/project/.venv/bin/python',
  );
  assert.equal(expandPath('.venv/bin/python', '/home/me/project', '/home/me'), '/home/me/project/.venv/bin/python');
  assert.equal(expandPath('/a~b/python', '/home/me/project', '/home/me'), '/a~b/python');
  assert.equal(expandPath('   ', '/home/me/project', '/home/me'), '');
});

test('the interpreter setting is read below the first folder', () => {
  assert.equal(interpreterSetting(), '');
  workspace.settings = { 'aimetGuidelines.interpreter': '${workspaceFolder}/.venv/bin/python' };
  workspace.workspaceFolders = [{ uri: { fsPath: '/first' } }, { uri: { fsPath: '/second' } }];
  assert.equal(interpreterSetting(), '/first/.venv/bin/python');
});

test('only the interpreter asks for another process', () => {
  const change = (...keys: string[]) => ({ affectsConfiguration: (key: string) => keys.includes(key) });
  assert.equal(affectsServerProcess(change('aimetGuidelines.interpreter')), true);
  assert.equal(affectsServerProcess(change('aimetGuidelines.select')), false);
});
