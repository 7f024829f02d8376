import * as vscode from 'vscode';
import type { ApplyWorkspaceEditParams, ApplyWorkspaceEditResult, WorkspaceEdit } from 'vscode-languageclient/node';

const REPAIR = 'Repair All';
const REVIEW = 'Review Changes';

/** Whether the server wants an edit to be confirmed. */
export function wantsReview(edit: WorkspaceEdit): boolean {
  return Object.values(edit.changeAnnotations ?? {}).some(({ needsConfirmation }) => needsConfirmation);
}

/** The same edit, confirmed: applied without another question. */
export function confirmed(edit: WorkspaceEdit): WorkspaceEdit {
  const annotations = Object.entries(edit.changeAnnotations ?? {});
  return {
    ...edit,
    changeAnnotations: Object.fromEntries(
      annotations.map(([id, annotation]) => [id, { ...annotation, needsConfirmation: false }]),
    ),
  };
}

/**
 * Asks before an edit over many files is applied. The editor's own preview opens with every box unchecked, so it is for
 * those who want to choose; the others say yes once.
 */
export async function applyReviewed(
  params: ApplyWorkspaceEditParams,
  apply: (params: ApplyWorkspaceEditParams) => Promise<ApplyWorkspaceEditResult>,
): Promise<ApplyWorkspaceEditResult> {
  if (!wantsReview(params.edit)) return apply(params);
  const files = params.edit.documentChanges?.length ?? 0;
  const choice = await vscode.window.showInformationMessage(
    `Apply the safe repairs to ${files === 1 ? 'one file' : `${files} files`}?`,
    { modal: true, detail: `${REVIEW} opens a preview, where you check what to apply.` },
    REPAIR,
    REVIEW,
  );
  if (choice === undefined) return { applied: false, failureReason: 'cancelled' };
  // A refactoring to the editor: the changed files are saved, unless the user has set otherwise.
  const metadata = { isRefactoring: true };
  return apply({ ...params, metadata, edit: choice === REPAIR ? confirmed(params.edit) : params.edit });
}
