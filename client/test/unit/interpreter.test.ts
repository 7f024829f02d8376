import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import {
  type Choices,
  chooseInterpreter,
  isInside,
  isSupported,
  NoInterpreterError,
  parseVersion,
  pythonsOnPath,
  type Version,
} from '../../src/interpreter';

const versions: Record<string, Version> = {
  '/usr/bin/python3': [3, 11, 7],
  '/old/python3': [3, 8, 18],
  '/venv/bin/python': [3, 12, 1],
  '/home/me/project/.venv/bin/python': [3, 13, 0],
};

function choices(given: Partial<Choices> & { started?: string[] }): Choices {
  return {
    setting: '',
    selected: async () => undefined,
    onPath: () => ['/usr/bin/python3'],
    forbidden: [],
    probe: async (executable) => {
      given.started?.push(executable);
      return versions[executable];
    },
    note: () => undefined,
    ...given,
  };
}

test('a version is three numbers and nothing else', () => {
  assert.deepEqual(parseVersion('3.10.13\n'), [3, 10, 13]);
  assert.deepEqual(parseVersion('3.14.0\r\n'), [3, 14, 0]);
  assert.equal(parseVersion('Python was not found; run without arguments to install'), undefined);
  assert.equal(parseVersion('3.11.7\nsomething printed by sitecustomize'), undefined);
  assert.equal(parseVersion(''), undefined);
});

test('3.10 is the floor', () => {
  assert.equal(isSupported([3, 9, 18]), false);
  assert.equal(isSupported([3, 10, 0]), true);
  assert.equal(isSupported([3, 14, 2]), true);
  assert.equal(isSupported([2, 7, 18]), false);
});

test('the setting comes before the Python extension, that before PATH', async () => {
  const selected = async () => '/venv/bin/python';
  const bySetting = await chooseInterpreter(choices({ setting: '/home/me/project/.venv/bin/python', selected }));
  assert.deepEqual([bySetting.path, bySetting.origin], ['/home/me/project/.venv/bin/python', 'setting']);
  const bySelection = await chooseInterpreter(choices({ selected }));
  assert.deepEqual([bySelection.path, bySelection.origin], ['/venv/bin/python', 'Python extension']);
  const byPath = await chooseInterpreter(choices({}));
  assert.deepEqual([byPath.path, byPath.origin, byPath.version], ['/usr/bin/python3', 'PATH', [3, 11, 7]]);
});

test("a project's old Python does not run the server; the next candidate does", async () => {
  const notes: string[] = [];
  const note = (line: string) => notes.push(line);
  const found = await chooseInterpreter(choices({ selected: async () => '/old/python3', note }));
  assert.equal(found.path, '/usr/bin/python3');
  assert.match(notes.join(), /\/old\/python3 \(Python extension\) is Python 3\.8\.18, too old/);
});

test('a wrong setting is told, not passed over', async () => {
  const setting = (value: string) => chooseInterpreter(choices({ setting: value }));
  await assert.rejects(setting('/nowhere/python'), /\/nowhere\/python, does not start as a Python 3/);
  await assert.rejects(setting('/old/python3'), /is Python 3\.8\.18\. The server needs 3\.10 or newer/);
});

test('where there is none, the reason names what was found', async () => {
  await assert.rejects(chooseInterpreter(choices({ onPath: () => [] })), (error) => {
    assert.ok(error instanceof NoInterpreterError);
    assert.match(error.message, /none was found on PATH/);
    return true;
  });
  await assert.rejects(
    chooseInterpreter(choices({ onPath: () => ['/old/python3'] })),
    /Found only Python 3\.8\.18 \(\/old\/python3\)/,
  );
});

test('nothing inside an untrusted workspace is started', async () => {
  const started: string[] = [];
  const inside = '/home/me/project/.venv/bin/python';
  const untrusted = { forbidden: ['/home/me/project'], started };
  const found = await chooseInterpreter(
    choices({ ...untrusted, selected: async () => inside, onPath: () => [inside, '/usr/bin/python3'] }),
  );
  assert.equal(found.path, '/usr/bin/python3');
  await assert.rejects(chooseInterpreter(choices({ ...untrusted, setting: inside })), /not trusted/);
  assert.deepEqual(started, ['/usr/bin/python3']);
});

test('inside means by its own path and by what it links to', () => {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'inside-')));
  const workspace = path.join(folder, 'workspace');
  fs.mkdirSync(workspace);
  fs.writeFileSync(path.join(workspace, 'python'), '');
  fs.symlinkSync(path.join(workspace, 'python'), path.join(folder, 'innocent'));
  fs.symlinkSync(workspace, path.join(folder, 'linked'));
  assert.equal(isInside(path.join(folder, 'innocent'), [workspace]), true);
  assert.equal(isInside(path.join(workspace, 'python'), [path.join(folder, 'linked')]), true);
  assert.equal(isInside(path.join(workspace, '..python'), [workspace]), true);
  assert.equal(isInside(path.join(folder, 'workspace2', 'python'), [workspace]), false);
  assert.equal(isInside('/usr/bin/python3', [workspace]), false);
  assert.equal(isInside('/usr/bin/python3', []), false);
  fs.rmSync(folder, { recursive: true });
});

test('only absolute folders of PATH are looked into, python3 first', () => {
  const present = new Set(['/a/python', '/a/python3', '/b/python3.12', '/b/python3', 'bin/python3', '/a/python3.9']);
  const env = { PATH: 'bin:.::/a:/b' };
  assert.deepEqual(
    pythonsOnPath(env, 'linux', (file) => present.has(file)),
    ['/a/python3', '/b/python3', '/a/python', '/b/python3.12'],
  );
});

test('Windows asks for .exe files and the launcher', () => {
  const present = new Set(['C:\\Python312\\python.exe', 'C:\\Windows\\py.exe']);
  const env = { Path: 'C:\\Python312;C:\\Windows;tools' };
  assert.deepEqual(
    pythonsOnPath(env, 'win32', (file) => present.has(file)),
    ['C:\\Python312\\python.exe', 'C:\\Windows\\py.exe'],
  );
});
