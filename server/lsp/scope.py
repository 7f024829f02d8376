"""Which top-level class a line of a file belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..engine import Project


class ClassScope(NamedTuple):
    """A top-level class: its name, its statement's key, its first line and the line behind its last."""

    name: str
    key: str
    line: int
    end: int


def classes(project: Project, path: str) -> Iterator[ClassScope]:
    """The top-level classes of a file, in order."""
    for line, statement in project.files[path].source.statements:
        word, _, name = statement.key.partition(" ")
        if word == "class":
            yield ClassScope(name.partition("#")[0], statement.key, line, line + len(statement.lines))


def class_at(project: Project, path: str, line: int) -> ClassScope | None:
    """The top-level class with that line."""
    return next((each for each in classes(project, path) if each.line <= line < each.end), None)
