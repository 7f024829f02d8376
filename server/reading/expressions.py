"""Evaluates expressions on what is known of their operands, and notes the tensor operations among them."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..knowledge import tensors
from . import calls
from .dtypes import is_boolean, is_mixed
from .facts import Operation
from .ranges import Range, Zipped
from .values import (
    FALSE,
    NONE,
    NUMBER,
    TENSOR,
    TENSORISH,
    TRUE,
    UNKNOWN,
    BoundBuiltin,
    Choice,
    Class,
    Const,
    Dictionary,
    Function,
    Instance,
    Module,
    Number,
    Sequence,
    Shape,
    Symbol,
    Tensor,
    Unknown,
    Value,
    join,
    join_all,
    options,
)

if TYPE_CHECKING:
    from .machine import Loop, Machine

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

_BUILTINS = frozenset(dir(builtins))


def is_builtin(name: str) -> bool:
    """Whether Python defines this name everywhere."""
    return name in _BUILTINS


def evaluate(m: Machine, node: ast.expr) -> Value:
    """What an expression yields."""
    handler = _EVALUATE.get(type(node))
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
    if not m.building and not m.silent:
        loops = tuple(loop.node for loop in m.loops)
        m.record(Operation(symbol, node, None, m.frame.site, operands, {}, result, via, False, loops))
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


def _name(m: Machine, node: ast.Name) -> Value:
    return m.name(node.id)


def _attribute(m: Machine, node: ast.Attribute) -> Value:
    holder = evaluate(m, node.value)
    if isinstance(holder, (Tensor, Unknown)):
        narrow(m, node.value, holder, node.attr)
    return calls.attribute(m, holder, node.attr, node)


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


def _binary(m: Machine, node: ast.BinOp) -> Value:
    left = evaluate(m, node.left)
    right = evaluate(m, node.right)
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
            return TENSORISH
        if isinstance(one, Const) and isinstance(one.value, str):
            return Number("str")
        if not isinstance(one, Tensor):
            # Python calls the method of the tensor, the right operand.
            return operate(m, f"Tensor.__r{name}__", node, (right, left))
        method = f"Tensor.__i{name}__" if inplace else f"Tensor.__{name}__"
        return operate(m, method, node, (left, right))
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
    shape = data = known = False
    varies: frozenset[int] = frozenset()
    read = None
    for value in (left, right):
        if isinstance(value, Number):
            shape, data, known = shape or value.shape, data or value.data, True
            varies |= value.varies
            read = read or value.read
    if known and not isinstance(left, Unknown) and not isinstance(right, Unknown):
        return Number("number", shape, data, varies, read)
    if isinstance(left, Unknown) and isinstance(right, Unknown):
        return UNKNOWN
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
    left = evaluate(m, target)
    right = evaluate(m, node.value)
    if isinstance(left, Sequence) and left.kind == "list" and isinstance(node.op, ast.Add):
        calls.extend(m, left, right, node.value)
        return
    name = _OPERATORS[type(node.op)]
    inplace = isinstance(left, Tensor)
    value = _arithmetic(m, node, name, (target, left), (node.value, right), inplace)
    m.assign(target, value, node, None)


def _unary(m: Machine, node: ast.UnaryOp) -> Value:
    if isinstance(node.op, ast.Not):
        known = truth(m, node.operand, "not")
        return Number("bool") if known is None else Const(not known)
    value = evaluate(m, node.operand)
    if isinstance(value, Tensor):
        return operate(m, f"Tensor.__{_OPERATORS[type(node.op)]}__", node, ((node.operand, value),))
    if isinstance(value, Const) and isinstance(value.value, (int, float)) and not isinstance(node.op, ast.Invert):
        return Const(-value.value if isinstance(node.op, ast.USub) else value.value)
    return value


def _boolean(m: Machine, node: ast.BoolOp) -> Value:
    stop = isinstance(node.op, ast.Or)
    values: list[Value] = []
    before = m.save()
    for operand in node.values[:-1]:
        value = evaluate(m, operand)
        known = known_truth(value)
        if known is None and isinstance(value, Tensor) and value.definite and not value.optional:
            m.flow("or" if stop else "and", operand, "branch")
        if known is stop:
            values.append(value)
            break
        if known is None:
            values.append(value)
        refine(m, operand, not stop)
    else:
        values.append(evaluate(m, node.values[-1]))
    m.merge(before)
    return join_all(values)


def _compare(m: Machine, node: ast.Compare) -> Value:
    left_node = node.left
    left = evaluate(m, left_node)
    result: Value = NUMBER
    for operator, right_node in zip(node.ops, node.comparators):
        right = evaluate(m, right_node)
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
            m.flow("in", node, "branch")
        found = _contains(one, other)
        return Number("bool") if found is None else Const(found is isinstance(operator, ast.In))
    name = _OPERATORS[type(operator)]
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        definite = any(isinstance(value, Tensor) and value.definite for value in (one, other))
        if not definite:
            return UNKNOWN
        if isinstance(one, Tensor):
            return operate(m, f"Tensor.__{name}__", node, (left, right))
        mirrored = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}.get(name, name)
        return operate(m, f"Tensor.__{mirrored}__", node, (right, left))
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
    value = evaluate(m, node)
    if isinstance(value, Tensor) and value.definite and not value.optional:
        m.flow(kind, node, "branch")
    elif isinstance(value, Number) and (value.data or value.read is not None):
        m.flow(kind, node, "branch")
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
    """What a test that holds, or does not, says of the names in it."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        refine(m, test.operand, not holds)
    elif isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.And) is holds:
            for operand in test.values:
                refine(m, operand, holds)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1:
        operator, right = test.ops[0], test.comparators[0]
        if isinstance(operator, (ast.Is, ast.IsNot)) and isinstance(right, ast.Constant) and right.value is None:
            _refine_none(m, test.left, isinstance(operator, ast.Is) is holds)
    elif isinstance(test, ast.Name):
        if holds:
            _refine_none(m, test, False)
    elif isinstance(test, ast.Call) and len(test.args) == 2 and holds:
        called = test.func
        if isinstance(called, ast.Name) and called.id == "isinstance" and isinstance(test.args[0], ast.Name):
            _refine_type(m, test.args[0], evaluate(m, test.args[1]))


