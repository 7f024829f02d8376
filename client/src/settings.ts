import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';

/** The section of every setting, as package.json declares them. The server asks for the rest itself. */
export const SECTION = 'aimetGuidelines';

/** `~` and `${workspaceFolder}` replaced; a relative path is one below the folder. */
export function expandPath(value: string, folder: string | undefined, home: string = os.homedir()): string {
  const text = value.trim();
  if (text === '') return '';
  const expanded = text.replace(/^~(?=$|[\\/])/, home).replaceAll('${workspaceFolder}', folder ?? '');
  return path.isAbsolute(expanded) || folder === undefined ? expanded : path.join(folder, expanded);
}

/** The path of the Python set for the server, absolute; empty where none is set. Untrusted workspaces cannot set it. */
export function interpreterSetting(): string {
  const value = vscode.workspace.getConfiguration(SECTION).get<string>('interpreter', '');
  return expandPath(value, vscode.workspace.workspaceFolders?.[0]?.uri.fsPath);
}

/** Whether a change of settings may ask for another server process; the server hears of the others by itself. */
export function affectsServerProcess(event: vscode.ConfigurationChangeEvent): boolean {
  return event.affectsConfiguration(`${SECTION}.interpreter`);
}
