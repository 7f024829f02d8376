// What happens to files besides typing: on disk, by git, by the explorer; and which of them count.
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const vscode = require('vscode');
const {
  MODEL,
  REPAIRED,
  codes,
  ours,
  remove,
  reports,
  root,
  show,
  until,
  withSettings,
  write,
} = require('./support.cjs');

const reported = (folder) =>
  vscode.languages
    .getDiagnostics()
    .filter(([uri, found]) => uri.path.includes(`/${folder}/`) && found.some(({ source }) => source === 'AIMET'));

module.exports = {
  async 'what is excluded is not reported, and is when it no longer is'() {
    const file = write('left/out/net.py', MODEL);
    const beside = write('left/net.py', MODEL);
    await reports(file, 'AIMET101');
    await withSettings({ 'files.exclude': { '**/out': true } }, () => reports(file));
    await reports(file, 'AIMET101');
    await withSettings({ 'aimetGuidelines.exclude': ['left/out/'] }, () => reports(file));
    await reports(file, 'AIMET101');
    fs.mkdirSync(path.join(root(), '.git'), { recursive: true });
    write('left/.gitignore', 'out/\n');
    await reports(file);
    await reports(beside, 'AIMET101');
    remove('left/.gitignore');
    await reports(file, 'AIMET101');
    write('left/pyproject.toml', '[tool.aimet-guidelines]\nexclude = ["out"]\n');
    await reports(file);
    remove('left/pyproject.toml');
    await reports(file, 'AIMET101');
    remove('.git');
  },

  async 'virtual environments are never read'() {
    write('env/pyvenv.cfg', '');
    const inside = write('env/lib/net.py', MODEL);
    const beside = write('env.py', MODEL);
    await reports(beside, 'AIMET101');
    assert.deepEqual(ours(inside), []);
  },

  async 'a file is made, changed and deleted outside the editor'() {
    const file = write('outside/net.py', MODEL);
    await reports(file, 'AIMET101');
    write('outside/net.py', REPAIRED);
    await reports(file);
    write('outside/net.py', MODEL);
    await reports(file, 'AIMET101');
    remove('outside');
    await reports(file);
  },

  async 'a base class in another file decides what is a model'() {
    write('bases/base.py', 'from torch import nn\n\n\nclass Base(nn.Module):\n    pass\n');
    const text = MODEL.replace('(nn.Module)', '(Base)').replace('from torch', 'from base import Base\nfrom torch');
    const file = write('bases/net.py', text);
    await reports(file, 'AIMET101');
    write('bases/base.py', 'class Base:\n    pass\n');
    await reports(file);
    write('bases/base.py', 'from torch import nn\n\n\nclass Base(nn.Module):\n    pass\n');
    await reports(file, 'AIMET101');
  },

  async 'branches of a repository are checked out, with hundreds of files'() {
    const git = (...args) =>
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
        cwd: path.join(root(), 'repo'),
        stdio: 'pipe',
      });
    write('repo/README.md', '# models\n');
    git('init', '-q', '-b', 'empty');
    git('add', '.');
    git('commit', '-qm', 'nothing');
    git('checkout', '-qb', 'models');
    for (let number = 0; number < 300; number += 1) write(`repo/part${number % 10}/net${number}.py`, MODEL);
    git('add', '.');
    git('commit', '-qm', 'models');
    await until(() => reported('repo').length === 300, 'all 300 files');
    git('checkout', '-q', 'empty');
    await until(() => reported('repo').length === 0, 'none of them');
    git('checkout', '-q', 'models');
    await until(() => reported('repo').length === 300, 'all 300 files again');
    git('checkout', '-qb', 'repaired');
    for (let number = 0; number < 300; number += 1) write(`repo/part${number % 10}/net${number}.py`, REPAIRED);
    git('commit', '-qam', 'repaired');
    await until(() => reported('repo').length === 0, 'the repaired files');
    git('checkout', '-q', 'models');
    await until(() => reported('repo').length === 300, 'all 300 findings again');
    remove('repo');
    await until(() => reported('repo').length === 0, 'none of the deleted files');
  },

  async 'an open file that is renamed keeps its findings under its new name'() {
    const before = write('renamed/before.py', MODEL);
    await show(before);
    await reports(before, 'AIMET101');
    const after = vscode.Uri.file(before.fsPath.replace('before', 'after'));
    const edit = new vscode.WorkspaceEdit();
    edit.renameFile(before, after);
    await vscode.workspace.applyEdit(edit);
    await reports(after, 'AIMET101');
    await reports(before);
  },

  async 'an edit that is not saved counts, and is forgotten when it is thrown away'() {
    const document = await show(write('dirty.py', REPAIRED));
    await reports(document.uri);
    const edit = new vscode.WorkspaceEdit();
    edit.replace(document.uri, new vscode.Range(0, 0, document.lineCount, 0), MODEL);
    await vscode.workspace.applyEdit(edit);
    await reports(document.uri, 'AIMET101');
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await reports(document.uri);
  },

  async 'a file in two editors is reported once and repaired in both'() {
    const file = write('twice.py', MODEL);
    const document = await show(file, vscode.ViewColumn.One);
    await show(file, vscode.ViewColumn.Two);
    await reports(file, 'AIMET101');
    await vscode.commands.executeCommand('aimetGuidelines.fixFile');
    await reports(file);
    assert.deepEqual(
      vscode.window.visibleTextEditors.map((editor) => editor.document === document && document.getText() === REPAIRED),
      [true, true],
    );
  },

  async 'another language of a file counts'() {
    const document = await show(write('text.txt', MODEL));
    assert.deepEqual(codes(document.uri), []);
    const python = await vscode.languages.setTextDocumentLanguage(document, 'python');
    await reports(python.uri, 'AIMET101');
    await vscode.languages.setTextDocumentLanguage(python, 'plaintext');
    await reports(document.uri);
  },

  async 'typing in a file of 6,000 lines is answered at once'() {
    const body = MODEL.slice(MODEL.indexOf('class'));
    const classes = Array.from({ length: 600 }, (_, number) => body.replace('Net', `Net${number}`));
    const document = await show(write('long.py', MODEL.slice(0, MODEL.indexOf('class')) + classes.join('\n\n')));
    await until(() => ours(document.uri).length === 600, '600 findings');
    const times = [];
    for (let number = 1; number <= 10; number += 1) {
      const at = document.positionAt(document.getText().indexOf('self.conv(x)', document.getText().length / 2));
      const edit = new vscode.WorkspaceEdit();
      edit.insert(document.uri, at, 'F.silu(');
      edit.insert(document.uri, at.translate(0, 12), ')');
      const start = Date.now();
      await vscode.workspace.applyEdit(edit);
      await until(() => ours(document.uri).length === 600 + number, 'the new finding');
      times.push(Date.now() - start);
    }
    times.sort((a, b) => a - b);
    assert.ok(times[5] < 1000, `the median answer took ${times[5]} ms`);
  },
};
