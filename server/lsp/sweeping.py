"""Looks for garbage when nobody waits for an answer.

Reading makes many objects and few circles of them, which only the collector finds. Left to itself it looks when enough
was made: mostly while a key is answered, and for as long as a second in a large workspace.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable

# Objects made between two looks that come by themselves, of which only the youngest are looked at.
_MANY = 500_000
_SOON = 0.015  # seconds after an answer: before the next key is pressed
_IDLE = 2.0  # seconds without an answer
_OLDER = 16  # every so many looks, what was left by those before is looked at again
_LONG = 0.03  # seconds; what takes longer to look through is not looked through again


class Sweeper:
    """Has the collector look at what the last answers made, and in longer pauses at everything since the last scan."""

    def __init__(self, busy: Callable[[], bool], scanning: Callable[[], bool]) -> None:
        """busy: whether somebody waits. scanning: whether the workspace, which stays, is being read."""
        self._busy = busy
        self._scanning = scanning
        self._timer: asyncio.TimerHandle | None = None
        self._looks = 0

    @staticmethod
    def take_over() -> None:
        """From now on the collector looks when it is told to, or at very many new objects."""
        gc.set_threshold(_MANY, 1_000_000, 1_000_000)
        gc.enable()

    @staticmethod
    def keep() -> None:
        """What there is now stays: never look through it again."""
        gc.freeze()

    def answered(self) -> None:
        """An answer was given."""
        self._after(_SOON, self._look)

    def _look(self) -> None:
        if self._busy():
            self.answered()
            return
        self._looks += 1
        gc.collect(0 if self._looks % _OLDER else 1)
        self._after(_IDLE, self._look_at_all)

    def _look_at_all(self) -> None:
        if self._busy() or self._scanning():
            self._after(_IDLE, self._look_at_all)
            return
        begin = time.perf_counter()
        gc.collect()
        if time.perf_counter() - begin > _LONG:
            self.keep()

    def _after(self, seconds: float, look: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, look)
