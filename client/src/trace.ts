import * as vscode from 'vscode';
import { PRODUCT } from './log';
import { SECTION } from './settings';

const SETTING = `${SECTION}.trace.server`;

/**
 * The output channel with what the editor and the server tell each other. The language client traces at the channel's
 * log level; here that is what the setting asks for, so that the setting alone is enough. The channel is made with its
 * first line.
 */
export class Trace implements vscode.LogOutputChannel {
  readonly name = `${PRODUCT} Trace`;
  private readonly levels = new vscode.EventEmitter<vscode.LogLevel>();
  private readonly settings = vscode.workspace.onDidChangeConfiguration(
    (event) => event.affectsConfiguration(SETTING) && this.levels.fire(this.logLevel),
  );
  private channel: vscode.OutputChannel | undefined;

  readonly onDidChangeLogLevel = this.levels.event;

  get logLevel(): vscode.LogLevel {
    const wanted = vscode.workspace.getConfiguration().get<string>(SETTING, 'off');
    return wanted === 'off' ? vscode.LogLevel.Off : vscode.LogLevel.Trace;
  }

  trace(message: string): void {
    this.appendLine(`${new Date().toISOString()} ${message}`);
  }

  readonly debug = this.trace;
  readonly info = this.trace;
  readonly warn = this.trace;

  error(error: string | Error): void {
    this.trace(String(error));
  }

  append(value: string): void {
    this.made.append(value);
  }

  appendLine(value: string): void {
    this.made.appendLine(value);
  }

  replace(value: string): void {
    this.made.replace(value);
  }

  clear(): void {
    this.channel?.clear();
  }

  show(column?: vscode.ViewColumn | boolean, preserveFocus?: boolean): void {
    this.made.show(typeof column === 'boolean' ? column : preserveFocus);
  }

  hide(): void {
    this.channel?.hide();
  }

  dispose(): void {
    this.settings.dispose();
    this.levels.dispose();
    this.channel?.dispose();
  }

  private get made(): vscode.OutputChannel {
    return (this.channel ??= vscode.window.createOutputChannel(this.name));
  }
}
