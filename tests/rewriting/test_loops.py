"""A use in a loop over a ModuleList gets a ModuleList of its own."""

from __future__ import annotations

import textwrap

import pytest
from aimet_guidelines.finding import CallModule, ReplaceCallee

from .marking import at, module, repaired, run

HEAD = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = make()
        self.fc = d()

    def forward(self, x):
"""
EACH = module("relu", each_of="layers")

LOOPS = {
    "plain": ("for layer in self.layers:", "for layer, relu in zip(self.layers, self.relu):"),
    "enumerate": (
        "for i, layer in enumerate(self.layers):",
        "for i, (layer, relu) in enumerate(zip(self.layers, self.relu)):",
    ),
    "enumerate with a start": (
        "for i, layer in enumerate(self.layers, 1):",
        "for i, (layer, relu) in enumerate(zip(self.layers, self.relu), 1):",
    ),
    "zip": (
        "for layer, norm in zip(self.layers, self.norms):",
        "for layer, norm, relu in zip(self.layers, self.norms, self.relu):",
    ),
    "zip in parentheses": (
        "for (layer, norm) in zip(self.layers, self.norms, strict=True):",
        "for (layer, norm, relu) in zip(self.layers, self.norms, self.relu, strict=True):",
    ),
    "enumerate of zip": (
        "for i, (layer, norm) in enumerate(zip(self.layers, self.norms)):",
        "for i, (layer, norm, relu) in enumerate(zip(self.layers, self.norms, self.relu)):",
    ),
    "unpacked elements": (
        "for layer, norm in self.layers:",
        "for (layer, norm), relu in zip(self.layers, self.relu):",
    ),
    "name in use": ("for relu in self.layers:", "for relu, relu2 in zip(self.layers, self.relu):"),
}


def net(body: str) -> str:
    return HEAD + textwrap.indent(body, " " * 8)


@pytest.mark.parametrize(("head", "expected"), LOOPS.values(), ids=LOOPS)
def test_loop_walks_both(head: str, expected: str) -> None:
    source = net(f"{head}  # walk\n    x = F.relu(g(x))\nreturn x\n")
    text = repaired(source, [CallModule(at(source, "F.relu(g(x))"), EACH, (at(source, "g(x)"),))])
    variable = "relu2" if "relu2" in expected else "relu"
    assert text.endswith(f"        {expected}  # walk\n            x = {variable}(g(x))\n        return x\n")
    made = "        self.layers = make()\n        self.relu = nn.ModuleList([nn.ReLU() for _ in self.layers])\n"
    assert made in text


def test_two_uses_in_one_loop() -> None:
    source = net("for layer in self.layers:\n    x = self.act(self.act(x))\n")
    new = module("acts", each_of="layers")
    steps = [ReplaceCallee(at(source, "self.act", number), new) for number in (0, 1)]
    text = repaired(source, steps)
    assert text.endswith(
        "for layer, act, acts2 in zip(self.layers, self.acts, self.acts2):\n            x = act(acts2(x))\n"
    )


def test_shared_module_is_walked_once() -> None:
    source = net("for layer in self.layers:\n    x = self.act(x) if x else self.act(y)\n")
    new = module("acts", each_of="layers", share="branches")
    text = repaired(source, [ReplaceCallee(at(source, "self.act", number), new) for number in (0, 1)])
    assert text.endswith("for layer, act in zip(self.layers, self.acts):\n            x = act(x) if x else act(y)\n")


@pytest.mark.parametrize(
    "body",
    [
        "for layer in reversed(self.layers):\n    x = F.relu(g(x))\n",
        "for i in range(3):\n    x = F.relu(g(x))\n",
        "for layer in self.layers:\n    pass\nelse:\n    x = F.relu(g(x))\n",
        "x = [F.relu(g(x)) for layer in self.layers]\n",
        "for layer in self.layers:\n    f = lambda x: F.relu(g(x))\n",
        "for pair in enumerate(self.layers):\n    x = F.relu(g(x))\n",
        "for pair in zip(self.layers, y):\n    x = F.relu(g(x))\n",
        "x = F.relu(g(x))\n",
    ],
)
def test_other_loops_are_refused(body: str) -> None:
    source = net(body)
    result = run(source, CallModule(at(source, "F.relu(g(x))"), EACH, (at(source, "g(x)"),)))
    assert result.text == source
    assert result.imports == ()
    assert [index for index, reason in result.failed if "self.layers" in reason] == [0]
