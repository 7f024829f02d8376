"""A session without a process or pipes, so that a test can have things happen at a certain moment of its work."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aimet_guidelines import engine
from aimet_guidelines.lsp.server import Server
from aimet_guidelines.lsp.session import Session
from lsprotocol import types as lsp

from . import fake_engine

PATIENCE = 20.0


class House:
    """A session, what it published, and whether it believes that messages wait for it.

    Files are checked by the checker of `fake_engine`.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
        monkeypatch.setattr(engine, "check", fake_engine.check)
        self.sent: list[dict[str, Any]] = []
        self.busy = False
        self._tasks: list[asyncio.Task[None]] = []
        server = SimpleNamespace(
            client_capabilities=lsp.ClientCapabilities(),
            protocol=SimpleNamespace(notify=lambda method, status: None),
            start_task=self._start,
            tell=lambda message, kind, show=False: None,
        )
        self.session = Session(cast(Server, server), self._sent, lambda: self.busy)
        self.session.set_folders([lsp.WorkspaceFolder(folder.as_uri(), folder.name) for folder in folders])

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(coroutine))

    def _sent(self, body: bytes) -> None:
        self.sent.append(json.loads(body)["params"])

    def on_disk(self, *changes: tuple[Path, lsp.FileChangeType]) -> None:
        """The editor tells of files that changed."""
        self.session.files_changed([lsp.FileEvent(path.as_uri(), kind) for path, kind in changes])

    def open(self, uri: str, text: str) -> None:
        self.session.open_document(lsp.TextDocumentItem(uri, "python", 1, text))

    def shown(self, path: Path | str) -> list[str]:
        """The codes that are shown for a file by now."""
        uri = path.as_uri() if isinstance(path, Path) else path
        published = [each["diagnostics"] for each in self.sent if each["uri"] == uri]
        return [diagnostic["code"] for diagnostic in published[-1]] if published else []

    async def scan(self) -> None:
        """Scan the workspace, and wait until nothing is left to do."""
        self.session.scanner.start()
        await self.session.scanner.finished()
        await self.rest()

    async def rest(self) -> None:
        """Wait until nothing is left to do."""
        while self._tasks:
            await self._tasks.pop()
        await asyncio.sleep(0.2)  # what waits for a pause
        await self.session.scheduler.rested()

    async def until(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "what the test waits for never happened"
            await asyncio.sleep(0.001)
