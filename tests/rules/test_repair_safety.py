"""Where the line between safe, unsafe and absent repairs runs, as the repaired model would show it."""

from __future__ import annotations

import pytest
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check, fix_all, repair_edits
from aimet_guidelines.finding import Finding, Safety
from aimet_guidelines.rewriting import apply_edits

from .checking import findings

_IMPORTS = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\nfrom typing import Final\n\n\n"


def _one(code: str, body: str, **others: str) -> Finding:
    """The only finding of a rule in a file."""
    found = findings(code, _IMPORTS + body, **others)
    assert len(found) == 1, [each.message for each in found]
    return found[0]


def _safety(finding: Finding) -> str:
    return finding.repairs[0].safety.value if finding.repairs else "none"


def _net(forward: str, init: str = "", bases: str = "nn.Module", extra: str = "") -> str:
    return (
        f"class Net({bases}):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.fc = nn.Linear(4, 4)\n{init}\n    def forward(self, x):\n{forward}\n{extra}"
    )


def _line(text: str, depth: int = 2) -> str:
    return "    " * depth + text + "\n"


_PLACES = {
    "a plain model": (_net(_line("return F.relu(self.fc(x))")), "safe"),
    "a Sequential runs its children": (_net(_line("return F.relu(self.fc(x))"), bases="nn.Sequential"), "none"),
    "a ModuleList": (_net(_line("return F.relu(self.fc(x))"), bases="nn.ModuleList"), "none"),
    "a chain to a Sequential": (
        "class Base(nn.Sequential):\n    pass\n\n\n" + _net(_line("return F.relu(self.fc(x))"), bases="Base"),
        "none",
    ),
    "a class that walks over itself in ways that leave no child out": (
        _net(_line("for each in list(self.children()):") + _line("x = each(x)", 3) + _line("return F.relu(x)")),
        "none",
    ),
    "a walk that can leave the new child out": (
        _net(_line("for each in self.children():") + _line("x = each(x)", 3) + _line("return F.relu(x)")),
        "unsafe",
    ),
    "first values given by what each child is": (
        _net(
            _line("return F.relu(self.fc(x))"),
            _line("for m in self.modules():")
            + _line("if isinstance(m, (nn.Linear, Net)) and m.bias is not None:", 3)
            + _line("nn.init.zeros_(m.bias)", 4)
            + _line("elif isinstance(m, nn.BatchNorm2d):", 3)
            + _line("nn.init.ones_(m.weight)", 4),
        ),
        "safe",
    ),
    "first values for the kind that the repair makes": (
        _net(
            _line("return F.layer_norm(self.fc(x), (4,))"),
            _line("for m in self.modules():")
            + _line("if isinstance(m, nn.LayerNorm):", 3)
            + _line("nn.init.ones_(m.weight)", 4),
        ),
        "none",
    ),
    "first values for whatever has a weight": (
        _net(
            _line("return F.relu(self.fc(x))"),
            _line("for m in self.modules():")
            + _line("if isinstance(m, nn.Linear):", 3)
            + _line("nn.init.zeros_(m.bias)", 4)
            + _line("else:", 3)
            + _line("self.other(m)", 4),
        ),
        "none",
    ),
    "first values by a method of the workspace's own": (
        _net(
            _line("return F.relu(self.fc(x))"),
            _line("for m in self.modules():") + _line("if hasattr(m, 'local_init'):", 3) + _line("m.local_init()", 4),
        ),
        "safe",
    ),
    "first values for whatever has an attribute that the new child has": (
        _net(
            _line("return F.leaky_relu(self.fc(x), 0.2)"),
            _line("for m in self.modules():")
            + _line("if hasattr(m, 'negative_slope'):", 3)
            + _line("m.negative_slope = 0.1", 4),
        ),
        "none",
    ),
    "a base that cannot be read": (
        "from elsewhere import Mixin\n\n\n" + _net(_line("return F.relu(self.fc(x))"), bases="Mixin, nn.Module"),
        "unsafe",
    ),
    "a subclass that skips this constructor": (
        _net(_line("return F.relu(self.fc(x))"))
        + "\n\nclass Other(Net):\n    def __init__(self):\n        nn.Module.__init__(self)\n",
        "none",
    ),
    "forward called with another object": (
        _net(_line("return F.relu(self.fc(x))")) + "\n\ndef run(other, x):\n    return Net.forward(other, x)\n",
        "unsafe",
    ),
    "children picked by their order": (
        _net(_line("return F.relu(self.fc(x))")) + "\n\ndef cut(x):\n    return list(Net().children())[:1]\n",
        "unsafe",
    ),
    "elements of a list picked by their order": (
        _net(_line("return F.relu(self.fc(x))"))
        + "\n\nclass Cut(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.nets = nn.Sequential(Net(), Net())\n\n    def forward(self, x):\n        return self.nets(x)\n\n"
        "    def cut(self):\n        self.nets = nn.Sequential(*list(self.nets.children())[:1])\n",
        "safe",
    ),
    "children of a part picked by their order": (
        _net(_line("return F.relu(self.fc(x))"))
        + "\n\nclass Cut(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.net = Net()\n\n    def forward(self, x):\n        return self.net(x)\n\n"
        "    def cut(self):\n        return list(self.net.children())[:1]\n",
        "unsafe",
    ),
    "all children run as a row": (
        _net(_line("return F.relu(self.fc(x))")) + "\n\ndef row():\n    return nn.Sequential(*Net().children())\n",
        "unsafe",
    ),
    "all children of a part run as a row": (
        _net(_line("return F.relu(self.fc(x))"))
        + "\n\nclass Row(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.net = Net()\n        self.row = nn.Sequential(*list(self.net.children()))\n\n"
        "    def forward(self, x):\n        return self.row(x)\n",
        "unsafe",
    ),
    "objects made without the constructor": (
        _net(
            _line("return F.relu(self.fc(x))"),
            extra="\n    @classmethod\n    def bare(cls):\n        net = cls.__new__(cls)\n"
            "        nn.Module.__init__(net)\n        net.fc = nn.Linear(4, 4)\n        return net\n",
        ),
        "unsafe",
    ),
    "objects made without the constructor elsewhere": (
        _net(_line("return F.relu(self.fc(x))")) + "\n\ndef bare():\n    return Net.__new__(Net)\n",
        "unsafe",
    ),
    "a constructor that does not run the base's": (
        _net(_line("return F.relu(self.fc(x))")).replace("super().__init__()", "setup(self)"),
        "none",
    ),
    "a function that the constructor keeps": (
        _net(_line("return self.act(self.fc(x))"), _line("self.act = lambda x: F.relu(x)")),
        "none",
    ),
    "a function of forward's own": (
        _net(_line("act = lambda x: F.relu(x)") + _line("return act(self.fc(x))")),
        "safe",
    ),
    "a layer subclass that owns weights": (
        "class ConvSame(nn.Conv2d):\n    def forward(self, x):\n"
        "        return super().forward(F.pad(x, (1, 1, 1, 1)))\n",
        "unsafe",
    ),
}


