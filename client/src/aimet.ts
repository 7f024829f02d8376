import * as fs from 'node:fs';
import * as path from 'node:path';

// aimet-torch since 2.0, AimetTorch before.
const DISTRIBUTION = /^aimet_?torch-(\d[^-]*)(?:-.*)?\.(?:dist|egg)-info$/i;

/** The version of AIMET beside a Python, read off the names in its site-packages; null where there is none. Runs nothing. */
export function installedAimet(python: string): string | null {
  // The path as given comes first: a virtual environment's python is a link to one that has other packages.
  for (const prefix of [path.dirname(path.dirname(python)), path.dirname(python)]) {
    for (const packages of packageFolders(prefix)) {
      for (const name of list(packages)) {
        const version = DISTRIBUTION.exec(name)?.[1];
        if (version !== undefined) return version;
      }
    }
  }
  return null;
}

function packageFolders(prefix: string): string[] {
  const libraries = ['lib', 'lib64', path.join('local', 'lib')].map((name) => path.join(prefix, name));
  const pythons = libraries.flatMap((library) =>
    list(library)
      .filter((name) => /^python3/.test(name))
      .map((name) => path.join(library, name)),
  );
  pythons.push(path.join(prefix, 'Lib'));
  return pythons.flatMap((folder) => ['site-packages', 'dist-packages'].map((name) => path.join(folder, name)));
}

function list(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}
