"""Models of the functions of Python and torch that forward methods and constructors are written with."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..knowledge import modules, tensors
from ..knowledge.names import canonical
from . import calls, expressions
from .arguments import Arguments
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
    Class,
    Const,
    Dictionary,
    Function,
    Module,
    Number,
    Partial,
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


def variance(index: Value) -> frozenset[int]:
    """The loops an index changes with."""
    return index.varies if isinstance(index, Number) else frozenset()


def form(symbol: str, arguments: Arguments) -> str:
    """The key of `symbol` in the table of results where its arguments change what it yields."""
    name = symbol.rpartition(".")[2]
    test = _FORMS.get(name)
    if test is None:
        return symbol
    found = test(arguments, symbol.startswith("Tensor."))
    return f"{symbol}[{found}]" if found else symbol


def _with_dimension(arguments: Arguments, method: bool) -> str:
    if "dim" in arguments.keywords:
        return "dim"
    if len(arguments.positional) > 1 and isinstance(arguments.positional[1][1], (Const, Number, Unknown)):
        return "dim"
    return ""


def _flag(name: str) -> Callable[[Arguments, bool], str]:
    def test(arguments: Arguments, method: bool) -> str:
        value = arguments.keywords.get(name)
        return name if value is not None and isinstance(value[1], Const) and value[1].value else ""

    return test


_FORMS: dict[str, Callable[[Arguments, bool], str]] = {
    **dict.fromkeys(("max", "min", "median", "nanmedian", "size", "stride"), _with_dimension),
    "nonzero": _flag("as_tuple"),
    **{f"{kind}max_pool{n}d": _flag("return_indices") for kind in ("", "adaptive_", "fractional_") for n in (1, 2, 3)},
    "unique": lambda a, method: _flag("return_inverse")(a, method) or _flag("return_counts")(a, method),
    "unique_consecutive": lambda a, method: _flag("return_inverse")(a, method) or _flag("return_counts")(a, method),
    "where": lambda a, method: "condition" if len(a.positional) + len(a.keywords) == 1 else "",
}


def call_symbol(m: Machine, name: str, arguments: Arguments, node: ast.expr, callee: ast.expr, via: str) -> Value:
    """Call something a library defines."""
    model = _MODELS.get(name)
    if model is not None:
        return model(m, arguments, node, callee)
    if name.startswith("torch."):
        if name[6:7].isupper() or name.startswith(("torch.nn.parameter.",)):
            return _torch_class(m, name, arguments, node, callee, via)
        known = modules.module_class(name)
        if known is not None:
            return calls.library_module(m, known.path, arguments, node)
        if tensors.is_known(name):
            return calls.torch_operation(m, name, arguments, node, callee, via)
        if name.startswith("torch.jit.is_scripting"):
            return FALSE
        if modules.is_module_base(name):
            return calls.library_module(m, name, arguments, node)
        takes_tensors = any(map(calls.holds_tensor, arguments.values()))
        if takes_tensors and name.startswith("torch.ops."):
            # An operator that a library registers.
            calls.torch_operation(m, name, arguments, node, callee, via)
        return TENSORISH if takes_tensors else UNKNOWN
    if name.startswith("Tensor.") and tensors.is_known(name) and arguments.positional:
        return calls.torch_operation(m, name, arguments, node, callee, via)
    if name.startswith(("operator.", "_operator.")):
        method = tensors.operator_method(name)
        if method is not None and any(isinstance(value, Tensor) for value in arguments.values()):
            return calls.torch_operation(m, method, arguments, node, callee, "operator function")
        return UNKNOWN
    if name.startswith(("math.", "numpy.")):
        numbers = [value for value in arguments.values() if isinstance(value, Number)]
        data, shape = any(value.data for value in numbers), any(value.shape for value in numbers)
        read = next((value.read for value in numbers if value.read is not None), None)
        return Number("number", shape, data, read=read) if name.startswith("math.") else UNKNOWN
    if name.startswith("torchvision.ops.") and tensors.is_known(name):
        return calls.torch_operation(m, name, arguments, node, callee, via)
    if name.startswith("einops.") and name.rpartition(".")[2] in ("rearrange", "reduce", "repeat", "einsum"):
        return calls.torch_operation(m, name, arguments, node, callee, via) and TENSOR
    known = modules.module_class(name)
    if known is not None:
        return calls.library_module(m, known.path, arguments, node)
    if modules.is_module_base(name):
        return calls.library_module(m, name, arguments, node)
    if m.building and name.rpartition(".")[2][:1].isupper():
        # A class of a library that is not known: an object, perhaps a module.
        return Unknown()
    return TENSORISH if any(map(calls.holds_tensor, arguments.values())) and not m.building else UNKNOWN


def _torch_class(m: Machine, name: str, arguments: Arguments, node: ast.expr, callee: ast.expr, via: str) -> Value:
    if name in ("torch.Tensor", "torch.FloatTensor", "torch.LongTensor", "torch.BoolTensor"):
        return Tensor("created")
    if name == "torch.Size":
        return Shape()
    if name in ("torch.Generator",):
        return UNKNOWN
    return calls.torch_operation(m, name, arguments, node, callee, via) if tensors.is_known(name) else UNKNOWN


# Python's own functions


def _partial(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    if not a.positional:
        return UNKNOWN
    keywords = {name: value for name, (_, value) in a.keywords.items()}
    return Partial(a.positional[0][1], [value for _, value in a.positional[1:]], keywords, node)


def _range(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    for _, value in a.positional:
        m.feed(value, "range")
    numbers = [
        value.value if isinstance(value, Const) and isinstance(value.value, int) else None for _, value in a.positional
    ]
    if None not in numbers and 1 <= len(numbers) <= 3:
        try:
            span = range(*numbers)  # type: ignore[arg-type]
        except ValueError:
            return Range(None)
        return Range(len(span), span.start)
    return Range(None)


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
        return value if not value.definite else Sequence(None, TENSOR)
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
    read = m.flow("len", node) if isinstance(value, Tensor) and value.definite else None
    return Number("int", shape=True, read=read)


def _map(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    if len(a.positional) < 2:
        return UNKNOWN
    function = a.positional[0][1]
    with m.looping(node) as loop:
        held = [
            (None, expressions.iterate(m, value, source if source is not None else node)[1](loop))
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
    element = expressions.element_of(m, a.positional[1][1], node, None)
    named = a.positional[0][0]
    return calls.apply(
        m,
        a.positional[0][1],
        Arguments([(None, element), (None, element)], {}),
        node,
        named if named is not None else callee,
        "passed",
    )


def _checkpoint(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    if not a.positional:
        return UNKNOWN
    named, function = a.positional[0]
    rest = Arguments(a.positional[1:], {}, a.starred)
    return calls.apply(m, function, rest, node, named if named is not None else callee, "passed")


def _checkpoint_sequential(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    value = a.positional[0][1] if a.positional else UNKNOWN
    first = a.positional[2][1] if len(a.positional) > 2 else TENSORISH
    if isinstance(value, Module):
        m.use(value, node, a.positional[0][0] or callee)
        return calls.module_result(m, value, first)
    return TENSORISH


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
        values = a.values()
        if any(isinstance(value, Tensor) and value.definite for value in values):
            m.flow(name, node, "branch")
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
            return Number(kind, data=True, read=m.flow(kind, node))
        if isinstance(value, Const) and isinstance(value.value, (int, float, bool)):
            return Const({"int": int, "float": float, "bool": bool}[kind](value.value))
        if isinstance(value, Number):
            return Number(kind, value.shape, value.data, value.varies, value.read)
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


def _get_attribute(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    if len(a.positional) < 2:
        return UNKNOWN
    holder, name = a.positional[0][1], a.positional[1][1]
    if isinstance(name, Const) and isinstance(name.value, str):
        stand_in = ast.copy_location(
            ast.Attribute(value=a.positional[0][0] or callee, attr=name.value, ctx=ast.Load()), node
        )
        return calls.attribute(m, holder, name.value, stand_in)
    if isinstance(holder, Module):
        loops = variance(name) or frozenset(loop.number for loop in m.loops)
        return Module((holder.identity, "getattr", m.serial()), varies=loops | holder.varies, guess=True)
    return UNKNOWN


def _set_attribute(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    if len(a.positional) == 3:
        holder, name, value = (each[1] for each in a.positional)
        if isinstance(holder, Module) and holder.is_self and isinstance(name, Const) and isinstance(name.value, str):
            _register(m, holder, name.value, value, node, a.positional[2][0])
        elif isinstance(holder, Module) and holder.is_self:
            holder.dynamic = True
    return NONE


def _register(m: Machine, holder: Module, name: str, value: Value, node: ast.expr, source: ast.expr | None) -> None:
    if holder.attributes is None:
        return
    if m.building:
        calls.register(m, holder, name, value, node, source)
    else:
        holder.attributes[name] = value


def _parameter(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    return Tensor("parameter")


def _parameter_list(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    return Sequence(None, Tensor("parameter"), "parameters")


def _parameter_dict(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    return Dictionary({}, Tensor("parameter"))


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


def _known(value: Value) -> Callable[..., Value]:
    return lambda m, a, node, callee: value


def _first(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    return a.positional[0][1] if a.positional else UNKNOWN


def _copied(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    value = a.positional[0][1] if a.positional else UNKNOWN
    if isinstance(value, Module):
        return calls.new_module(
            m,
            node,
            cls=value.cls,
            definition=value.definition,
            items=value.items,
            element=value.element,
            guess=value.guess,
        )
    return value


def _is_tensor(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    value = a.positional[0][1] if a.positional else UNKNOWN
    if isinstance(value, Tensor) and value.definite:
        return TRUE
    return FALSE if isinstance(value, (Const, Sequence, Dictionary)) else Number("bool")


def _next(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    return expressions.element_of(m, a.positional[0][1], node, None) if a.positional else UNKNOWN


def _reversed(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    value = a.positional[0][1] if a.positional else UNKNOWN
    if isinstance(value, Sequence) and value.items is not None:
        return Sequence(value.items[::-1], kind=value.kind)
    return value


def _hasattr(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    return Number("bool")


_MODELS: dict[str, Callable[..., Value]] = {
    "functools.partial": _partial,
    "builtins.range": _range,
    "builtins.zip": _zip,
    "itertools.zip_longest": _zip,
    "builtins.enumerate": _enumerate,
    "builtins.list": _same_elements,
    "builtins.tuple": _tuple,
    "builtins.sorted": _same_elements,
    "builtins.iter": _first,
    "builtins.staticmethod": _first,
    "builtins.set": _same_elements,
    "builtins.reversed": _reversed,
    "builtins.next": _next,
    "builtins.len": _length,
    "builtins.map": _map,
    "functools.reduce": _reduce,
    "torch.utils.checkpoint.checkpoint": _checkpoint,
    "torch.utils.checkpoint.checkpoint_sequential": _checkpoint_sequential,
    "builtins.sum": _sum,
    "builtins.abs": _absolute,
    "builtins.max": _extremum("max"),
    "builtins.min": _extremum("min"),
    "builtins.int": _number("int"),
    "builtins.float": _number("float"),
    "builtins.bool": _number("bool"),
    "builtins.round": _number("int"),
    "builtins.str": _known(Number("str")),
    "builtins.isinstance": _is_instance,
    "builtins.hasattr": _hasattr,
    "builtins.getattr": _get_attribute,
    "builtins.setattr": _set_attribute,
    "builtins.dict": _dict,
    "collections.OrderedDict": _dict,
    "builtins.print": _known(NONE),
    "builtins.type": _known(UNKNOWN),
    "builtins.callable": _known(Number("bool")),
    "torch.nn.Parameter": _parameter,
    "torch.nn.UninitializedParameter": _parameter,
    "torch.nn.Buffer": _known(Tensor("buffer")),
    "torch.nn.ParameterList": _parameter_list,
    "torch.nn.ParameterDict": _parameter_dict,
    "torch.is_tensor": _is_tensor,
    "torch.overrides.has_torch_function_unary": _known(FALSE),
    "torch.jit.is_scripting": _known(FALSE),
    "torch._jit_internal.is_scripting": _known(FALSE),
    "torch.jit.is_tracing": _known(TRUE),
    "torch._C._get_tracing_state": _known(Number("bool")),
    "torch.jit.annotate": lambda m, a, node, callee: a.positional[1][1] if len(a.positional) > 1 else UNKNOWN,
    "torch.jit.script": _first,
    "torch.jit.script_if_tracing": _first,
    "torch.fx.wrap": _first,
    "torch.compile": _first,
    "torch._assert": _known(NONE),
    "torch.is_grad_enabled": _known(Number("bool")),
    "torch.is_autocast_enabled": _known(Number("bool")),
    "torch.nn.utils.weight_norm": _first,
    "torch.nn.utils.spectral_norm": _first,
    "torch.nn.utils.parametrizations.weight_norm": _first,
    "torch.nn.utils.parametrizations.spectral_norm": _first,
    "torch.no_grad": _known(UNKNOWN),
    "torch.autocast": _known(UNKNOWN),
    "torch.device": _known(Number("device")),
    "torch.finfo": _known(UNKNOWN),
    "torch.iinfo": _known(UNKNOWN),
    "torch.numel": _known(Number("int", shape=True)),
    "copy.deepcopy": _copied,
    "copy.copy": _copied,
    "typing.cast": lambda m, a, node, callee: a.positional[1][1] if len(a.positional) > 1 else UNKNOWN,
}


# Methods of lists, dicts, strings, shapes and modules


def call_bound(m: Machine, function: BoundBuiltin, a: Arguments, node: ast.expr) -> Value:
    """Call a method of a Python object or a method `nn.Module` itself defines."""
    receiver, name = function.receiver, function.name
    if isinstance(receiver, Sequence):
        return _sequence_method(m, receiver, name, a, node)
    if isinstance(receiver, Dictionary):
        return _dictionary_method(receiver, name, a)
    if isinstance(receiver, Shape):
        return Number("int", shape=True)
    if isinstance(receiver, Module):
        return _module_method(m, receiver, name, a, node)
    if isinstance(receiver, Const) and isinstance(receiver.value, str):
        return Number("str")
    return UNKNOWN


def _sequence_method(m: Machine, sequence: Sequence, name: str, a: Arguments, node: ast.expr) -> Value:
    if name == "append" and a.positional:
        source, value = a.positional[0]
        calls.append(m, sequence, value, source if source is not None else node)
    elif name == "extend" and a.positional:
        calls.extend(m, sequence, a.positional[0][1], a.positional[0][0] or node)
    elif name == "insert" and len(a.positional) == 2:
        sequence.element = (
            join_all([sequence.any_element(), a.positional[1][1]]) if sequence.items != [] else a.positional[1][1]
        )
        sequence.items = None
    elif name == "pop":
        held = sequence.any_element()
        if sequence.items and not m.loops:
            index = a.positional[0][1] if a.positional else Const(-1)
            if (
                isinstance(index, Const)
                and isinstance(index.value, int)
                and -len(sequence.items) <= index.value < len(sequence.items)
            ):
                return sequence.items.pop(index.value)
        sequence.element = held
        sequence.items = None
        return held
    elif name == "copy":
        return Sequence(list(sequence.items) if sequence.items is not None else None, sequence.element, sequence.kind)
    elif name in ("index", "count"):
        return Number("int")
    return NONE


def _dictionary_method(dictionary: Dictionary, name: str, a: Arguments) -> Value:
    if name in ("values", "items"):
        values = list(dictionary.items.values())
        held: Value = Sequence(values if dictionary.element is None else None, dictionary.any_element())
        keys: Value = Sequence(
            [Const(key) for key in dictionary.items] if dictionary.element is None else None, Number("str")
        )
        return held if name == "values" else Zipped([keys, held])
    if name == "keys":
        return Sequence(None, Number("str"))
    if name in ("get", "pop", "setdefault"):
        key = a.get(0, "key")
        found = dictionary.items.get(key.value) if isinstance(key, Const) else None
        if found is not None:
            return found
        default = a.get(1, "default") or NONE
        return (
            join_all([dictionary.any_element(), default])
            if dictionary.element is not None or not isinstance(key, Const)
            else default
        )
    if name == "update" and a.positional:
        other = a.positional[0][1]
        if isinstance(other, Dictionary):
            dictionary.items.update(other.items)
            dictionary.element = other.element or dictionary.element
        else:
            dictionary.element = UNKNOWN
    return NONE


def _module_method(m: Machine, module: Module, name: str, a: Arguments, node: ast.expr) -> Value:
    values = [value for _, value in a.positional]
    if name in ("register_buffer", "register_parameter"):
        kind = "buffer" if name == "register_buffer" else "parameter"
        given = a.get(1, "tensor" if kind == "buffer" else "param")
        absent = isinstance(given, Const) and given.value is None
        key = a.get(0, "name")
        if isinstance(key, Const) and module.attributes is not None:
            known = module.attributes.get(key.value)
            tensor = NONE if absent else Tensor(kind)
            module.attributes[key.value] = tensor if known is None or not absent else known
        return NONE
    if name in ("add_module", "register_module") and len(values) == 2:
        if module.is_self and isinstance(values[0], Const):
            _register(m, module, str(values[0].value), values[1], node, a.positional[1][0])
        elif not module.is_self:
            add_child(m, module, values[1], a.positional[1][0] or node)
        return NONE
    if name in ("append", "insert"):
        add_child(m, module, values[-1] if values else UNKNOWN, a.positional[-1][0] or node if a.positional else node)
        return module
    if name == "extend" and values:
        held = values[0]
        if isinstance(held, Sequence) and held.items is not None:
            for item in held.items:
                add_child(m, module, item, node)
        else:
            module.items = None
            module.element = expressions.element_of(m, held, node, None)
        return module
    if name in ("children", "values", "modules", "_modules"):
        return module
    if name in ("named_children", "items", "named_modules"):
        return Zipped([Range(None), module])
    if name == "keys":
        return Range(None)
    if name in ("eval", "train", "to", "type", "requires_grad_", "apply"):
        return module
    if name == "super.forward" or name == "super.__call__":
        return TENSORISH
    if name == "super.__init__":
        container = modules.module_class(m.index.external_base(module.definition) or "") if module.definition else None
        if container is not None and container.container:
            fill_container(m, module, container.container, a)
        return NONE
    if name in ("parameters", "buffers"):
        return Sequence(None, Tensor("parameter"), "generator")
    if name == "named_parameters":
        return Zipped([Range(None), Sequence(None, Tensor("parameter"))])
    return UNKNOWN


def add_child(m: Machine, module: Module, value: Value, node: ast.expr) -> None:
    """Put a module into a container that exists."""
    for option in options(value):
        if isinstance(option, Module):
            m.place(option, node, node, module.identity, "container")
    if m.loops or module.items is None:
        module.element = value if module.element is None else join_all([module.element, *(module.items or []), value])
        module.items = None
    else:
        module.items = [*module.items, value]


def fill_container(m: Machine, module: Module, kind: str, a: Arguments) -> None:
    """The children a container is constructed with."""
    held: list[Value] | None = None
    nodes: list[ast.AST | None] = []
    if kind == "sequential":
        pairs = a.positional
        if len(pairs) == 1 and isinstance(pairs[0][1], Dictionary):
            dictionary = pairs[0][1]
            if dictionary.element is None:
                held = list(dictionary.items.values())
            else:
                module.element = dictionary.any_element()
        elif any(isinstance(value, Sequence) and value.kind == "starred" for _, value in pairs):
            module.element = join_all(v.any_element() if isinstance(v, Sequence) else v for _, v in pairs)
        elif not a.starred or all(not isinstance(value, Unknown) for _, value in pairs):
            held = [value for _, value in pairs]
            nodes = [node for node, _ in pairs]
    elif kind in ("list", "dict"):
        first = a.positional[0][1] if a.positional else Sequence([])
        if isinstance(first, Sequence):
            held = list(first.items) if first.items is not None else None
            nodes = list(first.nodes or [])
            module.element = first.any_element()
        elif isinstance(first, Dictionary):
            module.attributes = dict(first.items)
            held = list(first.items.values()) if first.element is None else None
            module.element = first.any_element()
        elif isinstance(first, Module):
            held, module.element = first.items, first.element
    module.items = held
    seen: set[Any] = set()
    for index, value in enumerate(held or ()):
        node = nodes[index] if index < len(nodes) else None
        for option in options(value):
            if isinstance(option, Module) and isinstance(node, ast.expr):
                again = (option.identity, id(node)) in seen
                seen.add((option.identity, id(node)))
                m.place(option, node, node, module.identity, "container", again)


__all__ = ["Class", "Function", "TensorMethod", "canonical"]
