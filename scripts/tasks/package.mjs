// `npm run package`: the .vsix of this platform; `-- --target NAME` of another one, `-- --target all` of each.
import fs from 'node:fs';
import { at, bin, VENV_PYTHON } from '../lib/paths.mjs';
import { run, runQuiet, say, UserError } from '../lib/process.mjs';
import { hashOf, once } from '../lib/stamp.mjs';
import { currentTarget, TARGETS } from '../lib/targets.mjs';
import build from './build.mjs';
import setup from './setup.mjs';

const CONTENTS = [
  'client/dist/extension.js',
  'syntaxes',
  'media',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'package.json',
  '.vscodeignore',
];

/** Makes the package of one platform; its path. */
export async function packageFor(target) {
  const { version } = JSON.parse(fs.readFileSync(at('package.json'), 'utf8'));
  const vsix = at('dist', `aimet-guidelines-${target}-${version}.vsix`);
  const bundled = at('bundled');
  const libraries = hashOf([at('scripts', 'bundle.py'), at('requirements', 'runtime.txt')], target);
  const sources = hashOf([at('server'), at('scripts', 'launch.py'), at('scripts', 'bundle.py')], libraries);
  await once(at('bundled', '.stamp'), sources, [at('bundled', 'launch.py')], async () => {
    say(`Bundling the server and its packages for ${target}`);
    await run(
      VENV_PYTHON,
      ['-I', at('scripts', 'bundle.py'), '--target', target, '--into', bundled, '--libraries-key', libraries],
      {
        failure: `The bundle for ${target} could not be made (see above).`,
      },
    );
  });
  await once(
    at('dist', `.${target}.stamp`),
    hashOf(
      CONTENTS.map((name) => at(name)),
      sources,
    ),
    [vsix],
    async () => {
      say(`Packaging ${vsix}`);
      fs.mkdirSync(at('dist'), { recursive: true });
      runQuiet(bin('vsce'), [
        'package',
        '--no-dependencies',
        '--allow-missing-repository',
        '--no-rewrite-relative-links',
        '--out',
        vsix,
        ...(TARGETS.includes(target) ? ['--target', target] : []),
      ]);
    },
  );
  return vsix;
}

/** Sets up, builds and packages for this platform; the package's path. */
export async function packageHere() {
  await setup();
  await build([]);
  return packageFor(currentTarget());
}

export default async function packageTask(args) {
  const wanted = args[args.indexOf('--target') + 1];
  const targets = !args.includes('--target') ? [currentTarget()] : wanted === 'all' ? TARGETS : [wanted];
  for (const target of targets) {
    if (!TARGETS.includes(target))
      throw new UserError(`There is no target ${target}. There are: ${TARGETS.join(', ')}`);
  }
  await setup();
  await build([]);
  for (const target of targets) console.log(await packageFor(target));
}
