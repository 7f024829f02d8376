"""Keeps what was read until something it rests on changes."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from . import callers
from .source import Statement

# (file, top-level name), (file, "*") for its star imports, ("calls", name) for who calls it, or (one of those below,
# what was asked). Memory forgets everything when files come or go, so that ("calls", name) is all it needs to know of
# who calls whom. What is kept on disk asks more exactly, to outlive files that change nothing.
Dependency = tuple[str, str]
# Told apart by (place, name), between them a null character. What a file and those that import it say of a top-level
# name; who gets it from one of those; whether AIMET's module of that name is registered for the file; whether any file
# says a text (in the place of the place); and which file a dotted name is, as seen from a folder.
CALLERS, HANDED_ON, REGISTERED, MODULE, SAID = "<callers>", "<handed on>", "<registered>", "<module>", "<said>"
# Where a name comes behind: that no class or function that names a class or function calls a method of that name, and,
# with a position, that none passes a parameter. A file's path behind those of CALLERS: what that file says.
UNCALLED, UNPASSED = "<uncalled>", "<unpassed>"
# By (file, key of a statement): no model in it runs code of the file that is checked, nor makes modules there. Where
# some do, by (file, key, key): none in the second statement, of the file that is checked.
OUT_OF_TOUCH = "<out of touch>"
# What a result rests on: names, and other results by their number.
Rest = Dependency | int

ABSENT = object()
# So many names of a result are told with what rests on it, rather than looked up there.
_FEW = 32


class Numbering:
    """Small numbers for names, by which many of them are told apart fast and kept in little space."""

    def __init__(self) -> None:
        self.each: list[Dependency] = []
        self._numbers: dict[Dependency, int] = {}
        # Those that only an edit asks for.
        self._of_edits: set[int] = set()

    def __call__(self, name: Dependency) -> int:
        """The number of a name."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.each)
            self.each.append(name)
            if name[0] == "calls":
                self._of_edits.add(number)
        return number

    def kept(self, numbers: AbstractSet[int]) -> AbstractSet[int]:
        """Those of the names that are kept on disk: the others say less exactly what some of these say."""
        return numbers - self._of_edits


class Touched(NamedTuple):
    """The statements, (file, key), in which the models of one run code or make modules.

    What rests on this says what it rests on of it: the result counts nothing among names.
    """

    places: AbstractSet[tuple[str, str]]
    files: AbstractSet[str]
    name: Dependency


class Growing:
    """A result that others are added to while it is kept."""

    def is_within(self, paths: AbstractSet[str]) -> bool:
        """Whether what it is about is in these files alone."""
        raise NotImplementedError

    def keep_within(self, paths: AbstractSet[str], entries: Mapping[Any, Any]) -> None:
        """Give up what holds anything of other files than these. entries: the other results that are kept."""
        raise NotImplementedError


