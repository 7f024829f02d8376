// Tests inside the extension host (inhost/index.cjs): the editor's own interfaces, as other extensions see them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Editor, until } from './editor.mjs';

test('inside the extension host', { timeout: 600_000 }, async (context) => {
  const { AIMET_GUIDELINES_INHOST = '' } = process.env;
  const editor = await Editor.start({ testDriver: true, env: { AIMET_GUIDELINES_INHOST } });
  try {
    const folder = editor.folder('ws', { 'README.md': '# models\n' });
    const tests = path.resolve(import.meta.dirname, 'inhost', 'index.cjs');
    await editor.openForTests(folder, tests);
    const file = path.join(folder, 'results.json');
    await until(() => fs.existsSync(file) && fs.statSync(file).size > 0, 'the results', 540_000);
    for (const { name, error } of JSON.parse(fs.readFileSync(file, 'utf8'))) {
      await context.test(name, () => assert.ok(!error, error));
    }
  } finally {
    await editor.stop();
  }
});
