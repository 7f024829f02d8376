"""Lists and container modules: their children and how they grow."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import attributes, iteration, noting
from .arguments import Arguments
from .values import (
    ROUND,
    UNKNOWN,
    Const,
    Dictionary,
    Module,
    Number,
    Sequence,
    Unknown,
    Value,
    join,
    join_all,
    key_of,
    options,
)

if TYPE_CHECKING:
    from .machine import Loop, Machine


def extend(m: Machine, sequence: Sequence, more: Value, node: ast.expr) -> None:
    """Run `list += more` or `list.extend(more)`."""
    if m.loops:
        element = iteration.element_of(m, more, node, None)
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
    if isinstance(node, ast.expr):
        noting.place(m, value, node, node, ("list", id(sequence)), "container")
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


def element_at(m: Machine, sequence: Sequence, index: Value) -> Value:
    """`layers[index]` of a list of which not every element is known by its place."""
    element = sequence.any_element()
    made = [option for option in options(element) if isinstance(option, Module)]
    identities = tuple(option.identity for option in made)
    several = sequence.items is not None and len(sequence.items) > 1
    if not made or (several and len(set(identities)) == 1):
        # One module several times in a list is the same one in every place.
        return element
    if m.building:
        return _built_at(m, element, index)
    rest = [option for option in options(element) if not isinstance(option, Module)]
    key = key_of(index)
    varies = variance(index)
    if varies and key == ROUND:
        return join_all([*rest, _one_of(made, ("slot", identities), varies)])
    # Which one is not known: never the same as another, unless both are asked for by the same number.
    loops = varies if key is not None else frozenset(loop.number for loop in m.loops)
    which = ("slot", identities, key if key is not None else m.serial())
    return join_all([*rest, _one_of(made, which, loops, either=True)])


def _built_at(m: Machine, element: Value, index: Value) -> Value:
    """`layers[index]` where modules are made: of what a loop made it is the one of a single round."""
    varies = variance(index)
    if not varies or key_of(index) != ROUND:
        return picked(m, element, index.value if isinstance(index, Const) else m.serial())
    parts = options(element)
    return join_all(replace(o, varies=o.varies | varies) if isinstance(o, Module) else o for o in parts)


def picked(m: Machine, element: Value, place: object) -> Value:
    """What stands in one place of a list: of modules that a loop made, another one than in every other place."""
    rounds = {loop.number for loop in m.loops}
    parts = options(element)
    if not any(isinstance(option, Module) and option.varies - rounds for option in parts):
        return element
    return join_all(
        replace(option, identity=(option.identity, "at", place))
        if isinstance(option, Module) and option.varies - rounds
        else option
        for option in parts
    )


def _one_of(made: list[Module], identity: tuple[Any, ...], varies: frozenset[int], either: bool = False) -> Module:
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
        either=either if len(made) > 1 else first.either,
        attributes=first.attributes if len(made) == 1 and not first.is_self else None,
        element=first.element if len(made) == 1 else None,
    )


def children(m: Machine, module: Module) -> tuple[int | None, Callable[[Loop | None], Value]]:
    """Iterating over a container module."""
    items = module.items
    if items is not None and len(items) < 2:
        return len(items), lambda loop: _in_slot(module, items[0]) if items else UNKNOWN

    def element(loop: Loop | None) -> Value:
        varies = module.varies | (frozenset({loop.number}) if loop is not None else frozenset())
        return _anonymous_child(module, (module.identity, "*"), varies)

    return None, element


def _anonymous_child(module: Module, identity: tuple[Any, ...], varies: frozenset[int], either: bool = False) -> Value:
    """A child of a container. either: one of them; else, round after round, each of them."""
    held = module.items if module.items is not None else [module.element] if module.element is not None else []
    made = [option for value in held for option in options(value) if isinstance(option, Module)]
    other = [option for value in held for option in options(value) if not isinstance(option, Module)]
    if other and not made:
        return join_all(other)
    if not made:
        return Module(identity, module.origin, varies=varies, guess=True, name=module.name)
    one = _one_of(made, identity, varies, either)
    one.name = one.name or module.name
    return one


def child(m: Machine, module: Module, index: Value, node: ast.expr) -> Value:
    """`module[index]`."""
    if isinstance(index, Const):
        key = index.value
        if module.items is not None and isinstance(key, int) and -len(module.items) <= key < len(module.items):
            return _in_slot(module, module.items[key])
        if module.attributes is not None and not module.is_self and key in module.attributes:
            return _in_slot(module, module.attributes[key])
        return _anonymous_child(module, (module.identity, key), module.varies, either=True)
    varies = variance(index)
    if varies and isinstance(index, Number):
        if index.key == ROUND:
            return _anonymous_child(module, (module.identity, "*"), module.varies | varies)
        which = index.key if index.key is not None else m.serial()
        return _anonymous_child(module, (module.identity, "*", which), module.varies | varies, either=True)
    # Which one is not known: never the same as any other.
    loops = frozenset(loop.number for loop in m.loops)
    return _anonymous_child(module, (module.identity, m.serial()), module.varies | loops, either=True)


def _in_slot(module: Module, value: Value) -> Value:
    """A child as the child of this very container: one that stands for many has a child of that name in each."""
    return value if module.identity[0] == "made" else attributes.within(module, value)


def part(m: Machine, module: Module, bounds: slice | None, loops: frozenset[int]) -> Value:
    """`module[a:b]`: a container with some of the children. loops: those in each round of which it has others."""
    items = module.items[bounds] if module.items is not None and bounds is not None else None
    identity = (module.identity, "part", str(bounds) if bounds is not None else m.serial())
    element = module.element
    varies = module.varies | loops
    if items is None and element is not None:
        # What stands for all of them is some of them here.
        element = _anonymous_child(module, (identity, "*"), varies, either=True)
    return Module(
        identity,
        module.origin,
        module.cls,
        module.definition,
        items=items,
        element=element,
        varies=varies,
        guess=True,
        name=module.name,
    )


def set_child(m: Machine, module: Module, index: Value, value: Value, target: ast.Subscript) -> None:
    """Run `container[index] = value` on a module container."""
    if isinstance(index, Const) and isinstance(index.value, str):
        module.attributes = {**(module.attributes or {}), index.value: value}
    module.items = None
    module.element = value if module.element is None else join(module.element, value)


def variance(index: Value) -> frozenset[int]:
    """The loops an index changes with."""
    return index.varies if isinstance(index, Number) else frozenset()


def add_child(m: Machine, module: Module, value: Value, node: ast.expr) -> None:
    """Put a module into a container that exists."""
    noting.place(m, value, node, node, module.identity, "container")
    if m.loops or module.items is None:
        module.element = value if module.element is None else join_all([module.element, *(module.items or []), value])
        module.items = None
    else:
        module.items = [*module.items, value]


def add_children(m: Machine, module: Module, held: Value, node: ast.expr) -> None:
    """Put the modules of a list into a container that exists."""
    if isinstance(held, Sequence) and held.items is not None:
        for item in held.items:
            add_child(m, module, item, node)
    else:
        before = [*(module.items or ()), *([module.element] if module.element is not None else ())]
        module.items = None
        module.element = join_all([*before, iteration.element_of(m, held, node, None)])


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
        held_here = {(option.identity, id(node)) for option in options(value) if isinstance(option, Module)}
        if isinstance(node, ast.expr):
            noting.place(
                m, value, node, node, module.identity, "container", again=bool(held_here) and held_here <= seen
            )
        seen |= held_here
