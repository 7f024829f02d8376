"""How a call is written with one of AIMET's own modules: what its constructor gets, and what stays in the call."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..knowledge.aimet_modules import AimetModule, number_first
from ..positions import Span
from ..reading.values import Const, Number, Sequence
from . import carrying, support

if TYPE_CHECKING:
    from ..reading.facts import Operation, Unit


def module_call(
    unit: Unit, operation: Operation, module: AimetModule
) -> tuple[tuple[str, ...], tuple[Span | str, ...], str | None] | str:
    """(constructor arguments, arguments of the call, name to assign to), or why there is no module form."""
    statement = operation.site.statement
    if operation.starred:
        return "its arguments are hidden behind `*`"
    given = {name: node for name, (node, _) in operation.keywords.items()}
    if set(given) & module.forbidden:
        return f"`{module.name}` has no `{min(set(given) & module.forbidden)}`"
    nodes = [node for node, _ in operation.operands]
    if any(node is None for node in (*nodes, *given.values())):
        return "its operands are not written at the call"
    assign_to = _assigned(unit, operation, module)
    if assign_to is not None and not assign_to.isidentifier():
        return assign_to
    if not _numbers_fit(operation, module):
        return f"`{module.name}` takes a tensor first"
    if module.operands == "same":
        return _same(unit, operation, module, assign_to)
    parameters = module.parameters
    constructor: list[str] = []
    for target, parameter in module.constructor.items():
        node = given.pop(parameter, None)
        if node is None and parameter in parameters and parameters.index(parameter) < len(nodes):
            node = nodes[parameters.index(parameter)]
        if node is None:
            continue
        text = carrying.carried(unit, operation, node)
        if text is None:
            return f"`{parameter}` is only known at run time"
        constructor.append(f"{target}={text}")
    kept: list[Span | str] = []
    for place in module.operands:
        assert isinstance(place, int)
        if place < len(nodes):
            node = nodes[place]
        else:
            name = parameters[place] if place < len(parameters) else ("other", "exponent")[module.name == "Pow"]
            node = given.pop(name, None)
            if node is None:
                break
        kept.append(statement.span(node))  # type: ignore[arg-type]
    if given or (not parameters and len(nodes) > len(module.operands)):
        return f"`{module.name}` does not take all of its arguments"
    return tuple(constructor), tuple(kept), assign_to


def _same(
    unit: Unit, operation: Operation, module: AimetModule, assign_to: str | None
) -> tuple[tuple[str, ...], tuple[Span | str, ...], str | None] | str:
    statement = operation.site.statement
    nodes = [node for node, _ in operation.operands]
    given = {name: node for name, (node, _) in operation.keywords.items()}
    constructor: list[str] = []
    for target, parameter in module.constructor.items():
        node = given.pop(parameter, None)
        if node is None and parameter in module.parameters and module.parameters.index(parameter) < len(nodes):
            node = nodes.pop(module.parameters.index(parameter))
        if node is not None:
            text = carrying.carried(unit, operation, node)
            if text is None:
                return f"`{parameter}` is only known at run time"
            constructor.append(text if target == "axis" else f"{target}={text}")
    kept: list[Span | str] = []
    if module.spread is not None:
        sequence = given.pop(module.spread, None) or (nodes.pop(0) if nodes else None)
        if sequence is None:
            return "its arguments cannot be told apart"
        if isinstance(sequence, (ast.List, ast.Tuple)):
            if any(isinstance(each, ast.Starred) for each in sequence.elts):
                kept.extend(
                    f"*{statement.source(each.value)}" if isinstance(each, ast.Starred) else statement.span(each)
                    for each in sequence.elts
                )
            else:
                kept.extend(statement.span(each) for each in sequence.elts)
        else:
            kept.append(f"*{statement.source(sequence)}")
    packed = module.pack if module.pack is not None and len(nodes) > module.pack else None
    if packed is not None and (len(nodes) > packed + 1 or not _is_sequence(operation, packed)):
        tail = ", ".join(statement.source(node) for node in nodes[packed:])  # type: ignore[arg-type]
        kept.extend(statement.span(node) for node in nodes[:packed])  # type: ignore[arg-type]
        kept.append(f"({tail},)" if len(nodes) == packed + 1 else f"({tail})")
    else:
        kept.extend(statement.span(node) for node in nodes)  # type: ignore[arg-type]
    kept.extend(keyword(operation, name, node) for name, node in given.items())  # type: ignore[arg-type]
    return tuple(constructor), tuple(kept), assign_to


def as_written(operation: Operation) -> tuple[Span | str, ...] | None:
    """All arguments of a call."""
    kept: list[Span | str] = []
    for node, _ in operation.operands:
        if node is None:
            return None
        kept.append(operation.site.statement.span(node))
    for name, (node, _) in operation.keywords.items():
        if node is None:
            return None
        kept.append(keyword(operation, name, node))
    return tuple(kept)


def keyword(operation: Operation, name: str, value: ast.expr) -> Span | str:
    """A keyword argument as it stays in a call: where it stands, so that it keeps its layout, or its text."""
    statement = operation.site.statement
    for each in getattr(operation.node, "keywords", ()):
        if each.arg == name and each.value is value:
            return statement.span(each)
    return f"{name}={statement.source(value)}"


def _is_sequence(operation: Operation, index: int) -> bool:
    return isinstance(operation.operands[index][1], Sequence)


def _numbers_fit(operation: Operation, module: AimetModule) -> bool:
    if number_first(module) or not operation.operands or isinstance(module.operands, str):
        return True
    first = operation.operands[module.operands[0]][1] if module.operands[0] < len(operation.operands) else None
    return not isinstance(first, (Const, Number))


def _assigned(unit: Unit, operation: Operation, module: AimetModule) -> str | None:
    """The name an in-place form's result goes to, a reason where it cannot; None for other forms."""
    if isinstance(operation.node, ast.AugAssign):
        return (
            operation.node.target.id if isinstance(operation.node.target, ast.Name) else "what it changes is not a name"
        )
    if not module.mutates:
        return None
    parent = support.parents(unit.statement).get(operation.node)
    changed = operation.operands[0][0]
    if isinstance(parent, ast.Expr):
        return changed.id if isinstance(changed, ast.Name) else "what it changes in place is not a name"
    return None
