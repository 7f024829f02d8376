"""Translates at the edge: file URIs and paths, UTF-16 positions and code points, severities."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib import parse
from urllib.parse import urlsplit

from lsprotocol import types as lsp

from ..finding import Severity
from ..positions import Span, column_from_utf16, utf16_column

# A file's name need not be Unicode.
quote = partial(parse.quote, errors="surrogateescape")
unquote = partial(parse.unquote, errors="surrogateescape")

SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFORMATION: lsp.DiagnosticSeverity.Information,
}


def path_of(uri: str) -> str | None:
    """The absolute POSIX path of a `file:` URI (`c:/models/net.py` on Windows); None for any other URI."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    path = unquote(parts.path)
    if parts.scheme != "file" or not path.startswith("/") or "\0" in path:
        return None
    if parts.netloc and parts.netloc != "localhost":
        return f"//{unquote(parts.netloc)}{path}"
    if len(path) > 2 and path[2] == ":" and path[1].isalpha():
        path = path[1].lower() + path[2:]
    return path.rstrip("/") or "/"


def uri_of(path: str) -> str:
    """The `file:` URI of an absolute POSIX path; a path that is a URI already (`untitled:1`) stays as it is."""
    if path.startswith("//"):
        host, _, rest = path[2:].partition("/")
        return f"file://{quote(host)}/{quote(rest)}"
    if path.startswith("/"):
        return f"file://{quote(path)}"
    if path[1:2] == ":" and os.name == "nt":
        return f"file:///{path[0]}%3A{quote(path[2:])}"
    return path


def scheme_of(uri: str) -> str:
    """The scheme of a URI, empty where it has none."""
    head, colon, _ = uri.partition(":")
    return head.lower() if colon else ""


def line_at(lines: Sequence[str], line: int) -> str:
    """That line without its end, empty past the end of the file."""
    return lines[line].rstrip("\r\n") if line < len(lines) else ""


def to_range(span: Span, lines: Sequence[str]) -> lsp.Range:
    """`span` in LSP's UTF-16 code units. `lines`: the file's, with or without line ends."""
    return lsp.Range(
        lsp.Position(span.line, utf16_column(line_at(lines, span.line), span.column)),
        lsp.Position(span.end_line, utf16_column(line_at(lines, span.end_line), span.end_column)),
    )


def to_span(range_: lsp.Range, lines: Sequence[str]) -> Span:
    """An LSP range in code points; columns past a line's end mean its end."""
    start, end = range_.start, range_.end
    return in_code_points(Span(start.line, start.character, end.line, end.character), lines)


def in_code_points(units: Span, lines: Sequence[str]) -> Span:
    """A range whose columns are LSP's, in UTF-16 code units, in code points."""
    line, column, end_line, end_column = units
    return Span(
        line,
        column_from_utf16(line_at(lines, line), column),
        end_line,
        column_from_utf16(line_at(lines, end_line), end_column),
    )


class TextChange(NamedTuple):
    """An edit of a document. units: the range that `text` replaces, its columns in UTF-16 code units; None: all."""

    units: Span | None
    text: str


def changes_in(changes: Iterable[Mapping[str, Any]]) -> list[TextChange]:
    """The content changes of a document as they come in a message's JSON: lsprotocol's classes would take longer to
    make than the edit takes.
    """
    found = []
    for change in changes:
        units = None
        if (place := change.get("range")) is not None:
            start, end = place["start"], place["end"]
            units = Span(start["line"], start["character"], end["line"], end["character"])
        found.append(TextChange(units, change["text"]))
    return found


def changes_of(changes: Iterable[lsp.TextDocumentContentChangeEvent]) -> list[TextChange]:
    """The same for those of a notebook's cell, which lsprotocol has read."""
    found = []
    for change in changes:
        units = None
        if isinstance(change, lsp.TextDocumentContentChangePartial):
            start, end = change.range.start, change.range.end
            units = Span(start.line, start.character, end.line, end.character)
        found.append(TextChange(units, change.text))
    return found


def overlaps(first: Span, second: Span) -> bool:
    """Whether two ranges share a position; touching ends count, as they do for a cursor."""
    return first[:2] <= second[2:] and second[:2] <= first[2:]