@pytest.mark.parametrize(("body", "expected"), _PLACES.values(), ids=_PLACES)
def test_where_a_module_may_be_registered(body: str, expected: str) -> None:
    found = _one("AIMET101", body)
    assert _safety(found) == expected
    if expected == "none":
        assert "No repair is offered" in found.message
    elif expected == "unsafe":
        assert "(unsafe: " in found.repairs[0].title


_INPLACE = {
    "a fresh tensor": ("y = torch.sigmoid_(self.fc(x))\nreturn y", "safe"),
    "a name that takes the result": ("y = self.fc(x)\ny.sigmoid_()\nreturn y", "safe"),
    "a name that is not read again": ("y = self.fc(x)\nreturn y.sigmoid_()", "safe"),
    "an input": ("return x.sigmoid_()", "unsafe"),
    "an input, by a statement": ("x.sigmoid_()\nreturn self.fc(x)", "unsafe"),
    "a name that is read again": ("y = self.fc(x)\nz = y.sigmoid_()\nreturn y + z", "unsafe"),
    "a name that is read before in the same expression": ("y = self.fc(x)\nreturn y + y.sigmoid_()", "unsafe"),
    "another name of the tensor": ("y = self.fc(x)\nz = y\ny.sigmoid_()\nreturn y + z", "unsafe"),
    "a view of the tensor": ("y = self.fc(x)\nz = y[0]\ny.sigmoid_()\nreturn y + z", "unsafe"),
    "an element": ("y = [self.fc(x)]\ny[0].sigmoid_()\nreturn y[0]", "none"),
    "a form whose module is in place too": ("z = y = self.fc(x)\ny = F.relu_(y)\nreturn y + z", "safe"),
}


