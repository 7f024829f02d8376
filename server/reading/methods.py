"""Models of the methods of lists, dicts, strings, shapes and modules."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..knowledge import modules
from . import containers, python_functions, remembered
from .arguments import Arguments
from .ranges import Range, Zipped
from .values import (
    NONE,
    TENSORISH,
    UNKNOWN,
    BoundBuiltin,
    Const,
    Dictionary,
    Module,
    Number,
    Sequence,
    Shape,
    Tensor,
    Value,
    join_all,
)

if TYPE_CHECKING:
    from .machine import Machine


def call_bound(m: Machine, function: BoundBuiltin, a: Arguments, node: ast.expr) -> Value:
    """Call a method of a Python object or a method `nn.Module` itself defines."""
    receiver, name = function.receiver, function.name
    if name in _CHANGES:
        remembered.changing(m, receiver)
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
        containers.append(m, sequence, value, source if source is not None else node)
    elif name == "extend" and a.positional:
        containers.extend(m, sequence, a.positional[0][1], a.positional[0][0] or node)
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


# Methods that give a module children, and those that change a list or dict.
_GIVES_CHILDREN = frozenset("add_module register_module append insert extend".split())
_CHANGES = frozenset("append extend insert pop popitem update setdefault clear remove sort reverse".split())


def _module_method(m: Machine, module: Module, name: str, a: Arguments, node: ast.expr) -> Value:
    values = [value for _, value in a.positional]
    if name in _GIVES_CHILDREN:
        m.noted += 1
    if name in ("register_buffer", "register_parameter"):
        kind = "buffer" if name == "register_buffer" else "parameter"
        given = a.get(1, "tensor" if kind == "buffer" else "param")
        absent = isinstance(given, Const) and given.value is None
        key = a.get(0, "name")
        if isinstance(key, Const) and module.attributes is not None:
            known = module.attributes.get(key.value)
            if module.is_self:
                remembered.writing(m, module, key.value)
            tensor = NONE if absent else Tensor(kind)
            module.attributes[key.value] = tensor if known is None or not absent else known
        return NONE
    if name in ("add_module", "register_module") and len(values) == 2:
        if module.is_self and isinstance(values[0], Const):
            python_functions.register(m, module, str(values[0].value), values[1], node, a.positional[1][0])
        elif not module.is_self:
            containers.add_child(m, module, values[1], a.positional[1][0] or node)
        return NONE
    if name in ("append", "insert"):
        containers.add_child(
            m, module, values[-1] if values else UNKNOWN, a.positional[-1][0] or node if a.positional else node
        )
        return module
    if name == "extend" and values:
        held = values[0]
        containers.add_children(m, module, held, node)
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
            m.noted += 1
            containers.fill_container(m, module, container.container, a)
        return NONE
    if name in ("parameters", "buffers"):
        return Sequence(None, Tensor("parameter"), "generator")
    if name == "named_parameters":
        return Zipped([Range(None), Sequence(None, Tensor("parameter"))])
    return UNKNOWN
