"""Operations without a module anywhere get a class of one line in the file; layers that a model holds are called."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from aimet_guidelines.config import AimetVersion, Config
from aimet_guidelines.engine import Project, check, fix_all
from aimet_guidelines.finding import Safety
from aimet_guidelines.knowledge.own_modules import operations, own_module
from aimet_guidelines.knowledge.validator import flagged
from aimet_guidelines.rewriting import apply_edits

_HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n\n"


def _net(body: str, init: str = "") -> str:
    return (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.fc = nn.Linear(4, 4)\n{init}\n    def forward(self, x):\n        {body}\n"
    )


def _repaired(version: AimetVersion = "unknown", **texts: str) -> dict[str, str]:
    """The files after every repair of AIMET101, 102 and 301, the unsafe ones too."""
    project = Project.empty("/p").updated({f"/p/{name}.py": text for name, text in texts.items()})
    config = Config(root="/p", select=("AIMET101", "AIMET102", "AIMET301"), aimet_available=True, aimet_version=version)
    for name in texts:
        fixed = fix_all(f"/p/{name}.py", project, config, lambda finding, repair: True)
        project = project.updated({p: apply_edits(project.text(p), edits) for p, edits in fixed.edits.items()})
    for name in texts:
        compile(project.text(f"/p/{name}.py"), name, "exec")
    return {PurePosixPath(path).stem: project.text(path) for path in project.paths}


def test_every_entry_is_one_that_aimet_reports() -> None:
    for operation in operations():
        assert flagged(operation), operation
        assert own_module(operation) is not None, operation


def test_an_operation_that_moves_values_is_left_out_of_quantization() -> None:
    text = _repaired(model=_HEAD + _net("return torch.roll(self.fc(x), 1, 1)"))["model"]
    assert (
        'class Roll(nn.Module):\n    """`roll` of a tensor as a module, which AIMET sees as one operation."""\n\n'
        "    def forward(self, input, *args, **kwargs):\n        return input.roll(*args, **kwargs)\n\n\n"
        "QuantizationMixin.ignore(Roll)\n\n\nclass Net(nn.Module):\n"
    ) in text
    assert "from aimet_torch.nn import QuantizationMixin\n" in text
    assert "        self.roll = Roll()\n" in text and "return self.roll(self.fc(x), 1, 1)\n" in text


def test_one_that_computes_gets_quantizers() -> None:
    text = _repaired(model=_HEAD + _net("return torch.addcmul(x, self.fc(x), x, value=2)"))["model"]
    assert "@QuantizationMixin.implements(Addcmul)\nclass QuantizedAddcmul(QuantizationMixin, Addcmul):\n" in text
    assert "    def forward(self, input, other, third, *args, **kwargs):\n" in text
    assert "return self.addcmul(x, self.fc(x), x, value=2)\n" in text


def test_aimet_1_wraps_any_module() -> None:
    text = _repaired("1.x", model=_HEAD + _net("return self.fc(x).flip(1)"))["model"]
    assert "class Flip(nn.Module):\n" in text and "aimet_torch" not in text


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("return ~x & (self.fc(x) == 1)", "return self.bitwise_and(self.bitwise_not(x), self.fc(x) == 1)\n"),
        ("return self.fc(x) * 0, torch.arange(x.shape[1])", "self.arange(x.shape[1])\n"),
        ("return F.one_hot(x, num_classes=4), self.fc(x)", "return self.one_hot(x, num_classes=4), self.fc(x)\n"),
    ],
)
def test_operators_and_functions(body: str, after: str) -> None:
    assert after in _repaired(model=_HEAD + _net(body))["model"]


def test_one_class_for_every_use_in_a_file_and_another_name_where_it_is_taken() -> None:
    taken = "class Clamp:\n    pass\n\n\n"
    body = "y = torch.clamp(self.fc(x), max=1)\n        return y.clamp(min=0)"
    text = _repaired(model=_HEAD + taken + _net(body) + "\n\n" + _net("return x.clamp(0, 1) + self.fc(x)"))["model"]
    assert text.count("class Clamp2(nn.Module):") == 1 and text.count("Clamp2()") == 3
    assert "y = self.clamp(self.fc(x), max=1)\n        return self.clamp2(y, min=0)\n" in text


@pytest.mark.parametrize(
    "body", ["x = self.fc(x)\n        x.clamp_(0)\n        return x", "return x.unknown(self.fc(x))"]
)
def test_none_for_what_is_in_place_or_not_known(body: str) -> None:
    text = _HEAD + _net(body)
    assert _repaired(model=text)["model"] == text


def test_a_function_that_models_of_another_file_call() -> None:
    helpers = _HEAD + "def shift(x, step):\n    return x.roll(step, 1)\n"
    net = _HEAD.replace("\n\n\n", "\n\nfrom helpers import shift\n\n\n") + _net("return shift(self.fc(x), 2)")
    texts = _repaired(helpers=helpers, net=net)
    assert (
        "def shift(x, step, *, roll=lambda x, y, z: x.roll(y, z)):\n    return roll(x, step, 1)\n" in texts["helpers"]
    )
    assert "from helpers import Roll, shift\n" in texts["net"]
    assert "return shift(self.fc(x), 2, roll=self.roll)\n" in texts["net"]


# Functions that call functions

_CHAIN = "def turn(x):\n    return -x\n\n\ndef embed(x, y):\n    return turn(x) + turn(y)\n\n\n"


def test_a_function_that_calls_another_passes_on_what_it_is_given() -> None:
    text = _repaired(model=_HEAD + _CHAIN + _net("return embed(self.fc(x), x)"))["model"]
    assert "def turn(x, *, neg=lambda x: -x):\n    return neg(x)\n" in text
    assert "    return add(turn(x, neg=neg), turn(y, neg=neg2))\n" in text
    assert "neg=self.neg" in text and "neg2=self.neg2" in text and "add=self.add" in text
    assert "self.neg = Neg()\n" in text and "self.neg2 = Neg()\n" in text


def test_the_call_inside_a_function_that_calls_itself_goes_on_as_before() -> None:
    chain = "def turn(x, n):\n    return turn(-x, n - 1) if n else x\n\n\n"
    text = _repaired(model=_HEAD + chain + _net("return turn(self.fc(x), 2)"))["model"]
    assert "def turn(x, n, *, neg=lambda x: -x):\n    return turn(neg(x), n - 1) if n else x\n" in text


# Layers that the model holds


def test_the_layer_whose_weights_a_functional_takes_is_called() -> None:
    body = "return F.linear(x, self.fc.weight, self.fc.bias)"
    project = Project.empty("/p").updated({"/p/model.py": _HEAD + _net(body)})
    (found,) = check("/p/model.py", project, Config(root="/p", select=("AIMET101",))).findings
    assert found.repairs[0].title.startswith("Call `self.fc`, whose weights these are (unsafe: the hooks of `self.fc`")
    assert found.repairs[0].safety is Safety.UNSAFE
    assert "return self.fc(x)\n" in _repaired(model=_HEAD + _net(body))["model"]


@pytest.mark.parametrize(
    "body",
    [
        "return F.linear(x, self.fc.weight)",
        "return F.linear(x, self.fc.weight, self.other.bias)",
        "return F.linear(self.fc(x), self.fc.weight, self.fc.bias)",
        "return F.linear(x, self.fc.weight.t(), self.fc.bias)",
    ],
)
def test_another_weight_no_bias_or_a_layer_used_already(body: str) -> None:
    text = _repaired(model=_HEAD + _net(body, "        self.other = nn.Linear(4, 4)\n"))["model"]
    assert "return self.fc(" not in text and "return self.linear(" in text


_PROJECT = "def project(x, weight, bias=None, scale=None):\n    return F.linear(x, weight, bias)\n\n\n"


def test_a_function_over_a_layer_s_weights_is_passed_the_layer() -> None:
    text = _repaired(model=_HEAD + _PROJECT + _net("return project(x, self.fc.weight, self.fc.bias)"))["model"]
    assert "linear=None):\n    return linear(x) if linear is not None else F.linear(x, weight, bias)\n" in text
    assert "return project(x, self.fc.weight, self.fc.bias, linear=self.fc)\n" in text


def test_a_caller_whose_weights_the_function_changes_takes_aimet_s_module() -> None:
    changed = "    if scale is not None:\n        bias = bias.clone()\n"
    helper = _PROJECT.replace("    return", changed + "    return")
    plain = _net("return project(x, self.fc.weight, self.fc.bias)")
    other = _net("return project(x, self.fc.weight, self.fc.bias, self.s)", "        self.s = 2\n").replace(
        "Net", "Other"
    )
    text = _repaired(model=_HEAD + helper + plain + "\n\n" + other)["model"]
    assert "return linear(x) if linear is not None else linear2(x, weight, bias)\n" in text
    assert "return project(x, self.fc.weight, self.fc.bias, linear=self.fc)\n" in text
    assert "return project(x, self.fc.weight, self.fc.bias, self.s, linear2=self.linear)\n" in text
    assert text.count("self.linear = DynamicLinear()") == 1


def test_a_convolution_over_weights_of_its_own_with_groups_known_at_run_time() -> None:
    weights = "        self.weight = nn.Parameter(torch.ones(4, 1, 3, 3))\n"
    text = _repaired(model=_HEAD + _net("return F.conv2d(self.fc(x), self.weight, groups=x.shape[1])", weights))[
        "model"
    ]
    assert "class FunctionalConv2d(nn.Module):\n" in text and "return F.conv2d(*args, **kwargs)\n" in text
    assert "self.conv = FunctionalConv2d()\n" in text
    assert "return self.conv(self.fc(x), self.weight, groups=x.shape[1])\n" in text


def test_a_function_over_weights_whose_callers_know_some_arguments_at_run_time_only() -> None:
    helper = "def convolve(x, weight, groups=1):\n    return F.conv2d(x, weight, None, groups=groups)\n\n\n"
    weights = "        self.weight = nn.Parameter(torch.ones(4, 1, 3, 3))\n"
    known = _net("return convolve(self.fc(x), self.weight, 4)", weights)
    text = _repaired(model=_HEAD + helper + known)["model"]
    assert "DynamicConv2d(groups=4)" in text and "FunctionalConv2d" not in text
    text = _repaired(model=_HEAD + helper + _net("return convolve(self.fc(x), self.weight, x.shape[1])", weights))[
        "model"
    ]
    assert (
        "def convolve(x, weight, groups=1, *, conv=F.conv2d):\n    return conv(x, weight, None, groups=groups)\n"
        in text
    )
    assert "return convolve(self.fc(x), self.weight, x.shape[1], conv=self.conv)\n" in text


def test_comments_right_above_a_statement_stay_there() -> None:
    head = _HEAD + "# Earlier.\n\n# The net.\n# It shifts.\n"
    text = _repaired(model=head + _net("return torch.roll(self.fc(x), 1, 1).clamp(max=1)"))["model"]
    assert "# Earlier.\n\nclass Roll(nn.Module):" in text
    assert "# The net.\n# It shifts.\nclass Net(nn.Module):\n" in text


@pytest.mark.parametrize("first", [True, False])
def test_no_class_goes_above_the_imports_it_needs(first: bool) -> None:
    helper = "def rolled(x):\n    return x.roll(1, 1)\n\n\n"
    net = _net("return rolled(self.fc(x))")
    text = _repaired(model=(helper + _HEAD if first else _HEAD + helper) + net)["model"]
    assert ("class Roll(nn.Module):" in text) is not first
    assert text.index("import torch.nn as nn") < text.find("class Roll(") or first


_CLAUSES = """\
import torch

try:
    import math

    # About A.
    class A(torch.nn.Module):
        def forward(self, x):
            return torch.relu(torch.roll(x, 1))

    class B(torch.nn.Module):
        def forward(self, x):
            return torch.roll(torch.relu(x), 1)

except ImportError:

    class A(torch.nn.Module):
        def forward(self, x):
            return torch.relu(torch.roll(x, 2))


class C(torch.nn.Module):
    def forward(self, x):
        return torch.relu(torch.roll(x, 3))
"""


def test_each_clause_defines_the_class_that_it_uses() -> None:
    repaired = _repaired(model=_CLAUSES)["model"]
    assert repaired.count("class Roll(torch.nn.Module):") == 3
    tried, _, rest = repaired.partition("except ImportError:")
    assert tried.count("    class Roll(torch.nn.Module):") == rest.count("    class Roll(torch.nn.Module):") == 1
    assert "\n\n    # About A.\n    class A(" in tried
    assert repaired.count("self.roll = Roll()") == 4
