"""AIMET102: a second module is offered only where it is certain to be identical and another object."""

from __future__ import annotations

import pytest
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check, fix_all
from aimet_guidelines.finding import Safety

from .checking import PATH

_HEAD = "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, act=None, deep=True):\n"
_HEAD += "        super().__init__()\n        self.deep = deep\n        self.fc = nn.Linear(4, 4)\n"
_FORWARD = "\n    def forward(self, x):\n        return self.a(self.fc(self.a(x)))\n"


def _safely(project: Project) -> str:
    """The file after every safe repair."""
    config = Config(root="/project", select=("AIMET102",))
    return fix_all(PATH, project, config, lambda finding, repair: repair.safety is Safety.SAFE).text


def _fixed(init: str, more: str = "") -> str:
    source = _HEAD + "".join(f"        {line}\n" for line in init.split("\n")) + _FORWARD + more
    project = Project.empty("/project").updated({PATH: source})
    config = Config(root="/project", select=("AIMET102",))
    assert check(PATH, project, config).findings
    return _safely(project)


@pytest.mark.parametrize(
    "init",
    [
        "self.a = nn.ReLU() if act is None else act",
        "self.a = act or nn.ReLU()",
        "if act is None:\n    self.a = nn.ReLU()\nelse:\n    self.a = act",
        "self.a = nn.Sequential()\nself.a.add_module('relu', nn.ReLU())",
        "self.a = nn.Sequential()\nself.a.append(nn.ReLU())",
        "self.a = nn.ReLU()\nself.a.inplace = True",
        "self.a = nn.ReLU()\nif deep:\n    self.a = nn.GELU()",
    ],
)
def test_no_safe_copy_of_what_may_be_another(init: str) -> None:
    assert "self.a2" not in _fixed(init)


def test_what_a_base_class_makes_in_two_ways_is_not_repeated() -> None:
    base = (
        "from torch import nn\n\n\nclass Base(nn.Module):\n    def __init__(self, act=None):\n"
        "        super().__init__()\n        self.a = nn.ReLU() if act is None else act\n\n\n"
        "class Net(Base):\n    def forward(self, x):\n        return self.a(self.a(x))\n"
    )
    assert _safely(Project.empty("/project").updated({PATH: base})) == base
    plain = base.replace(" if act is None else act", "")
    assert "self.a2 = nn.ReLU()" in _safely(Project.empty("/project").updated({PATH: plain}))


def test_what_a_base_class_makes_of_its_parameters_is_copied() -> None:
    source = (
        "from torch import nn\n\n\nclass Base(nn.Module):\n    def __init__(self, p):\n        super().__init__()\n"
        "        self.a = nn.Dropout(p)\n\n\nclass Net(Base):\n    def forward(self, x):\n"
        "        return self.a(self.a(x))\n"
    )
    text = _safely(Project.empty("/project").updated({PATH: source}))
    assert "        super().__init__(*args, **kwargs)\n        self.a2 = deepcopy(self.a)\n" in text
    assert "from copy import deepcopy\n" in text and "return self.a2(self.a(x))" in text
    own = (
        "class Drop(nn.Module):\n    def __init__(self, p):\n        super().__init__()\n        self.p = p\n\n"
        "    def forward(self, x):\n        return x * self.p\n\n\n"
    )
    dropping = source.replace("class Base", f"{own}class Base").replace("nn.Dropout(p)", "Drop(p)")
    assert "self.a2 = deepcopy(self.a)\n" in _safely(Project.empty("/project").updated({PATH: dropping}))
    weights = dropping.replace("self.p = p\n", "self.p = nn.Parameter(p)\n")
    for other in (
        weights,
        source.replace("nn.Dropout(p)", "nn.Linear(p, p)"),
        source.replace("        self.a = ", "        self.make(p)\n\n    def make(self, p):\n        self.a = "),
        source + "\n    def set(self, p):\n        self.a.p = p\n",
    ):
        assert _safely(Project.empty("/project").updated({PATH: other})) == other


