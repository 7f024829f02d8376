# ruff: noqa: E501  a table is read more easily with a case on a line
"""Checking after edits finds exactly what a fresh reading of the final texts finds: no cache shows a stale finding."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from aimet_guidelines.engine import Project
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from .workspace import ROOT, Workspace, afresh, at, findings, parses

HELPERS = """\
import torch
import torch.nn.functional as F
from torch import nn

SLOPE = 0.1
SHARED = nn.ReLU()


def activate(x, slope=SLOPE):
    return F.leaky_relu(x, slope)


def size(x):
    return x.shape[0]


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(self.body(x))

    def body(self, x):
        return x
"""

BLOCKS = """\
import torch
from torch import nn

from helpers import Base, activate


class Block(Base):
    def __init__(self, width=8, act=None):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3)

    def body(self, x, extra=None):
        if extra is not None:
            x = x + extra
        return activate(self.conv(x))


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 2)

    def forward(self, x, flag=False):
        x = torch.flatten(x, 1)
        return (self.fc(x), x) if flag else self.fc(x)
"""

NET = """\
import helpers
import torch
from blocks import *
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.head = Head()
        self.relu = helpers.SHARED
        self.outs = []

    def forward(self, x):
        x = self.relu(self.block(x))
        x = self.relu(F.max_pool2d(x, 2))
        self.outs.append(x)
        return self.head(x.view(-1, 8))


def run(model: Net, x):
    return helpers.activate(model(x))
"""

CHOICE = """\
import torch
from torch import nn
from torch.nn import functional as F

