"""Operations that AIMET has no module for, spelled with what it passes or has: the same values, bit for bit."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ..finding import CallModule, Change, NewModule, Repair, ReplaceText, Safety, Step
from ..knowledge.aimet_modules import import_path
from . import support

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Operation, Unit

_ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)


def repair(unit: Unit, operation: Operation, config: Config) -> tuple[Repair | None, str]:
    """The repair, and why there is none."""
    name = operation.symbol.rpartition(".")[2].strip("_")
    if operation.via not in ("direct", "operator") or operation.starred or operation.symbol.startswith("torch.nn."):
        return None, ""
    if name in ("unbind", "iter"):
        return _unpacked(unit, operation), ""
    if operation.symbol in ("Tensor.mT", "Tensor.T"):
        return _transposed(unit, operation), ""
    if operation.symbol == "Tensor.type_as":
        return _cast(unit, operation), ""
    if operation.symbol == "torch.stack":
        return _stacked(unit, operation, config)
    if operation.symbol == "torch.einsum":
        return _contracted(unit, operation, config)
    return None, ""


def _unpacked(unit: Unit, operation: Operation) -> Repair | None:
    """`q, k, v = qkv.unbind(0)` as `q, k, v = qkv[0], qkv[1], qkv[2]`."""
    node, parent = operation.node, support.parents(unit.statement).get(operation.node)
    if not isinstance(parent, ast.Assign) or parent.value is not node or len(parent.targets) != 1:
        return None
    target, tensor = parent.targets[0], operation.operands[0][0] if operation.operands else None
    if not isinstance(target, (ast.Tuple, ast.List)) or not isinstance(tensor, ast.Name) or len(target.elts) < 2:
        return None
    dim = _dim(operation, 1)
    if dim is None or any(isinstance(each, ast.Starred) for each in target.elts):
        return None
    form = f"{tensor.id}[{{}}]" if dim == 0 else f"{tensor.id}.select({dim}, {{}})"
    text = ", ".join(form.format(index) for index in range(len(target.elts)))
    title = f"Unpack by index, which AIMET passes: `{form.format(0)}, ...`"
    return _made(unit, title, Safety.SAFE, ReplaceText(operation.site.statement.span(node), text))


def _transposed(unit: Unit, operation: Operation) -> Repair | None:
    """`x.mT` as `x.transpose(-2, -1)`, `x.T` as `x.t()`."""
    node = operation.operands[0][0]
    if node is None:
        return None
    statement = operation.site.statement
    text = "{0}.transpose(-2, -1)" if operation.symbol == "Tensor.mT" else "{0}.t()"
    title, safety = f"Write `{text[3:]}`, which AIMET passes", Safety.SAFE
    if operation.symbol == "Tensor.T":
        title, safety = f"{title} (unsafe: it takes no more than two dimensions)", Safety.UNSAFE
    return _made(unit, title, safety, ReplaceText(statement.span(operation.node), text, (statement.span(node),)))


def _cast(unit: Unit, operation: Operation) -> Repair | None:
    """`x.type_as(y)` as `x.to(y)`: both take over data type and device."""
    nodes = [each for each, _ in (*operation.operands, *operation.keywords.values())]
    if len(nodes) != 2 or nodes[0] is None or nodes[1] is None:
        return None
    statement = operation.site.statement
    parts = (statement.span(nodes[0]), statement.span(nodes[1]))
    title = "Write `.to(...)`, which does the same and which AIMET passes"
    return _made(unit, title, Safety.SAFE, ReplaceText(statement.span(operation.node), "{0}.to({1})", parts))


def _stacked(unit: Unit, operation: Operation, config: Config) -> tuple[Repair | None, str]:
    """`torch.stack([a, b], 1)` as AIMET's `Concat(1)` of `a.unsqueeze(1)` and `b.unsqueeze(1)`."""
    named = operation.keywords.get("tensors")
    sequence = named[0] if named else operation.operands[0][0] if operation.operands else None
    dim = _dim(operation, 1)
    if sequence is None or dim is None or "out" in operation.keywords:
        return None, ""
    statement, added = operation.site.statement, f".unsqueeze({dim})"
    if isinstance(sequence, (ast.List, ast.Tuple)) and not any(isinstance(e, ast.Starred) for e in sequence.elts):
        parts = [(each, statement.source(each)) for each in sequence.elts]
        texts = tuple((text if isinstance(each, _ATOMS) else f"({text})") + added for each, text in parts)
    else:
        texts = (f"*[each{added} for each in {statement.source(sequence)}]",)
    title = f"Define `self.cat = Concat({dim})` of AIMET's own modules and call it with `{added[1:]}` of each tensor"
    return _called(unit, operation, config, ("cat", "Concat", (str(dim),)), texts, title, "")


