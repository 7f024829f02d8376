// Running programs, and saying what went wrong.
import { spawn, spawnSync } from 'node:child_process';
import { ROOT } from './paths.mjs';

/** An error that the person at the terminal can mend: its message says how, and no stack is printed. */
export class UserError extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Announces a step of a task. */
export function say(message) {
  console.log(process.stdout.isTTY ? `\x1b[1m${message}\x1b[0m` : message);
}

function settings(options) {
  // npm and other shims are .cmd files on Windows, which only a shell starts.
  const shell = process.platform === 'win32' && !/\.exe$/i.test(options.program);
  return { cwd: options.cwd ?? ROOT, env: { ...process.env, ...options.env }, shell, windowsHide: true };
}

/** Runs a program with the terminal's own streams; its exit status. */
export function runStatus(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...settings({ ...options, program }), stdio: 'inherit' });
    child.on('error', (error) => reject(new UserError(`${program} could not be started: ${error.message}`)));
    child.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
}

/** Runs a program with the terminal's own streams; any status but 0 is an error. */
export async function run(program, args, options = {}) {
  const status = await runStatus(program, args, options);
  if (status !== 0)
    throw new UserError(
      options.failure ?? `This failed (exit status ${status}): ${[program, ...args].join(' ')}`,
      status,
    );
}

/** Runs a program quietly: { status, stdout, stderr }; status is null where it could not be started. */
export function capture(program, args, options = {}) {
  const result = spawnSync(program, args, {
    ...settings({ ...options, program }),
    encoding: 'utf8',
    timeout: options.timeout,
    maxBuffer: 64 * 1024 * 1024,
  });
  return { status: result.status, stdout: result.stdout ?? '', stderr: result.stderr ?? '' };
}

/** Runs a program quietly and shows its output only where it fails. */
export function runQuiet(program, args, options = {}) {
  const result = capture(program, args, options);
  if (result.status !== 0) {
    process.stderr.write(result.stdout + result.stderr);
    throw new UserError(
      options.failure ?? `This failed (exit status ${result.status}): ${[program, ...args].join(' ')}`,
    );
  }
  return result.stdout;
}
