// What the tests inside the extension host share: models to write, and waiting for what the editor comes to know.
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
const REPAIRED = MODEL.replace('3, 8, 3)', '3, 8, 3)\n        self.relu = nn.ReLU()').replace('F.relu(', 'self.relu(');
const QUICK_FIX = vscode.CodeActionKind.QuickFix;

async function until(condition, what, milliseconds = 30_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, `waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

const root = () => vscode.workspace.workspaceFolders[0].uri.fsPath;
const ours = (uri) => vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'AIMET');
const codes = (uri) => ours(uri).map(({ code }) => (typeof code === 'object' ? code.value : code));

/** Writes a file of the workspace; its URI. */
function write(name, text) {
  const file = path.join(root(), name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return vscode.Uri.file(file);
}

/** Removes a file or folder of the workspace. */
const remove = (name) => fs.rmSync(path.join(root(), name), { recursive: true, force: true });

/** Waits until exactly these rules are reported for a file, in order of position. */
async function reports(uri, ...expected) {
  const sorted = () => {
    const found = [...ours(uri)].sort((a, b) => a.range.start.compareTo(b.range.start));
    return found.map(({ code }) => (typeof code === 'object' ? code.value : code));
  };
  try {
    await until(() => JSON.stringify(sorted()) === JSON.stringify(expected), '');
  } catch {
    assert.fail(`${path.basename(uri.path)} has [${sorted()}], not [${expected}]`);
  }
}

/** Opens a document in an editor. */
async function show(uri, column) {
  const document = await vscode.workspace.openTextDocument(uri);
  await vscode.window.showTextDocument(document, { viewColumn: column, preview: false });
  return document;
}

/** The code actions at a text, when there are some: providers are asked again where another one registers. */
function actions(document, text, kind = QUICK_FIX) {
  const at = document.positionAt(document.getText().indexOf(text));
  const range = new vscode.Range(at, at.translate(0, text.length));
  return until(async () => {
    const found = await vscode.commands.executeCommand(
      'vscode.executeCodeActionProvider',
      document.uri,
      range,
      kind.value,
      100,
    );
    return found.length > 0 && found;
  }, `code actions at ${text}`);
}

/** Carries out the code action of that title at a text. */
async function act(document, text, title) {
  const found = await actions(document, text);
  const action = found.find((each) => (title instanceof RegExp ? title.test(each.title) : each.title === title));
  assert.ok(action, `${title} is not offered, but ${found.map((each) => each.title).join('; ')}`);
  assert.ok(await vscode.workspace.applyEdit(action.edit));
}

/** Runs with settings of the workspace, and takes them back. */
async function withSettings(settings, run) {
  const configuration = vscode.workspace.getConfiguration();
  const set = (value) => async (name) => configuration.update(name, value(name), vscode.ConfigurationTarget.Workspace);
  for (const name of Object.keys(settings)) await set((key) => settings[key])(name);
  try {
    await run();
  } finally {
    for (const name of Object.keys(settings)) await set(() => undefined)(name);
  }
}

async function closeAll() {
  while (vscode.window.activeTextEditor?.document.isDirty) {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  }
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
}

module.exports = {
  MODEL,
  REPAIRED,
  act,
  actions,
  closeAll,
  codes,
  ours,
  remove,
  reports,
  root,
  show,
  until,
  withSettings,
  write,
};
