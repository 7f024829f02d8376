// `npm run vscode`: the extension in a real workbench in the browser, on examples/. `-- --port N` picks the port.
import { once as event } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { at, cacheFolder } from '../lib/paths.mjs';
import { say } from '../lib/process.mjs';
import { prepareWorkbench, Workbench } from '../lib/workbench.mjs';
import { packageHere } from './package.mjs';

export default async function vscode(args) {
  const port = args.includes('--port') ? Number(args[args.indexOf('--port') + 1]) : 0;
  const vsix = await packageHere();
  await prepareWorkbench();
  const root = cacheFolder('workbench-profile');
  const workbench = new Workbench({ root, settings: { 'aimetGuidelines.codeLens': true } });
  workbench.install(vsix);
  // A copy: trying repairs out must not change the project.
  const examples = path.join(root, 'examples');
  fs.cpSync(at('examples'), examples, { recursive: true });
  await workbench.start({ port });
  say(`\n${workbench.address(examples, path.join(examples, 'residual_classifier.py'))}`);
  console.log(`Open that address in a browser. It works on a copy of the examples, ${examples}. Ctrl+C ends it.`);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => workbench.stop());
  await event(workbench.process, 'exit');
}