@pytest.mark.parametrize(("lines", "expected"), _INPLACE.values(), ids=_INPLACE)
def test_what_an_inplace_functional_changes(lines: str, expected: str) -> None:
    body = _net("".join(map(_line, lines.split("\n"))))
    assert _safety(_one("AIMET101", body)) == expected


_SET_OUTSIDE = {
    "by a function that makes the model": "def make():\n    net = Net()\n    net.slope = 0.5\n    return net\n",
    "by a function that is given the model": "def tune(net: Net):\n    net.slope *= 2\n",
    "under its name": "def make():\n    net = Net()\n    setattr(net, 'slope', 0.5)\n    return net\n",
    "by a model that has it": (
        "class Other(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.part = Net()\n        self.part.slope = 1\n"
    ),
    "at the top level": "net = Net()\nnet.slope = 0.5\n",
    "through a subclass": "class Other(Net):\n    pass\n\n\ndef make():\n    net = Other()\n    net.slope = 0.5\n",
}


@pytest.mark.parametrize("more", _SET_OUTSIDE.values(), ids=_SET_OUTSIDE)
def test_an_attribute_that_other_code_sets_is_not_carried(more: str) -> None:
    body = _net(_line("return F.leaky_relu(self.fc(x), self.slope)"), _line("self.slope = 0.2"))
    assert _safety(_one("AIMET101", body)) == "safe"
    assert _safety(_one("AIMET101", f"{body}\n\n{more}")) == "none"
    assert _safety(_one("AIMET101", f"{body}\n\n{more.replace('slope', 'other')}")) == "safe"


_ARGUMENTS = {
    "a constant": ("", "return F.leaky_relu(self.fc(x), 0.2)", "safe"),
    "an attribute set once": ("self.slope = 0.2", "return F.leaky_relu(self.fc(x), self.slope)", "safe"),
    "a value made in forward": ("", "return F.leaky_relu(self.fc(x), float(x.shape[0]))", "none"),
    "an expression with effects": ("", "return F.leaky_relu(self.fc(x), next(RATES))", "none"),
    "dropout that follows training": ("", "return F.dropout(self.fc(x), 0.1, self.training)", "safe"),
    "dropout that always drops": ("", "return F.dropout(self.fc(x), 0.1)", "unsafe"),
    "a data type the module has no place for": ("", "return F.softmax(self.fc(x), 1, dtype=torch.float32)", "none"),
    "weights of its own": ("", "return F.linear(x, self.fc.weight)", "unsafe"),
    "weights of its own, for which AIMET has no module": ("", "return F.bilinear(x, x, self.fc.weight)", "none"),
}


@pytest.mark.parametrize(("init", "statement", "expected"), _ARGUMENTS.values(), ids=_ARGUMENTS)
def test_what_may_be_carried_into_the_constructor(init: str, statement: str, expected: str) -> None:
    body = "RATES = iter([0.1])\n\n\n" + _net(_line(statement), _line(init) if init else "")
    assert _safety(_one("AIMET101", body)) == expected


@pytest.mark.parametrize("extra", ["    def train(self, mode=True):\n        return self\n", "", None])
def test_dropout_in_a_class_that_sets_training_itself(extra: str | None) -> None:
    init = "" if extra is not None else _line("self.training = False")
    body = _net(_line("return F.dropout(self.fc(x), 0.1, self.training)"), init, extra=extra or "")
    assert _safety(_one("AIMET101", body)) == ("safe" if extra == "" else "unsafe")


def test_loops() -> None:
    walked = _net(
        _line("for layer in self.layers:") + _line("x = F.relu(layer(x))", 3) + _line("return x"),
        _line("self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])"),
    )
    zipped = walked.replace("layer in self.layers", "i, (y, layer) in enumerate(zip(x.chunk(3), self.layers))")
    counted = _net(_line("for _ in range(3):") + _line("x = F.relu(self.fc(x))", 3) + _line("return x"))
    assert _safety(_one("AIMET101", walked)) == "safe"
    assert _safety(_one("AIMET101", zipped)) == "safe"
    assert _safety(_one("AIMET101", counted)) == "none"


