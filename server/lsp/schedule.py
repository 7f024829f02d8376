"""When things are checked: what a person waits for at once, the rest while nobody waits.

Everything runs on the event loop. A changed document is answered in the next turn of the loop unless another
message has come by then: a burst of keystrokes is answered once, without a fixed delay. Other work is cut into
short steps, and `idle` stands before each.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)
_LONGEST_DEFERRAL = 0.25  # seconds; a client that never stops sending still gets answers


class Scheduler:
    """Answers changed documents at once and other files when there is nothing better to do."""

    def __init__(
        self, answer: Callable[[str, bool], bool], refresh: Callable[[str], None], pending: Callable[[], bool]
    ) -> None:
        """answer: check a document and publish; False where a newer message came meanwhile, to be asked again
        (never where the second argument, whether the answer is overdue, is true).

        refresh: check a file nobody waits for. pending: whether messages wait to be handled.
        """
        self._answer = answer
        self._refresh = refresh
        self._pending = pending
        self._urgent: dict[str, None] = {}
        self._later: dict[str, None] = {}
        self._armed = False
        self._since = 0.0
        self._held = 0
        self._worker: asyncio.Task[None] | None = None

    def hold(self) -> None:
        """Answer nothing until `release`: the settings are on their way. Each `hold` has its `release`."""
        self._held += 1

    def release(self) -> None:
        """Answer what has gathered."""
        self._held -= 1
        if self._urgent:
            self._arm()

    def now(self, key: str) -> None:
        """Answer the document `key` in the next turn of the loop."""
        if not self._urgent:
            self._since = time.monotonic()
        self._urgent[key] = None
        self._later.pop(key, None)
        self._arm()

    def later(self, key: str) -> None:
        """Check `key` when the loop is idle."""
        if key not in self._urgent:
            self._later[key] = None
            if self._worker is None or self._worker.done():
                self._worker = asyncio.get_running_loop().create_task(self._work())

    def drop(self, key: str) -> None:
        """Forget what was asked for `key`."""
        self._urgent.pop(key, None)
        self._later.pop(key, None)

    @property
    def busy(self) -> bool:
        """Whether somebody waits for an answer."""
        return bool(self._urgent or self._held) or self._pending()

    async def rested(self) -> None:
        """Return when everything asked for with `later` is done."""
        if self._worker is not None:
            await asyncio.wait([self._worker])

    async def idle(self) -> None:
        """Return when nobody waits; every message that came meanwhile is handled first."""
        await asyncio.sleep(0)
        while self.busy:
            await asyncio.sleep(0.005 if self._held else 0)

    def _arm(self) -> None:
        if not self._armed and not self._held:
            self._armed = True
            asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        self._armed = False
        while self._urgent and not self._held:
            overdue = time.monotonic() - self._since >= _LONGEST_DEFERRAL
            if self._pending() and not overdue:
                self._arm()
                return
            key = next(iter(self._urgent))
            try:
                done = self._answer(key, overdue)
            except Exception:  # who waits for ever for this one would keep everybody else waiting
                _log.exception("%s could not be answered", key)
                done = True
            if done:
                self._urgent.pop(key, None)
                self._since = time.monotonic()

    async def _work(self) -> None:
        while self._later:
            await self.idle()
            if self._later:
                key = next(iter(self._later))
                del self._later[key]
                try:
                    self._refresh(key)
                except Exception:
                    _log.exception("%s could not be checked", key)
