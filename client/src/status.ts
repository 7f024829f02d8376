import * as vscode from 'vscode';
import { formatVersion, type Interpreter } from './interpreter';

/** What the server says of itself with `aimetGuidelines/status`. */
export interface ServerStatus {
  readonly errors: number;
  readonly warnings: number;
  readonly information: number;
  /** How many files were checked. */
  readonly files: number;
  /** Whether it is checking the workspace. */
  readonly scanning: boolean;
  /** What is switched off and why, a sentence each. */
  readonly notes: readonly string[];
}

export const DOCUMENTS: vscode.DocumentFilter[] = [
  { scheme: 'file', language: 'python' },
  { scheme: 'untitled', language: 'python' },
  { scheme: 'vscode-notebook-cell', language: 'python' },
];

const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;

/** The findings in one line: `AIMET: 2 errors, 3 warnings`. */
export function summary({ errors, warnings, information, scanning }: ServerStatus): string {
  const parts = [
    [errors, 'error'],
    [warnings, 'warning'],
    [information, 'info'],
  ] as const;
  const found = parts.filter(([number]) => number > 0).map(([number, word]) => count(number, word));
  if (found.length > 0) return `AIMET: ${found.join(', ')}`;
  return scanning ? 'AIMET: checking' : 'AIMET: no problems';
}

/** How much was read, and what is switched off: `3 files. Only open files are reported.` */
export function details({ files, scanning, notes }: ServerStatus): string {
  const read = scanning ? 'Checking the workspace' : `${count(files, 'file')} checked`;
  return [read, ...notes].map((sentence) => sentence.replace(/\.?$/, '.')).join(' ');
}

/** The entries behind `{}` in the status bar: what was found, and what runs the server. */
export class Status implements vscode.Disposable {
  private readonly findings = vscode.languages.createLanguageStatusItem('aimetGuidelines.findings', DOCUMENTS);
  private readonly runtime = vscode.languages.createLanguageStatusItem('aimetGuidelines.interpreter', DOCUMENTS);

  constructor() {
    this.findings.name = 'AIMET findings';
    this.runtime.name = 'AIMET server';
    this.starting();
  }

  starting(): void {
    this.findings.busy = true;
    this.findings.severity = vscode.LanguageStatusSeverity.Information;
    this.findings.text = 'AIMET: starting';
    this.findings.detail = '';
    this.findings.command = { command: 'aimetGuidelines.showLogs', title: 'Show Logs' };
    this.runtime.text = 'AIMET server';
    this.runtime.detail = 'Looking for Python';
    this.runtime.command = { command: 'aimetGuidelines.selectInterpreter', title: 'Select Interpreter' };
  }

  running(interpreter: Interpreter): void {
    this.runtime.text = `AIMET server: Python ${formatVersion(interpreter.version)}`;
    this.runtime.detail = `${interpreter.path} (${interpreter.origin})`;
  }

  show(status: ServerStatus): void {
    const { Information, Warning } = vscode.LanguageStatusSeverity;
    this.findings.busy = status.scanning;
    this.findings.severity = status.notes.length > 0 ? Warning : Information;
    this.findings.text = summary(status);
    this.findings.detail = details(status);
    this.findings.command = { command: 'workbench.actions.view.problems', title: 'Show Problems' };
  }

  failed(reason: string): void {
    this.findings.busy = false;
    this.findings.severity = vscode.LanguageStatusSeverity.Error;
    this.findings.text = 'AIMET: not running';
    this.findings.detail = reason;
    this.findings.command = { command: 'aimetGuidelines.restart', title: 'Restart' };
    this.runtime.detail = 'Not running';
  }

  dispose(): void {
    this.findings.dispose();
    this.runtime.dispose();
  }
}
