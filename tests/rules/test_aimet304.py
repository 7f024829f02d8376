"""AIMET304: when an augmented assignment may be written out, and where the finding stands."""

from __future__ import annotations

import pytest
from aimet_guidelines.finding import Safety

from .checking import findings, underlined

_NET = """\
import torch
from torch import nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.conv2 = nn.Conv2d(3, 3, 3)
        self.drop = nn.Dropout()
        self.relu = nn.ReLU(inplace=True)
        self.gamma = nn.Parameter(torch.ones(1))
        self.kept = None

    def forward(self, x):
        y = self.conv(x)
        {}
        return y
"""


def _safety(code: str) -> list[Safety]:
    (found,) = [f for f in findings("AIMET304", _NET.format(code)) if f.symbol.startswith("Tensor.__i")]
    return [repair.safety for repair in found.repairs]


@pytest.mark.parametrize(
    "code",
    [
        "y += self.conv2(x)",
        "y = self.relu(y)\n        y -= self.conv2(x)",
        "z = self.conv2(y)\n        y = y.mean(1) + z\n        y += z",
        "if y.shape[0] > 1:\n            y = y * 2\n        y *= 0.5",
        "z = y + 1\n        y += z",
    ],
)
def test_safe_where_the_tensor_is_new_and_nobody_else_holds_it(code: str) -> None:
    assert _safety(code) == [Safety.SAFE]


@pytest.mark.parametrize(
    "code",
    [
        "y += x",
        "y *= self.gamma",
        "z = torch.cat((self.gamma, self.gamma))\n        y += z",
        "y += self.conv2(x).float()",
        "y += torch.ones(1)",
        "y += self.conv2(x) * self.gamma",
    ],
)
def test_unsafe_where_the_other_side_may_have_another_data_type(code: str) -> None:
    assert _safety(code) == [Safety.UNSAFE]


@pytest.mark.parametrize(
    "code",
    [
        "z = self.drop(y)\n        y += 1\n        y = y + z",
        "z = self.relu(y)\n        z += 1\n        y = y + z",
        "z = F.dropout(y)\n        z += 1\n        y = y + z",
        "z = y.view(-1)\n        z += 1\n        y = y * 2",
        "z = y.transpose(1, 2)\n        y += 1\n        y = y + z",
        "a, b = y.chunk(2)\n        a += 1\n        y = y + b",
        "self.kept = y\n        y += 1",
        "outs = [y]\n        y += 1\n        y = torch.cat(outs)",
        "outs = {'y': y}\n        y += 1\n        y = outs['y']",
        "def late():\n            return y\n        z = y\n        z += 1\n        y = late()",
        "z = self.gamma\n        z += 1",
        "y += y.transpose(1, 2)",
        "z = y if y.shape[0] > 1 else x\n        z += 1\n        y = z",
        "for _ in range(2):\n            z = y\n            y += 1\n            y = y + z",
    ],
)
def test_no_repair_where_something_else_may_hold_the_tensor(code: str) -> None:
    assert _safety(code) == []


def test_it_stands_on_what_changes_the_tensor() -> None:
    source = _NET.format(
        "y  +=  1\n        y[0] = 2\n        y.add_(1)\n        torch.add(y, 1, out=y)\n        y[1] *= 2"
    )
    places = underlined(source, findings("AIMET304", source))
    assert places == ["+=", "y[0]", "add_(1)", "add(y, 1, out=y)", "*="]


def test_filling_a_tensor_that_was_just_made_is_fine() -> None:
    assert findings("AIMET304", _NET.format("y = y * torch.empty(1).fill_(2)")) == []
