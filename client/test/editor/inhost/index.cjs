// Runs inside the extension host, where the extension's own code runs: `run` resolves where everything holds.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vscode = require('vscode');

const MODEL = `import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return F.relu(self.conv(x))
`;
const EXTENSION = 'aimet-guidelines.aimet-guidelines';

async function until(condition, what, milliseconds = 30_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, `waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const ours = (uri) => vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'AIMET');
const codes = (uri) => ours(uri).map(({ code }) => (typeof code === 'object' ? code.value : code));

async function actions(uri, range, kind) {
  return vscode.commands.executeCommand('vscode.executeCodeActionProvider', uri, range, kind.value, 100);
}

const tests = {
  async 'every command of the manifest is registered'() {
    const extension = vscode.extensions.getExtension(EXTENSION);
    await extension.activate();
    const registered = await vscode.commands.getCommands(true);
    for (const { command } of extension.packageJSON.contributes.commands)
      assert.ok(registered.includes(command), command);
  },

  async 'an untitled document is checked and repaired, in one undo step'() {
    const document = await vscode.workspace.openTextDocument({ language: 'python', content: MODEL });
    await vscode.window.showTextDocument(document);
    await until(() => codes(document.uri).includes('AIMET101'), 'a finding in the untitled document');
    await vscode.commands.executeCommand('aimetGuidelines.fixFile');
    await until(() => document.getText().includes('self.relu = nn.ReLU()'), 'the repair');
    await until(() => ours(document.uri).length === 0, 'the finding to go');
    await vscode.commands.executeCommand('undo');
    assert.equal(document.getText(), MODEL);
  },

  async 'findings have related places, a link, and repairs that say how safe they are'(folder) {
    const file = vscode.Uri.file(path.join(folder, 'reused.py'));
    const source = MODEL.replace('3)\n', '3)\n        self.act = nn.ReLU()\n');
    fs.writeFileSync(file.fsPath, source.replace('F.relu(self.conv(x))', 'self.act(self.conv(self.act(x)))'));
    await until(() => codes(file).includes('AIMET102'), 'a finding in a file that is not open');
    const [finding] = ours(file);
    assert.equal(finding.relatedInformation.length, 2);
    assert.match(finding.code.target.toString(), /^https:/);
    const document = await vscode.workspace.openTextDocument(file);
    await vscode.window.showTextDocument(document);
    const found = await until(async () => {
      const offered = await actions(file, finding.range, vscode.CodeActionKind.QuickFix);
      return offered.length > 0 && offered;
    }, 'code actions');
    assert.ok(found.some(({ isPreferred, edit }) => isPreferred && edit.entries().length === 1));
  },

  async 'a changed setting is taken over without a restart'(folder) {
    const file = vscode.Uri.file(path.join(folder, 'setting.py'));
    fs.writeFileSync(file.fsPath, MODEL);
    await until(() => codes(file).includes('AIMET101'), 'the finding in a file that is not open');
    const settings = vscode.workspace.getConfiguration('aimetGuidelines');
    await settings.update('ignore', ['functional-layer'], vscode.ConfigurationTarget.Workspace);
    await until(() => ours(file).length === 0, 'the ignored rule to be silent');
    await settings.update('ignore', undefined, vscode.ConfigurationTarget.Workspace);
    await until(() => codes(file).includes('AIMET101'), 'the finding to come back');
    fs.rmSync(file.fsPath);
    await until(() => ours(file).length === 0, 'the findings of a deleted file to go');
  },

  async 'the server that crashes is started again'(folder) {
    const file = vscode.Uri.file(path.join(folder, 'crash.py'));
    fs.writeFileSync(file.fsPath, MODEL);
    await until(() => codes(file).includes('AIMET101'), 'the finding');
    for (const name of fs.readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      if (isServer(name)) process.kill(Number(name), 'SIGKILL');
    }
    await until(() => ours(file).length === 0, 'the findings of the ended server to go');
    await until(() => codes(file).includes('AIMET101'), 'the findings of the next one');
  },
};

/** Whether a process is the language server of this extension host. */
function isServer(pid) {
  try {
    const parent = /^PPid:\s*(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
    return Number(parent) === process.pid && fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('launch.py\0lsp');
  } catch {
    return false;
  }
}

exports.run = async () => {
  const folder = vscode.workspace.workspaceFolders[0].uri.fsPath;
  const results = [];
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test(folder);
      results.push({ name });
    } catch (error) {
      results.push({ name, error: error.stack });
    }
  }
  fs.writeFileSync(path.join(folder, 'results.json'), JSON.stringify(results));
  if (results.some(({ error }) => error)) throw new Error('tests failed');
};
