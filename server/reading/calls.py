"""Attributes, calls and constructions: what they yield, and which uses and operations they are."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..knowledge import modules, tensors
from ..knowledge.names import canonical
from . import expressions, library
from .arguments import Arguments, Operand
from .definitions import Definition
from .dtypes import is_boolean, is_mixed
from .facts import Operation, Site
from .values import (
    FALSE,
    NONE,
    TENSOR,
    TENSORISH,
    UNKNOWN,
    BoundBuiltin,
    Choice,
    Class,
    Const,
    Dictionary,
    Function,
    Instance,
    Module,
    ModuleFile,
    Number,
    Origin,
    Partial,
    SelfProxy,
    Sequence,
    Shape,
    Symbol,
    Tensor,
    TensorMethod,
    Unknown,
    Value,
    join,
    join_all,
    options,
)

if TYPE_CHECKING:
    from .machine import Loop, Machine


def call(m: Machine, node: ast.Call) -> Value:
    """Run a call."""
    callee = node.func
    if isinstance(callee, ast.Name) and callee.id == "super" and "super" not in m.frame.names:
        return _super(m)
    if isinstance(callee, ast.Attribute):
        holder = expressions.evaluate(m, callee.value)
        if isinstance(holder, (Tensor, Unknown)) and expressions.narrow(m, callee.value, holder, callee.attr):
            if not isinstance(holder, Tensor) or not holder.definite:
                holder = Tensor(holder.origin if isinstance(holder, Tensor) else "op")
            arguments = _arguments(m, node)
            return tensor_method(m, callee.attr, (callee.value, holder), arguments, node, callee, "direct")
        if isinstance(holder, Tensor) and not tensors.is_tensor_attribute(callee.attr):
            _arguments(m, node)
            return TENSORISH
        function = attribute(m, holder, callee.attr, callee)
    else:
        function = expressions.evaluate(m, callee)
    return apply(m, function, _arguments(m, node), node, callee, _via(callee, function))


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
    return SelfProxy(owner, lexical) if owner is not None and lexical is not None else UNKNOWN


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
                    expressions.element_of(m, value, argument.value, None)
                    if not isinstance(value, Tensor)
                    else TENSORISH
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
    return Arguments(positional, keywords, starred)


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
        return instantiate(m, function, arguments, node)
    if isinstance(function, Instance):
        method = m.index.method(function.definition, "__call__")
        if method is not None:
            return apply(m, _bound(m, method[1], method[0], function), arguments, node, callee, via)
        return _unknown_result(m, arguments, node, callee)
    if isinstance(function, TensorMethod):
        receiver = function.node.value if isinstance(function.node, ast.Attribute) else None
        return tensor_method(m, function.name, (receiver, function.receiver), arguments, node, callee, via)
    if isinstance(function, BoundBuiltin):
        return library.call_bound(m, function, arguments, node)
    if isinstance(function, Partial):
        merged = Arguments(
            [*((None, value) for value in function.arguments), *arguments.positional],
            {**{name: (None, value) for name, value in function.keywords.items()}, **arguments.keywords},
            arguments.starred,
        )
        return apply(m, function.function, merged, node, callee, "stored")
    if isinstance(function, Choice):
        callable_options = [o for o in function.options if not isinstance(o, Const)]
        return join_all(apply(m, option, arguments, node, callee, "stored") for option in callable_options)
    if isinstance(function, Unknown):
        if function.default is not None and not isinstance(function.default, Const):
            result = apply(m, function.default, arguments, node, callee, "stored")
            if isinstance(result, Module):
                result.guess = True
            return result
        return _unknown_result(m, arguments, node, callee)
    return _unknown_result(m, arguments, node, callee)


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
    if m.building:
        name = callee.attr if isinstance(callee, ast.Attribute) else callee.id if isinstance(callee, ast.Name) else ""
        if name.endswith(_MAKERS) or name[:1].isupper():
            return new_module(m, node, guess=True)
        return UNKNOWN
    return TENSORISH if any(holds_tensor(value) for value in arguments.values()) else UNKNOWN


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


# Attributes


def attribute(m: Machine, holder: Value, name: str, node: ast.Attribute) -> Value:
    """What `holder.name` is."""
    if isinstance(holder, Module):
        return _module_attribute(m, holder, name, node)
    if isinstance(holder, Symbol):
        return Symbol(canonical(f"{holder.name}.{name}"))
    if isinstance(holder, Tensor):
        return _tensor_attribute(holder, name, node)
    if isinstance(holder, ModuleFile):
        return m.member(holder.path, name)
    if isinstance(holder, Unknown):
        if tensors.is_tensor_method(name):
            return _tensor_attribute(TENSOR, name, node)
        return UNKNOWN
    if isinstance(holder, Class):
        return _class_attribute(m, holder, name)
    if isinstance(holder, Instance):
        found = m.index.method(holder.definition, name)
        if found is not None:
            return _bound(m, found[1], found[0], holder)
        return UNKNOWN
    if isinstance(holder, SelfProxy):
        return _inherited(m, holder, name)
    if isinstance(holder, (Sequence, Dictionary, Shape, Const, Number)):
        return BoundBuiltin(holder, name)
    if isinstance(holder, Choice):
        found_values = [
            attribute(m, option, name, node)
            for option in holder.options
            if not (isinstance(option, Const) and option.value is None)
        ]
        return join_all(found_values)
    return UNKNOWN


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
}

# Attributes that are read, not called.
_READ = frozenset(
    "shape ndim T mT H mH real imag grad data dtype device layout is_cuda is_cpu is_quantized is_sparse is_meta "
    "is_leaf requires_grad names itemsize nbytes grad_fn is_mps is_nested is_xpu".split()
)


def _tensor_attribute(holder: Tensor, name: str, node: ast.AST) -> Value:
    if name in _READ:
        return result_value(tensors.result(f"Tensor.{name}"))
    if tensors.is_tensor_attribute(name):
        return TensorMethod(holder, name, node)
    return TENSORISH


def result_value(kind: str) -> Value:
    """The value for a kind of result in the tables."""
    make = _RESULTS.get(kind)
    if make is not None:
        return make()
    if kind.startswith("tensors"):
        count = kind.partition(":")[2]
        return Sequence([TENSOR] * int(count) if count else None, TENSOR, "tuple")
    return UNKNOWN


def _module_attribute(m: Machine, module: Module, name: str, node: ast.AST) -> Value:
    if name == "training":
        return FALSE
    if module.is_self:
        held = module.attributes
        if held is not None and name in held:
            return held[name]
    elif module.definition is not None:
        inner = m.index.attributes(module.definition).get(name)
        if inner is not None:
            return within(module, inner)
    if module.definition is not None:
        found = m.index.method(module.definition, name)
        if found is not None:
            return _bound(m, found[1], found[0], module)
        value = m.index.class_value(m, module.definition, name)
        if value is not None:
            return value
        outside = m.index.external_base(module.definition)
    else:
        outside = module.cls
    if outside is not None and outside != "torch.nn.Module":
        known = modules.module_class(outside)
        if known is not None and name in _STATE:
            return Tensor("parameter", optional=name == "bias")
    if name in _MODULE_METHODS or (module.items is not None and name in _CONTAINER_METHODS):
        return BoundBuiltin(module, name)
    if outside is not None and name in _CONTAINER_METHODS:
        return BoundBuiltin(module, name)
    if module.items is not None and name.isdigit() and int(name) < len(module.items):
        return module.items[int(name)]
    if name == "forward":
        return module
    if module.cls is None and module.definition is None and not module.is_self:
        return Module((module.identity, name), cls=None, varies=module.varies, guess=True)
    return UNKNOWN


_STATE = frozenset("weight bias running_mean running_var in_proj_weight in_proj_bias".split())
_MODULE_METHODS = frozenset(
    "children named_children modules named_modules parameters named_parameters buffers register_buffer "
    "register_parameter add_module register_module get_submodule "
    "apply eval train to type requires_grad_ _modules state_dict".split()
)
_CONTAINER_METHODS = frozenset("append extend insert items values keys pop update".split())


def within(holder: Module, value: Value) -> Value:
    """A part of a module's class as a part of this very module."""
    if isinstance(value, Module):
        return Module(
            (holder.identity, value.identity),
            value.origin,
            value.cls,
            value.definition,
            value.arguments,
            value.keywords,
            [within(holder, each) for each in value.items] if value.items is not None else None,
            value.element,
            value.varies | holder.varies,
            value.guess,
            name=value.name,
        )
    if isinstance(value, Choice):
        return Choice(tuple(within(holder, option) for option in value.options))
    if isinstance(value, Sequence) and value.items is not None:
        return Sequence([within(holder, each) for each in value.items], kind=value.kind)
    return value


