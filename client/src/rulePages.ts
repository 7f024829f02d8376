import * as vscode from 'vscode';
import type { Server } from './server';

const SCHEME = 'aimet-rule';

/** Shows the rules' pages as rendered Markdown; they come from the server and are read-only. */
export class RulePages implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);

  constructor(private readonly server: Server) {}

  /** `aimet-rule:/AIMET101.md`: the page of AIMET101. */
  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const code = uri.path.replace(/^\/|\.md$/g, '');
    return (await this.server.explain(code)).markdown;
  }

  /** Opens one rule's page; asks which where none is named. */
  async show(code: string | undefined): Promise<void> {
    const wanted = typeof code === 'string' ? code : await this.ask();
    if (wanted === undefined) return;
    const page = vscode.Uri.from({ scheme: SCHEME, path: `/${wanted}.md` });
    await vscode.commands.executeCommand('markdown.showPreview', page);
  }

  private async ask(): Promise<string | undefined> {
    const rules = await this.server.rules();
    const entries = rules.map(({ code, name, summary }) => ({ label: code, description: name, detail: summary }));
    const choice = await vscode.window.showQuickPick(entries, {
      title: 'AIMET rules',
      placeHolder: 'Which rule?',
      matchOnDescription: true,
      matchOnDetail: true,
    });
    return choice?.label;
  }

  dispose(): void {
    this.registration.dispose();
  }
}
