import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { findPython } from '../lib/python.mjs';

const { PATH, AIMET_GUIDELINES_PYTHON } = process.env;
let folder;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pythons-'));
  process.env.PATH = folder;
  delete process.env.AIMET_GUIDELINES_PYTHON;
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true });
  process.env.PATH = PATH;
  if (AIMET_GUIDELINES_PYTHON !== undefined) process.env.AIMET_GUIDELINES_PYTHON = AIMET_GUIDELINES_PYTHON;
});

/** A program that answers like a Python of that version. */
function python(name, version, { venv = true } = {}) {
  const executable = path.join(folder, name);
  const answer = { version, prefix: '/p', base: '/p', executable, venv };
  fs.writeFileSync(executable, `#!/bin/sh\necho '${JSON.stringify(answer)}'\n`, { mode: 0o755 });
  return executable;
}

const posixOnly = { skip: process.platform === 'win32' && 'the programs made here are shell scripts' };

test('python3 comes first, then newer names before older ones', posixOnly, () => {
  python('python3.12', [3, 12, 1]);
  python('python3.11', [3, 11, 7]);
  assert.equal(findPython().program, 'python3.12');
  python('python3', [3, 10, 0]);
  assert.equal(findPython().program, 'python3');
});

test('one that is too old or has no venv module is passed over for one that will do', posixOnly, () => {
  python('python3', [3, 8, 18]);
  python('python', [3, 13, 0], { venv: false });
  python('python3.11', [3, 11, 7]);
  assert.equal(findPython().program, 'python3.11');
});

test('without any Python the message says what to install', posixOnly, () => {
  assert.throws(findPython, /Python 3\.10 or newer is needed, and none was found on PATH\.\nInstall one, for example:/);
});

test('with only old ones the message names them', posixOnly, () => {
  const old = python('python3', [3, 8, 18]);
  assert.throws(findPython, { message: new RegExp(`found only 3\\.8\\.18 \\(${old}\\)`) });
});

test('a missing venv module is named with the package that has it', posixOnly, () => {
  python('python3', [3, 11, 2], { venv: false });
  assert.throws(findPython, /has no `venv` module[\s\S]*sudo apt install python3\.11-venv/);
});

test('a named Python is used or refused, never passed over', posixOnly, () => {
  python('python3', [3, 11, 7]);
  process.env.AIMET_GUIDELINES_PYTHON = python('mine', [3, 13, 0]);
  assert.equal(findPython().program, process.env.AIMET_GUIDELINES_PYTHON);
  process.env.AIMET_GUIDELINES_PYTHON = python('mine', [3, 9, 0]);
  assert.throws(findPython, /AIMET_GUIDELINES_PYTHON is Python 3\.9\.0 .*; 3\.10 or newer is needed/);
  process.env.AIMET_GUIDELINES_PYTHON = path.join(folder, 'none');
  assert.throws(findPython, /does not run as a Python 3/);
});
