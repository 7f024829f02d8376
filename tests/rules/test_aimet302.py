"""AIMET302: which uses of a number read out of a tensor matter, and where the finding stands."""

from __future__ import annotations

import pytest

from .checking import findings, underlined

_NET = """\
import math

import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, n=3):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.layers = nn.ModuleList([nn.ReLU() for _ in range(n)])
        self.register_buffer("steps", torch.zeros(1))
        self.mask = torch.ones(8, dtype=torch.bool)
        self.mask[2] = False
        self.strides = np.prod([[2, 2], [2, 1]], axis=0)
        self.step = n.step if n else torch.tensor([8, 16])
        self.scale = n.scale

    def forward(self, x, lengths: torch.Tensor, mask=None, n=None):
        y = self.conv(x)
        {}
        return y
"""


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("if self.conv.weight.sum() > 0:\n            y = -y", "if self.conv.weight.sum() > 0"),
        ("self.steps += 1\n        if self.steps > 3:\n            y = -y", "if self.steps > 3"),
        ("if self.steps[0] > 3:\n            y = -y\n        self.steps[0].add_(1)", "if self.steps[0] > 3"),
        ("if self.steps > 3:\n            y = -y\n        self.steps = self.steps + 1", "if self.steps > 3"),
        ("if self.scale.max() > 3:\n            y = -y\n        self.scale = y.mean()", "if self.scale.max() > 3"),
        ("y = y[:, : int(lengths.max() * self.scale.max())]", "int(lengths.max() * self.scale.max())"),
        ("y = y[self.steps > 0]\n        self.steps.copy_(y.mean())", "[self.steps > 0]"),
        ("n = len(y)\n        for _ in range(n):\n            y = y.view(n, -1)", "len(y)"),
        ("if y.min() > 0 or y.max() < 1:\n            y = -y", "if y.min() > 0 or y.max() < 1"),
        ("if math.isnan(y.sum().item()):\n            y = -y", "if math.isnan(y.sum().item())"),
        ("elements = [y for t in (y, x) if t.sum() > 0]", "t in (y, x) if t.sum() > 0"),
        ("both = y.sum() > 0 and y.mean() < 3", "y.sum() > 0 and y.mean() < 3"),
        ("y = max(y.sum(), 0) * y", "max(y.sum(), 0)"),
        ("y = y.view(int(lengths[0]), -1)", "int(lengths[0])"),
        ("_, out = self.layers[0](y)\n        if out.logits - 1 > 3:\n            y = -y", "if out.logits - 1 > 3"),
        ("n = (y > 0).sum().item()\n        y = torch.zeros(n + 1, 3)", "item()"),
        ("for n in lengths.tolist():\n            y = y * n", "tolist()"),
        ("y = y[torch.isnan(y)]", "[torch.isnan(y)]"),
        ("y = y[..., (y > 0) & (y < 1)]", "[..., (y > 0) & (y < 1)]"),
        ("keep = torch.arange(9) < lengths[:, None]\n        y = y[keep]", "[keep]"),
        ("keep = torch.zeros(9, dtype=torch.bool)\n        keep[lengths] = True\n        y = y[keep]", "[keep]"),
        ("keep = torch.zeros(9) > 1\n        keep[:4] |= y[0, :4] > 0\n        y = y[keep]", "[keep]"),
        (
            "strides = torch.from_numpy(np.asarray(lengths))\n        if strides[1]:\n            y = -y",
            "if strides[1]",
        ),
        (
            "n = lengths.sum()\n        rows = torch.triu_indices(4, 4)\n        y = y[..., rows[0, :n] > 1]",
            "[..., rows[0, :n] > 1]",
        ),
        ("keep = torch.rand(9) > 0.5\n        y = y[:, keep]", "[:, keep]"),
        ("keep = torch.empty(9).uniform_() > 0.5\n        y = y[:, keep]", "[:, keep]"),
        ("keep = torch.zeros(int(n)) if n else y\n        y = y[keep > 0]", "[keep > 0]"),
        (
            "done = torch.zeros(9)\n        for t in y:\n            if done.all():\n                break\n"
            "            done[t.argmax()] = 1",
            "if done.all()",
        ),
    ],
)
def test_reported(code: str, place: str) -> None:
    source = _NET.format(code)
    assert underlined(source, findings("AIMET302", source)) == [place]


@pytest.mark.parametrize(
    "code",
    [
        "if len(self.layers) > 2 and self.layers:\n            y = self.layers[0](y)",
        "n = int(max(y.shape[-2:]) ** 0.5)\n        y = y[:n].view(n, -1)",
        "if y.dtype == torch.float16 or y.is_cuda or y.device.type == 'cuda':\n            y = y.float()",
        "y = y if mask is None else y * mask",
        "if y.shape != lengths.shape or torch.jit.is_tracing():\n            y = -y",
        "print(y.mean().item())",
        "pad = max(y.size(2) - 3, y.size(3)) - max(t.size(1) for t in (x, y))\n        if pad > 0:\n            y = -y",
        "y[y > 0] = 1",
        "for i in range(int(self.scale.max())):\n            y = y * i",
        "y = y[:, : int(torch.max(self.scale)) * int(self.step.max())]",
        "if self.steps:\n            y = -y",
        "y = y[:, self.mask] * self.steps.item()",
        "for keep in self.mask:\n            if keep:\n                y = -y",
        "if len(y) > 1 and len(mask):\n            y = -y",
        "for i in range(0, len(y), 2):\n            y = y * i",
        "y = torch.where(y > 0, y, -y)",
        "y = y[lengths.long()]",
        "keep = torch.arange(y.size(1), device=y.device) > 2\n        y = y[:, keep]",
        "keep = torch.ones_like(y[0], dtype=torch.bool).tril()\n        keep[0] = False\n        y = y[:, keep]",
        "strides = torch.from_numpy(self.strides)\n        if y.size(2) % int(strides[1]):\n            y = -y",
        "rows = torch.triu_indices(n, n)\n        y = y[..., torch.eq(rows[0, :], rows[1, : y.size(1)])]",
        "rows, columns = torch.ones(4, 4).triu().nonzero(as_tuple=True)",
        "steps = torch.linspace(0, 1, n)\n        if steps[0] == 0 and int(steps.sum()) > 3:\n            y = -y",
        "keep = torch.zeros(4) if n else torch.ones(4)\n        y = y[keep > 0]",
        "n = min(n, y.size(1)) if n is not None else max(y.size(1) - 1, 0)\n        y = y[:, :n]",
        "_, cache = self.layers[0](y)\n        y = y[:, : min(cache.cache_length - 1, 8)]",
        "out = self.layers[0](y)\n        if out.num_tokens + 1 > 3:\n            y = -y",
    ],
)
def test_not_reported(code: str) -> None:
    assert findings("AIMET302", _NET.format(code)) == []