try:
    from blocks import Head
    from helpers import activate

    WIDTH = 8

    class Fast(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()
            self.head = Head()

        def forward(self, x):
            x = self.relu(activate(x))
            return self.head(F.softmax(self.relu(x), 1))

except ImportError:
    WIDTH = 4

    def activate(x):
        return torch.sigmoid(x)

    class Fast(nn.Module):
        def forward(self, x):
            return activate(x)

if WIDTH > 4:

    def gate(x):
        return x * torch.tanh(x)

else:
    gate = None


class Chosen(nn.Module):
    def __init__(self):
        super().__init__()
        self.fast = Fast()

    def forward(self, x):
        return gate(activate(self.fast(x)))
"""

START = {"helpers.py": HELPERS, "blocks.py": BLOCKS, "net.py": NET, "choice.py": CHOICE}
_FILES = sorted(START)


def assert_fresh(workspace: Workspace, order: list[str] = _FILES) -> None:
    """The findings shown now are those of a fresh reading."""
    shown = workspace.check(order)
    expected = afresh(workspace.texts)
    for name in order:
        if shown[name] != expected[name]:
            for each, text in workspace.texts.items():
                note(f"---- {each}\n{text}")
        assert shown[name] == expected[name], name
        assert [each.span for each in shown[name]] == sorted(each.span for each in shown[name])
    fresh = Project.empty(ROOT).updated({at(name): text for name, text in workspace.texts.items()})
    for name in _NAMES:
        assert [*workspace.project._naming.get(name, [])] == [*fresh._naming.get(name, [])], name


# One edit whose effect lies elsewhere, each: (what, file, old text, new text).
CHANGES = [
    ("helper body", "helpers.py", "F.leaky_relu(x, slope)", "x"),
    ("helper default", "helpers.py", "SLOPE = 0.1", "SLOPE = 0.2"),
    ("constant set by a function", "helpers.py", "def size(x):", "def change():\n    global SLOPE\n    SLOPE = 3\n\n\ndef size(x):"),
    ("base attribute", "helpers.py", "self.act = nn.ReLU()", "self.act = nn.Dropout()"),
    ("base method", "helpers.py", "self.act(self.body(x))", "self.act(self.act(self.body(x)))"),
    ("base of base", "helpers.py", "class Base(nn.Module)", "class Base(object)"),
    ("shared instance", "helpers.py", "SHARED = nn.ReLU()", "SHARED = nn.Conv2d(1, 1, 1)"),
    ("line above a shared instance", "helpers.py", "SLOPE = 0.1\n", "SLOPE = 0.1\nOTHER = 1\n"),
    ("function that splits module code", "helpers.py", "SLOPE = 0.1\n", "SLOPE = 0.1\n\n\ndef apart(): ...\n\n\n"),
    ("second definition wins", "helpers.py", "def size(x):", "def activate(x):\n    return x\n\n\ndef size(x):"),
    ("class of the same name above", "helpers.py", "def size(x):", "class Base(nn.Module):\n    pass\n\n\ndef size(x):"),
    ("import renamed", "helpers.py", "import torch.nn.functional as F", "import torchvision.transforms.functional as F"),
    ("import of a name removed", "blocks.py", "from helpers import Base, activate", "from helpers import Base"),
    ("import turned into a star", "blocks.py", "from helpers import Base, activate", "from helpers import *"),
    ("star import removed", "net.py", "from blocks import *\n", ""),
    ("star import of another", "net.py", "from blocks import *", "from helpers import *"),
    ("module import removed", "net.py", "import helpers\n", ""),
    ("caller passes a flag", "net.py", "self.head(x.view(-1, 8))", "self.head(x.view(-1, 8), flag=True)"),
    ("caller passes a tensor", "net.py", "self.block(x)", "self.block.body(x, x)"),
    ("caller gone", "net.py", "class Net(nn.Module)", "class Net"),
    ("subclass takes a name", "net.py", "def run(", "class More(Head):\n    def forward(self, x):\n        self.relu = x\n        return x\n\n\ndef run("),
    ("result changes", "blocks.py", "return activate(self.conv(x))", "return self.conv(x), x"),
    ("name comes to be", "net.py", "import torch\n", "import torch\n\nactivate = torch.relu\n"),
    ("registration", "net.py", "def run(", "from aimet_torch.nn import QuantizationMixin\n\nQuantizationMixin.ignore(Head)\n\n\ndef run("),
    ("list in forward", "net.py", "self.outs.append(x)", "self.outs.append(activate(x))"),
    ("base of a class in a block", "choice.py", "class Fast(nn.Module):\n        def __init__", "class Fast(object):\n        def __init__"),
    ("one of two classes of a name goes", "choice.py", "    class Fast(nn.Module):\n        def forward(self, x):\n            return activate(x)\n", ""),
    ("condition goes", "choice.py", "if WIDTH > 4:\n\n    def gate(x):\n        return x * torch.tanh(x)\n\nelse:\n    gate = None\n", "def gate(x):\n    return x\n"),
    ("function in another clause, too", "choice.py", "    gate = None\n", "\n    def gate(x):\n        return x\n"),
    ("function in a block", "choice.py", "x * torch.tanh(x)", "torch.tanh(torch.tanh(x))"),
    ("line in a function in a block", "choice.py", "        return x * torch.tanh(x)", "        x = x + 1\n        return x * torch.tanh(x)"),
    ("value beside a class", "choice.py", "    WIDTH = 8\n", "    WIDTH = 8\n    gate = torch.relu\n"),
    ("what begins a clause", "choice.py", "except ImportError:", "except (ImportError, OSError):"),
    ("class comes into a block", "choice.py", "    gate = None\n", "    gate = None\n\n    class Head(nn.Module):\n        def forward(self, x):\n            return torch.relu(x)\n"),
    ("class moves into another clause", "choice.py", "    WIDTH = 8\n", "    WIDTH = 8\n\nexcept KeyError:\n    from blocks import Head\n"),
    ("function becomes a class", "helpers.py", "def activate(x, slope=SLOPE):\n    return F.leaky_relu(x, slope)", "class activate(nn.Module):\n    pass"),
]  # fmt: skip


def _changed(texts: dict[str, str], name: str, old: str, new: str) -> str:
    assert texts[name].count(old) >= 1
    return texts[name].replace(old, new)


@pytest.mark.parametrize(("name", "old", "new"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
def test_a_change_shows_everywhere_at_once(name: str, old: str, new: str) -> None:
    workspace = Workspace(START)
    workspace.edit(name, _changed(START, name, old, new))
    assert_fresh(workspace)


@pytest.mark.parametrize("said", ["ignore(Leaf)", "ignore_unknown_modules()"])
def test_what_is_said_to_quantsim_counts_as_long_as_it_is_said(said: str) -> None:
    leaf = "import torch\nfrom torch import nn\n\n\nclass Leaf(nn.Module):\n    def forward(self, x):\n        return x * x\n"
    says = f"from aimet_torch.nn import QuantizationMixin\nfrom leaf import Leaf\n\nQuantizationMixin.{said}\n"
    workspace = Workspace({"leaf.py": leaf, "says.py": says})
    registered = workspace.check(["leaf.py"])
    workspace.edit("says.py", says.replace(said, "x"))
    assert workspace.check(["leaf.py"]) != registered
    assert workspace.check(["leaf.py"])["leaf.py"] == afresh(workspace.texts)["leaf.py"]
    workspace.edit("says.py", says)
    assert workspace.check(["leaf.py"]) == registered


@pytest.mark.parametrize(("name", "old", "new"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
@pytest.mark.parametrize("watched", [(), _FILES], ids=["closed", "open"])
def test_taking_a_change_back_restores_every_finding(name: str, old: str, new: str, watched: list[str]) -> None:
    workspace = Workspace(START, watched)
    before = workspace.check(START)
    for _ in range(2):
        workspace.edit(name, _changed(START, name, old, new))
        workspace.check(["net.py"])
        workspace.edit(name, START[name])
        assert workspace.check(START) == before


@pytest.mark.parametrize(("name", "old", "new"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
@pytest.mark.parametrize("watched", [(), _FILES], ids=["closed", "open"])
def test_nothing_of_an_answer_given_at_once_remains(name: str, old: str, new: str, watched: list[str]) -> None:
    workspace = Workspace(START, watched)
    for text in (_changed(START, name, old, new), START[name]):
        workspace.edit(name, text)
        for each in _FILES:
            workspace.glance(each)
        assert_fresh(workspace)


@pytest.mark.parametrize(("name", "old", "new"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
def test_nothing_remains_of_an_answer_that_takes_up_what_held_before(name: str, old: str, new: str) -> None:
    workspace = Workspace(START)
    workspace.edit(name, _changed(START, name, old, new))
    workspace.edit("net.py", workspace.texts["net.py"].replace("F.max_pool2d(x, 2)", "F.max_pool2d(x, 2) + 1"))
    workspace.glance("net.py")
    assert_fresh(workspace)


@pytest.mark.parametrize(("name", "old", "new"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
def test_dependents_name_every_file_whose_findings_change(name: str, old: str, new: str) -> None:
    workspace = Workspace(START)
    before = afresh(workspace.texts)
    dependents = workspace.project.dependents(at(name))
    workspace.edit(name, _changed(START, name, old, new))
    dependents |= workspace.project.dependents(at(name))
    after = afresh(workspace.texts)
    differing = {at(each) for each in START if each != name and before[each] != after[each]}
    assert differing <= dependents


def test_a_file_that_comes_and_goes() -> None:
    workspace = Workspace({name: text for name, text in START.items() if name != "helpers.py"})
    workspace.edit("helpers.py", HELPERS)
    assert_fresh(workspace)
    workspace.edit("helpers.py", None)
    assert_fresh(workspace, ["blocks.py", "net.py"])


def test_what_a_broken_statement_hid_comes_back() -> None:
    workspace = Workspace(START)
    broken = HELPERS.replace("return F.leaky_relu(x, slope)", "return F.leaky_relu(x, slope")
    for text in (broken, HELPERS):
        workspace.edit("helpers.py", text)
        workspace.check(["net.py", "helpers.py"])
    assert_fresh(workspace)


def test_an_index_stays_what_it_was_when_the_next_ones_are_made_of_it() -> None:
    workspace = Workspace(START)
    past = [(workspace.project, dict(workspace.texts))]
    for name, old, new in (each[1:] for each in CHANGES[:9]):
        workspace.edit(name, workspace.texts[name].replace(old, new))
        workspace.check(["net.py"])
        past.append((workspace.project, dict(workspace.texts)))
    fork = workspace.project.fork().updated({at("net.py"): "import helpers\n"})
    assert fork._naming.get("Net", []) == []
    assert_fresh(workspace)
    for project, texts in past:
        expected = afresh(texts)
        assert sorted(project.paths) == sorted(map(at, texts))
        for name, text in texts.items():
            assert project.text(at(name)) == text
            assert findings(project, at(name)) == expected[name]


# Any edits at all.

_PIECES = [
    "",
    "\n",
    "\r\n",
    " ",
    "    ",
    "(",
    ")",
    '"""',
    "'",
    "#",
    "\\",
    ":",
    "é𝛼",
    "self.",
    "x = F.relu(x)\n",
    "        x = self.relu(x)\n",
    "        self.new = nn.ConvTranspose2d(8, 8, 3)\n",
    "        x = helpers.activate(x)\n",
    "        x = x + 1\n",
    "    if self.training:\n",
    "    return x\n",
    "import helpers\n",
    "from helpers import *\n",
    "from helpers import activate as Block\n",
    "from blocks import Block, Head\n",
    "\nclass Block(nn.Module):\n    def forward(self, x):\n        return torch.relu(x)\n\n",
    "\nclass Net(Head):\n    pass\n\n",
    "\ndef activate(x):\n    return torch.sigmoid(x)\n\n",
    "\nactivate = torch.tanh\n",
    "\nSHARED = nn.ReLU()\n",
    "if SHARED:\n    class Base(nn.Module):\n        def forward(self, x):\n            return torch.relu(x)\n",
    "else:\n    x = 1\n",
    "try:\n    from helpers import *\nexcept ImportError:\n    def activate(x):\n        return x + 1\n",
    "    def activate(x):\n        return torch.sigmoid(x)\n\n",
    "    class Head(nn.Module):\n        def forward(self, x):\n            return x + 1\n\n",
    "if Head:\n",
    "@torch.no_grad()\n",
    "# aimet: ignore\n",
]
_NAMES = [
    "activate",
    "Base",
    "Block",
    "Head",
    "Net",
    "helpers",
    "SHARED",
    "self",
    "x",
    "Fast",
    "gate",
    "relu",
    "forward",
    "body",
    "F",
    "nn",
]
_NAME = re.compile(rf"\b(?:{'|'.join(_NAMES)})\b")


