import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { LogOutputChannel } from 'vscode';
import { PythonExtension } from '../../src/pythonExtension';
import { EventEmitter, extensions } from './vscode';

const lines: string[] = [];
const log = { warn: (line: string) => lines.push(line) } as unknown as LogOutputChannel;

afterEach(() => {
  extensions.installed.clear();
  lines.length = 0;
});

function install(path: string | undefined) {
  const changed = new EventEmitter<unknown>();
  const environments = {
    getActiveEnvironmentPath: () => ({ path: 'id' }),
    resolveEnvironment: async () => ({ executable: { uri: path === undefined ? undefined : { fsPath: path } } }),
    onDidChangeActiveEnvironmentPath: changed.event,
  };
  extensions.installed.set('ms-python.python', { activate: async () => ({ environments }) });
  return changed;
}

test('without the extension there is no selection', async () => {
  assert.equal(await new PythonExtension(log).selected(undefined), undefined);
  assert.deepEqual(lines, []);
});

test('its selection is resolved to an executable, and changes are passed on', async () => {
  const changed = install('/venv/bin/python');
  const python = new PythonExtension(log);
  let heard = 0;
  python.onDidChange(() => {
    heard += 1;
  });
  assert.equal(await python.selected(undefined), '/venv/bin/python');
  changed.fire(undefined);
  assert.equal(heard, 1);
});

test('an environment without an executable is no selection', async () => {
  install(undefined);
  assert.equal(await new PythonExtension(log).selected(undefined), undefined);
});

test('an extension of that name with another API, or one that fails, is passed over', async () => {
  extensions.installed.set('ms-python.python', { activate: async () => ({}) });
  assert.equal(await new PythonExtension(log).selected(undefined), undefined);
  extensions.installed.set('ms-python.python', { activate: () => Promise.reject(new Error('broken')) });
  assert.equal(await new PythonExtension(log).selected(undefined), undefined);
  assert.match(lines.join(), /broken/);
});
