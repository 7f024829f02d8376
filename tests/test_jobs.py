"""Checking many files: batch by batch or in several processes, the findings are the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from aimet_guidelines import engine, jobs
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project
from aimet_guidelines.finding import Report
from aimet_guidelines.reading.facts import Trace
from aimet_guidelines.reading.index import Index
from aimet_guidelines.reading.model import Model

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
    monkeypatch.setattr(jobs, "_LARGE", 0)
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
    assert known["other/nets/block.py"] < whole // 2


_SHARED = """\
import torch
from torch import nn


def gate(x):
    return torch.sigmoid(x) * x


class Base(nn.Module):
    size = 1

    def __init__(self):
        super().__init__()
        self.width = self.size
        self.set_up()

    def set_up(self):
        self.act = nn.ReLU() if self.size else nn.SiLU()
"""
_USER = """\
from .shared import Base, gate


class Net{number}(Base):
    size = {number}

    def forward(self, x):
        return gate(self.act(self.act(x)))
"""


def _texts(count: int) -> dict[str, str | None]:
    texts: dict[str, str | None] = {f"{ROOT}/nets/__init__.py": "", f"{ROOT}/nets/shared/__init__.py": _SHARED}
    return texts | {f"{ROOT}/nets/net{number}.py": _USER.format(number=number) for number in range(count)}


def _users(count: int) -> Project:
    return Project.empty(ROOT).updated(_texts(count))


def test_what_many_files_use_is_kept_from_batch_to_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _reports(_users(20))
    monkeypatch.setattr(jobs, "_LARGE", 0)
    monkeypatch.setattr(jobs, "_BATCH", 60)
    kept: list[int] = []
    unread = Project.unread

    def noting(project: Project, paths: frozenset[str] = frozenset(), *, final: bool = False) -> Project:
        following = unread(project, paths, final=final)
        if paths:
            assert paths == {f"{ROOT}/nets/shared/__init__.py"}
            kept.append(len(following.memory.entries))
        return following

    monkeypatch.setattr(Project, "unread", noting)
    assert _reports(_users(20)) == whole
    assert len(kept) > 2 and all(kept)
    assert max(kept) < 60 // 3 + 10  # what was read of the others is let go


def test_helpers_are_checked_after_their_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_LARGE", 0)
    order: list[str] = []
    check = engine.check

    def noting(path: str, given: Project, config: Config) -> Report:
        order.append(path.removeprefix(f"{ROOT}/nets/"))
        return check(path, given, config)

    monkeypatch.setattr(engine, "check", noting)
    reports = _reports(_users(3))
    assert order == ["net0.py", "net1.py", "net2.py", "__init__.py", "shared/__init__.py"]
    assert [report.path for report in reports] == list(_users(3).paths)


def test_processes_share_models_before_what_they_use() -> None:
    project = _users(3)
    checker = jobs._Checker([(path, project, CONFIG) for path in project.paths], keep=False, shared=True)
    order = [list(project.paths)[index].rpartition("/nets/")[2] for index in checker.ordered(range(5))]
    assert order == ["net0.py", "net1.py", "net2.py", "__init__.py", "shared/__init__.py"]


def test_of_models_that_were_let_go_only_those_that_run_a_helper_are_read_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = _reports(_users(3))
    monkeypatch.setattr(jobs, "_LARGE", 0)
    monkeypatch.setattr(jobs, "_BATCH", 0)
    project = _users(3)
    read: list[str] = []
    models = Model.read

    def noting(model: Model, index: Index) -> Trace | None:
        read.append(model.definition.name)
        return models(model, index)

    monkeypatch.setattr(Model, "read", noting)
    other = project.updated(
        {f"{ROOT}/nets/net3.py": _USER.format(number=3).replace("gate(self.act(self.act(x)))", "x")}
    )
    found = {report.path: report for report in _reports(other)}
    assert all(found[report.path] == report for report in whole)
    assert read.count("Net0") > 1  # for its own file, and for the helper
    assert read.count("Net3") == 1


_MAKES = """

def made():
    return nn.ReLU()


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = made()

    def forward(self, x):
        return self.act(x)
"""


def test_what_a_report_rests_on_is_known_of_what_was_kept_from_batch_to_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `made` returns is a module: calls of it are not remembered, and what rests on them is kept all the same."""
    monkeypatch.setenv("AIMET_GUIDELINES_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(jobs, "_LARGE", 0)
    monkeypatch.setattr(jobs, "_BATCH", 60)
    user = _USER.replace("import Base, gate", "import Base, Layer, gate")
    user = user.replace("    def forward", "    def set_up(self):\n        self.act = Layer()\n\n    def forward")
    texts: dict[str, str | None] = {f"{ROOT}/nets/__init__.py": "", f"{ROOT}/nets/shared/__init__.py": _SHARED + _MAKES}
    texts |= {f"{ROOT}/nets/net{number}.py": user.format(number=number) for number in range(20)}
    project = Project.empty(ROOT).updated(texts)
    found = list(jobs.check_each([(path, project, CONFIG) for path in project.paths], 1, keep=True))
    assert found == [engine.check(path, project, CONFIG) for path in project.paths]


def test_of_a_package_that_is_left_nothing_is_kept_but_what_others_use(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: dict[str, str | None] = {}
    for package in ("one", "other"):
        texts |= {path.replace("/nets/", f"/{package}/"): text for path, text in _texts(20).items()}
    project = Project.empty(ROOT).updated(texts)
    one, other = (f"{ROOT}/{package}/shared/__init__.py" for package in ("one", "other"))
    assert project.common == {one, other}
    assert [project.is_used_in(each, f"{ROOT}/other") for each in (one, other)] == [False, True]
    used = project.updated({f"{ROOT}/other/more.py": "from one.shared import gate\n"})
    assert used.is_used_in(one, f"{ROOT}/other")
    whole = _reports(project)
    monkeypatch.setattr(jobs, "_LARGE", 0)
    monkeypatch.setattr(jobs, "_BATCH", 60)
    assert _reports(Project.empty(ROOT).updated(texts)) == whole
