"""Tests: whether they hold, and what they say of the names in them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import expressions, fixed, noting, ways
from .values import (
    NONE,
    NUMBER,
    TENSOR,
    UNKNOWN,
    Choice,
    Class,
    Const,
    Dictionary,
    Function,
    Module,
    Number,
    Sequence,
    Symbol,
    Tensor,
    Unknown,
    Value,
    join,
    join_all,
)

if TYPE_CHECKING:
    from .machine import Machine


def _boolean(m: Machine, node: ast.BoolOp) -> Value:
    stop = isinstance(node.op, ast.Or)
    values: list[Value] = []
    before = m.save()
    for operand in node.values[:-1]:
        value = expressions.evaluate(m, operand)
        known = known_truth(value)
        if known is None and isinstance(value, Tensor) and value.definite and not value.optional:
            noting.flow(m, "or" if stop else "and", operand, "branch", fixed.of_value(value))
        if known is stop:
            values.append(value)
            break
        if known is None:
            values.append(value)
        refine(m, operand, not stop)
    else:
        values.append(expressions.evaluate(m, node.values[-1]))
    m.merge(before)
    return join_all(values)


def known_truth(value: Value) -> bool | None:
    """Whether a value is true, where that is known."""
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, (Function, Class, Symbol)):
        return True
    if isinstance(value, Sequence) and value.items is not None and value.kind == "tuple":
        return bool(value.items)
    return None


def truth(m: Machine, node: ast.expr, kind: str) -> bool | None:
    """Whether a test holds; notes a test of a tensor's value."""
    if isinstance(node, ast.BoolOp):
        return _truth_of_all(m, node, kind)
    value = expressions.evaluate(m, node)
    if isinstance(value, Tensor) and value.definite and not value.optional:
        noting.flow(m, kind, node, "branch", value.fixed)
    elif isinstance(value, Number) and value.of_values:
        noting.flow(m, kind, node, "branch", fixed.of_value(value))
    return known_truth(value)


def _truth_of_all(m: Machine, node: ast.BoolOp, kind: str) -> bool | None:
    stop = isinstance(node.op, ast.Or)
    before = m.save()
    result: bool | None = not stop
    for operand in node.values:
        known = truth(m, operand, kind)
        if known is stop:
            result = stop if result is not None else result
            if result is None:
                # An earlier operand may have decided, but then the same way or another; only `stop` is sure.
                result = stop
            break
        if known is None:
            result = None
        refine(m, operand, not stop)
    m.merge(before)
    return result


def refine(m: Machine, test: ast.expr, holds: bool) -> None:
    """Go on where a test holds, or does not: what that says of the names in it holds from here on."""
    told = ways.answers(m, test, holds)
    m.way = ways.follow(m.way.union(told))
    _narrow(m, test, holds)


def _narrow(m: Machine, test: ast.expr, holds: bool) -> None:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        _narrow(m, test.operand, not holds)
    elif isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.And) is holds:
            for operand in test.values:
                _narrow(m, operand, holds)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1:
        operator, right = test.ops[0], test.comparators[0]
        if isinstance(operator, (ast.Is, ast.IsNot)) and isinstance(right, ast.Constant) and right.value is None:
            _refine_none(m, test.left, isinstance(operator, ast.Is) is holds)
    elif isinstance(test, (ast.Name, ast.Attribute)):
        if holds:
            _refine_none(m, test, False)
    elif isinstance(test, ast.Call) and len(test.args) == 2 and holds:
        called = test.func
        if isinstance(called, ast.Name) and called.id == "isinstance" and isinstance(test.args[0], ast.Name):
            _refine_type(m, test.args[0], expressions.evaluate(m, test.args[1]))


def pinned_loops(m: Machine, test: ast.expr) -> tuple[frozenset[int], frozenset[int]]:
    """The loops of which a test picks one round, and those of them whose round is not a constant.

    `i == 0`, where `i` counts the rounds, picks the first; `i == index` the one that `index` says, and where that
    changes with another loop, another one in each of its rounds.
    """
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        parts = [pinned_loops(m, part) for part in test.values]
        return frozenset().union(*(loops for loops, _ in parts)), frozenset().union(*(picked for _, picked in parts))
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return frozenset(), frozenset()
    sides = (test.left, test.comparators[0])
    values = [m.frame.names.get(side.id) for side in sides if isinstance(side, ast.Name)]
    loops: frozenset[int] = frozenset().union(*(value.varies for value in values if isinstance(value, Number)))
    fixed = any(isinstance(side, ast.Constant) for side in sides) or any(isinstance(value, Const) for value in values)
    return loops, frozenset() if fixed else loops


