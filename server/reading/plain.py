"""Remembers calls that depend on plain values only: whether a package is there, what a base class's set-up does.

Libraries run such code in every constructor. What it does depends on its arguments, on the source, and on what it
reads of `self`, so it is read once for all classes for which these are the same.

Objects of plain classes (a configuration) are plain values too: each model has a class of its own for them, so they
count by what is read of them, and in the order in which they come up.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from . import attributes
from .arguments import Arguments
from .definitions import Definition
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
    Number,
    Partial,
    SelfProxy,
    Sequence,
    Shape,
    Symbol,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from .machine import Machine

# Of one call this many outcomes are kept, for classes that differ in what it reads of them.
_OUTCOMES = 8

Described = tuple[Hashable, ...]

# What a read gave: described, or an object, which gets a number. None for what cannot be described.
Found = Described | Instance | None


class Objects:
    """The objects that a call got from outside, numbered in the order in which they came up."""

    __slots__ = ("_held", "_numbers", "each")

    def __init__(self) -> None:
        self.each: list[Instance] = []
        self._numbers: dict[int, int] = {}
        self._held: list[Instance] = []  # so that no other object gets the id of one of them

    def number(self, value: Value) -> int | None:
        """The number of an object that came up."""
        return self._numbers.get(id(value)) if self._numbers else None

    def add(self, value: Instance) -> int:
        """Number an object; the same one gets the number that it has."""
        number = self._numbers.get(id(value))
        if number is None:
            number = len(self.each)
            self.each.append(value)
            self.add_again(value, number)
        return number

    def add_again(self, value: Instance, number: int) -> None:
        """Note that a read which gave the object of this number gave one more like it."""
        self._numbers[id(value)] = number
        self._held.append(value)


@dataclass(frozen=True, slots=True)
class _Given(Value):
    """In an outcome: the object of that number."""

    number: int


class Outcome(NamedTuple):
    """What a call does.

    reads: what it read of `self` and of the objects it got, with what that was, in order.
    writes: the attributes it gave `self`. made: the modules it made.
    steps, depth, entered: what reading it again would take, so that limits count as if it was.
    level: how many functions were active, where their limit cut the reading short.
    """

    value: Value
    reads: dict[Described, Described]
    writes: dict[str, Value]
    made: tuple[Module, ...]
    steps: int
    depth: int
    entered: frozenset[Definition]
    level: int | None


@dataclass(eq=False, slots=True)
class Watch:
    """A call that is being read and may be remembered.

    objects: those it got from outside.
    reads: what it read of `self` and had not written before, and of the objects; None for what cannot be described.
    given: the lists and dicts it got from outside, by id; spoiled: one of them changed.
    limited: the limit of active functions cut it short.
    entered, deepest: the functions entered, and the most that were active at once.
    """

    owner: Module | None
    objects: Objects
    deepest: int
    reads: dict[Described, Described | None] = field(default_factory=dict)
    writes: set[str] = field(default_factory=set)
    given: set[int] = field(default_factory=set)
    spoiled: bool = False
    limited: bool = False
    entered: set[Definition] = field(default_factory=set)


def call(m: Machine, function: Function, owner: Module | None, arguments: Arguments, run: Callable[[], Value]) -> Value:
    """What `run`, the call of `function` with `arguments`, yields; from memory where it can only be the same again."""
    objects = Objects()
    key = _key(m, function, owner, arguments, objects)
    if key is None:
        return run()
    outcomes: tuple[Outcome, ...] = m.index.memory.entries.get(key, ())
    for known in outcomes:
        repeat = _repeat(m, owner, objects.each, known)
        if repeat is not None:
            m.index.recall(key)
            return repeat()
    noted, steps, made = m.noted, m.steps, len(m.trace.made)
    watch = Watch(owner, objects, len(m.active))
    for argument in arguments.values():
        watch.given.update(_containers(argument))
    m.watches.append(watch)
    try:
        with m.index.resting() as rests_on:
            value = run()
    finally:
        m.watches.pop()
        if m.watches:
            _add(m.watches[-1], watch.entered, watch.deepest, watch.limited)
    if m.noted == noted and not watch.spoiled and len(outcomes) < _OUTCOMES and watch.entered.isdisjoint(m.active):
        outcome = _outcome(m, watch, value, steps, made)
        if outcome is not None:
            if outcomes:
                rests_on |= m.index.memory.rests_on(key)
            m.index.keep(key, (*outcomes, outcome), rests_on)
            return value
    m.index.rest(rests_on)
    return value


def _add(watch: Watch, entered: Iterable[Definition], deepest: int, limited: bool) -> None:
    watch.entered.update(entered)
    watch.deepest = max(watch.deepest, deepest)
    watch.limited = watch.limited or limited


def _outcome(m: Machine, watch: Watch, value: Value, steps: int, made: int) -> Outcome | None:
    """What a call did; None where that cannot be done again."""
    held = watch.owner.attributes if watch.owner is not None and watch.owner.attributes is not None else {}
    writes = {name: _lasting(held[name], watch) for name in watch.writes if name in held}
    reads = {what: described for what, described in watch.reads.items() if described is not None}
    given = {name: each for name, each in writes.items() if each is not None}
    result = _lasting(value, watch)
    modules = tuple(m.trace.made[made:])
    if result is None or len(reads) < len(watch.reads) or len(given) < len(watch.writes):
        return None
    if any(_holds_object(each, watch.objects) for module in modules for each in module.arguments or ()):
        return None
    if any(_holds_object(each, watch.objects) for module in modules for each in (module.keywords or {}).values()):
        return None
    return Outcome(
        result,
        reads,
        given,
        modules,
        m.steps - steps,
        watch.deepest - len(m.active),
        frozenset(watch.entered),
        len(m.active) if watch.limited else None,
    )


def _repeat(m: Machine, owner: Module | None, given: list[Instance], known: Outcome) -> Callable[[], Value] | None:
    """Does what the call did; None where reading it here would do something else, or run into another limit."""
    depth = len(m.active)
    if not (
        (depth + known.depth <= m.MAX_DEPTH if known.level is None else depth == known.level)
        and m.steps + known.steps <= m.MAX_STEPS
        and known.entered.isdisjoint(m.active)
    ):
        return None
    objects = Objects()
    for each in given:
        objects.add(each)
    found: list[Found] = []
    for what, described in known.reads.items():
        if what[0] == "of":
            one = _look_at(m, objects.each[what[1]], what[2:])  # type: ignore[call-overload]
        else:
            one = _look(m, owner, what) if owner is not None else None
        if (("object", objects.add(one)) if isinstance(one, Instance) else one) != described:
            return None
        found.append(one)

    def repeat() -> Value:
        for what, one in zip(known.reads, found):
            if what[0] == "of":
                asking(m, objects.each[what[1]], what[2:], one)  # type: ignore[call-overload,arg-type]
            elif owner is not None and owner.attributes is not None:
                _note(m, owner, what)
        if owner is not None and owner.attributes is not None:
            for name, value in known.writes.items():
                writing(m, owner, name)
                owner.attributes[name] = _fresh(value, objects)
        m.trace.made.extend(known.made)
        m.ran |= known.entered
        m.steps += known.steps
        if m.watches:
            _add(m.watches[-1], known.entered, depth + known.depth, known.level is not None)
        return _fresh(known.value, objects)

    return repeat


# What the interpreter tells


def reading(m: Machine, owner: Module, name: str) -> None:
    """Note that an attribute of `self` is read."""
    if m.watches:
        _note(m, owner, ("attribute", name))


def asking(m: Machine, holder: Instance, what: tuple[str, str], found: Found) -> None:
    """Note what an object has: (`method` or `declared`, an attribute's name)."""
    for watch in m.watches:
        number = watch.objects.number(holder)
        if number is not None:
            _enter(watch, ("of", number, *what), found)


def inheriting(m: Machine, proxy: SelfProxy, name: str) -> None:
    """Note that `super().name` is read."""
    if m.watches:
        _note(m, proxy.owner, ("super", name, proxy.after.node))


def writing(m: Machine, owner: Module, name: str) -> None:
    """Note that an attribute of `self` is about to be set; branches may join it with what it was."""
    m.bind_attribute(name)
    if m.watches:
        _note(m, owner, ("attribute", name))
        for watch in m.watches:
            watch.writes.add(name)


def changing(m: Machine, value: Value) -> None:
    """Note that a list or dict is about to change."""
    for watch in m.watches:
        watch.spoiled = watch.spoiled or id(value) in watch.given


def entering(m: Machine, definition: Definition) -> None:
    """Note that a function is entered."""
    if m.watches:
        _add(m.watches[-1], (definition,), len(m.active), False)


def limited(m: Machine, definition: Definition) -> None:
    """Note that a limit keeps a function from being entered."""
    if m.steps > m.MAX_STEPS:
        m.noted += 1
    if m.watches:
        _add(m.watches[-1], (definition,), 0, len(m.active) >= m.MAX_DEPTH)


def _note(m: Machine, owner: Module, what: Described) -> None:
    name = what[1] if what[0] == "attribute" else None
    found: Found = None
    asked = False
    for watch in reversed(m.watches):
        if what in watch.reads or name in watch.writes:
            continue
        if not asked:
            found, asked = _look(m, owner, what), True
        _enter(watch, what, found if watch.owner is owner else None)
        if owner.attributes is not None and name in owner.attributes:
            watch.given.update(_containers(owner.attributes[name]))


def _enter(watch: Watch, what: Described, found: Found) -> None:
    known = watch.reads.get(what, ())
    if not isinstance(found, Instance):
        watch.reads.setdefault(what, found)
    elif known == ():
        watch.reads[what] = "object", watch.objects.add(found)
    elif known is not None and known[0] == "object":
        watch.objects.add_again(found, known[1])  # type: ignore[arg-type]


def _look_at(m: Machine, holder: Instance, what: Described) -> Found:
    """What an object has, described."""
    kind, name = str(what[0]), str(what[1])
    if kind == "method":
        return m.index.method(holder.definition, name) or ("absent",)
    return seen(attributes.declared(m, holder.definition, name))


def seen(value: Value) -> Found:
    """A value that was read of `self` or of an object: an object counts by what is read of it then."""
    return value if isinstance(value, Instance) else describe(value)


def _look(m: Machine, owner: Module, what: Described) -> Found:
    """What is read of `self`, described; None where it cannot be."""
    definition = owner.definition
    if definition is None or owner.attributes is None:
        return None
    name = str(what[1])
    if what[0] == "super":
        order = m.index.order(definition)
        place = next((i for i, each in enumerate(order) if getattr(each, "node", None) is what[2]), len(order))
        for each in order[place + 1 :]:
            if not isinstance(each, Definition):
                return "outside", each
            method = each.method(name)
            if method is not None:
                return "method", method
        return ("absent",)
    value = owner.attributes.get(name)
    if value is not None:
        return seen(value)
    found = m.index.method(definition, name)
    if found is not None:
        return "method", found[1]
    value = m.index.class_value(m, definition, name)
    return ("absent",) if value is None else describe(value)


def _key(
    m: Machine, function: Function, owner: Module | None, arguments: Arguments, objects: Objects
) -> tuple[Any, ...] | None:
    """What a call depends on besides the source and what is read of `self` and the objects it gets.

    None where that is more than plain values. objects: gets the objects.
    """
    if function.closure or isinstance(function.definition.node, ast.Lambda):
        return None
    if m.standing is not None or function.definition.path in m.index.watched:
        return None  # what is run again after an edit, or may have to be, is run each time
    base = None
    if owner is not None:
        if owner.definition is None or owner.items is not None or owner.element is not None:
            return None
        base = m.index.external_base(owner.definition)
    parts: list[Any] = ["plain", function.definition, function.lexical_class, m.building, base, arguments.starred]
    names = [None] * len(arguments.positional) + list(arguments.keywords)
    for name, value in zip(names, arguments.values(), strict=True):
        described: Described | None
        if isinstance(value, Instance):
            described = "object", objects.add(value)
        else:
            described = ("self",) if value is owner and owner is not None else describe(value)
        if described is None:
            return None
        parts.append((name, described))
    return tuple(parts)


# Values


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
    Instance: lambda value, _: ("instance", value.definition),
    Function: _describe_function,
    Partial: _describe_partial,
    Shape: lambda value, _: ("shape", value.rank),
    Choice: lambda value, depth: _describe_all(("choice",), value.options, depth),
    Sequence: _describe_sequence,
    Dictionary: _describe_dictionary,
}


