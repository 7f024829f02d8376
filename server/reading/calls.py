"""Calls: what they yield, and which uses and operations they are."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..knowledge import modules, tensors
from ..knowledge.data import signature
from . import attributes, building, expressions, fixed, iteration, library, methods, noting, remembered
from .arguments import Arguments, Operand
from .definitions import Definition
from .dtypes import is_boolean, is_mixed
from .facts import Operation, Site
from .values import (
    FOREIGN,
    NONE,
    TENSOR,
    TENSORISH,
    UNKNOWN,
    BoundBuiltin,
    Choice,
    Class,
    Const,
    Dictionary,
    Foreign,
    Function,
    Instance,
    Module,
    Number,
    Partial,
    SelfProxy,
    Sequence,
    Shape,
    Symbol,
    Tensor,
    TensorMethod,
    Unknown,
    Value,
    join_all,
    options,
)

if TYPE_CHECKING:
    from .machine import Machine


def call(m: Machine, node: ast.Call) -> Value:
    """Run a call."""
    callee = node.func
    if isinstance(callee, ast.Name) and callee.id == "super" and "super" not in m.frame.names:
        return _super(m)
    if isinstance(callee, ast.Attribute):
        holder = expressions.evaluate(m, callee.value)
        if (
            isinstance(holder, (Tensor, Unknown))
            and _fits(holder, callee.attr, len(node.args))
            and expressions.narrow(m, callee.value, holder, callee.attr)
        ):
            holder = fixed.own(m, callee.value, holder)
            arguments = _arguments(m, node)
            return tensor_method(m, callee.attr, (callee.value, _definite(holder)), arguments, node, callee, "direct")
        if isinstance(holder, Tensor) and (callee.attr == _OF_DICTS or not tensors.is_tensor_attribute(callee.attr)):
            _arguments(m, node)
            return TENSORISH
        if isinstance(holder, Unknown) and not _fits(holder, callee.attr, len(node.args)):
            return _unknown_result(m, _arguments(m, node), node, callee)
        function = attributes.attribute(m, holder, callee.attr, callee)
        if isinstance(holder, Module) and isinstance(function, Symbol) and holder.cls is not None:
            # A method of a library's module that is known by the function it calls.
            return apply(m, function, _arguments(m, node), node, callee, "direct")
    else:
        function = expressions.evaluate(m, callee)
    return apply(m, function, _arguments(m, node), node, callee, _via(callee, function))


# Of tensors only sparse ones have it: who calls it was given a dict.
_OF_DICTS = "values"


def _fits(holder: Value, name: str, given: int) -> bool:
    """Whether a call with so many arguments can be the tensor method of that name.

    `layers.relu(x)` is not, whatever `layers` may be.
    """
    if name == _OF_DICTS:
        return False
    if isinstance(holder, Tensor) and holder.definite:
        return True
    known = signature(f"Tensor.{name}")
    if known is None or given < len(known) or any(each.kind == "*" for each in known):
        return True
    # Sizes may be given one by one.
    return len(known) > 1 and known[-1].name in ("size", "shape", "dims", "repeats", "sizes")


def _definite(value: Value) -> Value:
    """What turned out to be a tensor."""
    if not isinstance(value, Tensor):
        return TENSOR
    return value if value.definite else Tensor(value.origin, fixed=value.fixed)


def _via(callee: ast.expr, function: Value) -> str:
    """`direct` where the call spells the function's name, `stored` where it reaches it through a variable."""
    if isinstance(function, Symbol):
        name = callee.attr if isinstance(callee, ast.Attribute) else callee.id if isinstance(callee, ast.Name) else ""
        root = callee
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Name) and root.id == "self":
            return "stored"
        last = function.name.rpartition(".")[2]
        return "direct" if name == last or isinstance(callee, ast.Name) or name.rstrip("_") == last else "stored"
    return "direct" if isinstance(function, TensorMethod) else "stored"


def _super(m: Machine) -> Value:
    owner, lexical = m.frame.owner, m.frame.site.owner
    if owner is not None and lexical is not None:
        return SelfProxy(owner, lexical)
    instance = next(iter(m.frame.names.values()), None)
    # The bases of a plain class are not followed, but they are no tensors.
    return BoundBuiltin(instance, "super") if isinstance(instance, Instance) else UNKNOWN


