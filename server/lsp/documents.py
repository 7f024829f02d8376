"""The open documents: their text, kept line by line so that an edit costs what it touches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lsprotocol import types as lsp

from ..positions import Span
from .translate import TextChange, in_code_points, path_of, scheme_of

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")

SCHEMES = frozenset({"file", "untitled", "vscode-notebook-cell"})


def lines_of(text: str) -> list[str]:
    """The lines of `text` with their ends, and an empty last one where the text ends with a line end.

    Only what LSP and Python call a line end counts; `str.splitlines` also splits at form feeds.
    """
    if "\r" in text:
        lines = _LINE.findall(text)
    else:
        lines = [line + "\n" for line in text.split("\n")]
        lines[-1] = lines[-1][:-1]
        return lines
    if not lines or lines[-1].endswith(("\r", "\n")):
        lines.append("")
    return lines


class Document:
    """An open text document or notebook cell.

    path: the file's; the URI of a document that is no file. text: the whole, of which lines are the parts.
    """

    def __init__(self, item: lsp.TextDocumentItem) -> None:
        self.uri = item.uri
        self.path = path_of(item.uri) or item.uri
        self.version = item.version
        self.language = item.language_id
        self.lines = lines_of(item.text)
        self.text = item.text
        # A line, and where in the text it begins: the last that was edited.
        self._at = (0, 0)

    def change(self, version: int, changes: Iterable[TextChange]) -> None:
        """Apply the edits, one after the other."""
        for units, text in changes:
            if units is not None:
                self._replace(in_code_points(units, self.lines), text)
            else:
                self.lines, self.text, self._at = lines_of(text), text, (0, 0)
        self.version = version

    def _replace(self, span: Span, text: str) -> None:
        lines = self.lines
        line, column, end_line, end_column = span
        if line >= len(lines):
            line, column = len(lines) - 1, len(lines[-1])
        if end_line >= len(lines):
            end_line, end_column = len(lines) - 1, len(lines[-1])
        text = lines[line][:column] + text + lines[end_line][end_column:]
        # A lone carriage return beside the edit may now be the first half of a line end.
        if line and lines[line - 1].endswith("\r"):
            line -= 1
            text = lines[line] + text
        last = end_line == len(lines) - 1
        if text.endswith("\r") and not last:
            end_line += 1
            text += lines[end_line]
            last = end_line == len(lines) - 1
        fresh = lines_of(text)
        if not last:
            fresh.pop()
        self._replace_text(line, end_line + 1, text)
        lines[line : end_line + 1] = fresh

    def _replace_text(self, line: int, end: int, text: str) -> None:
        """Put `text` in the place of the lines from `line` up to `end`; to join all lines would cost more."""
        at, start = self._at
        lines = self.lines
        start += sum(map(len, lines[at:line])) if line >= at else -sum(map(len, lines[line:at]))
        self._at = (line, start)
        self.text = self.text[:start] + text + self.text[start + sum(map(len, lines[line:end])) :]


class Documents:
    """The open documents by URI."""

    def __init__(self) -> None:
        self._by_uri: dict[str, Document] = {}
        self._by_path: dict[str, Document] = {}

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._by_uri.values()))

    def open(self, item: lsp.TextDocumentItem) -> Document | None:
        """Take the document in; None where its scheme is not ours to check."""
        if scheme_of(item.uri) not in SCHEMES:
            return None
        document = self._by_uri[item.uri] = Document(item)
        self._by_path[document.path] = document
        return document

    def close(self, uri: str) -> Document | None:
        """Forget the document; None where it was not open."""
        document = self._by_uri.pop(uri, None)
        if document is not None:
            if self._by_path.get(document.path) is document:
                del self._by_path[document.path]
        return document

    def get(self, uri: str) -> Document | None:
        """The open document of that URI."""
        return self._by_uri.get(uri)

    def at(self, path: str) -> Document | None:
        """The open document of that path."""
        return self._by_path.get(path)
