"""Functionals over the weights of a layer that the model holds: the layer itself does the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..finding import Change, Repair, ReplaceText, Safety
from ..knowledge.layers import Layer, bind
from ..reading.definitions import Definition
from ..reading.values import Module
from . import helpers, support
from .calling import Call

if TYPE_CHECKING:
    from ..reading.facts import Operation, Unit
    from ..reading.index import Index


def repair(unit: Unit, operation: Operation, found: Layer) -> Repair | None:
    """`F.linear(x, self.fc.weight, self.fc.bias)` as `self.fc(x)`, in a method of the model."""
    given = _given(operation, found)
    owner = operation.site.owner
    if given is None or owner is None or operation.repeated or operation.loops or operation.site.scripted:
        return None
    name = _layer(unit.index, owner, found, given[1])
    if name is None:
        return None
    statement = operation.site.statement
    inputs = statement.span(given[0])
    step = ReplaceText(statement.span(operation.node), f"self.{name}({{0}})", (inputs,))
    title = f"Call `self.{name}`, whose weights these are (unsafe: the hooks of `self.{name}` then run)"
    return Repair(title, Safety.UNSAFE, (Change(unit.path, unit.statement.key, (step,)),))


def passed(unit: Unit, operation: Operation, found: Layer) -> Repair | None:
    """The same in a function that models call with the weights: they pass the layer, and the others go on as before."""
    given = _given(operation, found)
    if given is None or not isinstance(given[0], (ast.Name, ast.Attribute, ast.Subscript)):
        return None
    names = list(given[1])

    def make(call: Call, exprs: Sequence[ast.expr]) -> helpers.Passed | None:
        name = _layer(unit.index, call.holder, found, dict(zip(names, exprs, strict=True)))
        given = {ast.unparse(each.value) for each in call.node.keywords}
        return helpers.Passed(None, f"self.{name}") if name is not None and f"self.{name}" not in given else None

    kept = operation.site.statement.span(given[0])
    return helpers.layer_repair(unit, operation, found.attribute, list(given[1].values()), make, kept)


def is_passed(unit: Unit, operation: Operation, call: Call) -> bool:
    """Whether a call passes the layer that an earlier repair calls in place of the operation, where it is given."""
    around = support.parents(unit.statement).get(operation.node)
    if not isinstance(around, ast.IfExp) or around.orelse is not operation.node:
        return False
    called = around.body.func if isinstance(around.body, ast.Call) else None
    return isinstance(called, ast.Name) and any(each.arg == called.id for each in call.node.keywords)


def _given(operation: Operation, found: Layer) -> tuple[ast.expr, dict[str, ast.expr]] | None:
    """The input of a call, and its other arguments by parameter."""
    if operation.via != "direct" or operation.starred or operation.symbol.startswith("Tensor."):
        return None
    bound = bind(found, len(operation.operands), operation.keywords)
    nodes = support.written(operation, bound) if bound is not None else None
    if nodes is None or len(found.inputs) != 1:
        return None
    given = nodes.pop(next(iter(found.inputs)), None)
    # What the call leaves out is the function's default, and perhaps not the layer's.
    every = {parameter.name for parameter in found.signature} - set(found.inputs) - set(found.ignored)
    return (given, nodes) if given is not None and every == set(nodes) else None


def _layer(index: Index, owner: Definition, found: Layer, given: Mapping[str, ast.expr]) -> str | None:
    """The attribute of a class that holds the layer of which all these are: `self.fc.weight`, `self.fc.bias`."""
    layers = set()
    for parameter, node in given.items():
        if not isinstance(node, ast.Attribute) or node.attr != parameter:
            return None
        layers.add(support.attribute_of(node.value))
    name = layers.pop() if len(layers) == 1 else None
    built = index.built(owner) if name is not None else None
    held = built.attributes.get(name) if built is not None and name is not None else None
    if not isinstance(held, Module) or held.cls != found.module or held.guess or held.definition is not None:
        return None
    classes = [each for each in index.order(owner) if isinstance(each, Definition)]
    # Called elsewhere too, it would be used twice.
    called = rf"\bself\.{name}\("
    return None if any(re.search(called, each.source) for each in classes) else name
