"""Rules of AIMET's page for cross-layer equalization (202, 203, 204): severity by version, ranges, helpers."""

from __future__ import annotations

import pytest
from aimet_guidelines.config import AimetVersion
from aimet_guidelines.finding import Severity

from .checking import findings, underlined

_HELPER = """\
from torch import nn


def up(c):
    return nn.Sequential(nn.ConvTranspose2d(c, c, 2), nn.Upsample(None, 2, "bilinear", True))


def unused(c):
    return nn.ConvTranspose2d(c, c, 2)
"""
_NET = """\
from torch import nn

from model import up


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = up(3)

    def forward(self, x):
        return self.up(x).view(-1, 12)
"""


@pytest.mark.parametrize("code", ["AIMET202", "AIMET203", "AIMET204"])
@pytest.mark.parametrize(
    ("version", "severity"),
    [("1.x", Severity.WARNING), ("unknown", Severity.WARNING), ("2.x", Severity.INFORMATION)],
)
def test_only_a_project_known_to_use_aimet_2_gets_information(
    code: str, version: AimetVersion, severity: Severity
) -> None:
    source = _HELPER + _NET.partition("from model import up\n")[2]
    found = findings(code, source, version)
    assert [finding.severity for finding in found] == [severity]
    assert "1.x" in found[0].message


def test_what_a_helper_makes_for_a_model_of_another_file_is_reported_in_the_helper() -> None:
    found = findings("AIMET2", _HELPER, net=_NET)
    assert underlined(_HELPER, found) == ["nn.ConvTranspose2d", "True"]


def test_what_no_model_makes_is_not_reported() -> None:
    assert findings("AIMET2", _HELPER) == []


def test_the_shape_is_underlined() -> None:
    source = (
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n"
        "        a = x.view(-1, 12)\n        b = torch.reshape(x, (-1, 12))\n        return a, b\n"
    )
    assert underlined(source, findings("AIMET202", source)) == ["-1, 12", "(-1, 12)"]


def test_the_argument_is_underlined() -> None:
    source = (
        "from torch import nn\nimport torch.nn.functional as F\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n"
        "        return F.interpolate(x, size=4, mode='bilinear', align_corners=True)\n"
    )
    assert underlined(source, findings("AIMET203", source)) == ["align_corners=True"]
