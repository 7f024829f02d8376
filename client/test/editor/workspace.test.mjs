// The packaged extension in a real workbench: what concerns more than one file, and the editor around them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Editor, MODEL, REPAIRED, notebook, until } from './editor.mjs';

const timeout = 180_000;

let editor;
before(async () => {
  editor = await Editor.start();
});
after(() => editor.stop());
afterEach(async (context) => {
  if (!context.passed) await editor.screenshot(`failed-${context.name.replace(/\W+/g, '-')}`);
  editor.configure({});
});

/** The entries behind `{}` in the status bar. */
async function languageStatus() {
  await editor.page.locator('.statusbar-item[id="status.languageStatus"]').hover();
  const entries = editor.page.locator('.hover-language-status');
  await entries.first().waitFor();
  return (await entries.allInnerTexts()).map((text) => text.replace(/\s+/g, ' '));
}

test('a change of how a module is called is previewed, with its callers', { timeout }, async () => {
  const block = `from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = nn.Linear(4, 4)

    def forward(self, inputs):
        return {"a": self.a(inputs["x"]), "b": self.b(inputs["y"])}
`;
  const user = `import torch
from torch import nn

from block import Block


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        out = self.block({"x": x, "y": x})
        return out["b"], out["a"]


def train(batch):
    block = Block().eval()
    out = block(batch)
    return out["a"].sum()
`;
  const folder = editor.folder('signature', { 'block.py': block, 'user.py': user });
  await editor.open(folder, 'block.py', 11);
  await editor.squiggles().nth(1).waitFor();
  await editor.goTo(editor.line('return').getByText('"b"'));
  const menu = await editor.codeActions();
  assert.match(
    (await menu.first().innerText()).replaceAll('\u00a0', ' '),
    /in the workspace \(unsafe: other callers must follow\)/,
  );
  await editor.page.keyboard.press('Enter');
  const preview = editor.page.locator('.bulk-edit-panel');
  await preview.getByText('Apply', { exact: true }).waitFor();
  const files = preview.locator('.monaco-list-row[aria-level="1"]');
  await until(async () => (await files.count()) === 2, 'two files in the preview');
  await until(async () => (await preview.locator('.monaco-list-row[aria-level="2"]').count()) === 3, 'three changes');
  await editor.screenshot('signature-preview');
  assert.equal(fs.readFileSync(path.join(folder, 'block.py'), 'utf8'), block);
  for (const file of await files.all()) await file.locator('input[type="checkbox"], .monaco-checkbox').first().click();
  await editor.screenshot('signature-preview-checked');
  await preview.getByText('Apply', { exact: true }).click();
  await editor.line('return self.a').waitFor();
  await editor.command('File: Save All Files');
  const saved = (name) => fs.readFileSync(path.join(folder, name), 'utf8');
  const expected = user.replace('out["b"], out["a"]', 'out[1], out[0]').replace('out["a"].sum()', 'out[0].sum()');
  await until(() => saved('user.py') === expected, 'the callers to be saved');
  assert.equal(
    saved('block.py'),
    block.replace('{"a": self.a(inputs["x"]), "b": self.b(inputs["y"])}', 'self.a(inputs["x"]), self.b(inputs["y"])'),
  );
});

test('each folder of a workspace has its own settings', { timeout }, async () => {
  const folder = editor.folder('several', {
    'a/first.py': MODEL,
    'a/.vscode/settings.json': '{ "aimetGuidelines.ignore": ["AIMET101"] }',
    'b/second.py': MODEL,
    'b/pyproject.toml': '[tool.aimet-guidelines.severity]\nAIMET101 = "error"\n',
    'c/third.py': MODEL,
    'all.code-workspace': JSON.stringify({ folders: ['a', 'b', 'c'].map((name) => ({ path: name })), settings: {} }),
  });
  await editor.openWorkspace(path.join(folder, 'all.code-workspace'));
  const rows = await editor.problems();
  await rows.filter({ hasText: 'third.py' }).waitFor();
  await rows.filter({ hasText: 'second.py' }).waitFor();
  assert.equal(await rows.filter({ hasText: 'first.py' }).count(), 0);
  assert.equal(await rows.locator('.codicon-error').count(), 1);
  assert.equal(await rows.locator('.codicon-warning').count(), 1);
  await editor.screenshot('several-folders');
});

