"""Takes in what is on disk: a file at once, the hundreds of a git checkout in steps while nobody waits.

Events, the walk of a scan and what is read may come in any order, and each is old by the time it is looked at. So
what counts is what the disk says at the moment of a look; a look reads a file, takes it into the index and takes what
is gone out of view in one go, with nothing in between. Whatever happens to the file later brings a later look.
"""

from __future__ import annotations

import asyncio
import posixpath
import time
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING

from . import files

if TYPE_CHECKING:
    from .folders import Folder
    from .session import Session

_AT_ONCE = 16  # files
_STEP = 0.004  # seconds of work between two looks at what the person does


class Intake:
    """Brings the index up to the files on disk, and has checked what that changes."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, folder: Folder, texts: Mapping[str, str | None]) -> None:
        """Take in what was just read; None for a file that is gone, of which nothing is shown from here on.

        The one way for text on disk into an index. What is open in the editor stays as it is there.
        """
        session = self._session
        closed = {path: text for path, text in texts.items() if not session.is_open(path)}
        folder.update(closed)
        for path, text in closed.items():
            if text is None and session.folders.of(path) is folder:
                session.scheduler.drop(path)
                session.publisher.clear(path)

    def take(self, folder: Folder, paths: Iterable[str]) -> None:
        """Files of a folder may be new, changed or gone."""
        wanted = sorted(set(paths))
        if len(wanted) > _AT_ONCE:
            self._session.server.start_task(self.take_in_steps(folder, wanted))
            return
        affected = _affected(folder, wanted)
        belonging = self._belonging(wanted, folder)
        self.put(folder, {path: files.read(path) if path in belonging else None for path in wanted})
        self._have_checked(folder, wanted, affected)

    def take_below(self, folder: Folder, path: str) -> None:
        """A folder may have come to be, with files of which the editor does not tell."""
        if files.is_walked(path, folder):
            self._session.server.start_task(self._take_below(folder, path))

    async def _take_below(self, folder: Folder, path: str) -> None:
        found = await asyncio.get_running_loop().run_in_executor(None, lambda: list(files.below(path)))
        if found:
            await self.take_in_steps(folder, found)

    async def take_in_steps(self, folder: Folder, paths: Iterable[str]) -> None:
        """The same as `take` for many files; returns when all are in the index."""
        idle = self._session.scheduler.idle
        wanted = sorted(set(paths))
        await idle()
        affected = _affected(folder, wanted)
        until = time.perf_counter() + _STEP
        for _, group in groupby(wanted, posixpath.dirname):
            rest = list(group)
            belonging = self._belonging(rest, folder)
            while rest:
                if time.perf_counter() >= until:
                    await idle()
                    until = time.perf_counter() + _STEP
                texts: dict[str, str | None] = {}
                while rest and (not texts or time.perf_counter() < until):
                    path = rest.pop()
                    texts[path] = files.read(path) if path in belonging else None
                self.put(folder, texts)
        self._have_checked(folder, wanted, affected)

    def _belonging(self, paths: list[str], folder: Folder) -> set[str]:
        return {path for path in files.belonging(paths, folder) if self._session.folders.of(path) is folder}

    def _have_checked(self, folder: Folder, taken: list[str], affected: set[str]) -> None:
        """Have checked what is there, with the files that read something of what was taken in."""
        session = self._session
        there = [path for path in taken if path in folder.project.files and not session.is_open(path)]
        for path in [*there, *sorted(affected.difference(taken))]:
            session.scheduler.later(path)
        session.ripple()
        session.status.changed()


def _affected(folder: Folder, paths: list[str]) -> set[str]:
    return {user for path in paths for user in folder.project.dependents(path)}
