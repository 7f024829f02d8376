"""How long it takes from starting the server to the first diagnostics of the open file, and what it imports."""

from __future__ import annotations

import subprocess
import sys
import time

from . import corpora
from .client import OURS, Client, bare
from .results import Row, median, milliseconds, table

_FILE = ("torchvision", "models/resnet.py")


def _first_diagnostics(command: tuple[str, ...]) -> float:
    corpus, file = _FILE
    root = corpora.folder(corpus)
    path = root / file
    text = path.read_text(encoding="utf-8")
    client = Client(command, root)
    try:
        client.open(path, text)
        return time.perf_counter() - client.started
    finally:
        client.close()


def _imported() -> set[str]:
    program = "import sys, aimet_guidelines.lsp.server, aimet_guidelines.engine; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", program], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def run(rounds: int = 8) -> list[Row]:
    """All rows."""
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(rounds):
        for name, command in (("ours", OURS), ("bare", bare(0))):
            times[name].append(_first_diagnostics(command))
    mine, floor = median(times["ours"]), median(times["bare"])
    unwanted = sorted(_imported() & {"libcst", "aimet_guidelines.rewriting", "multiprocessing", "torch"})
    return [
        Row(
            f"cold start to the diagnostics of {_FILE[1]}",
            milliseconds(mine),
            f"bare pygls server {milliseconds(floor)}",
            mine / floor,
            1.25,
        ),
        Row("imported before a repair is asked for", ", ".join(unwanted) or "neither libcst nor rewriting"),
    ]


if __name__ == "__main__":
    print(table(run()))