def test_no_list_beside_what_the_constructor_is_given() -> None:
    body = (
        "class Net(nn.Module):\n    def __init__(self, sizes):\n        super().__init__()\n"
        "        self.sizes = sizes\n\n    def forward(self, x):\n"
        "        for size in self.sizes:\n            x = F.relu(x + size)\n        return x\n"
    )
    assert _safety(_one("AIMET101", body)) == "none"
    assert _safety(_one("AIMET101", body.replace("self.sizes = sizes", "self.sizes = [1, 2]"))) == "safe"


def test_a_new_child_is_left_out_of_a_container_s_walk() -> None:
    body = (
        "class Block(nn.ModuleDict):\n    def __init__(self):\n        super().__init__()\n"
        "        self.a = nn.Conv2d(4, 4, 1)\n\n    def forward(self, x):\n        for name, layer in self.items():\n"
        "            x = layer(x)\n        return F.relu(x)\n"
    )
    project = Project.empty("/project").updated({"/project/model.py": _IMPORTS + body})
    config = Config(root="/project", select=("AIMET101",))
    (found,) = check("/project/model.py", project, config).findings
    assert "(unsafe: code elsewhere that walks over `Block` meets the new module too)" in found.repairs[0].title
    edits = repair_edits("/project/model.py", project, config, found, found.repairs[0])
    text = apply_edits(project.text("/project/model.py"), edits["/project/model.py"])
    assert "self.a = nn.Conv2d(4, 4, 1)\n        self.relu = nn.ReLU()\n" in text
    assert "for name, layer in [(key, each) for key, each in self.items() if each is not self.relu]:\n" in text
    assert "return self.relu(x)\n" in text


_RUN_EARLY = (
    "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.fc = nn.Linear(4, 4)\n"
    "        self.start()\n        self.done = True\n\n    def start(self):\n"
    "        self.pos = self.embed(torch.ones(4))\n\n"
    "    def embed(self, x):\n        return F.relu(x)\n\n    def forward(self, x):\n"
    "        return self.embed(self.fc(x))\n"
)


def _repaired(body: str) -> str:
    project = Project.empty("/project").updated({"/project/model.py": _IMPORTS + body})
    config = Config(root="/project", select=("AIMET101",))
    return fix_all("/project/model.py", project, config, lambda _, repair: repair.safety is Safety.SAFE).text


def test_what_the_constructor_runs_is_made_before() -> None:
    text = _repaired(_RUN_EARLY)
    assert "        self.relu = nn.ReLU()\n        self.start()\n" in text
    assert "        return self.relu(x)\n" in text


def test_none_where_the_constructor_runs_it_too_early() -> None:
    slope = _RUN_EARLY.replace("F.relu(x)", "F.leaky_relu(x, self.slope)").replace(
        "self.done = True", "self.slope = 0.1"
    )
    assert _repaired(slope) == _IMPORTS + slope
    base = _RUN_EARLY.replace("Net", "Base").replace("return F.relu(x)", "return x") + (
        "\n\nclass Net(Base):\n    def embed(self, x):\n        return F.relu(x)\n"
    )
    found = _one("AIMET101", base)
    assert _safety(found) == "none" and "the constructor of a base of `Net` may run it" in found.message


def test_a_list_that_is_none_in_some_models() -> None:
    init = _line("self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)]) if deep else None")
    forward = (
        _line("if self.layers is not None:")
        + _line("for layer in self.layers:", 3)
        + _line("x = F.relu(layer(x))", 4)
        + _line("return x")
    )
    text = _repaired(_net(forward, init).replace("def __init__(self)", "def __init__(self, deep=False)"))
    assert "self.relu = nn.ModuleList([nn.ReLU() for _ in self.layers or ()])\n" in text


def test_two_new_children_are_left_out_of_one_walk() -> None:
    body = (
        "class Block(nn.ModuleDict):\n    def __init__(self):\n        super().__init__()\n"
        "        self.a = nn.Conv2d(4, 4, 1)\n\n    def forward(self, x):\n        x = F.relu(x)\n"
        "        x = [layer(x * i) for i, layer in enumerate(self.values())]\n        return F.relu(x[0])\n"
    )
    project = Project.empty("/project").updated({"/project/model.py": _IMPORTS + body})
    text = fix_all("/project/model.py", project, Config(root="/project", select=("AIMET101",)), lambda *_: True).text
    walk = "[each for each in self.values() if each is not self.relu and each is not self.relu2]"
    assert f"for i, layer in enumerate({walk})]\n        return self.relu2(x[0])\n" in text


