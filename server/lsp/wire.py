"""The JSON text of published diagnostics.

pygls would build lsprotocol objects, turn them into dictionaries and those into text, for every finding on every
keystroke. What does not move with an edit is made once here and kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from ..finding import Finding, Severity
from ..positions import Span, split_lines, utf16_column
from ..rules.links import doc_url
from .translate import SEVERITIES

SOURCE = "AIMET"


class Columns:
    """Columns of one text in UTF-16 code units; the text is cut into lines only where it is not ASCII."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ascii = text.isascii()
        self._lines: list[str] | None = None

    @property
    def is_ascii(self) -> bool:
        """Whether columns are the same in code points and in UTF-16 code units."""
        return self._ascii

    @property
    def lines(self) -> list[str]:
        """The lines of the text, without their ends."""
        if self._lines is None:
            self._lines = split_lines(self._text)
        return self._lines

    def units(self, line: int, column: int) -> int:
        """The LSP column of a column in code points."""
        if self._ascii or line >= len(self.lines):
            return column
        return utf16_column(self.lines[line], column)

    def whole_line(self, line: int) -> str:
        """The JSON of the LSP range of what a line says, without its indentation."""
        text = self.lines[line] if line < len(self.lines) else ""
        return self.range(Span(line, len(text) - len(text.lstrip()), line, len(text.rstrip())))

    def range(self, span: Span, first: int = 0) -> str:
        """The JSON of an LSP range. first: the line of the text that is the document's line 0."""
        line, column, end_line, end_column = span
        if not self._ascii:
            column, end_column = self.units(line, column), self.units(end_line, end_column)
        return (
            f'{{"start":{{"line":{line - first},"character":{column}}},'
            f'"end":{{"line":{end_line - first},"character":{end_column}}}}}'
        )


class Place(NamedTuple):
    """A document that holds some lines of a checked text: the whole file, or one cell of a notebook.

    first: the line of the text that is the document's line 0. whole: whether it holds the whole text.
    """

    uri: str
    columns: Columns
    first: int = 0
    whole: bool = True


@lru_cache(maxsize=8192)
def _fixed_part(code: str, severity: int, message: str) -> str:
    """Everything of a diagnostic that does not depend on positions."""
    fields: dict[str, object] = {"severity": severity, "code": code}
    if (url := doc_url(code)) is not None:
        fields["codeDescription"] = {"href": url}
    return json.dumps({**fields, "source": SOURCE, "message": message})[1:-1]


def _related(finding: Finding, here: Place, place_of: Callable[[str, Span], Place]) -> str:
    items = []
    for (path, span), message in ((each.location, each.message) for each in finding.related):
        place = here if here.whole and path == finding.path else place_of(path, span)
        location = f'{{"uri":{json.dumps(place.uri)},"range":{place.columns.range(span, place.first)}}}'
        items.append(f'{{"location":{location},"message":{json.dumps(message)}}}')
    return f',"relatedInformation":[{",".join(items)}]'


def _stays(finding: Finding, place: Place) -> bool:
    """Whether the text of a diagnostic with related places stays the same as long as its finding does: they do not
    stand in other documents, which may change, nor on lines whose columns may.
    """
    here = place.whole and place.columns.is_ascii
    return here and all(each.location.path == finding.path for each in finding.related)


class Texts:
    """The JSON of the diagnostics that a document was last sent, for those of its findings that stay as they are."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[Finding, int, str]] = {}

    def array(
        self,
        findings: Iterable[Finding],
        place: Place,
        place_of: Callable[[str, Span], Place],
        *,
        related: bool = True,
    ) -> str:
        """The JSON array for `findings` in the document `place`.

        place_of: the document at a range of a file, for related places. related: whether the client shows them.
        """
        before, self._texts = self._texts, {}
        parts = []
        for finding in findings:
            number = id(finding)
            stays = not finding.related or _stays(finding, place)
            known = before.get(number) if stays else None
            if known is None or known[0] is not finding or known[1] != place.first:
                known = (finding, place.first, _diagnostic(finding, place, place_of, related))
            if stays:
                self._texts[number] = known
            parts.append(known[2])
        return f"[{','.join(parts)}]"


def _diagnostic(finding: Finding, place: Place, place_of: Callable[[str, Span], Place], related: bool) -> str:
    return (
        f'{{"range":{place.columns.range(finding.span, place.first)},'
        f"{_fixed_part(finding.code, SEVERITIES[finding.severity].value, finding.message)}"
        f"{_related(finding, place, place_of) if related and finding.related else ''}}}"
    )


def diagnostics(
    findings: Iterable[Finding], place: Place, place_of: Callable[[str, Span], Place], *, related: bool = True
) -> str:
    """The same, made once."""
    return Texts().array(findings, place, place_of, related=related)


def message(uri: str, version: int | None, array: str) -> bytes:
    """The publishDiagnostics notification for one document. version: None for a file that is not open."""
    stamp = "" if version is None else f'"version":{version},'
    return (
        '{"jsonrpc":"2.0","method":"textDocument/publishDiagnostics",'
        f'"params":{{"uri":{json.dumps(uri)},{stamp}"diagnostics":{array}}}}}'
    ).encode()


def mistakes(problems: Iterable[tuple[int, str]], columns: Columns) -> str:
    """The JSON array for mistakes in a settings file, as (0-based line, message)."""
    parts = (
        f'{{"range":{columns.whole_line(line)},"severity":{SEVERITIES[Severity.WARNING].value},'
        f'"source":"{SOURCE}","message":{json.dumps(text)}}}'
        for line, text in problems
    )
    return f"[{','.join(parts)}]"
