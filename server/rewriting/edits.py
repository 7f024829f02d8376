"""Small edits between two texts, and their application."""

from __future__ import annotations

import bisect
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence

from ..finding import Edit
from ..positions import Span
from .source import line_starts

_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


def minimal_edits(old: str, new: str) -> list[Edit]:
    """Disjoint edits, in order, that turn `old` into `new`; each replaces only the characters that differ."""
    if old == new:
        return []
    starts = line_starts(old)
    return [
        Edit(_span(starts, start, end), text)
        for start, end, text in (_trimmed(old, *change) for change in _changes(old, new))
        if start != end or text
    ]


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """`text` with disjoint edits carried out; edits at one place keep their order. Raises ValueError on overlap."""
    starts = line_starts(text)
    placed = sorted(
        ((_offset(text, starts, e.span[:2]), _offset(text, starts, e.span[2:]), e.text) for e in edits),
        key=lambda item: item[:2],
    )
    pieces: list[str] = []
    position = 0
    for start, end, new in placed:
        if start < position or end < start:
            raise ValueError("edits overlap")
        pieces += [text[position:start], new]
        position = end
    return "".join([*pieces, text[position:]])


def _changes(old: str, new: str) -> Iterator[tuple[int, int, str]]:
    """The changed runs of lines as (start, end, new text); line for line where a run keeps its length."""
    before, after = _LINES.findall(old), _LINES.findall(new)
    head = _common(before, after)
    limit = min(len(before), len(after)) - head
    tail = 0
    while tail < limit and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    offsets = [0]
    for line in before:
        offsets.append(offsets[-1] + len(line))
    matcher = difflib.SequenceMatcher(None, before[head : len(before) - tail], after[head : len(after) - tail])
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        i1, i2, j1, j2 = i1 + head, i2 + head, j1 + head, j2 + head
        if tag == "equal":
            continue
        if i2 - i1 == j2 - j1:
            for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
                yield offsets[i], offsets[i + 1], after[j]
        else:
            yield offsets[i1], offsets[i2], "".join(after[j1:j2])


def _trimmed(old: str, start: int, end: int, new: str) -> tuple[int, int, str]:
    """The change without the characters it leaves alone; never cut between `\\r` and `\\n`."""
    was = old[start:end]
    head = _common(was, new)
    if _splits(was, head) or _splits(new, head):
        head -= 1
    limit = min(len(was), len(new)) - head
    tail = 0
    while tail < limit and was[-1 - tail] == new[-1 - tail]:
        tail += 1
    if tail and (_splits(was, len(was) - tail) or _splits(new, len(new) - tail)):
        tail -= 1
    return start + head, end - tail, new[head : len(new) - tail]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the common beginning."""
    limit = min(len(one), len(other))
    return next((index for index in range(limit) if one[index] != other[index]), limit)


def _splits(text: str, index: int) -> bool:
    return 0 < index < len(text) and text[index - 1] == "\r" and text[index] == "\n"


def _span(starts: list[int], start: int, end: int) -> Span:
    first = bisect.bisect_right(starts, start) - 1
    last = bisect.bisect_right(starts, end) - 1
    return Span(first, start - starts[first], last, end - starts[last])


def _offset(text: str, starts: list[int], position: tuple[int, ...]) -> int:
    line, column = position
    if line >= len(starts):
        return len(text)
    end = starts[line + 1] if line + 1 < len(starts) else len(text)
    return min(starts[line] + column, end)
