"""A small workspace whose files are edited step by step, checked both incrementally and afresh."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Mapping

from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check
from aimet_guidelines.finding import Finding, Report

ROOT = "/project"
CONFIG = Config(root=ROOT)


def at(name: str) -> str:
    """The project's key of a file."""
    return f"{ROOT}/{name}"


def parses(text: str) -> bool:
    """Whether Python's own parser takes the whole text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def findings(project: Project, path: str) -> list[Finding]:
    """What checking one file of the project finds."""
    return check(path, project, CONFIG).findings


def afresh(texts: Mapping[str, str]) -> dict[str, list[Finding]]:
    """The findings of each file, by a project that has never seen other texts."""
    project = Project.empty(ROOT).updated({at(name): text for name, text in texts.items()})
    return {name: findings(project, at(name)) for name in texts}


class Workspace:
    """Files as an editor holds them; `edit` updates the project incrementally.

    watched: the files that are open in the editor.
    """

    def __init__(self, texts: Mapping[str, str], watched: Iterable[str] = ()) -> None:
        self.texts = dict(texts)
        self.project = Project.empty(ROOT).updated({at(name): text for name, text in texts.items()})
        for name in watched:
            self.project.watch(at(name))
        self.check(self.texts)

    def edit(self, name: str, text: str | None) -> None:
        """Give a file a new text; None deletes it."""
        if text is None:
            del self.texts[name]
        else:
            self.texts[name] = text
        self.project = self.project.updated({at(name): text})

    def check(self, names: Iterable[str]) -> dict[str, list[Finding]]:
        """The findings of these files."""
        return {name: findings(self.project, at(name)) for name in names}

    def glance(self, name: str) -> Report:
        """What is answered at once after an edit of a file."""
        return check(at(name), self.project, CONFIG, provisional=True)

    @property
    def parses(self) -> bool:
        """Whether every file parses."""
        return all(map(parses, self.texts.values()))