@pytest.mark.parametrize(
    ("condition", "first", "second"),
    [
        ("torch.jit.is_tracing()", "none", "safe"),
        ("not torch.jit.is_tracing()", "", "none"),
        ("not torch.jit.is_scripting() and torchvision._is_tracing()", "none", "safe"),
        ("self.deep or torchvision._is_tracing()", "safe", "safe"),
    ],
)
def test_a_branch_that_only_tracing_takes(condition: str, first: str, second: str) -> None:
    """AIMET runs the model before it traces it, and fails on a module that it meets in the trace only."""
    body = _net(
        _line(f"if {condition}:")
        + _line("x = F.relu(self.fc(x))", 3)
        + _line("else:")
        + _line("x = F.gelu(self.fc(x))", 3)
        + _line("return x"),
        _line("self.deep = unknown()"),
    )
    found = {each.symbol.rpartition(".")[2]: _safety(each) for each in findings("AIMET101", _IMPORTS + body)}
    assert found.get("relu", "") == first
    assert found.get("gelu", second) == second


def test_a_list_that_is_filled_step_by_step() -> None:
    init = (
        _line("self.layers = nn.ModuleList()")
        + _line("for _ in range(3):")
        + _line("self.layers.append(nn.Linear(4, 4))", 3)
        + _line("self.last = nn.Linear(4, 4)")
    )
    forward = _line("for layer in self.layers:") + _line("x = F.relu(layer(x))", 3) + _line("return x")
    body = _net(forward, init)
    project = Project.empty("/project").updated({"/project/model.py": _IMPORTS + body})
    config = Config(root="/project", select=("AIMET101",))
    (found,) = check("/project/model.py", project, config).findings
    edits = repair_edits("/project/model.py", project, config, found, found.repairs[0])
    text = apply_edits(project.text("/project/model.py"), edits["/project/model.py"])
    filled = "            self.layers.append(nn.Linear(4, 4))\n        self.relu = nn.ModuleList(["
    assert filled in text and "for layer, relu in zip(self.layers, self.relu):\n" in text


@pytest.mark.parametrize(
    "lines",
    [
        ["self.layers = nn.ModuleList()", "for i in range(3):", "    put(self.layers, nn.Linear(4, 4))"],
        ["self.layers = layers = nn.ModuleList()", "for i in range(3):", "    layers.append(nn.Linear(4, 4))"],
        ["layers = nn.ModuleList()", "self.layers = layers", "layers.extend(nn.Linear(4, 4) for _ in range(3))"],
    ],
)
def test_a_list_that_is_filled_under_another_name(lines: list[str]) -> None:
    forward = _line("for layer in self.layers:") + _line("x = F.relu(layer(x))", 3) + _line("return x")
    assert _safety(_one("AIMET101", _net(forward, "".join(map(_line, lines))))) == "none"
    made = ["layers = nn.ModuleList()", "layers.extend(nn.Linear(4, 4) for _ in range(3))", "self.layers = layers"]
    assert _safety(_one("AIMET101", _net(forward, "".join(map(_line, made))))) == "safe"


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("    def grow(self):\n        self.layers.append(nn.Linear(4, 4))\n", "none"),
        ("    def cut(self):\n        self.layers = self.layers[:2]\n", "safe"),
        ("\n\ndef grow(net: Net):\n    net.layers.append(nn.Linear(4, 4))\n", "none"),
        (
            "\n\nclass More(Net):\n    def __init__(self):\n        super().__init__()\n"
            "        self.layers.append(nn.Linear(4, 4))\n",
            "none",
        ),
        ("    def fill(self):\n        put(self.layers, nn.Linear(4, 4))\n", "none"),
        ("    def size(self):\n        return len(self.layers)\n", "safe"),
    ],
    ids=["grows in a method", "cut in a method", "grows elsewhere", "grows in a subclass", "given away", "measured"],
)
def test_a_list_that_changes_after_it_is_made(extra: str, expected: str) -> None:
    init = _line("self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])")
    forward = _line("for layer in self.layers:") + _line("x = F.relu(layer(x))", 3) + _line("return x")
    assert _safety(_one("AIMET101", _net(forward, init, extra=extra))) == expected


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("", "unsafe"),
        ("    def cut(self):\n        self.bias = None\n", "none"),
        ("\n\nclass NoBias(Net):\n    def __init__(self):\n        super().__init__(4)\n"
         "        self.bias = None\n", "unsafe"),
        ("\n\nclass NoBias(Net):\n    def cut(self):\n        self.bias = None\n", "none"),
        ("\n\nclass NoBias(Net):\n    def __init__(self):\n        super().__init__(4)\n"
         "        self.bias, self.slope = None, 1\n", "none"),
        ("\n\nclass Loose(Net):\n    def __init__(self):\n        self.eps = 1\n        super().__init__(4)\n", "none"),
        ("\n\nclass NoBias(Net):\n    def __init__(self):\n        super().__init__(4)\n"
         "        self.register_parameter('bias', None)\n", "none"),
    ],
    ids=["never", "in a method", "in a subclass", "in a subclass's method", "beside another", "too early", "by name"],
)  # fmt: skip
def test_weights_that_another_takes_the_place_of(extra: str, expected: str) -> None:
    body = (
        "class Net(nn.LayerNorm):\n    def forward(self, x):\n"
        "        return F.layer_norm(x.mT, self.normalized_shape, self.weight, self.bias, self.eps).mT\n\n"
    )
    assert _safety(_one("AIMET101", body + extra)) == expected