def test_a_copy_of_what_a_branch_makes_stands_in_it() -> None:
    fixed = _fixed("if deep:\n    p = 0.5\n    self.a = nn.Dropout(p)")
    assert "            self.a = nn.Dropout(p)\n            self.a2 = nn.Dropout(p)\n" in fixed


def test_a_name_that_ends_in_a_digit() -> None:
    source = _HEAD + "        self.a1 = nn.ReLU()\n" + _FORWARD.replace("self.a(", "self.a1(")
    fixed = _safely(Project.empty("/project").updated({PATH: source}))
    assert "self.a1_2 = nn.ReLU()" in fixed and "self.a1_2(self.fc(self.a1(x)))" in fixed


def test_one_of_two_modules_of_which_one_is_shared() -> None:
    source = _HEAD + (
        "        if deep:\n            self.q = self.k = nn.Identity()\n"
        "        else:\n            self.q = nn.Linear(4, 4)\n            self.k = nn.Linear(4, 4)\n\n"
        "    def forward(self, x):\n        return self.q(x) + self.k(x)\n"
    )
    found = check(
        PATH, Project.empty("/project").updated({PATH: source}), Config(root="/project", select=("AIMET102",))
    )
    assert [each.span.line for each in found.findings] == []


_KEEP = "    def forward(self, x):\n        return self.keep(x)\n\n"
_KEEP += "    def keep(self, x):\n        {}\n        return x\n"


_SCALE = "    def forward(self, x):\n        return torch.mul(self.weight, x)\n"


@pytest.mark.parametrize(
    ("init", "methods"),
    [
        ("self.net = net", "    def forward(self, x):\n        return self.net(x)\n"),
        ("self.nets = net", "    def forward(self, x):\n        return sum(layer(x) for layer in self.nets)\n"),
        ("self.seen = {}", "    def forward(self, x):\n        self.seen[x.shape] = x\n        return x\n"),
        ("self.seen = []", _KEEP.format("self.seen.append(x)")),
        ("self.seen = None", _KEEP.format("self.seen = x")),
        ("self.net = None", "    @lazily\n    def forward(self, x):\n        return x * 2\n"),
        ("self.weight = Parameter(torch.ones(4))", _SCALE),
        ("self.weight = torch.nn.parameter.Parameter(torch.ones(4))", _SCALE),
        ("self.weight = Parameter(torch.ones(4)) if net else 1.0", _SCALE),
        ("self.weight = 1.0\n        if net:\n            self.weight = Parameter(torch.ones(4))", _SCALE),
        ("self.register_buffer('weight', torch.ones(4)) if net else None", _SCALE),
        ("self.nets = [nn.Linear(4, 4)]", "    def forward(self, x):\n        return self.nets[0](x)\n"),
        ("self.nets = {'a': nn.Linear(4, 4)}", "    def forward(self, x):\n        return self.nets['a'](x)\n"),
        ("self.seen = Seen()", "    def forward(self, x):\n        return self.seen.put(x)\n"),
        ("self.rounds = iter(range(9))", "    def forward(self, x):\n        return x * next(self.rounds)\n"),
        ("self.random = torch.Generator()", "    def forward(self, x):\n        return noise(x, self.random)\n"),
    ],
)
def test_no_safe_copy_of_a_class_that_may_have_state(init: str, methods: str) -> None:
    source = (
        "import torch\nfrom torch import nn\nfrom torch.nn.parameter import Parameter\n\n"
        "from lazy import lazily, noise\n\n\n"
        "class Seen:\n    def put(self, x):\n        self.last = x\n        return x\n\n\nclass Part(nn.Module):\n"
        f"    def __init__(self, net=None):\n        super().__init__()\n        {init}\n\n{methods}\n\n"
        "class Net(nn.Module):\n    def __init__(self, net):\n        super().__init__()\n"
        "        self.part = Part(net)\n\n    def forward(self, x):\n        return self.part(self.part(x))\n"
    )
    assert "self.part2" not in _safely(Project.empty("/project").updated({PATH: source}))


