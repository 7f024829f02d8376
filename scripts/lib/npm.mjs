// Keeps node_modules as the lock file has it.
import fs from 'node:fs';
import { at } from './paths.mjs';
import { run, say } from './process.mjs';
import { hashOf, once } from './stamp.mjs';

/** Runs `npm ci` unless node_modules already is what package-lock.json says. */
export async function prepareNode() {
  // Only what decides about packages: a new setting in package.json is no reason to install again.
  const { dependencies, devDependencies } = JSON.parse(fs.readFileSync(at('package.json'), 'utf8'));
  const key = hashOf(
    [at('package-lock.json')],
    JSON.stringify({ dependencies, devDependencies }),
    process.platform,
    process.arch,
  );
  await once(at('node_modules', '.aimet-guidelines-stamp'), key, [at('node_modules', 'esbuild')], async () => {
    say('Installing the locked npm packages into node_modules');
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      failure: 'The npm packages could not be installed (npm says why above). Is the package registry reachable?',
    });
  });
}
