"""AIMET201 onnx-export."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..finding import Change, Draft, Repair, ReplaceText, Safety, Severity
from ..knowledge.onnx import Export, Spelling, export, spelling
from ..reading.arguments import Arguments
from ..reading.library import form
from . import support
from .base import Case, Rule

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Operation, Unit

# Spellings that are exact but for these: what differs.
_NOT_QUITE = {
    "trunc": "the sign of a zero may differ",
    "fix": "the sign of a zero may differ",
    "frac": "the sign of a zero may differ",
    "diff": "fails on a tensor of bools",
}

_NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x, y):
        x = self.conv(x)
        return {}
"""


class OnnxExport(Rule):
    """An operation that `torch.onnx.export()` cannot export.

    ## What it does

    Reports tensor operations for which torch's ONNX exporters have no translation, whatever the arguments. The verdicts
    come from really exporting each operation with the version of torch that the message names: a warning where neither
    exporter can, information where one of the two cannot. Where it depends on the arguments, nothing is reported.

    ## Why AIMET needs it

    AIMET's guideline: "Use torch.onnx.export() to export your model. Make sure ONNX export passes", and "If ONNX export
    fails, rewrite the specific layer so that ONNX export passes". AIMET writes the quantized model as ONNX for the
    target, and reads the ONNX graph to find which layers belong together.

    ## Example

    ```python
    class Net(nn.Module):
        def forward(self, x, y):
            return torch.fmin(x, y).fliplr()
    ```

    ## Use instead

    ```python
    class Net(nn.Module):
        def forward(self, x, y):
            z = torch.where(torch.isnan(x), y, torch.where(torch.isnan(y), x, torch.minimum(x, y)))
            return torch.flip(z, (1,))
    ```

    ## Fix safety

    Safe where the exportable spelling gives the same values bit for bit. Unsafe, with the difference in the title,
    where it rounds differently or holds only for some values. There is no repair where no equal operation is known, or
    where an argument would have to be computed twice.
    """

    code = "AIMET201"
    name = "onnx-export"
    cases = (
        Case(
            "an operation that neither exporter has, with an equal spelling",
            _NET.format("torch.fmin(x, y)"),
            (12,),
            _NET.format("torch.where(torch.isnan(x), y, torch.where(torch.isnan(y), x, torch.minimum(x, y)))"),
        ),
        Case(
            "a method, inside a larger expression",
            _NET.format("x.rad2deg() ** 2"),
            (12,),
            _NET.format("(x * 57.29577951308232) ** 2"),
        ),
        Case(
            "an argument that is an expression",
            _NET.format("torch.fliplr(x + y)"),
            (12,),
            _NET.format("torch.flip(x + y, (1,))"),
        ),
        Case(
            "an argument that would be computed twice",
            _NET.format("torch.fmin(self.conv(x), y)"),
            (12,),
            _NET.format("torch.fmin(self.conv(x), y)"),
            unsafe=True,
        ),
        Case(
            "a spelling that rounds differently",
            _NET.format("torch.hypot(x, y)"),
            (12,),
            _NET.format("torch.sqrt(x * x + y * y)"),
            unsafe=True,
        ),
        Case("an operation without an exportable spelling", _NET.format("torch.lgamma(x)"), (12,)),
        Case("operations that both exporters have", _NET.format("torch.minimum(x, y).flip(1)")),
        Case("an operation whose arguments decide", _NET.format("x.squeeze()")),
        Case("code that is not a model's", "import torch\n\n\ndef low(x, y):\n    return torch.fmin(x, y)\n"),
    )

    def check(self, unit: Unit, config: Config) -> Iterator[Draft]:
        """The operations of one statement that cannot be exported."""
        for operation in unit.operations:
            verdict = export(_form(operation))
            both = {verdict.torchscript, verdict.dynamo}
            if "no" not in both or "args" in both or support.is_loss(operation):
                continue
            repairs, reason = _repairs(unit, operation)
            message = _message(operation, verdict)
            if reason:
                message = f"{message} No repair is offered: {reason}."
            severity = self.severity if both == {"no"} else Severity.INFORMATION
            # The whole call, since 101 and 301 stand on its callee.
            yield Draft(self.code, unit.spot(operation.node), message, severity, operation.symbol, repairs)


