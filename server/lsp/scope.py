"""Which class of a file a line belongs to: one at the top level, or in a compound statement there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..engine import Project


class ClassScope(NamedTuple):
    """A class that stands in no other: its name, its statement's key, its first line and the line behind its last."""

    name: str
    key: str
    line: int
    end: int


def classes(project: Project, path: str) -> Iterator[ClassScope]:
    """The classes of a file that stand in no other, in order."""
    for line, statement in project.files[path].source.statements:
        word, _, name = statement.key.partition(" ")
        if word == "class":
            yield ClassScope(name.partition("#")[0], statement.key, line, line + len(statement.lines))


def class_at(project: Project, path: str, line: int) -> ClassScope | None:
    """The class with that line."""
    return next((each for each in classes(project, path) if each.line <= line < each.end), None)
