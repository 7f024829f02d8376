"""Makes LSP workspace edits of the checker's edits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from ..finding import Edit
from ..positions import split_lines
from .folders import Folder
from .translate import to_range, uri_of

if TYPE_CHECKING:
    from .session import Session


def workspace_edit(
    session: Session, folder: Folder, edits: Mapping[str, Sequence[Edit]], *, review: str = ""
) -> lsp.WorkspaceEdit | None:
    """`edits` of files of `folder`, as one step of undo; None where there is nothing to change.

    review: where given, the editor shows a preview under that heading before anything changes, if it can.
    """
    by_document: dict[str, list[lsp.TextEdit]] = {}
    for path, changes in edits.items():
        for uri, edit in _placed(session, folder, path, changes):
            by_document.setdefault(uri, []).append(edit)
    if not by_document:
        return None
    support = session.edit_support
    if not support.document_changes:
        return lsp.WorkspaceEdit(changes=by_document)
    annotate = bool(review) and support.change_annotation_support is not None
    documents: list[lsp.TextDocumentEdit] = []
    for uri, text_edits in by_document.items():
        document = session.documents.get(uri)
        identifier = lsp.OptionalVersionedTextDocumentIdentifier(uri, document.version if document else None)
        annotated = [lsp.AnnotatedTextEdit("review", edit.range, edit.new_text) for edit in text_edits]
        documents.append(lsp.TextDocumentEdit(identifier, annotated if annotate else text_edits))
    annotations = {"review": lsp.ChangeAnnotation(review, needs_confirmation=True)} if annotate else None
    return lsp.WorkspaceEdit(document_changes=list(documents), change_annotations=annotations)


def _placed(session: Session, folder: Folder, path: str, edits: Sequence[Edit]) -> Iterator[tuple[str, lsp.TextEdit]]:
    """Each edit with the document it falls into. A notebook's edits go to its cells."""
    notebook, document = session.notebooks.at(path), session.documents.at(path)
    if notebook is not None:
        parts = list(notebook.spread(edits))
    else:
        parts = [(document.uri if document is not None else uri_of(path), folder.project.text(path), list(edits))]
    for uri, text, own in parts:
        lines = split_lines(text)
        for edit in sorted(own, key=lambda each: each.span):
            yield uri, lsp.TextEdit(to_range(edit.span, lines), edit.text)