def pinned_loops(m: Machine, test: ast.expr) -> tuple[frozenset[int], frozenset[int]]:
    """The loops of which a test picks one round, and those of them whose round is not a constant.

    `i == 0`, where `i` counts the rounds, picks the first; `i == index` the one that `index` says, and where that
    changes with another loop, another one in each of its rounds.
    """
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return frozenset(), frozenset()
    sides = (test.left, test.comparators[0])
    values = [m.frame.names.get(side.id) for side in sides if isinstance(side, ast.Name)]
    loops: frozenset[int] = frozenset().union(*(value.varies for value in values if isinstance(value, Number)))
    fixed = any(isinstance(side, ast.Constant) for side in sides) or any(isinstance(value, Const) for value in values)
    return loops, frozenset() if fixed else loops


def _refine_none(m: Machine, node: ast.expr, is_none: bool) -> None:
    if not isinstance(node, ast.Name):
        return
    known = m.frame.names.get(node.id)
    if is_none:
        m.frame.names[node.id] = NONE
    elif isinstance(known, Tensor) and known.optional:
        m.frame.names[node.id] = Tensor(known.origin, known.definite, False, known.rank, known.rows)
    elif isinstance(known, Choice):
        rest = tuple(o for o in known.options if not (isinstance(o, Const) and o.value is None))
        m.frame.names[node.id] = rest[0] if len(rest) == 1 else Choice(rest)
    elif isinstance(known, Const) and known.value is None:
        m.frame.names[node.id] = UNKNOWN


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
    if known is True:
        return evaluate(m, node.body)
    if known is False:
        return evaluate(m, node.orelse)
    before = m.save()
    refine(m, node.test, True)
    one = evaluate(m, node.body)
    after = m.save()
    m.restore(before)
    refine(m, node.test, False)
    other = evaluate(m, node.orelse)
    m.merge(after)
    return join(one, other)


