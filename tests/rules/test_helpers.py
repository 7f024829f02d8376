"""Operations in functions that models call: the module becomes a parameter of the function."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check, fix_all, repair_edits
from aimet_guidelines.rewriting import apply_edits

_HELPER = "import torch.nn.functional as F\n\n\ndef fuse(a, b, scale=1.0):\n    return F.relu(a + b)\n"
_NET = (
    "import torch.nn as nn\n\nfrom helpers import fuse\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
    "        super().__init__()\n        self.conv = nn.Conv2d(4, 4, 1)\n\n    def forward(self, x):\n"
    "        x = fuse(x, self.conv(x))\n        return fuse(x, x, scale=2.0)\n"
)

# What tells whether it trains has no default outside the function, so every call must follow.
_DROPPING = "import torch.nn.functional as F\n\n\ndef fuse(a, b, scale=0.5, train=True):\n" + (
    "    return F.dropout(a + b, scale, train)\n"
)


def _trained(text: str) -> str:
    return text.replace("x, self.conv(x))", "x, self.conv(x), 0.1, self.training)").replace(
        "scale=2.0", "scale=0.2, train=self.training"
    )


def _repaired(**texts: str) -> tuple[str, dict[str, str]]:
    """The title of the first repair in helpers.py (empty where there is none), and the texts after it."""
    project = Project.empty("/p").updated({f"/p/{name}.py": text for name, text in texts.items()})
    config = Config(root="/p", select=("AIMET101",))
    (finding,) = check("/p/helpers.py", project, config).findings
    if not finding.repairs:
        assert "this function is not a method" in finding.message
        return "", texts
    edits = repair_edits("/p/helpers.py", project, config, finding, finding.repairs[0])
    return finding.repairs[0].title, {
        PurePosixPath(path).stem: apply_edits(project.text(path), each) for path, each in edits.items()
    }


def test_each_call_passes_a_module_of_its_own() -> None:
    title, texts = _repaired(helpers=_HELPER, net=_NET)
    assert title.endswith("in `Net` and pass it to `fuse` (unsafe: torch.jit.script cannot compile `fuse` any more)")
    assert "def fuse(a, b, scale=1.0, *, relu=F.relu):\n    return relu(a + b)\n" in texts["helpers"]
    assert "x = fuse(x, self.conv(x), relu=self.relu)\n" in texts["net"]
    assert "return fuse(x, x, scale=2.0, relu=self.relu2)\n" in texts["net"]
    assert "self.relu = nn.ReLU()\n        self.relu2 = nn.ReLU()\n" in texts["net"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("F.relu(a) + F.relu(b)", "relu=F.relu, relu2=F.relu):\n    return relu(a) + relu2(b)"),
        ("F.relu(F.relu(a))", "relu=F.relu, relu2=F.relu):\n    return relu(relu2(a))"),
        ("a.relu().relu()", "relu=lambda x: x.relu(), relu2=lambda x: x.relu()):\n    return relu2(relu(a))"),
    ],
)
def test_equal_operations_get_parameters_of_their_own(before: str, after: str) -> None:
    helper = _HELPER.replace("F.relu(a + b)", before)
    project = Project.empty("/p").updated({"/p/helpers.py": helper, "/p/net.py": _NET})
    config = Config(root="/p", select=("AIMET101",))
    fixed = fix_all("/p/helpers.py", project, config, lambda finding, repair: True)
    assert f"def fuse(a, b, scale=1.0, *, {after}\n" in fixed.text
    net = apply_edits(_NET, fixed.edits["/p/net.py"])
    assert "x = fuse(x, self.conv(x), relu=self.relu, relu2=self.relu3)\n" in net


@pytest.mark.parametrize(
    "net",
    [
        _NET + "\n\nACTIVATIONS = {'fuse': fuse}\n",
        _NET.replace("return fuse(x, x, scale=2.0)", "return [fuse(x, y) for y in x]"),
        _NET + "\n\ndef other(x):\n    return fuse(x, x)\n",
        _NET + "\n\nclass Other(nn.Module):\n    def forward(self, x):\n        return run(fuse, x)\n",
    ],
    ids=["handed on", "in a loop", "called by a function", "passed on by a method"],
)
def test_calls_that_cannot_follow_go_on_as_before(net: str) -> None:
    title, texts = _repaired(helpers=_HELPER, net=net)
    assert title and "*, relu=F.relu):\n    return relu(a + b)\n" in texts["helpers"]
    assert texts["net"].count("relu=self.relu)") == 1 and texts["net"].count("fuse(") >= 2
    assert _repaired(helpers=_DROPPING, net=_trained(net))[0] == ""


def test_what_calls_pass_goes_to_the_module_s_constructor() -> None:
    title, texts = _repaired(helpers=_DROPPING, net=_trained(_NET))
    assert title == (
        "Define `self.dropout = Dropout(...)` in `Net` and pass it to `fuse` (unsafe: other callers of `fuse` must "
        "pass it too)"
    )
    assert "train=True, *, dropout):\n    return dropout(a + b)\n" in texts["helpers"]
    assert "self.dropout = nn.Dropout(p=0.1)\n        self.dropout2 = nn.Dropout(p=0.2)\n" in texts["net"]
    assert "fuse(x, x, scale=0.2, train=self.training, dropout=self.dropout2)" in texts["net"]
    scales = ("x.mean()", "rate")
    for wrong in (("train=self.training", "train=True"), *(("scale=0.2", f"scale={each}") for each in scales)):
        net = _trained(_NET).replace(*wrong).replace("        x = fuse", "        rate = len(x)\n        x = fuse")
        assert _repaired(helpers=_DROPPING, net=net)[0] == "", wrong


def test_a_value_that_the_function_changes_is_not_what_calls_pass() -> None:
    helper = _DROPPING.replace("    return", "    scale = scale / 2\n    return")
    assert _repaired(helpers=helper, net=_trained(_NET))[0] == ""


def test_what_one_caller_passes_is_not_taken_for_all() -> None:
    """A slope that equals the module's own default in one call, and not in another."""
    helper = _HELPER.replace("F.relu(a + b)", "F.leaky_relu(a + b, scale)").replace("1.0", "0.01")
    _, texts = _repaired(helpers=helper, net=_NET)
    assert "self.leaky_relu = nn.LeakyReLU(negative_slope=0.01)\n" in texts["net"]
    assert "self.leaky_relu2 = nn.LeakyReLU(negative_slope=2.0)\n" in texts["net"]


