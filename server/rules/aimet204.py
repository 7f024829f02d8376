"""AIMET204 deconvolution."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..finding import Draft
from ..knowledge.modules import module_class
from ..knowledge.names import canonical
from ..reading.definitions import Definition
from . import equalization
from .base import Case, Rule

if TYPE_CHECKING:
    from ..config import Config
    from ..finding import Spot
    from ..reading.facts import Operation, Unit

_FUNCTIONALS = frozenset(
    f"{space}.conv_transpose{dimensions}d"
    for space in ("torch", "torch.nn.functional", "torch.ops.aten")
    for dimensions in (1, 2, 3)
)

_NET = """\
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8, 3, 2, 2))
        {module}

    def forward(self, x):
        return {call}
"""


def _module(text: str) -> str:
    return _NET.format(module=text, call="self.up(x)")


def _call(text: str) -> str:
    return _NET.format(module="self.conv = nn.Conv2d(3, 8, 3)", call=text)


class Deconvolution(Rule):
    """A transposed convolution.

    ## What it does

    Reports `nn.ConvTranspose1d`, `2d` and `3d`, their lazy forms, classes derived from them, and the functions
    `conv_transpose1d`, `2d` and `3d`, where a model makes or calls them.

    ## Why AIMET needs it

    AIMET's guideline for cross-layer equalization: the deconvolution operation "is currently not supported by AIMET",
    and "There is no workaround available at this time." The guideline stands in the documentation of every AIMET 1.x
    and of no 2.x.

    ## Example

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)

        def forward(self, x):
            return self.up(x)
    ```

    ## Use instead

    Where the network may be trained again, an upsampling followed by a convolution:

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.Upsample(scale_factor=2)
            self.conv = nn.Conv2d(16, 8, 3, padding=1)

        def forward(self, x):
            return self.conv(self.up(x))
    ```

    ## Fix safety

    There is no repair: the guideline documents none, and no other layer computes the same with the same weights.
    """

    code = "AIMET204"
    name = "deconvolution"
    cases = (
        Case("a transposed convolution", _module("self.up = nn.ConvTranspose2d(8, 3, 2, stride=2)"), (12,)),
        Case(
            "a lazy one in a Sequential",
            _module("self.up = nn.Sequential(nn.ReLU(), nn.LazyConvTranspose1d(3, 2))"),
            (12,),
        ),
        Case("one made by a partial", _module("self.up = partial(nn.ConvTranspose3d, kernel_size=2)(8, 3)"), (12,)),
        Case("a class in a variable", _module("layer = nn.ConvTranspose2d; self.up = layer(8, 3, 2)"), (12,)),
        Case("a functional", _call("F.conv_transpose2d(x, self.weight, stride=2)"), (15,)),
        Case("torch's function", _call("torch.conv_transpose2d(x, self.weight)"), (15,)),
        Case(
            "a subclass is reported once, at its base",
            "from torch import nn\n\n\nclass Up(nn.ConvTranspose2d):\n    pass\n\n\n"
            "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            "        self.up = Up(8, 3, 2)\n\n"
            "    def forward(self, x):\n        return self.up(x)\n",
            (4,),
        ),
        Case("a convolution", _call("self.conv(x)")),
        Case("code that is not a model's", "from torch import nn\n\nlayer = nn.ConvTranspose2d(8, 3, 2)\n"),
    )

    def check(self, unit: Unit, config: Config) -> Iterator[Draft]:
        """The transposed convolutions of one statement."""
        for operation in unit.operations:
            if canonical(operation.symbol) in _FUNCTIONALS and not _within_deconvolution(unit, operation):
                # The whole call, since 101 stands on its callee.
                yield self._draft(unit.spot(operation.node), operation.symbol, config)
        for module, node in equalization.made_here(unit):
            if module.cls is not None and _is_deconvolution(module.cls):
                yield self._draft(unit.spot(node.func), module.cls, config)
        for model in unit.models:
            assert isinstance(model.definition.node, ast.ClassDef)
            for base in model.definition.node.bases:
                symbol = unit.index.dotted(base, model.definition.path, model.definition.parent)
                if symbol and _is_deconvolution(symbol):
                    yield self._draft(unit.spot(base), symbol, config)

    def _draft(self, spot: Spot, symbol: str, config: Config) -> Draft:
        message = (
            "AIMET's cross-layer equalization does not support transposed convolutions. No repair is offered: AIMET "
            f"documents no workaround. {equalization.DOCUMENTED}"
        )
        return Draft(self.code, spot, message, equalization.severity(config), symbol)


def _is_deconvolution(dotted: str) -> bool:
    known = module_class(dotted)
    return known is not None and known.deconvolution


def _within_deconvolution(unit: Unit, operation: Operation) -> bool:
    """Whether the class around it derives from a deconvolution, and so is reported already."""
    owner: Definition | None = operation.site.owner
    return owner is not None and _is_deconvolution(unit.index.external_base(owner) or "")
