"""Displays, comprehensions, and what iterating over or unpacking a value yields."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import conditions, containers, expressions, noting
from .ranges import Range, Zipped, runs_once
from .values import (
    ROUND,
    TENSOR,
    TENSORISH,
    UNKNOWN,
    Choice,
    Const,
    Dictionary,
    Foreign,
    Instance,
    Module,
    Number,
    Sequence,
    Shape,
    Tensor,
    Value,
    join,
    join_all,
)

if TYPE_CHECKING:
    from .machine import Loop, Machine


def _row(value: Tensor) -> Tensor:
    """What a loop over a tensor gives."""
    return Tensor("view", boolean=value.boolean, fixed=value.fixed)


def _sequence(kind: str) -> Callable[[Machine, Any], Value]:
    def build(m: Machine, node: ast.List | ast.Tuple | ast.Set) -> Value:
        items: list[Value] = []
        nodes: list[ast.AST | None] = []
        unknown: Value | None = None
        for element in node.elts:
            if isinstance(element, ast.Starred):
                value = expressions.evaluate(m, element.value)
                if isinstance(value, Sequence) and value.items is not None:
                    items.extend(value.items)
                    nodes.extend(value.nodes or [None] * len(value.items))
                else:
                    unknown = element_of(m, value, element.value, None)
            else:
                items.append(expressions.evaluate(m, element))
                nodes.append(element)
        if unknown is not None:
            return Sequence(None, join_all([*items, unknown]), kind)
        return Sequence(items, kind=kind, nodes=nodes)

    return build


def _dictionary(m: Machine, node: ast.Dict) -> Value:
    result = Dictionary()
    for key, value in zip(node.keys, node.values):
        held = expressions.evaluate(m, value)
        if key is None:
            if isinstance(held, Dictionary):
                result.items.update(held.items)
                result.element = held.element or result.element
            else:
                result.element = UNKNOWN
            continue
        known = expressions.evaluate(m, key)
        if isinstance(known, Const) and isinstance(known.value, (str, int, float)):
            result.items[known.value] = held
        else:
            result.element = held if result.element is None else join(result.element, held)
    return result


def element_of(m: Machine, value: Value, node: ast.expr, loop: Loop | None) -> Value:
    """What iterating over a value yields."""
    return iterate(m, value, node)[1](loop)


def iterate(m: Machine, value: Value, node: ast.expr) -> tuple[int | None, Callable[[Loop | None], Value]]:
    """How often a loop over `value` runs (0, 1, or None for more or unknown), and what each round yields."""
    if isinstance(value, Sequence):
        if value.items is None:
            noting.feed(value.element, "range")
        if value.items is not None and len(value.items) < 2:
            held = list(value.items)
            return len(held), lambda loop: held[0] if held else UNKNOWN
        return None, lambda loop: containers.slot(m, value.any_element(), value, loop)
    if isinstance(value, Tensor):
        if value.definite and not m.building:
            expressions.operate(m, "Tensor.__iter__", node, ((node, value),), Sequence(None, TENSOR, "tuple"))
            rows = value
            return None, lambda loop: _row(rows)
        return None, lambda loop: TENSORISH
    if isinstance(value, Shape):
        return None, lambda loop: Number("int", shape=True)
    if isinstance(value, Range):
        if value.count is not None and value.count < 2:
            count = value.count
            return count, lambda loop: Const(value.start)
        key = ("round", value.start if value.start is not None else m.serial())
        moving = value.moving
        return None, lambda loop: Number("int", varies=_rounds_of(loop) | moving, key=key)
    if isinstance(value, Zipped):
        parts = [iterate(m, part, node) for part in value.parts]
        known = [rounds for rounds, _ in parts if rounds is not None]
        return min(known, default=None), lambda loop: Sequence([one(loop) for _, one in parts], kind="tuple")
    if isinstance(value, Module):
        return containers.children(m, value)
    if isinstance(value, Dictionary):
        return None, lambda loop: Number("str", varies=_rounds_of(loop), key=ROUND)
    if isinstance(value, Choice):
        # None cannot be walked: whoever comes here has looked.
        parts = [iterate(m, o, node) for o in value.options if not (isinstance(o, Const) and o.value is None)]
        counts = [rounds for rounds, _ in parts]
        at_most_one = None if None in counts else max((n for n in counts if n is not None), default=None)
        walked = [one for rounds, one in parts if rounds != 0]
        return at_most_one, lambda loop: join_all(one(loop) for one in walked) if walked else UNKNOWN
    return None, lambda loop: value if isinstance(value, Foreign) else UNKNOWN


def _rounds_of(loop: Loop | None) -> frozenset[int]:
    return frozenset({loop.number}) if loop is not None else frozenset()


def unpack(m: Machine, value: Value, count: int | None, node: ast.expr | None) -> list[Value]:
    """The parts a value is unpacked into; one for all of them where `count` is None."""
    if isinstance(value, Sequence) and value.items is not None and count is not None:
        if len(value.items) == count:
            return value.items
        padded = [*value.items, *([UNKNOWN] * count)]
        return padded[:count]
    if isinstance(value, Module) and count is not None:
        return [containers.child(m, value, Const(place), node or ast.Constant(place)) for place in range(count)]
    if isinstance(value, Choice) and count is not None:
        fitting = [o for o in value.options if not isinstance(o, Sequence) or o.items is None or len(o.items) == count]
        parts = [unpack(m, option, count, None) for option in fitting]
        return [join_all(each) for each in zip(*parts)] if parts else [UNKNOWN] * count
    if isinstance(value, Instance):
        return [UNKNOWN] * (count or 1)
    if isinstance(value, Foreign) or (isinstance(value, Number) and value.data):
        # A list of such: `x.tolist()` of a matrix.
        return [value] * (count or 1)
    if isinstance(value, Tensor) and value.definite and node is not None:
        expressions.operate(m, "Tensor.__iter__", node, ((node, value),), Sequence(None, TENSOR, "tuple"))
        return [_row(value) for _ in range(count or 1)]
    if isinstance(value, Tensor):
        return [TENSORISH] * (count or 1)
    if node is None and not isinstance(value, (Sequence, Shape)):
        return [UNKNOWN] * (count or 1)
    one = iterate(m, value, node or ast.Constant(None))[1](None) if value is not UNKNOWN else UNKNOWN
    return [containers.picked(m, one, place) for place in range(count or 1)]


def _comprehension(kind: str) -> Callable[[Machine, Any], Value]:
    def build(m: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
        saved, way = dict(m.frame.names), m.way
        depth, pinned = len(m.loops), m.pinned
        rounds: int | None = None
        for generator in node.generators:
            iterated = expressions.evaluate(m, generator.iter)
            count, element = iterate(m, iterated, generator.iter)
            loop = None
            if count != 1:
                loop = m.open_loop(node)
                if runs_once(iterated):
                    m.pinned |= {loop.number}
            elif len(node.generators) == 1 and not generator.ifs:
                rounds = 1
            m.assign(generator.target, element(loop), None, None)
            for test in generator.ifs:
                conditions.truth(m, test, "if")
                conditions.refine(m, test, True)
        if isinstance(node, ast.DictComp):
            expressions.evaluate(m, node.key)
            value = expressions.evaluate(m, node.value)
        else:
            value = expressions.evaluate(m, node.elt)
        del m.loops[depth:]
        m.pinned = pinned
        m.frame.names, m.way = saved, way
        if kind == "dict":
            return Dictionary({}, value)
        return Sequence([value], kind=kind) if rounds == 1 else Sequence(None, value, kind)

    return build


EVALUATORS: dict[type[ast.AST], Callable[[Machine, Any], Value]] = {
    ast.List: _sequence("list"),
    ast.Tuple: _sequence("tuple"),
    ast.Set: _sequence("set"),
    ast.Dict: _dictionary,
    ast.ListComp: _comprehension("list"),
    ast.SetComp: _comprehension("set"),
    ast.GeneratorExp: _comprehension("generator"),
    ast.DictComp: _comprehension("dict"),
}
