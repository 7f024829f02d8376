"""What loops run over that is no container: numbers, and several containers at once."""

from __future__ import annotations

from .values import Value


class Range(Value):
    """`range(...)`; count and start where known.

    once: by default it has at most one number, which nobody changes. moving: the loops around it, each round of which
    may set its start anew, so that it goes on where it was left.
    """

    __slots__ = ("count", "moving", "once", "start")

    def __init__(
        self, count: int | None, start: int | None = 0, once: bool = False, moving: frozenset[int] = frozenset()
    ) -> None:
        self.count = count
        self.start = start
        self.once = once
        self.moving = moving


class Zipped(Value):
    """`zip(...)`, `enumerate(...)`, `dict.items()`: rounds of tuples of the parts' elements."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Value]) -> None:
        self.parts = parts


def runs_once(value: Value) -> bool:
    """Whether a loop over a value has one round at most unless somebody asks for more."""
    if isinstance(value, Zipped):
        return any(runs_once(part) for part in value.parts)
    return isinstance(value, Range) and value.once