def test_none_where_no_call_can_follow() -> None:
    assert _repaired(helpers=_HELPER, net=_NET.replace("nn.Module", "nn.Sequential"))[0] == ""


def test_a_function_imported_under_another_name() -> None:
    net = _NET.replace("import fuse", "import fuse as join").replace("fuse(", "join(")
    _, texts = _repaired(helpers=_HELPER, net=net)
    assert "def fuse(a, b, scale=1.0, *, relu=F.relu):\n" in texts["helpers"]
    assert "x = join(x, self.conv(x), relu=self.relu)\n" in texts["net"]
    assert "return join(x, x, scale=2.0, relu=self.relu2)\n" in texts["net"]


@pytest.mark.parametrize("name", ["fuse", "mix"])
def test_a_file_that_passes_the_function_on(name: str) -> None:
    line = "from helpers import fuse" + (f" as {name}" if name != "fuse" else "")
    other = _NET.replace("from helpers import fuse", f"from layers import {name}").replace("fuse(", f"{name}(")
    assert _repaired(helpers=_HELPER, net=_NET, layers=f"{line}\n", other=other)[0]
    other, net = _trained(other), _trained(_NET)
    assert _repaired(helpers=_DROPPING, net=net, layers=f"{line}\n", other=other)[0] == ""
    assert _repaired(helpers=_DROPPING, net=net)[0]


