import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { ApplyWorkspaceEditParams } from 'vscode-languageclient/node';
import { applyReviewed } from '../../src/review';
import { window } from './vscode';

const edit = {
  documentChanges: [{ textDocument: { uri: 'file:///a.py', version: 1 }, edits: [] }],
  changeAnnotations: { review: { label: 'Repair', needsConfirmation: true } },
};
const asked: string[] = [];

function answering(choice: string | undefined) {
  window.showInformationMessage = async (message) => {
    asked.push(message);
    return choice;
  };
}

async function apply(params: ApplyWorkspaceEditParams) {
  const applied: ApplyWorkspaceEditParams[] = [];
  const result = await applyReviewed(params, async (given) => {
    applied.push(given);
    return { applied: true };
  });
  return { result, applied };
}

afterEach(() => {
  asked.length = 0;
});

test('an edit that wants no review is applied at once', async () => {
  const plain = { edit: { documentChanges: [] } };
  assert.deepEqual((await apply(plain)).applied, [plain]);
  assert.deepEqual(asked, []);
});

test('one yes applies everything without a second question', async () => {
  answering('Repair All');
  const { applied, result } = await apply({ edit });
  assert.equal(result.applied, true);
  assert.equal(applied[0]?.edit.changeAnnotations?.['review']?.needsConfirmation, false);
  assert.deepEqual(applied[0]?.metadata, { isRefactoring: true });
  assert.match(asked.join(), /one file\?/);
});

test('a review goes to the preview of the editor', async () => {
  answering('Review Changes');
  assert.deepEqual((await apply({ edit })).applied[0]?.edit, edit);
});

test('closing the question changes nothing', async () => {
  answering(undefined);
  const { applied, result } = await apply({ edit });
  assert.deepEqual([applied, result.applied], [[], false]);
});
