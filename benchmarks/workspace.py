"""What checking a whole workspace costs, against Python's own parser over the files that need reading."""

from __future__ import annotations

import ast
import gc
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from aimet_guidelines import jobs
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project

from . import corpora
from .results import Row, milliseconds, table

# Copies of timm (141,000 lines), from 0.1 to 3 million lines, and a library whose models all go through the set-up code
# and the helpers of one large base class.
_WHOLE = (("timm", 1), ("timm", 4), ("timm", 21), ("transformers", 1))
# What is shared among processes: a package whose models use all of its layers, and several that have nothing in common.
_SHARED = (1, 4)
_TORCHFIX = "torchfix==0.7.0"
# MB: what one process may take, however large the workspace: what it reads at a time, and the texts with what is found
# out of each (who imports and names what).
_READ, _PER_TEXT = 1500, 4
# Of a first run: what a second one may take after what happened in between.
_GOALS = {
    "nothing changed": 0.1,
    "one model edited": 0.33,
    "a layer of many models edited": None,
    "a model added": None,
}


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


def check_all(root: str, sources: dict[str, str], processes: int = 1, keep: bool = False) -> tuple[float, float, int]:
    """Wall-clock seconds of checking every file, CPU seconds of this process, and how many findings there are."""
    gc.collect()
    begin, cpu = time.perf_counter(), time.process_time()
    project = Project.empty(root).updated(sources)
    config = Config(root=root)
    tasks = [(path, project, config) for path in project.paths]
    found = sum(len(report.findings) for report in jobs.check_each(tasks, processes, keep=keep))
    return time.perf_counter() - begin, time.process_time() - cpu, found


def peak_memory(anew: bool = False) -> float:
    """The most memory that this process had at once, in MB. anew: from now on (Linux; elsewhere since its start)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def copies(root: str, sources: dict[str, str], count: int) -> dict[str, str]:
    """The corpus several times over, each under a folder of its own."""
    return {path.replace(root, f"{root}/copy{n}", 1): text for n in range(count) for path, text in sources.items()}


def measure(name: str, count: int) -> dict[str, float]:
    """Figures for that many copies of a corpus: run in a process of its own, whose peak memory counts."""
    folder = corpora.folder(name)
    root = folder.parent.as_posix()
    sources = copies(root, corpora.texts(folder), count)
    parsed = parse(sources)
    peak_memory(anew=True)
    _, checked, found = check_all(root, sources)
    peak = peak_memory()
    lines = corpora.lines(sources)
    texts = sum(map(len, sources.values())) / 1e6
    return {"lines": lines, "parse": parsed, "check": checked, "found": found, "peak": peak, "texts": texts}


def measure_wall(name: str, count: int, processes: int) -> dict[str, float]:
    """Wall-clock seconds for copies of a corpus with that many processes: run apart, as the command line is."""
    folder = corpora.folder(name)
    root = folder.parent.as_posix()
    return {"wall": check_all(root, copies(root, corpora.texts(folder), count), processes)[0]}


def measure_again(name: str) -> dict[str, float]:
    """CPU seconds of a run that keeps nothing, of a first one that keeps what it finds, and of second ones."""
    folder = corpora.folder(name)
    root, sources = folder.parent.as_posix(), corpora.texts(folder)
    times: dict[str, list[float]] = {}
    check_all(root, sources)  # what is done once in a process
    for _ in range(3):
        times.setdefault("without", []).append(check_all(root, sources)[1])
        with tempfile.TemporaryDirectory() as place:
            kept, copy = os.path.join(place, "kept"), os.path.join(place, "copy")
            os.environ["AIMET_GUIDELINES_CACHE_DIR"] = kept
            times.setdefault("first", []).append(check_all(root, sources, keep=True)[1])
            os.environ["AIMET_GUIDELINES_CACHE_DIR"] = copy
            for what, texts in _second(root, sources).items():
                shutil.copytree(kept, copy)
                times.setdefault(what, []).append(check_all(root, texts, keep=True)[1])
                shutil.rmtree(copy)
    return {what: min(each) for what, each in times.items()}


def measure_fix(name: str) -> dict[str, float]:
    """CPU seconds of checking a corpus and of repairing it, each in one process and in its own Python."""
    times: dict[str, float] = {}
    for what, more in (("check", ()), ("fix", ("--unsafe-fixes",))):
        with tempfile.TemporaryDirectory() as place:
            shutil.copytree(corpora.folder(name), os.path.join(place, name))
            command = [sys.executable, "-m", "aimet_guidelines", what, place, "--no-cache", "--jobs", "1", *more]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times[what] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    count = re.search(r"^(\d+) findings repaired", done.stdout)
    assert count is not None, done.stderr
    return {**times, "repaired": int(count[1])}


def _second(root: str, sources: dict[str, str]) -> dict[str, dict[str, str]]:
    """The files of second runs, by what happened to them since the first."""
    model, layer, new = (f"{root}/timm/{each}.py" for each in ("models/vgg", "layers/mlp", "models/new"))
    edited = {path: sources[path].replace("    def forward(", _MORE, 1) for path in (model, layer)}
    assert all(edited[path] != sources[path] for path in edited)
    return {
        "nothing changed": sources,
        "one model edited": {**sources, model: edited[model]},
        "a layer of many models edited": {**sources, layer: edited[layer]},
        "a model added": {**sources, new: _NEW},
    }


# What is written into a class, and a model that uses the layers of others.
_MORE = "    def more(self, x):\n        return x\n\n    def forward("
_NEW = """\
from torch import nn