def _sequence(kind: str) -> Callable[[Machine, Any], Value]:
    def build(m: Machine, node: ast.List | ast.Tuple | ast.Set) -> Value:
        items: list[Value] = []
        nodes: list[ast.AST | None] = []
        unknown: Value | None = None
        for element in node.elts:
            if isinstance(element, ast.Starred):
                value = evaluate(m, element.value)
                if isinstance(value, Sequence) and value.items is not None:
                    items.extend(value.items)
                    nodes.extend(value.nodes or [None] * len(value.items))
                else:
                    unknown = element_of(m, value, element.value, None)
            else:
                items.append(evaluate(m, element))
                nodes.append(element)
        if unknown is not None:
            return Sequence(None, join_all([*items, unknown]), kind)
        return Sequence(items, kind=kind, nodes=nodes)

    return build


def _dictionary(m: Machine, node: ast.Dict) -> Value:
    result = Dictionary()
    for key, value in zip(node.keys, node.values):
        held = evaluate(m, value)
        if key is None:
            if isinstance(held, Dictionary):
                result.items.update(held.items)
                result.element = held.element or result.element
            else:
                result.element = UNKNOWN
            continue
        known = evaluate(m, key)
        if isinstance(known, Const) and isinstance(known.value, (str, int, float)):
            result.items[known.value] = held
        else:
            result.element = held if result.element is None else join(result.element, held)
    return result


def _subscript(m: Machine, node: ast.Subscript) -> Value:
    holder = evaluate(m, node.value)
    if isinstance(node.slice, ast.Slice):
        return _slice(m, holder, node, node.slice)
    index = evaluate(m, node.slice)
    if isinstance(holder, Tensor):
        if not holder.definite:
            if isinstance(index, Sequence) or isinstance(node.slice, (ast.Tuple, ast.Slice)):
                make_tensor(m, node.value)
                return operate(m, "Tensor.__getitem__", node, ((node.value, TENSOR), (node.slice, index)))
            return TENSORISH
        return operate(m, "Tensor.__getitem__", node, ((node.value, holder), (node.slice, index)), Tensor("view"))
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
        return holder.any_element()
    if isinstance(holder, Dictionary):
        if isinstance(index, Const) and index.value in holder.items:
            return holder.items[index.value]
        return holder.any_element() if holder.element is not None or not isinstance(index, Const) else UNKNOWN
    if isinstance(holder, Module):
        return calls.child(m, holder, index, node.slice)
    if isinstance(holder, Choice):
        return join_all(item(m, option, index, node) for option in holder.options)
    if isinstance(holder, Unknown) and isinstance(node.slice, ast.Tuple):
        # Only tensors and arrays take several indices.
        if any(isinstance(each, ast.Slice) for each in node.slice.elts):
            make_tensor(m, node.value)
            return TENSORISH
    return UNKNOWN


def _slice(m: Machine, holder: Value, node: ast.Subscript, bounds: ast.Slice) -> Value:
    low = evaluate(m, bounds.lower) if bounds.lower is not None else NONE
    high = evaluate(m, bounds.upper) if bounds.upper is not None else NONE
    step = evaluate(m, bounds.step) if bounds.step is not None else NONE
    for bound in (low, high, step):
        m.feed(bound, "shape")
    limits = [v.value for v in (low, high, step) if isinstance(v, Const) and isinstance(v.value, (int, type(None)))]
    bounded = slice(*limits) if len(limits) == 3 else None
    if isinstance(holder, Tensor):
        if not holder.definite:
            return TENSORISH
        return operate(m, "Tensor.__getitem__", node, ((node.value, holder), (bounds, NONE)), Tensor("view"))
    if isinstance(holder, Sequence):
        if holder.items is not None and bounded is not None:
            return Sequence(holder.items[bounded], kind=holder.kind)
        return Sequence(None, holder.any_element(), holder.kind)
    if isinstance(holder, Shape):
        return Shape()
    if isinstance(holder, Module):
        return calls.part(m, holder, bounded, node)
    return UNKNOWN if not isinstance(holder, Number) else Number("str")


