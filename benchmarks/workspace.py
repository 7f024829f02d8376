"""What checking a whole workspace costs, against Python's own parser over the files that need reading."""

from __future__ import annotations

import ast
import gc
import json
import resource
import subprocess
import sys
import time
import warnings

from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check

from . import corpora
from .results import Row, milliseconds, table

_COPIES = (1, 2, 4, 8)


def parse(sources: dict[str, str]) -> float:
    """CPU seconds of `ast.parse` over the files that mention torch."""
    gc.collect()
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for text in sources.values():
            if "torch" in text:
                ast.parse(text)
    return time.process_time() - begin


def check_all(root: str, sources: dict[str, str]) -> tuple[float, int]:
    """CPU seconds of checking every file on one core, and how many findings there are."""
    gc.collect()
    begin = time.process_time()
    project = Project.empty(root).updated(sources)
    config = Config(root=root)
    found = sum(len(check(path, project, config).findings) for path in project.paths)
    return time.process_time() - begin, found


def copies(root: str, sources: dict[str, str], count: int) -> dict[str, str]:
    """The corpus several times over, each under a folder of its own."""
    return {path.replace(root, f"{root}/copy{n}", 1): text for n in range(count) for path, text in sources.items()}


def measure(count: int) -> dict[str, float]:
    """Figures for that many copies of timm: run in a process of its own, whose peak memory counts."""
    folder = corpora.folder("timm")
    root = folder.parent.as_posix()
    sources = copies(root, corpora.texts(folder), count)
    parsed = parse(sources)
    checked, found = check_all(root, sources)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"lines": corpora.lines(sources), "parse": parsed, "check": checked, "found": found, "peak": peak}


def run(counts: tuple[int, ...] = _COPIES) -> list[Row]:
    """All rows."""
    rows = []
    for count in counts:
        command = [sys.executable, "-m", "benchmarks.workspace", str(count)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        figures = json.loads(done.stdout)
        per_line = figures["check"] / figures["lines"] * 1e6
        rows.append(
            Row(
                f"{'timm' if count == 1 else f'{count} copies of timm'}, {figures['lines']:,} lines, one core: CPU",
                f"{milliseconds(figures['check'])} ({per_line:.1f} µs a line, {figures['found']:,} findings, "
                f"peak {figures['peak']:,.0f} MB)",
                f"ast.parse of its torch files {milliseconds(figures['parse'])}",
                figures["check"] / figures["parse"],
                3.0,
            )
        )
    return rows


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
    else:
        print(table(run()))