from timm.layers import DropPath, LayerNorm2d, Mlp


class NewBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = LayerNorm2d(dim)
        self.mlp = Mlp(dim, 4 * dim)
        self.drop_path = DropPath(0.1)

    def forward(self, x):
        return x + self.drop_path(self.mlp(self.norm(x)))
"""


def torchfix(name: str) -> float:
    """Wall-clock seconds that TorchFix takes for a corpus; NaN where it cannot be had."""
    with tempfile.TemporaryDirectory() as place:
        venv = os.path.join(place, "venv")
        python = os.path.join(venv, "bin", "python")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        try:
            subprocess.run([sys.executable, "-m", "venv", venv], check=True, **quiet)  # type: ignore[call-overload]
            subprocess.run([python, "-m", "pip", "install", "-q", _TORCHFIX], check=True, **quiet)  # type: ignore[call-overload]
            begin = time.perf_counter()
            subprocess.run([python, "-m", "torchfix", str(corpora.folder(name))], check=False, **quiet)  # type: ignore[call-overload]
            return time.perf_counter() - begin
        except (OSError, subprocess.CalledProcessError):
            return float("nan")


def _copies(name: str, count: int) -> str:
    return name if count == 1 else f"{count} copies of {name}"


def _apart(what: str, *arguments: object) -> dict[str, float]:
    """Figures measured in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.workspace", what, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def run(whole: tuple[tuple[str, int], ...] = _WHOLE) -> list[Row]:
    """All rows."""
    rows = []
    for name, count in whole:
        figures = _apart("measure", name, count)
        per_line = figures["check"] / figures["lines"] * 1e6
        rows.append(
            Row(
                f"{_copies(name, count)}, {figures['lines']:,} lines, one core: CPU",
                f"{milliseconds(figures['check'])} ({per_line:.1f} µs a line, {figures['found']:,} findings)",
                f"ast.parse of its torch files {milliseconds(figures['parse'])}",
                figures["check"] / figures["parse"],
                3.0,
            )
        )
        bound = _READ + _PER_TEXT * figures["texts"]
        rows.append(
            Row(
                f"the same: most memory at once, of {figures['texts']:,.0f} MB of source",
                f"{figures['peak']:,.0f} MB",
                f"{_READ} MB and {_PER_TEXT} times the source",
                figures["peak"] / bound,
                1.0,
            )
        )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for count in _SHARED:
        # By turns, the better of two each.
        times = [[_apart("measure_wall", "timm", count, each)["wall"] for each in (1, cores)] for _ in range(2)]
        one, every = map(min, zip(*times, strict=True))
        rows.append(
            Row(
                f"{_copies('timm', count)}, {cores} processes: wall-clock",
                milliseconds(every),
                f"one process {milliseconds(one)}, divided by {cores}",
                every / (one / cores),
                1.3,
            )
        )
    again = _apart("measure_again", "timm")
    rows.append(
        Row(
            "timm, what is found is kept for the next run: CPU",
            milliseconds(again["first"]),
            f"nothing is kept {milliseconds(again['without'])}",
            again["first"] / again["without"],
            1.1,
        )
    )
    for what, goal in _GOALS.items():
        measured, against = milliseconds(again[what]), f"first run {milliseconds(again['first'])}"
        rows.append(Row(f"timm, second run, {what}: CPU", measured, against, again[what] / again["first"], goal))
    fixed = _apart("measure_fix", "timm")
    rows.append(
        Row(
            f"timm, fix --unsafe-fixes, {fixed['repaired']:,} repairs, one process: CPU",
            milliseconds(fixed["fix"]),
            f"check {milliseconds(fixed['check'])}",
            fixed["fix"] / fixed["check"],
            3.0,
        )
    )
    seconds = torchfix("timm")
    if seconds == seconds:
        rows.append(Row("timm, TorchFix 0.7.0, which reads with libcst: wall-clock", milliseconds(seconds)))
    return rows


_MEASURES = {
    "measure": lambda name, count: measure(name, int(count)),
    "measure_wall": lambda name, count, processes: measure_wall(name, int(count), int(processes)),
    "measure_again": measure_again,
    "measure_fix": measure_fix,
}

if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(_MEASURES[sys.argv[1]](*sys.argv[2:])))  # type: ignore[operator]
    else:
        print(table(run()))