def test_a_helper_that_exclusive_branches_call_runs_once() -> None:
    helper = "    def helper(self, x):\n        return F.relu(self.fc(x))\n"
    branches = _line("if self.deep:") + _line("y = self.helper(x)", 3) + _line("else:") + _line("y = self.helper(x)", 3)
    init = _line("self.deep = False")
    assert _safety(_one("AIMET101", _net(branches + _line("return y"), init, extra=helper))) == "safe"
    assert _safety(_one("AIMET101", _net(branches + _line("return self.helper(y)"), init, extra=helper))) == "none"


def test_a_class_registered_with_aimet_is_a_leaf_by_choice() -> None:
    registered = (
        "from aimet_torch.v2.nn import QuantizationMixin\n\n\n"
        + _net(_line("return F.relu(self.fc(x) + x)"))
        + "\n\nQuantizationMixin.ignore(Net)\n"
    )
    for code in ("AIMET101", "AIMET301", "AIMET303"):
        assert not findings(code, _IMPORTS + registered)


def _with_aimet(body: str) -> Finding:
    project = Project.empty("/project").updated({"/project/model.py": _IMPORTS + body})
    config = Config(root="/project", select=("AIMET301",), aimet_available=True)
    (found,) = check("/project/model.py", project, config).findings
    return found


def test_aimet_modules_are_safe_only_where_nothing_is_scripted() -> None:
    plain = _net(_line("return x + self.fc(x)"))
    assert _safety(_with_aimet(plain)) == "safe"
    assert _safety(_with_aimet(plain + "\n\nscripted = torch.jit.script(Net())\n")) == "unsafe"
    final = plain.replace("    def __init__", "    width: Final[int] = 4\n\n    def __init__", 1)
    assert _safety(_with_aimet(final)) == "unsafe"


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("AIMET101", _net(_line("return F.interpolate(self.fc(x), scale_factor=x.mean().item())"))),
        ("AIMET301", _net(_line("return x + self.fc(x)"))),
        ("AIMET303", "class Scale(nn.Module):\n    def forward(self, x):\n        return x.abs() * 2\n"),
    ],
)
def test_no_repair_imports_aimet_where_the_settings_forbid_it(code: str, body: str) -> None:
    project = Project.empty("/project").updated({"/project/model.py": _IMPORTS + body})
    for modules, offered in (("auto", True), ("never", False)):
        config = Config(root="/project", select=(code,), aimet_modules=modules)  # type: ignore[arg-type]
        found = check("/project/model.py", project, config).findings
        repairs = [repair.title for finding in found for repair in finding.repairs]
        assert found and any("aimet_torch" in title for title in repairs) == offered, repairs


def test_an_addition_with_a_factor_has_no_module() -> None:
    assert not _one("AIMET301", _net(_line("return torch.add(x, self.fc(x), alpha=2)"))).repairs


_REUSES = {
    "a known layer without state": ("self.act = nn.ReLU()", "safe"),
    "a class passed in": ("self.act = act()", "unsafe"),
    "a layer with weights": ("self.act = nn.PReLU()", "unsafe"),
    "an instance passed in": ("self.act = nn.Sequential(act, nn.PReLU())", "unsafe"),
}


