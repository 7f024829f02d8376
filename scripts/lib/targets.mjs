// The platforms that a package can be made for, by Visual Studio Code's names.
import fs from 'node:fs';

export const TARGETS = [
  'linux-x64',
  'linux-arm64',
  'alpine-x64',
  'alpine-arm64',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64',
  'win32-arm64',
];

/** The name of the platform this runs on, whether packages are made for it or not. */
export function currentTarget() {
  const alpine = process.platform === 'linux' && fs.existsSync('/etc/alpine-release');
  return `${alpine ? 'alpine' : process.platform}-${process.arch}`;
}
