"""The one position type, and its conversions at the edges.

Inside the program a position is a 0-based line and a 0-based column in code points. `ast` counts columns in
UTF-8 bytes, libcst in code points, the Language Server Protocol in UTF-16 code units, people from 1.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n|\r|\n")


class Span(NamedTuple):
    """A half-open range of text: 0-based lines, 0-based code point columns, end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int

    def shifted(self, lines: int) -> Span:
        """The same range `lines` further down."""
        return Span(self.line + lines, self.column, self.end_line + lines, self.end_column)

    def contains(self, other: Span) -> bool:
        """Whether `other` lies within this range (touching ends count)."""
        return self[:2] <= other[:2] and other[2:] <= self[2:]


def split_lines(text: str) -> list[str]:
    """The lines of `text` without their ends, split where Python's own parser splits.

    `str.splitlines` also splits at form feeds and Unicode separators, which Python source does not.
    """
    if "\r" not in text:
        return text.split("\n")
    return _LINE_END.split(text)


def code_point_column(line: str, byte_column: int) -> int:
    """`ast`'s column, in UTF-8 bytes, as a column in code points of `line`."""
    if line.isascii():
        return byte_column
    return len(line.encode("utf-8")[:byte_column].decode("utf-8", "replace"))


def utf16_column(line: str, column: int) -> int:
    """A code point column of `line` as LSP's column, in UTF-16 code units."""
    if line.isascii():
        return column
    return len(line[:column].encode("utf-16-le", "surrogatepass")) // 2


def column_from_utf16(line: str, units: int) -> int:
    """LSP's column, in UTF-16 code units, as a code point column of `line`; past the end means the end."""
    if line.isascii():
        return min(units, len(line))
    return len(line.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "replace"))