def _class_attribute(m: Machine, holder: Class, name: str) -> Value:
    found = m.index.method(holder.definition, name)
    if found is not None:
        method = found[1]
        decorators = decorator_names(m, method)
        owner: Value | None = holder if "builtins.classmethod" in decorators else None
        return Function(method, owner, lexical_class=found[0])
    value = m.index.class_value(m, holder.definition, name)
    return UNKNOWN if value is None else value


def _inherited(m: Machine, proxy: SelfProxy, name: str) -> Value:
    definition = proxy.owner.definition
    order = m.index.order(definition) if definition is not None else []
    behind = False
    for each in order:
        if isinstance(each, Definition):
            if behind:
                method = each.method(name)
                if method is not None:
                    return _bound(m, method, each, proxy.owner)
            behind = behind or each.node is proxy.after.node
        elif behind:
            return _external_method(proxy.owner, each, name)
    return BoundBuiltin(proxy.owner, name) if name in _MODULE_METHODS else BoundBuiltin(proxy.owner, f"super.{name}")


def _external_method(owner: Module, cls: str, name: str) -> Value:
    if name == "forward":
        return Module((*owner.identity, "forward"), cls=cls, items=owner.items)
    return BoundBuiltin(owner, name if name in _MODULE_METHODS | _CONTAINER_METHODS else f"super.{name}")


