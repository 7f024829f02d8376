// `npm run test:client`: unit tests of the client, with a small stand-in for `vscode`, and of the set-up scripts.
import fs from 'node:fs';
import { prepareNode } from '../lib/npm.mjs';
import { at } from '../lib/paths.mjs';
import { runStatus, UserError } from '../lib/process.mjs';

/** Builds and runs the unit tests; their exit status. */
export async function testClient() {
  await prepareNode();
  const { default: esbuild } = await import('esbuild');
  const folder = at('client', 'test', 'unit');
  const output = at('client', 'dist', 'test');
  const tests = fs.readdirSync(folder).filter((name) => name.endsWith('.test.ts'));
  fs.rmSync(output, { recursive: true, force: true });
  await esbuild.build({
    entryPoints: tests.map((name) => `${folder}/${name}`),
    outdir: output,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    alias: { vscode: `${folder}/vscode.ts` },
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  const built = tests.map((name) => `${output}/${name.replace(/ts$/, 'js')}`);
  const scripts = fs.readdirSync(at('scripts', 'test')).map((name) => at('scripts', 'test', name));
  return runStatus(process.execPath, ['--enable-source-maps', '--test', '--test-reporter=spec', ...built, ...scripts]);
}

export default async function run() {
  if ((await testClient()) !== 0) throw new UserError('Client tests failed (see above).');
}
