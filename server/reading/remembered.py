"""Remembers calls that depend on plain values only: whether a package is there, what a base class's set-up does.

Libraries run such code in every constructor. What it does depends on its arguments, on the source, and on what it
reads of `self` and of the objects it gets, so it is read once for all classes for which these are the same.

The outcomes of a function's calls are a tree: the arguments say what a call reads first, what that was says what it
reads next, and so on to the outcome.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from . import attributes
from .arguments import Arguments
from .definitions import Definition
from .memory import Growing
from .plain import (
    Described,
    Found,
    Objects,
    containers_in,
    describe_module,
    fresh,
    holds_object,
    lasting,
    seen,
)
from .values import Function, Instance, Module, SelfProxy, Value

if TYPE_CHECKING:
    from .machine import Machine

_T = TypeVar("_T")

# Of one function's calls with the same arguments this many outcomes are kept, for classes that differ in what it reads
# of them.
_OUTCOMES = 2_000

# Results are shared by copies of a memory, so numbers are never given twice.
_SERIAL = count()


class Outcome(NamedTuple):
    """What a call does.

    writes: the attributes it gave `self`; loose: it set some under names that are not known. made: the modules it made.
    steps, depth, entered: what reading it again would take, so that limits count as if it was.
    level: how many functions were active, where their limit cut the reading short.
    """

    value: Value
    writes: dict[str, Value]
    loose: bool
    made: tuple[Module, ...]
    steps: int
    depth: int
    entered: frozenset[Definition]
    level: int | None


class _Branch:
    """What calls read next that read the same up to there, and where each thing they found leads: a number of an
    outcome at last.
    """

    __slots__ = ("following", "what")

    def __init__(self, what: Described) -> None:
        self.what = what
        self.following: dict[Described, _Branch | int] = {}


@dataclass(eq=False, slots=True)
class _Tree(Growing):
    """The outcomes of a function's calls with the same arguments. An outcome that no longer holds is found missing.

    given: the arguments, described.
    """

    given: Described
    first: _Branch | int | None = None
    outcomes: int = 0

    def grow(self, reads: dict[Described, Described], number: int) -> None:
        """Add an outcome. What was read of other source is cut off where it does not fit."""
        parent, key = None, None
        node = self.first
        for what, described in reads.items():
            if not isinstance(node, _Branch) or node.what != what:
                node = _Branch(what)
                self._put(parent, key, node)
            parent, key = node, described
            node = node.following.get(described)
        self.outcomes += not isinstance(node, int)  # else it takes the place of one that no longer holds
        self._put(parent, key, number)

    def is_within(self, paths: AbstractSet[str]) -> bool:
        """Whether the function and the arguments are of these files alone."""
        return _is_within(paths, self.given)

    def keep_within(self, paths: AbstractSet[str], entries: Mapping[Any, Any]) -> None:
        """Cut off the outcomes that are not kept, and those of calls that found anything of other files."""
        # What leads to the first branch stands for one more, so that all are treated alike.
        top = _Branch(())
        if self.first is not None:
            top.following[()] = self.first
        branches = [top]
        for branch in branches:
            branches.extend(each for each in branch.following.values() if isinstance(each, _Branch))
        self.outcomes = 0
        for branch in reversed(branches):
            for described, node in list(branch.following.items()):
                if isinstance(node, _Branch):
                    kept = bool(node.following)
                else:
                    outcome = entries.get(("outcome", node))
                    kept = outcome is not None and all(each.path in paths for each in outcome.entered)
                if not kept or not _is_within(paths, described):
                    del branch.following[described]
                elif not isinstance(node, _Branch):
                    self.outcomes += 1
        self.first = top.following.get(())

    def _put(self, parent: _Branch | None, key: Described | None, node: _Branch | int) -> None:
        if parent is None:
            self.first = node
        else:
            assert key is not None
            parent.following[key] = node


def _is_within(paths: AbstractSet[str], described: object) -> bool:
    """Whether what was described holds nothing of other files than these."""
    if isinstance(described, tuple):
        return all(_is_within(paths, each) for each in described)
    return not isinstance(described, Definition) or described.path in paths


@dataclass(eq=False, slots=True)
class Watch:
    """A call that is being read and may be remembered.

    objects: those it got from outside.
    level: how many readings were open around it: what it reads of `self` and the objects, they rest on.
    since: what loops in it have greater numbers than.
    reads: what it read of `self` and had not written before, and of the objects; None for what cannot be described.
    given: the lists and dicts it got from outside, by id; spoiled: one of them changed.
    loose: it set attributes of `self` under names that are not known.
    limited: the limit of active functions cut it short.
    entered, deepest: the functions entered, and the most that were active at once.
    """

    owner: Module | None
    objects: Objects
    level: int
    since: int
    deepest: int
    reads: dict[Described, Described | None] = field(default_factory=dict)
    writes: set[str] = field(default_factory=set)
    given: set[int] = field(default_factory=set)
    spoiled: bool = False
    loose: bool = False
    limited: bool = False
    entered: set[Definition] = field(default_factory=set)


def call(m: Machine, function: Function, owner: Module | None, arguments: Arguments, run: Callable[[], Value]) -> Value:
    """What `run`, the call of `function` with `arguments`, yields; from memory where it can only be the same again."""
    objects = Objects()
    key = _key(m, function, owner, arguments, objects)
    if key is None:
        return run()
    given = list(objects.each)
    tree = m.index.remember(key, lambda: _planted(m, function.definition, key))
    repeat = _repeat(m, owner, Objects(given), tree)
    if repeat is not None:
        return repeat()
    noted, steps, made = m.noted, m.steps, len(m.trace.made)
    watch = Watch(owner, objects, m.index.level, m.serial(), len(m.active))
    for argument in arguments.values():
        watch.given.update(containers_in(argument))
    m.watches.append(watch)
    try:
        with m.index.resting() as rests_on:
            value = run()
    finally:
        m.watches.pop()
        if m.watches:
            _add(m.watches[-1], watch.entered, watch.deepest, watch.limited)
    if m.noted == noted and not watch.spoiled and tree.outcomes < _OUTCOMES and watch.entered.isdisjoint(m.active):
        outcome = _outcome(m, watch, value, steps, made)
        if outcome is not None:
            number = next(_SERIAL)
            m.index.keep(("outcome", number), outcome, rests_on)
            tree.grow(watch.reads, number)
            return value
    m.index.rest(rests_on)
    return value


def _planted(m: Machine, definition: Definition, given: Described) -> _Tree:
    m.index.depend(definition.path, definition.name.partition(".")[0])
    return _Tree(given)


def _add(watch: Watch, entered: Iterable[Definition], deepest: int, limited: bool) -> None:
    watch.entered.update(entered)
    watch.deepest = max(watch.deepest, deepest)
    watch.limited = watch.limited or limited


def _outcome(m: Machine, watch: Watch, value: Value, steps: int, made: int) -> Outcome | None:
    """What a call did; None where that cannot be done again."""
    objects = watch.objects
    held = watch.owner.attributes if watch.owner is not None and watch.owner.attributes is not None else {}
    writes: dict[str, Value] = {}
    for name in watch.writes:
        kept = lasting(held[name], objects, watch.given, watch.since) if name in held else None
        if kept is None:
            return None
        writes[name] = kept
    result = lasting(value, objects, watch.given, watch.since)
    modules = tuple(m.trace.made[made:])
    if result is None or None in watch.reads.values():
        return None
    for module in modules:
        if any(holds_object(each, objects) for each in (*(module.arguments or ()), *(module.keywords or {}).values())):
            return None
    return Outcome(
        result,
        writes,
        watch.loose,
        modules,
        m.steps - steps,
        watch.deepest - len(m.active),
        frozenset(watch.entered),
        len(m.active) if watch.limited else None,
    )


def _repeat(m: Machine, owner: Module | None, objects: Objects, tree: _Tree) -> Callable[[], Value] | None:
    """Does what a call did that read what this one would read; None where there is none, or where reading it here would
    run into another limit. objects: those that the call gets.
    """
    found: list[tuple[Described, Found]] = []
    node: _Branch | int | None = tree.first
    while isinstance(node, _Branch):
        what = node.what
        if what[0] == "of":
            one = _look_at(m, objects.each[what[1]], what[2:])  # type: ignore[call-overload]
        else:
            one = _look(m, owner, what) if owner is not None else None
        described = objects.describe(one)
        if described is None:
            return None
        found.append((what, one))
        node = node.following.get(described)
    key = ("outcome", node)
    known: Outcome | None = m.index.memory.entries.get(key)
    if known is None or not _is_within_limits(m, known):
        return None

    def repeat() -> Value:
        m.index.recall(key)
        for what, one in found:
            if what[0] == "of":
                asking(m, objects.each[what[1]], what[2:], one)  # type: ignore[call-overload,arg-type]
            elif owner is not None and owner.attributes is not None:
                _note(m, owner, what, one)
        if owner is not None and owner.attributes is not None:
            for name, value in known.writes.items():
                writing(m, owner, name)
                owner.attributes[name] = fresh(value, objects)
            if known.loose:
                loosening(m, owner)
        m.trace.made.extend(known.made)
        m.ran |= known.entered
        m.steps += known.steps
        if m.watches:
            _add(m.watches[-1], known.entered, len(m.active) + known.depth, known.level is not None)
        return fresh(known.value, objects)

    return repeat


def _is_within_limits(m: Machine, known: Outcome) -> bool:
    """Whether reading a call here would be cut short, or not, where it was when the outcome was read."""
    depth = len(m.active)
    return (
        (depth + known.depth <= m.MAX_DEPTH if known.level is None else depth == known.level)
        and m.steps + known.steps <= m.MAX_STEPS
        and known.entered.isdisjoint(m.active)
    )


# What the interpreter tells


def reading(m: Machine, owner: Module, name: str) -> None:
    """Note that an attribute of `self` is read."""
    if m.watches:
        _note(m, owner, ("attribute", name))


def of_self(m: Machine, look: Callable[[], _T]) -> _T:
    """What is found in the class of `self`: a call being read does not rest on it, it is read each time."""
    level = next((watch.level for watch in m.watches if watch.owner is not None and watch.owner.is_self), None)
    if level is None:
        return look()
    with m.index.outside(level):
        return look()


def of_object(m: Machine, holder: Instance, look: Callable[[], _T]) -> _T:
    """What is found in the class of an object; of one that came from outside, as for `self`."""
    level = None
    for watch in reversed(m.watches):
        if watch.objects.number(holder) is None:
            break
        level = watch.level
    if level is None:
        return look()
    with m.index.outside(level):
        return look()


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
        _note(m, owner, ("held", name))
        for watch in m.watches:
            watch.writes.add(name)


def loosening(m: Machine, owner: Module) -> None:
    """Give `self` an attribute under a name that is not known."""
    owner.dynamic = True
    for watch in m.watches:
        watch.loose = True


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


def _note(m: Machine, owner: Module, what: Described, found: Found = None) -> None:
    name = what[1] if what[0] != "super" else None
    asked = found is not None
    for watch in reversed(m.watches):
        if what in watch.reads or name in watch.writes:
            continue
        if not asked:
            found, asked = _look(m, owner, what), True
        _enter(watch, what, found if watch.owner is owner else None)
        if owner.attributes is not None and name in owner.attributes:
            watch.given.update(containers_in(owner.attributes[name]))


def _enter(watch: Watch, what: Described, found: Found) -> None:
    known = watch.reads.get(what, ())
    if known == ():
        watch.reads[what] = watch.objects.describe(found)
    elif known is not None and known[0] == "object" and isinstance(found, Instance):
        watch.objects.add_again(found, known[1])  # type: ignore[arg-type]


def _look_at(m: Machine, holder: Instance, what: Described) -> Found:
    """What an object has, described."""
    kind, name = str(what[0]), str(what[1])
    if kind == "method":
        return of_object(m, holder, lambda: m.index.method(holder.definition, name)) or ("absent",)
    return of_object(m, holder, lambda: seen(attributes.declared(m, holder.definition, name)))


def _look(m: Machine, owner: Module, what: Described) -> Found:
    """What is read of `self`, described; None where it cannot be."""
    definition = owner.definition
    if definition is None or owner.attributes is None:
        return None
    name = str(what[1])
    if what[0] == "super":
        return of_self(m, lambda: _look_behind(m, definition, name, what[2]))
    value = owner.attributes.get(name)
    if value is None and what[0] == "held":
        return ("absent",)
    return seen(value) if value is not None else of_self(m, lambda: _look_in_class(m, definition, name))


def _look_in_class(m: Machine, definition: Definition, name: str) -> Found:
    found = m.index.method(definition, name)
    if found is not None:
        return "method", found[1]
    value = m.index.class_value(m, definition, name)
    return ("absent",) if value is None else seen(value)


def _look_behind(m: Machine, definition: Definition, name: str, after: Hashable) -> Found:
    order = m.index.order(definition)
    place = next((i for i, each in enumerate(order) if getattr(each, "node", None) is after), len(order))
    for each in order[place + 1 :]:
        if not isinstance(each, Definition):
            return "outside", each
        method = each.method(name)
        if method is not None:
            return "method", method
    return ("absent",)


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
    base, made = None, None
    if owner is not None:
        if owner.definition is None or owner.items is not None or owner.element is not None:
            return None
        base = m.index.external_base(owner.definition)
        made = None if owner.is_self else describe_module(owner)
        if made is None and not owner.is_self:
            return None  # of another module it is not known what is read
        objects.add(owner)
    hidden = arguments.starred, arguments.passed_on
    parts: list[Any] = ["plain", function.definition, function.lexical_class, m.building, base, made, hidden]
    names = [None] * len(arguments.positional) + list(arguments.keywords)
    for name, value in zip(names, arguments.values(), strict=True):
        described: Described | None
        if value is owner:
            described = ("self",)
        else:
            described = objects.describe(seen(value))
        if described is None:
            return None
        parts.append((name, described))
    return tuple(parts)