def test_functions_that_torch_compiles_keep_their_branches() -> None:
    source = (
        "import torch\nfrom torch import nn\n\n\n@torch.jit.script\ndef flip(x):\n    if x.sum() > 0:\n"
        "        return -x\n    return x\n\n\nclass Net(nn.Module):\n"
        "    def forward(self, x):\n        return flip(x)\n"
    )
    assert findings("AIMET302", source) == []
    assert findings("AIMET302", source.replace("@torch.jit.script\n", ""))


def test_losses_beside_a_model_are_not_read() -> None:
    source = (
        "from torch import nn\n\n\nclass Head(nn.Module):\n    def compute_loss(self, x):\n"
        "        return x[x > 0].sum()\n\n    def forward(self, x):\n        return x * 2\n\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.head = Head()\n\n"
        "    def forward(self, x):\n        if self.training:\n            return self.head.compute_loss(x)\n"
        "        return self.head(x)\n"
    )
    assert findings("AIMET302", source) == []


def test_len_of_what_a_helper_is_given_is_no_safe_repair() -> None:
    source = (
        "import torch\nfrom torch import nn\n\n\ndef anchors(feats, own: torch.Tensor):\n"
        "    own = own.view(len(feats), -1)\n"
        "    own = own + own.view(len(own), -1)\n    return own\n\n\n"
        "class Net(nn.Module):\n    def forward(self, x: torch.Tensor):\n        return anchors(x, x)\n"
    )
    safety = {each.span.line: each.repairs[0].safety.value for each in findings("AIMET302", source)}
    assert safety == {5: "unsafe", 6: "safe"}


def test_what_forward_passes_a_method_says_more_than_what_strangers_might() -> None:
    source = (
        "import math\n\nfrom torch import nn\n\n\nclass Pad(nn.Module):\n    def width(self, size):\n"
        "        h, w = size\n        return max((math.ceil(h / 4) - 1) * 4 - h, 0), w\n\n"
        "    def forward(self, x):\n        h, w = self.width(x.size()[-2:])\n        return x[:, :h]\n\n\n"
        "class Net(nn.Module):\n    def __init__(self, size):\n        super().__init__()\n"
        "        self.pad = Pad()\n        self.width = self.pad.width(size)\n\n"
        "    def forward(self, x):\n        return self.pad(x)\n"
    )
    assert findings("AIMET302", source) == []
    assert findings("AIMET301", source) == []


def test_sizes_read_out_of_a_tensor_decide_what_is_made_of_them() -> None:
    source = _NET.format("for n, m in lengths.tolist():\n            y = y[torch.arange(n) > 1]")
    assert underlined(source, findings("AIMET302", source)) == ["tolist()", "[torch.arange(n) > 1]"]


def test_what_a_helper_is_said_to_take_says_more_than_a_guess() -> None:
    source = (
        "from typing import Sequence\n\nfrom torch import Tensor, nn\n\n\n"
        "def as_map(x: Tensor, size: {}) -> Tensor:\n    h, w = size\n    assert x.size(1) == h * w\n"
        "    return x.transpose(1, 2).reshape(x.size(0), -1, h, w)\n\n\n"
        "class Net(nn.Module):\n    def __init__(self, embed):\n        super().__init__()\n"
        "        self.embed = embed\n\n    def forward(self, x):\n        x, size = self.embed(x)\n"
        "        return as_map(x, size)\n"
    )
    assert findings("AIMET302", source.format("Sequence[int]")) == []
    assert underlined(source, findings("AIMET302", source.format("Tensor"))) == ["assert x.size(1) == h * w"]


def test_what_is_said_to_be_an_array_is_one_whatever_was_passed() -> None:
    source = (
        "import numpy as np\nfrom torch import Tensor, nn\n\n\n"
        "def score(x: {0}) -> int:\n    y: {1} = x + x\n    if y.max() > 0:\n        return 1\n    return 2\n\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(4, 4)\n\n    def forward(self, x):\n        x = self.fc(x)\n"
        "        return x * score(x.sum(1))\n"
    )
    for parameter, local, count in (
        ("Tensor", "Tensor", 1),
        ("np.ndarray", "object", 0),
        ("np.ndarray[int]", "object", 0),
        ("Tensor", "np.ndarray", 0),
    ):
        assert len(findings("AIMET302", source.format(parameter, local))) == count, (parameter, local)
