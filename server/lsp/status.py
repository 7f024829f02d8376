"""What the client's status item shows."""

from __future__ import annotations

import asyncio
import posixpath
from collections import Counter
from typing import TYPE_CHECKING

from ..finding import Severity
from ..rules import RULES

if TYPE_CHECKING:
    from .folders import Folder
    from .session import Session

METHOD = "aimetGuidelines/status"
_PAUSE = 0.1  # seconds between two notifications


class Status:
    """Tells the client how things stand, at most ten times a second and only when something changed.

    The notification `aimetGuidelines/status` has: findings (how many), errors, warnings, information (of these),
    files (checked in the workspace), scanning (bool), notes (what is switched off and why, as sentences).
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._timer: asyncio.TimerHandle | None = None
        self._last: dict[str, object] | None = None

    def changed(self) -> None:
        """Something that the status shows may be different now."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE, self._send)

    def _send(self) -> None:
        self._timer = None
        status = self.read()
        if status != self._last:
            self._last = status
            self._session.server.protocol.notify(METHOD, status)

    def read(self) -> dict[str, object]:
        """The status as it is now."""
        session = self._session
        total: Counter[Severity] = Counter()
        for counts in session.publisher.counts.values():
            total.update(counts)
        return {
            "findings": total.total(),
            "errors": total[Severity.ERROR],
            "warnings": total[Severity.WARNING],
            "information": total[Severity.INFORMATION],
            "files": sum(len(folder.reports) for folder in session.folders.everything()),
            "scanning": session.scanner.running,
            "notes": self._notes(),
        }

    def _notes(self) -> list[str]:
        session = self._session
        notes: list[str] = []
        for folder in session.folders:
            config = folder.config(f"{folder.root}/x.py")
            off = [rule.code for rule in RULES if not config.active(rule.code, rule.name)]
            if off:
                where = self._shown(config.pyproject, folder) or "the settings"
                notes.append(f"Switched off by {where}: {', '.join(off)}")
            if config.problems:
                where = self._shown(config.pyproject, folder)
                notes.append(f"{where} has mistakes; the defaults are used for them")
        if any(folder.editor.diagnostic_mode == "openFilesOnly" for folder in session.folders):
            notes.append("Only open files are reported")
        if any(folder.editor.run == "onSave" for folder in session.folders.everything()):
            notes.append("Files are checked when they are saved")
        if session.scanner.cancelled:
            notes.append("The check of the workspace was cancelled; closed files may be missing")
        return list(dict.fromkeys(notes))

    def _shown(self, path: str, folder: Folder) -> str:
        """A path as short as it tells the file: there is little room, and what matters stands behind it."""
        root = folder.root if len(list(self._session.folders)) == 1 else posixpath.dirname(folder.root)
        return path.removeprefix(f"{root.rstrip('/')}/")