def test_another_name_that_is_handed_on() -> None:
    net = (
        _NET.replace("import fuse", "import fuse as join").replace("fuse(", "join(") + "\n\nBY_NAME = {'join': join}\n"
    )
    assert _repaired(helpers=_HELPER, net=net)[0]
    assert _repaired(helpers=_DROPPING, net=_trained(net))[0] == ""


def test_decorators() -> None:
    noted = "NOTED = set()\n\n\ndef note(function):\n    NOTED.add(function)\n    return function\n\n\n"
    for decorator, offered in (("torch.fx.wrap", False), ("note", True), ("note(1)", False)):
        helper = _HELPER.replace("def fuse", f"{noted}@{decorator}\ndef fuse").replace(
            "\n\n\n", "\nimport torch\n\n", 1
        )
        assert bool(_repaired(helpers=helper, net=_NET)[0]) is offered, decorator


def test_a_size_known_at_run_time_takes_aimet_s_module() -> None:
    helper = _HELPER.replace("F.relu(a + b)", "F.pad(a + b, [0, a.shape[-1]], value=scale)")
    title, texts = _repaired(helpers=helper, net=_NET)
    assert title.startswith("Define `self.pad = Pad()` in `Net` and pass it to `fuse`")
    assert "*, pad=F.pad):\n    return pad(a + b, [0, a.shape[-1]], value=scale)\n" in texts["helpers"]


@pytest.mark.parametrize("body", ["x.T", "x.mT.mT", "torch.exp(x)", "x + x", "-x"])
def test_what_a_short_helper_does_is_found(body: str) -> None:
    text = f"import torch\nimport torch.nn as nn\n\n\ndef helper(x):\n    return {body}\n\n\n" + (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(4, 4)\n\n    def forward(self, x):\n        return helper(self.fc(x))\n"
    )
    project = Project.empty("/p").updated({"/p/net.py": text})
    found = check("/p/net.py", project, Config(root="/p")).findings
    assert found and all(finding.span.line == 5 for finding in found)


def test_a_class_of_the_file_s_own_is_imported_as_the_function_is() -> None:
    helper = "import torch\n\n\ndef turn(x, n=1):\n    return torch.roll(x, n)\n"
    net = (
        "import torch.nn as nn\n\nfrom {0} import turn\n\n\nclass Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.fc = nn.Linear(4, 4)\n\n"
        "    def forward(self, x):\n        return turn(self.fc(x))\n"
    )

    def imported(function: str, model: str, *packages: str, written: str = "") -> str | None:
        files = {f"/p/{each}/__init__.py": "" for each in packages}
        module = PurePosixPath(function).with_suffix("").as_posix().replace("/", ".")
        project = Project.empty("/p").updated(
            {**files, f"/p/{function}": helper, f"/p/{model}": net.format(written or module)},
        )
        config = Config(root="/p", select=("AIMET301",), aimet_available=True)
        (finding,) = check(f"/p/{function}", project, config).findings
        if not finding.repairs:
            return None
        edits = repair_edits(f"/p/{function}", project, config, finding, finding.repairs[0])
        text = apply_edits(project.text(f"/p/{model}"), edits[f"/p/{model}"])
        return next(line for line in text.split("\n") if "Roll" in line)

    assert imported("helper.py", "net.py") == "from helper import Roll, turn"
    assert imported("pack/helper.py", "pack/net.py", "pack") == "from pack.helper import Roll, turn"
    assert imported("pack/parts/helper.py", "pack/net.py", "pack") == "from pack.parts.helper import Roll, turn"
    assert imported("pack/helper.py", "pack/net.py", "pack", written=".helper") == "from .helper import Roll, turn"
    found = imported("parts/helper.py", "net.py", written=".parts.helper")
    assert found == "from .parts.helper import Roll, turn"
