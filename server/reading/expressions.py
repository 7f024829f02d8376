"""Evaluates expressions on what is known of their operands."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..knowledge import tensors
from . import attributes, calls, conditions, fixed, iteration, noting, operators, subscripts
from .dtypes import is_boolean, is_mixed
from .facts import Operation
from .values import FALSE, NONE, TENSOR, TRUE, UNKNOWN, Const, Function, Number, Tensor, Unknown, Value, key_of

if TYPE_CHECKING:
    from .machine import Machine


_BUILTINS = frozenset(dir(builtins))


def is_builtin(name: str) -> bool:
    """Whether Python defines this name everywhere."""
    return name in _BUILTINS


def evaluate(m: Machine, node: ast.expr) -> Value:
    """What an expression yields."""
    kind = type(node)
    if kind is ast.Name:  # half of them
        return m.name(node.id)  # type: ignore[attr-defined]
    handler = EVALUATORS.get(kind)
    return handler(m, node) if handler is not None else UNKNOWN


def operate(
    m: Machine,
    symbol: str,
    node: ast.expr | ast.stmt,
    operands: tuple[tuple[ast.expr | None, Value], ...],
    result: Value = TENSOR,
    via: str = "operator",
) -> Value:
    """Note an operator's use on tensors."""
    if isinstance(result, Tensor):
        if is_boolean(symbol, operands, {}):
            result = Tensor("mixed" if result.origin == "op" else result.origin, boolean=True)
        elif result.origin == "op" and is_mixed(symbol, operands, {}):
            result = Tensor("mixed", result.definite)
    constant = fixed.result(m, symbol, operands, {}) if not m.building else None
    if constant is not None and isinstance(result, Tensor):
        result = Tensor(result.origin, result.definite, boolean=result.boolean, fixed=constant)
    if not m.building and not m.silent:
        loops = tuple(loop.node for loop in m.loops)
        noting.record(m, Operation(symbol, node, None, m.frame.site, operands, {}, result, via, False, loops))
    return result


def _constant(m: Machine, node: ast.Constant) -> Value:
    value = node.value
    if value is None:
        return NONE
    if value is True:
        return TRUE
    if value is False:
        return FALSE
    return Const(value)


def _attribute(m: Machine, node: ast.Attribute) -> Value:
    if m.frame.narrowed and isinstance(node.value, ast.Name):
        narrowed = m.frame.narrowed.get((node.value.id, node.attr))
        if narrowed is not None:
            return narrowed
    holder = evaluate(m, node.value)
    # A method that is not called tells nothing: modules have a `norm` and a `stride` too.
    if isinstance(holder, (Tensor, Unknown)) and node.attr in attributes.READ:
        narrow(m, node.value, holder, node.attr)
    return attributes.attribute(m, holder, node.attr, node)


def narrow(m: Machine, node: ast.expr, value: Value, attribute: str) -> bool:
    """An attribute only tensors have makes the name it is read from a tensor."""
    if isinstance(value, Tensor) and value.definite:
        return True
    if isinstance(value, (Tensor, Unknown)) and tensors.is_tensor_method(attribute):
        if isinstance(node, ast.Name):
            make_tensor(m, node)
        return True
    return False


def make_tensor(m: Machine, node: ast.expr) -> None:
    """From here on the name holds a tensor."""
    if isinstance(node, ast.Name):
        known = m.frame.names.get(node.id)
        if isinstance(known, Tensor):
            if not known.definite:
                m.frame.names[node.id] = Tensor(known.origin, rank=known.rank, rows=known.rows)
        elif isinstance(known, Unknown):
            m.frame.names[node.id] = Tensor("input" if known.name else "op")


def _is_tensor(value: Value) -> bool:
    return isinstance(value, Tensor)


def _lambda(m: Machine, node: ast.Lambda) -> Value:
    definition = m.frame.site.function.inner(node)
    return Function(definition, closure={**m.frame.closure, **m.frame.names}, lexical_class=m.frame.site.owner)


def _formatted(m: Machine, node: ast.JoinedStr) -> Value:
    varies: frozenset[int] = frozenset()
    text: list[str] | None = []
    keys: list[Any] = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            keys.append(part.value)
            if text is not None:
                text.append(str(part.value))
            continue
        value = evaluate(m, part.value) if isinstance(part, ast.FormattedValue) else UNKNOWN
        keys.append(key_of(value))
        if isinstance(value, Number):
            varies |= value.varies
        if isinstance(value, Const) and text is not None:
            text.append(str(value.value))
        else:
            text = None
    key = tuple(keys) if varies and None not in keys else None
    return Const("".join(text)) if text is not None else Number("str", varies=varies, key=key)


def _walrus(m: Machine, node: ast.NamedExpr) -> Value:
    value = evaluate(m, node.value)
    m.assign(node.target, value, None, node.value)
    return value


def _starred(m: Machine, node: ast.Starred) -> Value:
    return evaluate(m, node.value)


def _await(m: Machine, node: ast.Await) -> Value:
    return evaluate(m, node.value)


def _yield(m: Machine, node: ast.Yield | ast.YieldFrom) -> Value:
    if isinstance(node, ast.YieldFrom):
        m.frame.yields.append(iteration.element_of(m, evaluate(m, node.value), node.value, None))
    else:
        m.frame.yields.append(evaluate(m, node.value) if node.value is not None else NONE)
    return UNKNOWN


EVALUATORS: dict[type[ast.AST], Callable[[Machine, Any], Value]] = {
    ast.Constant: _constant,
    ast.Attribute: _attribute,
    ast.Lambda: _lambda,
    ast.JoinedStr: _formatted,
    ast.NamedExpr: _walrus,
    ast.Starred: _starred,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield,
}


def join_evaluators() -> None:
    """Take in what other files evaluate. These files import each other: it is done once all of them are there."""
    EVALUATORS[ast.Call] = calls.call
    for each in (operators, conditions, subscripts, iteration):
        EVALUATORS.update(each.EVALUATORS)
