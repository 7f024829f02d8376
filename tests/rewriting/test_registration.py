"""Where new modules are registered, under which names, in which spelling."""

from __future__ import annotations

import time

import pytest
from aimet_guidelines.finding import CallModule, InsertStatements, NewModule, ReplaceCallee
from aimet_guidelines.rewriting import Imports, rewrite

from .marking import CUSTOM, TORCH, at, module, repaired, run

FORWARD = "\n    def forward(self, x):\n        return F.relu(x)\n"


def add_relu(source: str, new: NewModule | None = None, imports: Imports = TORCH) -> str:
    """The source with its first `F.relu(x)` repaired."""
    return run(source, relu_step(source, new), imports=imports).text


def relu_step(source: str, new: NewModule | None = None, number: int = 0) -> CallModule:
    place = at(source, "F.relu(x)", number)
    inner = place._replace(column=place.end_column - 2, end_column=place.end_column - 1)
    return CallModule(place, new or module(), (inner,))


def init(*lines: str) -> str:
    body = "".join(f"        {line}\n" for line in lines)
    return f"class Net(nn.Module):\n    def __init__(self, dim=3):\n{body}{FORWARD}"


NEW = "self.relu = nn.ReLU()"
PLACES = {
    "beside": (["super().__init__()", "self.conv = c()", "self.fc = d()"], 2),
    "beside, comment on the line": (["super().__init__()", "self.conv = c()  # c", "# fc", "self.fc = d()"], 2),
    "beside, annotated": (["super().__init__()", "self.conv: nn.Module = c()", "self.fc = d()"], 2),
    "beside, of several targets": (["super().__init__()", "self.a = self.conv = c()", "self.fc = d()"], 2),
    "beside, unpacked": (["super().__init__()", "self.a, self.conv = c()", "self.fc = d()"], 2),
    "beside, by add_module": (["super().__init__()", "self.add_module('conv', c())", "self.fc = d()"], 2),
    "beside, in an if": (["super().__init__()", "if dim:", "    self.conv = c()", "else:", "    pass", "y = 1"], 5),
    "beside, before super": (["self.conv = 3", "super().__init__()", "self.fc = d()"], 2),
    "end": (["super().__init__()", "self.fc = d()"], 2),
    "end, base called by name": (["self.a = 1", "Base.__init__(self)"], 2),
    "before a return in a branch": (
        ["super().__init__()", "self.fc = d()", "if dim:", "    return", "self.conv = c()"],
        2,
    ),
    "before a return in a handler": (
        ["super().__init__()", "try:", "    self.fc = d()", "except OSError:", "    return", "self.b = c()"],
        1,
    ),
    "behind a function that returns": (["super().__init__()", "def f():", "    return 1", "self.b = f()"], 4),
    "before return": (["super().__init__()", "self.fc = d()", "return"], 2),
    "before apply": (["super().__init__()", "self.fc = d()", "", "self.apply(f)"], 2),
    "before a walk": (["super().__init__()", "self.fc = d()", "for m in self.modules():", "    init(m)"], 2),
    "before _init_weights": (["super().__init__()", "self.fc = d()", "self._init_weights()"], 2),
    "before post_init": (["super().__init__()", "self.fc = d()", "# last", "self.post_init()"], 2),
    "before init_weights(self)": (["super().__init__()", "self.fc = d()", "init_weights(self)"], 2),
    "before the first of several": (
        ["super().__init__()", "self.fc = d()", "self.reset_parameters()", "self.apply(f)"],
        2,
    ),
    "behind an early walk": (["super().__init__()", "self.apply(f)", "self.fc = d()"], 3),
    "several lines": (["super().__init__()", "self.conv = c(", "    1,", ")", "self.fc = d()"], 4),
    "only a docstring and super": (['"""Doc."""', "super().__init__()"], 2),
    "pass": (["pass"], 1),
}


@pytest.mark.parametrize(("lines", "after"), PLACES.values(), ids=PLACES)
def test_place(lines: list[str], after: int) -> None:
    beside = "conv" if any("conv" in line for line in lines) else None
    expected = init(*lines[:after], NEW, *lines[after:]).replace("F.relu", "self.relu")
    assert add_relu(init(*lines), module(beside=beside)) == expected


def test_argument_is_defined_before() -> None:
    source = init("super().__init__()", "self.conv = c()", "slope = 1", "self.p = 2", "self.fc = d()")
    text = add_relu(source, module(beside="conv", args=("slope", "self.p")))
    assert "        self.p = 2\n        self.relu = nn.ReLU(slope, self.p)\n        self.fc" in text


