"""Translates at the edge: file URIs and paths, UTF-16 positions and code points, severities."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from lsprotocol import types as lsp

from ..finding import Severity
from ..positions import Span, column_from_utf16, utf16_column

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
    return Span(
        start.line,
        column_from_utf16(line_at(lines, start.line), start.character),
        end.line,
        column_from_utf16(line_at(lines, end.line), end.character),
    )


def changes_in(params: Mapping[str, Any]) -> lsp.DidChangeTextDocumentParams:
    """The params of a didChange notification, as they come in its JSON."""
    document = params["textDocument"]
    changes: list[lsp.TextDocumentContentChangeEvent] = []
    for change in params["contentChanges"]:
        if (place := change.get("range")) is None:
            changes.append(lsp.TextDocumentContentChangeWholeDocument(change["text"]))
        else:
            start, end = (lsp.Position(each["line"], each["character"]) for each in (place["start"], place["end"]))
            changes.append(lsp.TextDocumentContentChangePartial(lsp.Range(start, end), change["text"]))
    identifier = lsp.VersionedTextDocumentIdentifier(document["version"], document["uri"])
    return lsp.DidChangeTextDocumentParams(identifier, changes)


def overlaps(first: Span, second: Span) -> bool:
    """Whether two ranges share a position; touching ends count, as they do for a cursor."""
    return first[:2] <= second[2:] and second[:2] <= first[2:]
