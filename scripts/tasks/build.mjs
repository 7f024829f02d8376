// `npm run build`: bundles the client into client/dist/extension.js. `--watch` goes on doing so (used by F5).
import { at } from '../lib/paths.mjs';
import { say } from '../lib/process.mjs';
import { hashOf, once } from '../lib/stamp.mjs';

const OUTPUT = at('client', 'dist', 'extension.js');

function settings(development) {
  return {
    entryPoints: [at('client', 'src', 'extension.ts')],
    outfile: OUTPUT,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['vscode'],
    minify: !development,
    sourcemap: development ? 'linked' : false,
    logLevel: 'warning',
  };
}

export default async function build(args) {
  const { default: esbuild } = await import('esbuild');
  if (args.includes('--watch')) {
    const context = await esbuild.context(settings(true));
    await context.watch();
    console.log('Watching client/src');
    return;
  }
  const development = args.includes('--development');
  const key = hashOf([at('client', 'src'), at('package-lock.json')], String(development));
  await once(at('client', 'dist', '.stamp'), key, [OUTPUT], async () => {
    say('Building the client');
    await esbuild.build(settings(development));
  });
}
