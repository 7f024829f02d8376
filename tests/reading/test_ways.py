# ruff: noqa: E501  a table is read more easily with a case on a line
"""Uses on ways that exclude each other, since a question is answered once, beside those that one run makes."""

from __future__ import annotations

import pytest

from .marked import expected, model, read

_INIT = (
    "self.a = nn.LayerNorm(4)\nself.pre = width > 2\nself.kind = 'x' if width > 2 else 'y'\nself.fc = nn.Linear(4, 4)"
)

_PART = "\n    def part(self, x):\n        return self.a(x)\n"

_CASES = {
    "a setting and its opposite": "if self.pre:\n    x = self.a(x)\nx = self.fc(x)\nif not self.pre:\n    x = self.a(x)\nreturn x",
    "equal and unequal": "if self.kind == 'x':\n    x = self.a(x)\nif self.kind != 'x':\n    x = self.a(x)\nreturn x",
    "two values of one setting": "if self.kind == 'x':\n    x = self.a(x)\nif self.kind == 'y':\n    x = self.a(x)\nreturn x",
    "below and not below": "if n < 3:\n    x = self.a(x)\nif n >= 3:\n    x = self.a(x)\nreturn x",
    "one of several conditions": "if self.pre and len(self.kind) > 3:\n    x = self.a(x)\nif not self.pre:\n    x = self.a(x)\nreturn x",
    "all of several conditions": "if self.pre and n:\n    x = self.a(x)\nif not (self.pre and n):\n    x = self.a(x)\nreturn x",
    "neither of two": "if not (self.pre or n):\n    x = self.a(x)\nif n:\n    x = self.a(x)\nreturn x",
    "none and given": "if n is None:\n    x = self.a(x)\nif n:\n    x = self.a(x)\nreturn x",
    "in one expression each": "x = self.a(x) if self.pre else x\nx = self.fc(x)\nx = x if self.pre else self.a(x)\nreturn x",
    "behind an early return": "if self.pre:\n    return self.fc(self.a(x))\nx = self.fc(x)\nif not self.pre:\n    x = self.a(x)\nreturn x",
    "an argument and its opposite": "if n:\n    x = self.a(x)\nif not n:\n    x = self.a(x)\nreturn x",
    "a third use": "if self.pre:\n    x = self.a(x)\nif not self.pre:\n    x = self.a(x)\nreturn self.a(x)  # 2 call",
    "one of two that exclude each other": "if self.pre:\n    x = self.a(x)\nelse:\n    x = self.a(x)\nif not self.pre:\n    x = self.a(x)  # 2 call\nreturn x",
    "the same setting twice": "if self.pre:\n    x = self.a(x)\nif self.pre:\n    x = self.a(x)  # 2 call\nreturn x",
    "another setting": "if self.pre:\n    x = self.a(x)\nif self.kind:\n    x = self.a(x)  # 2 call\nreturn x",
    "a setting that changes": "if self.pre:\n    x = self.a(x)\nself.pre = n\nif not self.pre:\n    x = self.a(x)  # 2 call\nreturn x",
    "a name that changes": "if n:\n    x = self.a(x)\nn = not n\nif not n:\n    x = self.a(x)  # 2 call\nreturn x",
    "rounds that answer differently": "for i in range(4):\n    if i % 2 == 0:\n        x = self.a(x)  # 2 loop\n    if i % 2 != 0:\n        x = self.a(x)  # 2 loop\nreturn x",
    "the first round and the others": "for i in range(4):\n    if i == 0:\n        x = self.a(x)\n    else:\n        x = self.a(x)  # 2 loop\nreturn x",
    "what a call may change": "if n.pop():\n    x = self.a(x)\nif not n.pop():\n    x = self.a(x)  # 2 call\nreturn x",
    "tests that hold together": "assert (n is None) == self.pre\nassert (n is not None) == (self.kind is not None)\nif self.kind is None:\n    x = self.a(x)\nif n is not None:\n    x = self.a(x)\nreturn x",
    "tests of which one holds": "if not (n is None) ^ (self.kind is None):\n    raise ValueError\nif n is not None:\n    x = self.a(x)\nif self.kind is not None:\n    x = self.a(x)\nreturn x",
    "tests that hold together, told later": "if n is not None:\n    assert bool(n) != isinstance(self.kind, str)\n    assert (n is None) is (self.kind == 'x')\n    x = self.a(x)\nelif self.kind == 'x':\n    x = self.a(x)\nif self.kind == 'x':\n    x = self.a(x)  # 2 call\nreturn x",
    "neither of two tests that hold together": "assert bool(n) == isinstance(self.kind, str)\nif n:\n    x = self.a(x)\nif not isinstance(self.kind, str):\n    x = self.a(x)\nreturn x",
    "tests that hold together, of a name that changes": "assert (n is None) == (self.kind is None)\nif self.kind is None:\n    x = self.a(x)\nn = width\nif n is not None:\n    x = self.a(x)  # 2 call\nreturn x",
    "equal settings": "assert self.pre == self.kind\nif self.pre:\n    x = self.a(x)\nif not self.kind:\n    x = self.a(x)  # 2 call\nreturn x",
    "a helper of each": "if self.pre:\n    return self.part(self.fc(x))\nreturn self.fc(self.part(x))",
    "a helper and its opposite": "if self.pre:\n    x = self.part(x)\nx = self.fc(x)\nif not self.pre:\n    x = self.part(x)\nreturn x",
    "chunks where they are asked for": "if n > 0:\n    return torch.cat([self.a(p) for p in x.chunk(n)])  # = Tensor.chunk torch.cat\nreturn self.a(x)",
    "chunks of what is too large": "if x.size(0) > 8:\n    return torch.cat([self.part(p) for p in x.chunk(n)])  # = Tensor.chunk torch.cat\nreturn self.part(x)",
    "chunks always": "return torch.cat([self.a(p) for p in x.chunk(2)])  # 2 loop # = Tensor.chunk torch.cat",
    "chunks behind a single use": "x = self.a(x)\nif n > 0:\n    x = torch.cat([self.a(p) for p in x.chunk(n)])  # 2 loop # = Tensor.chunk torch.cat\nreturn x",
}  # fmt: skip


