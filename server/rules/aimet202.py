"""AIMET202 fixed-view."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..finding import Change, Draft, Repair, ReplaceText, Safety
from ..reading.syntax import walk
from ..reading.values import Const, Number, Sequence, Shape, Tensor, Value
from . import equalization
from .base import Case, Rule
from .support import is_fixed

if TYPE_CHECKING:
    from ..config import Config
    from ..finding import Spot
    from ..reading.facts import Operation, Unit

# Each operation with the name of its keyword for the shape; the shape follows the first operand.
_RESHAPES = {
    "Tensor.view": "size",
    "Tensor.reshape": "shape",
    "torch.reshape": "shape",
    "torch.ops.aten.view": "size",
    "torch.ops.aten.reshape": "shape",
}

_KEEP_SHAPE = frozenset({"contiguous", "clone", "detach", "float", "half"})

_NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3)
        self.fc = nn.Linear(1024, 10)

    def forward(self, x):
        x = self.conv(x)
        x = {}
        return self.fc(x)
"""


_SHAPED = _NET.replace("        self.conv =", "        self.shape = (-1, 1024)\n        self.conv =").format(
    "x.view(*self.shape)"
)


class FixedView(Rule):
    """A view to two dimensions that leaves the first one open: `x.view(-1, 1024)`.

    ## What it does

    Reports `view` and `reshape` to two dimensions of which the first is `-1`, as arguments, as one tuple or list, and
    as `torch.reshape(x, (-1, 1024))`. Views of weights, buffers and of what `forward` makes of constants and sizes
    are fine: no layer's output goes through them.

    ## Why AIMET needs it

    AIMET's guideline for cross-layer equalization: "If view function is written as above, it causes an issue while
    creating the computing graph. Rewrite the x.view() statement as follows: x = x.view(x.size(0), -1)". The guideline
    stands in the documentation of every AIMET 1.x and of no 2.x.

    ## Example

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(1024, 10)

        def forward(self, x):
            return self.fc(x.view(-1, 1024))
    ```

    ## Use instead

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(1024, 10)

        def forward(self, x):
            return self.fc(x.view(x.size(0), -1))
    ```

    ## Fix safety

    Unsafe: `x.view(x.size(0), -1)` keeps the first dimension, whatever its size, and the two are the same only where
    every sample has exactly 1024 values. There is no repair where the second dimension is read off a tensor's shape
    or is 1: there the view merges the leading dimensions on purpose, and the guideline's spelling would undo that.
    """

    code = "AIMET202"
    name = "fixed-view"
    cases = (
        Case(
            "a view with a fixed second dimension",
            _NET.format("x.view(-1, 1024)"),
            (13,),
            _NET.format("x.view(x.size(0), -1)"),
            unsafe=True,
        ),
        Case(
            "the shape as a tuple",
            _NET.format("x.reshape((-1, 1024))"),
            (13,),
            _NET.format("x.reshape((x.size(0), -1))"),
            unsafe=True,
        ),
        Case(
            "torch.reshape with a list",
            _NET.format("torch.reshape(x, [-1, self.fc.in_features])"),
            (13,),
            _NET.format("torch.reshape(x, [x.size(0), -1])"),
            unsafe=True,
        ),
        Case(
            "the shape by keyword",
            _NET.format("torch.reshape(x, shape=(-1, 1024))"),
            (13,),
            _NET.format("torch.reshape(x, shape=(x.size(0), -1))"),
            unsafe=True,
        ),
        Case(
            "a view of a call's result, which would be computed twice",
            _NET.format("self.conv(x).view(-1, 1024)"),
            (13,),
            _NET.format("self.conv(x).view(-1, 1024)"),
            unsafe=True,
        ),
        Case(
            "merging the leading dimensions on purpose",
            _NET.format("x.view(-1, x.size(-1))"),
            (13,),
            _NET.format("x.view(-1, x.size(-1))"),
            unsafe=True,
        ),
        Case(
            "a column",
            _NET.format("x.view(-1, 1)"),
            (13,),
            _NET.format("x.view(-1, 1)"),
            unsafe=True,
        ),
        Case(
            "a view of a copy",
            _NET.format("x.contiguous().view(-1, 16 * 8 * 8)"),
            (13,),
            _NET.format("x.contiguous().view(x.size(0), -1)"),
            unsafe=True,
        ),
        Case(
            "a shape that is written elsewhere",
            _SHAPED,
            (14,),
            _SHAPED,
            unsafe=True,
        ),
        Case(
            "the tensor by keyword",
            _NET.format("torch.reshape(input=x, shape=(-1, 1024))"),
            (13,),
            _NET.format("torch.reshape(input=x, shape=(x.size(0), -1))"),
            unsafe=True,
        ),
        Case(
            "an unbound method",
            _NET.format("torch.Tensor.view(x, -1, 1024)"),
            (13,),
            _NET.format("torch.Tensor.view(x, x.size(0), -1)"),
            unsafe=True,
        ),
        Case("what the guideline asks for", _NET.format("x.view(x.size(0), -1)")),
        Case("one dimension, or more than two", _NET.format("x.view(-1).view(-1, 4, 256).flatten(1)")),
        Case("a column of numbers that no layer computed", _NET.format("x + torch.arange(4).view(-1, 1)")),
        Case("a view of the weights", _NET.format("x * self.fc.weight.view(-1, 1024)")),
        Case("a list of sizes that are not known", _NET.format("x.view(*self.shape)")),
        Case("code that is not a model's", "def flat(x):\n    return x.view(-1, 1024)\n"),
    )

    def check(self, unit: Unit, config: Config) -> Iterator[Draft]:
        """The views of one statement."""
        for operation in unit.operations:
            keyword = _RESHAPES.get(operation.symbol)
            if keyword is None:
                continue
            dimensions = _dimensions(operation, keyword)
            if dimensions is None or not _is_minus_one(dimensions[0][1]):
                continue
            viewed = operation.operands[0] if operation.operands else operation.keywords.get("input")
            if viewed is not None and _is_no_activation(viewed[1]):
                continue
            receiver = _same_rows(viewed)
            reason = _reason(operation, receiver, dimensions)
            message = (
                "This view fixes its second dimension and leaves the first one open, which can keep AIMET from "
                f"building its computing graph for cross-layer equalization. {equalization.DOCUMENTED}"
            )
            if reason:
                message = f"{message} No repair is offered: {reason}."
            spot = _range(unit, operation, keyword)
            repairs = () if reason else (_repair(unit, receiver, dimensions),)
            yield Draft(self.code, spot, message, equalization.severity(config), operation.symbol, repairs)


