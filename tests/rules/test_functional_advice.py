"""AIMET101: the module that the message names is the one that takes the function's place."""

from __future__ import annotations

import pytest

from .checking import findings

_NET = (
    "import torch.nn as nn\nimport torch.nn.functional as F\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
    "        super().__init__()\n        self.fc = nn.Conv2d(4, 4, 1)\n\n    def forward(self, x):\n"
    "        h, w = x.shape[-2:]\n        return {}\n"
)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("F.pad(self.fc(x), (1, 1, 1, 1))", "Define `nn.ZeroPad2d` in `__init__` and call that."),
        ("F.pad(self.fc(x), (1, 1), 'replicate')", "Define `nn.ReplicationPad1d` in `__init__` and call that."),
        (
            "F.pad(self.fc(x), (0, h % 2), mode='reflect')",
            "`nn.ReflectionPad1d` cannot take its place, since the padding is only known at run time; "
            "AIMET's `Pad` can.",
        ),
        (
            "F.pad(self.fc(x), [h] * 4)",
            "An `nn.ZeroPad` module cannot take its place, since the padding is only known at run time; "
            "AIMET's `Pad` can.",
        ),
        (
            "F.interpolate(self.fc(x), size=(h, w))",
            "`nn.Upsample` cannot take its place, since `size` is only known at run time; AIMET's `Interpolate` can.",
        ),
        ("F.relu(self.fc(x))", "Define `nn.ReLU` in `__init__` and call that."),
    ],
)
def test_the_module_to_define(call: str, sentence: str) -> None:
    (found,) = findings("AIMET101", _NET.format(call))
    assert found.message.endswith(f". {sentence}")


def test_a_list_of_factors_becomes_the_tuple_that_the_module_takes() -> None:
    (found,) = findings("AIMET101", _NET.format("F.interpolate(self.fc(x), scale_factor=[2, h // h], mode='area')"))
    assert not found.repairs or "scale_factor=[" not in found.repairs[0].title
    (found,) = findings("AIMET101", _NET.format("F.interpolate(self.fc(x), scale_factor=[2, 2])"))
    assert "nn.Upsample(scale_factor=(2, 2))" in found.repairs[0].title
    held = _NET.format("F.interpolate(self.fc(x), scale_factor=self.scale)").replace(
        "self.fc = ", "self.scale = [2, 2]\n        self.fc = "
    )
    (found,) = findings("AIMET101", held)
    assert "takes no list as `scale_factor`" in found.message


@pytest.mark.parametrize(
    ("init", "forward", "alone"),
    [
        ("self.width = 3", "F.relu(x)", True),
        ("self.body = body", "F.relu(self.body(x))", False),
        ("self.body = body.layer1", "F.relu(self.body(x))", False),
        ("self.width = 3", "F.relu(elsewhere.apply(x))", False),
    ],
)
def test_an_operation_is_all_that_a_class_does_only_where_nothing_else_is_called(
    init: str, forward: str, alone: bool
) -> None:
    source = (
        "import torch.nn as nn\nimport torch.nn.functional as F\nimport elsewhere\n\n\nclass Net(nn.Module):\n"
        f"    def __init__(self, body):\n        super().__init__()\n        {init}\n\n"
        f"    def forward(self, x):\n        return {forward}\n"
    )
    (found,) = findings("AIMET101", source)
    assert ("is all that `Net` does" in found.message) is alone


def test_a_part_of_a_model_from_elsewhere_is_no_method_of_a_tensor() -> None:
    source = (
        "import torch.nn as nn\nfrom elsewhere import make\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        net = make()\n        self.conv, self.relu = net.conv, net.relu\n\n"
        "    def forward(self, x):\n        return self.relu(self.conv(x))\n"
    )
    assert findings("AIMET101", source) == []


def test_what_a_plain_class_computes_stands_in_no_other_file() -> None:
    source = (
        "import torch.nn as nn\nimport torch.nn.functional as F\n\n\nclass Volume:\n    def __init__(self, x):\n"
        "        self.half = F.avg_pool2d(x, 2)\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n"
        "        return Volume(x + x).half\n"
    )
    (found,) = findings("AIMET101", source)
    assert found.message.endswith("`Volume` is not a module itself: define the module where it is used.")
