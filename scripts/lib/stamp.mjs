// Skips work whose inputs have not changed: a stamp file holds a hash of their contents.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from './paths.mjs';

function addTo(hash, entry) {
  const stat = fs.statSync(entry, { throwIfNoEntry: false });
  hash.update(`\0${path.relative(ROOT, entry)}\0`);
  if (stat?.isDirectory()) {
    const names = fs.readdirSync(entry).filter((name) => name !== '__pycache__' && !name.endsWith('.pyc'));
    for (const name of names.sort()) addTo(hash, path.join(entry, name));
  } else if (stat) {
    hash.update(fs.readFileSync(entry));
  }
}

/** Hash of the contents of files and folders (absolute paths), and of any further words. */
export function hashOf(entries, ...words) {
  const hash = createHash('sha256');
  for (const entry of entries) addTo(hash, entry);
  for (const word of words) hash.update(`\0${word}`);
  return hash.digest('hex');
}

/** Runs `work` unless the stamp file already holds `key` and all of `products` exist. True where it ran. */
export async function once(stamp, key, products, work) {
  const current = fs.existsSync(stamp) ? fs.readFileSync(stamp, 'utf8') : '';
  if (current === key && products.every((product) => fs.existsSync(product))) return false;
  fs.rmSync(stamp, { force: true });
  await work();
  fs.mkdirSync(path.dirname(stamp), { recursive: true });
  fs.writeFileSync(stamp, key);
  return true;
}
