// Notebooks: their cells are one module.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const vscode = require('vscode');
const { MODEL, REPAIRED, act, codes, ours, reports, until, write } = require('./support.cjs');

const cell = (source) => ({ cell_type: 'code', execution_count: null, metadata: {}, outputs: [], source });
const notebook = (...cells) =>
  JSON.stringify({
    cells: cells.map(cell),
    metadata: { language_info: { name: 'python' } },
    nbformat: 4,
    nbformat_minor: 5,
  });
const [HEAD, NET] = MODEL.trimEnd().split('\n\n\n');
const REPAIRED_NET = REPAIRED.trimEnd().split('\n\n\n')[1];

async function open(name, ...cells) {
  const file = write(name, notebook(...cells));
  const document = await vscode.workspace.openNotebookDocument(file);
  await vscode.window.showNotebookDocument(document);
  return { file, document, cells: document.getCells().map((each) => each.document) };
}

const saved = (file) =>
  JSON.parse(fs.readFileSync(file.fsPath, 'utf8')).cells.map(({ source }) => [source].flat().join(''));

module.exports = {
  async 'what only IPython understands is read as blank'() {
    const magics = '%matplotlib inline\n!pip install torch\npip install torch\nfiles = !ls\nnn.Module?\n?nn.Conv2d\n';
    const { cells } = await open(
      'magics.ipynb',
      magics + HEAD,
      '%%bash\nfor f in *; do echo "F.relu(x)"',
      `%%time\n${NET}`,
      'net = Net()\nnet??\nif True:\n    !ls {net}\nout = %time net(1)',
    );
    await reports(cells[2].uri, 'AIMET101');
    assert.equal(ours(cells[2].uri)[0].range.start.line, 7);
    for (const index of [0, 1, 3]) assert.deepEqual(codes(cells[index].uri), []);
  },

  async 'a finding is repaired in its cell, whatever comes before it'() {
    const { file, document, cells } = await open('repair.ipynb', HEAD, NET, NET.replace('Net', 'Other'));
    await reports(cells[2].uri, 'AIMET101');
    await act(cells[2], 'F.relu', /\(safe\)$/);
    await reports(cells[2].uri);
    await reports(cells[1].uri, 'AIMET101');
    await document.save();
    assert.deepEqual(saved(file), [HEAD, NET, REPAIRED_NET.replace('Net', 'Other')]);
  },

  async 'a finding is ignored on its line, in its cell'() {
    const { cells } = await open('ignore.ipynb', HEAD, NET);
    await reports(cells[1].uri, 'AIMET101');
    await act(cells[1], 'F.relu', 'Ignore AIMET101 on this line');
    assert.ok(cells[1].getText().endsWith('(x))  # aimet: ignore[AIMET101]'));
    await reports(cells[1].uri);
  },

  async 'the command repairs every cell'() {
    const { file, document, cells } = await open('command.ipynb', HEAD, NET, NET.replace('Net', 'Other'));
    await reports(cells[2].uri, 'AIMET101');
    await vscode.commands.executeCommand('aimetGuidelines.fixFile');
    for (const each of cells) await reports(each.uri);
    await document.save();
    assert.deepEqual(saved(file), [HEAD, REPAIRED_NET, REPAIRED_NET.replace('Net', 'Other')]);
  },

  async 'cells that come, go and move change what is found'() {
    const { document, cells } = await open('moving.ipynb', HEAD, NET);
    await reports(cells[1].uri, 'AIMET101');
    const change = async (...edits) => {
      const edit = new vscode.WorkspaceEdit();
      edit.set(document.uri, edits);
      await vscode.workspace.applyEdit(edit);
    };
    const code = (text) => new vscode.NotebookCellData(vscode.NotebookCellKind.Code, text, 'python');
    await change(vscode.NotebookEdit.deleteCells(new vscode.NotebookRange(0, 1)));
    await reports(cells[1].uri);
    await change(vscode.NotebookEdit.insertCells(0, [code(HEAD), code('x = 1\ny = 2')]));
    await reports(cells[1].uri, 'AIMET101');
    assert.equal(ours(cells[1].uri)[0].range.start.line, 6);
    await change(vscode.NotebookEdit.insertCells(3, [code(NET.replace('Net', 'Third'))]));
    const third = document.cellAt(3).document;
    await reports(third.uri, 'AIMET101');
    await change(vscode.NotebookEdit.deleteCells(new vscode.NotebookRange(3, 4)));
    await until(() => ours(third.uri).length === 0, 'the findings of the deleted cell to go');
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  },
};
