// Settings of the workspace and of pyproject.toml, taken over without a restart.
const assert = require('node:assert/strict');
const vscode = require('vscode');
const { MODEL, actions, ours, remove, reports, show, until, withSettings, write } = require('./support.cjs');

const VIEW = MODEL.replace('self.conv(x)', 'x.view(-1, 64)');

/** Waits until the findings of a file have this severity. */
const severity = (uri, expected) =>
  until(() => ours(uri).length > 0 && ours(uri).every((each) => each.severity === expected), `severity ${expected}`);

module.exports = {
  async 'rules are selected, ignored, and ignored by file'() {
    const file = write('chosen/net.py', VIEW);
    const other = write('other/net.py', VIEW);
    await reports(file, 'AIMET101', 'AIMET202');
    await withSettings({ 'aimetGuidelines.select': ['fixed-view'] }, () => reports(file, 'AIMET202'));
    await withSettings({ 'aimetGuidelines.ignore': ['AIMET2'] }, () => reports(file, 'AIMET101'));
    await withSettings({ 'aimetGuidelines.perFileIgnores': { 'chosen/**': ['AIMET101'] } }, async () => {
      await reports(file, 'AIMET202');
      await reports(other, 'AIMET101', 'AIMET202');
    });
    await reports(file, 'AIMET101', 'AIMET202');
  },

  async 'a rule gets another severity, or is off'() {
    const file = write('severity.py', MODEL);
    await severity(file, vscode.DiagnosticSeverity.Warning);
    await withSettings({ 'aimetGuidelines.severity': { AIMET101: 'error' } }, () =>
      severity(file, vscode.DiagnosticSeverity.Error),
    );
    await withSettings({ 'aimetGuidelines.severity': { AIMET101: 'off' } }, () => reports(file));
    await severity(file, vscode.DiagnosticSeverity.Warning);
  },

  async 'the AIMET version grades the findings'() {
    const file = write('version.py', VIEW.replace('F.relu', ''));
    await severity(file, vscode.DiagnosticSeverity.Warning);
    await withSettings({ 'aimetGuidelines.aimetVersion': '2.x' }, () =>
      severity(file, vscode.DiagnosticSeverity.Information),
    );
  },

  async "AIMET's modules are offered as the setting says"() {
    const document = await show(write('sum.py', MODEL.replace('F.relu(self.conv(x))', 'self.conv(x) + x')));
    await reports(document.uri, 'AIMET301');
    const offered = (pattern) => async () =>
      (await actions(document, 'self.conv(x) +')).some(({ title }) => pattern.test(title));
    await until(offered(/Add.*\(unsafe: /), 'an unsafe repair');
    await withSettings({ 'aimetGuidelines.aimetModules': 'always' }, () =>
      until(offered(/Add.*\(safe\)/), 'a safe repair'),
    );
    await withSettings({ 'aimetGuidelines.aimetModules': 'never' }, () =>
      until(async () => !(await offered(/Add/)()), 'no repair'),
    );
  },

  async 'only open files are reported where that is set'() {
    const closed = write('mode/closed.py', MODEL);
    const open = write('mode/open.py', MODEL);
    await reports(closed, 'AIMET101');
    await show(open);
    await withSettings({ 'aimetGuidelines.diagnosticMode': 'openFilesOnly' }, async () => {
      await reports(closed);
      await reports(open, 'AIMET101');
    });
    await reports(closed, 'AIMET101');
  },

  async 'an open file is checked when it is saved where that is set'() {
    const document = await show(write('saved.py', MODEL));
    await reports(document.uri, 'AIMET101');
    await withSettings({ 'aimetGuidelines.run': 'onSave' }, async () => {
      const edit = new vscode.WorkspaceEdit();
      const at = document.positionAt(document.getText().indexOf('self.conv(x)'));
      edit.replace(document.uri, new vscode.Range(at, at.translate(0, 12)), 'F.silu(self.conv(x))');
      await vscode.workspace.applyEdit(edit);
      await new Promise((resolve) => setTimeout(resolve, 600));
      assert.equal(ours(document.uri).length, 1);
      await document.save();
      await reports(document.uri, 'AIMET101', 'AIMET101');
    });
  },

  async 'the nearest pyproject.toml wins over the settings of the editor'() {
    const far = write('project/net.py', VIEW);
    await reports(far, 'AIMET101', 'AIMET202');
    const near = write('project/pkg/net.py', VIEW);
    await reports(near, 'AIMET101', 'AIMET202');
    write('project/pyproject.toml', '[tool.aimet-guidelines]\nignore = ["AIMET202"]\n');
    await reports(far, 'AIMET101');
    await reports(near, 'AIMET101');
    write('project/pkg/pyproject.toml', '[tool.aimet-guidelines]\nselect = ["AIMET202"]\n');
    await reports(near, 'AIMET202');
    await withSettings({ 'aimetGuidelines.ignore': ['AIMET202'] }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 600));
      await reports(near, 'AIMET202');
    });
    remove('project/pkg/pyproject.toml');
    await reports(near, 'AIMET101');
    remove('project/pyproject.toml');
    await reports(near, 'AIMET101', 'AIMET202');
  },

  async 'mistakes in pyproject.toml are shown on their lines, and go with them'() {
    write('mistaken/net.py', MODEL);
    const file = write(
      'mistaken/pyproject.toml',
      [
        '[project]',
        'name = "mistaken"',
        '',
        '[tool.aimet-guidelines]',
        'selct = ["AIMET101"]',
        'ignore = ["AIMET999"]',
        'aimet-version = "3.x"',
        '',
        '[tool.aimet-guidelines.severity]',
        'AIMET101 = "fatal"',
        '',
      ].join('\n'),
    );
    const lines = () => ours(file).map(({ range, message }) => [range.start.line + 1, message]);
    await until(() => lines().length === 4, 'four mistakes');
    assert.deepEqual(
      lines().map(([line]) => line),
      [5, 6, 7, 10],
    );
    assert.match(lines()[0][1], /did you mean "select"/);
    write('mistaken/pyproject.toml', '[tool.aimet-guidelines]\nselect = ["AIMET101"\n');
    await until(() => lines().length === 1, 'the one mistake of a file that does not parse');
    write('mistaken/pyproject.toml', '[tool.aimet-guidelines]\nselect = ["AIMET101"]\n');
    await until(() => lines().length === 0, 'the mistakes to go');
  },
};
