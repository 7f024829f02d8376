"""AIMET302 data-dependent-flow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..finding import Change, Draft, Repair, ReplaceText, Safety, Spot
from ..knowledge.names import canonical
from ..reading.annotations import last_name
from ..reading.values import Sequence, Tensor, Value
from . import support
from .base import Case, Rule

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Flow, Operation, Unit

_NET = """\
import torch
from torch import nn

SCALE = 2


class Net(nn.Module):
    def __init__(self, deep=False):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.deep = deep

    def forward(self, x, mask=None):
        x = self.conv(x)
        {}
        return x
"""

_TRACED = (
    "torch.jit.trace, which AIMET reads the model with, keeps only {kept}, and `prepare_model` stops with a TraceError."
)
_DROPPED = "torch.jit.trace, which AIMET reads the model with, drops it, and `prepare_model` stops with a TraceError."
_LENGTH = (
    "`len()` of a tensor is a plain number, which decides a size here. torch.jit.trace, which AIMET reads the model "
    "with, keeps the size that the example input gives, and `prepare_model` stops with a RuntimeError."
)
_KEPT = {
    "branch": "the path that the example input takes",
    "range": "the number of rounds that the example input needs",
    "shape": "the sizes that the example input gives",
    "": "what the example input gives",
}
_TESTS = {
    "if": "This `if` asks for a tensor's value.",
    "while": "This `while` asks for a tensor's value.",
    "assert": "This `assert` asks for a tensor's value.",
    "ternary": "This conditional expression asks for a tensor's value.",
    "not": "`not` asks for a tensor's value.",
    "and": "`and` asks for a tensor's value.",
    "or": "`or` asks for a tensor's value.",
    "in": "`in` asks for a tensor's values.",
    "max": "Python's `max` compares by a tensor's value.",
    "min": "Python's `min` compares by a tensor's value.",
}
_ALWAYS = frozenset({"numpy", "equal", "allclose", "is_nonzero"})
_DECIDES = {"branch": "which code runs", "range": "how often a loop runs", "shape": "a size"}
_NO_REPAIR = {
    "assert": "remove the check, or make it outside the model",
    "max": "use `torch.maximum`, where both are tensors",
    "min": "use `torch.minimum`, where both are tensors",
    "": "what to write instead depends on what the code is for; `torch.where` chooses between two tensors",
}

# The size of their result depends on the values of their input.
_SELECTIONS = frozenset(
    f"{space}.{name}"
    for space in ("torch", "Tensor", "torch.ops.aten")
    for name in ("nonzero", "argwhere", "masked_select")
)


class DataDependentFlow(Rule):
    """Python code that depends on a tensor's value.

    ## What it does

    Reports `if`, `while`, `assert`, conditional expressions, `and`, `or`, `not` on a tensor's value; `.item()`,
    `.tolist()`, `int()`, `float()` and `bool()` of a tensor where the number decides a branch, a `range` or a size;
    `len()` of a tensor where it decides a size; `.numpy()`, `torch.equal` and their like; and `nonzero` and boolean
    masks, whose results have another size for each input. Comparing shapes, `x is None`, `isinstance`,
    `self.training`, settings of the model, buffers that `forward` does not change, and tensors that it makes of
    constants and sizes are fine.

    ## Why AIMET needs it

    AIMET's guidelines ask for a model that `torch.jit.trace` can trace: its connected graph is built from the trace.
    A trace holds what ran for the example input and nothing else, so the other branch is silently missing; and
    `prepare_model`, which traces with torch.fx, fails with "symbolically traced variables cannot be used as inputs to
    control flow". A result whose size depends on the input has no fixed place in a quantized graph.

    ## Example

    ```python
    class Net(nn.Module):
        def forward(self, x):
            if x.sum() > 0:
                x = x * 2
            return x
    ```

    ## Use instead

    ```python
    class Net(nn.Module):
        def forward(self, x):
            return torch.where(x.sum() > 0, x * 2, x)
    ```

    ## Fix safety

    `len(x)` of a tensor becomes `x.size(0)`, which a trace can follow; that is safe, except in a helper that may be
    given a list too. Nothing else has a repair: only
    the author knows whether both branches should be computed, or the decision made before the model is called.
    """

    code = "AIMET302"
    name = "data-dependent-flow"
    cases = (
        Case("an if", _NET.format("if x.sum() > 0:\n            x = -x"), (15,)),
        Case("an if on any()", _NET.format("if torch.isnan(x).any():\n            x = -x"), (15,)),
        Case("a while", _NET.format("while x.max() > 1:\n            x = x / 2"), (15,)),
        Case("an assert", _NET.format("assert (x > 0).all()"), (15,)),
        Case("a conditional expression", _NET.format("x = x if x.mean() > 0 else -x"), (15,)),
        Case("not, and, or", _NET.format("if self.deep and not x.any():\n            x = -x"), (15,)),
        Case("an item in a test", _NET.format("if x.max().item() > 1:\n            x = -x"), (15,)),
        Case(
            "a number that decides a loop", _NET.format("for _ in range(int(x.max())):\n            x = x * 2"), (15,)
        ),
        Case(
            "a number that decides a size, some lines before it does",
            _NET.format("n = x.max().item() + 1\n        x = x[:, : int(n)]"),
            (15,),
        ),
        Case("a list that decides sizes", _NET.format("x = x.view(x.amax(1).tolist())"), (15,)),
        Case(
            "len of a tensor that decides a size",
            _NET.format("x = x.view(len(x), -1)"),
            (15,),
            _NET.format("x = x.view(x.size(0), -1)"),
        ),
        Case("torch.equal", _NET.format("same = torch.equal(x, x)"), (15,)),
        Case("numpy", _NET.format("a = x.numpy()"), (15,)),
        Case(
            "nonzero, and where with a condition alone", _NET.format("a, b = x.nonzero(), torch.where(x > 0)"), (15, 15)
        ),
        Case(
            "a boolean mask",
            _NET.format("keep = x.mean(1) > 0\n        x = x[keep]\n        x = x[:, ~keep & (x > 1)]"),
            (16, 17),
        ),
        Case(
            "a mask that assigns keeps the size",
            _NET.format("x = x.clone()\n        x[x < 0] = 0"),
        ),
        Case(
            "shapes, None, types, settings and training",
            _NET.format(
                "if x.shape[0] > SCALE and x.dim() == 4 and x.size(1) % 2 == 0 and mask is not None:\n"
                "            x = -x\n"
                "        if self.deep or self.training or isinstance(x, list) or torch.jit.is_scripting():\n"
                "            x = -x\n        assert x.numel() > 0 and x.is_floating_point()\n"
                "        for _ in range(len(x)):\n            x = x[: x.shape[1]]\n"
                "        if mask is not None and not self.deep:\n            x = x * mask"
            ),
        ),
        Case("a number that only scales", _NET.format("x = x * self.conv.weight.max().item()")),
        Case("an index that is no mask", _NET.format("x = x[torch.arange(2)]")),
        Case("code that is not a model's", "def sign(x):\n    if x.sum() > 0:\n        return 1\n    return -1\n"),
    )

    def check(self, unit: Unit, config: Config) -> Iterator[Draft]:
        """The places in one statement that need a tensor's value."""
        seen: set[Spot] = set()
        for draft in self._drafts(unit):
            if draft.spot not in seen:
                seen.add(draft.spot)
                yield draft

    def _drafts(self, unit: Unit) -> Iterator[Draft]:
        for flow in unit.flows:
            # A trace keeps the branches of a function that torch.jit.script compiles.
            if flow.site.scripted or (flow.fixed is not None and flow.fixed.holds):
                continue
            if flow.kind in _TESTS or flow.feeds == "branch":
                yield self._test(unit, flow)
            elif flow.feeds or flow.kind in _ALWAYS:
                yield self._reading(unit, flow)
        for operation in unit.operations:
            if operation.site.scripted:
                continue
            if _selects(operation) and not support.is_fixed(operation.values()[0]):
                yield self._selection(operation, _call_part(unit, operation.node))
            elif isinstance(operation.node, ast.Subscript) and _is_masked(operation):
                yield self._selection(operation, _brackets(unit, operation.node))

    def _test(self, unit: Unit, flow: Flow) -> Draft:
        kind, spot = _test_range(unit, flow)
        traced = _TRACED.format(kept=_KEPT["branch"])
        if kind == "assert":
            traced = _DROPPED
        reason = _NO_REPAIR.get(kind, _NO_REPAIR[""])
        what = _TESTS.get(kind, f"`{kind}` gives Python a tensor's value.")
        return Draft(self.code, spot, f"{what} {traced} No repair is offered: {reason}.", self.severity, kind)

    def _reading(self, unit: Unit, flow: Flow) -> Draft:
        spelt = f".{flow.kind}()" if _is_method(flow.node) else f"{flow.kind}()"
        decides = f" that decides {_DECIDES[flow.feeds]}" if flow.feeds else ""
        what = f"`{spelt}` takes a plain Python value out of a tensor{decides}."
        message = f"{what} {_TRACED.format(kept=_KEPT[flow.feeds])}"
        if flow.kind == "len":
            message = _LENGTH
        repairs: tuple[Repair, ...] = ()
        if flow.kind == "len" and isinstance(flow.node, ast.Call) and len(flow.node.args) == 1:
            span = unit.statement.span
            step = ReplaceText(span(flow.node), "{0}.size(0)", (span(flow.node.args[0]),))
            change = Change(unit.path, unit.statement.key, (step,))
            written = " ".join(unit.source(flow.node.args[0]).split())
            title = f"Write `{written}.size(0)` for `len({written})`"
            if _is_tensor_always(flow, flow.node.args[0]):
                repairs = (Repair(title, Safety.SAFE, (change,)),)
            else:
                title = f"{title} (unsafe: others may call this with a list)"
                repairs = (Repair(title, Safety.UNSAFE, (change,)),)
        else:
            message = f"{message} No repair is offered: {_NO_REPAIR['']}."
        return Draft(self.code, _call_part(unit, flow.node), message, self.severity, flow.kind, repairs)

    def _selection(self, operation: Operation, spot: Spot) -> Draft:
        message = (
            "How many elements this selects depends on the input's values, so nothing after it has a fixed size, which "
            "a quantized graph needs. No repair is offered: to keep the size, choose with `torch.where`."
        )
        return Draft(self.code, spot, message, self.severity, operation.symbol)


