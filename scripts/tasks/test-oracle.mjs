// `npm run test:oracle`: what the checker finds against what real models and AIMET itself do.
// Its environment (torch, AIMET, timm; about 6 GB) is made once for each lock file, in the user's cache folder.
// `-- --all` records every model, proves every repair and writes docs/agreement.md (hours; an interrupted run goes
// on where it stopped); other arguments go to pytest. What proofs measured lies beside the environment.
import fs from 'node:fs';
import path from 'node:path';
import { at, cacheFolder } from '../lib/paths.mjs';
import { capture, run, runStatus, say, UserError } from '../lib/process.mjs';
import { hashOf, once } from '../lib/stamp.mjs';

const LOCK = at('requirements', 'oracle.txt');
const PYTHON = [3, 11];

/** The environment's Python; the environment is made where it is not there yet. */
async function environment() {
  const named = process.env.AIMET_GUIDELINES_ORACLE;
  if (named) {
    const python = path.join(named, 'bin', 'python');
    if (!fs.existsSync(python)) throw new UserError(`AIMET_GUIDELINES_ORACLE is ${named}, which has no bin/python.`);
    return python;
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new UserError('AIMET has packages for Linux on x86-64 only, so the oracle runs only there.');
  }
  const key = hashOf([LOCK]);
  const folder = cacheFolder(`oracle-${key.slice(0, 16)}`);
  const python = path.join(folder, 'bin', 'python');
  await once(path.join(folder, '.complete'), key, [python], async () => {
    const maker = findPython311();
    say(`Making the oracle's environment in ${folder} (about 6 GB; once for each lock file)`);
    fs.rmSync(folder, { recursive: true, force: true });
    await run(maker, ['-m', 'venv', folder]);
    await run(
      python,
      [
        '-I',
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        '--no-deps',
        '--require-hashes',
        '-r',
        LOCK,
      ],
      {
        failure: 'The oracle’s packages could not be installed (pip says why above). Is the package index reachable?',
      },
    );
  });
  return python;
}

function findPython311() {
  const probe = ['-I', '-c', 'import sys, venv; print(*sys.version_info[:2], sep=".")'];
  for (const name of [process.env.AIMET_GUIDELINES_PYTHON, 'python3.11', 'python3', 'python']) {
    if (name && capture(name, probe, { timeout: 20_000 }).stdout.trim() === PYTHON.join('.')) return name;
  }
  throw new UserError(
    `The oracle's lock file is for Python ${PYTHON.join('.')}, and none was found on PATH.\n` +
      'Install one, or name one: AIMET_GUIDELINES_PYTHON=/path/to/python3.11 npm run test:oracle',
  );
}

export default async function testOracle(args) {
  const python = await environment();
  const all = args.includes('--all');
  const rest = args.filter((each) => each !== '--all');
  if (all) {
    await run(python, [at('tests', 'oracle', 'record.py')], {
      failure: 'Not every model could be recorded (see above).',
    });
    await run(python, [at('tests', 'oracle', 'prove.py'), '--all'], {
      failure: 'A repair could not be proven (see above).',
    });
    await run(python, [at('tests', 'oracle', 'agreement.py')]);
  }
  const status = await runStatus(python, ['-m', 'pytest', ...(rest.length > 0 ? rest : [at('tests', 'oracle')])]);
  // Without arguments a sample of the repairs, another one each day, is proven too, and those that changed since the
  // last full proof.
  const proven = all || rest.length > 0 ? 0 : await runStatus(python, [at('tests', 'oracle', 'prove.py')]);
  if (proven !== 0) throw new UserError('A repair changes what a model does (see above).');
  if (status !== 0) throw new UserError('The oracle disagrees (see above).');
}
