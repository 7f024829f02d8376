// `npm start`: sets up, builds, packages, then checks the examples and shows what their safe repairs would change.
import path from 'node:path';
import { at, ROOT, VENV_PYTHON } from '../lib/paths.mjs';
import { capture, runQuiet, runStatus, say, UserError } from '../lib/process.mjs';
import { packageHere } from './package.mjs';

const EXAMPLES = 'examples';
const COMMAND = ['-I', '-X', 'utf8', '-m', 'aimet_guidelines'];

/** Runs the command line; any exit status but the two that report success or findings is an error. */
async function guidelines(...args) {
  const status = await runStatus(VENV_PYTHON, [...COMMAND, ...args]);
  if (status !== 0 && status !== 1)
    throw new UserError(`aimet-guidelines ${args.join(' ')} failed (exit status ${status}).`);
}

export default async function start() {
  const vsix = await packageHere();
  // Findings exit with 1, and so does a Python that cannot import the package: tell them apart first.
  runQuiet(VENV_PYTHON, [...COMMAND, '--version']);
  say(`\naimet-guidelines check ${EXAMPLES}`);
  await guidelines('check', EXAMPLES);
  say(`\naimet-guidelines fix --diff ${EXAMPLES}`);
  await guidelines('fix', '--diff', EXAMPLES);

  const shown = path.relative(ROOT, vsix);
  say('\nIn an editor');
  const ways = [
    [`code --install-extension ${shown}`, 'your own Visual Studio Code'],
    ['npm run vscode', 'none needed: a workbench in the browser (Linux x64)'],
  ];
  const width = Math.max(...ways.map(([command]) => command.length));
  for (const [command, what] of ways) console.log(`  ${command.padEnd(width)}   ${what}`);
  if (desktop()) {
    capture('code', ['--install-extension', vsix, '--force']);
    capture('code', [at(EXAMPLES)]);
    console.log('  Visual Studio Code has been opened on the examples with the extension installed.');
  }
}

/** Whether there is a Visual Studio Code and a screen to show it on, and a person to look at it. */
function desktop() {
  if (process.env.CI || !process.stdout.isTTY) return false;
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return false;
  return capture('code', ['--version']).status === 0;
}
