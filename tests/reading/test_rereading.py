# ruff: noqa: E501  a table is read more easily with a case on a line
"""After an edit inside one function that function is read again at once, and the rest keeps its findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from aimet_guidelines.engine import Interrupted, check
from aimet_guidelines.finding import Finding
from aimet_guidelines.reading import edited, machine, model, rereading, source

from .workspace import CONFIG, Workspace, afresh, at

NET = """\
import torch
import torch.nn.functional as F
from torch import nn


def scale(x, factor):
    x = F.relu(x)
    return x


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU()
        self.blocks = nn.ModuleList([nn.Conv2d(8, 8, 3) for _ in range(3)])
        self._set_up()

    def _set_up(self):
        self.gate = nn.Sigmoid()

    def body(self, x, skip):
        x = self.act(x)
        return x, skip

    def forward(self, x):
        x, skip = self.body(x, x)
        x = scale(x, 2)
        for block in self.blocks:
            x = block(x)
        return self.act(x) + skip


class Other(nn.Module):
    def forward(self, x):
        return torch.sigmoid(scale(x, 1))
"""


def _shown(findings: list[Finding]) -> list[Finding]:
    """What an editor shows of findings; their repairs are found out when somebody asks for them."""
    return [replace(finding, repairs=()) for finding in findings]


def _typed(old: str, new: str) -> tuple[Workspace, str]:
    workspace = Workspace({"net.py": NET}, ["net.py"])
    assert NET.count(old) == 1
    text = NET.replace(old, new)
    workspace.edit("net.py", text)
    return workspace, text


# Edits inside one function whose effect stays there: (text, what it becomes).
_INSIDE = [
    ("x = self.act(x)\n        return x, skip", "x = self.act(torch.tanh(x))\n        return x, skip"),
    ("return x, skip", "return x * 2, skip"),
    ("return x, skip", "return x, F.relu(skip)"),
    ("return x, skip", "return x, skip.view(-1, 8)"),
    ("x = block(x)", "x = block(F.gelu(x))"),
    ("x = F.relu(x)", "x = F.elu(x)"),
    ("x = F.relu(x)", "x = x * factor"),
    ("return self.act(x) + skip", "return self.act(x + skip)"),
    ("return torch.sigmoid(scale(x, 1))", "return torch.tanh(scale(x, 1))"),
    ("return torch.sigmoid(scale(x, 1))", "return [scale(x, 1)]"),
    ("return x, skip", "x = torch.tanh(x)\n        return x, skip"),
    (
        "x = self.act(x)\n        return x, skip",
        "x = self.act(x)\n        x = F.relu(x)\n\n        return x.view(-1, 8), skip",
    ),
    ("    x = F.relu(x)\n", "\n    x = F.elu(x)\n    # twice\n    x = F.elu(x)\n"),
    ("        x = scale(x, 2)\n", "        x = scale(x, 2)\n        x = x * 0.5 + torch.tanh(x)\n"),
    ("        x = scale(x, 2)\n", ""),
    ("        for block in self.blocks:\n            x = block(x)\n", ""),
    ("x = block(x)\n        return self.act(x) + skip", "x = block(x)\n\n\n        return skip"),
]


# Edits of what sets a model up that leave the rest of it as it is.
_SET_UP = [
    (
        "self._set_up()",
        "self._set_up()\n        self.up = nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True)",
    ),
    ("self._set_up()\n", "self.extra = nn.ConvTranspose2d(8, 8, 3)\n        self._set_up()\n"),
    ("self.gate = nn.Sigmoid()", "self.gate = nn.Sigmoid()\n        self.other = nn.ConvTranspose2d(8, 8, 3)"),
]

WIDE = """\
import torch
from torch import nn

SHARED = nn.ReLU()


class Wide(nn.Module):
    def __init__(self, width, act=nn.ReLU):
        super().__init__()
        size = 3
        self.first = nn.ConvTranspose2d(width, 8, size)
        act_layer = act()
        self.second = nn.Conv2d(8, 8, size)
        size = 5
        if width > 3:
            self.third = nn.ConvTranspose2d(8, width, size)
        self.act = act_layer
        self.last = nn.ModuleList([nn.ReLU()] * 2)

    def forward(self, x: list[torch.Tensor]):
        return self.act(self.second(x[0]))