def decorator_names(m: Machine, method: Definition) -> list[str]:
    """The dotted names of a function's decorators."""
    names = []
    for decorator in getattr(method.node, "decorator_list", ()):
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        names.append(m.index.dotted(target, method.path))
    return names


_PROPERTIES = {"builtins.property", "functools.cached_property", "torch.jit.unused"}


def _bound(m: Machine, method: Definition, lexical: Definition, owner: Value) -> Value:
    decorators = decorator_names(m, method) if getattr(method.node, "decorator_list", None) else []
    if "builtins.staticmethod" in decorators:
        return Function(method, lexical_class=lexical)
    function = Function(method, owner, lexical_class=lexical)
    if "builtins.property" in decorators or "functools.cached_property" in decorators:
        return call_function(m, function, Arguments([], {}), ast.Constant(None))
    return function


# Functions


def call_function(m: Machine, function: Function, arguments: Arguments, node: ast.expr) -> Value:
    """Run a function of the workspace with these arguments."""
    definition = function.definition
    if len(m.active) >= m.MAX_DEPTH or m.active.count(definition) > 1 or m.steps > m.MAX_STEPS:
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
    return m.enter(function, owner, arguments, node)


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
    if name in _TAKES_SHAPE:
        for operand in arguments.values():
            m.feed(operand, "shape")
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
        value = Number("number", data=True, read=m.flow(name, node))
        if name == "tolist":
            value = Sequence(None, value)
    if not m.building and not m.silent:
        m.record(
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
            )
        )
    return value


# Modules


def new_module(m: Machine, node: ast.AST, guess: bool = False, **known: Any) -> Module:
    """A module made at `node`."""
    site = m.frame.site
    origin = Origin(site.path, site.statement.key, node, site.function.node, site.statement)
    module = Module(("made", m.serial()), origin, guess=guess, **known)
    module.varies = frozenset(loop.number for loop in m.loops)
    if m.building and not m.silent:
        m.trace.made.append(module)
    return module


def instantiate(m: Machine, cls: Class, arguments: Arguments, node: ast.expr) -> Value:
    """Make an object of a workspace class."""
    definition = cls.definition
    if not m.index.is_model(definition):
        return Instance(definition)
    module = new_module(m, node, definition=definition)
    _fill(m, module, arguments, node)
    if m.building:
        _give(m, definition, arguments)
    outside = m.index.external_base(definition)
    container = modules.module_class(outside) if outside is not None else None
    if container is not None and container.container and m.index.method(definition, "__init__") is None:
        library.fill_container(m, module, container.container, arguments)
    return module


def _give(m: Machine, definition: Definition, arguments: Arguments) -> None:
    """Note the modules that a new module is given and keeps as its own submodules."""
    places: list[tuple[int | str, Operand]] = [*enumerate(arguments.positional), *arguments.keywords.items()]
    given = [
        (place, expression, value)
        for place, (expression, value) in places
        if isinstance(value, Module) and expression is not None and not value.is_self
    ]
    if not given:
        return
    kept, parameters = _kept(m, definition, _PASSED_ON), _parameters(m, definition)
    for place, expression, value in given:
        name = place if isinstance(place, str) else parameters[place] if place < len(parameters) else ""
        if name in kept:
            m.place(value, expression, expression, "submodules", "parents")


# Through how many constructors a module that is only passed on is followed.
_PASSED_ON = 3


