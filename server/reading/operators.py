"""Arithmetic, comparisons and other operators."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import conditions, containers, defaults, expressions, noting, remembered
from .values import (
    FOREIGN,
    NUMBER,
    SUM,
    TENSORISH,
    UNKNOWN,
    Class,
    Const,
    Dictionary,
    Foreign,
    Function,
    Module,
    Number,
    Sequence,
    Shape,
    Symbol,
    Tensor,
    Unknown,
    Value,
    join,
    key_of,
)

if TYPE_CHECKING:
    from .machine import Machine


_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.USub: "neg",
    ast.UAdd: "pos",
    ast.Invert: "invert",
}


def _binary(m: Machine, node: ast.BinOp) -> Value:
    left = expressions.evaluate(m, node.left)
    right = expressions.evaluate(m, node.right)
    return _arithmetic(m, node, _OPERATORS[type(node.op)], (node.left, left), (node.right, right))


def _arithmetic(
    m: Machine,
    node: ast.expr | ast.stmt,
    name: str,
    left: tuple[ast.expr | None, Value],
    right: tuple[ast.expr | None, Value],
    inplace: bool = False,
) -> Value:
    one, other = left[1], right[1]
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        # A tuple or a string takes no tensor; `+` and `*` on something unknown may still be a tuple's.
        sure = (isinstance(one, Tensor) and one.definite) or (isinstance(other, Tensor) and other.definite)
        if not sure and (isinstance(one, Sequence) or isinstance(other, Sequence)):
            # What is added to a tuple or list is one.
            held = one if isinstance(one, Sequence) else other
            return Sequence(None, TENSORISH, held.kind) if name == "add" else TENSORISH  # type: ignore[attr-defined]
        if isinstance(one, Const) and isinstance(one.value, str):
            return Number("str")
        if not isinstance(one, Tensor):
            # Python calls the method of the tensor, the right operand.
            return expressions.operate(m, f"Tensor.__r{name}__", node, (right, left))
        method = f"Tensor.__i{name}__" if inplace else f"Tensor.__{name}__"
        return expressions.operate(m, method, node, (left, right))
    if isinstance(one, Sequence) or isinstance(other, Sequence):
        return _sequence_arithmetic(name, one, other)
    if isinstance(one, Shape) or isinstance(other, Shape):
        return Shape()
    return _numbers(name, one, other)


def _sequence_arithmetic(name: str, left: Value, right: Value) -> Value:
    if name == "add" and isinstance(left, Sequence) and isinstance(right, Sequence):
        if left.items is not None and right.items is not None:
            nodes: list[ast.AST | None] | None
            nodes = [*(left.nodes or [None] * len(left.items)), *(right.nodes or [None] * len(right.items))]
            return Sequence([*left.items, *right.items], kind=left.kind, nodes=nodes)
        return Sequence(None, join(left.any_element(), right.any_element()), left.kind)
    if name == "mul":
        sequence, count = (left, right) if isinstance(left, Sequence) else (right, left)
        if isinstance(sequence, Sequence):
            if sequence.items is not None and isinstance(count, Const) and isinstance(count.value, int):
                times = max(0, min(count.value, 32))
                nodes = sequence.nodes * times if sequence.nodes is not None else None
                return Sequence(sequence.items * times, kind=sequence.kind, nodes=nodes)
            if sequence.items is not None and len(sequence.items) == 1:
                # Any number of references to the one element; two show that it is shared.
                nodes = sequence.nodes * 2 if sequence.nodes is not None else None
                return Sequence(sequence.items * 2, sequence.items[0], sequence.kind, nodes)
            return Sequence(None, sequence.any_element(), sequence.kind)
    if isinstance(left, Sequence):
        return Sequence(None, UNKNOWN if name == "add" else left.any_element(), left.kind)
    return UNKNOWN


def _numbers(name: str, left: Value, right: Value) -> Value:
    if isinstance(left, Const) and isinstance(right, Const):
        return _fold(name, left.value, right.value)
    if isinstance(left, Foreign) or isinstance(right, Foreign):
        return UNKNOWN if isinstance(left, Unknown) or isinstance(right, Unknown) else FOREIGN
    shape = data = known = False
    varies: frozenset[int] = frozenset()
    read = None
    for value in (left, right):
        if isinstance(value, Number):
            shape, data, known = shape or value.shape, data or value.data, True
            varies |= value.varies
            read = read or value.read
    if known and not isinstance(left, Unknown) and not isinstance(right, Unknown):
        keys = (key_of(left), key_of(right)) if varies else (None,)
        key = None if None in keys else (name, *keys)
        return Number("number", shape, data, varies, read, key, defaults.computed(name, left, right))
    if left is SUM or right is SUM:
        return SUM
    if isinstance(left, Unknown) and isinstance(right, Unknown):
        return UNKNOWN
    usual = defaults.computed(name, left, right)
    if usual is not None:
        return Unknown(usual=usual)
    if isinstance(left, (Unknown, Number, Const)) and isinstance(right, (Unknown, Number, Const)):
        strings = any(isinstance(v, Const) and not isinstance(v.value, (int, float, complex)) for v in (left, right))
        # Something unknown with a number: most likely a number, but perhaps a tensor.
        return UNKNOWN if not shape or strings else Number("number", shape, data, varies, read)
    return UNKNOWN


_FOLD: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "truediv": lambda a, b: a / b,
    "floordiv": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
}


def _fold(name: str, left: Any, right: Any) -> Value:
    fold = _FOLD.get(name)
    if fold is not None and isinstance(left, (int, float)) and isinstance(right, (int, float)):
        try:
            return Const(fold(left, right))
        except (ArithmeticError, ValueError):
            return NUMBER
    if isinstance(left, str) and isinstance(right, str) and name == "add" and len(left) + len(right) < 200:
        return Const(left + right)
    return Number("str") if isinstance(left, str) else NUMBER


def augmented(m: Machine, node: ast.AugAssign) -> None:
    """Run `x += y`."""
    target = node.target
    left = expressions.evaluate(m, target)
    right = expressions.evaluate(m, node.value)
    if isinstance(left, Sequence) and left.kind == "list" and isinstance(node.op, ast.Add):
        remembered.changing(m, left)
        containers.extend(m, left, right, node.value)
        return
    if isinstance(left, Module) and not left.is_self and isinstance(node.op, ast.Add):
        m.noted += 1
        remembered.changing(m, left)
        containers.add_children(m, left, right, node.value)
        return
    name = _OPERATORS[type(node.op)]
    inplace = isinstance(left, Tensor)
    value = _arithmetic(m, node, name, (target, left), (node.value, right), inplace)
    m.assign(target, value, node, None)


def _unary(m: Machine, node: ast.UnaryOp) -> Value:
    if isinstance(node.op, ast.Not):
        known = conditions.truth(m, node.operand, "not")
        return Number("bool") if known is None else Const(not known)
    value = expressions.evaluate(m, node.operand)
    if isinstance(value, Tensor):
        return expressions.operate(m, f"Tensor.__{_OPERATORS[type(node.op)]}__", node, ((node.operand, value),))
    if isinstance(value, Const) and isinstance(value.value, (int, float)) and not isinstance(node.op, ast.Invert):
        return Const(-value.value if isinstance(node.op, ast.USub) else value.value)
    return value


def _compare(m: Machine, node: ast.Compare) -> Value:
    left_node = node.left
    left = expressions.evaluate(m, left_node)
    result: Value = NUMBER
    for operator, right_node in zip(node.ops, node.comparators):
        right = expressions.evaluate(m, right_node)
        result = _compared(m, node, operator, (left_node, left), (right_node, right))
        left_node, left = right_node, right
    return result if len(node.ops) == 1 else _merge_comparison(result)


def _merge_comparison(result: Value) -> Value:
    return result if isinstance(result, Tensor) else Number("bool")


def _compared(
    m: Machine, node: ast.Compare, operator: ast.cmpop, left: tuple[ast.expr, Value], right: tuple[ast.expr, Value]
) -> Value:
    one, other = left[1], right[1]
    if isinstance(operator, (ast.Is, ast.IsNot)):
        same = _identical(one, other)
        return Number("bool") if same is None else Const(same is isinstance(operator, ast.Is))
    if isinstance(operator, (ast.In, ast.NotIn)):
        if isinstance(other, Tensor) and other.definite:
            noting.flow(m, "in", node, "branch", other.fixed)
        found = _contains(one, other)
        return Number("bool") if found is None else Const(found is isinstance(operator, ast.In))
    name = _OPERATORS[type(operator)]
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        definite = any(isinstance(value, Tensor) and value.definite for value in (one, other))
        if not definite:
            return UNKNOWN
        if isinstance(one, Tensor):
            return expressions.operate(m, f"Tensor.__{name}__", node, (left, right))
        mirrored = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}.get(name, name)
        return expressions.operate(m, f"Tensor.__{mirrored}__", node, (right, left))
    if isinstance(one, Const) and isinstance(other, Const):
        try:
            return Const(bool(_COMPARE[name](one.value, other.value)))
        except TypeError:
            return Number("bool")
    numbers = [value for value in (one, other) if isinstance(value, Number)]
    read = next((value.read for value in numbers if value.read is not None), None)
    return Number("bool", data=any(value.data for value in numbers), read=read)


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
}


def _identical(left: Value, right: Value) -> bool | None:
    if isinstance(left, Const) and isinstance(right, Const):
        return left.value is right.value
    if isinstance(left, Class) and isinstance(right, Class):
        return left.definition is right.definition
    if isinstance(left, Symbol) and isinstance(right, Symbol):
        return left.name == right.name
    for one, other in ((left, right), (right, left)):
        if isinstance(other, Const) and other.value is None:
            if isinstance(one, Tensor):
                return None if one.optional or not one.definite else False
            if isinstance(one, (Sequence, Shape, Dictionary, Function, Class, Symbol)):
                return False
            if isinstance(one, Module):
                return None if one.guess else False
    return None


def _contains(item: Value, container: Value) -> bool | None:
    if not isinstance(item, Const):
        return None
    if isinstance(container, Sequence) and container.items is not None:
        if all(isinstance(each, Const) for each in container.items):
            return any(each.value == item.value for each in container.items)  # type: ignore[attr-defined]
    if isinstance(container, Dictionary) and container.element is None:
        return item.value in container.items if isinstance(item.value, (str, int)) else None
    return None


EVALUATORS: dict[type[ast.AST], Callable[[Machine, Any], Value]] = {
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
}