def _refine_none(m: Machine, node: ast.expr, is_none: bool) -> None:
    if isinstance(node, ast.Name):
        known = m.frame.names.get(node.id)
        narrowed = NONE if is_none else not_none(known)
        if narrowed is not None:
            m.frame.names[node.id] = narrowed
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        holder = m.frame.names.get(node.value.id)
        if isinstance(holder, Module) and holder.is_self and holder.attributes is not None:
            narrowed = not_none(holder.attributes.get(node.attr))
            if narrowed is not None:
                m.frame.narrowed[node.value.id, node.attr] = NONE if is_none else narrowed


def not_none(known: Value | None) -> Value | None:
    """What a value is if it is not None; None where that says nothing new."""
    if isinstance(known, Tensor) and known.optional:
        return Tensor(known.origin, known.definite, False, known.rank, known.rows)
    if isinstance(known, Choice):
        rest = tuple(o for o in known.options if not (isinstance(o, Const) and o.value is None))
        return rest[0] if len(rest) == 1 else Choice(rest)
    if isinstance(known, Const) and known.value is None:
        return UNKNOWN
    return None


def _refine_type(m: Machine, node: ast.Name, kind: Value) -> None:
    known = m.name(node.id)
    if not isinstance(known, (Unknown, Tensor)) or (isinstance(known, Tensor) and known.definite):
        return
    names = [option.name for option in _classes(kind) if isinstance(option, Symbol)]
    if names == ["torch.Tensor"]:
        m.frame.names[node.id] = Tensor("input")
    elif names and set(names) <= {"builtins.list", "builtins.tuple"}:
        element = TENSOR if isinstance(known, Tensor) else UNKNOWN
        m.frame.names[node.id] = Sequence(None, element, names[0].rpartition(".")[2])
    elif names == ["builtins.dict"]:
        m.frame.names[node.id] = Dictionary({}, UNKNOWN)
    elif names == ["builtins.int"]:
        m.frame.names[node.id] = NUMBER


def _classes(kind: Value) -> list[Value]:
    return list(kind.items) if isinstance(kind, Sequence) and kind.items is not None else [kind]


def _conditional(m: Machine, node: ast.IfExp) -> Value:
    known = truth(m, node.test, "ternary")
    if known is not None:
        traced, plain = asks_for_tracing(node.test)
        chosen, passed, only_traced = (node.body, node.orelse, traced) if known else (node.orelse, node.body, plain)
        m.only_traced += only_traced
        value = expressions.evaluate(m, chosen)
        m.only_traced -= only_traced
        if only_traced:
            # What computes with it, and a repair of that, must suit what it is where nobody traces, too.
            m.silent += 1
            value = join(value, expressions.evaluate(m, passed))
            m.silent -= 1
        return value
    before = m.save()
    refine(m, node.test, True)
    one = expressions.evaluate(m, node.body)
    after = m.save()
    m.restore(before)
    refine(m, node.test, False)
    other = expressions.evaluate(m, node.orelse)
    m.merge(after)
    return join(one, other)


EVALUATORS: dict[type[ast.AST], Callable[[Machine, Any], Value]] = {
    ast.BoolOp: _boolean,
    ast.IfExp: _conditional,
}


_TRACING = frozenset({"is_tracing", "_is_tracing", "_get_tracing_state", "is_in_onnx_export", "is_exporting"})


def asks_for_tracing(test: ast.expr) -> tuple[bool, bool]:
    """Whether what follows a test, and what follows its opposite, runs only while a model is traced or exported."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return asks_for_tracing(test.operand)[::-1]
    if isinstance(test, ast.BoolOp):
        parts, both = [asks_for_tracing(value) for value in test.values], isinstance(test.op, ast.And)
        return (any if both else all)(yes for yes, _ in parts), (all if both else any)(no for _, no in parts)
    if isinstance(test, ast.Call) and not test.args and not test.keywords:
        name = getattr(test.func, "attr", getattr(test.func, "id", ""))
        return name in _TRACING, False
    return False, False
