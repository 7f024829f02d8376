// The extension as other extensions see it, and a server that ends.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const vscode = require('vscode');
const { MODEL, codes, ours, reports, show, until, write } = require('./support.cjs');

const EXTENSION = 'aimet-guidelines.aimet-guidelines';

/** Whether a process is the language server of this extension host. */
function isServer(pid) {
  try {
    const parent = /^PPid:\s*(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
    return Number(parent) === process.pid && fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('launch.py\0lsp');
  } catch {
    return false;
  }
}

module.exports = {
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

  async 'the outline of a file is left to others'() {
    const document = await show(write('outline.py', MODEL));
    await reports(document.uri, 'AIMET101');
    const symbols = await vscode.commands.executeCommand('vscode.executeDocumentSymbolProvider', document.uri);
    assert.deepEqual(symbols ?? [], []);
  },

  async 'the server that crashes is started again'() {
    const file = write('crash.py', MODEL);
    await reports(file, 'AIMET101');
    for (const name of fs.readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      if (isServer(name)) process.kill(Number(name), 'SIGKILL');
    }
    await until(() => ours(file).length === 0, 'the findings of the ended server to go');
    await reports(file, 'AIMET101');
  },
};
