// Every way to repair or to silence a finding.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const vscode = require('vscode');
const { MODEL, REPAIRED, act, actions, ours, reports, show, until, withSettings, write } = require('./support.cjs');

const HEAD = 'import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\n';

/** A class with two functionals, and its repair. */
const unit = (name) => `class ${name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return F.softmax(F.relu(self.fc(x)), dim=1)
`;
const repaired = (name) =>
  unit(name)
    .replace('(4, 4)\n', '(4, 4)\n        self.relu = nn.ReLU()\n        self.softmax = nn.Softmax(dim=1)\n')
    .replace('F.softmax(F.relu(self.fc(x)), dim=1)', 'self.softmax(self.relu(self.fc(x)))');
const TWO = `${HEAD}${unit('One')}\n\n${unit('Two')}`;

module.exports = {
  async 'a finding has related places and a link'() {
    const source = MODEL.replace('3)\n', '3)\n        self.act = nn.ReLU()\n');
    const file = write('reused.py', source.replace('F.relu(self.conv(x))', 'self.act(self.conv(self.act(x)))'));
    await until(() => ours(file).length === 1, 'a finding in a file that is not open');
    const [finding] = ours(file);
    assert.equal(finding.code.value, 'AIMET102');
    assert.equal(finding.relatedInformation.length, 2);
    assert.match(finding.code.target.toString(), /^https:/);
  },

  async 'each repair says in its title how safe it is, and a safe one is preferred'() {
    const body = 'x = F.relu(self.conv(x))\n        x = x.view(-1, 64)\n        return {"a": x}';
    const source = MODEL.replace('return F.relu(self.conv(x))', body);
    const document = await show(write('safety.py', source));
    await reports(document.uri, 'AIMET101', 'AIMET202', 'AIMET103');
    for (const [text, title, preferred] of [
      ['F.relu', 'Define `self.relu = nn.ReLU()` and call it (safe)', true],
      ['-1, 64', /\(unsafe: another shape, unless/, false],
      ['{"a"', /\(unsafe: other callers must follow\)$/, false],
    ]) {
      const [first] = await actions(document, text);
      if (title instanceof RegExp) assert.match(first.title, title);
      else assert.equal(first.title, title);
      assert.equal(Boolean(first.isPreferred), preferred);
    }
    const all = (await Promise.all(['F.relu', '-1, 64', '{"a"'].map((text) => actions(document, text)))).flat();
    const repairs = all.filter(({ title }) => !title.startsWith('Ignore ')).map(({ title }) => title);
    for (const title of repairs) assert.match(title, /\bsafe\b|\(unsafe\b/);
  },

  async 'one finding is repaired'() {
    const document = await show(write('one.py', MODEL));
    await reports(document.uri, 'AIMET101');
    await act(document, 'F.relu', /\(safe\)$/);
    assert.equal(document.getText(), REPAIRED);
    await reports(document.uri);
  },

  async 'all findings of one rule in the file are repaired, and those of the others are left'() {
    const reuse = MODEL.slice(MODEL.indexOf('class'))
      .replace('3)\n', '3)\n        self.act = nn.ReLU()\n')
      .replace('F.relu(self.conv(x))', 'self.act(self.conv(self.act(x)))');
    const document = await show(write('rule.py', `${TWO}\n\n${reuse}`));
    await until(() => ours(document.uri).length === 5, 'five findings');
    await act(document, 'F.softmax', 'Fix all AIMET101 in this file (4 safe)');
    assert.equal(document.getText(), `${HEAD}${repaired('One')}\n\n${repaired('Two')}\n\n${reuse}`);
    await reports(document.uri, 'AIMET102');
  },

  async 'all findings of one class are repaired, and those of the others are left'() {
    const document = await show(write('class.py', TWO));
    await until(() => ours(document.uri).length === 4, 'four findings');
    await act(document, 'F.softmax', 'Fix all safe AIMET findings in class One (2)');
    assert.equal(document.getText(), `${HEAD}${repaired('One')}\n\n${unit('Two')}`);
    await until(() => ours(document.uri).length === 2, 'the findings of the other class to stay');
  },

  async 'all findings of the file are repaired, and one undo takes it back'() {
    const document = await show(write('file.py', TWO));
    await until(() => ours(document.uri).length === 4, 'four findings');
    await act(document, 'F.softmax', 'Fix all safe AIMET findings in this file (4)');
    assert.equal(document.getText(), `${HEAD}${repaired('One')}\n\n${repaired('Two')}`);
    await reports(document.uri);
    await vscode.commands.executeCommand('undo');
    assert.equal(document.getText(), TWO);
    await until(() => ours(document.uri).length === 4, 'the findings to come back');
  },

  async 'a finding is ignored on its line'() {
    const document = await show(write('line.py', MODEL));
    await reports(document.uri, 'AIMET101');
    await act(document, 'F.relu', 'Ignore AIMET101 on this line');
    assert.equal(document.getText(), MODEL.replace('(x))\n', '(x))  # aimet: ignore[AIMET101]\n'));
    await reports(document.uri);
  },

  async 'a rule is ignored in the file'() {
    const document = await show(write('whole.py', TWO));
    await until(() => ours(document.uri).length === 4, 'four findings');
    await act(document, 'F.relu', 'Ignore AIMET101 in this file');
    assert.equal(document.getText(), `# aimet: ignore-file[AIMET101]\n${TWO}`);
    await reports(document.uri);
  },

  async 'unsafe repairs can be hidden'() {
    const document = await show(write('hidden.py', MODEL.replace('F.relu(self.conv(x))', 'x.view(-1, 64)')));
    await reports(document.uri, 'AIMET202');
    const titles = async () => (await actions(document, '-1, 64')).map(({ title }) => title);
    assert.ok((await titles()).some((title) => title.includes('unsafe')));
    await withSettings({ 'aimetGuidelines.showUnsafeFixes': false }, () =>
      until(async () => !(await titles()).some((title) => title.includes('unsafe')), 'the repair to be hidden'),
    );
  },

  async 'line ends, tabs and a byte order mark stay as they are'() {
    for (const [name, change] of [
      ['crlf.py', (text) => text.replaceAll('\n', '\r\n')],
      ['tabs.py', (text) => text.replaceAll('    ', '\t')],
      ['mark.py', (text) => `\ufeff${text}`],
      ['all.py', (text) => `\ufeff${text.replaceAll('    ', '\t').replaceAll('\n', '\r\n')}`],
    ]) {
      const document = await show(write(name, change(MODEL)));
      await reports(document.uri, 'AIMET101');
      await vscode.commands.executeCommand('aimetGuidelines.fixFile');
      await reports(document.uri);
      await document.save();
      assert.equal(fs.readFileSync(document.uri.fsPath, 'utf8'), change(REPAIRED), name);
    }
  },

  async 'a repair that was offered for an older text is made for the present one'() {
    const document = await show(write('stale.py', MODEL));
    await reports(document.uri, 'AIMET101');
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, new vscode.Position(0, 0), '# one more line\n');
    await vscode.workspace.applyEdit(edit);
    await act(document, 'F.relu', /\(safe\)$/);
    assert.equal(document.getText(), `# one more line\n${REPAIRED}`);
  },
};
