"""What attributes are: of modules, tensors, classes and objects."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ..knowledge import modules, tensors
from ..knowledge.names import canonical
from . import calls, defaults, expressions, fixed, plain, remembered
from .annotations import from_annotation
from .arguments import Arguments
from .definitions import Definition
from .values import (
    FALSE,
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
    ModuleFile,
    Number,
    SelfProxy,
    Sequence,
    Shape,
    Symbol,
    Tensor,
    TensorMethod,
    Unknown,
    Value,
    join_all,
)

if TYPE_CHECKING:
    from .machine import Machine


def attribute(m: Machine, holder: Value, name: str, node: ast.Attribute) -> Value:
    """What `holder.name` is."""
    if isinstance(holder, Module):
        return fixed.held(m, holder, name, _module_attribute(m, holder, name, node))
    if isinstance(holder, Symbol):
        return Symbol(canonical(f"{holder.name}.{name}"))
    if isinstance(holder, Tensor):
        return _tensor_attribute(m, holder, name, node)
    if isinstance(holder, ModuleFile):
        return m.member(holder.path, name)
    if isinstance(holder, Unknown):
        # What a model is set up with is hardly a tensor: `self.relu = net.relu`.
        if tensors.is_tensor_method(name) and not m.building:
            return _tensor_attribute(m, holder, name, node)
        return UNKNOWN
    if isinstance(holder, Class):
        return _class_attribute(m, holder, name)
    if isinstance(holder, Instance):
        return _object_attribute(m, holder, name)
    if isinstance(holder, SelfProxy):
        return _inherited(m, holder, name)
    if isinstance(holder, (Sequence, Dictionary, Shape, Const, Number)):
        return BoundBuiltin(holder, name)
    if isinstance(holder, Foreign):
        return holder
    if isinstance(holder, Choice):
        return join_all(attribute(m, option, name, node) for option in holder.options if _may_have(option, name))
    return UNKNOWN


def _object_attribute(m: Machine, holder: Instance, name: str) -> Value:
    found = object_method(m, holder, name)
    if found is not None:
        return bound(m, found[1], found[0], holder)
    value = remembered.of_object(m, holder, lambda: declared(m, holder.definition, name))
    if m.watches:
        remembered.asking(m, holder, ("declared", name), plain.seen(value))
    return value


def object_method(m: Machine, holder: Instance, name: str) -> tuple[Definition, Definition] | None:
    """A method of an object's class: (the class that defines it, it)."""
    found = remembered.of_object(m, holder, lambda: m.index.method(holder.definition, name))
    if m.watches:
        remembered.asking(m, holder, ("method", name), found or ("absent",))
    return found


def _may_have(value: Value, name: str) -> bool:
    """Whether one of several values can be the one that an attribute is read from."""
    if isinstance(value, Const):
        return value.value is not None
    if isinstance(value, Sequence):
        return hasattr(list if value.kind == "list" else tuple, name)
    return True


def declared(m: Machine, definition: Definition, name: str) -> Value:
    """An attribute of an object as its class declares it (`mean: Tensor` in a dataclass)."""
    usual = defaults.declared_default(m.index, definition, name)
    found = m.index.class_order(definition).annotation(name)
    value: Value | None = None
    if found is not None:
        saved, m.frame = m.frame, m.outer_frame(found[0])
        try:
            value = from_annotation(m, found[1])
        finally:
            m.frame = saved
    if value is None:
        return UNKNOWN if usual is None else Unknown(usual=usual)
    return defaults.with_usual(value, usual)


# Attributes that are read, not called.
READ = frozenset(
    "shape ndim T mT H mH real imag grad data dtype device layout is_cuda is_cpu is_quantized is_sparse is_meta "
    "is_leaf requires_grad names itemsize nbytes grad_fn is_mps is_nested is_xpu".split()
)


# Those of them that are operations in AIMET's graph.
_COMPUTED = frozenset(("T", "mT", "H", "mH"))


