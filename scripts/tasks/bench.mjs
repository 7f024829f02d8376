// `npm run bench`: measures how fast everything is, prints the table and writes docs/performance.md.
// Needs a package index the first time: the sources it measures on come from wheels.
import { at, VENV_PYTHON } from '../lib/paths.mjs';
import { run } from '../lib/process.mjs';
import setup from './setup.mjs';

export default async function bench() {
  await setup();
  await run(VENV_PYTHON, ['-m', 'benchmarks'], { cwd: at() });
}
