"""AIMET203 align-corners."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ..finding import Change, Draft, Repair, ReplaceText, Safety, Step
from ..knowledge.names import canonical
from ..reading.definitions import Definition
from ..reading.syntax import walk
from ..reading.values import Const, Module, Unknown, Value
from . import equalization
from .base import Case, Rule

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Operation, Unit


class _Upsampling(NamedTuple):
    """A call that upsamples: where `align_corners` stands, its value where it is not given, and what replaces it.

    position: counted from 0, the input of a functional included. None: it has no such parameter.
    plain: the spelling that has the parameter, for those that have none.
    """

    position: int | None
    default: bool
    plain: str = ""


_FUNCTIONALS = {
    "torch.nn.functional.interpolate": _Upsampling(4, False),
    "torch.nn.functional.upsample": _Upsampling(4, False),
    "torch.nn.functional.upsample_bilinear": _Upsampling(None, True, "torch.nn.functional.interpolate"),
    **{
        f"{space}.upsample_{kind}": _Upsampling(2, False)
        for space in ("torch._C._nn", "torch.ops.aten")
        for kind in ("linear1d", "bilinear2d", "bicubic2d", "trilinear3d")
    },
}
_MODULES = {
    "torch.nn.Upsample": _Upsampling(3, False),
    "torch.nn.UpsamplingBilinear2d": _Upsampling(None, True, "torch.nn.Upsample"),
}

_NET = """\
from torch import nn
from torch.nn import functional as F

CORNERS = True


class Net(nn.Module):
    def __init__(self, align_corners=True):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.up = {module}
        self.align_corners = align_corners

    def forward(self, x):
        x = self.up(self.conv(x))
        return {call}