def _tensor_attribute(m: Machine, holder: Tensor | Unknown, name: str, node: ast.Attribute) -> Value:
    if name in READ:
        result = calls.result_value(tensors.result(f"Tensor.{name}"))
        if name in _COMPUTED and isinstance(result, Tensor):
            return expressions.operate(m, f"Tensor.{name}", node, ((node.value, holder),), result)
        return result
    if tensors.is_tensor_attribute(name):
        return TensorMethod(holder if isinstance(holder, Tensor) else TENSORISH, name, node)
    # No tensor has it, so it belongs to what a model returns: mostly another tensor (`output.logits`).
    return UNKNOWN if _is_count(name) else TENSORISH


_COUNT = re.compile(r"^(?:n|num|max|min)_|(?:^|_)(?:len|length|size|count|step|dim)$")


@lru_cache(maxsize=4096)
def _is_count(name: str) -> bool:
    """Whether an attribute of this name is hardly a tensor, but a number (`cache.length`)."""
    return _COUNT.search(name) is not None


def _module_attribute(m: Machine, module: Module, name: str, node: ast.AST) -> Value:
    if name == "training":
        return FALSE
    if module.is_self:
        remembered.reading(m, module, name)
        held = module.attributes
        if held is not None and name in held:
            return held[name]
    elif module.definition is not None:
        inner = m.index.attributes(module.definition).get(name)
        if inner is not None:
            return within(module, inner)
    if module.definition is not None:
        definition = module.definition
        if module.is_self:
            found, value, outside = remembered.of_self(m, lambda: _in_class(m, definition, name))
        else:
            found, value, outside = _in_class(m, definition, name)
        if found is not None:
            return bound(m, found[1], found[0], module)
        if value is not None:
            return value
    else:
        outside = module.cls
    if outside is not None and outside != "torch.nn.Module":
        known = modules.module_class(outside)
        if known is not None and name in _STATE:
            return Tensor("parameter", optional=name == "bias")
        function = modules.float_functional(outside, name)
        if function is not None:
            return Symbol(function)
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


def _in_class(
    m: Machine, definition: Definition, name: str
) -> tuple[tuple[Definition, Definition] | None, Value | None, str | None]:
    """What a model's class says of a name: the method and whose it is, the value, or the library's class below."""
    found = m.index.method(definition, name)
    value = m.index.class_value(m, definition, name) if found is None else None
    return found, value, m.index.external_base(definition) if found is None and value is None else None


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
            either=value.either,
            attributes=_held_within(holder, value),
        )
    if isinstance(value, Choice):
        return Choice(tuple(within(holder, option) for option in value.options))
    if isinstance(value, Sequence) and value.items is not None:
        return Sequence([within(holder, each) for each in value.items], kind=value.kind)
    return value


def _held_within(holder: Module, module: Module) -> dict[str, Value] | None:
    """The children a container holds by name."""
    if module.attributes is None or module.is_self:
        return None
    return {name: within(holder, each) for name, each in module.attributes.items()}


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
    remembered.inheriting(m, proxy, name)
    definition = proxy.owner.definition
    order = remembered.of_self(m, lambda: m.index.order(definition)) if definition is not None else []
    behind = False
    for each in order:
        if isinstance(each, Definition):
            if behind:
                method = each.method(name)
                if method is not None:
                    return bound(m, method, each, proxy.owner)
            behind = behind or each.node is proxy.after.node
        elif behind:
            return _external_method(m, proxy.owner, each, name)
    return BoundBuiltin(proxy.owner, name) if name in _MODULE_METHODS else BoundBuiltin(proxy.owner, f"super.{name}")


def _external_method(m: Machine, owner: Module, cls: str, name: str) -> Value:
    if name == "forward":
        known = modules.module_class(cls)
        if known is None or not known.container:
            # What the base class does with its own weights: an operation of this module, not the use of another.
            loops = frozenset(loop.number for loop in m.loops)
            return Module((*owner.identity, "forward", m.serial()), cls=cls, varies=loops)
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


def bound(m: Machine, method: Definition, lexical: Definition, owner: Value) -> Value:
    decorators = decorator_names(m, method) if getattr(method.node, "decorator_list", None) else []
    if "builtins.staticmethod" in decorators:
        return Function(method, lexical_class=lexical)
    function = Function(method, owner, lexical_class=lexical)
    if "builtins.property" in decorators or "functools.cached_property" in decorators:
        return calls.call_function(m, function, Arguments([], {}), ast.Constant(None))
    return function
