"""An editor per test, stopped at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from .editor import Editor


@pytest_asyncio.fixture
async def editor() -> AsyncIterator[Editor]:
    """An editor that has not started its server yet; the server must end well."""
    each = Editor()
    yield each
    if each.process is not None:
        assert await each.stop() in (0, 1)
