// The packaged extension in a real workbench: what a person sees and does with a model's file.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Editor, MODEL, REPAIRED, notebook, until } from './editor.mjs';

const EXAMPLES = path.resolve(import.meta.dirname, '../../../examples');
const CLASSIFIER = fs.readFileSync(path.join(EXAMPLES, 'residual_classifier.py'), 'utf8');
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

/** What the command line makes of a text. */
function repairedByCommandLine(text) {
  const launch = path.join(editor.extension, 'bundled', 'launch.py');
  const args = ['-I', '-X', 'utf8', launch, 'fix', '-', '--stdin-filename', path.join(editor.workbench.root, 'x.py')];
  const { stdout, status, stderr } = spawnSync('python3', args, { input: text, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

test('findings are underlined and listed, a quick fix is one undo step and reaches the disk', { timeout }, async () => {
  const folder = editor.folder('classifier', { 'residual_classifier.py': CLASSIFIER });
  await editor.open(folder, 'residual_classifier.py', 40);
  await editor.squiggles('warning').first().waitFor();
  await editor.screenshot('squiggles');
  const rows = await editor.problems();
  const tanh = rows.filter({ hasText: 'torch.tanh' });
  await tanh.waitFor();
  assert.match((await tanh.innerText()).replace(/\s+/g, ' '), /AIMET ?AIMET101 ?\[Ln 46, Col 20\]/);
  await editor.screenshot('problems');
  await tanh.dblclick();
  // Until the editor has the focus, it could take it from the command palette.
  await editor.page.locator('.statusbar-item', { hasText: 'Ln 46' }).waitFor();
  await editor.command('View: Toggle Panel Visibility');
  await editor.page.keyboard.press('ArrowLeft');
  const menu = await editor.codeActions();
  const titles = (await menu.allInnerTexts()).map((title) => title.replaceAll('\u00a0', ' '));
  assert.match(titles[0], /self\.tanh = nn\.Tanh\(\)/);
  assert.ok(titles.includes('Ignore AIMET101 on this line'));
  await editor.screenshot('quick-fix');
  await editor.page.keyboard.press('Enter');
  await editor.line('features = self.tanh').waitFor();
  await editor.command('Undo');
  await editor.line('features = torch.tanh').waitFor();
  await editor.command('Redo');
  await editor.save();
  const saved = fs.readFileSync(path.join(folder, 'residual_classifier.py'), 'utf8');
  assert.equal(
    saved,
    CLASSIFIER.replace('torch.tanh(', 'self.tanh(').replace(
      /(\n +self\.fc1 = .*)/,
      '$1\n        self.tanh = nn.Tanh()',
    ),
  );
});

test('fix all in the file does what the command line does', { timeout }, async () => {
  const folder = editor.folder('fix-all', { 'residual_classifier.py': CLASSIFIER });
  await editor.open(folder, 'residual_classifier.py', 40);
  await editor.squiggles().first().waitFor();
  await editor.command('AIMET: Fix All Safe Problems in This File');
  await editor.line('x = self.dropout(features)').waitFor();
  await editor.squiggles('error').first().waitFor();
  await until(async () => (await editor.squiggles('warning').count()) <= 1, 'the repaired findings to go');
  await editor.screenshot('fix-all');
  await editor.save();
  const saved = fs.readFileSync(path.join(folder, 'residual_classifier.py'), 'utf8');
  assert.notEqual(saved, CLASSIFIER);
  assert.equal(saved, repairedByCommandLine(CLASSIFIER));
});

test('the workspace is repaired after a question or a preview', { timeout }, async () => {
  const files = { 'one.py': MODEL, 'two.py': MODEL, 'clean.py': REPAIRED };
  const folder = editor.folder('workspace', files);
  await editor.open(folder, 'one.py', 11);
  await editor.squiggles().first().waitFor();
  await editor.command('AIMET: Fix All Safe Problems in the Workspace...');
  const dialog = editor.page.locator('.monaco-dialog-box');
  await dialog.getByText('Apply the safe repairs to 2 files?').waitFor();
  await editor.screenshot('fix-workspace');
  await dialog.getByText('Review Changes', { exact: true }).click();
  const preview = editor.page.locator('.bulk-edit-panel');
  await preview.waitFor();
  await editor.screenshot('preview');
  await preview.getByText('Discard').click();
  assert.equal(fs.readFileSync(path.join(folder, 'two.py'), 'utf8'), MODEL);
  await editor.command('AIMET: Fix All Safe Problems in the Workspace...');
  await dialog.getByText('Repair All', { exact: true }).click();
  for (const name of ['one.py', 'two.py']) {
    await until(() => fs.readFileSync(path.join(folder, name), 'utf8') === REPAIRED, `${name} to be repaired`);
  }
  assert.equal(fs.readFileSync(path.join(folder, 'clean.py'), 'utf8'), REPAIRED);
});

test('source.fixAll.aimet repairs on save', { timeout }, async () => {
  const folder = editor.folder('on-save', { 'net.py': MODEL });
  editor.configure({ 'editor.codeActionsOnSave': { 'source.fixAll.aimet': 'explicit' } });
  await editor.open(folder, 'net.py', 11);
  await editor.squiggles().first().waitFor();
  await editor.line('return F.relu').click();
  await editor.page.keyboard.press('Control+End');
  await editor.page.keyboard.type('# end');
  await editor.save();
  assert.equal(fs.readFileSync(path.join(folder, 'net.py'), 'utf8'), `${REPAIRED}# end`);
});

test('a plain source.fixAll on save rewrites no model unless the setting asks for it', { timeout }, async () => {
  const folder = editor.folder('every-fix-all', { 'net.py': MODEL });
  editor.configure({ 'editor.codeActionsOnSave': { 'source.fixAll': 'explicit' } });
  await editor.open(folder, 'net.py', 11);
  await editor.squiggles().first().waitFor();
  await editor.line('return F.relu').click();
  await editor.page.keyboard.press('Control+End');
  await editor.page.keyboard.type('# end');
  await editor.save();
  assert.equal(fs.readFileSync(path.join(folder, 'net.py'), 'utf8'), `${MODEL}# end`);
});

test('while a statement is half typed, the findings of the others stay and follow', { timeout }, async () => {
  const folder = editor.folder('half-typed', { 'net.py': MODEL });
  editor.configure({ 'editor.autoClosingBrackets': 'never' });
  await editor.open(folder, 'net.py', 1);
  await editor.squiggles().first().waitFor();
  const top = (await editor.squiggles().first().boundingBox()).y;
  await editor.line('from torch import nn').click();
  await editor.page.keyboard.press('End');
  await editor.page.keyboard.type('\n\nbroken = torch.tensor([1, 2');
  await until(async () => (await editor.squiggles().first().boundingBox())?.y > top + 30, 'the squiggle to move down');
  assert.equal(await editor.squiggles().count(), 1);
  const rows = await editor.problems();
  await rows.filter({ hasText: '[Ln 13, Col 16]' }).waitFor();
  await editor.screenshot('half-typed');
});

test('cells of a notebook are one module; finding and repair are in their cell', { timeout }, async () => {
  const cells = [
    '%matplotlib inline\nimport torch.nn.functional as F\nfrom torch import nn',
    MODEL.split('\n\n\n')[1].trimEnd(),
  ];
  const folder = editor.folder('notebook', { 'model.ipynb': notebook(...cells) });
  await editor.open(folder, 'model.ipynb');
  await editor.squiggles().first().waitFor();
  assert.equal(await editor.squiggles().count(), 1);
  await editor.screenshot('notebook');
  await editor.goTo(editor.squiggles().first());
  const menu = await editor.codeActions();
  assert.match((await menu.first().innerText()).replaceAll('\u00a0', ' '), /self\.relu = nn\.ReLU\(\)/);
  await editor.page.keyboard.press('Enter');
  await editor.line('return self.relu').waitFor();
  await editor.save();
  const saved = JSON.parse(fs.readFileSync(path.join(folder, 'model.ipynb'), 'utf8'));
  assert.equal([saved.cells[1].source].flat().join(''), REPAIRED.split('\n\n\n')[1].trimEnd());
  assert.equal([saved.cells[0].source].flat().join(''), cells[0]);
});

test('a workspace of 300 files is listed without opening any, and kept up to date', { timeout }, async () => {
  const names = Array.from({ length: 300 }, (_, index) => `models/net${String(index).padStart(3, '0')}.py`);
  const folder = editor.folder('many', {
    'README.md': '# many\n',
    ...Object.fromEntries(names.map((name) => [name, MODEL])),
  });
  await editor.open(folder);
  await editor.problems();
  const badge = editor.page.locator('.part.panel .action-item', { hasText: 'Problems' }).locator('.badge-content');
  const count = async () => Number(await badge.innerText().catch(() => 0));
  await until(async () => (await count()) === 300, 'all 300 findings');
  await editor.screenshot('many-files');
  fs.writeFileSync(path.join(folder, names[7]), REPAIRED);
  fs.rmSync(path.join(folder, names[8]));
  await until(async () => (await count()) === 298, 'a repaired and a deleted file to be gone');
});

test('ignore comments have colours and a hover, and silence their line', { timeout }, async () => {
  const ignored = MODEL.replace('self.conv(x))', 'self.conv(x))  # aimet: ignore[AIMET101]');
  const folder = editor.folder('ignored', { 'net.py': ignored, 'other.py': MODEL });
  await editor.open(folder, 'net.py', 11);
  const code = editor.line('aimet: ignore').getByText('AIMET101', { exact: true });
  const color = (place) => place.evaluate((element) => getComputedStyle(element).color);
  await until(async () => (await code.count()) === 1, 'the code to have its own colour');
  const rows = await editor.problems();
  await rows.filter({ hasText: 'other.py' }).waitFor();
  assert.equal(await rows.filter({ hasText: 'net.py' }).count(), 0);
  await editor.command('View: Toggle Panel Visibility');
  const comment = editor.line('aimet: ignore').getByText('#', { exact: false }).first();
  assert.notEqual(await color(code), await color(comment));
  await code.hover();
  const hover = editor.page.locator('.monaco-hover:visible', { hasText: 'functional-layer' });
  await hover.first().waitFor();
  await editor.screenshot('ignore-comment');
});

test('the page of a rule opens as rendered Markdown', { timeout }, async () => {
  const folder = editor.folder('explain', { 'net.py': MODEL });
  await editor.open(folder, 'net.py');
  await editor.squiggles().first().waitFor();
  await editor.command('AIMET: Explain a Rule...');
  await editor.pick('AIMET102');
  await editor.page.mouse.move(640, 600);
  const page = editor.page.frameLocator('iframe.webview').frameLocator('#active-frame');
  await page.locator('h1', { hasText: 'AIMET102 reused-module' }).waitFor();
  await page.locator('h2', { hasText: 'Why AIMET needs it' }).waitFor();
  await editor.screenshot('explain');
});

test('hover, code lens and status tell what is wrong', { timeout }, async () => {
  editor.configure({ 'aimetGuidelines.codeLens': true });
  const folder = editor.folder('seeing', { 'net.py': MODEL });
  await editor.open(folder, 'net.py', 11);
  await editor.squiggles().first().waitFor();
  await editor.page.locator('.codelens-decoration', { hasText: 'AIMET: 1 issue, 1 safe fix' }).waitFor();
  await editor.squiggles().first().hover({ force: true });
  await editor.page.locator('.monaco-hover:visible', { hasText: 'AIMET101' }).first().waitFor();
  await editor.screenshot('hover');
  await editor.page.keyboard.press('Escape');
  await editor.page.locator('.statusbar-item[id="status.languageStatus"]').hover();
  const status = editor.page.locator('.hover-language-status', { hasText: 'AIMET: 1 warning' });
  await status.first().waitFor();
  await editor.page
    .locator('.hover-language-status', { hasText: /AIMET server: Python 3\.\d+/ })
    .first()
    .waitFor();
  await editor.screenshot('status');
});
