// `npm run check`: everything besides tests that must hold. All of it runs, then what failed is named.
import fs from 'node:fs';
import { at, bin, VENV_PYTHON } from '../lib/paths.mjs';
import { runStatus, say, UserError } from '../lib/process.mjs';
import build from './build.mjs';
import setup from './setup.mjs';

const python = (...args) => [VENV_PYTHON, ['-I', '-m', ...args]];

const CHECKS = {
  'ruff check': python('ruff', 'check'),
  'ruff format': python('ruff', 'format', '--check'),
  mypy: python('mypy', '--strict', 'server'),
  tsc: [bin('tsc'), ['--noEmit']],
  prettier: [bin('prettier'), ['--check', '.']],
};

/**
 * Scripts that write committed files say with `--check` whether those are fresh. The ones that import torch are asked by
 * the tests that have it.
 */
function generators() {
  const names = fs.readdirSync(at('scripts')).filter((name) => /^generate_.*\.py$/.test(name));
  const asked = names.filter((name) => {
    const source = fs.readFileSync(at('scripts', name), 'utf8');
    return source.includes('"--check"') && !/^(import|from) torch\b/m.test(source);
  });
  return asked.map((name) => [`${name} is fresh`, [VENV_PYTHON, [at('scripts', name), '--check']]]);
}

export default async function check() {
  await setup();
  await build([]);
  const failed = [];
  for (const [name, [program, args]] of [...Object.entries(CHECKS), ...generators()]) {
    say(name);
    if ((await runStatus(program, args)) !== 0) failed.push(name);
  }
  if (failed.length > 0) throw new UserError(`These checks failed: ${failed.join(', ')}`);
  console.log('All checks passed.');
}
