"""Values of top-level assignments, read once for all models that ask for them.

A library's tables (`ACT2FN`, a loss for each model's name) are asked for by every model. What they hold follows from
the source alone, so a machine of their own reads them. Modules count as one object for each model that is read: a
value that holds any is read by whoever asks.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from . import plain
from .definitions import Assigned, Definition
from .memory import ABSENT
from .values import UNKNOWN, Value

if TYPE_CHECKING:
    from .index import Index

# Top-level values that are being read one inside the other; deeper ones are read by whoever asks.
_DEPTH = 12


class Reading:
    """The top-level values that an index is reading: each is asked for by the one before."""

    def __init__(self) -> None:
        self.places: dict[ast.expr, int] = {}
        # The outermost value that one of those in it asked for again, and got no answer.
        self.outermost = _DEPTH

    @property
    def is_cut(self) -> bool:
        """Whether what was read last is in a circle that is not read to its end."""
        return self.outermost < _DEPTH


_NO_ARGUMENTS = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])


def definition(assigned: Assigned) -> Definition:
    """A function that yields the value of a top-level assignment."""
    module = ast.Lambda(args=_NO_ARGUMENTS, body=assigned.value)
    return Definition(assigned.path, assigned.statement, module, "<module>")


def value(index: Index, assigned: Assigned) -> Value | None:
    """The value of a top-level assignment; None where whoever asks has to read it."""
    key = ("value", assigned.value)
    known = index.recall(key)
    if known is ABSENT:
        known = _read(index, assigned)
    return plain.copied(known) if known is not None else None


def _read(index: Index, assigned: Assigned) -> Value | None:
    from .machine import Machine

    reading, node = index.top_level, assigned.value
    place = len(reading.places)
    if node in reading.places:
        reading.outermost = min(reading.outermost, reading.places[node])
        return UNKNOWN
    if place == _DEPTH:
        return None
    reading.places[node] = place
    try:
        with index.resting() as rests_on:
            machine = Machine(index, definition(assigned), building=True)
            read = machine.run_at_module_level(assigned)
    finally:
        del reading.places[node]
    found = read if plain.is_plain(read) and not machine.trace.entries else None
    if not reading.is_cut:
        index.keep(("value", node), found, rests_on)
    else:
        # In a circle the answer depends on where the reading starts: whoever asks gets one of their own.
        index.rest(rests_on)
        if reading.outermost >= place:
            reading.outermost = _DEPTH
    return found
