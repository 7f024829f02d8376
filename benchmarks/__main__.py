"""Runs every benchmark, prints the table, and writes it to docs/performance.md."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from pathlib import Path

from . import cold_start, corpora, keystroke, repair, steps, workspace
from .results import Row, table

_PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
_PARTS = [
    ("Keystroke", keystroke.run),
    ("Keystroke, step by step", steps.run),
    ("Cold start", cold_start.run),
    ("Repair", repair.run),
    ("Workspace", workspace.run),
]


def _machine() -> str:
    cores = os.cpu_count() or 1
    name = platform.processor() or platform.machine()
    model = Path("/proc/cpuinfo")
    if model.exists():
        found = [
            line.partition(":")[2].strip() for line in model.read_text().splitlines() if line.startswith("model name")
        ]
        name = found[0] if found else name
    return f"{name}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def main() -> int:
    """Run them all."""
    before = _load()
    parts: list[tuple[str, list[Row]]] = []
    try:
        for title, run in _PARTS:
            rows = run()
            parts.append((title, rows))
            print(f"\n## {title}\n\n{table(rows)}", flush=True)
    except corpora.CorpusError as error:
        print(error, file=sys.stderr)
        return 2
    page = [
        "# Performance",
        "Written by `npm run bench` (`python -m benchmarks`); do not edit. Ratios are taken in one run, the things",
        "compared by turns, so that the machine's speed and load matter little.",
        "",
        f"- {datetime.date.today().isoformat()}: {_machine()}; load {before} before, {_load()} after",
        f"- sources: {', '.join(f'{name} {version}' for name, version in corpora.VERSIONS.values())}",
    ]
    text = "\n".join([page[0], "", *page[1:]])
    for title, rows in parts:
        text += f"\n\n## {title}\n\n{table(rows)}"
    _PAGE.parent.mkdir(exist_ok=True)
    _PAGE.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