def _contracted(unit: Unit, operation: Operation, config: Config) -> tuple[Repair | None, str]:
    """`torch.einsum("bhid,bhjd->bhij", q, k)` as AIMET's `MatMul` of `q` and `k.transpose(-2, -1)`."""
    nodes = [node for node, _ in operation.operands]
    if len(nodes) != 3 or not isinstance(nodes[0], ast.Constant) or not isinstance(nodes[0].value, str):
        return None, ""
    left, right = nodes[1:]
    turned = _is_product(nodes[0].value)
    if left is None or right is None or turned is None:
        return None, "AIMET's `MatMul` computes only products over the last two dimensions"
    statement = operation.site.statement
    second = statement.source(right)
    if turned:
        second = (second if isinstance(right, _ATOMS) else f"({second})") + ".transpose(-2, -1)"
    title = "Define `self.matmul = MatMul()` of AIMET's own modules and call it"
    doubt = "the product may round differently"
    return _called(unit, operation, config, ("matmul", "MatMul", ()), (statement.source(left), second), title, doubt)


def _is_product(equation: str) -> bool | None:
    """Whether the second operand of an equation must be transposed to make it a matrix product; None if it is none."""
    match = re.fullmatch(r"(\w+),(\w+)->(\w+)", equation.replace(" ", ""))
    if match is None:
        return None
    left, right, out = match.groups()
    if not len(left) == len(right) == len(out) or len(set(left)) != len(left) or len(set(right)) != len(right):
        return None
    if not left[:-2] == right[:-2] == out[:-2] or len(out) < 2 or out[-2] != left[-2] or left[-2] in right:
        return None
    if right[-2] == left[-1] and right[-1] == out[-1]:
        return False
    return True if right[-1] == left[-1] and right[-2] == out[-1] else None


def _called(
    unit: Unit,
    operation: Operation,
    config: Config,
    made: tuple[str, str, tuple[str, ...]],
    texts: tuple[str, ...],
    title: str,
    doubt: str,
) -> tuple[Repair | None, str]:
    """The repair that calls one of AIMET's modules with `texts`. made: its name, class and constructor arguments."""
    place = support.place_for(unit, operation)
    if place.owner is None or operation.site.owner is None:
        return None, place.reason
    if operation.repeated or operation.loops:
        return None, "it runs several times, so one module would be reused; use one module for each run"
    name, kind, arguments = made
    taken = support.taken_names(unit.index, operation.site.owner)
    new = NewModule(place.owner, name, f"{import_path(config.aimet_version)}.{kind}", arguments, taken=taken)
    missing = "" if config.aimet_available else "the model then imports aimet_torch"
    doubt = doubt or place.reason or support.scripting_doubt(unit.index, operation.site.owner) or missing
    if doubt:
        title += f" (unsafe: {doubt})"
    step = CallModule(operation.site.statement.span(operation.node), new, texts)
    return _made(unit, title, Safety.UNSAFE if doubt else Safety.SAFE, step), ""


def _dim(operation: Operation, position: int) -> int | None:
    """The dimension as written; 0 where there is none, None where it is no plain number."""
    node: ast.expr | None = ast.Constant(0)
    if "dim" in operation.keywords:
        node = operation.keywords["dim"][0]
    elif position < len(operation.operands):
        node = operation.operands[position][0]
    try:
        value = ast.literal_eval(node) if node is not None else None
    except ValueError:
        return None
    return value if type(value) is int else None


def _made(unit: Unit, title: str, safety: Safety, step: Step) -> Repair:
    return Repair(title, safety, (Change(unit.path, unit.statement.key, (step,)),))
