"""Replacements in one text that may lie within each other."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable

from .source import Range, Source


class StepError(Exception):
    """A step cannot be carried out; the message says why, for the user."""


class Splice:
    """Collects replacements and insertions of one source and writes the result.

    A replacement's writer asks `text` for the ranges it keeps, so replacements within them are carried out too.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._replacements: dict[Range, Callable[[], str]] = {}
        self._insertions: list[tuple[int, str]] = []
        self._active: list[Range] = []
        self._sorted: list[Range] = []

    def replace(self, place: Range, write: Callable[[], str]) -> None:
        self._replacements[place] = write

    def insert(self, offset: int, text: str) -> None:
        """Put `text` at `offset`, after what was put there before; not part of any range asked for by `text`."""
        self._insertions.append((offset, text))

    def covers(self, place: Range) -> bool:
        return place in self._replacements

    @property
    def nested(self) -> bool:
        """Whether the replacement being written lies within another one."""
        return len(self._active) > 1

    def result(self) -> str:
        self._sorted = sorted(self._replacements, key=lambda place: (place[0], -place[1]))
        return self._write(0, len(self._source.text), sorted(self._insertions, key=lambda item: item[0]))

    def text(self, start: int, end: int) -> str:
        """The repaired text of a range."""
        return self._write(start, end, [])

    def _write(self, start: int, end: int, insertions: list[tuple[int, str]]) -> str:
        pieces: list[str] = []
        position = start
        waiting = list(insertions)

        def copy(until: int) -> None:
            nonlocal position
            while waiting and waiting[0][0] <= until:
                offset, new = waiting.pop(0)
                pieces.extend((self._source.text[position:offset], new))
                position = max(position, offset)
            pieces.append(self._source.text[position:until])
            position = until

        first = bisect.bisect_left(self._sorted, (start,))
        for place in itertools.islice(self._sorted, first, None):
            if place[0] > end:
                break
            if place[0] < position or place[1] > end or place in self._active:
                continue
            while waiting and waiting[0][0] <= place[0]:
                copy(waiting[0][0])
            copy(place[0])
            self._active.append(place)
            pieces.append(self._replacements[place]())
            self._active.pop()
            position = place[1]
        copy(end)
        return "".join(pieces)