def _form(operation: Operation) -> str:
    """The operation's name with the form its arguments give it (`torch.max[dim]`)."""
    return form(operation.symbol, Arguments(list(operation.operands), dict(operation.keywords), operation.starred))


def _message(operation: Operation, verdict: Export) -> str:
    name = operation.symbol
    version = verdict.torch.partition("+")[0]
    if verdict.torchscript == verdict.dynamo:
        return f"Neither of the two ONNX exporters of torch {version} can export `{name}`."
    if verdict.torchscript == "no":
        return (
            f"The TorchScript-based ONNX exporter of torch {version} (`dynamo=False`, opset {verdict.opset}) cannot "
            f"export `{name}`; the newer one (`dynamo=True`) can."
        )
    return (
        f"The newer ONNX exporter of torch {version} (`dynamo=True`) cannot export `{name}`; the TorchScript-based one "
        f"(`dynamo=False`, opset {verdict.opset}) can."
    )


def _repairs(unit: Unit, operation: Operation) -> tuple[tuple[Repair, ...], str]:
    """The repairs of one operation, and why there is none."""
    found = spelling(operation.symbol)
    if found is None:
        return (), "no equal operation is known that can be exported"
    if operation.site.scripted:
        return (), "torch.jit.script compiles this function"
    arguments = _bound(operation, found)
    if arguments is None or not isinstance(operation.node, ast.expr):
        return (), "the spelling that can be exported takes other arguments than this call gives"
    for parameter, node in zip(found.parameters, arguments, strict=True):
        if found.template.count(f"{{{parameter}}}") > 1 and not _is_cheap(node):
            return (), "the spelling that can be exported would compute an argument twice; give it a name first"
    plain = operation.symbol.rpartition(".")[2]
    doubt = _NOT_QUITE.get(plain, "") if found.exact else found.note
    text = found.template
    for number, parameter in enumerate(found.parameters):
        text = text.replace(f"{{{parameter}}}", f"{{{number}}}")
    if _needs_parentheses(unit, operation.node, text):
        text = f"({text})"
    step = ReplaceText(
        unit.statement.span(operation.node),
        text,
        tuple(unit.statement.span(node) for node in arguments),
        tuple(dict.fromkeys(re.findall(r"(?<![\w.])torch(?:\.\w+)+", text))),
    )
    title = f"Write `{plain}` with operations that can be exported" + (f" (unsafe: {doubt})" if doubt else "")
    safety = Safety.UNSAFE if doubt else Safety.SAFE
    return (Repair(title, safety, (Change(unit.path, unit.statement.key, (step,)),)),), ""


def _bound(operation: Operation, found: Spelling) -> list[ast.expr] | None:
    """The argument for each of the spelling's parameters, None where the call gives others or hides some."""
    if operation.starred or operation.via in ("stored", "passed"):
        return None
    given = [node for node, _ in operation.operands]
    named = {name: node for name, (node, _) in operation.keywords.items()}
    nodes = [*given, *(named.pop(name, None) for name in found.parameters[len(given) :])]
    if named or len(nodes) != len(found.parameters):
        return None
    written = [node for node in nodes if node is not None]
    return written if len(written) == len(nodes) else None


def _is_cheap(node: ast.expr) -> bool:
    """Whether evaluating it twice costs nothing and changes nothing."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, (ast.Name, ast.Constant))


def _needs_parentheses(unit: Unit, node: ast.expr, text: str) -> bool:
    """Whether the new text binds less tightly than what stands around the old."""
    tree = ast.parse(re.sub(r"\{\d+\}", "x", text), mode="eval").body
    if not isinstance(tree, (ast.BinOp, ast.UnaryOp)):
        return False
    around = support.parents(unit.statement).get(node)
    if isinstance(around, ast.Call):
        return node is around.func
    return not isinstance(around, (ast.stmt, ast.keyword, ast.Tuple, ast.List))
