"""How long a keystroke's round trip takes, from didChange to the diagnostics of the new text.

Our server, a bare pygls server with as many diagnostics, and ruff's server get the same keystrokes in turn, so that
whatever else the machine does slows all of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from . import corpora
from .client import OURS, RUFF, Client, bare
from .results import Row, late, median, milliseconds, table

_TYPED = "x = x * 0.5 + x.relu()"
# (corpus, file, the text after which a new line is typed, the most of ruff's time)
FILES = [
    ("timm", "models/vision_transformer.py", "Forward pass through feature layers (embeddings", 0.5),
    ("transformers", "models/bert/modeling_bert.py", "hidden_states = self.dense(hidden_states)", 2.0),
]
_PAUSE = 0.05  # seconds between two keystrokes; the fastest typists leave more
_OPEN_FILES = {"aimetGuidelines": {"diagnosticMode": "openFilesOnly"}}
_WHOLE = {"aimetGuidelines": {"diagnosticMode": "workspace"}}


def keystrokes(text: str, anchor: str) -> tuple[str, list[tuple[int, int, int, str]]]:
    """The text with an empty line after `anchor`, and edits (line, start, end, new) that fill and empty that line."""
    lines = text.split("\n")
    line = next(number for number, each in enumerate(lines) if anchor in each)
    indent = len(lines[line]) - len(lines[line].lstrip())
    lines.insert(line + 1, " " * indent)
    edits = [(line + 1, indent + at, indent + at, letter) for at, letter in enumerate(_TYPED)]
    edits += [(line + 1, indent + at, indent + at + 1, "") for at in reversed(range(len(_TYPED)))]
    return "\n".join(lines), edits


def measure(corpus: str, file: str, anchor: str, of_ruff: float, rounds: int) -> Iterator[Row]:
    """The rows for one file."""
    root = corpora.folder(corpus)
    path = root / file
    text, edits = keystrokes(path.read_text(encoding="utf-8"), anchor)
    ours = Client(OURS, root, _OPEN_FILES)
    ours.open(path, text)
    found = ours.settle(*edits[0][:2])
    clients = {"ours": ours, "bare": Client(bare(found), root), "ruff": Client(RUFF, root)}
    clients["bare"].open(path, text)
    clients["ruff"].open(path, text)
    times: dict[str, list[float]] = {name: [] for name in clients}
    try:
        for turn in range(rounds):
            for edit in edits:
                for name, client in clients.items():
                    took, _ = client.replace(*edit)
                    if turn:  # the first round warms up
                        times[name].append(took)
                time.sleep(_PAUSE)
    finally:
        for client in clients.values():
            client.close()
    size = f"{path.name}, {text.count(chr(10)):,} lines, {found} findings"
    for title, of in (("median", median), ("95th percentile", late)):
        mine = of(times["ours"])
        yield Row(
            f"keystroke in {size}: {title}",
            milliseconds(mine),
            f"bare pygls server {milliseconds(of(times['bare']))}",
            mine / of(times["bare"]),
            1.5,
        )
        yield Row(
            "", milliseconds(mine), f"ruff server {milliseconds(of(times['ruff']))}", mine / of(times["ruff"]), of_ruff
        )


def during_scan(corpus: str, file: str, anchor: str) -> Iterator[Row]:
    """A keystroke while the whole workspace is being scanned, against one when it is not."""
    root = corpora.folder(corpus)
    path = root / file
    text, edits = keystrokes(path.read_text(encoding="utf-8"), anchor)
    idle, busy = Client(OURS, root, _OPEN_FILES), Client(OURS, root, _WHOLE)
    times: dict[str, list[float]] = {"idle": [], "busy": []}
    try:
        idle.open(path, text)
        idle.settle(*edits[0][:2])
        busy.open(path, text)
        until = time.perf_counter() + 4
        while time.perf_counter() < until:
            for edit in edits:
                for name, client in (("idle", idle), ("busy", busy)):
                    times[name].append(client.replace(*edit)[0])
                    time.sleep(0.02)  # the scan goes on between two keystrokes
    finally:
        idle.close()
        busy.close()
    mine, other = median(times["busy"]), median(times["idle"])
    yield Row(
        f"keystroke in {path.name} while {corpus} is scanned: median",
        milliseconds(mine),
        f"idle {milliseconds(other)}",
        mine / other,
        2.0,
    )


def run(rounds: int = 3) -> list[Row]:
    """All rows."""
    rows = [row for corpus, file, anchor, ratio in FILES for row in measure(corpus, file, anchor, ratio, rounds)]
    return [*rows, *during_scan(*FILES[0][:3])]


if __name__ == "__main__":
    print(table(run()))
