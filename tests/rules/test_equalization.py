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


_MERGING = {
    "z = x.permute(0, 2, 3, 1).contiguous()\n        x = z.view(-1, self.dim)": False,
    "z = x.permute((0, 2, 3, 1))\n        x = z.reshape(-1, self.dim)": False,
    "z = torch.movedim(x, 1, -1).detach()\n        x = z.reshape(-1, 64)": False,
    "z = rearrange(x, 'b c h w -> b h w c').contiguous()\n        x = z.view(-1, self.dim)": False,
    "z = x.flatten()\n        x = z.view(-1, self.dim)": False,
    "x = torch.cdist(x.view(-1, self.dim), y.view(-1))": False,
    # The last dimension stays, or several are counted: each sample may well fill one row.
    "z = x.permute(0, 2, 1, 3).contiguous()\n        x = z.view(-1, self.dim)": True,
    "z = rearrange(x, 'b c h w -> b c (h w)')\n        x = z.view(-1, self.dim)": True,
    "z = rearrange(x, 'b c h w -> b h (w c)').contiguous()\n        x = z.view(-1, self.dim)": True,
    "z = x.permute(0, 2, 3, 1).contiguous()\n        x = z.view(-1, 7 * 7 * self.dim)": True,
    "x = F.softmax(x.view(-1, self.dim), 1)": True,
}


@pytest.mark.parametrize("body", _MERGING)
def test_no_repair_where_the_view_merges_the_leading_dimensions_on_purpose(body: str) -> None:
    source = (
        "import torch\nimport torch.nn.functional as F\nfrom einops import rearrange\nfrom torch import nn\n\n\n"
        "class Net(nn.Module):\n    def __init__(self, dim):\n        super().__init__()\n        self.dim = dim\n"
        "        self.conv = nn.Conv2d(3, dim, 3)\n\n    def forward(self, x, y):\n        x = self.conv(x)\n"
        f"        {body}\n        return x\n"
    )
    (found,) = findings("AIMET202", source)
    assert bool(found.repairs) is _MERGING[body]
    assert ("on purpose" in found.message) is not _MERGING[body]
