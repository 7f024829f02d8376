import * as vscode from 'vscode';

export const PRODUCT = 'AIMET Model Guidelines';

/** The one output channel: the client's own lines, the server's, and the trace between them. */
export function createLog(context: vscode.ExtensionContext): vscode.LogOutputChannel {
  const log = vscode.window.createOutputChannel(PRODUCT, { log: true });
  const { version } = context.extension.packageJSON as { version: string };
  const trust = vscode.workspace.isTrusted ? 'trusted' : 'untrusted';
  log.info(`${PRODUCT} ${version}, VS Code ${vscode.version}, ${trust} workspace`);
  return log;
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