def _containers(value: Value) -> Iterator[int]:
    """The ids of the lists and dicts in a plain value."""
    if isinstance(value, Sequence):
        yield id(value)
        for each in value.items or (value.element,):
            yield from _containers(each)
    elif isinstance(value, Dictionary):
        yield id(value)
        for each in value.items.values():
            yield from _containers(each)


def _lasting(value: Value, watch: Watch) -> Value | None:
    """What a call yields or sets, as an outcome keeps it.

    None where it is not the same for all classes: more than plain, a list or dict that the call got from outside, or
    one that holds an object which it got.
    """
    number = watch.objects.number(value)
    if number is not None:
        return _Given(number)
    if describe(value) is None or not watch.given.isdisjoint(_containers(value)) or _holds_object(value, watch.objects):
        return None
    return _fresh(value, watch.objects)


def _holds_object(value: Value | None, objects: Objects) -> bool:
    """Whether a value is or holds an object that the call got from outside."""
    if value is None or not objects.each:
        return False
    if objects.number(value) is not None:
        return True
    parts: Iterable[Value | None] = ()
    if isinstance(value, Function):
        parts = (value.owner, *(value.closure or {}).values())
    elif isinstance(value, Partial):
        parts = (value.function, *value.arguments, *value.keywords.values())
    elif isinstance(value, Sequence):
        parts = (value.element, *(value.items or ()))
    elif isinstance(value, Dictionary):
        parts = (value.element, *value.items.values())
    elif isinstance(value, Choice):
        parts = value.options
    elif isinstance(value, Unknown):
        parts = (value.default,)
    return any(_holds_object(each, objects) for each in parts)


def _fresh(value: Value, objects: Objects) -> Value:
    """A plain value as a call yields it: its lists and dicts are new, its objects those that the call got."""
    if type(value) is _Given:
        return objects.each[value.number]
    if type(value) is Sequence:
        items = [_fresh(each, objects) for each in value.items] if value.items is not None else None
        nodes = list(value.nodes) if value.nodes is not None else None
        return Sequence(items, _fresh(value.element, objects), value.kind, nodes)
    if type(value) is Dictionary:
        element = _fresh(value.element, objects) if value.element is not None else None
        return Dictionary({key: _fresh(each, objects) for key, each in value.items.items()}, element)
    return value