class Edit(NamedTuple):
    """One edit of a text. where, extent: from 0 to 1."""

    kind: str
    where: float
    extent: float
    piece: str
    name: str

    def apply(self, text: str) -> str:
        """The text after the edit."""
        lines = text.splitlines(keepends=True) or [""]
        first = int(self.where * (len(lines) - 1))
        last = min(len(lines), first + 1 + int(self.extent * 6))
        above, there, below = lines[:first], lines[first:last], lines[last:]
        if self.kind == "paste":  # at the start of a line
            return "".join([*above, self.piece, *there, *below])
        if self.kind == "delete":
            return "".join([*above, *below])
        if self.kind == "two cursors":
            return "".join([*above, self.piece, *below, self.piece])
        if self.kind == "move":
            return "".join([*above, *below, *there])
        if self.kind == "line ends":
            return text.replace("\r\n", "\n") if "\r\n" in text else text.replace("\n", "\r\n")
        start = int(self.where * len(text))
        if self.kind == "rename":
            found = _NAME.search(text, start)
            return text if found is None else text[: found.start()] + self.name + text[found.end() :]
        return text[:start] + self.piece + text[start + int(self.extent * 4) :]


_KINDS = ["paste", "paste", "delete", "two cursors", "move", "rename", "rename", "rename", "type", "line ends"]
EDITS = st.builds(
    Edit, st.sampled_from(_KINDS), st.floats(0, 1), st.floats(0, 1), st.sampled_from(_PIECES), st.sampled_from(_NAMES)
)


