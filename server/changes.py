"""Tells whether files that changed concern what a kept report rests on: names, modules, and what files say of names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set

from .reading import callers
from .reading.definitions import WHOLE
from .reading.file_facts import FileFacts
from .reading.index import Index
from .reading.memory import CALLERS, HANDED_ON, MODULE, REGISTERED, SAID, UNCALLED, UNPASSED, Dependency, Touched
from .reading.project import Project
from .reading.source import Statement, read
from .reading.units import touched

_WORD = re.compile(r"\w+")
# Statements: where the models in more of them may be others, much is checked anew anyway, which is not done twice.
_MOST_READ = 64


class Changes:
    """What is different in an index of the same folder than in an earlier one."""

    def __init__(self, before: Project, after: Project) -> None:
        """Files that are the same must be one object in both."""
        self._before, self._after = before, after
        paths = before.files.keys() | after.files.keys()
        self.paths = frozenset(path for path in paths if before.files.get(path) is not after.files.get(path))
        # Of each file that was edited, and is the same module: which of its names mean something else, and of which
        # names its classes and functions say something else.
        self._rebound: dict[str, set[Dependency]] = {}
        self._said: dict[str, set[str]] = {}
        self._same_modules = self._same_imports = True
        self._same_registered = True
        for path in self.paths:
            old, new = before.files.get(path), after.files.get(path)
            if old is None or new is None or old.module != new.module:
                self._same_modules = self._same_imports = False
            else:
                self._compare(old, old.after(read(new.source.text, old.source)))
            self._same_registered = self._same_registered and _registered(old) == _registered(new)
        self._same_registered = self._same_registered and self._same_imports
        if self._same_imports:
            before.take_importers(after)
        self._said_to: dict[str, set[str]] = {}
        self._users: dict[str, tuple[Set[str], Set[str]]] = {}
        self._index: Index | None = None
        self._read: dict[tuple[str, str], Touched | None] = {}
        self._words: dict[FileFacts, frozenset[str]] = {}

    def _compare(self, old: FileFacts, new: FileFacts) -> None:
        self._rebound[new.path] = rebound = new.rebound(old)
        said = {name for where, name in rebound if where == "calls"}
        for edited in new.edited(old):
            said |= callers.changed_names(*edited)
        self._said[new.path] = said | new.mentioned_elsewhere(old)
        if (old.imports, old.star_imports) != (new.imports, new.star_imports):
            self._same_imports = False

    def concern(self, name: Dependency) -> bool:
        """Whether a name, or what else a report rests on, may mean something else now."""
        where, what = name
        place, _, asked = what.partition("\0")
        before, after = self._before, self._after
        if where == CALLERS:
            asked, _, path = asked.partition("\0")
            return asked in (self._said_to_users(place) if not path else self._said_by(path, *self._users_of(place)))
        if where == UNCALLED:
            named, method = asked.split("\0")
            return any(callers.calls(each, method) for each in self._naming_now(place, named))
        if where == UNPASSED:
            named, parameter, position = asked.split("\0")
            mentions = self._naming_now(place, named)
            return any(callers.passes(each, named, parameter, int(position)) for each in mentions)
        if where == HANDED_ON:
            return not self._same_imports and set(before.handed_on(place, asked)) != set(after.handed_on(place, asked))
        if where == REGISTERED:
            return not self._same_registered and (
                before.is_registered_for(place, asked) != after.is_registered_for(place, asked)
            )
        if where == SAID:
            return before.says(place) != after.says(place)
        if where == MODULE:
            return not self._resolve_alike([asked], f"{place}/")
        if where in self.paths and (where not in self._rebound or what == WHOLE or name in self._rebound[where]):
            return True
        facts = after.files.get(where)
        return facts is not None and not self._means_alike(facts, what)

    def brings_in_touch(self, asked: str, path: str) -> bool:
        """Whether models may run code of a file now, or make modules there, that are known to have done neither.

        asked: their file and statement, with the key of a statement in the file where only that is meant.
        """
        where, key, *place = asked.split("\0")
        found = self._touched(where, key)
        if found is None:
            return True
        return (path, *place) in found.places if place else path in found.files

    def _touched(self, path: str, key: str) -> Touched | None:
        if (path, key) not in self._read:
            facts = self._after.files.get(path)
            statement = facts.source.by_key.get(key) if facts is not None else None
            if facts is None or statement is None or len(self._read) >= _MOST_READ:
                return None
            self._index = self._index or Index(self._after)
            self._read[path, key] = touched(self._index, facts, statement)
        return self._read[path, key]

    def _means_alike(self, facts: FileFacts, name: str) -> bool:
        """Whether what a file imports under a name, `*` for all that it imports so, is the file that it was."""
        if self._same_modules:
            return True
        if name == "*":
            return self._resolve_alike(facts.star_imports, facts.path)
        return name not in facts.imports or self._resolve_alike([facts.imports[name]], facts.path)

    def _resolve_alike(self, dotted: Iterable[str], importer: str) -> bool:
        """Whether dotted names, and what stands before their last dots, are the files that they were."""
        return self._same_modules or all(
            self._before.find_module(each, importer) == self._after.find_module(each, importer)
            for name in dotted
            for each in (name, name.rpartition(".")[0])
        )

    def _said_to_users(self, path: str) -> set[str]:
        """The names about which a file and those that import it say something else."""
        known = self._said_to.get(path)
        if known is None:
            then, now = self._users_of(path)
            others = self.paths & (then | now) | (then ^ now)
            known = self._said_to[path] = set().union(*(self._said_by(each, then, now) for each in others))
        return known

    def _said_by(self, path: str, then: Set[str], now: Set[str]) -> Set[str]:
        """The names about which a file says something else. then, now: the files that count."""
        if path in then and path in now:
            if path not in self.paths:
                return frozenset()
            if path in self._said:
                return self._said[path]
        files = [project.files[path] for project, there in ((self._before, then), (self._after, now)) if path in there]
        return frozenset[str]().union(*map(self._words_of, files))

    def _naming_now(self, path: str, name: str) -> Iterator[Statement]:
        """The classes and functions that name one of `path`, but for itself, and that may not have done so, or may have
        said something else of it.
        """
        then, now = self._users_of(path)
        for each in self.paths & now | (now - then):
            facts = self._after.files[each]
            own = facts.scope.get(name) if each == path else None
            yield from (statement for statement in facts.mentioning(name) if statement is not own)

    def _users_of(self, path: str) -> tuple[Set[str], Set[str]]:
        """A file and those that import it, then and now."""
        known = self._users.get(path)
        if known is None:
            then = {path, *self._before.users(path)} & self._before.files.keys()
            now = then if self._same_imports else {path, *self._after.users(path)} & self._after.files.keys()
            known = self._users[path] = then, now
        return known

    def _words_of(self, facts: FileFacts) -> frozenset[str]:
        known = self._words.get(facts)
        if known is None:
            known = self._words[facts] = frozenset(_WORD.findall(facts.source.text))
        return known


def _registered(facts: FileFacts | None) -> frozenset[str]:
    return facts.registered_with_aimet if facts is not None else frozenset()