"""
_UP = 'nn.Upsample(scale_factor=2, mode="bilinear")'


def _module(text: str) -> str:
    return _NET.format(module=text, call="x")


def _call(text: str) -> str:
    return _NET.format(module=_UP, call=text)


_ELSEWHERE = _NET.format(
    module="functools.partial(nn.UpsamplingBilinear2d, scale_factor=2)()",
    call="checkpoint(F.upsample_bilinear, x, None, 2)",
).replace("CORNERS = True", "import functools; from torch.utils.checkpoint import checkpoint")


class AlignCorners(Rule):
    """Upsampling with `align_corners=True`.

    ## What it does

    Reports `F.interpolate`, `F.upsample`, `nn.Upsample` with `align_corners=True`, written by keyword or position, or
    through a name whose value is known; and `F.upsample_bilinear` and `nn.UpsamplingBilinear2d`, which always align
    the corners.

    ## Why AIMET needs it

    AIMET's guideline for cross-layer equalization names bilinear and upsample operations that align corners as a
    potential issue: "Set the align_corners parameter to False". The guideline stands in the documentation of every
    AIMET 1.x and of no 2.x.

    ## Example

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)

        def forward(self, x):
            return self.up(x)
    ```

    ## Use instead

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)

        def forward(self, x):
            return self.up(x)
    ```

    ## Fix safety

    Unsafe: the result has other numbers, most of all at the borders. A network that was trained with aligned corners
    should be fine-tuned, or at least measured, after the change.
    """

    code = "AIMET203"
    name = "align-corners"
    cases = (
        Case(
            "a functional",
            _call('F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)'),
            (16,),
            _call('F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)'),
            unsafe=True,
        ),
        Case(
            "by position",
            _call('F.upsample(x, (129, 129), None, "bilinear", True)'),
            (16,),
            _call('F.upsample(x, (129, 129), None, "bilinear", False)'),
            unsafe=True,
        ),
        Case(
            "a functional that always aligns the corners",
            _call("F.upsample_bilinear(x, scale_factor=2)"),
            (16,),
            _call('F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)'),
            unsafe=True,
        ),
        Case(
            "a module",
            _module('nn.Upsample(None, 2, "bilinear", align_corners=True)'),
            (11,),
            _module('nn.Upsample(None, 2, "bilinear", align_corners=False)'),
            unsafe=True,
        ),
        Case(
            "a module inside a Sequential",
            _module('nn.Sequential(nn.ReLU(), nn.Upsample(None, 2, "bilinear", True))'),
            (11,),
            _module('nn.Sequential(nn.ReLU(), nn.Upsample(None, 2, "bilinear", False))'),
            unsafe=True,
        ),
        Case(
            "a module that always aligns the corners",
            _module("nn.UpsamplingBilinear2d(scale_factor=2)"),
            (11,),
            _module('nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)'),
            unsafe=True,
        ),
        Case(
            "a parameter that is True unless somebody says otherwise",
            _module("nn.Upsample(scale_factor=2, mode='bilinear', align_corners=align_corners)"),
            (11,),
            _module("nn.Upsample(scale_factor=2, mode='bilinear', align_corners=False)"),
            unsafe=True,
        ),
        Case(
            "a constant, and an attribute",
            _NET.format(
                module='nn.Upsample(scale_factor=2, mode="bilinear", align_corners=CORNERS)',
                call='F.interpolate(x, None, 2, "bilinear", self.align_corners)',
            ),
            (11, 16),
            _NET.format(
                module='nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)',
                call='F.interpolate(x, None, 2, "bilinear", False)',
            ),
            unsafe=True,
        ),
        Case(
            "a subclass that always aligns the corners",
            "from torch import nn\n\n\nclass Up(nn.UpsamplingBilinear2d):\n    pass\n",
            (4,),
        ),
        Case(
            "a subclass that says so to its base",
            "from torch import nn\n\n\nclass Up(nn.Upsample):\n    def __init__(self):\n"
            '        super().__init__(scale_factor=2, mode="bilinear", align_corners=True)\n',
            (6,),
            "from torch import nn\n\n\nclass Up(nn.Upsample):\n    def __init__(self):\n"
            '        super().__init__(scale_factor=2, mode="bilinear", align_corners=False)\n',
            unsafe=True,
        ),
        Case(
            "arguments that are given elsewhere",
            _ELSEWHERE,
            (11, 16),
            _ELSEWHERE,
            unsafe=True,
        ),
        Case("what the guideline asks for", _call('F.interpolate(x, size=4, mode="bilinear", align_corners=False)')),
        Case("the default", _module(_UP)),
        Case("grid_sample is no upsampling", _call("F.grid_sample(x, x, align_corners=True)")),
        Case(
            "code that is not a model's",
            "from torch.nn import functional as F\n\n\ndef resize(x):\n"
            '    return F.interpolate(x, size=4, mode="bilinear", align_corners=True)\n',
        ),
    )

    def check(self, unit: Unit, config: Config) -> Iterator[Draft]:
        """The upsampling calls and modules of one statement."""
        for operation in unit.operations:
            kind = _FUNCTIONALS.get(canonical(operation.symbol))
            if kind is not None and _aligns(kind, operation):
                whole = equalization.writes(operation.node, len(operation.operands), operation.keywords)
                whole = whole and operation.via != "passed"
                yield self._draft(unit, operation.node, operation.symbol, kind, config, whole, operation.site.scripted)
        for module, node in equalization.made_here(unit):
            kind = _MODULES.get(_class(unit, module))
            if kind is not None and _module_aligns(kind, module):
                whole = equalization.writes(node, len(module.arguments), module.keywords)
                yield self._draft(unit, node, _class(unit, module), kind, config, whole)
        for model in unit.models:
            yield from self._subclass(unit, model.definition, config)

    def _subclass(self, unit: Unit, definition: Definition, config: Config) -> Iterator[Draft]:
        """A class derived from an upsampling module: what it passes to `super().__init__`, or the base itself."""
        assert isinstance(definition.node, ast.ClassDef)
        for base in definition.node.bases:
            symbol = unit.index.dotted(base, definition.path, definition.parent)
            kind = _MODULES.get(symbol)
            if kind is None:
                continue
            if kind.position is None:
                message = f"{_MESSAGE} No repair is offered: derive from `nn.Upsample` and pass `align_corners=False`."
                yield Draft(self.code, unit.spot(base), message, equalization.severity(config), symbol)
            constructor = definition.methods.get("__init__")
            for node in walk(constructor) if constructor is not None else ():
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
                    place = equalization.written(node, kind.position or 0, "align_corners")
                    given = place.value if isinstance(place, ast.keyword) else place
                    if isinstance(given, ast.Constant) and given.value is True:
                        yield self._draft(unit, node, symbol, kind, config)

    def _draft(
        self,
        unit: Unit,
        node: ast.AST,
        symbol: str,
        kind: _Upsampling,
        config: Config,
        whole: bool = True,
        scripted: bool = False,
    ) -> Draft:
        """whole: the call at `node` writes all the arguments itself (a partial or `map` gives some elsewhere)."""
        place = equalization.written(node, kind.position, "align_corners") if kind.position is not None else None
        if not whole and not isinstance(place, ast.keyword):
            place = None
        repairs: tuple[Repair, ...] = ()
        if scripted:
            message = f"{_MESSAGE} No repair is offered: torch.jit.script compiles this function."
        else:
            step = _step(unit, node, kind, place) if whole or place is not None else None
            message = _MESSAGE
            if step is None:
                message = f"{_MESSAGE} No repair is offered: the argument is not written in this call."
            else:
                repairs = (Repair(_TITLE, Safety.UNSAFE, (Change(unit.path, unit.statement.key, (step,)),)),)
        # Without an argument to stand on: of a function the whole call, since 101 stands on its callee.
        stands = place or (node.func if isinstance(node, ast.Call) and symbol in _MODULES else node)
        return Draft(self.code, unit.spot(stands), message, equalization.severity(config), symbol, repairs)


_MESSAGE = (
    "This upsampling aligns the corners, which AIMET's cross-layer equalization does not support. "
    + equalization.DOCUMENTED
)
_TITLE = "Set `align_corners=False` (unsafe: changes the numbers at the borders)"


def _true(value: Value | None) -> bool:
    if isinstance(value, Unknown):
        # A parameter is its default unless somebody passes another.
        value = value.default
    return isinstance(value, Const) and value.value is True


def _aligns(kind: _Upsampling, operation: Operation) -> bool:
    if kind.position is None:
        return kind.default
    given = equalization.argument(operation, kind.position, "align_corners")
    return _true(given[1]) if given is not None else kind.default


def _module_aligns(kind: _Upsampling, module: Module) -> bool:
    if kind.position is None:
        return kind.default
    given = module.keywords.get("align_corners")
    if given is None and len(module.arguments) > kind.position:
        given = module.arguments[kind.position]
    return _true(given)


def _class(unit: Unit, module: Module) -> str:
    """The library class a module is constructed as: its own, or its base's where that takes the arguments."""
    if module.definition is None:
        return module.cls or ""
    if unit.index.method(module.definition, "__init__") is not None:
        return ""
    base = unit.index.external_base(module.definition) or ""
    # A class that always aligns the corners is reported where it is defined.
    return base if base == "torch.nn.Upsample" else ""


def _step(unit: Unit, node: ast.AST, kind: _Upsampling, place: ast.expr | ast.keyword | None) -> Step | None:
    """How the call comes to say `align_corners=False`, None where its text does not show."""
    span = unit.statement.span
    if place is not None:
        return ReplaceText(span(place.value if isinstance(place, ast.keyword) else place), "False")
    if not kind.plain or not isinstance(node, ast.Call) or any(isinstance(each, ast.Starred) for each in node.args):
        return None
    arguments = [*node.args, *node.keywords]
    kept = ", ".join(f"{{{number}}}" for number in range(len(arguments)))
    # The mode is a keyword: whatever was positional before stands in the same place.
    text = f'{{{len(arguments)}}}({kept}{", " if kept else ""}mode="bilinear", align_corners=False)'
    return ReplaceText(span(node), text, tuple(map(span, arguments)), (kind.plain,))
