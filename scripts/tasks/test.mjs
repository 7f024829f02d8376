// `npm test`: sets up and builds like `npm start`, then runs every test of both languages.
// Arguments go to pytest: `npm test -- -k reuse`.
import { VENV_PYTHON } from '../lib/paths.mjs';
import { runStatus, say, UserError } from '../lib/process.mjs';
import { packageHere } from './package.mjs';
import { testClient } from './test-client.mjs';

export default async function test(args) {
  await packageHere();
  say('\nClient tests');
  const client = await testClient();
  say('\nPython tests');
  const python = await runStatus(VENV_PYTHON, ['-I', '-m', 'pytest', ...(args.length > 0 ? args : ['-n', 'auto'])]);
  if (client !== 0 || python !== 0) throw new UserError('Tests failed (see above).');
}
