"""Checking many files: batch by batch or in several processes, the findings are the same."""

from __future__ import annotations

import pytest
from aimet_guidelines import engine, jobs
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project
from aimet_guidelines.finding import Report

ROOT = "/project"
CONFIG = Config(root=ROOT)
_BLOCK = """\
import torch.nn.functional as F
from torch import nn

from .util import gate


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU()

    def forward(self, x):
        x = self.act(self.act(x))
        return gate(F.{function}(x))
"""
_UTIL = "import torch\n\n\ndef gate(x):\n    return torch.sigmoid(x) * x\n"
_NET = """\
from torch import nn

from .block import Block


class Net(Block):
    def __init__(self):
        super().__init__()
        self.more = Block()

    def forward(self, x, flags=None):
        return self.more(super().forward(x)), flags
"""


def _project() -> Project:
    """Two packages with modules of the same names, which differ."""
    texts: dict[str, str | None] = {}
    for folder, function in (("one", "relu"), ("other", "silu")):
        texts |= {
            f"{ROOT}/{folder}/nets/__init__.py": "from .net import Net\n",
            f"{ROOT}/{folder}/nets/block.py": _BLOCK.format(function=function),
            f"{ROOT}/{folder}/nets/net.py": _NET,
            f"{ROOT}/{folder}/nets/util.py": _UTIL,
            f"{ROOT}/{folder}/nets/empty.py": "# nothing\n",
            f"{ROOT}/{folder}/use.py": "from nets import Net\n\n\ndef make():\n    return Net()\n",
        }
    return Project.empty(ROOT).updated(texts)


def _reports(project: Project, processes: int = 1) -> list[Report]:
    return list(jobs.check_each([(path, project, CONFIG) for path in project.paths], processes))


@pytest.mark.parametrize("results", [0, 5, 20])
def test_batches_find_what_one_reading_finds(results: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _reports(_project())
    assert sum(len(report.findings) for report in whole) >= 8
    monkeypatch.setattr(jobs, "_LARGE", 0)
    monkeypatch.setattr(jobs, "_BATCH", results)
    project = _project()
    assert _reports(project) == whole
    # What a batch let go of was never the caller's.
    assert not any(facts.source.is_read for facts in project.files.values())
    assert _reports(project) == whole


def test_processes_find_what_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _reports(_project())
    monkeypatch.setattr(jobs, "_WORTH_IT", 2)
    assert _reports(_project(), 2) == whole
    monkeypatch.setattr(jobs, "_BATCH", 0)
    assert _reports(_project(), 2) == whole


def test_a_package_is_read_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, int] = {}
    check = engine.check

    def noting(path: str, given: Project, config: Config) -> Report:
        known[path.removeprefix(f"{ROOT}/")] = len(given.memory.entries)
        return check(path, given, config)

    monkeypatch.setattr(engine, "check", noting)
    monkeypatch.setattr(jobs, "_LARGE", 0)
    _reports(_project())
    whole = known["one/use.py"]  # what reading the package before it has left
    monkeypatch.setattr(jobs, "_BATCH", whole + 1)
    _reports(_project())
    assert known["one/nets/util.py"] > whole // 2  # never let go inside a package that fits
    assert known["one/use.py"] == 0
    assert known["other/nets/__init__.py"] < whole // 2
