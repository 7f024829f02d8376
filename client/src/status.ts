import * as vscode from 'vscode';
import { formatVersion, type Interpreter } from './interpreter';

/** What the server says of itself with `aimetGuidelines/status`. */
export interface ServerStatus {
  /** What it is doing, or null. */
  readonly busy: string | null;
  readonly errors: number;
  readonly warnings: number;
  readonly informations: number;
  /** How many of the findings have a repair. */
  readonly repairable: number;
  readonly files: number;
  /** What is switched off and why, a sentence each. */
  readonly notes: readonly string[];
}

export const DOCUMENTS: vscode.DocumentFilter[] = [
  { scheme: 'file', language: 'python' },
  { scheme: 'untitled', language: 'python' },
  { scheme: 'vscode-notebook-cell', language: 'python' },
];

const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;

/** The findings in one line: `AIMET: 5 problems, 4 repairable`. */
export function summary(status: ServerStatus): string {
  const problems = status.errors + status.warnings + status.informations;
  return problems === 0
    ? 'AIMET: no problems'
    : `AIMET: ${count(problems, 'problem')}, ${status.repairable} repairable`;
}

/** The findings by severity, then what is off: `2 errors, 3 warnings in 2 files. Repairs are off: ...`. */
export function details(status: ServerStatus): string {
  const parts = [
    [status.errors, 'error'],
    [status.warnings, 'warning'],
    [status.informations, 'hint'],
  ] as const;
  const found = parts.filter(([number]) => number > 0).map(([number, word]) => count(number, word));
  const counts = found.length > 0 ? `${found.join(', ')} in ${count(status.files, 'file')}.` : '';
  return [counts, ...status.notes].filter(Boolean).join(' ');
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
    this.findings.busy = status.busy !== null;
    this.findings.severity = vscode.LanguageStatusSeverity.Information;
    if (status.notes.length > 0) this.findings.severity = vscode.LanguageStatusSeverity.Warning;
    this.findings.text = status.busy === null ? summary(status) : `AIMET: ${status.busy}`;
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