test(
  'the check of a large workspace shows its progress, lets a person type, and is cancelled',
  { timeout },
  async () => {
    const classes = Array.from({ length: 5 }, (_, number) =>
      MODEL.slice(MODEL.indexOf('class')).replace('Net', `Net${number}`),
    );
    const text = MODEL.slice(0, MODEL.indexOf('class')) + classes.join('\n\n');
    const names = Array.from({ length: 3000 }, (_, number) => `part${number % 40}/net${number}.py`);
    const folder = editor.folder('large', Object.fromEntries(names.map((name) => [name, text])));
    await editor.open(folder, names[0], 11);
    await editor.squiggles().first().waitFor();
    const progress = editor.page.locator('.statusbar-item', { hasText: /AIMET: (reading|checking) \d+\/3000 files/ });
    await progress.waitFor();
    await editor.line('return F.relu').first().click();
    await editor.page.keyboard.press('End');
    const times = [];
    for (let number = 0; number < 5; number += 1) {
      const before = await editor.squiggles().count();
      await editor.page.keyboard.type(' + F.silu(x');
      const start = Date.now();
      await editor.page.keyboard.type(')');
      await until(async () => (await editor.squiggles().count()) > before, 'the new squiggle');
      times.push(Date.now() - start);
    }
    times.sort((a, b) => a - b);
    assert.ok(times[2] < 3000, `the median answer took ${times[2]} ms`);
    await progress.click();
    const notification = editor.page.locator('.notifications-center .monaco-list-row, .notification-toast', {
      hasText: 'AIMET',
    });
    await notification.first().waitFor();
    await editor.screenshot('progress');
    await notification.first().getByText('Cancel').click();
    await progress.waitFor({ state: 'detached' });
    const cancelled = 'The check of the workspace was cancelled; closed files may be missing';
    await until(async () => (await languageStatus())[0].includes(cancelled), 'the status');
    assert.doesNotMatch((await languageStatus())[0], /3000 files checked/);
  },
);

test('mistakes in pyproject.toml are underlined on their lines', { timeout }, async () => {
  const folder = editor.folder('mistaken', {
    'net.py': MODEL,
    'pyproject.toml': '[tool.aimet-guidelines]\nselct = ["AIMET101"]\naimet-version = "3.x"\nignore = ["AIMET304"]\n',
  });
  await editor.open(folder, 'pyproject.toml');
  await until(async () => (await editor.squiggles('warning').count()) === 2, 'two mistakes');
  const rows = await editor.problems();
  await rows
    .filter({ hasText: 'selct is not a setting; did you mean "select"?' })
    .filter({ hasText: '[Ln 2, Col 1]' })
    .waitFor();
  await editor.screenshot('pyproject');
});

test('the status says what is switched off, and why', { timeout }, async () => {
  const folder = editor.folder('off', {
    'net.py': MODEL,
    'pyproject.toml': '[tool.aimet-guidelines]\nignore = ["AIMET101", "AIMET304"]\n',
  });
  await editor.open(folder, 'net.py');
  await until(async () => (await languageStatus())[0].includes('Switched off'), 'the status');
  const [findings, runtime] = await languageStatus();
  assert.match(
    findings,
    /^AIMET: no problems .*1 file checked\. Switched off by \S*pyproject\.toml: AIMET101, AIMET304\./,
  );
  assert.match(runtime, /^AIMET server: Python 3\.\d+\.\d+ .*python\S* \(PATH\)/);
  await editor.screenshot('switched-off');
});

test('the setting alone writes a trace of the messages', { timeout }, async () => {
  const folder = editor.folder('traced', {
    'net.py': MODEL,
    '.vscode/settings.json': '{ "aimetGuidelines.trace.server": "messages" }',
  });
  await editor.open(folder, 'net.py');
  await editor.squiggles().first().waitFor();
  await until(() => editor.log('AIMET Model Guidelines Trace').includes('textDocument/didOpen'), 'the trace');
  assert.doesNotMatch(editor.log(), /textDocument\/didOpen/);
});

test('notebooks are repaired on save, cell by cell, and forgotten when they are closed', { timeout }, async () => {
  const [head, net] = MODEL.trimEnd().split('\n\n\n');
  const cells = [
    `%matplotlib inline\n!pip install torch\n${head}`,
    '%%bash\nfor f in *; do',
    `%%time\n${net}`,
    net.replace('Net', 'Two'),
  ];
  editor.configure({ 'notebook.codeActionsOnSave': { 'source.fixAll.aimet': 'explicit' } });
  const folder = editor.folder('notebooks', { 'model.ipynb': notebook(...cells), 'README.md': '' });
  await editor.open(folder, 'README.md');
  await editor.open(folder, 'model.ipynb');
  await editor.squiggles().first().waitFor();
  const rows = await editor.problems();
  await rows.filter({ hasText: 'model.ipynb' }).waitFor();
  await editor.line('import torch.nn.functional').click();
  await editor.page.keyboard.press('Control+End');
  await editor.page.keyboard.type('\n');
  await editor.save();
  const repaired = REPAIRED.trimEnd().split('\n\n\n')[1];
  const saved = JSON.parse(fs.readFileSync(path.join(folder, 'model.ipynb'), 'utf8'));
  assert.deepEqual(
    saved.cells.map(({ source }) => [source].flat().join('')),
    [`${cells[0]}\n`, cells[1], `%%time\n${repaired}`, repaired.replace('Net', 'Two')],
  );
  await editor.command('Undo');
  await editor.command('View: Close All Editors');
  await editor.page
    .getByText("Don't Save")
    .click({ timeout: 3000 })
    .catch(() => undefined);
  await until(async () => (await rows.filter({ hasText: 'model.ipynb' }).count()) === 0, 'the findings to go');
});
