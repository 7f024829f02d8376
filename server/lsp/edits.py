"""Makes LSP workspace edits of the checker's edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def _placed(
    session: Session, folder: Folder, path: str, edits: Sequence[Edit]
) -> list[tuple[str, lsp.TextEdit]]:
    """Each edit with the document it falls into. A notebook's edits go to its cells."""
    lines = split_lines(folder.project.text(path))
    notebook = session.notebooks.at(path)
    document = session.documents.at(path)
    placed: list[tuple[str, lsp.TextEdit]] = []
    for edit in sorted(edits, key=lambda each: each.span):
        range_ = to_range(edit.span, lines)
        uri = document.uri if document is not None else uri_of(path)
        if notebook is not None and (cell := notebook.cell_at(edit.span.line)) is not None:
            uri, first = cell
            range_.start.line -= first
            range_.end.line -= first
            _keep_inside(range_, session, uri)
        placed.append((uri, lsp.TextEdit(range_, edit.text)))
    return placed


def _keep_inside(range_: lsp.Range, session: Session, uri: str) -> None:
    """Pull a range that ends behind a cell's last line (the line between two cells) back to the cell's end."""
    cell = session.documents.get(uri)
    if cell is None or range_.end.line < len(cell.lines):
        return
    end = lsp.Position(len(cell.lines) - 1, len(cell.lines[-1].encode("utf-16-le")) // 2)
    range_.end = end
    if (range_.start.line, range_.start.character) > (end.line, end.character):
        range_.start = end