def _bounds(m: Machine, node: ast.Slice) -> Value:
    """A slice among several indices (`x[:, :n]`)."""
    for bound in (node.lower, node.upper, node.step):
        if bound is not None:
            m.feed(evaluate(m, bound), "shape")
    return UNKNOWN


def set_item(m: Machine, holder: Value, target: ast.Subscript, value: Value, statement: ast.stmt | None) -> None:
    """Run `holder[index] = value`."""
    index = evaluate(m, target.slice)
    if isinstance(holder, Tensor):
        if holder.definite or isinstance(target.slice, (ast.Slice, ast.Tuple)):
            written = statement.value if isinstance(statement, ast.Assign) else None
            operands = ((target.value, holder), (target.slice, index), (written, value))
            operate(m, "Tensor.__setitem__", statement or target, operands, NONE)
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
        calls.set_child(m, holder, index, value, target)


def element_of(m: Machine, value: Value, node: ast.expr, loop: Loop | None) -> Value:
    """What iterating over a value yields."""
    return iterate(m, value, node)[1](loop)


def iterate(m: Machine, value: Value, node: ast.expr) -> tuple[int | None, Callable[[Loop | None], Value]]:
    """How often a loop over `value` runs (0, 1, or None for more or unknown), and what each round yields."""
    if isinstance(value, Sequence):
        if value.items is None:
            m.feed(value.element, "range")
        if value.items is not None and len(value.items) < 2:
            held = list(value.items)
            return len(held), lambda loop: held[0] if held else UNKNOWN
        return None, lambda loop: calls.slot(m, value.any_element(), value, loop)
    if isinstance(value, Tensor):
        if value.definite and not m.building:
            operate(m, "Tensor.__iter__", node, ((node, value),), Sequence(None, TENSOR, "tuple"))
            return None, lambda loop: Tensor("view")
        return None, lambda loop: TENSORISH
    if isinstance(value, Shape):
        return None, lambda loop: Number("int", shape=True)
    if isinstance(value, Range):
        if value.count is not None and value.count < 2:
            count = value.count
            return count, lambda loop: Const(value.start)
        return None, lambda loop: Number("int", varies=frozenset({loop.number}) if loop else frozenset())
    if isinstance(value, Zipped):
        parts = [iterate(m, part, node) for part in value.parts]
        known = [rounds for rounds, _ in parts if rounds is not None]
        return min(known, default=None), lambda loop: Sequence([one(loop) for _, one in parts], kind="tuple")
    if isinstance(value, Module):
        return calls.children(m, value)
    if isinstance(value, Dictionary):
        return None, lambda loop: Number("str", varies=frozenset({loop.number}) if loop else frozenset())
    if isinstance(value, Choice):
        parts = [iterate(m, option, node) for option in value.options]
        return None, lambda loop: join_all(one(loop) for _, one in parts)
    return None, lambda loop: UNKNOWN