@pytest.mark.parametrize(("init", "expected"), _REUSES.values(), ids=_REUSES)
def test_which_module_may_be_repeated(init: str, expected: str) -> None:
    body = _net(_line("return self.act(self.act(self.fc(x)))"), _line(init)).replace(
        "def __init__(self)", "def __init__(self, act=nn.ReLU)"
    )
    assert _safety(_one("AIMET102", body)) == expected


def test_tied_weights_and_separate_entry_points_are_no_reuse() -> None:
    body = _net(
        _line("return self.head(self.emb(x))"),
        _line("self.emb = nn.Embedding(4, 4)")
        + _line("self.head = nn.Linear(4, 4)")
        + _line("self.head.weight = self.emb.weight"),
    )
    assert not findings("AIMET102", _IMPORTS + body)


def test_names_of_subclasses_are_not_taken() -> None:
    body = _net(_line("return F.relu(self.fc(x))")) + (
        "\n\nclass Other(Net):\n    def __init__(self):\n        super().__init__()\n        self.relu = 3\n"
    )
    (change,) = _one("AIMET101", body).repairs[0].changes
    (step,) = change.steps
    assert "relu" in step.module.taken  # type: ignore[union-attr]


def test_a_model_of_openmmlab() -> None:
    body = _net(_line("return F.relu(self.fc(x))"), bases="BaseModule").replace("nn.Linear(4, 4)", "ConvModule(4, 4)")
    imports = "from mmcv.cnn import ConvModule\nfrom mmengine.model import BaseModule\n"
    (found,) = findings("AIMET101", _IMPORTS + imports + body)
    assert _safety(found) == "safe"


@pytest.mark.parametrize(
    ("size", "arithmetic"),
    [
        ("size = torch.tensor(4) if torch.jit.is_tracing() else 4", 0),
        ("size = 4\n        if torch.jit.is_tracing():\n            size = torch.tensor(size)", 0),
        ("if not torch._is_tracing():\n            size = 4\n        else:\n            size = torch.tensor(4)", 0),
        ("size = torch.tensor(4)", 1),
        ("size = 4\n        if torch.jit.is_scripting():\n            size = 5\n        size = torch.tensor(size)", 1),
        # What leaves where nobody traces says nothing of what comes after it.
        ("if torch.jit.is_tracing():\n            size = torch.tensor(4)\n        else:\n            return x", 1),
    ],
)
def test_what_is_a_tensor_in_the_trace_alone_is_no_operand_of_a_module(size: str, arithmetic: int) -> None:
    """Outside of a trace `7 % size` are plain numbers, which AIMET's `Remainder` cannot take."""
    body = _net(_line(size) + _line("left = 7 % size") + _line("return self.fc(x), left"))
    found = [each for each in findings("AIMET301", _IMPORTS + body) if "%" in each.message]
    assert len(found) == arithmetic


_BASE = """\
import torch.nn.functional as F
from torch import nn


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        return F.relu(self.fc(x))


class Other(Base):
    def __init__(self):
        {constructor}
        self.fc = nn.Linear(3, 3)
"""
_FORWARD = """
    def forward(self, x):
        return self.fc(x)
"""


@pytest.mark.parametrize(
    ("constructor", "runs"),
    [
        ("super().__init__()", True),
        ("super(Other, self).__init__()", True),
        ("super(type(self), self).__init__()", True),
        ("super(self.__class__, self).__init__()", True),
        ("Base.__init__(self)", True),
        ("nn.Module.__init__(self)", False),
        ("super(Base, self).__init__()", False),
        ("nn.Module.__init__(self); super().train()", False),
    ],
)
def test_a_subclass_that_runs_forward_without_the_constructor_keeps_the_module_out(
    constructor: str, runs: bool
) -> None:
    """It would fail as soon as it runs. Where it has a `forward` of its own, that may still ask its base for more."""

    def repairs(text: str) -> list[Safety]:
        project = Project.empty("/project").updated({"/project/model.py": text})
        (finding,) = check("/project/model.py", project, Config(root="/project")).findings
        return [repair.safety for repair in finding.repairs]

    text = _BASE.format(constructor=constructor)
    assert repairs(text) == ([Safety.SAFE] if runs else [])
    assert repairs(text + _FORWARD) == [Safety.SAFE if runs else Safety.UNSAFE]