def _arguments(m: Machine, node: ast.Call) -> Arguments:
    positional: list[Operand] = []
    keywords: dict[str, Operand] = {}
    starred = False
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            value = expressions.evaluate(m, argument.value)
            if isinstance(value, Sequence) and value.items is not None:
                nodes = value.nodes or [None] * len(value.items)
                positional.extend((n if isinstance(n, ast.expr) else None, v) for n, v in zip(nodes, value.items))
            else:
                element = (
                    iteration.element_of(m, value, argument.value, None) if not isinstance(value, Tensor) else TENSORISH
                )
                positional.append((argument, Sequence(None, element, "starred")))
            starred = True
        else:
            positional.append((argument, expressions.evaluate(m, argument)))
    for keyword in node.keywords:
        value = expressions.evaluate(m, keyword.value)
        if keyword.arg is not None:
            keywords[keyword.arg] = (keyword.value, value)
        elif isinstance(value, Dictionary) and value.element is None:
            keywords.update({str(key): (None, each) for key, each in value.items.items()})
            starred = starred or bool(value.items)
        else:
            starred = True
    return Arguments(positional, keywords, starred, starred and _passes_on(m, node))


def _passes_on(m: Machine, node: ast.Call) -> bool:
    """Whether what hides behind the stars of a call in `forward` is what hides behind those of `forward` itself."""
    if m.building or len(m.active) != 1 or isinstance(m.active[0].node, (ast.ClassDef, ast.Lambda)):
        return False
    own = m.active[0].node.args
    spread = {each.arg for each in (own.vararg, own.kwarg) if each is not None}
    stars = [each.value for each in node.args if isinstance(each, ast.Starred)]
    stars += [each.value for each in node.keywords if each.arg is None]
    return all(isinstance(each, ast.Name) and each.id in spread for each in stars)


def apply(
    m: Machine, function: Value, arguments: Arguments, node: ast.expr, callee: ast.expr, via: str = "direct"
) -> Value:
    """Call a value."""
    if isinstance(function, Symbol):
        return library.call_symbol(m, function.name, arguments, node, callee, via)
    if isinstance(function, Module):
        return call_module(m, function, arguments, node, callee)
    if isinstance(function, Function):
        return call_function(m, function, arguments, node)
    if isinstance(function, Class):
        return building.instantiate(m, function, arguments, node)
    if isinstance(function, Instance):
        method = attributes.object_method(m, function, "__call__")
        if method is not None:
            return apply(m, attributes.bound(m, method[1], method[0], function), arguments, node, callee, via)
        return _unknown_result(m, arguments, node, callee)
    if isinstance(function, Foreign):
        return function
    if isinstance(function, TensorMethod):
        if not _fits(function.receiver, function.name, len(arguments.positional)):
            return _unknown_result(m, arguments, node, callee)
        receiver = function.node.value if isinstance(function.node, ast.Attribute) else None
        return tensor_method(m, function.name, (receiver, _definite(function.receiver)), arguments, node, callee, via)
    if isinstance(function, BoundBuiltin):
        return methods.call_bound(m, function, arguments, node)
    if isinstance(function, Partial):
        merged = Arguments(
            [*((None, value) for value in function.arguments), *arguments.positional],
            {**{name: (None, value) for name, value in function.keywords.items()}, **arguments.keywords},
            arguments.starred,
        )
        return apply(m, function.function, merged, node, callee, "stored")
    if isinstance(function, Choice):
        return _apply_one_of(m, [o for o in function.options if not isinstance(o, Const)], arguments, node, callee)
    if isinstance(function, Unknown):
        if function.default is not None and not isinstance(function.default, Const):
            result = apply(m, function.default, arguments, node, callee, "stored")
            if isinstance(result, Module):
                result.guess = True
            return result
        return _unknown_result(m, arguments, node, callee)
    return _unknown_result(m, arguments, node, callee)


