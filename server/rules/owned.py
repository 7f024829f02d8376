"""Functionals over weights that the class owns itself: there is a module for each, and a price to pay for it."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ..finding import CallModule, Change, NewModule, Repair, Safety
from ..knowledge.aimet_modules import aimet_module, import_path
from ..knowledge.layers import Layer, bind
from ..positions import Span
from ..reading.definitions import Definition
from . import support
from .aimet_forms import module_call

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Operation, Unit
    from ..reading.index import Index

# The normalizations whose layer is built without its weights being read, and the weights it then takes over.
_SHARING = {"torch.nn.functional.layer_norm": ("weight", "bias"), "torch.nn.functional.rms_norm": ("weight",)}


def repair(unit: Unit, operation: Operation, found: Layer, place: support.Place, config: Config) -> Repair | None:
    """What a colleague who knows AIMET would write, None where even that is not possible. Always unsafe."""
    if operation.via != "direct" or operation.site.owner is None or place.owner is None:
        return None
    return _layer(unit, operation, found, place.owner) or _aimet(unit, operation, found, place.owner, config)


def _layer(unit: Unit, operation: Operation, found: Layer, owner: str) -> Repair | None:
    """The layer itself, which holds the very same parameters."""
    weights = _SHARING.get(found.functional)
    bound = bind(found, len(operation.operands), operation.keywords) if weights is not None else None
    if weights is None or bound is None or operation.symbol.startswith("Tensor."):
        return None
    nodes: dict[str, ast.expr] = {}
    for parameter, where in bound.items():
        node = operation.operands[where][0] if isinstance(where, int) else operation.keywords[where][0]
        if node is None:
            return None
        nodes[parameter] = node
    shares: list[tuple[str, str]] = []
    for parameter in weights:
        weight = nodes.pop(parameter, None)
        if weight is None or (isinstance(weight, ast.Constant) and weight.value is None):
            shares.append((parameter, "None"))
            continue
        attribute = support.attribute_of(weight)
        if attribute is None or not _stays(unit.index, operation.site.owner, attribute):  # type: ignore[arg-type]
            return None
        shares.append((parameter, f"self.{attribute}"))
    given = nodes.pop("input")
    arguments: list[str] = []
    for parameter, node in nodes.items():
        carried = support.carried(unit, operation, node)
        if carried is None:
            return None
        arguments.append(carried if parameter == "normalized_shape" else f"{parameter}={carried}")
    if not any(text != "None" for _, text in shares):
        return None
    module = _module(unit, operation, owner, found.attribute, found.module, tuple(arguments), tuple(shares))
    kind = found.module.rpartition(".")[2]
    gained = " and ".join(f"`{found.attribute}.{name}`" for name, text in shares if text != "None")
    title = (
        f"Define `self.{found.attribute} = nn.{kind}({', '.join(arguments)})` with the same weights and call it "
        f"(unsafe: the state_dict gains {gained}, so earlier checkpoints need strict=False)"
    )
    return _repair(unit, operation, title, CallModule(_span(operation), module, (_span(operation, given),)))


def _stays(index: Index, owner: Definition, attribute: str) -> bool:
    """Whether what `__init__` leaves in an attribute stays there: a new module that shares it would not follow."""
    written = re.compile(rf"\.{attribute}\s*(?::[^=\n]*)?=(?!=)")
    later = [each.statement.source(each.node) for each in support.subclasses(index, owner)]
    for each in index.order(owner):
        if isinstance(each, Definition):
            later.extend(each.statement.source(node) for name, node in each.methods.items() if name != "__init__")
    return not any(map(written.search, later))


def _aimet(unit: Unit, operation: Operation, found: Layer, owner: str, config: Config) -> Repair | None:
    """AIMET's module that takes the weights with each call."""
    module = aimet_module(operation.symbol)
    if module is not None:
        call = module_call(unit, operation, module)
        if isinstance(call, str):
            return None
        name, attribute, (arguments, kept, _) = module.name, module.attribute, call
    elif found.parametric and found.aimet is not None:
        every = as_written(operation)
        if every is None:
            return None
        name, attribute, arguments, kept = found.aimet, found.attribute, (), every
    else:
        return None
    new = _module(unit, operation, owner, attribute, f"{import_path(config.aimet_version)}.{name}", arguments)
    title = (
        f"Define `self.{attribute} = {name}({', '.join(arguments)})` of AIMET's own modules and call it "
        "(unsafe: AIMET then quantizes what comes out, and still not the weights)"
    )
    return _repair(unit, operation, title, CallModule(_span(operation), new, kept))


def as_written(operation: Operation) -> tuple[Span | str, ...] | None:
    """All arguments of a call."""
    kept: list[Span | str] = []
    for node, _ in operation.operands:
        if node is None:
            return None
        kept.append(_span(operation, node))
    for name, (node, _) in operation.keywords.items():
        if node is None:
            return None
        kept.append(f"{name}={operation.site.statement.source(node)}")
    return tuple(kept)


def _module(
    unit: Unit,
    operation: Operation,
    owner: str,
    name: str,
    cls: str,
    arguments: tuple[str, ...],
    shares: tuple[tuple[str, str], ...] = (),
) -> NewModule:
    taken = support.taken_names(unit.index, operation.site.owner)  # type: ignore[arg-type]
    return NewModule(owner, name, cls, arguments, taken=taken, shares=shares)


def _span(operation: Operation, node: ast.AST | None = None) -> Span:
    return operation.site.statement.span(node if node is not None else operation.node)


def _repair(unit: Unit, operation: Operation, title: str, step: CallModule) -> Repair:
    return Repair(title, Safety.UNSAFE, (Change(unit.path, unit.statement.key, (step,)),))
