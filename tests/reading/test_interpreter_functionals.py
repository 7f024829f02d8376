# ruff: noqa: E501  a table is read more easily with a case on a line
"""What the reader takes for a tensor operation: every form in which an engineer writes one."""

from __future__ import annotations

import pytest

from .marked import HEAD, expected, model, read

_RELU = "torch.nn.functional.relu"

# name: (forward, init, before the class)
_SPELLINGS: dict[str, tuple[str, str, str]] = {
    "F": ("return F.relu(x)  # = torch.nn.functional.relu", "", ""),
    "torch": ("return torch.relu(x)  # = torch.relu", "", ""),
    "method": ("return x.relu()  # = Tensor.relu", "", ""),
    "in-place functional": ("return F.relu_(x)  # = torch.nn.functional.relu_", "", ""),
    "in-place method": ("x.relu_()  # = Tensor.relu_\nreturn x", "", ""),
    "special": ("return torch.special.expit(x)  # = torch.special.expit", "", ""),
    "aten": ("return torch.ops.aten.relu(x)  # = torch.ops.aten.relu", "", ""),
    "aten overload": ("return torch.ops.aten.relu.default(x)  # = torch.ops.aten.relu", "", ""),
    "full path": ("return torch.nn.functional.relu(x)  # = torch.nn.functional.relu", "", ""),
    "import as": ("return fn.relu(x)  # = torch.nn.functional.relu", "", "import torch.nn.functional as fn"),
    "from import": ("return functional.relu(x)  # = torch.nn.functional.relu", "", "from torch.nn import functional"),
    "from import as": ("return r(x)  # = torch.nn.functional.relu", "", "from torch.nn.functional import relu as r"),
    "torch renamed": ("return th.relu(x)  # = torch.relu", "", "import torch as th"),
    "through nn": ("return nn.functional.relu(x)  # = torch.nn.functional.relu", "", ""),
    "import inside": ("import torch.nn.functional as f\nreturn f.relu(x)  # = torch.nn.functional.relu", "", ""),
    "from import inside": ("from torch import relu\nreturn relu(x)  # = torch.relu", "", ""),
    "import in try": ("return G.relu(x)  # = torch.nn.functional.relu", "", "try:\n    import torch.nn.functional as G\nexcept ImportError:\n    G = None"),
    "module alias": ("return act(x)  # = torch.nn.functional.relu", "", "act = F.relu"),
    "local alias": ("act = F.relu\nreturn act(x)  # = torch.nn.functional.relu", "", ""),
    "attribute": ("return self.act(x)  # = torch.nn.functional.relu", "self.act = F.relu", ""),
    "dict": ("return self.acts['relu'](x)  # = torch.nn.functional.relu", "self.acts = {'relu': F.relu}", ""),
    "module dict": ("return ACTS['relu'](x)  # = torch.nn.functional.relu", "", "ACTS = {'relu': F.relu}"),
    "list": ("return self.acts[0](x)  # = torch.nn.functional.relu", "self.acts = [F.relu]", ""),
    "lambda": ("return self.act(x)", "self.act = lambda v: F.relu(v)  # = torch.nn.functional.relu", ""),
    "local lambda": ("act = lambda v: F.relu(v)  # = torch.nn.functional.relu\nreturn act(x)", "", ""),
    "partial": ("return self.act(x)  # = torch.nn.functional.leaky_relu", "self.act = partial(F.leaky_relu, negative_slope=0.1)", "from functools import partial"),
    "functools.partial": ("return self.act(x)  # = torch.nn.functional.leaky_relu", "self.act = functools.partial(F.leaky_relu, negative_slope=0.1)", "import functools"),
    "default argument": ("return self.act(x)  # = torch.nn.functional.gelu", "self.act = activation()", "def activation(act=F.gelu):\n    return act"),
    "map": ("return tuple(map(F.relu, [x]))  # = torch.nn.functional.relu", "", ""),
    "comprehension": ("return [F.relu(v) for v in (x, x)]  # = torch.nn.functional.relu", "", ""),
    "generator": ("return sum(F.relu(v) for v in (x, x))  # = torch.nn.functional.relu builtins.sum", "", ""),
    "getattr": ("return getattr(F, 'relu')(x)  # = torch.nn.functional.relu", "", ""),
    "getattr in init": ("return self.act(x)  # = torch.nn.functional.relu", "self.act = getattr(F, 'relu')", ""),
    "checkpoint": ("return checkpoint(F.relu, x)  # = torch.nn.functional.relu", "", "from torch.utils.checkpoint import checkpoint"),
    "conditional expression": ("act = F.relu if self.flag else torch.tanh\nreturn act(x)  # = torch.nn.functional.relu torch.tanh", "self.flag = width > 4", ""),
    "nested calls": ("return F.relu(F.relu(x))  # = torch.nn.functional.relu torch.nn.functional.relu", "", ""),
    "chained methods": ("return x.relu().sigmoid()  # = Tensor.relu Tensor.sigmoid", "", ""),
    "keyword": ("return F.relu(input=x)  # = torch.nn.functional.relu", "", ""),
    "star": ("return F.relu(*[x])  # = torch.nn.functional.relu", "", ""),
    "own weights": ("return F.linear(x, self.w)  # = torch.nn.functional.linear", "self.w = nn.Parameter(torch.ones(2, 2))", ""),
    "walrus": ("if (y := F.relu(x)) is not None:  # = torch.nn.functional.relu\n    return y", "", ""),
    "f-string": ("name = f'{F.relu(x)}'  # = torch.nn.functional.relu\nreturn x", "", ""),
    "with": ("with torch.no_grad():\n    return F.relu(x)  # = torch.nn.functional.relu", "", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", _SPELLINGS)
def test_a_functional_is_seen_however_it_is_spelt(name: str) -> None:
    files = {"m.py": model(*_SPELLINGS[name])}
    assert read(files) == expected(files)


_HELPERS: dict[str, dict[str, str]] = {
    "module-level function": {
        "m.py": model("return act(x)", before="def act(x):\n    return F.relu(x)  # = torch.nn.functional.relu\n"),
    },
    "function below the class": {
        "m.py": model("return act(x)") + "\n\ndef act(x):\n    return F.relu(x)  # = torch.nn.functional.relu\n",
    },
    "class attribute": {
        "m.py": model("return self.act(x)  # = torch.nn.functional.relu") + "    act = staticmethod(F.relu)\n",
    },
    "class attribute that is a torch function": {
        "m.py": model("return self.act(x)  # = torch.sigmoid") + "    act = torch.sigmoid\n",
    },
    "function that nobody calls": {"m.py": model("return x", before="def act(x):\n    return F.relu(x)\n")},
    "function in another file": {
        "m.py": model("return act(x)", before="from ops import act"),
        "ops.py": f"{HEAD}\n\ndef act(x):\n    return F.relu(x)  # = torch.nn.functional.relu\n",
    },
    "function through a module": {
        "m.py": model("return ops.act(x)", before="import ops"),
        "ops.py": f"{HEAD}\n\ndef act(x):\n    return F.relu(x)  # = torch.nn.functional.relu\n",
    },
    "function through a package that passes it on": {
        "m.py": model("return act(x)", before="from package import act"),
        "package/__init__.py": "from .ops import *\n",
        "package/ops.py": f"{HEAD}\n\ndef act(x):\n    return F.relu(x)  # = torch.nn.functional.relu\n",
    },
    "method": {
        "m.py": model("return self.act(x)\n") + "    def act(self, x):\n        return F.relu(x)  # = torch.nn.functional.relu\n",
    },
    "static method": {
        "m.py": model("return self.act(x)\n")
        + "    @staticmethod\n    def act(x):\n        return F.relu(x)  # = torch.nn.functional.relu\n",
    },
    "method that nobody calls": {"m.py": model("return x") + "    def act(self, x):\n        return F.relu(x)\n"},
    "property": {
        "m.py": model("return self.scale\n")
        + "    @property\n    def scale(self):\n        return torch.relu(self.weight)  # = torch.relu\n"
    },
    "nested function": {
        "m.py": model("def act(y):\n    return F.relu(y)  # = torch.nn.functional.relu\nreturn act(x)"),
    },
    "inherited forward": {
        "m.py": model("return self.body(F.relu(x))  # = torch.nn.functional.relu")
        + "    def body(self, x):\n        return x\n\n\nclass More(Net):\n"
        "    def body(self, x):\n        return torch.tanh(x)  # = torch.tanh\n",
    },
    "base in another file": {
        "m.py": model("return super().forward(torch.tanh(x))  # = torch.tanh", before="from base import Base", base="Base"),
        "base.py": f"{HEAD}\n\nclass Base(nn.Module):\n    def forward(self, x):\n        return F.relu(x)  # = {_RELU}\n",
    },
    "super() with arguments": {
        "m.py": model("return super(Net, self).forward(x)", before=(
            f"class Base(nn.Module):\n    def forward(self, x):\n        return F.relu(x)  # = {_RELU}\n"), base="Base"),
    },
    "recursion": {
        "m.py": model("return act(x, 3)", before=(
            f"def act(x, n):\n    if n > 0:\n        return act(F.relu(x), n - 1)  # = {_RELU}\n    return x\n")),
    },
    "functions that call each other": {
        "m.py": model("return one(x)", before=(
            f"def one(x):\n    return two(F.relu(x))  # = {_RELU}\n\n\ndef two(x):\n    return one(x)\n")),
    },
    "class in a function": {
        "m.py": f"{HEAD}\n\ndef make():\n    class Net(nn.Module):\n        def forward(self, x):\n            return F.relu(x)  # = {_RELU}\n    return Net()\n",
    },
    "class in a class": {
        "m.py": f"{HEAD}\n\nclass Outer(nn.Module):\n    class Inner(nn.Module):\n        def forward(self, x):\n            return F.relu(x)  # = {_RELU}\n\n    def forward(self, x):\n        return x\n",
    },
    "constructor of a plain object that forward makes": {
        "m.py": model("return Volume(x, 2)(x)", before=(
            f"class Volume:\n    def __init__(self, x, n):\n        self.levels = [F.relu(x)] * n  # = {_RELU}\n        self.base = Volume.first(x)\n\n"
            "    @staticmethod\n    def first(x):\n        return torch.tanh(x)  # = torch.tanh\n\n    def __call__(self, x):\n        return x\n")),
    },
    "constructor of a plain object that the model keeps": {
        "m.py": model("return self.volume(x)", "self.volume = Volume(torch.ones(2))", (
            "class Volume:\n    def __init__(self, x):\n        self.base = torch.tanh(x)\n\n    def __call__(self, x):\n        return x\n")),
    },
    "default that somebody overrides through what forward passes on": {
        "m.py": model("return self.run(x, *args)", signature="x, *args")
        + f"    def run(self, x, flag=False):\n        if flag:\n            x = F.relu(x)  # = {_RELU}\n        return x\n"
        + "\n\nclass Outer(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.net = Net()\n\n"
        "    def forward(self, x):\n        return self.net(x, True)\n",
    },
    "constructor of a kind of tensor": {
        "m.py": model("return Noted(x, x)", before=(
            "class Noted(torch.Tensor):\n    @staticmethod\n    def __new__(cls, x, note):\n        return x\n\n"
            "    def __init__(self, x, note):\n        self.note = torch.tanh(note)\n")),
    },
    "functional handed to a submodule": {
        "m.py": model("return self.block(x)", "self.block = Block(F.relu)", (
            f"class Block(nn.Module):\n    def __init__(self, act=F.relu):\n        super().__init__()\n        self.act = act\n\n    def forward(self, x):\n        return self.act(x)  # = {_RELU}\n")),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", _HELPERS)
def test_operations_are_found_in_whatever_forward_reaches(name: str) -> None:
    assert read(_HELPERS[name]) == expected(_HELPERS[name])


_SILENT: dict[str, str] = {
    "no model": f"{HEAD}\n\nclass Net:\n    def forward(self, x):\n        return F.relu(x)\n",
    "unknown base": f"{HEAD}\nfrom somewhere import Base\n\n\nclass Net(Base):\n    def forward(self, x):\n        return F.relu(x)\n",
    "transforms as F": model("return F.resize(x, 2)", before="import torchvision.transforms.functional as F"),
    "transforms v2 as F": model("return F.pad(x, 2)", before="from torchvision.transforms.v2 import functional as F"),
    "only in init": model("return x", "self.w = F.relu(torch.ones(2))"),
    "not reached": model("return x") + "    def other(self, x):\n        return F.relu(x)\n",
    "after return": model("return x\nx = F.relu(x)"),
    "numpy": model("return numpy.tanh(3)", before="import numpy"),
    "training": model("if self.training:\n    x = F.relu(x)\nreturn x"),
    "not in eval": model("if not self.training:\n    return x\nreturn F.relu(x)"),
    "scripting": model("if torch.jit.is_scripting():\n    x = F.relu(x)\nreturn x"),
    "not tracing": model("if not torch.jit.is_tracing():\n    x = F.relu(x)\nreturn x"),
    "default nobody overrides": model("if flag:\n    x = F.relu(x)\nreturn x", signature="x, flag=False"),
    "default behind what forward passes on": model(
        "return self.run(x, *args, **kwargs)", signature="x, *args, **kwargs"
    )
    + "    def run(self, x, flag=False, *, other=None):\n        if flag or other:\n            x = F.relu(x)\n        return x\n",
    "None nobody overrides": model("if mask is not None:\n    x = x + mask\nreturn x", signature="x, mask=None"),
    "attribute known to be off": model("if self.flag:\n    x = F.relu(x)\nreturn x", "self.flag = False"),
    "isinstance of a number": model("if isinstance(self.n, str):\n    x = F.relu(x)\nreturn x", "self.n = 3"),
    "method of something called like a tensor's": model(
        "for m in reversed(self._modules.values()):\n    x = run(m.inverse, x)\nreturn x",
        before="def run(f, x):\n    return f(x)\n",
    ),
    "most likely value of a distribution": model(
        "p = Output(latent=self.n).latent\nreturn p.mode()", "self.n = width", "from somewhere import Output"
    ),
    "loop of no rounds": model("for _ in range(0):\n    x = F.relu(x)\nreturn x"),
}


@pytest.mark.parametrize("name", _SILENT)
def test_what_is_not_part_of_the_traced_model_is_no_operation(name: str) -> None:
    assert not read({"m.py": _SILENT[name]})


_BRANCHES: dict[str, str] = {
    "both branches": model("if self.flag:\n    x = F.relu(x)  # = torch.nn.functional.relu\nelse:\n    x = torch.tanh(x)  # = torch.tanh\nreturn x", "self.flag = width > 2"),
    "tracing": model("if torch.jit.is_tracing():\n    x = F.relu(x)  # = torch.nn.functional.relu\nreturn x"),
    "where nobody traces": model("if torch.jit.is_tracing():\n    x = F.relu(x)  # = torch.nn.functional.relu\nelse:\n    x = torch.tanh(x)\nreturn x"),
    "early return": model("if self.flag:\n    return F.relu(x)  # = torch.nn.functional.relu\nreturn torch.tanh(x)  # = torch.tanh", "self.flag = width > 2"),
    "flag a caller passes": model("return self.block(x, True)", "self.block = Block()", (
        "class Block(nn.Module):\n    def forward(self, x, flag=False):\n        if flag:\n            x = F.relu(x)  # = torch.nn.functional.relu\n        return x\n")),
    "isinstance of a tensor": model("if isinstance(x, torch.Tensor):\n    x = F.relu(x)  # = torch.nn.functional.relu\nreturn x"),
    "try": model("try:\n    x = F.relu(x)  # = torch.nn.functional.relu\nexcept ValueError:\n    x = torch.tanh(x)  # = torch.tanh\nelse:\n    x = torch.sin(x)  # = torch.sin\nfinally:\n    x = torch.cos(x)  # = torch.cos\nreturn x"),
    "match": model("match self.kind:\n    case 'a':\n        x = F.relu(x)  # = torch.nn.functional.relu\n    case _:\n        x = torch.tanh(x)  # = torch.tanh\nreturn x", "self.kind = str(width)"),
    "for and else": model("for _ in range(3):\n    x = F.relu(x)  # = torch.nn.functional.relu\nelse:\n    x = torch.tanh(x)  # = torch.tanh\nreturn x"),
    "while": model("while self.n > 0:\n    x = F.relu(x)  # = torch.nn.functional.relu\n    break\nreturn x", "self.n = width"),
}  # fmt: skip


@pytest.mark.parametrize("name", _BRANCHES)
def test_every_path_that_may_run_is_read(name: str) -> None:
    files = {"m.py": _BRANCHES[name]}
    assert read(files) == expected(files)


def test_a_function_that_fans_out_is_read_within_bounds() -> None:
    levels = [
        f"def f{n}(x):\n    x = f{n + 1}(x)\n    x = f{n + 1}(x)\n    return f{n + 1}(x)\n\n\n" for n in range(40)
    ]
    before = "".join(levels) + "def f40(x):\n    return x\n"
    assert not read({"m.py": model("return f0(x)", before=before)})


def test_a_deep_expression_is_read_or_left_alone() -> None:
    files = {"m.py": model("return " + "F.relu(" * 60 + "x" + ")" * 60)}
    assert sum(read(files).values()) == 60
