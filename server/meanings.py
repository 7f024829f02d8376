"""Tells whether what a report rests on still means what it did: names, modules, and what files say of names."""

from __future__ import annotations

import functools
import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from .reading.definitions import CODE, WHOLE
from .reading.file_facts import FileFacts
from .reading.memory import CALLERS, HANDED_ON, MODULE, REGISTERED, SAID, Dependency
from .reading.project import Project

_WORD = re.compile(r"\w+")
_SLOTS = 1 << 13


def digest(*parts: bytes | str) -> bytes:
    """Stands for all the parts, in their order."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        state.update(len(raw).to_bytes(8, "little"))
        state.update(raw)
    return state.digest()


class _Said:
    """What the statements of a file say, to be asked for many names."""

    def __init__(self, facts: FileFacts) -> None:
        self._text = facts.source.text
        self._statements = [statement for _, statement in facts.source.statements]
        # Where they begin, and where the text ends.
        self._starts = list(accumulate((len(each.text) for each in self._statements), initial=facts.source.head))
        self._digests: dict[int, bytes] = {}
        self._defined: dict[str, list[int]] = {}
        for index, statement in enumerate(self._statements):
            if statement.is_definition:
                self._defined.setdefault(statement.name, []).append(index)
        # To look through the text for each name would take as long as checking it: a 0 says that it has no such word.
        self._words = bytearray(_SLOTS)
        for word in set(_WORD.findall(self._text)):
            self._words[hash(word) % _SLOTS] = 1

    def of(self, names: Iterable[str]) -> list[bytes]:
        """The statements in which one of some names stands, as digests."""
        return [self._digest(index) for index in sorted({index for name in names for index in self._where(name)})]

    def defining(self, name: str) -> Iterator[bytes]:
        """The classes and functions of that name, as digests."""
        return map(self._digest, self._defined.get(name, ()))

    def _digest(self, index: int) -> bytes:
        known = self._digests.get(index)
        if known is None:
            known = self._digests[index] = digest(self._statements[index].text)
        return known

    def _where(self, name: str) -> Iterator[int]:
        if not self._words[hash(name) % _SLOTS]:
            return
        text, at = self._text, -1
        while (at := text.find(name, at + 1)) >= 0:
            if (at and _WORD.match(text, at - 1)) or _WORD.match(text, at + len(name)):
                continue  # it is a part of a longer one
            index = bisect_right(self._starts, at) - 1
            if index >= 0:
                yield index
                at = self._starts[index + 1] - 1  # once for each statement


class Meanings:
    """What the names of a project mean, as digests."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._files: dict[str, bytes] = {}
        self._codes: dict[str, bytes] = {}  # what their statements say that are no class or function
        self._said: dict[str, _Said] = {}
        self._known: dict[Dependency, bytes] = {}

    def file(self, path: str) -> bytes:
        """A file's text, and the name it can be imported under."""
        known = self._files.get(path)
        if known is None:
            facts = self._project.files.get(path)
            known = self._files[path] = digest(facts.module, facts.source.text) if facts is not None else b""
        return known

    @functools.cached_property
    def whole(self) -> bytes:
        """Every file."""
        parts: list[bytes | str] = []
        for path in sorted(self._project.files):
            parts += [path, self.file(path)]
        return digest(*parts)

    def imports(self) -> dict[bytes, tuple[dict[str, str], tuple[str, ...]]]:
        """What each file imports, by what `file` says of it: names with their targets, and all names of modules."""
        files = self._project.files.items()
        return {self.file(path): (facts.imports, facts.star_imports) for path, facts in files}

    def take_imports(self, found: Mapping[bytes, tuple[dict[str, str], tuple[str, ...]]]) -> None:
        """Take over what an earlier run found that files import: they need not be parsed for it."""
        for path, facts in self._project.files.items():
            known = found.get(self.file(path))
            if known is not None:
                facts.take_imports(*known)

    def of(self, names: Iterable[Dependency]) -> bytes:
        """What these names mean, together."""
        return digest(*(self._of(name) for name in sorted(names)))

    def _of(self, name: Dependency) -> bytes:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._asked(*name)
        return known

    def _asked(self, where: str, what: str) -> bytes:
        project = self._project
        place, _, name = what.partition("\0")
        if where == CALLERS:
            return self._callers(place, name)
        if where == HANDED_ON:
            return digest(*(part for pair in project.handed_on(place, name) for part in pair))
        if where == REGISTERED:
            return digest(str(project.is_registered_for(place, name)))
        if where == SAID:
            return digest(str(project.says(place)))
        if where == MODULE:
            return self._module(name, f"{place}/")
        facts = project.files.get(where)
        if facts is None:
            return b""
        return self.file(where) if what == WHOLE else self._binding(facts, what)

    def _callers(self, path: str, name: str) -> bytes:
        """What a file and those that import it say of a name."""
        files = self._project.files
        parts: list[bytes | str] = []
        for user in sorted(each for each in {path, *self._project.users(path)} if each in files):
            said = self._said_in(user)
            if found := said.of((name, *files[user].called(name))):
                parts += [user, files[user].module, *found]
        return digest(*parts)

    def _said_in(self, path: str) -> _Said:
        known = self._said.get(path)
        if known is None:
            known = self._said[path] = _Said(self._project.files[path])
        return known

    def _module(self, dotted: str, importer: str) -> bytes:
        """Which files a dotted name, and what stands before its last dot, are."""
        head = dotted.rpartition(".")[0]
        return digest(*(self._project.find_module(each, importer) or "" for each in (dotted, head)))

    def _binding(self, facts: FileFacts, name: str) -> bytes:
        """What a top-level name of a file is bound to: its definitions, and whatever the code around them does."""
        if name == CODE:
            return self._code(facts)
        if name == "*":
            return digest(self._code(facts), *(self._module(each, facts.path) for each in facts.star_imports))
        target = facts.imports.get(name)
        imported = self._module(target, facts.path) if target is not None else b""
        return digest(self._code(facts), imported, *self._said_in(facts.path).defining(name))

    def _code(self, facts: FileFacts) -> bytes:
        known = self._codes.get(facts.path)
        if known is None:
            known = self._codes[facts.path] = digest(facts.module, *(statement.text for statement in facts.code))
        return known
