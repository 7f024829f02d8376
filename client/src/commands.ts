import * as vscode from 'vscode';
import { formatVersion, type Interpreters } from './interpreter';
import { messageOf, PRODUCT } from './log';
import { RulePages } from './rulePages';
import type { Server } from './server';
import { SECTION } from './settings';

/** The commands that package.json declares. */
export function registerCommands(
  server: Server,
  interpreters: Interpreters,
  log: vscode.LogOutputChannel,
): vscode.Disposable[] {
  const pages = new RulePages(server);
  const commands: Record<string, (...args: never[]) => unknown> = {
    fixFile: () => fixFile(server),
    fixWorkspace: () => fixWorkspace(server),
    checkWorkspace: () => server.execute('aimetGuidelines.server.checkWorkspace'),
    explainRule: (code?: string) => pages.show(code),
    selectInterpreter: () => selectInterpreter(interpreters),
    restart: () => server.restart(),
    showLogs: () => log.show(),
  };
  const registered = Object.entries(commands).map(([name, run]) =>
    vscode.commands.registerCommand(`${SECTION}.${name}`, async (...args: never[]) => {
      try {
        await run(...args);
      } catch (error) {
        log.error(`${name}: ${messageOf(error)}`);
        void vscode.window.showErrorMessage(messageOf(error), 'Show Logs').then((choice) => choice && log.show());
      }
    }),
  );
  return [pages, ...registered];
}

/** In a notebook the file is the notebook: its cells are one module. */
async function fixFile(server: Server): Promise<void> {
  const notebook = vscode.window.activeNotebookEditor?.notebook;
  const document = notebook?.getCells().find(({ document }) => document.languageId === 'python')?.document;
  const { uri } = document ?? vscode.window.activeTextEditor?.document ?? {};
  await server.execute('aimetGuidelines.server.fixFile', ...(uri ? [String(uri)] : []));
}

async function fixWorkspace(server: Server): Promise<void> {
  const progress = { location: vscode.ProgressLocation.Window, title: 'AIMET: repairing the workspace' };
  const changed = await vscode.window.withProgress(progress, () =>
    server.execute('aimetGuidelines.server.fixWorkspace'),
  );
  if (!changed) void vscode.window.showInformationMessage(`${PRODUCT}: nothing was changed in the workspace.`);
}

async function selectInterpreter(interpreters: Interpreters): Promise<void> {
  const configuration = vscode.workspace.getConfiguration(SECTION);
  const automatic = {
    label: '$(sparkle) Automatic',
    detail: "The Python extension's interpreter, else one on PATH",
    path: '',
  };
  const browse = { label: '$(folder-opened) Browse...', detail: 'Choose an executable', path: undefined };
  const entries = interpreters
    .all()
    .then((found) => [
      automatic,
      ...found.map(({ path, version }) => ({ label: `Python ${formatVersion(version)}`, detail: path, path })),
      browse,
    ]);
  const choice = await vscode.window.showQuickPick<{ label: string; detail: string; path: string | undefined }>(
    entries,
    {
      title: 'The Python that runs the AIMET server (3.10 or newer)',
      placeHolder: configuration.get<string>('interpreter') || 'Automatic',
      matchOnDetail: true,
    },
  );
  if (choice === undefined) return;
  const picked = choice.path ?? (await vscode.window.showOpenDialog({ title: 'Python executable' }))?.[0]?.fsPath;
  if (picked === undefined) return;
  await configuration.update('interpreter', picked || undefined, vscode.ConfigurationTarget.Global);
}
