"""Reading and writing parts: `x[index]`, `x[a:b]`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import building, containers, expressions, noting, remembered
from .syntax import walk
from .values import (
    NONE,
    TENSOR,
    TENSORISH,
    UNKNOWN,
    BoundBuiltin,
    Choice,
    Const,
    Dictionary,
    Foreign,
    Module,
    Number,
    Sequence,
    Shape,
    Tensor,
    Unknown,
    Value,
    join,
    join_all,
)

if TYPE_CHECKING:
    from .machine import Machine


def _subscript(m: Machine, node: ast.Subscript) -> Value:
    holder = expressions.evaluate(m, node.value)
    if isinstance(node.slice, ast.Slice):
        return _slice(m, holder, node, node.slice)
    index = expressions.evaluate(m, node.slice)
    if isinstance(holder, Tensor):
        if not holder.definite:
            if isinstance(index, Sequence) or isinstance(node.slice, (ast.Tuple, ast.Slice)):
                expressions.make_tensor(m, node.value)
                return expressions.operate(m, "Tensor.__getitem__", node, ((node.value, TENSOR), (node.slice, index)))
            return TENSORISH
        return expressions.operate(
            m, "Tensor.__getitem__", node, ((node.value, holder), (node.slice, index)), Tensor("view")
        )
    return item(m, holder, index, node)


def item(m: Machine, holder: Value, index: Value, node: ast.Subscript) -> Value:
    """What `holder[index]` is."""
    if isinstance(holder, Shape):
        return Number("int", shape=True)
    if isinstance(holder, Sequence):
        if holder.items is not None and isinstance(index, Const) and isinstance(index.value, int):
            if -len(holder.items) <= index.value < len(holder.items):
                return holder.items[index.value]
            return UNKNOWN
        return containers.element_at(m, holder, index)
    if isinstance(holder, Dictionary):
        if isinstance(index, Const) and index.value in holder.items:
            return holder.items[index.value]
        return holder.any_element() if holder.element is not None or not isinstance(index, Const) else UNKNOWN
    if isinstance(holder, Module):
        return containers.child(m, holder, index, node.slice)
    if isinstance(holder, Foreign):
        return holder
    if isinstance(holder, Choice):
        return join_all(item(m, option, index, node) for option in holder.options)
    if isinstance(holder, Unknown) and isinstance(node.slice, ast.Tuple):
        # Only tensors and arrays take several indices.
        if any(isinstance(each, ast.Slice) for each in node.slice.elts):
            expressions.make_tensor(m, node.value)
            return TENSORISH
    return UNKNOWN


def _slice(m: Machine, holder: Value, node: ast.Subscript, bounds: ast.Slice) -> Value:
    low = expressions.evaluate(m, bounds.lower) if bounds.lower is not None else NONE
    high = expressions.evaluate(m, bounds.upper) if bounds.upper is not None else NONE
    step = expressions.evaluate(m, bounds.step) if bounds.step is not None else NONE
    for bound in (low, high, step):
        noting.feed(bound, "shape")
    limits = [v.value for v in (low, high, step) if isinstance(v, Const) and isinstance(v.value, (int, type(None)))]
    bounded = slice(*limits) if len(limits) == 3 else None
    if isinstance(holder, Tensor):
        if not holder.definite:
            return TENSORISH
        return expressions.operate(
            m, "Tensor.__getitem__", node, ((node.value, holder), (bounds, NONE)), Tensor("view")
        )
    if isinstance(holder, Sequence):
        if holder.items is not None and bounded is not None:
            return Sequence(holder.items[bounded], kind=holder.kind)
        return Sequence(None, holder.any_element(), holder.kind)
    if isinstance(holder, Shape):
        return Shape()
    if isinstance(holder, Module):
        return containers.part(m, holder, bounded, _moving(m, ((bounds.lower, low), (bounds.upper, high))))
    if isinstance(holder, Foreign):
        return holder
    return UNKNOWN if not isinstance(holder, Number) else Number("str")


def _moving(m: Machine, bounds: tuple[tuple[ast.expr | None, Value], ...]) -> frozenset[int]:
    """The loops that a slice moves with: as far as is known, and each where names of the function say where it is."""
    moving: frozenset[int] = frozenset()
    for node, value in bounds:
        if isinstance(value, (Const, Number)):
            moving |= containers.variance(value)
        elif node is not None and any(isinstance(part, ast.Name) and part.id != "self" for part in walk(node)):
            moving |= {loop.number for loop in m.loops}
    return moving


def _bounds(m: Machine, node: ast.Slice) -> Value:
    """A slice among several indices (`x[:, :n]`): as little as a single one, unless a tensor's values may decide it."""
    given = [expressions.evaluate(m, bound) for bound in (node.lower, node.upper, node.step) if bound is not None]
    for bound in given:
        noting.feed(bound, "shape")
    sizes = all(isinstance(each, Const) or (isinstance(each, Number) and not each.of_values) for each in given)
    return NONE if sizes else UNKNOWN


def set_item(m: Machine, holder: Value, target: ast.Subscript, value: Value, statement: ast.stmt | None) -> None:
    """Run `holder[index] = value`."""
    index = expressions.evaluate(m, target.slice)
    remembered.changing(m, holder)
    building.keep(value)
    if isinstance(holder, Tensor):
        if holder.definite or isinstance(target.slice, (ast.Slice, ast.Tuple)):
            written = statement.value if isinstance(statement, ast.Assign) else None
            operands = ((target.value, holder), (target.slice, index), (written, value))
            expressions.operate(m, "Tensor.__setitem__", statement or target, operands, NONE)
    elif isinstance(holder, Dictionary):
        if isinstance(index, Const) and isinstance(index.value, (str, int)):
            holder.items[index.value] = value
        else:
            holder.element = value if holder.element is None else join(holder.element, value)
    elif isinstance(holder, Sequence):
        if holder.items is not None and isinstance(index, Const) and isinstance(index.value, int):
            if -len(holder.items) <= index.value < len(holder.items):
                holder.items[index.value] = value
                return
        holder.element = join(holder.any_element(), value)
        holder.items = None
    elif isinstance(holder, Module):
        containers.set_child(m, holder, index, value, target)
    elif isinstance(holder, BoundBuiltin) and holder.name == "_modules" and isinstance(holder.receiver, Module):
        m.noted += 1
        holder.receiver.dynamic = True


EVALUATORS: dict[type[ast.AST], Callable[[Machine, Any], Value]] = {
    ast.Subscript: _subscript,
    ast.Slice: _bounds,
}
