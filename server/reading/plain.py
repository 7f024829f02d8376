"""Plain values: constants, classes, functions, and lists and dicts of them. What they hold says all there is to say.

Objects of plain classes (a configuration) and submodules count as plain where a call gets them from outside: by what is
read of them, or by how they were made, and in the order in which they come up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .values import (
    UNKNOWN,
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
    Partial,
    Sequence,
    Shape,
    Symbol,
    Tensor,
    Unknown,
    Value,
)

Described = tuple[Hashable, ...]


class Objects:
    """The objects and modules that a call got from outside, numbered in the order in which they came up."""

    __slots__ = ("_held", "_numbers", "each")

    def __init__(self, given: Iterable[Instance | Module] = ()) -> None:
        self.each: list[Instance | Module] = []
        self._numbers: dict[Hashable, int] = {}
        self._held: list[Instance | Module] = []  # so that no other object gets the id of one of them
        for each in given:
            self.add(each)

    def number(self, value: Value) -> int | None:
        """The number of an object that came up."""
        return self._numbers.get(_identity(value)) if self._numbers else None

    def add(self, value: Instance | Module) -> int:
        """Number an object; the same one gets the number that it has."""
        number = self._numbers.get(_identity(value))
        if number is None:
            number = len(self.each)
            self.each.append(value)
            self.add_again(value, number)
        return number

    def add_again(self, value: Instance | Module, number: int) -> None:
        """Note that a read which gave the object of this number gave one more like it."""
        self._numbers[_identity(value)] = number
        self._held.append(value)

    def describe(self, found: Found) -> Described | None:
        """What a read gave, with objects and modules as their numbers."""
        if isinstance(found, Instance):
            return "object", self.add(found)
        if isinstance(found, Module):
            made = describe_module(found)
            return None if made is None else ("module", self.add(found), made)
        return found


def _identity(value: Value) -> Hashable:
    return value.identity if isinstance(value, Module) else id(value)


@dataclass(frozen=True, slots=True)
class _Given(Value):
    """In an outcome: the object of that number."""

    number: int


# What a read gave: described, or an object or module. None for what cannot be described.
Found = Described | Instance | Module | None


def seen(value: Value) -> Found:
    """A value that was read of `self` or of an object."""
    return value if isinstance(value, (Instance, Module)) else describe(value)


# What is nested deeper, or holds more, is not plain.
_DEPTH = 4
_ITEMS = 32


def describe(value: Value, depth: int = 0) -> Described | None:
    """Equal for plain values that cannot be told apart; None for values that are more than plain."""
    describer = _DESCRIBERS.get(type(value))
    return describer(value, depth) if describer is not None and depth <= _DEPTH else None


def _describe_constant(value: Const, depth: int) -> Described | None:
    if not isinstance(value.value, (str, bytes, int, float, complex, type(None), type(...))):
        return None
    return "constant", type(value.value).__name__, value.value


def _describe_unknown(value: Unknown, depth: int) -> Described | None:
    if value is UNKNOWN:
        return ("unknown",)
    return _describe_all(("unknown", value.name, value.usual), (value.default,), depth)


def _describe_number(value: Number, depth: int) -> Described | None:
    if value.read is not None or value.varies:
        return None
    return "number", value.kind, value.shape, value.data, value.usual


def _describe_tensor(value: Tensor) -> Described | None:
    if value.fixed is not None:
        return None  # what is written into it later would show in the memory
    return "tensor", value.origin, value.definite, value.optional, value.rank, value.rows, value.boolean


def _describe_function(value: Function, depth: int) -> Described | None:
    if value.closure:
        return None
    return _describe_all(("function", value.definition, value.lexical_class), (value.owner,), depth)


def _describe_partial(value: Partial, depth: int) -> Described | None:
    given = (value.function, *value.arguments, *value.keywords.values())
    return _describe_all(("partial", *value.keywords), given, depth)


def _describe_sequence(value: Sequence, depth: int) -> Described | None:
    items = value.items if value.items is not None else [value.element]
    return _describe_all((value.kind, value.items is None), items, depth)


def _describe_dictionary(value: Dictionary, depth: int) -> Described | None:
    return _describe_all(("dict", *value.items), (value.element, *value.items.values()), depth)


def describe_module(value: Module) -> Described | None:
    """How a module was made: equal for modules that only their identity tells apart. None where there is more to it."""
    if value.items is not None or value.element is not None or value.varies or value.either:
        return None
    if value.is_self or value.dynamic or value.attributes is not None:
        return None
    head = (value.cls, value.definition, value.guess, value.name, len(value.arguments), *value.keywords)
    return _describe_all(head, (*value.arguments, *value.keywords.values()), 0)


def _describe_all(head: Described, values: Collection[Value | None], depth: int) -> Described | None:
    if len(values) > _ITEMS:
        return None
    parts: list[Described] = []
    for each in values:
        described = describe(each, depth + 1) if each is not None else ()
        if described is None:
            return None
        parts.append(described)
    return (*head, *parts)


_DESCRIBERS: dict[type, Callable[[Any, int], Described | None]] = {
    Const: _describe_constant,
    Unknown: _describe_unknown,
    Number: _describe_number,
    Tensor: lambda v, _: _describe_tensor(v),
    Foreign: lambda value, _: ("foreign",),
    Symbol: lambda value, _: ("symbol", value.name),
    Class: lambda value, _: ("class", value.definition),
    ModuleFile: lambda value, _: ("file", value.path),
    Instance: lambda value, _: ("instance", value.definition),
    Function: _describe_function,
    Partial: _describe_partial,
    Shape: lambda value, _: ("shape", value.rank),
    Choice: lambda value, depth: _describe_all(("choice",), value.options, depth),
    Sequence: _describe_sequence,
    Dictionary: _describe_dictionary,
}


def is_plain(value: Value, since: int | None = None) -> bool:
    """Whether a value is plain, however much it holds.

    since: numbers may vary with loops that were opened after the one of this number, and are done.
    """
    if isinstance(value, (Sequence, Dictionary, Choice, Partial)):
        return all(each is None or is_plain(each, since) for each in _parts(value) or ())
    if isinstance(value, Number) and value.varies and value.read is None:
        return since is not None and min(value.varies) > since
    return describe(value) is not None


def copied(value: Value) -> Value:
    """A plain value with lists and dicts of its own."""
    return fresh(value, Objects())


def _parts(value: Value) -> Iterable[Value | None] | None:
    """What a value holds; None for one that never holds any."""
    if isinstance(value, Function):
        return (value.owner, *(value.closure or {}).values())
    if isinstance(value, Partial):
        return (value.function, *value.arguments, *value.keywords.values())
    if isinstance(value, Sequence):
        return (value.element, *(value.items or ()))
    if isinstance(value, Dictionary):
        return (value.element, *value.items.values())
    if isinstance(value, Choice):
        return value.options
    if isinstance(value, Unknown):
        return (value.default,)
    return None


def containers_in(value: Value) -> Iterator[int]:
    """The ids of the lists and dicts in a plain value."""
    if isinstance(value, Sequence):
        yield id(value)
        for each in value.items or (value.element,):
            yield from containers_in(each)
    elif isinstance(value, Dictionary):
        yield id(value)
        for each in value.items.values():
            yield from containers_in(each)


def lasting(value: Value, objects: Objects, given: Collection[int], since: int) -> Value | None:
    """What a call yields or sets, as it is kept: `fresh` makes it what another such call yields.

    None where it is not the same for all classes: more than plain, or one that holds an object that the call got from
    outside. given: the ids of lists and dicts that it got. since: the number of the last loop that was opened before.
    """
    number = objects.number(value)
    if number is not None:
        return _Given(number)
    if (
        not is_plain(value, since)
        or any(each in given for each in containers_in(value))
        or holds_object(value, objects)
    ):
        return None
    return fresh(value, objects)


def holds_object(value: Value | None, objects: Objects) -> bool:
    """Whether a value is or holds an object that the call got from outside."""
    if value is None or not objects.each:
        return False
    if objects.number(value) is not None:
        return True
    return any(holds_object(each, objects) for each in _parts(value) or ())


def fresh(value: Value, objects: Objects) -> Value:
    """A plain value as a call yields it: its lists and dicts are new, its objects those that the call got."""
    if type(value) is _Given:
        return objects.each[value.number]
    if type(value) is Sequence:
        items = [fresh(each, objects) for each in value.items] if value.items is not None else None
        nodes = list(value.nodes) if value.nodes is not None else None
        return Sequence(items, fresh(value.element, objects), value.kind, nodes)
    if type(value) is Dictionary:
        element = fresh(value.element, objects) if value.element is not None else None
        return Dictionary({key: fresh(each, objects) for key, each in value.items.items()}, element)
    return value
