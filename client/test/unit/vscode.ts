// What the units under test use of the `vscode` module, as plain objects that tests set.

export const workspace = {
  isTrusted: true,
  workspaceFolders: undefined as { uri: { fsPath: string } }[] | undefined,
  settings: {} as Record<string, unknown>,
  getConfiguration: (section: string) => ({
    get: (key: string, fallback: unknown) => workspace.settings[`${section}.${key}`] ?? fallback,
  }),
};

export enum LanguageStatusSeverity {
  Information = 0,
  Warning = 1,
  Error = 2,
}

export interface StatusItem {
  id: string;
  name?: string;
  text?: string;
  detail?: string;
  busy?: boolean;
  severity?: LanguageStatusSeverity;
  command?: unknown;
  dispose(): void;
}

export const statusItems = new Map<string, StatusItem>();

export const languages = {
  createLanguageStatusItem(id: string): StatusItem {
    const item: StatusItem = { id, dispose: () => statusItems.delete(id) };
    statusItems.set(id, item);
    return item;
  },
};

export class EventEmitter<T> {
  private listeners: ((event: T) => void)[] = [];
  readonly event = (listener: (event: T) => void) => {
    this.listeners.push(listener);
    return { dispose: () => undefined };
  };
  fire(event: T): void {
    for (const listener of this.listeners) listener(event);
  }
  dispose(): void {
    this.listeners = [];
  }
}

export const extensions = {
  installed: new Map<string, { activate(): Promise<unknown> }>(),
  getExtension: (id: string) => extensions.installed.get(id),
  onDidChange: () => ({ dispose: () => undefined }),
};

export const version = '1.0.0';

export const window = {
  createOutputChannel: () => ({ info: () => undefined }),
  showInformationMessage: async (_message: string): Promise<string | undefined> => undefined,
};