class Memory:
    """What was read, with the names each reading rests on."""

    def __init__(self, watched: Iterable[str] = (), numbering: Numbering | None = None) -> None:
        self.newest: object = None
        self.numbering = numbering if numbering is not None else Numbering()
        # Edited statements, (before, after), of which it is not known yet whether they call others differently, with
        # how many results that rest on who calls whom were kept while there were any.
        self._edited: list[tuple[Statement | None, Statement | None, int]] = []
        self._asked = 0
        self.entries: dict[Any, Any] = {}
        # The files that are being edited.
        self.watched: set[str] = set(watched)
        self._rests_on: dict[Any, frozenset[Rest]] = {}
        self._numbers: dict[Any, int] = {}
        self._keys: dict[int, Any] = {}
        self._count = 0
        # Which results rest on a name or a result, and the results not entered there yet: only an edit asks for them.
        self._used_by: dict[Rest, set[Any]] = {}
        self._unentered: list[Any] = []
        # Results that were dropped and are still entered there.
        self._dropped: list[tuple[Any, frozenset[Rest]]] = []
        self._tokens: dict[Hashable, int] = {}
        # The last result under each key whose result no longer holds for sure, by the statement it is about.
        self._former: dict[Any, dict[Any, Any]] = {}
        # Of each file the settings it was last judged with, which rules they ask, and the token of both.
        self.asked: dict[str, tuple[object, frozenset[str], int]] = {}
        # What was found in each statement, by file and settings.
        self._judged: dict[tuple[str, int], dict[Statement, Any]] = {}
        # What results rest on, as far as somebody asked: names, by their numbers, and results.
        self._parted: dict[int, tuple[Collection[int], Collection[int]]] = {}
        self._parted_to = 0

    def copy(self) -> Memory:
        """The same results, to go on from without touching these."""
        other = Memory((), self.numbering)
        other.entries, other._rests_on = dict(self.entries), dict(self._rests_on)
        other._used_by = {dependency: set(keys) for dependency, keys in self._used_by.items()}
        other._unentered, other._dropped = list(self._unentered), list(self._dropped)
        other._numbers, other._keys, other._count = dict(self._numbers), dict(self._keys), self._count
        other._tokens, other._edited, other._asked = dict(self._tokens), list(self._edited), self._asked
        other._former = {statement: dict(results) for statement, results in self._former.items()}
        other._judged = {key: dict(found) for key, found in self._judged.items()}
        return other

    def within(self, paths: AbstractSet[str]) -> Memory:
        """What was read of these files alone, for a memory that takes the place of this one."""
        other = Memory(self.watched, self.numbering)
        if not paths:
            return other
        other._tokens, other._count, other._parted_to = self._tokens, self._count, self._parted_to
        growing: list[Growing] = []
        for key, value in self.entries.items():
            number, rests_on = self._numbers[key], self._rests_on[key]
            if key[0] == "drafts" or not all(
                rest in other._keys if isinstance(rest, int) else rest[0] in paths or rest[0] == MODULE
                for rest in rests_on
            ):
                continue
            if isinstance(value, Growing):
                if not value.is_within(paths):
                    continue
                growing.append(value)
            other.entries[key] = value
            other._numbers[key], other._keys[number], other._rests_on[key] = number, key, rests_on
            if number in self._parted:
                other._parted[number] = self._parted[number]
        for value in growing:
            value.keep_within(paths, other.entries)
        other._unentered.extend(other.entries)
        return other

    def token(self, value: Hashable) -> int:
        """A small number that stands for a value in keys, so that a large one is hashed only here."""
        return self._tokens.setdefault(value, len(self._tokens))

    def keep(self, key: Any, value: Any, rests_on: frozenset[Rest]) -> None:
        """Remember a result."""
        self.entries[key] = value
        if key[0] == "drafts":
            self.judged(key[1], key[3])[key[2]] = value
        if self._edited and any(not isinstance(rest, int) and rest[0] == "calls" for rest in rests_on):
            self._asked += 1
        if key not in self._numbers:
            self._count += 1
            self._numbers[key] = self._count
            self._keys[self._count] = key
        elif self._parted:
            self._parted.pop(self._numbers[key], None)
        if key[0] in _WORTH_KEEPING:
            self._drop_former(key)
        self._rests_on[key] = rests_on
        self._unentered.append(key)

    def judged(self, path: str, asked: int) -> dict[Statement, Any]:
        """What was found in the statements of a file under the settings that `asked` stands for, and still holds."""
        return self._judged.setdefault((path, asked), {})

    def number(self, key: Any) -> int:
        """What stands for a remembered result among what others rest on."""
        return self._numbers[key]

    def _users(self) -> dict[Rest, set[Any]]:
        """Which results rest on a name or a result."""
        used_by = self._used_by
        for key in self._unentered:
            for dependency in self._rests_on.get(key, ()):
                used_by.setdefault(dependency, set()).add(key)
        self._unentered.clear()
        return used_by

    def tidy(self) -> None:
        """Do what the next edit would have to do, while nobody waits."""
        used_by = self._users()
        for key, rested_on in self._dropped:
            for dependency in rested_on - self._rests_on.get(key, frozenset()):
                users = used_by.get(dependency)
                if users is not None:
                    users.discard(key)
                    if not users:
                        del used_by[dependency]
        self._dropped.clear()

    def former(self, key: Any) -> Any:
        """The last result under a key whose result may not hold any more; ABSENT where there is none."""
        results = self._former.get(_statement(key))
        return ABSENT if results is None else results.get(key, ABSENT)

    @property
    def unsettled(self) -> bool:
        """Whether something may not hold any more, or who calls whom may have changed."""
        return bool(self._former or self._edited)

    def _drop_former(self, key: Any) -> None:
        statement = _statement(key)
        results = self._former.get(statement)
        if results is not None and results.pop(key, ABSENT) is not ABSENT and not results:
            del self._former[statement]

    def rests_on(self, key: Any) -> frozenset[Rest]:
        """What a remembered result rests on."""
        return self._rests_on[key]

    def names(self, rests_on: Iterable[Rest]) -> set[Dependency]:
        """The names that something rests on, through other results too."""
        return {self.numbering.each[number] for number in self.numbers_of_names(rests_on)}

    def numbers_of_names(self, rests_on: Iterable[Rest]) -> set[int]:
        """The same names, by their numbers."""
        self._part_all()
        names, results = self._part(rests_on)
        found, seen = set(names), set(results)
        queue = list(results)
        parted = self._parted
        while queue:
            number = queue.pop()
            known = parted.get(number)
            if known is None:  # it was found anew
                known = parted[number] = self._part_of(number)
            names, results = known
            found.update(names)
            for each in results:
                if each not in seen:
                    seen.add(each)
                    queue.append(each)
        return found

    def _part_all(self) -> None:
        """Part all results, each after those it rests on, whose names it takes over where they are few."""
        parted, keys = self._parted, self._keys
        for number in range(self._parted_to + 1, self._count + 1):
            if number in keys:
                parted[number] = self._part_of(number)
        self._parted_to = self._count

    def _part_of(self, number: int) -> tuple[Collection[int], Collection[int]]:
        key = self._keys[number]
        if key[0] == "touched" and self.entries[key] is not None:
            return (), ()
        return self._part(self._rests_on[key])

    def _part(self, rests_on: Iterable[Rest]) -> tuple[Collection[int], Collection[int]]:
        numbering, parted = self.numbering, self._parted
        names: set[int] = set()
        results: list[int] = []
        for rest in rests_on:
            if not isinstance(rest, int):
                names.add(numbering(rest))
                continue
            known = parted.get(rest)
            if known is not None and not known[1] and len(known[0]) <= _FEW:
                names.update(known[0])
            else:
                results.append(rest)
        return tuple(names), tuple(results)

    def callers(self) -> set[Dependency]:
        """Every dependency on who calls a name."""
        return {rest for rest in self._users() if not isinstance(rest, int) and rest[0] == "calls"}

    def follow(self, edited: Iterable[tuple[Statement | None, Statement | None]]) -> None:
        """Statements were edited. What happened between two keys does not matter where nobody asked in between."""
        for before, after in edited:
            for number, (first, last, asked) in enumerate(self._edited):
                if before is not None and last is before and asked == self._asked:
                    self._edited[number : number + 1] = [(first, after, asked)] if first or after else []
                    break
            else:
                self._edited.append((before, after, self._asked))

    def settle(self) -> None:
        """Drop what rests on who calls whom where the edits since the last time changed that.

        It is found out here, not in the edit, since an answer given at once after an edit can do without.
        """
        edited, self._edited = self._edited, []
        said = {("calls", name) for before, after, _ in edited for name in callers.changed_names(before, after)}
        self.forget(said, ())

    def forget(self, changed: set[Dependency], gone: Collection[Any]) -> None:
        """Drop what rests on names that are bound differently now. gone: statements that are no longer there."""
        for statement in gone:
            self._former.pop(statement, None)
        used_by = self._users() if changed else self._used_by
        queue: list[Rest] = list(changed)
        while queue:
            for key in used_by.pop(queue.pop(), ()):
                dropped = self.entries.pop(key, ABSENT)
                if dropped is ABSENT:
                    continue
                if key[0] == "drafts":
                    del self.judged(key[1], key[3])[key[2]]
                number = self._numbers.pop(key)
                del self._keys[number]
                queue.append(number)
                if key[0] in _WORTH_KEEPING or key[0] in STANDS_IN:
                    statement = _statement(key)
                    if statement in gone and key[0] in STANDS_IN:
                        statement.left[key] = dropped
                    elif statement not in gone and key[0] in _WORTH_KEEPING:
                        self._former.setdefault(statement, {})[key] = dropped
                self._dropped.append((key, self._rests_on.pop(key)))


# What an answer given at once after an edit may take as it was before.
_WORTH_KEEPING = frozenset({"drafts", "trace", "built", "method"})
# What such an answer takes of an edited class's version before the edit.
STANDS_IN = frozenset({"registration", "taken names", "scripting", "childless", "runs in base"})


def _statement(key: Any) -> Any:
    """The statement a result is about; None where it is about none."""
    return key[2] if key[0] == "drafts" else getattr(key[1], "statement", None)