@pytest.mark.parametrize("given", ["nn.Parameter(torch.ones(4))", "[nn.Linear(4, 4)]", "{'a': torch.ones(4)}"])
def test_no_safe_copy_of_what_is_given_its_state(given: str) -> None:
    source = (
        "import torch\nfrom torch import nn\n\n\nclass Part(nn.Module):\n    def __init__(self, weight):\n"
        f"        super().__init__()\n        self.weight = weight\n\n{_SCALE}\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.part = Part({given})\n\n    def forward(self, x):\n        return self.part(self.part(x))\n"
    )
    assert "self.part2" not in _safely(Project.empty("/project").updated({PATH: source}))
    plain = source.replace(given, "2.0")
    assert "self.part2 = Part(2.0)" in _safely(Project.empty("/project").updated({PATH: plain}))


def test_a_safe_copy_of_a_class_that_only_holds_settings() -> None:
    source = (
        "import torch\nfrom torch import nn\n\n\nclass Part(nn.Module):\n    def __init__(self, p):\n"
        "        super().__init__()\n        self.p = p\n\n    @torch.no_grad()\n    def forward(self, x):\n"
        "        return x * self.p\n\n    def set(self, p):\n        self.p = p\n\n\n"
        "class Net(nn.Module):\n    def __init__(self, p):\n        super().__init__()\n"
        "        self.part = Part(p)\n\n    def forward(self, x):\n        return self.part(self.part(x))\n"
    )
    assert "self.part2 = Part(p)" in _safely(Project.empty("/project").updated({PATH: source}))


def test_a_list_beside_what_a_call_registers_is_not_offered() -> None:
    source = (
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.heads = nn.ModuleDict({'a': nn.Tanh(), 'b': nn.Tanh()})\n"
        "        self.relu = nn.ReLU()\n        self.register_buffer('on', torch.ones(1))\n\n"
        "    def forward(self, x):\n        for (name, head), on in zip(self.heads.items(), self.on):\n"
        "            x = self.relu(head(x)) * on\n        return x\n"
    )
    assert _safely(Project.empty("/project").updated({PATH: source})) == source
    kept = source.replace("self.register_buffer('on', torch.ones(1))", "self.on = [1.0, 2.0]")
    assert "self.relu2 = nn.ModuleList([nn.ReLU() for _ in self.on])" in _safely(
        Project.empty("/project").updated({PATH: kept})
    )


_ROWS = (
    "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, act_layer=nn.GELU):\n"
    "        super().__init__()\n        self.act = {made}\n"
    "        self.one = nn.Sequential(nn.Linear(4, 4), self.act)\n"
    "        self.two = nn.Sequential(nn.Linear(4, 4), self.act)\n\n"
    "    def forward(self, x):\n        return self.two(self.one(x))\n"
)


@pytest.mark.parametrize(("made", "safe"), [("nn.ReLU()", True), ("act_layer()", False), ("nn.PReLU()", False)])
def test_a_module_in_two_rows_is_made_anew_in_the_second(made: str, safe: bool) -> None:
    source = _ROWS.format(made=made)
    project = Project.empty("/project").updated({PATH: source})
    config = Config(root="/project", select=("AIMET102",))
    (finding,) = check(PATH, project, config).findings
    assert finding.message.startswith("`self.two` runs a module that is used before: ")
    fixed = fix_all(PATH, project, config, lambda finding, repair: True)
    assert len(fixed.applied) == 1 and fixed.applied[0][1].safety is (Safety.SAFE if safe else Safety.UNSAFE)
    assert fixed.text == source.replace("self.two = nn.Sequential(nn.Linear(4, 4), self.act)",
                                        f"self.two = nn.Sequential(nn.Linear(4, 4), {made})")  # fmt: skip