def test_what_a_module_needs_may_stand_behind_a_return() -> None:
    source = init("super().__init__()", "if dim:", "    return", "self.p = 2", "self.fc = d()")
    assert add_relu(source, module(args=("self.p",))) == init(
        "super().__init__()", "if dim:", "    return", "self.p = 2", "self.relu = nn.ReLU(self.p)", "self.fc = d()"
    ).replace("F.relu", "self.relu")


def test_module_used_in_init_is_registered_before() -> None:
    source = init("super().__init__()", "self.seq = nn.Sequential(self.a, self.a)", "self.b = c()")
    text = repaired(source, [ReplaceCallee(at(source, "self.a", 1), module("a"))])
    assert "        self.a2 = nn.ReLU()\n        self.seq = nn.Sequential(self.a, self.a2)\n" in text


def test_several_beside_one_attribute_keep_the_order_of_use() -> None:
    source = init("super().__init__()", "self.conv = c()", "self.fc = d()").replace(
        "F.relu(x)", "F.relu(x) + F.relu(x)"
    )
    steps = [relu_step(source, module(beside="conv"), number) for number in (1, 0)]
    text = repaired(source, steps)
    assert "self.conv = c()\n        self.relu = nn.ReLU()\n        self.relu2 = nn.ReLU()\n        self.fc" in text
    assert "return self.relu(x) + self.relu2(x)\n" in text


@pytest.mark.parametrize("indent", ["\t", "  ", "   "])
def test_indentation_of_the_body_is_used(indent: str) -> None:
    source = init("super().__init__()", "self.fc = d()").replace("    ", indent)
    assert add_relu(source) == init("super().__init__()", "self.fc = d()", NEW).replace("F.relu", "self.relu").replace(
        "    ", indent
    )


MADE = {
    "plain": (
        "class Net(nn.Module):\n    def forward(self, x):\n        return F.relu(x)",
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.relu = nn.ReLU()\n\n"
        "    def forward(self, x):\n        return self.relu(x)",
    ),
    "other base, docstring, attribute, comment, decorator": (
        'class Net(Base):\n    """Doc."""\n\n    a = 1\n\n    # About forward.\n    @d\n    def forward(self, x):\n'
        "        return F.relu(x)\n",
        'class Net(Base):\n    """Doc."""\n\n    a = 1\n\n    def __init__(self, *args, **kwargs):\n'
        "        super().__init__(*args, **kwargs)\n        self.relu = nn.ReLU()\n\n    # About forward.\n    @d\n"
        "    def forward(self, x):\n        return self.relu(x)\n",
    ),
    "mixin": (
        "class Net(M, nn.Module):\n  def forward(self, x): return F.relu(x)\n",
        "class Net(M, nn.Module):\n  def __init__(self, *args, **kwargs):\n      super().__init__(*args, **kwargs)\n"
        "      self.relu = nn.ReLU()\n\n  def forward(self, x): return self.relu(x)\n".replace("      ", "    "),
    ),
    "no blank lines between methods, CRLF": (
        "class Net(nn.Module):\r\n\tdef forward(self, x):\r\n\t\treturn F.relu(x)\r\n\tdef f(self):\r\n\t\tpass\r\n",
        "class Net(nn.Module):\r\n\tdef __init__(self):\r\n\t\tsuper().__init__()\r\n\t\tself.relu = nn.ReLU()\r\n"
        "\tdef forward(self, x):\r\n\t\treturn self.relu(x)\r\n\tdef f(self):\r\n\t\tpass\r\n",
    ),
    "dataclass": (
        "@dataclass(eq=False)\nclass Net(nn.Module):\n    a: int\n" + FORWARD,
        "@dataclass(eq=False)\nclass Net(nn.Module):\n    a: int\n\n    def __post_init__(self):\n"
        "        super().__init__()\n        self.relu = nn.ReLU()\n" + FORWARD.replace("F.", "self."),
    ),
    "dataclass with its hook": (
        "@dataclasses.dataclass\nclass Net(nn.Module):\n    def __post_init__(self):\n        super().__init__()\n"
        + FORWARD,
        "@dataclasses.dataclass\nclass Net(nn.Module):\n    def __post_init__(self):\n        super().__init__()\n"
        "        self.relu = nn.ReLU()\n" + FORWARD.replace("F.", "self."),
    ),
    "dataclass without a made init": (
        "@dataclass(init=False)\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        + FORWARD,
        "@dataclass(init=False)\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.relu = nn.ReLU()\n" + FORWARD.replace("F.", "self."),
    ),
    "attrs": (
        "@attr.s\nclass Net(nn.Module):\n    a = attr.ib()\n" + FORWARD,
        "@attr.s\nclass Net(nn.Module):\n    a = attr.ib()\n\n    def __attrs_post_init__(self):\n"
        "        super().__init__()\n        self.relu = nn.ReLU()\n" + FORWARD.replace("F.", "self."),
    ),
    "attrs that calls the base first": (
        "@define\nclass Net(nn.Module):\n    def __attrs_pre_init__(self):\n        super().__init__()\n" + FORWARD,
        "@define\nclass Net(nn.Module):\n    def __attrs_post_init__(self):\n        self.relu = nn.ReLU()\n\n"
        "    def __attrs_pre_init__(self):\n        super().__init__()\n" + FORWARD.replace("F.", "self."),
    ),
    "one-line init": (
        "class Net(nn.Module):\n    def __init__(self): super().__init__()  # c\n" + FORWARD,
        "class Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()  # c\n        self.relu = nn.ReLU()\n" + FORWARD.replace("F.", "self."),
    ),
    "one-line init, two statements": (
        "class Net(nn.Module):\n    def __init__(self): super().__init__(); self.a = 1\n" + FORWARD,
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__(); self.a = 1\n"
        "        self.relu = nn.ReLU()\n" + FORWARD.replace("F.", "self."),
    ),
    "overloads": (
        "class Net(nn.Module):\n    @overload\n    def __init__(self): ...\n    def __init__(self):\n"
        "        super().__init__()\n" + FORWARD,
        "class Net(nn.Module):\n    @overload\n    def __init__(self): ...\n    def __init__(self):\n"
        "        super().__init__()\n        self.relu = nn.ReLU()\n" + FORWARD.replace("F.", "self."),
    ),
    "nothing behind init": (
        "class Net(nn.Module):\n    def forward(self, x):\n        return F.relu(x)\n    def __init__(self):\n"
        "        super().__init__()",
        "class Net(nn.Module):\n    def forward(self, x):\n        return self.relu(x)\n    def __init__(self):\n"
        "        super().__init__()\n        self.relu = nn.ReLU()",
    ),
}