def _parameters(m: Machine, definition: Definition) -> list[str]:
    found = m.index.method(definition, "__init__")
    return [each.arg for each in found[1].node.args.args[1:]] if found is not None else []  # type: ignore[union-attr]


def _kept(m: Machine, definition: Definition, depth: int) -> set[str]:
    """The parameters of a constructor that become submodules: attributes of its own, or of a submodule it makes."""
    kept: set[str] = set()
    for value in m.index.attributes(definition).values():
        for option in options(value):
            if isinstance(option, Unknown):
                kept.add(option.name)
            elif isinstance(option, Module) and option.identity[0] == "annotated":
                kept.add(option.name)
            elif isinstance(option, Module) and option.definition is not None and depth:
                kept.update(_passed_on(m, option, depth))
    return kept - {""}


def _passed_on(m: Machine, module: Module, depth: int) -> set[str]:
    assert module.definition is not None
    parameters = _parameters(m, module.definition)
    passed = {**dict(zip(parameters, module.arguments)), **module.keywords}
    names = {name: each.name for name, each in passed.items() if isinstance(each, Unknown) and each.name}
    if not names:
        return set()
    kept = _kept(m, module.definition, depth - 1)
    return {outer for name, outer in names.items() if name in kept}


def library_module(m: Machine, dotted: str, arguments: Arguments, node: ast.expr) -> Value:
    """Make a module of a library's class."""
    known = modules.module_class(dotted)
    module = new_module(m, node, cls=dotted)
    _fill(m, module, arguments, node)
    if known is not None and known.container:
        library.fill_container(m, module, known.container, arguments)
    return module


def _fill(m: Machine, module: Module, arguments: Arguments, node: ast.expr) -> None:
    module.arguments = [value for _, value in arguments.positional]
    module.keywords = {name: value for name, (_, value) in arguments.keywords.items()}


