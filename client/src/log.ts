import * as vscode from 'vscode';

export const PRODUCT = 'AIMET Model Guidelines';

/** The output channel with the client's own lines and the server's. */
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
