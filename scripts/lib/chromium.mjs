// A Chromium for the editor tests.
import fs from 'node:fs';
import { capture, run, say, UserError } from './process.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

function installed() {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    for (const name of NAMES) if (fs.existsSync(`${folder}/${name}`)) return `${folder}/${name}`;
  }
  return undefined;
}

/** The path of a Chromium: $CHROMIUM, one on PATH, or Debian's, which is installed where that is allowed. */
export async function findChromium() {
  const found = process.env.CHROMIUM ?? installed();
  if (found) return found;
  if (process.getuid?.() === 0 && capture('apt-get', ['--version']).status === 0) {
    say('Installing chromium from the distribution (once)');
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update', '-qq'], { env });
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], { env });
    const now = installed();
    if (now) return now;
  }
  throw new UserError(
    'The editor tests need Chromium. Install it (Debian: sudo apt install chromium), or name one: CHROMIUM=/path/to/chrome',
  );
}
