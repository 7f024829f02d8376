"""Models of Python's own functions and of its standard library's."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import attributes, building, calls, containers, defaults, fixed, function_models, iteration, noting, remembered
from .arguments import Arguments
from .ranges import Range, Zipped
from .syntax import walk
from .values import (
    FALSE,
    NONE,
    NUMBER,
    ROUND,
    TENSOR,
    TENSORISH,
    UNKNOWN,
    Const,
    Dictionary,
    Module,
    Number,
    Partial,
    Sequence,
    Shape,
    Symbol,
    Tensor,
    Unknown,
    Value,
    join_all,
    key_of,
    options,
)

if TYPE_CHECKING:
    from .machine import Machine


def _partial(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    if not a.positional:
        return UNKNOWN
    keywords = {name: value for name, (_, value) in a.keywords.items()}
    return Partial(a.positional[0][1], [value for _, value in a.positional[1:]], keywords, node)


def _range(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    for _, value in a.positional:
        noting.feed(value, "range")
    if (len(a.positional) > 1 or a.starred) and a.positional and key_of(a.positional[0][1]) != ROUND:
        # From what counts the rounds of a loop (`range(i, n)`) each round goes over much the same again.
        moving = _set_in_rounds(m, a.positional[0][0])
        if moving:
            return Range(None, None, moving=moving)
    numbers = [
        value.value if isinstance(value, Const) and isinstance(value.value, int) else None for _, value in a.positional
    ]
    if None not in numbers and 1 <= len(numbers) <= 3:
        try:
            span = range(*numbers)  # type: ignore[arg-type]
        except ValueError:
            return Range(None)
        return Range(len(span), span.start)
    # `range(n)` counts from 0, `range(k, n)` from what `k` is.
    start = numbers[0] if len(numbers) > 1 else 0
    end = a.positional[min(1, len(numbers) - 1)][1] if len(numbers) in (1, 2) else UNKNOWN
    return Range(None, start, start is not None and defaults.is_at_most(m, end, start + 1))


def _set_in_rounds(m: Machine, node: ast.expr | None) -> frozenset[int]:
    """The loops in whose rounds a name of an expression is bound."""
    names = {each.id for each in walk(node) if isinstance(each, ast.Name)} if node is not None and m.loops else set()
    return frozenset(
        loop.number
        for loop in m.loops
        if names and any(isinstance(e, ast.Name) and e.id in names and _binds(e) for e in walk(loop.node))
    )


def _binds(name: ast.Name) -> bool:
    return not isinstance(name.ctx, ast.Load)


def _zip(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    return Zipped([value for _, value in a.positional])


def _enumerate(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    return Zipped([Range(None), a.positional[0][1]]) if a.positional else UNKNOWN


def _same_elements(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    if not a.positional:
        return Sequence([], kind="list")
    value = a.positional[0][1]
    if isinstance(value, Sequence):
        return Sequence(list(value.items) if value.items is not None else None, value.element, "list", value.nodes)
    if isinstance(value, (Module, Zipped)):
        return value
    if isinstance(value, Tensor):
        return Sequence(None, TENSOR if value.definite else TENSORISH)
    if isinstance(value, Shape):
        return Sequence(None, Number("int", shape=True))
    return Sequence(None, UNKNOWN)


def _tuple(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    value = _same_elements(m, a, node, callee)
    if isinstance(value, Sequence):
        return Sequence(value.items, value.element, "tuple", value.nodes)
    return value


def _length(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    value = a.positional[0][1] if a.positional else UNKNOWN
    if isinstance(value, Sequence) and value.items is not None and not m.loops:
        return Const(len(value.items))
    read = noting.flow(m, "len", node) if isinstance(value, Tensor) and value.definite else None
    return Number("int", shape=True, read=read)


def _map(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    if len(a.positional) < 2:
        return UNKNOWN
    function = a.positional[0][1]
    with m.looping(node) as loop:
        held = [
            (None, iteration.iterate(m, value, source if source is not None else node)[1](loop))
            for source, value in a.positional[1:]
        ]
        named = a.positional[0][0]
        result = calls.apply(
            m, function, Arguments(list(held), {}), node, named if named is not None else callee, "passed"
        )
    return Sequence(None, result, "generator")


def _reduce(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    if len(a.positional) < 2:
        return UNKNOWN
    element = iteration.element_of(m, a.positional[1][1], node, None)
    named = a.positional[0][0]
    return calls.apply(
        m,
        a.positional[0][1],
        Arguments([(None, element), (None, element)], {}),
        node,
        named if named is not None else callee,
        "passed",
    )


def _sum(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    value = a.positional[0][1] if a.positional else UNKNOWN
    if isinstance(value, Tensor):
        return (
            calls.torch_operation(m, "builtins.sum", a, node, callee, "direct") and TENSOR
            if value.definite
            else TENSORISH
        )
    if isinstance(value, Sequence) and calls.holds_tensor(value.any_element()):
        calls.torch_operation(m, "builtins.sum", a, node, callee, "direct")
        return TENSOR
    return UNKNOWN if isinstance(value, Unknown) else NUMBER


def _extremum(name: str) -> Callable[..., Value]:
    def run(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
        values = [value for _, value in a.positional]
        if len(values) == 1 and isinstance(values[0], (Sequence, Shape)):
            values = [iteration.element_of(m, values[0], node, None)]
        if "key" in a.keywords:
            return join_all(values)
        if any(isinstance(value, Tensor) and value.definite for value in values):
            noting.flow(m, name, node, "branch", fixed.result(m, name, a.positional, {}))
            return TENSOR
        if any(isinstance(value, Unknown) for value in values):
            return UNKNOWN
        numbers = [value for value in values if isinstance(value, Number)]
        shape, data = any(value.shape for value in numbers), any(value.data for value in numbers)
        return Number("number", shape, data, read=next((v.read for v in numbers if v.read is not None), None))

    return run


def _absolute(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    value = a.positional[0][1] if a.positional else UNKNOWN
    if isinstance(value, Tensor):
        return calls.torch_operation(m, "Tensor.__abs__", a, node, callee, "direct") and TENSOR
    return NUMBER if isinstance(value, (Const, Number)) else UNKNOWN


def _number(kind: str) -> Callable[..., Value]:
    def run(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
        value = a.positional[0][1] if a.positional else Const(0)
        if isinstance(value, Tensor) and value.definite:
            return Number(kind, data=True, read=noting.flow(m, kind, node, fixed=value.fixed))
        if isinstance(value, Const) and isinstance(value.value, (int, float, bool)):
            return Const({"int": int, "float": float, "bool": bool}[kind](value.value))
        if isinstance(value, Number):
            return Number(kind, value.shape, value.data, value.varies, value.read, value.key, value.usual)
        return Number(kind)

    return run


def _is_instance(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    if len(a.positional) < 2:
        return Number("bool")
    value, kind = a.positional[0][1], a.positional[1][1]
    kinds = kind.items if isinstance(kind, Sequence) and kind.items is not None else [kind]
    names = {each.name for each in kinds if isinstance(each, Symbol)}
    if len(names) < len(kinds):
        return Number("bool")
    if isinstance(value, Tensor) and value.definite and not value.optional:
        return Const("torch.Tensor" in names) if names <= _PLAIN or "torch.Tensor" in names else Number("bool")
    if isinstance(value, Tensor) and value.origin == "input" and names <= _NO_INPUT:
        # AIMET is given tensors, or tuples of them, to trace with.
        return FALSE
    if isinstance(value, Sequence) and value.kind in ("list", "tuple") and names <= _PLAIN | {"torch.Tensor"}:
        return Const(f"builtins.{value.kind}" in names)
    if isinstance(value, Dictionary) and names <= _PLAIN | {"torch.Tensor"}:
        return Const("builtins.dict" in names)
    if isinstance(value, Const) and names <= _PLAIN:
        if value.value is None:
            return FALSE
        return Const(f"builtins.{type(value.value).__name__}" in names)
    return Number("bool")


_PLAIN = {f"builtins.{name}" for name in ("int", "float", "bool", "str", "list", "tuple", "dict")}
_NO_INPUT = {f"builtins.{name}" for name in ("int", "float", "bool", "str", "dict")}


def _get_attribute(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    if len(a.positional) < 2:
        return UNKNOWN
    holder, name = a.positional[0][1], a.positional[1][1]
    if isinstance(name, Const) and isinstance(name.value, str):
        stand_in = ast.copy_location(
            ast.Attribute(value=a.positional[0][0] or callee, attr=name.value, ctx=ast.Load()), node
        )
        return attributes.attribute(m, holder, name.value, stand_in)
    if isinstance(holder, Module):
        m.noted += holder.is_self
        loops = containers.variance(name) or frozenset(loop.number for loop in m.loops)
        return Module((holder.identity, "getattr", m.serial()), varies=loops | holder.varies, guess=True)
    return UNKNOWN


def _set_attribute(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    if len(a.positional) == 3:
        holder, name, value = (each[1] for each in a.positional)
        if isinstance(holder, Module) and holder.is_self and isinstance(name, Const) and isinstance(name.value, str):
            register(m, holder, name.value, value, node, a.positional[2][0])
        elif isinstance(holder, Module) and holder.is_self:
            remembered.loosening(m, holder)
    return NONE


def register(m: Machine, holder: Module, name: str, value: Value, node: ast.expr, source: ast.expr | None) -> None:
    if holder.attributes is None:
        return
    if m.building:
        building.register(m, holder, name, value, node, source)
    else:
        remembered.writing(m, holder, name)
        holder.attributes[name] = value


def _dict(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    result = Dictionary({name: value for name, (_, value) in a.keywords.items()})
    if a.positional:
        first = a.positional[0][1]
        if isinstance(first, Dictionary):
            result.items = {**first.items, **result.items}
            result.element = first.element
        elif isinstance(first, Sequence) and first.items is not None:
            for pair in first.items:
                if isinstance(pair, Sequence) and pair.items is not None and len(pair.items) == 2:
                    key, value = pair.items
                    if isinstance(key, Const):
                        result.items[key.value] = value
                    else:
                        result.element = value
        elif not isinstance(first, Const):
            result.element = UNKNOWN
    return result


def _copied(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    value = a.positional[0][1] if a.positional else UNKNOWN
    if not any(isinstance(option, Module) for option in options(value)):
        return value
    return join_all(_copy(m, option, node) if isinstance(option, Module) else option for option in options(value))


def _copy(m: Machine, module: Module, node: ast.expr) -> Module:
    copied = building.new_module(m, node, cls=module.cls, definition=module.definition, guess=module.guess)
    copied.varies |= module.varies
    # Its children are copies as well.
    if module.items is not None:
        copied.items = [attributes.within(copied, each) for each in module.items]
    if module.element is not None:
        copied.element = attributes.within(copied, module.element)
    if module.attributes is not None and not module.is_self:
        copied.attributes = {name: attributes.within(copied, each) for name, each in module.attributes.items()}
    return copied


def _deeply_copied(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    value = a.positional[0][1] if a.positional else UNKNOWN
    if not isinstance(value, Sequence):
        return _copied(m, a, node, callee)
    # With a list its elements are copied, each of them once.
    copies = {id(each): _copied(m, Arguments([(None, each)], {}), node, callee) for each in value.items or ()}
    items = [copies[id(each)] for each in value.items] if value.items is not None else None
    element = _copied(m, Arguments([(None, value.element)], {}), node, callee) if items is None else value.element
    return Sequence(items, element, value.kind)


def _next(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    return iteration.element_of(m, a.positional[0][1], node, None) if a.positional else UNKNOWN


def _reversed(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    value = a.positional[0][1] if a.positional else UNKNOWN
    if isinstance(value, Sequence) and value.items is not None:
        return Sequence(value.items[::-1], kind=value.kind)
    return value


def _hasattr(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    return Number("bool")


MODELS: dict[str, Callable[..., Value]] = {
    "functools.partial": _partial,
    "builtins.range": _range,
    "builtins.zip": _zip,
    "itertools.zip_longest": _zip,
    "builtins.enumerate": _enumerate,
    "builtins.list": _same_elements,
    "builtins.tuple": _tuple,
    "builtins.sorted": _same_elements,
    "builtins.iter": function_models.first,
    "builtins.staticmethod": function_models.first,
    "builtins.set": _same_elements,
    "builtins.reversed": _reversed,
    "builtins.next": _next,
    "builtins.len": _length,
    "builtins.map": _map,
    "functools.reduce": _reduce,
    "builtins.sum": _sum,
    "builtins.abs": _absolute,
    "builtins.max": _extremum("max"),
    "builtins.min": _extremum("min"),
    "builtins.int": _number("int"),
    "builtins.float": _number("float"),
    "builtins.bool": _number("bool"),
    "builtins.round": _number("int"),
    "builtins.str": function_models.constant(Number("str")),
    "builtins.isinstance": _is_instance,
    "builtins.hasattr": _hasattr,
    "builtins.getattr": _get_attribute,
    "builtins.setattr": _set_attribute,
    "builtins.dict": _dict,
    "collections.OrderedDict": _dict,
    "builtins.print": function_models.constant(NONE),
    "builtins.type": function_models.constant(UNKNOWN),
    "builtins.callable": function_models.constant(Number("bool")),
    "copy.deepcopy": _deeply_copied,
    "copy.copy": _copied,
    "typing.cast": function_models.second,
}