def unpack(m: Machine, value: Value, count: int | None, node: ast.expr | None) -> list[Value]:
    """The parts a value is unpacked into; one for all of them where `count` is None."""
    if isinstance(value, Sequence) and value.items is not None and count is not None:
        if len(value.items) == count:
            return value.items
        padded = [*value.items, *([UNKNOWN] * count)]
        return padded[:count]
    if isinstance(value, Choice) and count is not None:
        fitting = [o for o in value.options if not isinstance(o, Sequence) or o.items is None or len(o.items) == count]
        parts = [unpack(m, option, count, None) for option in fitting]
        return [join_all(each) for each in zip(*parts)] if parts else [UNKNOWN] * count
    if isinstance(value, Instance):
        return [UNKNOWN] * (count or 1)
    if isinstance(value, Tensor) and value.definite and node is not None:
        operate(m, "Tensor.__iter__", node, ((node, value),), Sequence(None, TENSOR, "tuple"))
        return [Tensor("view") for _ in range(count or 1)]
    if isinstance(value, Tensor):
        return [TENSORISH] * (count or 1)
    if node is None and not isinstance(value, (Sequence, Shape)):
        return [UNKNOWN] * (count or 1)
    one = iterate(m, value, node or ast.Constant(None))[1](None) if value is not UNKNOWN else UNKNOWN
    return [one] * (count or 1)


def _comprehension(kind: str) -> Callable[[Machine, Any], Value]:
    def build(m: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
        saved = dict(m.frame.names)
        depth = len(m.loops)
        rounds: int | None = None
        for generator in node.generators:
            iterated = evaluate(m, generator.iter)
            count, element = iterate(m, iterated, generator.iter)
            loop = None
            if count != 1:
                loop = m.open_loop(node)
            elif len(node.generators) == 1 and not generator.ifs:
                rounds = 1
            m.assign(generator.target, element(loop), None, None)
            for test in generator.ifs:
                truth(m, test, "if")
                refine(m, test, True)
        if isinstance(node, ast.DictComp):
            evaluate(m, node.key)
            value = evaluate(m, node.value)
        else:
            value = evaluate(m, node.elt)
        del m.loops[depth:]
        m.frame.names = saved
        if kind == "dict":
            return Dictionary({}, value)
        return Sequence([value], kind=kind) if rounds == 1 else Sequence(None, value, kind)

    return build


def _lambda(m: Machine, node: ast.Lambda) -> Value:
    definition = m.frame.site.function.inner(node)
    return Function(definition, closure={**m.frame.closure, **m.frame.names}, lexical_class=m.frame.site.owner)


def _formatted(m: Machine, node: ast.JoinedStr) -> Value:
    varies: frozenset[int] = frozenset()
    text: list[str] | None = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            if text is not None:
                text.append(str(part.value))
            continue
        value = evaluate(m, part.value) if isinstance(part, ast.FormattedValue) else UNKNOWN
        if isinstance(value, Number):
            varies |= value.varies
        if isinstance(value, Const) and text is not None:
            text.append(str(value.value))
        else:
            text = None
    return Const("".join(text)) if text is not None else Number("str", varies=varies)


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
        m.frame.yields.append(element_of(m, evaluate(m, node.value), node.value, None))
    else:
        m.frame.yields.append(evaluate(m, node.value) if node.value is not None else NONE)
    return UNKNOWN


def _call(m: Machine, node: ast.Call) -> Value:
    return calls.call(m, node)


_EVALUATE: dict[type[ast.AST], Callable[[Machine, Any], Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.List: _sequence("list"),
    ast.Tuple: _sequence("tuple"),
    ast.Set: _sequence("set"),
    ast.Dict: _dictionary,
    ast.Subscript: _subscript,
    ast.Slice: _bounds,
    ast.ListComp: _comprehension("list"),
    ast.SetComp: _comprehension("set"),
    ast.GeneratorExp: _comprehension("generator"),
    ast.DictComp: _comprehension("dict"),
    ast.Lambda: _lambda,
    ast.JoinedStr: _formatted,
    ast.NamedExpr: _walrus,
    ast.Starred: _starred,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield,
    ast.Call: _call,
}

__all__ = ["BoundBuiltin", "augmented", "evaluate", "iterate", "options", "refine", "truth", "unpack"]
