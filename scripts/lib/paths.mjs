// Where things lie.
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const VENV = path.join(ROOT, '.venv');
export const VENV_PYTHON =
  process.platform === 'win32' ? path.join(VENV, 'Scripts', 'python.exe') : path.join(VENV, 'bin', 'python');

/** A path inside the project. */
export const at = (...parts) => path.join(ROOT, ...parts);

/** A program that npm installed here. */
export const bin = (name) => at('node_modules', '.bin', process.platform === 'win32' ? `${name}.cmd` : name);

/** The user's cache folder for what is too large to make in every clone. */
export function cacheFolder(name) {
  const base =
    process.env.XDG_CACHE_HOME ??
    { darwin: path.join(os.homedir(), 'Library', 'Caches'), win32: process.env.LOCALAPPDATA }[process.platform] ??
    path.join(os.homedir(), '.cache');
  return path.join(base, 'aimet-guidelines', name);
}
