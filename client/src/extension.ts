import * as vscode from 'vscode';
import { registerCommands } from './commands';
import { Interpreters } from './interpreter';
import { createLog } from './log';
import { PythonExtension } from './pythonExtension';
import { Server } from './server';
import { affectsServerProcess } from './settings';
import { Status } from './status';
import { Trace } from './trace';

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = createLog(context);
  const trace = new Trace();
  const python = new PythonExtension(log);
  const status = new Status();
  const interpreters = new Interpreters(context.extensionUri.fsPath, python, log);
  server = new Server(context, interpreters, python, status, log, trace);
  context.subscriptions.push(
    log,
    trace,
    python,
    status,
    ...registerCommands(server, interpreters, log),
    vscode.workspace.onDidChangeConfiguration((event) => affectsServerProcess(event) && server?.refresh()),
    vscode.workspace.onDidGrantWorkspaceTrust(() => server?.refresh()),
    python.onDidChange(() => server?.refresh()),
  );
  await server.start();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