def _apply_one_of(m: Machine, choices: list[Value], arguments: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    """Call one of several values; like branches they exclude each other."""
    if len(choices) < 2:
        return join_all(apply(m, option, arguments, node, callee, "stored") for option in choices)
    before = m.save()
    results, ends = [], []
    with noting.choosing(m, choices):
        for option in choices:
            m.restore(before)
            results.append(apply(m, option, arguments, node, callee, "stored"))
            ends.append(m.save())
    for end in ends[:-1]:
        m.merge(end)
    return join_all(results)


_MAKERS = (
    "_layer",
    "_module",
    "_cls",
    "_class",
    "_type",
    "_block",
    "_fn",
    "layer",
    "block",
    "norm",
    "act",
    "activation",
)


def _unknown_result(m: Machine, arguments: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    for given in arguments.values():
        # Code that cannot be read and gets an empty list most likely fills it.
        if isinstance(given, Module) and given.items == []:
            m.noted += 1
            given.items = None
        elif isinstance(given, Sequence) and given.kind == "list" and given.items == []:
            remembered.changing(m, given)
            given.items = None
    if m.building:
        name = callee.attr if isinstance(callee, ast.Attribute) else callee.id if isinstance(callee, ast.Name) else ""
        if name.endswith(_MAKERS) or name[:1].isupper():
            return building.new_module(m, node, guess=True)
        return UNKNOWN
    return unread(m, arguments)


def unread(m: Machine, arguments: Arguments) -> Value:
    """What code yields that cannot be read: most likely tensors, where it is given some."""
    if m.building or not any(holds_tensor(value) for value in arguments.values()):
        return UNKNOWN
    if not m.silent:
        m.noted += 1
        m.trace.is_read_in_part = True
        for value in arguments.values():
            fixed.spoil(value)
    return TENSORISH


def holds_tensor(value: Value) -> bool:
    """Whether a tensor is in it, at any depth."""
    if isinstance(value, Tensor):
        return True
    if isinstance(value, Sequence):
        return any(map(holds_tensor, value.items)) if value.items is not None else holds_tensor(value.element)
    if isinstance(value, Dictionary):
        return any(map(holds_tensor, value.items.values())) or (
            value.element is not None and holds_tensor(value.element)
        )
    return False


_RESULTS: dict[str, Callable[[], Value]] = {
    "tensor": lambda: TENSOR,
    "size": Shape,
    "int": lambda: Number("int", shape=True),
    "float": lambda: Number("float"),
    "bool": lambda: Number("bool"),
    "number": lambda: Number("number", data=True),
    "dtype": lambda: Number("dtype"),
    "device": lambda: Number("device"),
    "str": lambda: Number("str"),
    "list": lambda: Sequence(None, Number("number", data=True)),
    "none": lambda: NONE,
    "array": lambda: FOREIGN,
}


def result_value(kind: str) -> Value:
    """The value for a kind of result in the tables."""
    make = _RESULTS.get(kind)
    if make is not None:
        return make()
    if kind.startswith("tensors"):
        count = kind.partition(":")[2]
        return Sequence([TENSOR] * int(count) if count else None, TENSOR, "tuple")
    return UNKNOWN


def call_function(m: Machine, function: Function, arguments: Arguments, node: ast.expr) -> Value:
    """Run a function of the workspace with these arguments."""
    definition = function.definition
    if len(m.active) >= m.MAX_DEPTH or m.active.count(definition) > 1 or m.steps > m.MAX_STEPS:
        remembered.limited(m, definition)
        return _unknown_result(m, arguments, node, node) if not m.building else UNKNOWN
    if function.owner is not None:
        arguments = arguments.with_first((None, function.owner))
    owner = function.owner if isinstance(function.owner, Module) else None
    if owner is None and arguments.positional and function.lexical_class is not None:
        first = arguments.positional[0][1]
        owner = first if isinstance(first, Module) and first.is_self else None
    if owner is None and isinstance(definition.node, ast.Lambda):
        owner = m.frame.owner
    elif owner is None and function.closure is not None:
        held = function.closure.get("self")
        owner = held if isinstance(held, Module) else None
    if owner is not None and not owner.is_self and not m.building:
        # Another module's method: what it does is read with that module; here only its result counts.
        return _of_other_module(m, owner, function, arguments, node)
    return remembered.call(m, function, owner, arguments, lambda: m.enter(function, owner, arguments, node))


def _of_other_module(m: Machine, owner: Module, function: Function, arguments: Arguments, node: ast.expr) -> Value:
    name = function.definition.simple_name
    if name == "forward":
        return call_module(
            m, owner, Arguments(arguments.positional[1:], arguments.keywords, arguments.starred), node, node
        )
    result = m.index.method_result(owner.definition, name) if owner.definition is not None else UNKNOWN
    if isinstance(result, Unknown) and any(holds_tensor(value) for value in arguments.values()):
        return TENSORISH
    return result


def tensor_method(
    m: Machine, name: str, receiver: Operand, arguments: Arguments, node: ast.expr, callee: ast.expr, via: str
) -> Value:
    """Run `x.name(...)`."""
    return torch_operation(m, f"Tensor.{name}", arguments.with_first(receiver), node, callee, via)


# Calls that hand a tensor's value to Python.
_READS = frozenset("item tolist numpy equal allclose is_nonzero".split())


# Calls whose numbers are sizes, positions or counts.
_TAKES_SHAPE = frozenset(
    "view reshape expand repeat repeat_interleave tile broadcast_to unflatten zeros ones empty full eye "
    "arange linspace rand randn new_zeros new_ones new_empty new_full split chunk tensor_split narrow select topk roll "
    "pad interpolate upsample as_strided one_hot adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool2d".split()
)


def torch_operation(m: Machine, symbol: str, arguments: Arguments, node: ast.expr, callee: ast.expr, via: str) -> Value:
    """Run an operation of torch's and note it."""
    value = result_value(tensors.result(library.form(symbol, arguments)))
    name = symbol.rpartition(".")[2]
    constant = fixed.result(m, symbol, arguments.positional, arguments.keywords) if not m.building else None
    if name in _TAKES_SHAPE:
        for operand in arguments.values():
            noting.feed(operand, "shape")
    if isinstance(value, Tensor):
        if tensors.is_creation(symbol):
            value = Tensor("created")
        elif tensors.is_view(symbol):
            value = Tensor("view")
        elif tensors.is_inplace(symbol) and arguments.positional and isinstance(arguments.positional[0][1], Tensor):
            value = arguments.positional[0][1]
        boolean = is_boolean(symbol, arguments.positional, arguments.keywords)
        if value.origin == "op" and is_mixed(symbol, arguments.positional, arguments.keywords):
            value = Tensor("mixed", value.definite, boolean=boolean)
        elif boolean:
            value = Tensor(value.origin, boolean=True)
    elif name in _READS:
        read = noting.flow(m, name, node, fixed=constant)
        if name != "numpy":
            value = Number("number", data=True, read=read)
        if name == "tolist":
            value = Sequence(None, value)
    if constant is not None and isinstance(value, Tensor) and value.fixed is None:
        value = Tensor(value.origin, value.definite, boolean=value.boolean, fixed=constant)
    if not m.building and not m.silent:
        noting.record(
            m,
            Operation(
                symbol,
                node,
                callee,
                m.frame.site,
                tuple(arguments.positional),
                arguments.keywords,
                value,
                via,
                arguments.starred,
                tuple(loop.node for loop in m.loops),
            ),
        )
    return value


def call_module(m: Machine, module: Module, arguments: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    """Call a module."""
    if module.is_self:
        found = m.index.method(module.definition, "forward") if module.definition is not None else None
        if found is not None:
            return call_function(m, Function(found[1], module, lexical_class=found[0]), arguments, node)
        return TENSORISH
    noting.use(m, module, node, callee, arguments)
    for argument, value in arguments.positional[:1]:
        if argument is not None and isinstance(value, (Tensor, Unknown)) and _takes_tensor(module):
            expressions.make_tensor(m, argument)
    first = arguments.positional[0][1] if arguments.positional else UNKNOWN
    result = module_result(m, module, first)
    if module.passing and not module.guess and not m.unsure and _takes_tensor(module):
        _note_passing(m, module, arguments, node, callee, result)
    return result


def _note_passing(
    m: Machine, module: Module, arguments: Arguments, node: ast.expr, callee: ast.expr, result: Value
) -> None:
    """Note what a module computes that nobody keeps: it is an operation of the model that makes it."""
    if m.silent or module.cls is None:
        return
    loops = tuple(loop.node for loop in m.loops)
    operands, keywords = tuple(arguments.positional), arguments.keywords
    site, starred = m.frame.site, arguments.starred
    noting.record(m, Operation(module.cls, node, callee, site, operands, keywords, result, "made", starred, loops))


def _takes_tensor(module: Module) -> bool:
    known = modules.module_class(module.cls) if module.cls is not None else None
    return known is not None and known.result == "tensor" and not known.container


def module_result(m: Machine, module: Module, first: Value) -> Value:
    """What calling a module yields."""
    if module.definition is not None:
        result = m.index.result(module.definition)
        if not isinstance(result, Unknown):
            return result
        outside = m.index.external_base(module.definition)
        return TENSORISH if outside is None else _library_result(m, outside, module, first)
    if module.cls is None:
        return TENSORISH
    return _library_result(m, module.cls, module, first)


def _library_result(m: Machine, cls: str, module: Module, first: Value) -> Value:
    known = modules.module_class(cls)
    if known is None:
        return TENSORISH
    if known.container == "sequential":
        value = first
        if module.items is None:
            return TENSORISH
        for child_value in module.items:
            value = join_all(
                module_result(m, option, value) if isinstance(option, Module) else TENSORISH
                for option in options(child_value)
            )
        return value
    if known.result == "tensor":
        return Tensor("layer")
    if known.result == "same":
        return first if isinstance(first, Tensor) else TENSORISH
    if known.result == "tuple":
        return Sequence([TENSOR, TENSORISH], kind="tuple") if known.recurrent else Sequence(None, TENSORISH, "tuple")
    return TENSORISH


def site_of(m: Machine, definition: Definition, owner: Definition | None) -> Site:
    """The site for a function that is entered."""
    return Site(definition.path, definition.statement, definition, owner, m.model, m.index.scripted(definition))
