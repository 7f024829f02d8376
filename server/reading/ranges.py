"""What loops run over that is no container: numbers, and several containers at once."""

from __future__ import annotations

from .values import Value


class Range(Value):
    """`range(...)`; count and start where known."""

    __slots__ = ("count", "start")

    def __init__(self, count: int | None, start: int | None = 0) -> None:
        self.count = count
        self.start = start


class Zipped(Value):
    """`zip(...)`, `enumerate(...)`, `dict.items()`: rounds of tuples of the parts' elements."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Value]) -> None:
        self.parts = parts
