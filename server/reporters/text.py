"""Findings for a terminal: the place and message, the source line, a run of carets under the range."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator

from ..finding import Safety, Severity
from .results import Entry, Place, Results

_COLOURS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.INFORMATION: "1;36"}
_TAB = 8


def report(results: Results, *, colour: bool = False) -> Iterator[str]:
    """The report, line by line; `colour` puts in terminal colours."""

    def paint(text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if colour and text else text

    for entry in results.entries:
        style = _COLOURS[entry.finding.severity]
        yield f"{paint(_position(entry.place), '1')}: {paint(entry.finding.code, style)} {entry.finding.message}"
        if entry.source.strip():
            line, carets = underline(entry)
            yield line
            yield paint(carets, style)
        for place, message in entry.related:
            yield f"  {_position(place)}: {message}"
        if entry.fix:
            unsafe = " (unsafe)" if entry.fix.safety is Safety.UNSAFE else ""
            yield paint(f"  fix{unsafe}: {entry.fix.title}", "2")
        yield ""
    yield from summary(results)


def summary(results: Results) -> Iterator[str]:
    """What was found, counted, and what can be done about it."""
    files = _count(results.files, "file")
    if not results.entries:
        yield f"Nothing found in {files}." if results.files else "No Python files to check."
        return
    severities = Counter(entry.finding.severity for entry in results.entries)
    names = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFORMATION: "information"}
    parts = [
        f"{severities[severity]} information"
        if severity is Severity.INFORMATION
        else _count(severities[severity], name)
        for severity, name in names.items()
        if severities[severity]
    ]
    touched = len({entry.place.path for entry in results.entries})
    yield f"Found {_count(len(results.entries), 'finding')} ({', '.join(parts)}) in {touched} of {files}."
    fixes = results.fixes()
    safe, unsafe = fixes[Safety.SAFE], fixes[Safety.UNSAFE]
    if safe:
        yield f"{safe} can be repaired safely" + (f", {unsafe} more with --unsafe-fixes." if unsafe else ".")
    elif unsafe:
        yield f"{unsafe} can be repaired with --unsafe-fixes."
    for code, count in sorted(results.fixes_by_name().items()):
        yield f"{count} of {code} can be repaired with --select {code}."


def underline(entry: Entry) -> tuple[str, str]:
    """The source line, and carets under the part of it that the range covers (at least one).

    Tabs before the range are repeated so that any tab width lines up; a line with a tab inside it is shown expanded.
    """
    line, place = entry.source, entry.place
    start = min(place.column - 1, len(line))
    end = place.end_column - 1 if place.end_line == place.line else len(line.rstrip())
    if "\t" in line[start:end]:
        offset = len(line[:start].expandtabs(_TAB))
        end, start = len(line[:end].expandtabs(_TAB)), offset
        line = line.expandtabs(_TAB)
    lead = "".join("\t" if character == "\t" else " " * width(character) for character in line[:start])
    return line, lead + "^" * max(1, sum(map(width, line[start:end])))


def width(character: str) -> int:
    """The columns a character takes in a terminal: 2 for wide ones, 0 for marks that join the one before."""
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _position(place: Place) -> str:
    cell = f"cell {place.cell}:" if place.cell is not None else ""
    return f"{place.path}:{cell}{place.line}:{place.column}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