@pytest.mark.parametrize(("source", "expected"), MADE.values(), ids=MADE)
def test_constructor(source: str, expected: str) -> None:
    assert add_relu(source) == expected


@pytest.mark.parametrize(
    ("lines", "new", "name"),
    [
        ([], module(), "relu"),
        (["self.relu = c()"], module(), "relu2"),
        (["self.relu = c()", "self.relu2 = c()"], module(), "relu3"),
        (["y = self.relu"], module(), "relu2"),
        (["self.add_module('relu', c())"], module(), "relu2"),
        (["setattr(self, 'relu', c())"], module(), "relu2"),
        (["init(nonlinearity='relu')"], module(), "relu"),
        (["for i in range(9):", "    setattr(self, f'relu{i}', c())", "self.relu = 1"], module(), "relu100"),
        (["self.add_module('relu%d' % i, c())", "self.relu = 1"], module(), "relu100"),
        (["self.add_module('relu' + str(i), c())", "self.relu = 1"], module(), "relu100"),
        (["setattr(self, f'relu{i}_a', c())", "self.relu = 1"], module(), "relu2"),
        ([], module(taken=frozenset({"relu", "relu2"})), "relu3"),
        ([], module("forward"), "forward2"),
    ],
)
def test_first_free_name(lines: list[str], new: NewModule, name: str) -> None:
    text = add_relu(init("super().__init__()", *lines), new)
    assert f"self.{name} = nn.ReLU()\n" in text
    assert f"return self.{name}(x)\n" in text


def test_shared_module_is_one_attribute() -> None:
    source = init("super().__init__()").replace("F.relu(x)", "F.relu(x) if x else F.relu(x)")
    steps = [relu_step(source, module(share="branches"), number) for number in (0, 1)]
    text = repaired(source, steps)
    assert text.count("nn.ReLU()") == 1
    assert "return self.relu(x) if x else self.relu(x)\n" in text


def test_nested_class() -> None:
    source = (
        "class Outer(nn.Module):\n    class Inner(nn.Module):\n"
        "        def forward(self, x):\n            return F.relu(x)\n\n"
        "    def __init__(self):\n        super().__init__()\n"
    )
    text = add_relu(source, module(owner="Outer.Inner"))
    assert text == source.replace(
        "        def forward",
        "        def __init__(self):\n            super().__init__()\n"
        "            self.relu = nn.ReLU()\n\n        def forward",
    ).replace("F.relu", "self.relu")


def test_class_within_a_function() -> None:
    source = (
        "def make(nn2):\n    class Net(nn.Module):\n        def forward(self, x):\n"
        "            return F.relu(x)\n    return Net\n"
    )
    assert "            self.relu = nn.ReLU()\n" in add_relu(source, module(owner="make.Net"))