def test_a_row_is_repeated_once_it_makes_what_it_holds() -> None:
    source = _ROWS.format(made="nn.ReLU()").replace("self.two(self.one(x))", "self.two(self.two(self.one(x)))")
    project = Project.empty("/project").updated({PATH: source})
    config = Config(root="/project", select=("AIMET102",))
    text = fix_all(PATH, project, config, lambda finding, repair: True).text
    assert text.count("self.act") == 2 and "self.two2 = nn.Sequential(nn.Linear(4, 4), nn.ReLU())" in text


def test_no_copy_of_an_expression_whose_names_are_bound_anew() -> None:
    source = (
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, act_layer):\n"
        "        super().__init__()\n        act_layer = act_layer()\n"
        "        self.body = nn.Sequential(nn.Linear(4, 4), act_layer, nn.Linear(4, 4), act_layer)\n\n"
        "    def forward(self, x):\n        return self.body(x)\n"
    )
    project = Project.empty("/project").updated({PATH: source})
    config = Config(root="/project", select=("AIMET102",))
    assert fix_all(PATH, project, config, lambda finding, repair: True).text == source


_NORM = """\
import torch
from torch import nn


class Reversible(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, x, back):
        if back:
            return x / self.scale + self.{read}
        {mean} = x.mean(1, keepdim=True)
        return (x - {mean}) * self.scale


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = Reversible()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.norm(self.fc(self.norm(x, False)), True)
"""


def test_no_second_module_where_one_use_leaves_what_the_next_one_reads() -> None:
    config = Config(root="/project", select=("AIMET102",))
    for mean, read, offered in (("self.mean", "mean", False), ("mean", "scale", True)):
        project = Project.empty("/project").updated({PATH: _NORM.format(mean=mean, read=read)})
        (finding,) = check(PATH, project, config).findings
        assert bool(finding.repairs) is offered
        assert ("`Reversible` keeps values from one use for the next" in finding.message) is not offered


def test_no_list_beside_one_that_is_walked_again_and_again() -> None:
    init = "self.a = nn.ReLU()\n        self.s = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])"
    walk = "        for m in self.s:\n            x = self.a(m(x))\n        return x\n"
    again = "        while x:\n            for m in self.s:\n                x = self.a(m(x))\n        return x\n"
    helper = "        for _ in range(2):\n            x = self.run(x)\n        return x\n\n    def run(self, x):\n"
    for forward, repaired in ((walk, True), (again, False), (helper + walk, False)):
        source = f"{_HEAD}        {init}\n\n    def forward(self, x):\n{forward}"
        assert (_safely(Project.empty("/project").updated({PATH: source})) != source) is repaired


@pytest.mark.parametrize(
    ("rounds", "reason"),
    [
        ("range(4)", "each round needs a module of its own; "),
        ("(1, 2, n)", "each round needs a module of its own; "),
        ("range(n)", "the text does not say how often the loop runs; "),
        ("x", "the text does not say how often the loop runs; "),
    ],
)
@pytest.mark.parametrize(
    "loop", ["for i in {}:\n            x = self.a(x)\n        return x", "return sum(self.a(x) for i in {})"]
)
def test_why_a_loop_gets_no_list_of_modules(loop: str, rounds: str, reason: str) -> None:
    source = _HEAD + "        self.a = nn.ReLU()\n\n    def forward(self, x, n: int):\n        " + loop.format(rounds)
    project = Project.empty("/project").updated({PATH: source + "\n"})
    (found,) = check(PATH, project, Config(root="/project", select=("AIMET102",))).findings
    assert found.message.endswith(f" {reason}make a ModuleList with one for each round.")


@pytest.mark.parametrize("package", ["timm.layers", "timm.models.layers", "timm.layers.drop"])
def test_timm_s_drop_path_holds_nothing(package: str) -> None:
    made = "self.a = DropPath(0.1) if deep else nn.Identity()"
    source = f"from {package} import DropPath\n{_HEAD}        {made}\n{_FORWARD}"
    text = _safely(Project.empty("/project").updated({PATH: source}))
    assert f"        {made}\n        {made.replace('self.a', 'self.a2')}\n" in text
