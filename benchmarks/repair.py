"""How long repairs take: fix-all of a file of a thousand lines, and one quick fix in a very long file."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable

from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check, fix_all, repair_edits
from aimet_guidelines.finding import Safety

from . import corpora
from .results import Row, median, milliseconds, table

_LINES = 1000


def _timed(run: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        gc.collect()
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return median(times)


def _long_file() -> str:
    """About a thousand lines of models with many findings: one of the examples, several times over."""
    block = """
class Block{n}(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.ReLU()

    def forward(self, x):
        y = self.act(self.norm(self.conv(x)))
        y = F.max_pool2d(y, 2)
        y = self.act(y)
        y = torch.sigmoid(y)
        y = y.view(-1, 64)
        return F.dropout(y, 0.1)

"""
    head = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
    count = (_LINES - 3) // block.count("\n")
    return head + "".join(block.replace("{n}", str(n)) for n in range(count))


def fix_a_file(rounds: int) -> Row:
    """Fix-all with the safe repairs, the file not checked before."""
    text = _long_file()
    path = "/project/model.py"
    applied: list[int] = []

    def run() -> None:
        project = Project.empty("/project").updated({path: text})
        fixed = fix_all(path, project, Config(root="/project"), lambda _, repair: repair.safety is Safety.SAFE)
        applied.append(len(fixed.applied))

    run()
    took = _timed(run, rounds)
    what = f"fix-all of a file of {text.count(chr(10)):,} lines ({applied[-1]} repairs)"
    return Row(what, milliseconds(took), "500 ms", took / 0.5, 1.0)


def one_quick_fix(rounds: int) -> list[Row]:
    """The edits of one repair in the file that is open in an editor, so checked already."""
    root = corpora.folder("timm")
    path = (root / "models/vision_transformer.py").as_posix()
    project = Project.empty(root.parent.as_posix()).updated(corpora.texts(root))
    config = Config(root=project.root)
    finding = next(each for each in check(path, project, config).findings if each.repairs)
    begin = time.perf_counter()
    repair_edits(path, project, config, finding, finding.repairs[0])
    first = time.perf_counter() - begin
    took = _timed(lambda: repair_edits(path, project, config, finding, finding.repairs[0]), rounds)
    loading = _timed(lambda: subprocess.run([sys.executable, "-I", "-c", "import libcst"], check=True), 3)
    nothing = _timed(lambda: subprocess.run([sys.executable, "-I", "-c", ""], check=True), 3)
    name = f"one quick fix in {path.rpartition('/')[2]}, {project.text(path).count(chr(10)):,} lines"
    return [
        Row(name, milliseconds(took), "100 ms", took / 0.1, 1.0),
        Row(f"{name}: the first one", milliseconds(first), f"importing libcst {milliseconds(loading - nothing)}"),
    ]


def run(rounds: int = 5) -> list[Row]:
    """All rows."""
    return [*one_quick_fix(rounds), fix_a_file(rounds)]


if __name__ == "__main__":
    print(table(run()))
