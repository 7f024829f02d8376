"""Repairs that other tests only read: their models run, compute the same, and change what their title says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check, repair_edits
from aimet_guidelines.rewriting import apply_edits

_HEAD = (
    "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n\n"
    "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.conv = nn.Conv2d(4, 4, 1)\n\n    def forward(self, x):\n"
)
_NORM = (
    "import torch.nn as nn\nimport torch.nn.functional as F\n\n\nclass Net(nn.LayerNorm):\n    def __init__(self):\n"
    "        super().__init__(6)\n        nn.init.uniform_(self.weight)\n\n    def forward(self, x):\n"
    "        return F.layer_norm(x.mT, self.normalized_shape, self.weight, self.bias, self.eps).mT\n"
)
_CONV = (
    "import torch.nn as nn\nimport torch.nn.functional as F\n\n\nclass Net(nn.Conv2d):\n    def __init__(self):\n"
    "        super().__init__(4, 4, 3, padding=1, groups=2)\n\n    def forward(self, x):\n"
    "        weight = self.weight - self.weight.mean()\n"
    "        return F.conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)\n"
)
_NO_BIAS = (
    "import torch.nn as nn\nimport torch.nn.functional as F\n\n\nclass Norm(nn.LayerNorm):\n    def forward(self, x):\n"
    "        return F.layer_norm(x.mT, self.normalized_shape, self.weight, self.bias, self.eps).mT\n\n\n"
    "class Net(Norm):\n    def __init__(self):\n        super().__init__(6)\n        nn.init.uniform_(self.weight)\n"
    "        self.eps = 0.1\n        self.bias = None\n"
)
_BATCH_NORM = (
    "import torch.nn as nn\nimport torch.nn.functional as F\n\n\nclass Net(nn.BatchNorm2d):\n    def __init__(self):\n"
    "        super().__init__(4)\n        nn.init.uniform_(self.weight)\n        self.act = nn.ReLU()\n\n"
    "    def forward(self, x):\n        mean, var = self.running_mean, self.running_var\n"
    "        return self.act(F.batch_norm(x - 0.5, mean, var, self.weight, self.bias, self.training, eps=self.eps))\n"
)
_BLOCK = (
    "import torch\nimport torch.nn as nn\n\n\nclass Net(nn.ModuleDict):\n    def __init__(self):\n"
    "        super().__init__()\n        for i in range(2):\n"
    "            self.add_module(f'layer{i}', nn.Conv2d(4 * (i + 1), 4, 1))\n\n    def forward(self, x):\n"
    "        features = [x]\n        for name, layer in self.items():\n"
    "            features.append(layer(torch.cat(features, 1)))\n        return torch.cat(features[1:], 1)\n"
)
_HELPER = (
    "import torch\nimport torch.nn as nn\n\n\ndef fuse(a, b):\n    return torch.cat([a, b], 1)\n\n\n"
    "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.conv = nn.Conv2d(4, 4, 1)\n\n    def forward(self, x):\n"
    "        return fuse(fuse(x, self.conv(x)), x)\n"
)

# source, rule, symbol, names that the state_dict gains.
_CASES: dict[str, tuple[str, str, str, set[str]]] = {
    "unbind": (
        _HEAD
        + "        y = self.conv(x).view(2, 4, 3, 2, 5)\n        q, k, v = y.unbind(2)\n        return q * k + v\n",
        "AIMET301",
        "Tensor.unbind",
        set(),
    ),
    "type_as": (
        _HEAD + "        return self.conv(x).type_as(x) * x.double().type_as(x)\n",
        "AIMET301",
        "Tensor.type_as",
        set(),
    ),
    "mT": (_HEAD + "        return self.conv(x).mT * (x + 1).mT\n", "AIMET301", "Tensor.mT", set()),
    "T": (_HEAD + "        return self.conv(x) * x[0, 0, 0, :1].T * x[0, 0, :1].T[0]\n", "AIMET301", "Tensor.T", set()),
    "stack": (_HEAD + "        return torch.stack([x, self.conv(x) - 1], -1)\n", "AIMET301", "torch.stack", set()),
    "stack of a list": (
        _HEAD + "        xs = [x, self.conv(x)]\n        return torch.stack(xs, dim=2)\n",
        "AIMET301",
        "torch.stack",
        set(),
    ),
    "einsum": (
        _HEAD + "        y = self.conv(x)\n        return torch.einsum('bcij,bckj->bcik', x, y + 1)\n",
        "AIMET301",
        "torch.einsum",
        set(),
    ),
    "einsum, no transposition": (
        _HEAD + "        return torch.einsum('b c i j, b c j k -> b c i k', x, self.conv(x).mT)\n",
        "AIMET301",
        "torch.einsum",
        set(),
    ),
    "weights of its own, a layer": (
        _NORM,
        "AIMET101",
        "torch.nn.functional.layer_norm",
        {"layer_norm.weight", "layer_norm.bias"},
    ),
    "weights of its own, set anew in a subclass": (
        _NO_BIAS,
        "AIMET101",
        "torch.nn.functional.layer_norm",
        {"layer_norm.weight"},
    ),
    "weights of its own, AIMET's module": (_CONV, "AIMET101", "torch.nn.functional.conv2d", set()),
    "weights of its own, beside other modules": (_BATCH_NORM, "AIMET101", "torch.nn.functional.batch_norm", set()),
    "attention": (
        _HEAD
        + "        y = self.conv(x)\n"
        + "        return F.scaled_dot_product_attention(y, x, x, dropout_p=0.0, scale=0.3)\n",
        "AIMET301",
        "torch.nn.functional.scaled_dot_product_attention",
        set(),
    ),
    "a container": (_BLOCK, "AIMET301", "torch.cat", set()),
    "a helper": (_HELPER, "AIMET301", "torch.cat", set()),
}


def _model(text: str) -> Any:
    names: dict[str, Any] = {"__name__": "model"}
    exec(compile(text, "model.py", "exec"), names)
    torch.manual_seed(0)
    return names["Net"]().eval()


@pytest.mark.parametrize(("source", "rule", "symbol", "gained"), _CASES.values(), ids=_CASES)
def test_a_repaired_model_computes_the_same(source: str, rule: str, symbol: str, gained: set[str]) -> None:
    project = Project.empty("/p").updated({"/p/model.py": source})
    config = Config(root="/p", select=(rule,), aimet_available=True)
    found = [each for each in check("/p/model.py", project, config).findings if each.symbol == symbol]
    finding = next(each for each in reversed(found) if each.repairs)
    edits = repair_edits("/p/model.py", project, config, finding, finding.repairs[0])
    text = apply_edits(source, edits["/p/model.py"])
    before, after = _model(source), _model(text)
    x = torch.rand(2, 4, 6, 5, generator=torch.Generator().manual_seed(1))
    if "may round differently" in finding.repairs[0].title:
        torch.testing.assert_close(before(x), after(x))
    else:
        assert torch.equal(before(x), after(x)), text
    assert set(after.state_dict()) - set(before.state_dict()) == gained, text
    for name, value in before.state_dict().items():
        assert torch.equal(value, after.state_dict()[name])
    for name in gained:
        assert name in finding.repairs[0].title
