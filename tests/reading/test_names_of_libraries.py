"""Files and packages of a workspace that are called like a library: who means which."""

from __future__ import annotations

import pytest
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check

ROOT = "/project"
_NET = """\
import math

import torch
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        return torch.sigmoid(x) * math.ceil(2.5)
"""
_OWN = "def sigmoid(x):\n    return x\n\n\ndef ceil(x):\n    return x\n"


def _functionals(texts: dict[str, str], path: str = "net.py") -> int:
    """How many functionals are found in a file."""
    project = Project.empty(ROOT).updated({f"{ROOT}/{each}": text for each, text in texts.items()})
    found = check(f"{ROOT}/{path}", project, Config(root=ROOT)).findings
    return sum(finding.code == "AIMET101" for finding in found)


@pytest.mark.parametrize(
    "others", [["utils/torch.py"], ["torch.py"], ["frameworks/torch/__init__.py"], ["src/torch.py"]]
)
def test_torch_is_the_library(others: list[str]) -> None:
    assert _functionals({"net.py": _NET}) == 1
    assert _functionals({"net.py": _NET, **dict.fromkeys(others, _OWN)}) == 1


@pytest.mark.parametrize("path", ["frameworks/torch/net.py", "package/net.py", "package/torch/net.py"])
def test_a_package_for_torch_means_the_library_too(path: str) -> None:
    packages = dict.fromkeys(["frameworks/torch/__init__.py", "package/__init__.py", "package/torch/__init__.py"], _OWN)
    assert _functionals({path: _NET, **packages}, path) == 1


def test_what_stands_in_a_package_for_torch_is_found() -> None:
    texts = {
        "frameworks/torch/__init__.py": "",
        "frameworks/torch/layers.py": "import torch\n\n\ndef gate(x):\n    return torch.sigmoid(x)\n",
        "frameworks/torch/net.py": _NET.replace("import math", "from .layers import gate").replace(
            "torch.sigmoid(x) * math.ceil(2.5)", "gate(x)"
        ),
    }
    assert _functionals(texts, "frameworks/torch/layers.py") == 1  # a model runs it


def test_a_copy_of_torch_is_no_library_of_others() -> None:
    copy = {
        "third_party/torch/__init__.py": _OWN,
        "third_party/torch/nn/__init__.py": "from .module import Module\n",
        "third_party/torch/nn/module.py": "class Module:\n    pass\n",
    }
    assert _functionals({"net.py": _NET, **copy}) == 1
    inside = "third_party/torch/nn/net.py"
    assert _functionals({inside: _NET, **copy}, inside) == 0  # there `nn.Module` is the copy's


@pytest.mark.parametrize("packages", [["code/__init__.py"], []])
def test_a_package_called_like_a_module_of_the_standard_library(packages: list[str]) -> None:
    own = {
        "code/layers.py": "import torch\n\n\ndef gate(x):\n    return torch.tanh(x)\n",
        **dict.fromkeys(packages, ""),
    }
    net = _NET.replace("import math", "from code.layers import gate").replace("torch.sigmoid(x) *", "gate(x) *")
    net = net.replace("math.ceil(2.5)", "2")
    assert _functionals({"net.py": net, **own}, "code/layers.py") == 1
    assert _functionals({"tools/net.py": net, **own}, "code/layers.py") == 1
    inside = {f"package/{path}": text for path, text in own.items()}
    assert _functionals({"net.py": net, **inside}, "package/code/layers.py") == 0


def test_a_package_that_is_opened_itself_shadows_nothing() -> None:
    own = {"__init__.py": "", "math.py": "import torch\n\n\ndef ceil(x):\n    return torch.tanh(x)\n"}
    net = _NET.replace("math.ceil(2.5)", "math.ceil(torch.sigmoid(x))")
    assert _functionals({"net.py": net, **own}, "math.py") == 0


def test_modules_of_the_standard_library_are_shadowed_in_their_folder_alone() -> None:
    counted = _NET.replace("math.ceil(2.5)", "math.ceil(torch.sigmoid(x))")
    own = {"scripts/math.py": "import torch\n\n\ndef ceil(x):\n    return torch.tanh(x)\n"}
    assert _functionals({"net.py": counted, **own}, "scripts/math.py") == 0  # nobody runs it
    assert _functionals({"scripts/net.py": counted, **own}, "scripts/math.py") == 1


_WRAPPER = "import timm\n\n\nclass Mlp:\n    pass\n"
_LAYERS = "from torch import nn\n\n\nclass Mlp(nn.Module):\n    def forward(self, x):\n        return x.relu()\n"
_USER = """\
import torch
from timm.layers import Mlp


class Net(Mlp):
    def forward(self, x):
        return torch.sigmoid(x)
"""


def test_a_file_that_wraps_a_library_is_not_that_library() -> None:
    package = {"timm/__init__.py": "", "timm/layers.py": _LAYERS, "net.py": _USER}
    assert _functionals(package) == 1  # `Mlp` is read where the library's source is there
    for place in ("wrappers/timm.py", "timm.py", "models/timm/__init__.py"):
        others = {place: _WRAPPER, "models/__init__.py": "", "models/net.py": _USER}
        assert _functionals({**package, **others}) == 1
        assert _functionals({**package, **others}, "models/net.py") == 1


def test_the_library_behind_a_wrapper_is_not_in_the_workspace() -> None:
    net = _NET.replace("import math\n", "import lightning\n").replace("nn.Module", "lightning.LightningModule")
    net = net.replace(" * math.ceil(2.5)", "")
    for place in ("lightning.py", "wrappers/lightning.py"):
        assert _functionals({"net.py": net, place: "import lightning\n"}) == 1
