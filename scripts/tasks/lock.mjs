// `npm run lock`: writes requirements/*.txt, every package pinned with its hashes for every platform and Python.
// Add `--upgrade` to move to the newest releases.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { at } from '../lib/paths.mjs';
import { run, say } from '../lib/process.mjs';
import { findPython } from '../lib/python.mjs';

const UV = '0.13.9';
const EVERYWHERE = ['--universal', '--python-version', '3.10'];
// The oracle runs on Linux alone; its recordings are made with one Python.
const ORACLE = ['--python-platform', 'x86_64-manylinux_2_28', '--python-version', '3.11'];
const LOCKS = {
  'requirements/runtime.txt': [...EVERYWHERE, 'pyproject.toml'],
  'requirements/dev.txt': [...EVERYWHERE, 'pyproject.toml', 'requirements/dev.in'],
  'requirements/oracle.txt': [...ORACLE, 'requirements/oracle.in'],
};

export default async function lock(args) {
  const python = findPython();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'aimet-guidelines-lock-'));
  try {
    await run(python.program, [...python.args, '-m', 'pip', 'install', '--quiet', '--target', folder, `uv==${UV}`]);
    const uv = path.join(folder, 'bin', process.platform === 'win32' ? 'uv.exe' : 'uv');
    for (const [output, inputs] of Object.entries(LOCKS)) {
      say(`Locking ${output}`);
      await run(
        uv,
        [
          'pip',
          'compile',
          ...inputs,
          ...args,
          '--quiet',
          '--generate-hashes',
          '--constraints',
          'requirements/constraints.txt',
          '--no-annotate',
          '--no-emit-index-url',
          '--custom-compile-command',
          'npm run lock',
          '--output-file',
          output,
        ],
        { cwd: at() },
      );
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
