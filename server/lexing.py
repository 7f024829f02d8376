"""Which parts of Python source are comments, and where logical lines end; works on text that does not parse."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A string ends at its quotes, an unfinished one at the end of the line, an unfinished triple-quoted one at the
# end of the text. Backslashes escape quotes in raw strings too, as far as finding the end is concerned.
_STRING = (
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*(?:"""|\Z)'
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*(?:'''|\Z)"
    r'|"[^"\\\r\n]*(?:\\(?:\r\n|.)[^"\\\r\n]*)*"?'
    r"|'[^'\\\r\n]*(?:\\(?:\r\n|.)[^'\\\r\n]*)*'?"
)
_COMMENTS = re.compile(rf"{_STRING}|(?P<comment>\#[^\r\n]*)", re.DOTALL)
_TOKENS = re.compile(
    rf"(?P<string>{_STRING})|(?P<comment>\#[^\r\n]*)|(?P<open>[(\[{{])|(?P<close>[)\]}}])"
    r"|(?P<joined>\\(?:\r\n|\r|\n))|(?P<newline>\r\n|\r|\n)",
    re.DOTALL,
)
_NEWLINE = re.compile(r"\r\n|\r|\n")


def comments(text: str) -> Iterator[tuple[int, str]]:
    """The offset and the text of each comment, in order."""
    for match in _COMMENTS.finditer(text):
        if match["comment"]:
            yield match.start(), match["comment"]


def brackets(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """(offset, 1 or -1) of each bracket that opens or closes between two offsets, in order."""
    for match in _TOKENS.finditer(text, start, end):
        if match["open"] or match["close"]:
            yield match.start(), 1 if match["open"] else -1


def logical_lines(text: str) -> Iterator[tuple[int, int, frozenset[int]]]:
    """The first and last 0-based physical line of each logical line, and those of its lines that a comment cannot end.

    A comment cannot end a line that ends in a backslash or inside a string.
    """
    first = line = depth = 0
    closed: set[int] = set()
    for match in _TOKENS.finditer(text):
        kind = match.lastgroup
        if kind == "string":
            ends = len(_NEWLINE.findall(match[0]))
            closed.update(range(line, line + ends))
            line += ends
            if match[0][:3] in ('"""', "'''") and (len(match[0]) < 6 or match[0][-3:] != match[0][:3]):
                closed.add(line)  # never closed: the rest of the text is a string
        elif kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "joined":
            closed.add(line)
            line += 1
        elif kind == "newline":
            if not depth:
                yield first, line, frozenset(closed)
                first, closed = line + 1, set()
            line += 1
    yield first, line, frozenset(closed)