"""
# What is typed into this set-up, and whether it is read alone: (text, what it becomes, so).
_TYPED = [
    ("        self.first = nn.ConvTranspose2d(width, 8, size)\n", "", True),
    ("        self.first = nn.ConvTranspose2d(width, 8, size)\n", "        self.first = nn.ReLU()\n", True),
    ("        self.first = nn.ConvTranspose2d(width, 8, size)\n", "        self\n", True),
    ("        super().__init__()\n", "        super().__init__()\n        self.new = nn.ConvTranspose2d(8, size, width)\n", True),
    ("        size = 5\n", "        size = 5\n        self.new = nn.Upsample(align_corners=size == 5)\n", True),
    ("        size = 5\n", "        self.new = nn.Upsample(align_corners=size == 5)\n        size = 5\n", True),
    ("        self.last = nn.ModuleList([nn.ReLU()] * 2)\n", "        self.last = nn.ModuleList([nn.ConvTranspose2d(8, 8, 3)] * 3)\n", True),
    ("        self.last = nn.ModuleList([nn.ReLU()] * 2)\n", "        self.last = nn.ReLU()\n        self.new = nn.ConvTranspose2d(8, 8, 3)\n", True),
    ("        self.act = act_layer\n", "        self.new = act_layer\n        self.act = act_layer\n", False),
    ("        size = 5\n", "        self.new = SHARED\n        self.newer = SHARED\n", False),
    ("        size = 5\n", "        self.new = SHARED\n        size = 5\n        self.newer = SHARED\n", False),
    ("        size = 5\n", "        size = 4\n", False),
    ("            self.third = nn.ConvTranspose2d(8, width, size)\n", "            self.third = nn.Conv2d(8, width, size)\n", False),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), [*_INSIDE, *_SET_UP])
def test_the_edited_function_is_read_again_at_once(old: str, new: str) -> None:
    workspace, text = _typed(old, new)
    report = workspace.glance("net.py")
    assert report.provisional
    assert _shown(report.findings) == _shown(afresh({"net.py": text})["net.py"])


@pytest.mark.parametrize(("old", "new"), _INSIDE)
def test_nothing_but_the_edited_function_is_run(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, _ = _typed(old, new)
    run: list[str] = []
    real: Callable[..., object] = machine.Machine._run_function

    def note(self: machine.Machine, definition: object, frame: object) -> object:
        run.append(definition.name)  # type: ignore[attr-defined]
        return real(self, definition, frame)

    monkeypatch.setattr(machine.Machine, "_run_function", note)
    workspace.glance("net.py")
    assert len(set(run)) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.gate = nn.Sigmoid()", "self.act = nn.Sigmoid()"),
        ("self.act = nn.ReLU()", "self.act = nn.Conv2d(8, 8, 3)"),
        ("def body(self, x, skip):", "def body(self, skip, x):"),
        ("        x = scale(x, 2)\n", "        x = scale(x, 2)\n        x = torch.tanh(x)\n"),
        ("    def _set_up(self):", "    other = 3\n\n    def _set_up(self):"),
    ],
)
def test_an_edit_that_reaches_further_reads_the_whole_class_at_once(old: str, new: str) -> None:
    workspace, text = _typed(old, new)
    assert _shown(workspace.glance("net.py").findings) == _shown(afresh({"net.py": text})["net.py"])


@pytest.mark.parametrize("typed", ["\n", "\n        \n\n"])
def test_an_empty_line_is_not_even_parsed(typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace({"net.py": NET}, ["net.py"])
    text = NET.replace("        x = scale(x, 2)\n", f"{typed}        x = scale(x, 2)\n")
    with monkeypatch.context() as patched:
        for module in (source, edited):
            patched.setattr(module, "parse", None)
        workspace.edit("net.py", text)
        found = workspace.glance("net.py").findings
    assert _shown(found) == _shown(afresh({"net.py": text})["net.py"])
    assert workspace.check(["net.py"]) == afresh({"net.py": text})


@pytest.mark.parametrize(("old", "new"), _SET_UP)
def test_an_attribute_that_nobody_names_leaves_forward_as_it_was(
    old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, _ = _typed(old, new)
    read: list[object] = []
    monkeypatch.setattr(model.Model, "read", lambda *arguments: read.append(arguments))
    workspace.glance("net.py")
    assert not read


@pytest.mark.parametrize(("old", "new", "alone"), _TYPED)
def test_of_a_line_of_a_set_up_that_stands_apart_it_alone_is_read(
    old: str, new: str, alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace({"wide.py": WIDE}, ["wide.py"])
    assert WIDE.count(old) == 1
    text = WIDE.replace(old, new)
    workspace.edit("wide.py", text)
    built: list[object] = []
    build = model.Model.build

    def note(self: model.Model, index: object) -> object:
        built.append(self)
        return build(self, index)  # type: ignore[arg-type]

    monkeypatch.setattr(model.Model, "build", note)
    found = workspace.glance("wide.py").findings
    assert not built if alone else built
    assert _shown(found) == _shown(afresh({"wide.py": text})["wide.py"])
    assert workspace.check(["wide.py"]) == afresh({"wide.py": text})


def test_what_a_base_sets_too_stands_not_apart() -> None:
    base = (
        "class Base(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.head = nn.ReLU()\n\n"
    )
    net = "class Net(Base):\n    def __init__(self):\n        super().__init__()\n        {}\n"
    texts = {"net.py": f"from torch import nn\n\n\n{base}\n{net}"}
    workspace = Workspace({"net.py": texts["net.py"].format("self.head = nn.Conv2d(8, 8, 3)")}, ["net.py"])
    for line in ("self.head = nn.ConvTranspose2d(8, 8, 3)", "pass", "self.head"):
        text = texts["net.py"].format(line)
        workspace.edit("net.py", text)
        assert _shown(workspace.glance("net.py").findings) == _shown(afresh({"net.py": text})["net.py"])


def test_a_line_typed_into_forward_leaves_what_its_parameters_take() -> None:
    user = (
        "\n\nclass User(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.wide = Wide(3)\n"
    )
    user += "\n    def forward(self, x):\n        return self.wide([x, x])\n"
    untyped = WIDE.replace("x: list[torch.Tensor]", "x") + user
    workspace = Workspace({"wide.py": untyped}, ["wide.py"])
    shown = [each.symbol for each in workspace.check(["wide.py"])["wide.py"]]
    assert "Wide.forward.x" in shown
    body = "        return self.act(self.second(x[0]))\n"
    for typed in ("        y = 3\n", "        y = 3\n        z = y\n", ""):
        workspace.edit("wide.py", untyped.replace(body, typed + body))
        assert [each.symbol for each in workspace.glance("wide.py").findings] == shown


@pytest.mark.parametrize("typed", ["        y = 3\n", "        y = 3\n        z = y\n"])
def test_a_line_typed_into_a_helper_leaves_what_runs_several_times(typed: str) -> None:
    called, added = "        x, skip = self.body(x, x)\n", "        x = x + skip\n"
    twice = NET.replace(called, called * 2).replace(
        "        x = self.act(x)\n        return x, skip", f"{added}        return x, skip"
    )
    workspace = Workspace({"net.py": twice}, ["net.py"])
    assert any("several times" in each.message for each in workspace.check(["net.py"])["net.py"])
    text = twice.replace(added, typed + added)
    workspace.edit("net.py", text)
    assert _shown(workspace.glance("net.py").findings) == _shown(afresh({"net.py": text})["net.py"])


@pytest.mark.parametrize("new", ["", "# nothing", "x = x +"])
def test_code_that_is_the_same_or_broken_is_not_read(new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rereading, "Machine", None)
    workspace = Workspace({"net.py": NET}, ["net.py"])
    before = workspace.glance("net.py").findings
    edited = NET.replace("        x = scale(x, 2)\n", f"        {new}\n        x = scale(x, 2)\n")
    workspace.edit("net.py", edited)
    after = workspace.glance("net.py").findings
    assert [(each.code, each.symbol) for each in after] == [(each.code, each.symbol) for each in before]
    moved = [each.span.line - former.span.line for each, former in zip(after, before, strict=True)]
    assert set(moved) == {0, 1}


def test_keystroke_after_keystroke_is_read_from_the_last_full_reading() -> None:
    workspace = Workspace({"net.py": NET}, ["net.py"])
    typed = "x = torch.tanh(x)"
    for end in range(len(typed) + 1):
        text = NET.replace("        x = scale(x, 2)", f"        x = scale(x, 2); {typed[:end]}")
        workspace.edit("net.py", text)
        found = workspace.glance("net.py").findings
    assert _shown(found) == _shown(afresh({"net.py": text})["net.py"])
    assert workspace.check(["net.py"]) == afresh({"net.py": text})


def test_a_full_check_that_is_interrupted_goes_on_where_it_was() -> None:
    workspace, text = _typed("x = F.relu(x)", "x = F.elu(x)")
    asked: list[int] = []

    def often() -> bool:
        asked.append(1)
        return len(asked) % 2 == 0

    for _ in range(20):
        try:
            found = check(at("net.py"), workspace.project, CONFIG, urgent=often).findings
        except Interrupted:
            continue
        break
    assert found == afresh({"net.py": text})["net.py"]
    assert len(asked) > 2
