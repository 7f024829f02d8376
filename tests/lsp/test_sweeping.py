"""When the server looks for garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from aimet_guidelines import cli
from aimet_guidelines.lsp import server
from aimet_guidelines.lsp.sweeping import Sweeper


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.enable()


def test_the_collector_rests_while_the_server_starts_and_not_after(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[bool] = []

    def serve() -> int:
        runs.append(gc.isenabled())
        Sweeper.take_over()
        runs.append(gc.isenabled())
        return 0

    monkeypatch.setattr(server, "serve", serve)
    assert cli.main(["lsp"]) == 0
    assert runs == [False, True]
