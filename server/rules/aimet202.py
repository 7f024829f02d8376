"""AIMET202 fixed-view."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..finding import Change, Draft, Repair, ReplaceText, Safety
from ..reading.syntax import walk
from ..reading.values import Const, Number, Sequence, Shape, Tensor, Value
from . import equalization, support
from .base import Case, Rule

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
    are fine: no layer's output goes through them. So are those that a loss is computed of: AIMET does not trace it.

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
    every sample has exactly 1024 values. There is no repair where the view merges the leading dimensions on purpose,
    which the guideline's spelling would undo: where the second dimension is 1 or read off a tensor's shape, where the
    dimensions were permuted just before (`z.permute(0, 2, 3, 1)`, then `z.view(-1, dim)`), and where the targets of a
    loss are flattened beside the view.
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
            "the channels last, one row for each place",
            _NET.format("z = x.permute(0, 2, 3, 1).contiguous()\n        x = z.view(-1, self.fc.in_features)"),
            (14,),
            _NET.format("z = x.permute(0, 2, 3, 1).contiguous()\n        x = z.view(-1, self.fc.in_features)"),
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
        Case("a view that a loss is computed of", _NET.format("nn.MSELoss()(x.view(-1, 1024), self.fc.weight)")),
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
            if (viewed is not None and _is_no_activation(viewed[1])) or _goes_into_loss(unit, operation):
                continue
            receiver = _same_rows(viewed)
            reason = _merges(unit, operation, dimensions[1]) or _reason(operation, receiver, dimensions)
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
    return isinstance(value, Tensor) and (value.origin == "parameter" or support.is_fixed(value))


def _goes_into_loss(unit: Unit, operation: Operation) -> bool:
    """Whether a loss is computed of the view: that is part of training, which AIMET does not trace."""
    around = support.parents(unit.statement).get(operation.node)
    if not isinstance(around, ast.Call):
        return False
    if any(each.node is around and support.is_loss(each) for each in unit.operations):
        return True
    called = (use.module.cls or "" for trace in unit.traces for use in trace.uses if use.node is around)
    return any(cls.startswith("torch.nn.") and cls.endswith("Loss") for cls in called)


def _is_minus_one(value: Value) -> bool:
    return isinstance(value, Const) and value.value == -1


_MOVES = frozenset("permute transpose swapaxes swapdims movedim moveaxis t".split())
_COPIES = frozenset("contiguous clone detach to type float double half bfloat16".split())
_MOST_COPIES = 4


def _merges(unit: Unit, operation: Operation, second: _Dimension) -> str:
    """Why the view surely merges the leading dimensions: with the guideline's spelling the model would not run."""
    if isinstance(second[1], Number) and second[1].shape:
        return "the second dimension is read off a shape, so the view merges the leading dimensions on purpose"
    around = support.parents(unit.statement).get(operation.node)
    if isinstance(around, ast.Call) and any(_is_flat(each) for each in around.args):
        return "what is flattened beside it says that the view merges the leading dimensions on purpose"
    viewed = operation.operands[0] if operation.operands else operation.keywords.get("input")
    made = _made_by(unit, viewed)
    for _ in range(_MOST_COPIES):
        if made is None or made.symbol.rpartition(".")[2] not in _COPIES:
            break
        made = _made_by(unit, made.operands[0] if made.operands else None)
    if made is None:
        return ""
    if _is_flat(made.node):
        return "the tensor has one dimension, so the view splits it on purpose"
    if _moves_last(made) and not _is_product(second[0]):
        return "its dimensions were permuted just before, so the view merges the leading ones on purpose"
    return ""


def _made_by(unit: Unit, tensor: _Dimension | None) -> Operation | None:
    """The operation of this statement whose result a tensor is."""
    if tensor is None:
        return None
    node, value = tensor
    for each in unit.operations:
        if each.result is value or each.node is node:
            return each
    return None


def _moves_last(operation: Operation) -> bool:
    """Whether an operation may put another dimension into the last place."""
    name = operation.symbol.rpartition(".")[2]
    if name == "rearrange":
        pattern = operation.operands[1][1] if len(operation.operands) > 1 else None
        text = pattern.value if isinstance(pattern, Const) and isinstance(pattern.value, str) else ""
        before, arrow, after = (part.split() for part in text.partition("->"))
        return bool(arrow and before and after) and not after[-1].endswith(")") and before[-1] != after[-1]
    if name == "permute":
        order = [value for _, value in operation.operands[1:]]
        if len(order) == 1 and isinstance(order[0], Sequence) and order[0].items is not None:
            order = order[0].items
        return not order or not isinstance(order[-1], Const) or order[-1].value not in (-1, len(order) - 1)
    return name in _MOVES


def _is_flat(node: ast.AST) -> bool:
    """Whether a call yields one dimension: `x.view(-1)`, `x.flatten()`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.keywords:
        return False
    if node.func.attr in ("view", "reshape"):
        return len(node.args) == 1 and ast.unparse(node.args[0]) == "-1"
    return node.func.attr in ("flatten", "ravel") and not node.args


def _is_product(node: ast.expr | None) -> bool:
    """Whether the size of several dimensions is written: `7 * 7 * 64`."""
    return isinstance(node, ast.Call) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult))


def _reason(operation: Operation, receiver: ast.expr | None, dimensions: tuple[_Dimension, _Dimension]) -> str:
    """Why there is no repair; empty where there is one."""
    second = dimensions[1][1]
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