def _is_tensor_always(flow: Flow, node: ast.expr) -> bool:
    """Whether it is a tensor whoever runs the function: what one model passes to a helper another need not pass."""
    function = flow.site.function.node
    if isinstance(function, (ast.ClassDef, ast.Lambda)):
        return False
    if flow.site.owner is not None and function.name == "forward":
        return True
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    named = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    given = next((each for each in arguments if each.arg in named), None)
    if given is None:
        return flow.site.owner is not None
    return given.annotation is not None and last_name(given.annotation) == "Tensor"


def _selects(operation: Operation) -> bool:
    symbol = canonical(operation.symbol)
    if symbol in ("torch.where", "Tensor.where"):
        return len(operation.operands) + len(operation.keywords) == 1 and not operation.starred
    return symbol in _SELECTIONS


def _is_masked(operation: Operation) -> bool:
    return operation.symbol == "Tensor.__getitem__" and any(_is_mask(value) for _, value in operation.operands[1:])


def _is_mask(value: Value) -> bool:
    if isinstance(value, Sequence):
        return value.items is not None and any(map(_is_mask, value.items))
    return isinstance(value, Tensor) and value.boolean and not support.is_fixed(value)


def _test_range(unit: Unit, flow: Flow) -> tuple[str, Spot]:
    """What kind of test a flow stands in, and where: from the keyword to the test's end.

    The test alone may be the range of another rule (`x > 0`).
    """
    parents = support.parents(unit.statement)
    node, around = flow.node, parents.get(flow.node)
    while around is not None:
        if isinstance(around, (ast.If, ast.While, ast.Assert)) and node is around.test:
            kind = type(around).__name__.lower()
            return kind, unit.between(around, node)
        if isinstance(around, ast.IfExp) and node is around.test:
            return "ternary", unit.spot(around)
        if isinstance(around, ast.comprehension):
            return "if", unit.between(around.target, node)
        if isinstance(around, (ast.stmt, ast.Lambda)):
            break
        node, around = around, parents.get(around)
    kind = flow.kind
    outer = parents.get(flow.node)
    if kind in ("not", "and", "or") and outer is not None:
        return kind, unit.spot(outer)
    return kind, unit.spot(flow.node)


def _is_method(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)


def _call_part(unit: Unit, node: ast.AST) -> Spot:
    """A call from its function's own name on (`item()`), since other rules stand on the callee or the whole call."""
    spot = unit.spot(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name = unit.statement.span(node.func)
        start = (name.end_line, name.end_column - len(node.func.attr))
        return spot._replace(span=spot.span._replace(line=start[0], column=start[1]))
    return spot


def _brackets(unit: Unit, node: ast.Subscript) -> Spot:
    """The brackets of an index."""
    spot, value = unit.spot(node), unit.statement.span(node.value)
    return spot._replace(span=spot.span._replace(line=value.end_line, column=value.end_column))