def test_copy_over_several_lines_stands_in_the_same_branch() -> None:
    source = (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        if a:\n            self.c = C(\n"
        "                1,  # one\n            )\n\n    def forward(self, x):\n        return self.c(self.c(x))\n"
    )
    copy = module("c", "", copy_of=at(source, "C(\n                1,  # one\n            )"), beside="c")
    text = repaired(source, [ReplaceCallee(at(source, "self.c", 2), copy)])
    # The copy stands where the first is made: nothing else need be defined elsewhere.
    assert (
        "            )\n            self.c2 = C(\n                1,  # one\n            )\n\n    def forward" in text
    )


SPELLINGS = {
    "nn": ({"nn": "torch.nn", "torch": "torch"}, "torch.nn.ReLU", "nn.ReLU", []),
    "the class itself": ({"nn": "torch.nn", "ReLU": "torch.nn.ReLU"}, "torch.nn.ReLU", "ReLU", []),
    "torch": ({"torch": "torch"}, "torch.nn.ReLU", "torch.nn.ReLU", []),
    "alias": ({"tnn": "torch.nn"}, "torch.nn.ReLU", "tnn.ReLU", []),
    "nothing": ({}, "torch.nn.ReLU", "nn.ReLU", ["from torch import nn"]),
    "name taken": ({"nn": "mine.nn"}, "torch.nn.ReLU", "torch_nn.ReLU", ["from torch import nn as torch_nn"]),
    "AIMET": ({}, CUSTOM + ".Add", "Add", [f"from {CUSTOM} import Add"]),
    "AIMET, module bound": ({"c": CUSTOM}, CUSTOM + ".Add", "c.Add", []),
    "AIMET, package bound": ({"aimet_torch": "aimet_torch"}, CUSTOM + ".Add", "Add", [f"from {CUSTOM} import Add"]),
    "AIMET, name taken": ({"Add": "mine.Add"}, CUSTOM + ".Add", "AimetAdd", [f"from {CUSTOM} import Add as AimetAdd"]),
}


@pytest.mark.parametrize(("bindings", "cls", "spelling", "lines"), SPELLINGS.values(), ids=SPELLINGS)
def test_spelling(bindings: dict[str, str], cls: str, spelling: str, lines: list[str]) -> None:
    source = init("super().__init__()")
    result = run(source, relu_step(source, module(cls=cls)), imports=Imports(bindings, frozenset(bindings)))
    assert f"self.relu = {spelling}()\n" in result.text
    assert [str(line) for line in result.imports] == lines


def test_parameter_that_hides_a_module_is_respected() -> None:
    source = init("super().__init__()").replace("dim=3", "nn")
    assert "self.relu = torch.nn.ReLU()\n" in add_relu(source)


def test_statements_are_inserted_around() -> None:
    source = "# About Net.\nclass Net(nn.Module):\n    pass\n"
    before = InsertStatements(
        "@{0}.implements(Net)\nclass Q({0}):\n    pass", ("aimet_torch.v2.nn.QuantizationMixin",), False
    )
    after = InsertStatements("QM.ignore(Net)")
    result = run(source, before, after)
    assert result.ahead == "@QuantizationMixin.implements(Net)\nclass Q(QuantizationMixin):\n    pass\n\n\n"
    assert result.text == source + "\n\nQM.ignore(Net)\n"
    assert [str(line) for line in result.imports] == ["from aimet_torch.v2.nn import QuantizationMixin"]


def test_a_long_class_takes_little_time() -> None:
    lines = "".join(f"        x = F.relu(self.c{n}(x + {n}))\n" for n in range(285))
    source = (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n\n"
        f"    def forward(self, x):\n{lines}"
    )
    steps = []
    for number in range(20):
        place = at(source, f"F.relu(self.c{number}(x + {number}))")
        inner = at(source, f"self.c{number}(x + {number})")
        steps.append(CallModule(place, module(), (inner,)))
    times = []
    for _ in range(5):
        start = time.process_time()
        assert rewrite(source, steps, TORCH).failed == ()
        times.append(time.process_time() - start)
    assert min(times) < 0.06


_LONG = ("kernel_size=self.kernel_size", "stride=self.stride", "padding=self.padding", "dilation=self.dilation")


def test_arguments_that_make_a_line_too_long_stand_on_lines_of_their_own() -> None:
    source = init("super().__init__()")
    text = add_relu(source, module(args=_LONG[:3]))
    assert "        self.relu = nn.ReLU(\n            " + ", ".join(_LONG[:3]) + "\n        )\n" in text
    text = add_relu(source, module(args=_LONG))
    assert (
        "        self.relu = nn.ReLU(\n" + "".join(f"            {each},\n" for each in _LONG) + "        )\n" in text
    )
    wide = init("super().__init__()", "x = 1  # " + "-" * 110)
    assert f"        self.relu = nn.ReLU({', '.join(_LONG[:3])})\n" in add_relu(wide, module(args=_LONG[:3]))
    assert "        self.relu = nn.ReLU(alpha=1)\n" in add_relu(source, module(args=("alpha=1",)))
