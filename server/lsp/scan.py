"""The workspace scan: reads every file of every folder, then checks each, while nobody waits for anything.

The scan runs on the event loop in short steps. `Session.scheduler.idle` stands before each, so that a keystroke
waits for one step at most; the steps are the seam at which work can move to other processes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from . import files
from .folders import Folder

if TYPE_CHECKING:
    from .session import Session

_log = logging.getLogger(__name__)
_STEP = 0.004  # seconds of work between two looks at what the person does
_REPORT = 0.1  # seconds between two progress reports


class Scanner:
    """Runs one scan at a time; a new one takes the place of the one that runs."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._task: asyncio.Task[None] | None = None
        self._count = 0
        self.indexing = False
        self.cancelled = False
        self.files = 0

    @property
    def running(self) -> bool:
        """Whether a scan runs."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Scan all folders from the beginning."""
        self.stop()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """End the scan that runs, if one does."""
        if self._task is not None:
            self._task.cancel()

    async def finished(self) -> None:
        """Return when the scan that runs has ended."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        session = self._session
        progress = _Progress(session)
        self.indexing, self.cancelled, self.files = True, False, 0
        session.status.changed()
        try:
            await session.scheduler.idle()
            await progress.begin()
            found: list[tuple[Folder, list[str]]] = []
            for folder in session.folders:
                paths = await self._find(folder)
                await self._index(folder, paths, progress)
                found.append((folder, paths))
            self.indexing = False
            for path in session.open_paths():
                session.scheduler.later(path)
            await self._check(found, progress)
        except _CancelledError:
            self.cancelled = True
        except asyncio.CancelledError:
            raise
        except Exception:
            _log.exception("the workspace could not be scanned")
        finally:
            self.indexing = False
            progress.end()
            asyncio.get_running_loop().call_soon(session.status.changed)

    async def _find(self, folder: Folder) -> list[str]:
        """The files to check; those that are there no longer are dropped."""
        paths = await asyncio.get_running_loop().run_in_executor(None, lambda: sorted(files.walk(folder)))
        session = self._session
        opened = set(session.open_paths())
        gone = set(folder.project.paths) - set(paths) - opened
        if gone:
            folder.update(dict.fromkeys(gone))
            for path in gone:
                session.scheduler.drop(path)
                session.publisher.clear(path)
        return paths

    async def _index(self, folder: Folder, paths: list[str], progress: _Progress) -> None:
        """Read the files, a few per step."""
        position = 0
        while position < len(paths):
            await self._session.scheduler.idle()
            texts: dict[str, str | None] = {}
            until = time.perf_counter() + _STEP / 2
            while position < len(paths) and time.perf_counter() < until:
                path = paths[position]
                position += 1
                if not self._session.is_open(path):
                    texts[path] = files.read(path)
            folder.update(texts)
            progress.report("reading", position, len(paths))

    async def _check(self, found: list[tuple[Folder, list[str]]], progress: _Progress) -> None:
        """Check and publish file by file."""
        session = self._session
        total = sum(len(paths) for _, paths in found)
        until = 0.0
        for folder, paths in found:
            whole = folder.editor.diagnostic_mode == "workspace"
            for path in paths:
                self.files += 1
                if not whole or session.is_open(path):
                    continue
                if time.perf_counter() >= until:
                    await session.scheduler.idle()
                    until = time.perf_counter() + _STEP
                session.refresh(path)
                progress.report("checking", self.files, total)


class _CancelledError(Exception):
    """The person cancelled the scan."""


class _Progress:
    """Work-done progress in the editor, where it can show one."""

    def __init__(self, session: Session) -> None:
        self._server = session.server
        self._token = ""
        self._next = 0.0

    async def begin(self) -> None:
        window = self._server.client_capabilities.window
        if window is None or not window.work_done_progress:
            return
        token = f"aimet-guidelines-scan-{time.monotonic_ns()}"
        progress = self._server.work_done_progress
        try:
            await asyncio.wait_for(progress.create_async(token), timeout=5)
        except Exception as error:  # no progress to see is no reason not to scan
            _log.info("the editor shows no progress: %s", error)
            return
        self._token = token
        begin = lsp.WorkDoneProgressBegin(title="AIMET: checking the workspace", cancellable=True, percentage=0)
        progress.begin(token, begin)

    def report(self, what: str, done: int, total: int) -> None:
        """Say how far the scan is. Raises _CancelledError where the person pressed Cancel."""
        if not self._token:
            return
        progress = self._server.work_done_progress
        if progress.tokens[self._token].cancelled():
            raise _CancelledError
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _REPORT
            message = f"{what} {done}/{total} files"
            progress.report(self._token, lsp.WorkDoneProgressReport(message=message, percentage=100 * done // total))

    def end(self) -> None:
        if self._token:
            self._server.work_done_progress.end(self._token, lsp.WorkDoneProgressEnd())
            self._server.work_done_progress.tokens.pop(self._token, None)
            self._token = ""