_Dimension = tuple["ast.expr | None", Value]


def _dimensions(operation: Operation, keyword: str) -> tuple[_Dimension, _Dimension] | None:
    """The two dimensions of a view to two, as (expression, value); None for any other view."""
    given: list[_Dimension] = list(operation.operands[1:])
    if not given and keyword in operation.keywords:
        given = [operation.keywords[keyword]]
    if len(given) == 1:
        node, value = given[0]
        if not isinstance(value, Sequence) or value.items is None or value.kind not in ("tuple", "list"):
            return None
        literal = isinstance(node, (ast.Tuple, ast.List)) and len(node.elts) == len(value.items)
        nodes = node.elts if literal else [None] * len(value.items)  # type: ignore[union-attr]
        given = list(zip(nodes, value.items, strict=True))
    if len(given) != 2 or any(isinstance(value, (Sequence, Shape, Tensor)) for _, value in given):
        return None
    return given[0], given[1]


def _is_no_activation(value: Value) -> bool:
    """Whether it is the model's own or made of constants and sizes: no layer's output goes through that view."""
    return isinstance(value, Tensor) and (value.origin == "parameter" or is_fixed(value))


def _is_minus_one(value: Value) -> bool:
    return isinstance(value, Const) and value.value == -1


def _reason(operation: Operation, receiver: ast.expr | None, dimensions: tuple[_Dimension, _Dimension]) -> str:
    """Why there is no repair; empty where there is one."""
    second = dimensions[1][1]
    if isinstance(second, Number) and second.shape:
        return "the second dimension is read off a shape, so the view merges the leading dimensions on purpose"
    if isinstance(second, Const) and second.value == 1:
        return "the view makes one column of all values on purpose"
    if operation.site.scripted:
        return "torch.jit.script compiles this function"
    written = set(map(id, walk(operation.node)))
    if any(id(node) not in written for node, _ in dimensions):
        return "the shape is not written in this call"
    if receiver is None or not _is_name(receiver):
        return "`x.size(0)` would compute the tensor a second time; give it a name first"
    return ""


def _same_rows(tensor: _Dimension | None) -> ast.expr | None:
    """The tensor that is viewed, without calls that keep its shape: `x` of `x.contiguous()`."""
    node = tensor[0] if tensor is not None else None
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _KEEP_SHAPE:
        node = node.func.value
    return node


def _is_name(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _repair(unit: Unit, receiver: ast.expr | None, dimensions: tuple[_Dimension, _Dimension]) -> Repair:
    (first, _), (second, _) = dimensions
    assert receiver is not None and first is not None and second is not None
    rows = f"{unit.source(receiver)}.size(0)"
    steps = (
        ReplaceText(unit.statement.span(first), rows),
        ReplaceText(unit.statement.span(second), "-1"),
    )
    title = f"Write `{rows}, -1` (unsafe: another shape, unless each sample fills the fixed dimension exactly)"
    return Repair(title, Safety.UNSAFE, (Change(unit.path, unit.statement.key, steps),))


def _range(unit: Unit, operation: Operation, keyword: str) -> Spot:
    """The shape as written, since other rules stand on the callee or the whole call."""
    node = operation.node
    if isinstance(node, ast.Call):
        shape: list[ast.AST] = list(node.args)
        if shape and operation.operands and shape[0] is operation.operands[0][0]:
            # A function, not a method: the tensor comes first.
            del shape[0]
        shape.extend(each for each in node.keywords if each.arg == keyword)
        if shape:
            return unit.between(shape[0], shape[-1])
    return unit.spot(node)
