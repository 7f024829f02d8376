"""Files come, go, move and change: what is kept on disk never shows what a fresh run would not."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import aimet_guidelines
import pytest
from aimet_guidelines import engine, jobs
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project
from aimet_guidelines.finding import Finding
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

ROOT = "/project"
CONFIG = Config(root=ROOT)
_HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"


def _part(imports: str = "", base: str = "nn.Module", call: str = "F.relu(x)") -> str:
    return (
        f"{_HEAD}{imports}\n\nclass Part({base}):\n    def __init__(self, rounds=1):\n        super().__init__()\n"
        "        self.rounds = rounds\n        self.fc = nn.Linear(4, 4)\n\n    def forward(self, x, mask=None):\n"
        f"        for _ in range(self.rounds):\n            x = self.fc(x)\n        if mask is not None:\n"
        f"            x = {call}\n        return x\n"
    )


_SAYS_LEAF = "from aimet_torch.nn import QuantizationMixin\nfrom part import Leaf\n\nQuantizationMixin.ignore(Leaf)\n"
_SAYS_ALL = "from aimet_torch.nn import QuantizationMixin\n\nQuantizationMixin.ignore_unknown_modules()\n"
_LEAF = f"{_HEAD}\n\nclass Leaf(nn.Module):\n    def forward(self, x):\n        return x * torch.sigmoid(x)\n"
_ATTENDS = (
    f"{_HEAD}from helpers import act\n\n\nclass Attends(nn.Module):\n    def __init__(self):\n"
    "        super().__init__()\n        self.fc = nn.Linear(4, 4)\n\n    def forward(self, x):\n"
    "        x = act(self.fc(x))\n        return F.scaled_dot_product_attention(x, x, x)\n"
)
_REGISTERS = (
    f"{_HEAD}from aimet_torch.nn import QuantizationMixin\nfrom aimet_torch.nn.modules import custom\n\n"
    "@QuantizationMixin.implements(custom.ScaledDotProductAttention)\nclass Quantized(QuantizationMixin):\n    pass\n"
    "\n\ndef act(x):\n    return x\n"
)


def _derived(imports: str, base: str) -> str:
    return f"{_HEAD}{imports}\n\nclass Whole({base}):\n    def forward(self, x):\n        return F.relu(self.fc(x))\n"


def _whole(imports: str, made: str, call: str = "self.part(x)", inside: str = "pass") -> str:
    return (
        f"{_HEAD}{imports}\n\nclass Whole(nn.Module):\n    def __init__(self):\n        {inside}\n"
        f"        super().__init__()\n        self.part = {made}\n\n    def forward(self, x):\n        return {call}\n"
    )


_IMPORTS = [
    ("from part import Part", "Part"),
    ("from part import *", "Part"),
    ("from pkg import *", "Part"),
    ("from pkg import Part", "Part"),
    ("from pkg import part", "part.Part"),
    ("from pkg.part import Part as P", "P"),
    ("import pkg.part", "pkg.part.Part"),
    ("import pkg", "pkg.part.Part"),
    ("import pkg.part as p", "p.Part"),
    ("from .part import Part", "Part"),
    ("from . import part", "part.Part"),
    ("from ..part import Part", "Part"),
    ("from ..sub.part import Part", "Part"),
    ("from pkg.sub import Part", "Part"),
]
_WHOLES = [
    _whole(imports, f"{name}({arguments})", call)
    for imports, name in _IMPORTS
    for arguments, call in (("", "self.part(x)"), ("rounds=2", "self.part(x)"), ("", "self.part(x, mask=x)"))
]
_WHOLES += [_derived(imports, base) for imports, base in _IMPORTS]
_WHOLES += [_whole("", f"{name}()", "self.part(x, x)", imports) for imports, name in _IMPORTS if "*" not in imports]
_PARTS = [
    _part(),
    _part(call="act(x)", imports="from helpers import act\n"),
    _part(call="act(x)", imports="from .helpers import *\n"),
    _part(call="act(x)", imports="from pkg.helpers import run as act\n"),
    _part(base="Base", imports="from helpers import Base\n"),
    _part(base="helpers.Base", imports="from pkg import helpers\n"),
]
_PARTS += [_LEAF, _part() + _LEAF.removeprefix(_HEAD)]
_HELPERS = [
    _REGISTERS,
    f"{_HEAD}\n\ndef act(x):\n    return F.relu(x)\n\n\ndef run(x):\n    return torch.cat([x, x])\n",
    f"{_HEAD}\n\ndef act(x):\n    return x\n\n\nclass Base(nn.Module):\n    pass\n",
    f"{_HEAD}from part import Part\n\n\nclass Base(Part):\n    def run(self, x):\n        return F.gelu(x)\n",
    f"{_HEAD}\n\nclass Base:\n    pass\n\n\ndef act(x):\n    return nn.ReLU()(x)\n",
    "from pkg.helpers import *\n",
    "from pkg.sub.helpers import act, act as run\n",
]
_SAYS = [
    _SAYS_LEAF,
    "from aimet_torch.nn import QuantizationMixin\nfrom pkg.part import Leaf as L\n\nQuantizationMixin.ignore(L)\n",
    _SAYS_ALL,
    _ATTENDS,
    _REGISTERS,
    "from whole import act as other\n",
    "# ignore_unknown_modules\n",
    "from part import Part\nfrom pkg.part import Part as Other\n\nPARTS = [Part, Other(rounds=3)]\n",
    "import torch\nfrom helpers import act\nfrom pkg.helpers import run\n\nact(torch.ones(3))\nHANDED = [run]\n",
    "",
]
_PACKAGES = [
    "",
    "from .part import Part\n",
    "from .part import *\n",
    "from . import part\nfrom .sub import Part\n",
    "from pkg.sub.part import Part\n",
    "from .helpers import act\nfrom .whole import *\n",
]
_NAMES = ("part", "whole", "helpers", "says", "pkg", "__init__", "sub")
_FOLDERS = ("", "pkg/", "pkg/sub/", "src/pkg/", "other/")
_PATHS = [f"{folder}{name}.py" for folder in _FOLDERS for name in _NAMES]
_TEXTS = {"part": _PARTS, "whole": _WHOLES, "helpers": _HELPERS, "says": _SAYS, "__init__": _PACKAGES}


def _text_for(path: str) -> st.SearchStrategy[str]:
    fitting = _TEXTS.get(path.rpartition("/")[2].removesuffix(".py"), [*_PACKAGES, *_PARTS])
    return st.sampled_from(fitting) | st.sampled_from([*_WHOLES, *_PARTS, *_HELPERS, *_SAYS, *_PACKAGES])


_written = st.sampled_from(_PATHS).flatmap(lambda path: st.tuples(st.just(path), _text_for(path)))
_deleted = st.tuples(st.just("delete"), st.integers(0, 50))
_moved = st.tuples(st.just("move"), st.integers(0, 50), st.sampled_from(_PATHS))
_START = {
    "part.py": _PARTS[0],
    "whole.py": _WHOLES[0],
    "pkg/__init__.py": _PACKAGES[1],
    "pkg/part.py": _PARTS[2],
    "pkg/helpers.py": _HELPERS[0],
    "pkg/sub/whole.py": _WHOLES[2],
}


def _after(files: Mapping[str, str], step: tuple[object, ...]) -> dict[str, str]:
    after = dict(files)
    if step[0] in ("delete", "move"):
        if after:
            chosen = sorted(after)[step[1] % len(after)]  # type: ignore[operator]
            text = after.pop(chosen)
            if step[0] == "move":
                after[str(step[2])] = text
    else:
        after[str(step[0])] = str(step[1])
    return dict(sorted(after.items()))


def _tasks(files: Mapping[str, str]) -> list[jobs.Task]:
    project = Project.empty(ROOT).updated({f"{ROOT}/{name}": text for name, text in files.items()})
    return [(path, project, CONFIG) for path in project.paths]


def _check(steps: list[tuple[object, ...]]) -> None:
    files: dict[str, str] = _START
    edited = Project.empty(ROOT).updated({f"{ROOT}/{name}": text for name, text in files.items()})
    for step in [None, *steps]:
        after = files if step is None else _after(files, step)
        gone: dict[str, str | None] = {f"{ROOT}/{name}": None for name in files.keys() - after.keys()}
        come = {f"{ROOT}/{name}": text for name, text in after.items() if files.get(name) != text}
        files = after
        note(f"{step}: {sorted(files)}")
        fresh = _fresh(files)
        kept = {report.path: report.findings for report in jobs.check_each(_tasks(files), 1, keep=True)}
        assert kept == fresh
        edited = edited.updated({**gone, **come})
        assert {path: engine.check(path, edited, CONFIG).findings for path in fresh} == fresh


_HELPER = f"{_HEAD}\n\ndef act(x, slope):\n    return F.leaky_relu(x, slope)\n"
_CALLS = f"{_HEAD}from helpers import act\n\n\n" + _whole("", "nn.Linear(4, 4)", "act(self.part(x), 0.2)").removeprefix(
    _HEAD
)


class Change(NamedTuple):
    """Files of which others come (`come`), or go again, and the file that finds something else for it."""

    name: str
    there: dict[str, str]
    come: dict[str, str | None]
    concerns: str


_CHANGES = [
    Change("a module that is imported", {"whole.py": _derived(*_IMPORTS[0])}, {"part.py": _part()}, "whole.py"),
    Change(
        "a module behind a star import",
        {"whole.py": _derived("from part import *", "Part")},
        {"part.py": _part()},
        "whole.py",
    ),
    Change(
        "a package for the names that a star import reaches",
        {"whole.py": _derived("from pkg import *", "Part"), "pkg/part.py": _part()},
        {"pkg/__init__.py": "from .part import Part\n"},
        "whole.py",
    ),
    Change(
        "a package above a relative import",
        {
            "pkg/sub/whole.py": _derived("from ..part import Part", "Part"),
            "pkg/sub/part.py": "class Part:\n    pass\n",
            "pkg/part.py": _part(),
        },
        {"pkg/__init__.py": "", "pkg/sub/__init__.py": ""},
        "pkg/sub/whole.py",
    ),
    Change(
        "a package above a relative import of the base's file",
        {
            "whole.py": _derived("from pkg.part import Part", "Part"),
            "pkg/part.py": _part("from ..base import Base\n", "Base"),
            "base.py": f"{_HEAD}\n\nclass Base(nn.Module):\n    pass\n",
            "other/pkg/base.py": "",
        },
        {"pkg/part.py": _part("from .base import Base\n", "Base"), "pkg/base.py": "class Base:\n    pass\n"},
        "whole.py",
    ),
    Change(
        "a package in the place of a module",
        {"whole.py": _derived("from pkg import Part", "Part"), "pkg.py": "class Part:\n    pass\n"},
        {"pkg/__init__.py": _part(), "pkg.py": None},
        "whole.py",
    ),
    Change(
        "a submodule that is reached through its package",
        {"whole.py": _derived("import pkg", "pkg.part.Part"), "pkg/__init__.py": ""},
        {"pkg/part.py": _part()},
        "whole.py",
    ),
    Change(
        "a module that a function imports",
        {"whole.py": _whole("", "Part()", "F.relu(self.part(x)) + self.part(x)", "from part import Part")},
        {"part.py": _part()},
        "whole.py",
    ),
    Change("a caller", {"part.py": _part()}, {"whole.py": _whole(*_IMPORTS[0], "self.part(x, mask=x)")}, "part.py"),
    Change(
        "a caller that has it under another name",
        {"part.py": _part(), "whole.py": _whole("from part import Part as P", "P()")},
        {"whole.py": _whole("from part import Part as P", "P(rounds=3)")},
        "part.py",
    ),
    Change("a registration", {"part.py": _LEAF}, {"says.py": _SAYS_LEAF}, "part.py"),
    Change("what ignores every unknown module", {"part.py": _LEAF}, {"says.py": _SAYS_ALL}, "part.py"),
    Change(
        "what registers AIMET's module",
        {"attends.py": _ATTENDS, "helpers.py": "import registers\n\n\ndef act(x):\n    return x\n"},
        {"registers.py": _REGISTERS},
        "attends.py",
    ),
    Change(
        "a file that gets a function from one that imports it",
        {"helpers.py": _HELPER, "whole.py": _CALLS},
        {"other.py": "from whole import act\n\nprint(act)\n"},
        "helpers.py",
    ),
]


@pytest.mark.parametrize("change", _CHANGES, ids=lambda change: change.name)
def test_what_files_that_come_and_go_change_is_found(
    change: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMET_GUIDELINES_CACHE_DIR", str(tmp_path))
    after = {name: text for name, text in {**change.there, **change.come}.items() if text is not None}
    before, now = _fresh(change.there), _fresh(after)
    concerned = f"{ROOT}/{change.concerns}"
    assert before[concerned] != now[concerned]
    for files, fresh in ((change.there, before), (after, now), (change.there, before)):
        assert {report.path: report.findings for report in jobs.check_each(_tasks(files), 1, keep=True)} == fresh


def _fresh(files: Mapping[str, str]) -> dict[str, list[Finding]]:
    return {path: engine.check(path, project, config).findings for path, project, config in _tasks(files)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(_written, _written, _deleted, _moved), min_size=1, max_size=7))
@example([("pkg/sub/__init__.py", _PACKAGES[0]), ("pkg/sub/part.py", _PARTS[0]), ("delete", 1)])
@example([("pkg.py", _PARTS[0]), ("pkg/__init__.py", _PACKAGES[2]), ("delete", 0)])
@example([("says.py", _SAYS[0]), ("says.py", _SAYS[2]), ("pkg/says.py", _SAYS[2]), ("delete", 5)])
def test_a_kept_run_is_a_fresh_one_whatever_happens_to_the_files(steps: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as place, mock.patch.dict("os.environ", AIMET_GUIDELINES_CACHE_DIR=place):
        _check(steps)


def test_every_question_about_the_workspace_is_asked_in_a_way_that_is_kept() -> None:
    """`("calls", name)` alone says too little for what is kept on disk, which leaves it out."""
    server = Path(aimet_guidelines.__file__).parent
    asking = [
        source.relative_to(server).as_posix()
        for source in server.rglob("*.py")
        if re.search(r"depend\(\s*\"calls\"", source.read_text(encoding="utf-8"))
    ]
    assert asking == ["reading/index.py"]
