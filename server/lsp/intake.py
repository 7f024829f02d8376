"""Takes in what changed on disk: a file at once, the hundreds of a git checkout in steps while nobody waits."""

from __future__ import annotations

import time
from collections.abc import Iterable
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

    def take(self, folder: Folder, paths: Iterable[str]) -> None:
        """Files of a folder may be new, changed or gone."""
        wanted = list(dict.fromkeys(paths))
        if len(wanted) > _AT_ONCE:
            self._session.server.start_task(self._take_many(folder, wanted))
            return
        belonging, affected = files.belonging(wanted, folder), _affected(folder, wanted)
        texts = {path: files.read(path) if path in belonging else None for path in wanted}
        folder.update(texts)
        self._settle(texts.items(), affected)

    async def _take_many(self, folder: Folder, wanted: list[str]) -> None:
        session = self._session
        await session.scheduler.idle()
        belonging, affected = files.belonging(wanted, folder), _affected(folder, wanted)
        taken: dict[str, str | None] = {}
        pending = iter(wanted)
        while len(taken) < len(wanted):
            await session.scheduler.idle()
            until = time.perf_counter() + _STEP
            texts: dict[str, str | None] = {}
            for path in pending:
                texts[path] = files.read(path) if path in belonging else None
                if time.perf_counter() >= until:
                    break
            taken.update(texts)
            # What was opened meanwhile is as the editor says.
            folder.update({path: text for path, text in texts.items() if not session.is_open(path)})
        self._settle(((path, text) for path, text in taken.items() if not session.is_open(path)), affected)

    def _settle(self, taken: Iterable[tuple[str, str | None]], affected: set[str]) -> None:
        """Show what is gone, and have the rest checked, with the files that read something of it."""
        session = self._session
        for path, text in taken:
            affected.discard(path)
            if text is None:
                session.scheduler.drop(path)
                session.publisher.clear(path)
            else:
                session.scheduler.later(path)
        for path in sorted(affected):
            session.scheduler.later(path)
        session.ripple()
        session.status.changed()


def _affected(folder: Folder, paths: list[str]) -> set[str]:
    return {user for path in paths for user in folder.project.dependents(path)}