@st.composite
def _steps(draw: st.DrawFn) -> tuple[str, Edit | None, bool, list[str]]:
    """(file, edit or None for undo, whether it is answered at once, the files looked at afterwards)."""
    edit = draw(st.one_of(EDITS, EDITS, EDITS, st.none()))
    looked_at = draw(st.permutations(_FILES))[: draw(st.integers(0, 3))]
    return draw(st.sampled_from(_FILES)), edit, draw(st.booleans()), looked_at


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_steps(), min_size=1, max_size=8), st.permutations(_FILES), st.sets(st.sampled_from(_FILES)))
def test_any_edits_lead_to_what_a_fresh_reading_finds(
    steps: list[tuple[str, Edit | None, bool, list[str]]], order: list[str], watched: set[str]
) -> None:
    workspace = Workspace(START, watched)
    past: dict[str, list[str]] = {name: [START[name]] for name in START}
    for name, edit, at_once, looked_at in steps:
        if edit is None:
            text = past[name].pop() if len(past[name]) > 1 else past[name][0]
        else:
            past[name].append(workspace.texts[name])
            text = edit.apply(workspace.texts[name])
        workspace.edit(name, text)
        if at_once:
            workspace.glance(name)
        workspace.check(looked_at)
        if workspace.parses:
            assert_fresh(workspace, order)
    # What is broken is put right again, file by file.
    for name in order:
        if not parses(workspace.texts[name]):
            workspace.edit(name, next(text for text in reversed([START[name], *past[name]]) if parses(text)))
            findings(workspace.project, at(name))
    assert_fresh(workspace, order)


