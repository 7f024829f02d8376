// Which Python runs the server, and what happens when there is none that may.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { Editor, MODEL, until } from './editor.mjs';

const timeout = 180_000;

/** The program behind `python3`, which may be a script of a version manager. */
const python = () => execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();

describe('the interpreter', () => {
  let editor;
  before(async () => {
    editor = await Editor.start();
  });
  after(() => editor.stop());
  afterEach(async (context) => {
    if (!context.passed) await editor.screenshot(`failed-${context.name.replace(/\W+/g, '-')}`);
  });

  test('another one in the settings restarts the server once', { timeout }, async () => {
    const folder = editor.folder('ws', { 'net.py': MODEL });
    await editor.open(folder, 'net.py', 11);
    await editor.squiggles().first().waitFor();
    const starts = () => [...editor.log().matchAll(/Starting the server with (\S+) \((\w+)\)/g)];
    assert.equal(starts().length, 1);
    const other = path.join(editor.workbench.root, 'other-python');
    fs.symlinkSync(python(), other);
    editor.configure({}, { 'aimetGuidelines.interpreter': other });
    await until(() => starts().length > 1, 'a second start');
    assert.deepEqual(starts()[1].slice(1), [other, 'setting']);
    await editor.line('return F.relu').click();
    await editor.page.keyboard.press('End');
    await editor.page.keyboard.type(' + F.silu(x)');
    const rows = await editor.problems();
    await rows.filter({ hasText: 'F.silu' }).first().waitFor();
    assert.equal(starts().length, 2);
  });

  test('one that does not start is told with a way out, and the next one works', { timeout }, async () => {
    const folder = editor.folder('broken', { 'net.py': MODEL });
    const broken = path.join(editor.workbench.root, 'no-python');
    editor.configure({}, { 'aimetGuidelines.interpreter': broken });
    await editor.open(folder, 'net.py', 11);
    const toast = editor.toast(`The interpreter in the settings, ${broken}, does not start as a Python 3`);
    await toast.waitFor();
    await toast.getByText('Select Interpreter').waitFor();
    await editor.screenshot('no-interpreter');
    assert.equal(await editor.page.locator('.notification-toast').count(), 1);
    await toast.getByText('Show Logs').click();
    await editor.output();
    editor.configure({});
    await editor.squiggles().first().waitFor();
  });
});

test('an untrusted workspace is read, and nothing in it is started', { timeout }, async (context) => {
  const editor = await Editor.start({ trust: false, settings: { 'security.workspace.trust.startupPrompt': 'never' } });
  try {
    const marker = path.join(editor.workbench.root, 'started');
    const spy = `import pathlib; pathlib.Path(${JSON.stringify(marker)}).touch()\n`;
    const folder = editor.folder('untrusted', {
      'net.py': MODEL,
      '.vscode/settings.json': '{ "aimetGuidelines.interpreter": "${workspaceFolder}/.venv/bin/python" }',
      '.venv/bin/python': `#!/bin/sh\ntouch '${marker}'\nexec python3 "$@"\n`,
      'sitecustomize.py': spy,
      'pygls/__init__.py': spy,
      'lsprotocol.py': spy,
      'aimet_guidelines/__main__.py': spy,
    });
    fs.chmodSync(path.join(folder, '.venv/bin/python'), 0o755);
    await editor.open(folder, 'net.py', 11);
    await editor.squiggles().first().waitFor();
    await editor.screenshot('untrusted');
    assert.match(editor.log(), /untrusted workspace/);
    assert.equal(fs.existsSync(marker), false);
  } catch (error) {
    await editor.screenshot(`failed-${context.name.replace(/\W+/g, '-')}`);
    throw error;
  } finally {
    await editor.stop();
  }
});
