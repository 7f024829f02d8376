"""What the rules say of each statement of a file, from memory where nothing it rests on changed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from .config import Config
from .finding import Draft, Note, Spot
from .positions import Span
from .reading.edited import Change
from .reading.facts import Unit
from .reading.file_facts import FileFacts
from .reading.index import Index
from .reading.memory import ABSENT
from .reading.rereading import Reading, read_again
from .reading.source import Statement
from .reading.units import unit
from .rules import RULES

_log = logging.getLogger(__name__)


class Judge:
    """Asks the rules about the statements of one file.

    active: the codes of the rules that are asked.
    """

    def __init__(self, index: Index, facts: FileFacts, config: Config) -> None:
        known = index.memory.asked.get(facts.path)
        if known is None or known[0] is not config:
            active = frozenset(rule.code for rule in RULES if config.enabled(rule.code, rule.name, facts.path))
            known = index.memory.asked[facts.path] = (config, active, index.memory.token((config, active)))
        _, self.active, self._asked = known
        # The statements that are nested too deeply to be read.
        self.too_deep: set[Statement] = set()
        self._index = index
        self._facts = facts
        self._config = config

    @property
    def known(self) -> Mapping[Statement, Sequence[Draft]]:
        """The findings in the statements about which nothing changed since they were last read."""
        return self._index.memory.judged(self._facts.path, self._asked)

    def drafts(self, statement: Statement) -> Sequence[Draft]:
        """The findings in a statement.

        In one that does not parse: those of its last version that did, moved with the edit that broke it.
        """
        if not statement.is_definition:
            return ()
        if self._index.provisional:
            earlier_drafts = self._index.memory.former(("drafts", self._facts.path, statement, self._asked))
            if earlier_drafts is not ABSENT:
                return earlier_drafts  # type: ignore[no-any-return]
        reading = self._former(statement)
        if self._index.provisional and reading is not None and statement.is_spaced_as(reading.statement):
            # Not even parsed: a line that was begun above it is no other code yet.
            return _moved(reading.drafts, statement.change_since(reading.statement), reading, statement)
        if statement.body or statement.error is None:
            return self._found(statement, reading)
        if reading is not None:
            return _moved(reading.drafts, statement.change_since(reading.statement), reading, statement)
        earlier = statement.good
        if earlier is statement:
            return ()
        kept = Reading(earlier, self._asked, self._found(earlier, None))
        return _moved(kept.drafts, statement.change_since(earlier), kept, statement)

    def _former(self, statement: Statement) -> Reading | None:
        """What was read of the version that an edit put this one in the place of."""
        reading = statement.former
        return reading if isinstance(reading, Reading) and reading.asked == self._asked else None

    def _found(self, statement: Statement, reading: Reading | None) -> Sequence[Draft]:
        index, facts = self._index, self._facts
        key = ("drafts", facts.path, statement, self._asked)
        known = index.recall(key)
        if known is not ABSENT:
            return known  # type: ignore[no-any-return]
        if index.provisional and reading is not None:
            try:
                quick = self._read_again(statement, reading)
            except RecursionError:
                quick = None
            if quick is not None:
                return quick
        read: Unit | None = None
        result: tuple[Draft, ...] = ()
        with index.resting() as rests_on:
            index.depend(facts.path, statement.name)
            try:
                read = unit(index, facts, statement)
                result = self._judged(read)
            except RecursionError:
                self.too_deep.add(statement)
            except Exception:
                _log.exception("%s: reading %s failed", facts.path, statement.key)
        if statement in self.too_deep:
            index.rest(rests_on)
            return ()  # and not kept: who asks again is told again
        index.keep(key, result, rests_on)
        if read is not None and facts.path in index.watched and not index.took_former(rests_on):
            statement.keep_reading(Reading.of(read, self._asked, result))
        return result

    def _judged(self, read: Unit) -> tuple[Draft, ...]:
        found: list[Draft] = []
        if read.is_empty:
            return ()
        for rule in RULES:
            if rule.code in self.active:
                try:
                    found.extend(rule.check(read, self._config))
                except RecursionError:
                    raise
                except Exception:
                    _log.exception("%s: %s failed on %s", read.path, rule.code, read.statement.key)
        return tuple(found)

    def _read_again(self, statement: Statement, reading: Reading) -> Sequence[Draft] | None:
        """The findings after an edit inside one function: that function's are read again, the others' stay.

        None where the edit reaches further.
        """
        again = read_again(self._index, self._facts, statement, reading)
        if again is None:
            return None
        if again.unit is None:
            return _moved(reading.drafts, again.change, reading, statement)
        place = (self._facts.path, statement.key)
        fresh = [draft for draft in self._judged(again.unit) if draft.spot[:2] == place and again.covers(draft.spot)]
        kept: list[Draft] = [draft for draft in reading.drafts if not again.covered(draft.spot)]
        if again.change.moved:
            # What models do below is known by where it stood, which may be where the function stands now.
            stood = {(draft.code, draft.spot, draft.symbol) for draft in kept}
            fresh = [draft for draft in fresh if (draft.code, draft.spot, draft.symbol) not in stood]
            kept = _moved(kept, again.change, reading, statement)
        return [*fresh, *kept]


def _moved(drafts: Iterable[Draft], change: Change, reading: Reading, statement: Statement) -> list[Draft]:
    """The findings of an earlier version of a statement, where their text stands now. Without repairs."""
    old, new = reading.statement.lines, statement.lines
    moved = []
    for draft in drafts:
        span = draft.spot.span
        notes = tuple(_moved_note(note, draft.spot, change) for note in draft.notes) if change.moved else draft.notes
        if span.end_line < change.first:
            moved.append(replace(draft, repairs=(), notes=notes))
        elif span.line >= change.old_end:
            spot = draft.spot._replace(span=span.shifted(change.moved))
            moved.append(replace(draft, spot=spot, repairs=(), notes=notes))
        else:
            # On the line being typed it stays where its text still stands.
            text = old[span.line][span.column : span.end_column if span.line == span.end_line else None]
            column = new[span.line].find(text) if span.line < len(new) and text else -1
            if column >= 0 and span.line == span.end_line:
                place = Span(span.line, column, span.line, column + len(text))
                moved.append(replace(draft, spot=draft.spot._replace(span=place), repairs=(), notes=notes))
    return moved


def _moved_note(note: Note, spot: Spot, change: Change) -> Note:
    """A note of a finding, where it stands now if it is about the same statement."""
    place = note.spot
    if place[:2] != spot[:2] or place.span.line < change.old_end:
        return note
    return replace(note, spot=place._replace(span=place.span.shifted(change.moved)))