_TRANSFORM = """\
import torch
from torch import nn


class Gain(nn.Module):
    def forward(self, img):
        return img * img


class Holder(nn.Module):
    def __init__(self, held):
        super().__init__()
        self.held = held

    def forward(self, x):
        return self.held(x)
"""
_MAKES = "from gain import Holder, Gain\n\n\ndef make():\n    gain = Gain()\n    return Holder({})\n"
_SLOPE = """\
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.slope = 0.1

    def forward(self, x):
        return F.leaky_relu(x, self.slope)
"""
_USES = "from net import Net\n\n\ndef use(net: Net, y):\n    {}\n    return y\n"
_SETS = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n\nSIZE = 2\n\n\ndef size():\n    {}return SIZE\n\n\n"
_SETS += "class Net(nn.Module):\n    def forward(self, x):\n        return F.max_pool2d(x, SIZE)\n"


@pytest.mark.parametrize(
    ("texts", "name", "before", "after"),
    [
        ({"gain.py": _TRANSFORM, "makes.py": _MAKES}, "makes.py", "4", "gain"),
        ({"net.py": _SETS}, "net.py", "", "global SIZE; "),
        ({"net.py": _SLOPE, "use.py": _USES}, "use.py", "y = net.slope", "net.slope = y"),
    ],
    ids=["passed on", "set by a function", "set on an object"],
)
def test_what_a_function_does_with_what_it_names_counts(
    texts: dict[str, str], name: str, before: str, after: str
) -> None:
    said = {each: {**texts, name: texts[name].replace("{}", each)} for each in (before, after)}
    assert afresh(said[before]) != afresh(said[after])
    workspace = Workspace(said[before])
    for each in (after, before):
        workspace.edit(name, said[each][name])
        assert workspace.check(texts) == afresh(workspace.texts)
