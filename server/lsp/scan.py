"""The workspace scan: indexes every file of every folder here, and has each checked by a process of its own.

What runs on the event loop is cut into short steps, and `Session.scheduler.idle` stands before each, so that a
keystroke waits for one step at most. Where no process can be started, the files are checked here, in such steps.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import signal
import threading
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from . import files, worker
from .folders import Folder
from .worker import LENGTH, Checked, Task, stamp

if TYPE_CHECKING:
    from .session import Session

_log = logging.getLogger(__name__)
_STEP = 0.004  # seconds of work between two looks at what the person does
_REPORT = 0.1  # seconds between two progress reports
_WORTH_A_PROCESS = 24  # files; fewer are checked sooner than a process starts


class Scanner:
    """Runs one scan at a time; a new one takes the place of the one that runs."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._task: asyncio.Task[None] | None = None
        self.indexing = False
        self.cancelled = False

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

    def cancel(self) -> None:
        """End it because a person says so."""
        self.cancelled = True
        self.stop()

    async def finished(self) -> None:
        """Return when the scan that runs has ended."""
        while self._task is not None and self.running:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        session = self._session
        progress = _Progress(session, self.cancel)
        self.indexing, self.cancelled = True, False
        session.status.changed()
        try:
            await session.scheduler.idle()
            await progress.begin()
            for folder in session.folders:
                await self._index(folder, await self._find(folder), progress)
                folder.forget_changes()
            self.indexing = False
            for path in session.open_paths():
                session.scheduler.later(path)
            progress.total = sum(len(folder.project.files) for folder in session.folders)
            for folder in session.folders:
                await self._check(folder, progress)
            await session.scheduler.rested()
            session.show_mistakes()
            session.sweeper.keep()  # going through the index again and again would only delay keystrokes
        except asyncio.CancelledError:
            raise
        except Exception:
            _log.exception("the workspace could not be scanned")
        finally:
            if self._task is asyncio.current_task():  # else the next scan runs already
                self.indexing = False
            progress.end()
            asyncio.get_running_loop().call_soon(session.status.changed)

    async def _find(self, folder: Folder) -> list[str]:
        """The files to read: of those in a workspace folder inside this one, none.

        Known files that the walk did not come to are looked at: they are gone, or came to be behind its back.
        """
        session = self._session
        stop = threading.Event()
        try:
            walked = await asyncio.get_running_loop().run_in_executor(
                None, lambda: sorted(files.walk(folder, stop.is_set))
            )
        finally:
            stop.set()
        paths = [path for path in walked if session.folders.of(path) is folder]
        await session.intake.take_in_steps(folder, set(folder.project.paths).difference(paths, session.open_paths()))
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
            self._session.intake.put(folder, texts)
            progress.total = len(paths)
            progress.report("reading", position)
        await self._prepare(folder, paths)

    async def _prepare(self, folder: Folder, paths: list[str]) -> None:
        """Find out, a few files per step, what the first check would otherwise find out of all of them at once."""
        until = time.perf_counter() + _STEP / 2
        for path in paths:
            if time.perf_counter() >= until:
                await self._session.scheduler.idle()
                until = time.perf_counter() + _STEP / 2
            facts = folder.project.files.get(path)
            if facts is not None:
                facts.prepare()

    async def _check(self, folder: Folder, progress: _Progress) -> None:
        """Check and publish file by file."""
        session = self._session
        if folder.editor.diagnostic_mode != "workspace":
            return
        paths = sorted(folder.project.paths)
        rest = dict.fromkeys(path for path in paths if not session.is_open(path))
        folder.shown.clear()
        if len(rest) >= _WORTH_A_PROCESS:
            try:
                async with contextlib.aclosing(self._by_worker(folder, paths)) as reports:
                    async for checked in reports:
                        await session.scheduler.idle()
                        rest.pop(checked.report.path, None)
                        self._take(folder, checked)
                        progress.report("checking", progress.step())
            except (OSError, EOFError, pickle.UnpicklingError):
                _log.exception("the process that checks the workspace failed; the server does its work")
        until = 0.0
        for path in rest:
            if time.perf_counter() >= until:
                await session.scheduler.idle()
                until = time.perf_counter() + _STEP
            if not session.is_open(path):
                session.refresh(path)
            progress.report("checking", progress.step())

    def _take(self, folder: Folder, checked: Checked) -> None:
        """Publish a worker's report, unless its text, or what the server itself found since, is newer."""
        session, path = self._session, checked.report.path
        if session.is_open(path) or path in folder.shown or session.folders.of(path) is not folder:
            return
        try:
            current = folder.project.text(path)
        except KeyError:
            return
        if stamp(current) == checked.stamp:
            folder.reports[path] = checked.report
            session.show(path, checked.report)
        else:
            session.scheduler.later(path)

    async def _by_worker(self, folder: Folder, paths: list[str]) -> AsyncGenerator[Checked, None]:
        """The reports of the closed files among `paths`, as another process finds them."""
        session = self._session
        buffers = {path: folder.project.text(path) for path in folder.project.paths if session.is_open(path)}
        task = Task(folder.root, folder.editor, tuple(paths), buffers)
        process = await asyncio.create_subprocess_exec(
            *worker.command(), stdin=PIPE, stdout=PIPE, start_new_session=os.name == "posix"
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(pickle.dumps(task))
            await process.stdin.drain()
            process.stdin.close()
            while header := await process.stdout.read(LENGTH.size):
                header += await process.stdout.readexactly(LENGTH.size - len(header))
                yield pickle.loads(await process.stdout.readexactly(LENGTH.unpack(header)[0]))
            if await process.wait():
                raise EOFError(f"it ended with status {process.returncode}")
        finally:
            _end(process)


def _end(process: asyncio.subprocess.Process) -> None:
    """End a worker, and the processes that it started, at once."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()


class _Progress:
    """Work-done progress in the editor, where it can show one. cancel: called when a person presses Cancel."""

    def __init__(self, session: Session, cancel: Callable[[], None]) -> None:
        self._server = session.server
        self._cancel = cancel
        self._token = ""
        self._next = 0.0
        self._done = 0
        self.total = 0

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
        progress.tokens[token].add_done_callback(lambda _: self._cancel())
        begin = lsp.WorkDoneProgressBegin(title="AIMET", cancellable=True, percentage=0)
        progress.begin(token, begin)

    def step(self) -> int:
        """Count one more file; how many there are by now."""
        self._done += 1
        return self._done

    def report(self, what: str, done: int) -> None:
        """Say how far the scan is."""
        now = time.monotonic()
        if self._token and now >= self._next:
            self._next = now + _REPORT
            message = f"{what} {done}/{self.total} files"
            percentage = 100 * done // max(1, self.total)
            progress = self._server.work_done_progress
            progress.report(self._token, lsp.WorkDoneProgressReport(message=message, percentage=percentage))

    def end(self) -> None:
        if self._token:
            self._server.work_done_progress.end(self._token, lsp.WorkDoneProgressEnd())
            self._server.work_done_progress.tokens.pop(self._token, None)
            self._token = ""
