// `npm run test:editor`: the packaged extension in a real workbench, driven in headless Chromium. Screenshots are left in
// artifacts/editor; `-- --update-screenshots` also puts the README's into media/screenshots. Other arguments go to Node's test runner: `npm run test:editor -- --test-name-pattern notebook`.
import fs from 'node:fs';
import { findChromium } from '../lib/chromium.mjs';
import { at } from '../lib/paths.mjs';
import { run } from '../lib/process.mjs';
import { prepareWorkbench } from '../lib/workbench.mjs';
import { packageHere } from './package.mjs';

const FOR_README = ['squiggles', 'quick-fix', 'problems', 'hover', 'explain', 'notebook', 'signature-preview'];
const UPDATE = '--update-screenshots';

export default async function testEditor(args) {
  const vsix = await packageHere();
  await prepareWorkbench();
  const env = { AIMET_GUIDELINES_VSIX: vsix, CHROMIUM: await findChromium() };
  fs.rmSync(at('artifacts', 'editor'), { recursive: true, force: true });
  const folder = at('client', 'test', 'editor');
  const tests = fs.readdirSync(folder).filter((name) => name.endsWith('.test.mjs'));
  await run(
    process.execPath,
    [
      '--test',
      '--test-concurrency=1',
      '--test-reporter=spec',
      ...args.filter((word) => word !== UPDATE),
      ...tests.map((name) => `${folder}/${name}`),
    ],
    { env, failure: 'Editor tests failed (see above; screenshots are in artifacts/editor).' },
  );
  if (!args.includes(UPDATE)) return;
  fs.mkdirSync(at('media', 'screenshots'), { recursive: true });
  for (const name of FOR_README) {
    fs.copyFileSync(at('artifacts', 'editor', `${name}.png`), at('media', 'screenshots', `${name}.png`));
  }
}
