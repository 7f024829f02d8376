"""Keeps what was read until something it rests on changes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

# (file, top-level name), (file, "*") for its star imports, or ("calls", name) for who calls it.
Dependency = tuple[str, str]


class Memory:
    """What was read, with the names each reading rests on."""

    def __init__(self) -> None:
        self.newest: object = None
        self.entries: dict[Any, Any] = {}
        self._rests_on: dict[Any, frozenset[Dependency]] = {}
        self._used_by: dict[Dependency, set[Any]] = {}
        self._tokens: dict[Hashable, int] = {}

    def token(self, value: Hashable) -> int:
        """A small number that stands for a value in keys, so that a large one is hashed only here."""
        return self._tokens.setdefault(value, len(self._tokens))

    def keep(self, key: Any, value: Any, rests_on: frozenset[Dependency]) -> None:
        """Remember a result."""
        self.entries[key] = value
        self._rests_on[key] = rests_on
        for dependency in rests_on:
            self._used_by.setdefault(dependency, set()).add(key)

    def rests_on(self, key: Any) -> frozenset[Dependency]:
        """The names a remembered result rests on."""
        return self._rests_on[key]

    def forget(self, changed: set[Dependency]) -> None:
        """Drop what rests on names that are bound differently now."""
        for dependency in changed:
            for key in self._used_by.pop(dependency, ()):
                self.entries.pop(key, None)
                for other in self._rests_on.pop(key, ()):
                    users = self._used_by.get(other)
                    if users is not None:
                        users.discard(key)

    def callers(self) -> set[Dependency]:
        """Every dependency on who calls a name."""
        return {dependency for dependency in self._used_by if dependency[0] == "calls"}
