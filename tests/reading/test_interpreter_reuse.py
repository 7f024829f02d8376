# ruff: noqa: E501  a table is read more easily with a case on a line
"""When a module is used again, and when two calls are one use."""

from __future__ import annotations

import pytest

from .marked import HEAD, expected, model, read

_BLOCK = """
class Block(nn.Module):
    def __init__(self, act=None):
        super().__init__()
        self.act = act

    def forward(self, x):
        return x
"""

# name: (forward, init, before the class)
_REUSES: dict[str, tuple[str, str, str]] = {
    "two calls": ("x = self.a(x)\nreturn self.a(x)  # 2 call", "self.a = nn.ReLU()", ""),
    "three calls": ("x = self.a(x)\nx = self.a(x)  # 2 call\nreturn self.a(x)  # 2 call", "self.a = nn.ReLU()", ""),
    "nested": ("return self.a(self.a(x))  # 2 call", "self.a = nn.ReLU()", ""),
    "for loop": ("for _ in range(3):\n    x = self.a(x)  # 2 loop\nreturn x", "self.a = nn.ReLU()", ""),
    "while loop": ("while self.n:\n    x = self.a(x)  # 2 loop\nreturn x", "self.a = nn.ReLU()\nself.n = width", ""),
    "comprehension": ("return [self.a(v) for v in (x, x)]  # 2 loop", "self.a = nn.ReLU()", ""),
    "generator": ("return tuple(self.a(v) for v in (x, x))  # 2 loop", "self.a = nn.ReLU()", ""),
    "checkpoint": ("x = checkpoint(self.a, x)\nreturn checkpoint(self.a, x)  # 2 call", "self.a = nn.ReLU()", "from torch.utils.checkpoint import checkpoint"),
    "alias": ("x = self.a(x)\nreturn self.b(x)  # 2 call", "self.a = nn.ReLU()\nself.b = self.a  # 2 name", ""),
    "chained assignment": ("return self.b(self.a(x))  # 2 call", "self.a = self.b = nn.ReLU()", ""),
    "local alias": ("a = self.a\nx = a(x)\nreturn a(x)  # 2 call", "self.a = nn.ReLU()", ""),
    "sequential": ("return self.s(x)", "a = nn.ReLU()\nself.s = nn.Sequential(a, a)  # 2 container", ""),
    "module list": ("for m in self.s:\n    x = m(x)\nreturn x", "a = nn.ReLU()\nself.s = nn.ModuleList([a, a])  # 2 container", ""),
    "list multiplied": ("return self.s(x)", "self.s = nn.Sequential(*[nn.ReLU()] * 3)  # 2 container", ""),
    "several submodules": ("return self.c(self.b(x))", "a = nn.ReLU()\nself.b = Block(a)\nself.c = Block(a)  # 2 parents", _BLOCK),
    "index": ("x = self.s[0](x)\nreturn self.s[0](x)  # 2 call", "self.s = nn.ModuleList([nn.ReLU(), nn.ReLU()])", ""),
    "part of a list in a list": ("for m in self.s:\n    x = m[0](x)\n    x = m[0](x)  # 2 call\nreturn x", "self.s = nn.ModuleList()\nfor i in range(3):\n    self.s.append(nn.ModuleList([nn.ReLU(), nn.GELU()]))", ""),
    "negative index": ("x = self.s[1](x)\nreturn self.s[-1](x)  # 2 call", "self.s = nn.ModuleList([nn.ReLU(), nn.ReLU()])", ""),
    "key": ("x = self.s['a'](x)\nreturn self.s['a'](x)  # 2 call", "self.s = nn.ModuleDict({'a': nn.ReLU()})", ""),
    "setattr": ("x = self.a(x)\nreturn self.a(x)  # 2 call", "setattr(self, 'a', nn.ReLU())", ""),
    "add_module": ("x = self.a(x)\nreturn self.a(x)  # 2 call", "self.add_module('a', nn.ReLU())", ""),
    "getattr": ("x = getattr(self, 'a')(x)\nreturn self.a(x)  # 2 call", "self.a = nn.ReLU()", ""),
    "module-level instance": ("x = ACT(x)\nreturn ACT(x)  # 2 call", "", "ACT = nn.ReLU()"),
    "submodule": ("x = self.b(x)\nreturn self.b(x)  # 2 call", "self.b = Block()", _BLOCK),
    "container called twice": ("x = self.s(x)\nreturn self.s(x)  # 2 call", "self.s = nn.Sequential(nn.ReLU(), nn.ReLU())", ""),
    "container, then its element": ("x = self.s(x)\nreturn self.s[0](x)  # 2 call", "self.s = nn.Sequential(nn.ReLU(), nn.ReLU())", ""),
    "called by name": ("x = self.a.forward(x)\nreturn self.a(x)  # 2 call", "self.a = nn.ReLU()", ""),
    "after a branch": ("if self.n:\n    x = self.a(x)\nreturn self.a(x)  # 2 call", "self.a = nn.ReLU()\nself.n = width", ""),
    "map": ("return list(map(self.a, [x, x]))  # 2 loop", "self.a = nn.ReLU()", ""),
    "walrus": ("if (y := self.a(x)) is not None:\n    return self.a(y)  # 2 call\nreturn x", "self.a = nn.ReLU()", ""),
    "unpacked list of one instance": ("return self.b(self.a(x))  # 2 call", "act = nn.ReLU()\nself.a, self.b = [act for _ in range(2)]  # 2 name", ""),
    "an element of a list that a loop made, twice": ("return self.b(self.a(x))  # 2 call", "rows = [nn.ReLU() for _ in range(4)]\nself.a = rows[0]\nself.b = rows[0]  # 2 name", ""),
    "the same part of a list again and again": ("for i in range(2):\n    for a in self.s[: self.n]:\n        x = a(x)  # 2 loop\nreturn x", "self.n = width\nself.s = nn.ModuleList([nn.ReLU() for _ in range(4)])", ""),
    "from the round on": ("for n in range(4):\n    for i in range(n, 4):\n        x = self.s[i](x)  # 2 loop\nreturn x", "self.s = nn.ModuleList([nn.ReLU() for _ in range(4)])", ""),
    "from the same start in each round": ("n = 1\nfor end in self.ends:\n    for i in range(n, end):\n        x = self.s[i](x)  # 2 loop\nreturn x", "self.ends = width\nself.s = nn.ModuleList([nn.ReLU() for _ in range(4)])", ""),
    "loop over a list that grew": ("for m in self.s:\n    x = self.a(m(x))  # 2 loop\nreturn x", "self.a = nn.ReLU()\nself.s = nn.ModuleList()\nfor i in range(3):\n    self.s += [nn.ReLU()]", ""),
    "a list that grew by one module twice": ("return self.s(x)", "a = nn.ReLU()\nself.s = nn.Sequential(a)\nself.s += [a]  # 2 container", ""),
    "loop over another list": ("for m in self.s:\n    x = self.a(m(x))  # 2 loop\nreturn x", "self.a = nn.ReLU()\nself.s = nn.ModuleList([nn.ReLU() for _ in range(3)])", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", _REUSES)
def test_a_module_used_again(name: str) -> None:
    files = {"m.py": model(*_REUSES[name])}
    assert read(files) == expected(files)


_TWO_RUNS = "x = self.run(x)\nreturn self.run(x)\n"
_IN_METHODS: dict[str, dict[str, str]] = {
    "a helper that runs twice": {
        "m.py": model(_TWO_RUNS, "self.a = nn.ReLU()") + "    def run(self, x):\n        return self.a(x)  # 2 helper\n",
    },
    "a helper and a call": {
        "m.py": model("x = self.run(x)\nreturn self.a(x)  # 2 call\n", "self.a = nn.ReLU()")
        + "    def run(self, x):\n        return self.a(x)\n",
    },
    "a function that runs twice": {
        "m.py": model("x = run(self.a, x)\nreturn run(self.a, x)", "self.a = nn.ReLU()", (
            "def run(module, x):\n    return module(x)  # 2 helper\n")),
    },
    "inherited attribute": {
        "m.py": model("return self.a(super().forward(x))  # 2 call", before=(
            "class Base(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.a = nn.ReLU()\n\n"
            "    def forward(self, x):\n        return self.a(x)\n"), base="Base"),
    },
    "inherited from another file": {
        "m.py": model("x = self.a(x)\nreturn self.a(x)  # 2 call", before="from base import Base", base="Base"),
        "base.py": f"{HEAD}\n\nclass Base(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.a = nn.ReLU()\n",
    },
    "class attribute": {
        "m.py": f"{HEAD}\n\nclass Net(nn.Module):\n    a = nn.ReLU()\n\n    def forward(self, x):\n        x = self.a(x)\n        return self.a(x)  # 2 call\n",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", _IN_METHODS)
def test_a_module_used_again_across_methods(name: str) -> None:
    assert read(_IN_METHODS[name]) == expected(_IN_METHODS[name])


_SINGLE: dict[str, tuple[str, str, str]] = {
    "if and else": ("if self.n:\n    return self.a(x)\nelse:\n    return self.a(x)", "self.a = nn.ReLU()\nself.n = width", ""),
    "if and else that go on": ("if self.n:\n    x = self.a(x)\nelse:\n    x = self.a(-x)  # = Tensor.__neg__\nreturn x", "self.a = nn.ReLU()\nself.n = width", ""),
    "elif": ("if self.n == 1:\n    x = self.a(x)\nelif self.n == 2:\n    x = self.a(x)\nreturn x", "self.a = nn.ReLU()\nself.n = width", ""),
    "early return": ("if self.n:\n    return self.a(x)\nreturn self.a(x)", "self.a = nn.ReLU()\nself.n = width", ""),
    "conditional expression": ("return self.a(x) if self.n else self.a(x)", "self.a = nn.ReLU()\nself.n = width", ""),
    "try and except": ("try:\n    return self.a(x)\nexcept ValueError:\n    return self.a(x)", "self.a = nn.ReLU()", ""),
    "match": ("match self.n:\n    case 1:\n        x = self.a(x)\n    case _:\n        x = self.a(x)\nreturn x", "self.a = nn.ReLU()\nself.n = width", ""),
    "one round": ("for _ in range(1):\n    x = self.a(x)\nreturn x", "self.a = nn.ReLU()", ""),
    "training branch": ("if self.training:\n    x = self.a(x)\nreturn self.a(x)", "self.a = nn.ReLU()", ""),
    "each of a list": ("for m in self.s:\n    x = m(x)\nreturn x", "self.s = nn.ModuleList([nn.ReLU() for _ in range(3)])", ""),
    "enumerate": ("for i, m in enumerate(self.s):\n    x = m(x)\nreturn x", "self.s = nn.ModuleList([nn.ReLU() for _ in range(3)])", ""),
    "zip": ("for m, n in zip(self.s, self.t):\n    x = n(m(x))\nreturn x", "self.s = nn.ModuleList(nn.ReLU() for _ in range(3))\nself.t = nn.ModuleList(nn.ReLU() for _ in range(3))", ""),
    "by index in a loop": ("for i in range(3):\n    x = self.s[i](x)\nreturn x", "self.s = nn.ModuleList([nn.ReLU() for _ in range(3)])", ""),
    "values of a dict": ("for m in self.s.values():\n    x = m(x)\nreturn x", "self.s = nn.ModuleDict({'a': nn.ReLU(), 'b': nn.ReLU()})", ""),
    "slices": ("for m in self.s[:1]:\n    x = m(x)\nfor m in self.s[1:]:\n    x = m(x)\nreturn x", "self.s = nn.ModuleList([nn.ReLU(), nn.ReLU()])", ""),
    "parts of the lists in a list": ("for m in self.s:\n    x = m[1](m[0](x))\nreturn x", "self.s = nn.ModuleList()\nfor i in range(3):\n    self.s.append(nn.ModuleList([nn.ReLU(), nn.GELU()]))", ""),
    "the one part of the lists in a list": ("for m in self.s:\n    for n in m:\n        x = n(x)\nreturn x", "self.s = nn.ModuleList()\nfor i in range(3):\n    self.s.append(nn.ModuleList([nn.ReLU()]))", ""),
    "different elements": ("return self.s[1](self.s[0](x))", "self.s = nn.ModuleList([nn.ReLU(), nn.ReLU()])", ""),
    "getattr in a loop": ("for i in range(3):\n    x = getattr(self, f'layer{i}')(x)\nreturn x", "for i in range(3):\n    setattr(self, f'layer{i}', nn.ReLU())", ""),
    "two instances": ("return self.b(self.a(x))", "self.a = nn.ReLU()\nself.b = nn.ReLU()", ""),
    "overwritten": ("return self.a(x)", "self.a = nn.ReLU()\nself.a = nn.GELU()", ""),
    "one or the other": ("return self.a(x)", "if width:\n    self.a = nn.ReLU()\nelse:\n    self.a = nn.GELU()", ""),
    "two submodules of a class": ("return self.c(self.b(x))", "self.b = Block()\nself.c = Block()", _BLOCK),
    "deepcopy": ("return self.b(self.a(x))", "self.a = nn.ReLU()\nself.b = copy.deepcopy(self.a)", "import copy"),
    "by index in a range that each round of a loop moves on": ("for i in range(3):\n    for j in range(*self.spans[i]):\n        x = self.s[j](x)\nreturn x", "self.s = nn.ModuleList([nn.ReLU() for _ in range(width)])\nself.spans = spans(width)", "from spans import spans"),
    "by index from where each round of a loop starts": ("for i in range(3):\n    for j in range(self.starts[i], 9):\n        x = self.s[j](x)\nreturn x", "self.s = nn.ModuleList([nn.ReLU() for _ in range(width)])\nself.starts = spans(width)", "from spans import spans"),
    "deepcopy of a container": ("for m in self.s:\n    x = m(x)\nfor m in self.t:\n    x = m(x)\nreturn x", "self.s = nn.ModuleList(nn.Sequential(nn.ReLU()) for _ in range(3))\nself.t = copy.deepcopy(self.s)", "import copy"),
    "deepcopy of one by one": ("return self.t[0](self.s[0](x))", "self.s = nn.Sequential(nn.ReLU())\nself.t = copy.deepcopy(self.s)", "import copy"),
    "deepcopy of a dict": ("return self.t['a'](self.s['a'](x))", "self.s = nn.ModuleDict({'a': nn.ReLU()})\nself.t = copy.deepcopy(self.s)", "import copy"),
    "first round only": ("for i in range(3):\n    if i == 0:\n        x = self.a(x)\nreturn x", "self.a = nn.ReLU()", ""),
    "deepcopy of one of two": ("return self.b(self.a(x))", "if width:\n    self.a = nn.ReLU()\nelse:\n    self.a = nn.GELU()\nself.b = deepcopy(self.a)", "from copy import deepcopy"),
    "deepcopy of a list": ("return self.b(self.a(x))", "rows = [nn.ReLU(), nn.ReLU()]\nself.a = nn.Sequential(*rows)\nself.b = nn.Sequential(*deepcopy(rows))", "from copy import deepcopy"),
    "unpacked comprehension": ("return self.b(self.a(x))", "self.a, self.b = [nn.ReLU() for _ in range(2)]", ""),
    "unpacked comprehension, with a rest": ("return self.b(self.a(x))", "self.a, *more = [nn.ReLU() for _ in range(3)]\nself.b = nn.Sequential(*more)", ""),
    "unpacked map": ("return self.s[0](x)", "a, b = map(lambda n: nn.Linear(n, n), (3, 4))\nself.s = nn.ModuleList([a, b])", ""),
    "unpacked result of a function": ("return self.b(self.a(x))", "self.a, self.b = pair()", "def pair():\n    return [nn.ReLU() for _ in range(2)]"),
    "unpacked list of modules": ("a, b = self.s\nreturn b(a(x))", "self.s = nn.ModuleList([nn.ReLU(), nn.ReLU()])", ""),
    "elements of a list that a loop made": ("return self.s(self.b(self.a(x)))", "rows = [nn.ReLU() for _ in range(4)]\nself.a = rows[0]\nself.b = rows[1]\nself.s = nn.Sequential(rows[2], rows[3])", ""),
    "each of a list that a loop made": ("return self.s(x)", "rows = [nn.ReLU() for _ in range(4)]\nself.s = nn.Sequential()\nfor i in range(4):\n    self.s.append(rows[i])", ""),
    "part after part of a list": ("for i in range(2):\n    for a, b in self.s[i * self.n : (i + 1) * self.n]:\n        x = b(a(x))\nreturn x", "self.n = width\nself.s = nn.ModuleList([nn.ModuleList([nn.ReLU(), nn.ReLU()]) for _ in range(4)])", ""),
    "from where the last round stopped": ("n = 0\nfor end in self.ends:\n    for i in range(n, end):\n        x = self.s[i](x)\n    n = end\nreturn x", "self.ends = width\nself.s = nn.ModuleList([nn.ReLU() for _ in range(4)])", ""),
    "each of a list that grew": ("for m in self.s:\n    x = m(x)\nfor m in self.t:\n    x = m(x)\nreturn x", "self.s = nn.ModuleList()\nself.t = nn.ModuleList()\nfor i in range(3):\n    self.s += [nn.ReLU()]\n    self.t += [nn.GELU()]", ""),
    "class handed on": ("return self.c(self.b(x))", "act = nn.ReLU\nself.b = act()\nself.c = act()", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", _SINGLE)
def test_a_module_used_once(name: str) -> None:
    files = {"m.py": model(*_SINGLE[name])}
    assert read(files) == expected(files)
