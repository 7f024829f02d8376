import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { messageOf } from './log';
import type { PythonExtension } from './pythonExtension';
import { interpreterSetting } from './settings';

/** The oldest Python that the server runs on. */
export const FLOOR: Version = [3, 10, 0];
const NEWEST_MINOR = 14;
const PROBE = 'import sys; print("%d.%d.%d" % sys.version_info[:3])';
const PROBE_TIMEOUT_MS = 15_000;

export type Version = readonly [major: number, minor: number, patch: number];
export type Origin = 'setting' | 'Python extension' | 'PATH';

/** A Python that was started once and is new enough. */
export interface Interpreter {
  readonly path: string;
  readonly version: Version;
  readonly origin: Origin;
}

/** Why there is no interpreter, in words for the user. */
export class NoInterpreterError extends Error {}

/** Starts a Python to ask its version; undefined where it does not start or is no Python 3. */
export type Probe = (executable: string) => Promise<Version | undefined>;

export function parseVersion(output: string): Version | undefined {
  const match = /^\s*(\d+)\.(\d+)\.(\d+)\s*$/.exec(output);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined;
}

export function isSupported([major, minor]: Version): boolean {
  return major === FLOOR[0] && minor >= FLOOR[1];
}

export const formatVersion = (version: Version): string => version.join('.');

/** Whether a file, or what it links to, lies in one of the folders. */
export function isInside(file: string, folders: readonly string[]): boolean {
  const places = [path.resolve(file), realPath(file)];
  const roots = folders.flatMap((folder) => [path.resolve(folder), realPath(folder)]);
  return places.some((place) =>
    roots.some((root) => {
      const relative = path.relative(root, place);
      return (
        relative === '' || (!relative.startsWith(`..${path.sep}`) && relative !== '..' && !path.isAbsolute(relative))
      );
    }),
  );
}

function realPath(file: string): string {
  try {
    return fs.realpathSync.native(file);
  } catch {
    return path.resolve(file);
  }
}

/** Python executables in the absolute folders of PATH, best name first. Folders relative to somewhere do not count. */
export function pythonsOnPath(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  exists: (file: string) => boolean = isExecutable,
): string[] {
  const windows = platform === 'win32';
  const flavour = windows ? path.win32 : path.posix;
  const folders = (env['PATH'] ?? env['Path'] ?? '')
    .split(flavour.delimiter)
    .filter((folder) => flavour.isAbsolute(folder));
  const names = ['python3', 'python'];
  for (let minor = NEWEST_MINOR; minor >= FLOOR[1]; minor -= 1) names.push(`python3.${minor}`);
  if (windows) names.push('py');
  const found = names.flatMap((name) => folders.map((folder) => flavour.join(folder, windows ? `${name}.exe` : name)));
  return [...new Set(found)].filter(exists);
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** What is known when an interpreter is chosen. */
export interface Choices {
  /** The user's setting; empty where it is not set. */
  readonly setting: string;
  /** Asks for the Python extension's selected interpreter. */
  readonly selected: () => Promise<string | undefined>;
  /** Lists the executables on PATH. */
  readonly onPath: () => readonly string[];
  /** Folders whose executables must not be started: those of an untrusted workspace. */
  readonly forbidden: readonly string[];
  readonly probe: Probe;
  readonly note: (line: string) => void;
}

/** The first usable Python: the setting, which must be right, then the Python extension's, then one on PATH. */
export async function chooseInterpreter(choices: Choices): Promise<Interpreter> {
  const { setting, forbidden, probe, note } = choices;
  const floor = `${FLOOR[0]}.${FLOOR[1]}`;
  if (setting !== '') {
    if (isInside(setting, forbidden)) {
      throw new NoInterpreterError(
        `The interpreter in the settings, ${setting}, lies in this workspace, which is not trusted. ` +
          'Trust the workspace or choose another interpreter.',
      );
    }
    const version = await probe(setting);
    if (version === undefined) {
      throw new NoInterpreterError(`The interpreter in the settings, ${setting}, does not start as a Python 3.`);
    }
    if (!isSupported(version)) {
      throw new NoInterpreterError(
        `The interpreter in the settings, ${setting}, is Python ${formatVersion(version)}. The server needs ${floor} or newer.`,
      );
    }
    return { path: setting, version, origin: 'setting' };
  }
  const tooOld: string[] = [];
  const attempt = async (executable: string, origin: Origin): Promise<Interpreter | undefined> => {
    if (isInside(executable, forbidden)) {
      note(`${executable} (${origin}) is not started: it lies in a workspace that is not trusted`);
      return undefined;
    }
    const version = await probe(executable);
    if (version !== undefined && isSupported(version)) return { path: executable, version, origin };
    note(`${executable} (${origin}) is ${version ? `Python ${formatVersion(version)}, too old` : 'no working Python'}`);
    if (version !== undefined) tooOld.push(`${formatVersion(version)} (${executable})`);
    return undefined;
  };
  const selected = await choices.selected();
  const found = selected === undefined ? undefined : await attempt(selected, 'Python extension');
  if (found) return found;
  for (const executable of choices.onPath()) {
    const onPath = await attempt(executable, 'PATH');
    if (onPath) return onPath;
  }
  throw new NoInterpreterError(
    tooOld.length > 0
      ? `Python ${floor} or newer is needed to run the server. Found only Python ${tooOld.join(', ')}.`
      : `Python ${floor} or newer is needed to run the server, and none was found on PATH.`,
  );
}

/** Finds the Python that runs the server. */
export class Interpreters {
  constructor(
    private readonly workingFolder: string,
    private readonly python: PythonExtension,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  choose(): Promise<Interpreter> {
    return chooseInterpreter({
      setting: interpreterSetting(),
      selected: () => this.python.selected(vscode.workspace.workspaceFolders?.[0]?.uri),
      onPath: () => pythonsOnPath(),
      forbidden: forbiddenFolders(),
      probe: this.probe,
      note: (line) => this.log.info(line),
    });
  }

  /** Every usable Python on PATH, each once. */
  async all(): Promise<Interpreter[]> {
    const forbidden = forbiddenFolders();
    const found = new Map<string, Interpreter>();
    for (const executable of pythonsOnPath().filter((file) => !isInside(file, forbidden))) {
      const version = await this.probe(executable);
      const place = realPath(executable);
      if (version && isSupported(version) && !found.has(place))
        found.set(place, { path: executable, version, origin: 'PATH' });
    }
    return [...found.values()];
  }

  /** -I: neither the environment nor the working folder decides what Python imports. */
  private readonly probe: Probe = (executable) =>
    new Promise((resolve) => {
      const options = { cwd: this.workingFolder, timeout: PROBE_TIMEOUT_MS, windowsHide: true };
      try {
        execFile(executable, ['-I', '-c', PROBE], options, (error, stdout) => {
          if (error) this.log.debug(`${executable}: ${error.message}`);
          resolve(error ? undefined : parseVersion(stdout));
        });
      } catch (error) {
        this.log.debug(`${executable}: ${messageOf(error)}`);
        resolve(undefined);
      }
    });
}

function forbiddenFolders(): string[] {
  if (vscode.workspace.isTrusted) return [];
  return (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath);
}
