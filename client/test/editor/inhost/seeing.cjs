// What is shown of a finding besides its message.
const assert = require('node:assert/strict');
const vscode = require('vscode');
const { MODEL, reports, show, until, withSettings, write } = require('./support.cjs');

async function hovered(document, text) {
  const at = document.positionAt(document.getText().indexOf(text) + 1);
  const hovers = await vscode.commands.executeCommand('vscode.executeHoverProvider', document.uri, at);
  return hovers.flatMap(({ contents }) => contents.map((each) => each.value ?? each)).join('\n');
}

async function lenses(document) {
  const found = await vscode.commands.executeCommand('vscode.executeCodeLensProvider', document.uri, 100);
  return found.map(({ range, command }) => [range.start.line, command]);
}

module.exports = {
  async 'a hover has the guideline, an example, and leads on'() {
    const document = await show(write('hover.py', MODEL));
    await reports(document.uri, 'AIMET101');
    const text = await hovered(document, 'F.relu');
    for (const part of [
      '**AIMET101 functional-layer**',
      'The guideline says: "Define modules using class definitions',
      'Quick fix: Define `self.relu = nn.ReLU()` and call it (safe)',
      '[The whole page](command:aimetGuidelines.explainRule?%5B%22AIMET101%22%5D)',
      "[AIMET's guideline](https://",
      '**Example**',
      '**Use instead**',
    ]) {
      assert.ok(text.includes(part), `${part} is missing in\n${text}`);
    }
    assert.equal(await hovered(document, 'self.conv = '), '');
  },

  async 'the codes inside an ignore comment have a hover'() {
    const comment = '# aimet: ignore[AIMET101, view]';
    const document = await show(write('comment.py', MODEL.replace('(x))\n', `(x))  ${comment}\n`)));
    await reports(document.uri, 'AIMET001');
    assert.match(await hovered(document, 'AIMET101, '), /^\*\*AIMET101 functional-layer\*\*/);
  },

  async 'a code lens counts a class, and repairs it'() {
    const document = await show(write('lens.py', MODEL.replace('self.conv(x)', 'x.view(-1, 64)')));
    await reports(document.uri, 'AIMET101', 'AIMET202');
    assert.deepEqual(await lenses(document), []);
    await withSettings({ 'aimetGuidelines.codeLens': true }, async () => {
      const [[line, command]] = await until(async () => {
        const found = await lenses(document);
        return found.length > 0 && found;
      }, 'a code lens');
      assert.equal(line, 4);
      assert.equal(command.title, 'AIMET: 2 issues, 1 safe fix');
      await vscode.commands.executeCommand(command.command, ...command.arguments);
      await reports(document.uri, 'AIMET202');
    });
  },
};
