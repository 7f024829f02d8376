# ruff: noqa: E501  a table is read more easily with a case on a line
"""Uses of modules that look like one use after another and are not, beside those that are."""

from __future__ import annotations

import pytest

from .marked import expected, model, read

_LEVELS = """
self.ups = nn.ModuleList()
for _ in range(width):
    level = nn.ModuleDict()
    level["up"] = nn.Linear(4, 4)
    level["body"] = nn.Sequential(nn.Linear(4, 4))
    self.ups.append(level)
"""
_GRID = """
self.grid = nn.ModuleDict()
for i in range(width):
    for j in range(width):
        self.grid[f"x_{i}_{j}"] = nn.Linear(4, 4)
"""
_LAYERS = "self.k = width\nself.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(width)])"
_PAIRS = "self.pairs = nn.ModuleList()\nfor _ in range(width):\n    self.pairs.append(nn.Linear(4, 4))\n    self.pairs.append(nn.Conv2d(4, 4, 1))"
_BOTH = "self.early = width > 2\nself.a = nn.ReLU()\nself.fc = nn.Linear(4, 4)"
_METHODS = "    def pre(self, x):\n        return self.fc(self.a(x))\n\n    def post(self, x):\n        return self.a(self.fc(x))\n"

# name: (forward, init)
_CASES: dict[str, tuple[str, str]] = {
    "a list of one": ("for up in self.ups:\n    x = up(x)\nreturn x", "self.ups = nn.ModuleList([nn.ReLU()])"),
    "a list of one, or none": (
        "if self.ups is not None:\n    for up in self.ups:\n        x = up(x)\nreturn x",
        "if width > 2:\n    self.ups = nn.ModuleList([nn.ReLU()])\nelse:\n    self.ups = None",
    ),
    "one of two lists of one": (
        "for up in self.ups:\n    x = up(x)\nreturn x",
        "if width > 2:\n    self.ups = nn.ModuleList([nn.ReLU()])\nelse:\n    self.ups = nn.ModuleList([nn.GELU()])",
    ),
    "a list of one, twice": (
        "for up in self.ups:\n    x = up(x)\nfor up in self.ups:\n    x = up(x)  # 2 call\nreturn x",
        "self.ups = nn.ModuleList([nn.ReLU()])",
    ),
    "a one-round loop that is left": (
        "for up in self.ups:\n    x = up(x)\n    break\nreturn self.a(x + x)  # = Tensor.__add__",
        "self.ups = nn.ModuleList([nn.ReLU()])\nself.a = nn.ReLU()",
    ),
    "a loop that returns in its first round": ("for _ in range(3):\n    return self.a(x)\nreturn x", "self.a = nn.ReLU()"),
    "a loop that ends either way": (
        "while True:\n    x = self.a(x)\n    if self.n:\n        break\n    else:\n        return x\nreturn x",
        "self.a = nn.ReLU()\nself.n = width",
    ),
    "a loop that may go on": (
        "while True:\n    x = self.a(x)  # 2 loop\n    if self.n:\n        continue\n    break\nreturn x",
        "self.a = nn.ReLU()\nself.n = width",
    ),
    "halves of a list": (
        "for i in range(self.k):\n    x = self.layers[i](x)\nfor i in range(self.k, 6):\n    x = self.layers[i](x)\nreturn x",
        _LAYERS,
    ),
    "the same list twice": (
        "for i in range(self.k):\n    x = self.layers[i](x)\nfor i in range(self.k):\n    x = self.layers[i](x)  # 2 call\nreturn x",
        _LAYERS,
    ),
    "even and odd": (
        "for i in range(3):\n    x = self.layers[2 * i](x)\n    x = self.layers[2 * i + 1](x)\nreturn x", _LAYERS,
    ),
    "the same place of a round": (
        "for i in range(3):\n    x = self.layers[2 * i](x)\n    x = self.layers[2 * i](x)  # 2 call\nreturn x", _LAYERS,
    ),
    "a counter": ("n = 0\nfor _ in range(3):\n    x = self.layers[n](x)\n    n += 1\nreturn x", _LAYERS),
    "names that are put together": (
        "for i in range(3):\n    x = self.grid[f'x_0_{i}'](x)\n    x = self.grid[f'x_{i}_1'](x)\nreturn self.grid[f'x_0_{self.k}'](x)",
        _GRID + "self.k = width - 1",
    ),
    "parts of each level": ("for level in self.ups:\n    x = level['body'](level['up'](x))\nreturn x", _LEVELS),
    "a part of each level twice": (
        "for level in self.ups:\n    x = level['up'](x)\n    x = level['up'](x)  # 2 call\nreturn x", _LEVELS,
    ),
    "the first round of those that have something": (
        "for i, layer in enumerate(self.layers):\n    if i == 0 and self.k is not None:\n        x = self.a(x)\n    x = layer(x)\nreturn x",
        _LAYERS + "\nself.a = nn.ReLU()",
    ),
    "every second one, and those between": (
        "for one, other in zip(self.pairs[::2], self.pairs[1::2]):\n    x = other(one(x))\nreturn x", _PAIRS,
    ),
    "every second one, twice": (
        "for one, other in zip(self.pairs[::2], self.pairs[::2]):\n    x = other(one(x))  # 2 call\nreturn x", _PAIRS,
    ),
    "a name that is given again": (
        "return self.a(x)",
        "from torch.nn.utils import weight_norm\nself.a = nn.Linear(4, 4)\nif width > 2:\n    self.a = weight_norm(self.a)",
    ),
    "a name that is given again, and another": (
        "return self.a(x)", "self.a = nn.Linear(4, 4)\nself.a = self.a\nself.b = self.a  # 2 name",
    ),
    "one of two that is new": (
        "return self.b(x)", "self.a = nn.ReLU()\nself.b = self.a if width > 2 else nn.GELU()",
    ),
    "several names for each of two": (
        "return self.b(x)", "a = nn.ReLU() if width > 2 else nn.GELU()\nself.a = a\nself.b = a  # 2 name name",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _CASES)
def test_uses_of_one_module_and_of_several(name: str) -> None:
    files = {"m.py": model(*_CASES[name])}
    assert read(files) == expected(files)


def test_methods_of_which_one_runs() -> None:
    forward = "run = self.pre if self.early else self.post\nreturn run(x)"
    files = {"m.py": model(forward, _BOTH) + _METHODS}
    assert read(files) == expected(files)


def test_a_method_that_runs_after_one_of_two() -> None:
    forward = "run = self.pre if self.early else self.post\nreturn self.fc(run(x))  # 2 call"
    files = {"m.py": model(forward, _BOTH) + _METHODS}
    assert read(files) == expected(files)


def test_what_a_base_class_does_in_a_loop_is_no_use_of_a_module() -> None:
    forward = "return torch.cat([super().forward(part) for part in x.chunk(2)])  # = Tensor.chunk torch.cat"
    files = {"m.py": model(forward, base="nn.Conv2d")}
    assert read(files) == expected(files)


def test_what_a_container_does_in_a_loop_is() -> None:
    forward = "for _ in range(3):\n    x = super().forward(x)  # 2 loop\nreturn x"
    files = {"m.py": model(forward, base="nn.Sequential").replace("super().__init__()", "super().__init__(nn.ReLU())")}
    assert read(files) == expected(files)


def test_a_helper_that_runs_once_on_each_of_two_ways() -> None:
    source = model(
        "if self.n:\n    return checkpoint(self.part, x)\nreturn self.part(x)",
        "self.n = width",
        "from torch.utils.checkpoint import checkpoint",
    )
    source += "\n    def part(self, x):\n        return torch.relu(x)\n"
    assert _repeated(source) == [False]
    again = source.replace("return self.part(x)\n", "return self.part(self.part(x))\n", 1)
    assert _repeated(again) == [True]


def _repeated(source: str) -> list[bool]:
    from aimet_guidelines.reading.index import Index
    from aimet_guidelines.reading.project import Project
    from aimet_guidelines.reading.units import unit

    project = Project.empty("/p").updated({"/p/m.py": source})
    facts = project.files["/p/m.py"]
    statement = next(each for _, each in facts.source.statements if each.key.startswith("class Net"))
    return [each.repeated for each in unit(Index(project), facts, statement).operations]
