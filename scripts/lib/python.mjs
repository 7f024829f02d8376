// Finds a Python to build with, and keeps the virtual environment `.venv` in order.
import fs from 'node:fs';
import { at, ROOT, VENV, VENV_PYTHON } from './paths.mjs';
import { capture, run, say, UserError } from './process.mjs';
import { hashOf, once } from './stamp.mjs';

const FLOOR = [3, 10];
const NEWEST = 14;
const PROBE =
  'import json, sys, importlib.util as u; print(json.dumps(dict(version=list(sys.version_info[:3]), ' +
  'prefix=sys.prefix, base=sys.base_prefix, executable=sys.executable, ' +
  'venv=all(map(u.find_spec, ("venv", "ensurepip"))))))';

/** What a Python says of itself, or undefined where it does not run. */
function probe(program, args = []) {
  const { status, stdout } = capture(program, [...args, '-I', '-c', PROBE], { timeout: 20_000 });
  try {
    return status === 0 ? { program, args, ...JSON.parse(stdout) } : undefined;
  } catch {
    return undefined;
  }
}

const text = (python) => `${python.version.join('.')} (${python.executable})`;
const newEnough = ({ version: [major, minor] }) => major === FLOOR[0] && minor >= FLOOR[1];

function howToInstall() {
  const by = {
    darwin: 'brew install python@3.13',
    win32: 'winget install Python.Python.3.13',
    linux:
      'sudo apt install python3 python3-venv   (Debian, Ubuntu)\n  sudo dnf install python3               (Fedora)',
  };
  return (
    `Install one, for example:\n  ${by[process.platform] ?? 'python.org'}\n` +
    'or name one: AIMET_GUIDELINES_PYTHON=/path/to/python npm start'
  );
}

function howToGetVenv(python) {
  const version = python.version.slice(0, 2).join('.');
  return (
    `Python ${text(python)} has no \`venv\` module, which makes the project's virtual environment.\n` +
    `On Debian and Ubuntu:\n  sudo apt install python${version}-venv   (or python3-venv)\n` +
    'or name another Python: AIMET_GUIDELINES_PYTHON=/path/to/python npm start'
  );
}

/** The Python that makes the virtual environment; a UserError that says what to install where there is none. */
export function findPython() {
  const named = process.env.AIMET_GUIDELINES_PYTHON;
  if (named) {
    const python = probe(named);
    if (!python) throw new UserError(`AIMET_GUIDELINES_PYTHON is ${named}, which does not run as a Python 3.`);
    if (!newEnough(python)) {
      throw new UserError(`AIMET_GUIDELINES_PYTHON is Python ${text(python)}; ${FLOOR.join('.')} or newer is needed.`);
    }
    if (!python.venv) throw new UserError(howToGetVenv(python));
    return python;
  }
  const names = ['python3', 'python'];
  for (let minor = NEWEST; minor >= FLOOR[1]; minor -= 1) names.push(`python3.${minor}`);
  const candidates = names.map((name) => [name, []]);
  if (process.platform === 'win32') candidates.unshift(['py', ['-3']]);
  const found = [];
  for (const [name, args] of candidates) {
    const python = probe(name, args);
    if (!python) continue;
    if (newEnough(python) && python.venv) return python;
    found.push(python);
  }
  const withoutVenv = found.find(newEnough);
  if (withoutVenv) throw new UserError(howToGetVenv(withoutVenv));
  if (found.length > 0) {
    const all = [...new Set(found.map(text))].join(', ');
    throw new UserError(`Python ${FLOOR.join('.')} or newer is needed; found only ${all}.\n${howToInstall()}`);
  }
  throw new UserError(`Python ${FLOOR.join('.')} or newer is needed, and none was found on PATH.\n${howToInstall()}`);
}

/** The virtual environment's own Python where it is usable: it runs, is this folder's, and is new enough. */
function usableVenv() {
  const python = fs.existsSync(VENV_PYTHON) ? probe(VENV_PYTHON) : undefined;
  if (!python || !newEnough(python)) return undefined;
  if (fs.realpathSync(python.prefix) !== fs.realpathSync(VENV)) return undefined;
  const named = process.env.AIMET_GUIDELINES_PYTHON;
  if (named && probe(named)?.base !== python.base) return undefined;
  const pip = capture(VENV_PYTHON, ['-I', '-m', 'pip', '--version'], { timeout: 60_000 });
  return pip.status === 0 ? python : undefined;
}

async function makeVenv() {
  const python = findPython();
  say(`Making the virtual environment .venv with Python ${text(python)}`);
  fs.rmSync(VENV, { recursive: true, force: true });
  await run(python.program, [...python.args, '-m', 'venv', VENV], { failure: howToGetVenv(python) });
  const made = usableVenv();
  if (!made) throw new UserError(`The virtual environment ${VENV} was made but does not work. ${howToGetVenv(python)}`);
  return made;
}

/** Makes or repairs `.venv` and installs the locked packages and the project itself into it. */
export async function preparePython() {
  const python = usableVenv() ?? (await makeVenv());
  const lock = at('requirements', 'dev.txt');
  const key = hashOf([lock, at('pyproject.toml'), at('server', '__init__.py')], ROOT, text(python));
  const pip = ['-I', '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];
  await once(at('.venv', '.aimet-guidelines-stamp'), key, [], async () => {
    say('Installing the locked Python packages into .venv');
    await run(VENV_PYTHON, [...pip, '--require-hashes', '-r', lock], {
      failure: 'The Python packages could not be installed (pip says why above). Is the package index reachable?',
    });
    await run(VENV_PYTHON, [...pip, '--no-build-isolation', '--editable', ROOT]);
  });
  linkTypes();
}

/** Makes `.types/aimet_guidelines -> server`: type checkers do not follow setuptools' package-dir. */
function linkTypes() {
  const link = at('.types', 'aimet_guidelines');
  const current = fs.lstatSync(link, { throwIfNoEntry: false });
  if (current?.isSymbolicLink() && fs.existsSync(link) && fs.realpathSync(link) === fs.realpathSync(at('server')))
    return;
  fs.rmSync(link, { recursive: true, force: true });
  fs.mkdirSync(at('.types'), { recursive: true });
  fs.symlinkSync(at('server'), link, process.platform === 'win32' ? 'junction' : 'dir');
}
