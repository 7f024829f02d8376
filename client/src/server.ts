import * as fs from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import {
  CancellationToken,
  CloseAction,
  type ConfigurationParams,
  DidChangeConfigurationNotification,
  ErrorAction,
  type ErrorHandler,
  ExecuteCommandRequest,
  LanguageClient,
  type LanguageClientOptions,
  type Middleware,
  ResponseError,
  RevealOutputChannelOn,
  type ServerOptions,
  State,
} from 'vscode-languageclient/node';
import { installedAimet } from './aimet';
import type { Interpreter, Interpreters } from './interpreter';
import { messageOf, PRODUCT } from './log';
import type { PythonExtension } from './pythonExtension';
import { RestartQueue } from './queue';
import { applyReviewed } from './review';
import { SECTION } from './settings';
import { DOCUMENTS, type ServerStatus, type Status } from './status';

const EXPLAIN = 'aimetGuidelines.explainRule';
const STOP_TIMEOUT_MS = 3000;
const CRASHES = 3;
const CRASH_WINDOW_MS = 3 * 60_000;

/** A rule as the server lists it. */
export interface RuleSummary {
  readonly code: string;
  readonly name: string;
  readonly summary: string;
}

/** The one language server of the window, for all of its folders. */
export class Server {
  private client: LanguageClient | undefined;
  private interpreter: Interpreter | undefined;
  private forced = false;
  private stopped = false;
  private crashes: number[] = [];
  private readonly queue = new RestartQueue(() => this.update());

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly interpreters: Interpreters,
    private readonly python: PythonExtension,
    private readonly status: Status,
    private readonly log: vscode.LogOutputChannel,
    private readonly trace: vscode.LogOutputChannel,
  ) {}

  start(): Promise<void> {
    return this.queue.request();
  }

  /** Starts the process anew, whether or not anything changed. */
  restart(): Promise<void> {
    this.forced = true;
    this.crashes = [];
    return this.queue.request();
  }

  /** Looks again at what the process depends on: restarts it where its interpreter changed, else tells it to read its settings. */
  refresh(): Promise<void> {
    return this.queue.request();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.stopClient();
  }

  /** The rules there are. */
  async rules(): Promise<readonly RuleSummary[]> {
    const answer = await this.running().sendRequest<{ rules: readonly RuleSummary[] }>('aimetGuidelines/explain', {});
    return answer.rules;
  }

  /** A rule's page, in Markdown. */
  explain(code: string): Promise<{ code: string; name: string; markdown: string }> {
    return this.running().sendRequest('aimetGuidelines/explain', { code });
  }

  execute(command: string, ...args: unknown[]): Promise<unknown> {
    return this.running().sendRequest(ExecuteCommandRequest.type, { command, arguments: args });
  }

  private running(): LanguageClient {
    if (this.client?.state !== State.Running) throw new Error('The server is not running.');
    return this.client;
  }

  private async update(): Promise<void> {
    if (this.stopped) return;
    const forced = this.forced;
    this.forced = false;
    try {
      const interpreter = await this.interpreters.choose();
      if (!forced && this.client?.state === State.Running && this.interpreter?.path === interpreter.path) {
        await this.client.sendNotification(DidChangeConfigurationNotification.type, { settings: null });
        return;
      }
      await this.stopClient();
      this.status.starting();
      await this.startClient(interpreter);
    } catch (error) {
      await this.stopClient();
      this.fail(messageOf(error));
    }
  }

  private async startClient(interpreter: Interpreter): Promise<void> {
    this.log.info(`Starting the server with ${interpreter.path} (${interpreter.origin})`);
    const client = new LanguageClient(SECTION, PRODUCT, this.serverOptions(interpreter), this.clientOptions());
    this.client = client;
    this.interpreter = interpreter;
    client.onNotification('aimetGuidelines/status', (status: ServerStatus) => this.status.show(status));
    await client.start();
    this.status.running(interpreter);
  }

  private async stopClient(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.interpreter = undefined;
    if (client === undefined) return;
    try {
      await client.dispose(STOP_TIMEOUT_MS);
    } catch (error) {
      // A server that failed to start or does not answer cannot be stopped in order; its process is ended.
      this.log.debug(`While stopping the server: ${messageOf(error)}`);
    }
  }

  /** cwd is the extension: nothing in a workspace can take the place of what the server imports. */
  private serverOptions(interpreter: Interpreter): ServerOptions {
    const extension = this.context.extensionUri.fsPath;
    const options = { cwd: extension };
    const flags = ['-I', '-X', 'utf8'];
    if (this.context.extensionMode !== vscode.ExtensionMode.Development) {
      return {
        command: interpreter.path,
        args: [...flags, path.join(extension, 'bundled', 'launch.py'), 'lsp'],
        options,
      };
    }
    const port = process.env['AIMET_GUIDELINES_DEBUG_PORT'];
    const debug = port
      ? ['-X', 'frozen_modules=off', '-m', 'debugpy', '--listen', `127.0.0.1:${port}`, '--wait-for-client']
      : [];
    return {
      command: developmentPython(extension),
      args: [...flags, ...debug, '-m', 'aimet_guidelines', 'lsp'],
      options,
    };
  }

  private clientOptions(): LanguageClientOptions {
    return {
      documentSelector: [
        ...DOCUMENTS.map(({ scheme, language }) => ({ scheme: scheme ?? '', language: language ?? '' })),
        {
          notebook: 'jupyter-notebook',
          language: 'python',
        },
      ],
      // A rule's page is the only command that a hover may link to.
      initializationOptions: { explainCommand: EXPLAIN },
      markdown: { isTrusted: { enabledCommands: [EXPLAIN] } },
      outputChannel: this.log,
      traceOutputChannel: this.trace,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      errorHandler: this.errorHandler(),
      middleware: this.middleware(),
    };
  }

  /** Asks before large edits, and adds to the settings what only the editor knows: the AIMET of the folder's own Python. */
  private middleware(): Middleware {
    return {
      workspace: {
        handleApplyEdit: (params, next) =>
          applyReviewed(params, async (reviewed) => {
            const result = await next(reviewed, CancellationToken.None);
            if (result instanceof ResponseError) throw result;
            return result;
          }),
        configuration: async (params: ConfigurationParams, token, next) => {
          const answers = await next(params, token);
          if (!Array.isArray(answers)) return answers;
          return answers.map((answer: unknown, index) => {
            const item = params.items[index];
            if (item?.section !== SECTION || typeof answer !== 'object') return answer;
            const resource = item.scopeUri === undefined ? undefined : vscode.Uri.parse(item.scopeUri);
            const python = this.python.selectedSoFar(resource);
            return { ...answer, aimetInstalled: python === undefined ? null : installedAimet(python) };
          });
        },
      },
    };
  }

  private errorHandler(): ErrorHandler {
    return {
      error: (error) => {
        this.log.error(`The connection to the server failed: ${error.message}`);
        return { action: ErrorAction.Continue, handled: true };
      },
      closed: () => {
        const now = Date.now();
        this.crashes = [...this.crashes.filter((time) => now - time < CRASH_WINDOW_MS), now];
        if (this.stopped) return { action: CloseAction.DoNotRestart, handled: true };
        if (this.crashes.length <= CRASHES) {
          this.log.warn('The server ended unexpectedly; it is started again');
          return { action: CloseAction.Restart, handled: true };
        }
        this.fail(`The server ended ${this.crashes.length} times within three minutes.`);
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }

  /** One message with the reason, and the ways out of it. */
  private fail(reason: string): void {
    this.log.error(reason);
    this.status.failed(reason);
    // Messages with buttons are shown with the extension's name.
    const [logs, select] = ['Show Logs', 'Select Interpreter'];
    void vscode.window.showErrorMessage(reason, select, logs).then((choice) => {
      if (choice === logs) this.log.show();
      if (choice === select) void vscode.commands.executeCommand('aimetGuidelines.selectInterpreter');
    });
  }
}

/** In a development host the project's own environment runs the sources as they are. */
function developmentPython(extension: string): string {
  const inside = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];
  const python = path.join(extension, '.venv', ...inside);
  if (!fs.existsSync(python)) throw new Error(`${python} is missing. Run \`npm run setup\` in ${extension}.`);
  return python;
}