@pytest.mark.parametrize("name", _CASES)
def test_ways_that_exclude_each_other(name: str) -> None:
    source = model(_CASES[name], _INIT, signature="x, n")
    files = {"m.py": source + _PART if "self.part" in source else source}
    assert read(files) == expected(files)


def test_another_call_of_a_helper_is_asked_anew() -> None:
    source = model("x = self.part(x, n)\nreturn self.part(x, not n)", _INIT, signature="x, n")
    source += (
        "\n    def part(self, x, pre):\n        if pre:\n            x = self.a(x)  # 2 helper\n        return x\n"
    )
    files = {"m.py": source}
    assert read(files) == expected(files)


@pytest.mark.parametrize("size", ["self.size", "n"])
def test_a_method_that_a_function_runs_on_chunks_or_on_all(size: str) -> None:
    before = "def apply(function, size, x):\n    if size > 0:\n        return torch.cat(tuple(function(p) for p in x.chunk(size)))  # = torch.cat Tensor.chunk\n    return function(x)\n"
    source = model(f"return apply(self.part, {size}, x)", _INIT + "\nself.size = width", before, "x, n") + _PART
    files = {"m.py": source}
    assert read(files) == expected(files)


def test_tests_that_hold_together_in_a_helper_that_a_loop_runs() -> None:
    helper = (
        "\n    def part(self, x, n):\n        assert (n is None) == (self.kind is None)\n        if n is not None:\n"
        "            x = self.a(x){}\n        return x\n"
    )
    body = "if self.kind is{} None:\n    x = self.a(x)\nfor _ in range(self.rounds):\n    x = self.part(x, n)\nreturn x"
    for negated, mark in (("", ""), (" not", "  # 2 call")):
        source = model(body.format(negated), _INIT + "\nself.rounds = rounds", signature="x, n")
        source = source.replace("width=8", "width=8, rounds=1")
        files = {"m.py": source + helper.format(mark)}
        assert read(files) == expected(files)


_NORM = """
    def norm(self, x, before=False, after=False):
        assert before ^ after
        if after ^ self.pre:
            return self.a(x){mark}
        return x
"""


@pytest.mark.parametrize(("second", "mark"), [("after=True", ""), ("before=True", "  # 2 helper")])
def test_a_setting_or_its_opposite_as_the_call_says(second: str, mark: str) -> None:
    forward = f"x = self.norm(x, before=True)\nreturn self.norm(self.fc(x), {second})"
    files = {"m.py": model(forward, _INIT) + _NORM.format(mark=mark)}
    assert read(files) == expected(files)
