"""How long a keystroke's round trip takes, from didChange to the diagnostics of the new text.

Our server, a bare pygls server with as many diagnostics, and ruff's server get the same keystrokes in turn, so that
whatever else the machine does slows all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from . import corpora
from .client import OURS, RUFF, Client, bare
from .results import Row, late, median, milliseconds, table

_TYPED = "x = x * 0.5 + x.relu()"
# (corpus, file, the text after which a new line is typed, the most of ruff's time)
FILES = [
    ("timm", "models/vision_transformer.py", "Forward pass through feature layers (embeddings", 0.5),
    ("transformers", "models/bert/modeling_bert.py", "hidden_states = self.dense(hidden_states)", 2.0),
]
# What is typed on a new line, from Enter on: (what is typed into, file, the text it is typed below, typed).
LINES = [
    ("a forward", FILES[0], "x = self.patch_drop(x)", _TYPED),
    ("an `__init__`", FILES[0], "self.global_pool = global_pool", "self.extra = nn.ReLU()"),
    ("a forward", FILES[1], "hidden_states = self.dense(hidden_states)", _TYPED),
    (
        "an `__init__`",
        FILES[1],
        "self.dense = nn.Linear(config.hidden_size, config.hidden_size)",
        "self.extra = nn.ReLU()",
    ),
]
_PAUSE = 0.05  # seconds between two keystrokes; the fastest typists leave more
_OPEN_FILES = {"aimetGuidelines": {"diagnosticMode": "openFilesOnly"}}
_WHOLE = {"aimetGuidelines": {"diagnosticMode": "workspace"}}


# (line, start, end, new text)
_Key = tuple[int, int, int, str]


def keystrokes(text: str, anchor: str, typed: str = _TYPED) -> tuple[str, list[_Key]]:
    """The text with an empty line after `anchor`, and edits that fill and empty that line."""
    lines = text.split("\n")
    line = next(number for number, each in enumerate(lines) if anchor in each)
    indent = len(lines[line]) - len(lines[line].lstrip())
    lines.insert(line + 1, " " * indent)
    edits = [(line + 1, indent + at, indent + at, letter) for at, letter in enumerate(typed)]
    edits += [(line + 1, indent + at, indent + at + 1, "") for at in reversed(range(len(typed)))]
    return "\n".join(lines), edits


def line_by_line(text: str, anchor: str, typed: str) -> list[tuple[int, int, int, str, int]]:
    """Edits that add a line below `anchor` with Enter, fill and empty it, and take it away again. The last number: how
    many lines further down the edited range ends.
    """
    filled, keys = keystrokes(text, anchor, typed)
    line, indent = keys[0][:2]
    end = len(filled.split("\n")[line - 1])
    enter, back = (line - 1, end, end, "\n" + " " * indent, 0), (line - 1, end, indent, "", 1)
    return [enter, *((*key, 0) for key in keys), back]


def measure(
    corpus: str,
    file: str,
    text: str,
    edits: Sequence[tuple[Any, ...]],
    servers: Mapping[str, tuple[str, ...]],
    rounds: int,
) -> tuple[dict[str, list[float]], int]:
    """The times of each server, and how many findings ours has."""
    root = corpora.folder(corpus)
    path = root / file
    ours = Client(OURS, root, _OPEN_FILES)
    ours.open(path, text)
    found = ours.settle(*edits[0][:2])
    clients = {"ours": ours, "bare": Client(bare(found), root)}
    clients.update((name, Client(command, root)) for name, command in servers.items())
    for name, client in clients.items():
        if name != "ours":
            client.open(path, text)
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
    return times, found


def typing(corpus: str, file: str, anchor: str, of_ruff: float, rounds: int) -> Iterator[Row]:
    """The rows for one file."""
    text, edits = keystrokes((corpora.folder(corpus) / file).read_text(encoding="utf-8"), anchor)
    times, found = measure(corpus, file, text, edits, {"ruff": RUFF}, rounds)
    size = f"{file.rpartition('/')[2]}, {text.count(chr(10)):,} lines, {found} findings"
    for title, of in (("median", median), ("95th percentile", late)):
        mine, other = of(times["ours"]), of(times["ruff"])
        yield _against_bare(f"keystroke in {size}: {title}", times, of)
        yield Row("", milliseconds(mine), f"ruff server {milliseconds(other)}", mine / other, of_ruff)


def typing_lines(where: str, corpus: str, file: str, anchor: str, typed: str, rounds: int) -> Iterator[Row]:
    """The rows for a line that is typed from Enter on."""
    text = (corpora.folder(corpus) / file).read_text(encoding="utf-8")
    times, _ = measure(corpus, file, text, line_by_line(text, anchor, typed), {}, rounds)
    for title, of in (("median", median), ("95th percentile", late)):
        name = file.rpartition("/")[2]
        yield _against_bare(
            f"a new line typed into {where} of {name}, Enter and taking it back too: {title}", times, of
        )


def _against_bare(what: str, times: Mapping[str, Sequence[float]], of: Callable[[Sequence[float]], float]) -> Row:
    mine, floor = of(times["ours"]), of(times["bare"])
    return Row(what, milliseconds(mine), f"bare pygls server {milliseconds(floor)}", mine / floor, 1.5)


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
    rows = [row for corpus, file, anchor, ratio in FILES for row in typing(corpus, file, anchor, ratio, rounds)]
    for where, (corpus, file, *_), anchor, typed in LINES:
        rows += typing_lines(where, corpus, file, anchor, typed, rounds)
    return [*rows, *during_scan(*FILES[0][:3])]


if __name__ == "__main__":
    print(table(run()))