def call_module(m: Machine, module: Module, arguments: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    """Call a module."""
    if module.is_self:
        found = m.index.method(module.definition, "forward") if module.definition is not None else None
        if found is not None:
            return call_function(m, Function(found[1], module, lexical_class=found[0]), arguments, node)
        return TENSORISH
    m.use(module, node, callee, arguments)
    for argument, value in arguments.positional[:1]:
        if argument is not None and isinstance(value, (Tensor, Unknown)) and _takes_tensor(module):
            expressions.make_tensor(m, argument)
    first = arguments.positional[0][1] if arguments.positional else UNKNOWN
    return module_result(m, module, first)


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


def set_attribute(
    m: Machine, holder: Value, name: str, value: Value, target: ast.Attribute, source: ast.expr | None
) -> None:
    """Run `holder.name = value`."""
    if not isinstance(holder, Module) or not holder.is_self or holder.attributes is None:
        return
    if not m.building:
        known = holder.attributes.get(name)
        holder.attributes[name] = value if known is None else join(known, value)
        return
    register(m, holder, name, value, target, source)


def register(m: Machine, holder: Module, name: str, value: Value, target: ast.expr, source: ast.expr | None) -> None:
    """Give `self` an attribute."""
    assert holder.attributes is not None
    if isinstance(value, Unknown) and isinstance(source, ast.Call) and value.default is None:
        # Something made by code that cannot be read: perhaps a module.
        value = Unknown(name=name)
    for option in options(value):
        if isinstance(option, Module) and not option.is_self:
            option.name = option.name or name
            m.place(option, source if source is not None else target, target, holder.identity, "name")
    holder.attributes[name] = value


# Containers


def extend(m: Machine, sequence: Sequence, more: Value, node: ast.expr) -> None:
    """Run `list += more` or `list.extend(more)`."""
    if m.loops:
        element = expressions.element_of(m, more, node, None)
        sequence.element = element if sequence.items == [] else join(sequence.any_element(), element)
        sequence.items = sequence.nodes = None
        return
    if isinstance(more, Sequence) and more.items is not None and sequence.items is not None:
        nodes: list[ast.AST | None] = sequence.nodes if sequence.nodes is not None else [None] * len(sequence.items)
        nodes.extend(more.nodes or [None] * len(more.items))
        sequence.items.extend(more.items)
        sequence.nodes = nodes
        return
    element = more.any_element() if isinstance(more, Sequence) else UNKNOWN
    if isinstance(more, Module):
        element = more.element or join_all(more.items or [UNKNOWN])
    sequence.element = join(sequence.any_element(), element) if sequence.items != [] else element
    sequence.items = None


def append(m: Machine, sequence: Sequence, value: Value, node: ast.AST) -> None:
    """Run `list.append(value)`."""
    for option in options(value):
        if isinstance(option, Module) and isinstance(node, ast.expr):
            m.place(option, node, node, ("list", id(sequence)), "container")
    if m.loops or sequence.items is None:
        # How often is not known.
        element = value if sequence.items == [] else join(sequence.any_element(), value)
        sequence.element = element
        sequence.items = None
        sequence.nodes = None
        return
    nodes: list[ast.AST | None] = sequence.nodes if sequence.nodes is not None else [None] * len(sequence.items)
    nodes.append(node)
    sequence.items.append(value)
    sequence.nodes = nodes


def slot(m: Machine, element: Value, container: object, loop: Loop | None) -> Value:
    """An element of a container in one round of a loop: a module of it is another one each round."""
    if loop is None:
        return element
    made = [option for option in options(element) if isinstance(option, Module)]
    if not made:
        return element
    rest = [option for option in options(element) if not isinstance(option, Module)]
    if container is not None and len({option.identity for option in made}) == 1 and isinstance(container, Sequence):
        if container.items is not None and len(container.items) > 1:
            # One module several times in a list: each round calls the same one.
            return element
    return join_all([*rest, _one_of(made, ("slot", tuple(o.identity for o in made)), frozenset({loop.number}))])


def _one_of(made: list[Module], identity: tuple[Any, ...], varies: frozenset[int]) -> Module:
    first = made[0]
    same = all(o.cls == first.cls and o.definition is first.definition for o in made)
    common = frozenset.intersection(*(o.varies for o in made))
    return Module(
        identity,
        first.origin,
        first.cls if same else None,
        first.definition if same else None,
        items=list(made) if len(made) > 1 else first.items,
        varies=varies | common,
        guess=not same or first.guess,
        name=first.name,
    )


def children(m: Machine, module: Module) -> tuple[int | None, Callable[[Loop | None], Value]]:
    """Iterating over a container module."""
    items = module.items
    if items is not None and len(items) < 2:
        return len(items), lambda loop: items[0] if items else UNKNOWN

    def element(loop: Loop | None) -> Value:
        varies = module.varies | (frozenset({loop.number}) if loop is not None else frozenset())
        return _anonymous_child(module, (module.identity, "*"), varies)

    return None, element


def _anonymous_child(module: Module, identity: tuple[Any, ...], varies: frozenset[int]) -> Value:
    held = module.items if module.items is not None else [module.element] if module.element is not None else []
    made = [option for value in held for option in options(value) if isinstance(option, Module)]
    other = [option for value in held for option in options(value) if not isinstance(option, Module)]
    if other and not made:
        return join_all(other)
    if not made:
        return Module(identity, module.origin, varies=varies, guess=True, name=module.name)
    one = _one_of(made, identity, varies)
    one.name = one.name or module.name
    return one


def child(m: Machine, module: Module, index: Value, node: ast.expr) -> Value:
    """`module[index]`."""
    if isinstance(index, Const):
        key = index.value
        if module.items is not None and isinstance(key, int) and -len(module.items) <= key < len(module.items):
            return module.items[key]
        if module.attributes is not None and not module.is_self and key in module.attributes:
            return module.attributes[key]
        return _anonymous_child(module, (module.identity, key), module.varies)
    varies = library.variance(index)
    if varies:
        return _anonymous_child(module, (module.identity, "*"), module.varies | varies)
    # Which one is not known: never the same as any other.
    loops = frozenset(loop.number for loop in m.loops)
    return _anonymous_child(module, (module.identity, m.serial()), module.varies | loops)


def part(m: Machine, module: Module, bounds: slice | None, node: ast.expr) -> Value:
    """`module[a:b]`: a container with some of the children."""
    items = module.items[bounds] if module.items is not None and bounds is not None else None
    identity = (module.identity, "part", str(bounds) if bounds is not None else m.serial())
    return Module(
        identity,
        module.origin,
        module.cls,
        module.definition,
        items=items,
        element=module.element,
        varies=module.varies,
        guess=True,
        name=module.name,
    )


def set_child(m: Machine, module: Module, index: Value, value: Value, target: ast.Subscript) -> None:
    """Run `container[index] = value` on a module container."""
    module.items = None
    module.element = value if module.element is None else join(module.element, value)


def site_of(m: Machine, definition: Definition, owner: Definition | None) -> Site:
    """The site for a function that is entered."""
    return Site(definition.path, definition.statement, definition, owner, m.model, m.index.scripted(definition))
