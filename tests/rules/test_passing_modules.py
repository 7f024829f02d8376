"""AIMET101: modules that `forward` makes anew and calls."""

from __future__ import annotations

import pytest
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check, fix_all
from aimet_guidelines.finding import Finding, Safety

from .checking import PATH

_NET = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.rows = nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])
        self.slope = 0.1{init}

    def forward(self, x):
{forward}
"""
_CONFIG = Config(root="/project", select=("AIMET101",))


def _net(forward: str, init: str = "") -> str:
    made = f"\n        {init}" if init else ""
    return _NET.format(init=made, forward="\n".join(f"        {line}" for line in forward.split("\n")))


def _check(source: str) -> list[Finding]:
    return check(PATH, Project.empty("/project").updated({PATH: source}), _CONFIG).findings


def _fixed(source: str, safely: bool = True) -> str:
    project = Project.empty("/project").updated({PATH: source})
    return fix_all(PATH, project, _CONFIG, lambda _, repair: not safely or repair.safety is Safety.SAFE).text


@pytest.mark.parametrize(
    ("forward", "repaired", "init"),
    [
        (
            "return nn.LeakyReLU(0.2)(self.fc(x))",
            "return self.leaky_relu(self.fc(x))",
            "self.leaky_relu = nn.LeakyReLU(0.2)",
        ),
        (
            "return nn.LeakyReLU(negative_slope=self.slope)(x)",
            "return self.leaky_relu(x)",
            "self.leaky_relu = nn.LeakyReLU(negative_slope=self.slope)",
        ),
        (
            "for row in self.rows:\n    x = nn.ReLU()(row(x))\nreturn x",
            "for row, relu in zip(self.rows, self.relu):\n    x = relu(row(x))\nreturn x",
            "self.relu = nn.ModuleList([nn.ReLU() for _ in self.rows])",
        ),
    ],
)
def test_a_module_made_in_forward_is_made_by_the_constructor(forward: str, repaired: str, init: str) -> None:
    (finding,) = _check(_net(forward))
    assert "is made while `forward` runs: AIMET gives it no quantizer of its own" in finding.message
    assert finding.symbol.startswith("torch.nn.functional.")
    text = _fixed(_net(forward))
    assert "\n".join(f"        {line}" for line in repaired.split("\n")) in text and init in text
    assert not _check(text)


@pytest.mark.parametrize(
    ("forward", "reason"),
    [
        ("return nn.Linear(4, 4)(x)", "kept in `__init__` it would keep its weights"),
        ("act = nn.ReLU()\nreturn act(x)", "it is not called where it is made"),
        ("return nn.Upsample(size=x.shape[2:])(x)", "its arguments are only known at run time"),
        ("while self.slope:\n    x = nn.ReLU()(x)\nreturn x", "it runs several times"),
    ],
)
def test_why_it_is_not_moved(forward: str, reason: str) -> None:
    (finding,) = _check(_net(forward))
    assert not finding.repairs and f"No repair is offered: {reason}" in finding.message


def test_what_drops_in_evaluation_too_is_not_moved_safely() -> None:
    source = _net("return nn.Dropout(0.2)(x)")
    assert _fixed(source) == source
    assert "self.dropout = nn.Dropout(0.2)" in _fixed(source, safely=False)
    (finding,) = _check(source)
    assert "made anew it drops in evaluation too" in finding.repairs[0].title


@pytest.mark.parametrize(
    ("forward", "init"),
    [
        ("if self.pool is None:\n    self.pool = nn.ReLU()\nreturn self.pool(x)", "self.pool = None"),
        (
            "if x.ndim not in self.made:\n    self.made[x.ndim] = nn.ReLU()\nreturn self.made[x.ndim](x)",
            "self.made = {}",
        ),
        ("return nn.MSELoss()(x, self.fc(x))", ""),
        ("return self.act(x)", "self.act = nn.ReLU()"),
        ("return ACT(x)", ""),
    ],
)
def test_modules_that_are_kept_and_losses_are_not_reported(forward: str, init: str) -> None:
    assert not _check(_net(forward, init) + "\n\nACT = nn.ReLU()\n")
