import * as vscode from 'vscode';
import { messageOf } from './log';

const ID = 'ms-python.python';
const PATIENCE_MS = 4000;

/** The part of the Python extension's public API that is used here. */
interface PythonApi {
  readonly environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(environment: {
      readonly path: string;
    }): Promise<{ readonly executable: { readonly uri: vscode.Uri | undefined } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

/** The Python extension's selected interpreter, where that extension is installed. Never a dependency. */
export class PythonExtension implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly disposables: vscode.Disposable[] = [this.changed];
  private readonly known = new Map<string, string | undefined>();
  private api: Promise<PythonApi | undefined> | undefined;

  /** Another interpreter was selected, or the extension came or went. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly log: vscode.LogOutputChannel) {
    this.disposables.push(
      vscode.extensions.onDidChange(() => {
        if (this.api !== undefined || vscode.extensions.getExtension(ID) === undefined) return;
        this.changed.fire();
      }),
    );
  }

  /** The path of the interpreter selected for a folder; undefined where there is none or it takes too long to tell. */
  async selected(resource: vscode.Uri | undefined): Promise<string | undefined> {
    try {
      return await withinTime(this.ask(resource), PATIENCE_MS);
    } catch (error) {
      this.log.warn(`The Python extension does not tell its interpreter: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** What is known of a folder's selection without waiting; where that turns out to be another one, `onDidChange` fires. */
  selectedSoFar(resource: vscode.Uri | undefined): string | undefined {
    const key = String(resource ?? '');
    const before = this.known.get(key);
    void this.selected(resource).then((selected) => {
      this.known.set(key, selected);
      if (selected !== before) this.changed.fire();
    });
    return before;
  }

  private async ask(resource: vscode.Uri | undefined): Promise<string | undefined> {
    const environments = (await this.load())?.environments;
    if (environments === undefined) return undefined;
    const environment = environments.getActiveEnvironmentPath(resource);
    const resolved = await environments.resolveEnvironment(environment);
    return resolved?.executable.uri?.fsPath;
  }

  private load(): Promise<PythonApi | undefined> {
    const extension = vscode.extensions.getExtension<PythonApi>(ID);
    if (extension === undefined) return Promise.resolve(undefined);
    this.api ??= Promise.resolve(extension.activate()).then((api) => {
      // An older or another extension of that name may offer less.
      if (typeof api?.environments?.getActiveEnvironmentPath !== 'function') return undefined;
      this.disposables.push(api.environments.onDidChangeActiveEnvironmentPath(() => this.changed.fire()));
      return api;
    });
    return this.api;
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }
}

async function withinTime<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds / 1000} s`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
