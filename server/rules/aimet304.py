"""AIMET304 inplace-op."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..finding import Change, Draft, Repair, ReplaceText, Safety, Severity
from ..knowledge import tensors
from ..knowledge.layers import layer
from ..positions import Span
from ..reading.values import Const, Number, Tensor, Value
from . import storage, support
from .base import Case, Rule

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Operation, Unit

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
}
# They change what torch knows of a tensor, not its values.
_NO_VALUES = frozenset({"requires_grad_", "detach_", "share_memory_", "rename_", "retain_grad_"})

_NET = """\
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.conv2 = nn.Conv2d(3, 8, 3)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        y = self.conv(x)
        {}
        return y
"""


class InplaceOp(Rule):
    """An operation that changes a tensor in place.

    ## What it does

    Reports `x += y` and its like, methods and functions that end in `_` (`x.add_(y)`), `out=`, and assignments to
    elements (`x[i] = y`), where a model's `forward` does this to a tensor. `inplace=True` on an activation is fine.

    ## Why AIMET needs it

    Where AIMET fails to build its connected graph it lists the most common reasons; the second one is in-place
    operations: "Avoid in-place operations in the model definition". `prepare_model`, which traces with torch.fx, fails
    on assignments to elements: "'Proxy' object does not support item assignment".

    ## Example

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)
            self.conv2 = nn.Conv2d(3, 8, 3)

        def forward(self, x):
            y = self.conv(x)
            y += self.conv2(x)
            return y
    ```

    ## Use instead

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)
            self.conv2 = nn.Conv2d(3, 8, 3)

        def forward(self, x):
            y = self.conv(x)
            y = y + self.conv2(x)
            return y
    ```

    ## Fix safety

    Only an augmented assignment to a name has a repair, and only where that tensor was computed in the same function
    and no other name, list or attribute still holds it or a view of it: the others would no longer see the change. It
    is safe where both sides are results of layers or operations, or one is a number; else unsafe, since an in-place
    operation keeps the left side's data type and the other may not. Fix-all applies it only where the rule is selected
    by name.
    """

    code = "AIMET304"
    name = "inplace-op"
    severity = Severity.INFORMATION
    fix_all_when_named = True
    cases = (
        Case(
            "a sum of two layers' results",
            _NET.format("y += self.conv2(x)"),
            (15,),
            _NET.format("y = y + self.conv2(x)"),
        ),
        Case(
            "a product with an expression",
            _NET.format("y *= 2 + 1"),
            (15,),
            _NET.format("y = y * (2 + 1)"),
        ),
        Case(
            "the other side is the model's input, whose data type is not known",
            _NET.format("y += x"),
            (15,),
            _NET.format("y += x"),
        ),
        Case(
            "a parameter on the other side",
            _NET.format("y -= self.scale"),
            (15,),
            _NET.format("y = y - self.scale"),
            unsafe=True,
        ),
        Case(
            "another name still holds the tensor",
            _NET.format("z = y\n        y += 1\n        y = y + z"),
            (16,),
            _NET.format("z = y\n        y += 1\n        y = y + z"),
            unsafe=True,
        ),
        Case(
            "a view of the tensor lives",
            _NET.format("z = y[0]\n        y += 1\n        y = y + z"),
            (16,),
            _NET.format("z = y[0]\n        y += 1\n        y = y + z"),
            unsafe=True,
        ),
        Case(
            "a list still holds the tensor",
            _NET.format("outs = []\n        outs.append(y)\n        y += 1\n        y = torch.cat(outs)"),
            (17,),
            _NET.format("outs = []\n        outs.append(y)\n        y += 1\n        y = torch.cat(outs)"),
            unsafe=True,
        ),
        Case(
            "an input changes for the caller too",
            _NET.format("x *= 2\n        y = self.conv2(x)"),
            (15,),
            _NET.format("x *= 2\n        y = self.conv2(x)"),
            unsafe=True,
        ),
        Case(
            "a loop that keeps every round's result",
            _NET.format("outs = []\n        for _ in range(3):\n            y += 1\n            outs.append(y)"),
            (17,),
            _NET.format("outs = []\n        for _ in range(3):\n            y += 1\n            outs.append(y)"),
            unsafe=True,
        ),
        Case("a method", _NET.format("y.add_(1)"), (15,)),
        Case("a function, and out=", _NET.format("torch.exp_(y)\n        torch.add(y, 1, out=y)"), (15, 16)),
        Case("an element", _NET.format("y[:, 0] = 0"), (15,)),
        Case("an element that is added to", _NET.format("y[:, 0] += 1"), (15,)),
        Case("activations, which 101 reports", _NET.format("F.relu_(y)\n        y = F.relu(y, inplace=True)")),
        Case(
            "numbers and lists",
            _NET.format("n = x.size(0)\n        n += 1\n        a = [y]\n        a += [y]\n        a[0] = n"),
        ),
        Case("the spelling that changes nothing", _NET.format("y = y + self.conv2(x)")),
        Case("code that is not a model's", "def double(x):\n    x *= 2\n    x[0] = 1\n    return x\n"),
    )

    def check(self, unit: Unit, config: Config) -> Iterator[Draft]:
        """The in-place operations of one statement."""
        for operation in unit.operations:
            if not _changes_in_place(operation):
                continue
            node = operation.node
            if isinstance(node, ast.AugAssign):
                if operation.symbol != "Tensor.__setitem__":
                    yield self._augmented(unit, operation, node)
            elif operation.symbol == "Tensor.__setitem__":
                message = (
                    f"{_MESSAGE.format('Assigning to elements')} No repair is offered: build the tensor with "
                    "`torch.cat`, `torch.stack` or `torch.where` instead."
                )
                yield self._draft(unit, operation, _target(unit, operation), message)
            else:
                name = operation.symbol.rpartition(".")[2]
                written = f"`{name}`" if name.endswith("_") else f"`{name}` with `out=`"
                plain = tensors.out_of_place(operation.symbol)
                instead = (
                    f"`{plain.rpartition('.')[2]}`" if plain is not None else "an operation that returns a new tensor"
                )
                message = (
                    f"{_MESSAGE.format(written)} No repair is offered: use the result of {instead} wherever the "
                    "changed tensor is used."
                )
                yield self._draft(unit, operation, _call_range(unit, node), message)

    def _draft(self, unit: Unit, operation: Operation, span: Span, message: str, repair: Repair | None = None) -> Draft:
        spot = unit.spot(operation.node)._replace(span=span)
        return Draft(
            self.code, spot, message, self.severity, operation.symbol, (repair,) if repair is not None else ()
        )  # fmt: skip

    def _augmented(self, unit: Unit, operation: Operation, node: ast.AugAssign) -> Draft:
        symbol = _OPERATORS[type(node.op)]
        message = _MESSAGE.format(f"`{symbol}=`")
        repair: Repair | None = None
        reason = ""
        if not isinstance(node.target, ast.Name):
            reason = "other code may hold the same tensor and count on the change"
        elif operation.site.scripted:
            reason = "torch.jit.script compiles this function"
        elif not storage.is_alone(unit, operation.site.function.node, node):
            reason = f"something else may hold the tensor in `{node.target.id}` and count on the change"
        else:
            repair = _repair(unit, operation, node, node.target.id, symbol)
        if reason:
            message = f"{message} No repair is offered: {reason}."
        return self._draft(unit, operation, _operator(unit, node, symbol), message, repair)


_MESSAGE = "{} changes a tensor in place, which AIMET names as a common reason why its graph cannot be built."


def _changes_in_place(operation: Operation) -> bool:
    name = operation.symbol.rpartition(".")[2]
    if "out" in operation.keywords and name != "checkpoint":
        return isinstance(operation.keywords["out"][1], Tensor)
    if not tensors.is_inplace(operation.symbol) or name in _NO_VALUES or layer(operation.symbol) is not None:
        return False
    node, value = operation.operands[0] if operation.operands else (None, None)
    # `torch.empty(1).uniform_()` only fills what it just made.
    return isinstance(value, Tensor) and not (value.origin == "created" and isinstance(node, ast.Call))


def _repair(unit: Unit, operation: Operation, node: ast.AugAssign, name: str, symbol: str) -> Repair:
    span = unit.statement.span
    step = ReplaceText(span(node), f"{name} = {name} {symbol} {{0}}", (span(node.value),))
    (_, left), (_, right) = operation.operands[:2]
    safe = _keeps_type(left, right)
    title = f"Write `{name} = {name} {symbol} ...`" + (
        "" if safe else " (unsafe: the result may have another data type)"
    )
    change = Change(unit.path, unit.statement.key, (step,))
    return Repair(title, Safety.SAFE if safe else Safety.UNSAFE, (change,))


def _keeps_type(left: Value, right: Value) -> bool:
    """Whether the result has the left side's data type out of place too."""
    if isinstance(right, (Const, Number)):
        return isinstance(left, Tensor) and left.definite
    return all(isinstance(side, Tensor) and side.definite and side.origin in ("layer", "op") for side in (left, right))


def _operator(unit: Unit, node: ast.AugAssign, symbol: str) -> Span:
    """The operator's own place: other rules stand on the whole statement."""
    target, value = unit.statement.span(node.target), unit.statement.span(node.value)
    for line in range(target.end_line, value.line + 1):
        start = target.end_column if line == target.end_line else 0
        found = re.compile(re.escape(symbol) + "=").search(unit.statement.lines[line], start)
        if found is not None:
            return Span(line, found.start(), line, found.end())
    return unit.statement.span(node)


def _target(unit: Unit, operation: Operation) -> Span:
    """The element assigned to."""
    holder = operation.operands[0][0]
    around = support.parents(unit.statement).get(holder) if holder is not None else None
    return unit.statement.span(around if isinstance(around, ast.Subscript) else operation.node)


def _call_range(unit: Unit, node: ast.AST) -> Span:
    """The call from the function's own name on, since other rules stand on the callee or the whole call."""
    span = unit.statement.span(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name = unit.statement.span(node.func)
        return Span(name.end_line, name.end_column - len(node.func.attr), span.end_line, span.end_column)
    return span
