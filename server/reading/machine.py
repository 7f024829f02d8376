"""The abstract interpreter: runs `__init__` and `forward` on what is known of their values.

This file holds its state and `noting` notes what is found; `statements` runs, `expressions` evaluates, `calls` calls,
`library` models Python's and torch's own functions. One machine reads one model once.

Paths: a branch runs on a copy of the state and the copies are joined after it, so that uses of a module in branches
that exclude each other are one use. Loops run once, a second time where that changes what names hold.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..knowledge.names import canonical
from . import (
    building,
    calls,
    containers,
    expressions,
    fixed,
    iteration,
    parameters,
    remembered,
    statements,
    subscripts,
    toplevel,
    ways,
)
from .arguments import Arguments
from .definitions import Assigned, Definition, Found, OneOf
from .facts import Entry, EntryKey, Flow, Operation, Site, Trace
from .values import (
    NONE,
    UNKNOWN,
    Class,
    Fixed,
    Function,
    Module,
    ModuleFile,
    Sequence,
    Symbol,
    Unknown,
    Value,
    join,
    join_all,
)

if TYPE_CHECKING:
    from .index import Index
    from .source import Statement


# Values of one model are seen by others, so numbers are never given twice.
_SERIAL = itertools.count(1)

# Of the calls of a function this many are noted, to be run again after an edit.
_ENTRIES = 4


# What a branch can change: the names, the uses so far, while building the attributes of `self`, what lists hold, what
# is known of attributes, and what the tests on the way here said.
State = tuple[
    dict[str, Value],
    ways.Uses,
    "dict[str, Value] | None",
    list[tuple[Sequence, Any, Any, Value]],
    dict[tuple[str, str], Value],
    ways.Way,
]


@dataclass(eq=False, slots=True)
class Frame:
    """One function being run.

    narrowed: what tests say of attributes (`if self.bias is not None`), by the name they are read from and their own.
    bound: how often names were bound after the function was entered; in_loop: a loop enters it, round by round.
    """

    site: Site
    names: dict[str, Value]
    owner: Module | None
    closure: dict[str, Value] = field(default_factory=dict)
    returns: list[Value] = field(default_factory=list)
    exits: list[ways.Uses] = field(default_factory=list)
    yields: list[Value] = field(default_factory=list)
    narrowed: dict[tuple[str, str], Value] = field(default_factory=dict)
    bound: dict[str, int] = field(default_factory=dict)
    in_loop: bool = False


@dataclass(eq=False, slots=True)
class Loop:
    """A loop being run; `number` is what values that change with it carry; exits: the states at `break`, `continue`."""

    number: int
    node: ast.AST
    exits: list[State] = field(default_factory=list)


expressions.join_evaluators()


class Machine:
    """Reads one model. building: it runs `__init__`, where modules are made; else `forward`, where they are used."""

    MAX_DEPTH = 14
    # Guards against code whose calls fan out: a forward that needs more steps is read in part.
    MAX_STEPS = 60_000

    def __init__(self, index: Index, model: Definition, building: bool) -> None:
        self.index = index
        self.model = model
        self.building = building
        self.trace = Trace(model)
        self.frame: Frame = None  # type: ignore[assignment]
        # What ran on the way here: uses by module, chains of calls by operation.
        self.uses: ways.Uses = {}
        # What the tests on the way here said, and how often attributes were set that they may have asked for.
        self.way = ways.ANY_WAY
        self.bound_anew: dict[str, int] = {}
        self.loops: list[Loop] = []
        # The states at `break` and `continue`, for each loop around.
        self.round_ends: list[list[State]] = []
        self.chain: tuple[ast.AST, ...] = ()
        # Loops of which only one round is being run (`if i == 0:`).
        self.pinned: frozenset[int] = frozenset()
        # Those of them whose round only a variable says (`if i == index:`).
        self.picked: frozenset[int] = frozenset()
        # How many branches are being run that only tracing takes.
        self.only_traced = 0
        # Whether what runs now is called in place of something else that was not used before.
        self.unsure = False
        self.active: list[Definition] = []
        # The functions that ran, for whoever runs those that nobody called.
        self.ran: set[Definition] = set()
        self.steps = 0
        self.silent = 0
        # How often something was noted, changed or cut short that a remembered call could not do again.
        self.noted = 0
        # The calls being read that may be remembered, outer ones first.
        self.watches: list[remembered.Watch] = []
        self.seen: dict[tuple[int, str], Operation] = {}
        self.reused: set[tuple[int, Any]] = set()
        self.flows: dict[int, Flow] = {}
        # What says that the tensors which the classes hold are fixed, by class and name.
        self.held: dict[tuple[object, str], Fixed] = {}
        self._sites: dict[Definition, Site] = {}
        self._globals: dict[tuple[str, str, int], Value] = {}
        self._constants: dict[ast.expr, Value] = {}
        # Where a function is run again after an edit: the others, whose calls yield what they yielded before.
        self.standing: Mapping[EntryKey, list[Entry]] | None = None

    # State

    def serial(self) -> int:
        """A number no other module or loop has."""
        return next(_SERIAL)

    def save(self) -> State:
        """A copy of what a branch can change."""
        owner = self.frame.owner
        attributes = owner.attributes if owner is not None and self.building else None
        names = self.frame.names
        lists = [
            (value, list(value.items) if value.items is not None else None, list(value.nodes or ()), value.element)
            for value in names.values()
            if type(value) is Sequence and value.kind == "list"
        ]
        held = dict(attributes) if attributes is not None else None
        return dict(names), dict(self.uses), held, lists, dict(self.frame.narrowed), self.way

    def restore(self, state: State) -> None:
        """Go back to a saved state."""
        names, uses, attributes, lists, narrowed, self.way = state
        self.frame.names, self.frame.narrowed = dict(names), dict(narrowed)
        for held, items, nodes, element in lists:
            held.items = list(items) if items is not None else None
            held.nodes, held.element = list(nodes), element
        self.uses = dict(uses)
        if attributes is not None and self.frame.owner is not None:
            self._set_attributes(dict(attributes))

    def merge(self, state: State) -> None:
        """Join the current state with a saved one."""
        names, uses, attributes, lists, narrowed, way = state
        self.way &= way
        current = self.frame.names
        if narrowed or self.frame.narrowed:
            now = self.frame.narrowed
            self.frame.narrowed = {key: join(value, now[key]) for key, value in narrowed.items() if key in now}
        for held, items, _, element in lists:
            if held.items is None or items is None or len(held.items) != len(items):
                values = [held.any_element() if held.items != [] else None]
                values.append(join_all(items) if items else element if items is None else None)
                held.element = join_all(value for value in values if value is not None)
                held.items = None
        for name, value in names.items():
            mine = current.get(name)
            if mine is not value:
                current[name] = value if mine is None else join(value, mine)
        ways.join(self.uses, uses)
        owner = self.frame.owner
        if attributes is not None and owner is not None and owner.attributes is not None:
            for name, value in attributes.items():
                mine = owner.attributes.get(name)
                if mine is not value:
                    owner.attributes[name] = value if mine is None else join(value, mine)

    def _set_attributes(self, attributes: dict[str, Value]) -> None:
        # Every frame of one construction shares the same `self`.
        owner = self.frame.owner
        assert owner is not None and owner.attributes is not None
        owner.attributes.clear()
        owner.attributes.update(attributes)

    def open_loop(self, node: ast.AST) -> Loop:
        """Enter a loop; the caller leaves it by shortening `loops`."""
        loop = Loop(self.serial(), node)
        self.loops.append(loop)
        return loop

    @contextmanager
    def looping(self, node: ast.AST, once: bool = False) -> Iterator[Loop]:
        """Run what is inside as the body of a loop. once: it has one round unless somebody asks for more."""
        loop = self.open_loop(node)
        self.round_ends.append(loop.exits)
        pinned = self.pinned
        if once:
            self.pinned |= {loop.number}
        try:
            yield loop
        finally:
            self.loops.pop()
            self.round_ends.pop()
            self.pinned = pinned

    # Names

    def name(self, identifier: str) -> Value:
        """What a name means here."""
        frame = self.frame
        value = frame.names.get(identifier)
        if value is None:
            value = frame.closure.get(identifier)
            if value is None:
                value = self.global_name(frame.site.path, identifier, frame.site.statement)
        return value

    def global_name(self, path: str, identifier: str, place: Statement | None = None) -> Value:
        """What a name means at the top level of a file. place: the class or function that says it."""
        decided = self.index.decided(path, identifier, place) if place is not None and place.indent else None
        key = (path, identifier, id(decided))  # one object for all that mean the same
        value = self._globals.get(key)
        if value is None:
            self._globals[key] = UNKNOWN
            value = self._globals[key] = self.bind(self.index.lookup(path, identifier, place), path)
            if value is UNKNOWN and expressions.is_builtin(identifier):
                value = self._globals[key] = Symbol(f"builtins.{identifier}")
        return value

    def bind(self, found: Found, path: str) -> Value:
        """The value of what the index found."""
        if found is None:
            return UNKNOWN
        if isinstance(found, str):
            return ModuleFile(found[5:]) if found.startswith("file:") else Symbol(canonical(found))
        if isinstance(found, Definition):
            return Class(found) if isinstance(found.node, ast.ClassDef) else Function(found)
        if isinstance(found, OneOf):
            return join_all([self.bind(each, path) for each in found.options])
        value = self.at_module_level(found)
        if found.index is not None:
            items = iteration.unpack(self, value, found.index + 1, None)
            return items[found.index]
        return value

    def at_module_level(self, assigned: Assigned) -> Value:
        """The value of a top-level assignment, or of one in a class body."""
        if self.standing is None and assigned.path not in self.index.watched:
            value = toplevel.value(self.index, assigned)
            if self.index.top_level.is_cut:
                self.noted += 1  # for whoever asks elsewhere the answer may be another
            if value is not None:
                return value
        return self.run_at_module_level(assigned)

    def run_at_module_level(self, assigned: Assigned) -> Value:
        """The same, read anew."""
        site = Site(assigned.path, assigned.statement, toplevel.definition(assigned), None, self.model)
        saved, building, loops = self.frame, self.building, self.loops
        self.frame, self.building, self.loops = Frame(site, {}, None), True, []
        self.silent += 1
        try:
            return expressions.evaluate(self, assigned.value)
        finally:
            self.frame, self.building, self.loops = saved, building, loops
            self.silent -= 1

    def class_constant(self, assigned: Assigned) -> Value:
        """The value of an assignment in a class body: one object, however often it is asked for."""
        value = self._constants.get(assigned.value)
        if value is None:
            value = self._constants[assigned.value] = self.at_module_level(assigned)
        return value

    def member(self, path: str, name: str) -> Value:
        """What `module.name` is, for a module of the workspace."""
        value = self.global_name(path, name)
        if value is UNKNOWN:
            value = self.bind(self.index.submodule(path, name), path)
        return value

    # Functions

    def enter(self, function: Function, owner: Module | None, arguments: Arguments, node: ast.AST) -> Value:
        """Run a function's body with these arguments."""
        definition = function.definition
        if self.standing:
            known = self.standing.get((definition.path, definition.statement.key, definition.name), ())
            results = [entry.result for entry in known if entry.result is not None]
            if results:
                self.uses = {key: use for entry in known for key, use in entry.used.items()} | self.uses
                return join_all(results)
        site = self._site(definition, function.lexical_class)
        frame = Frame(site, {}, owner, dict(function.closure) if function.closure else {}, in_loop=bool(self.loops))
        names = parameters.bind(self, definition, arguments, frame)
        saved, chain, way = self.frame, self.chain, self.way
        self.frame, self.chain = frame, (*chain, node)
        frame.names = names
        entry = self._entry(function, frame) if definition.path in self.index.watched else None
        try:
            result = self._run_function(definition, frame, entry)
        finally:
            self.frame, self.chain, self.way = saved, chain, way
        if entry is not None:
            entry.result = result
            entry.used = {key: used for key, used in self.uses.items() if used is not entry.uses.get(key)}
        return result

    def _run_function(self, definition: Definition, frame: Frame, entry: Entry | None = None) -> Value:
        self.active.append(definition)
        self.ran.add(definition)
        remembered.entering(self, definition)
        try:
            if isinstance(definition.node, ast.Lambda):
                return expressions.evaluate(self, definition.node.body)
            if entry is not None and self.building:
                falls_through = self._run_noted(definition.node.body, frame, entry)
            else:
                falls_through = self.run(definition.node.body)
            for uses in frame.exits:
                ways.join(self.uses, uses)
            return returned(frame, falls_through)
        finally:
            self.active.pop()

    def _run_noted(self, body: list[ast.stmt], frame: Frame, entry: Entry) -> bool:
        """Run the statements of a set-up, and note the state before each."""
        owner = frame.owner
        for statement in body:
            entry.states.append((dict(frame.names), len(owner.attributes or ()) if owner is not None else 0))
            if not self.run([statement]):
                return False
        entry.states.append((dict(frame.names), len(owner.attributes or ()) if owner is not None else 0))
        return True

    def _entry(self, function: Function, frame: Frame) -> Entry | None:
        """Note how a function is called; None for a lambda and where it was noted often enough."""
        definition = function.definition
        if isinstance(definition.node, ast.Lambda):
            return None
        key = (definition.path, definition.statement.key, definition.name)
        noted = self.trace.entries.setdefault(key, [])
        if len(noted) == _ENTRIES:
            return None
        loops, active = tuple(self.loops), tuple(self.active)
        entry = Entry(
            dict(frame.names),
            frame.owner,
            function.lexical_class,
            active,
            self.chain,
            loops,
            dict(self.uses),
            self.way,
        )
        noted.append(entry)
        return entry

    def resume(self, definition: Definition, entry: Entry, models: Mapping[Definition, Definition | None]) -> None:
        """Run an edited function again, called as `entry` says. models: edited classes, as they are now."""
        frame = self._resumed(definition, entry, entry.names, models)
        self.frame, self.chain, self.active = frame, entry.chain, list(entry.active)
        self.loops, self.uses, self.way = list(entry.loops), dict(entry.uses), entry.way
        result = self._run_function(definition, frame)
        if not entry.active and self.is_forward(definition):
            self.trace.result = result

    def is_forward(self, function: Definition) -> bool:
        """Whether a function that runs first is the model's `forward`, not another method that strangers call."""
        found = self.index.method(self.model, "forward")
        return found is None or found[1].name == function.name

    def go_on(
        self,
        definition: Definition,
        entry: Entry,
        names: dict[str, Value],
        statements: tuple[ast.stmt, ...],
        attributes: dict[str, Value],
        models: Mapping[Definition, Definition | None],
    ) -> dict[str, Value]:
        """Run some statements of an edited set-up where names hold this, and `self` has these attributes; those that it
        has then.
        """
        frame = self._resumed(definition, entry, names, models)
        assert frame.owner is not None
        frame.owner.attributes = dict(attributes)
        self.frame, self.chain, self.active = frame, entry.chain, [*entry.active, definition]
        self.run(list(statements))
        return frame.owner.attributes

    def _resumed(
        self,
        definition: Definition,
        entry: Entry,
        names: dict[str, Value],
        models: Mapping[Definition, Definition | None],
    ) -> Frame:
        def now(each: Definition | None) -> Definition | None:
            return models.get(each, each) if each is not None else None

        owner = entry.owner
        if owner is not None:
            owner = replace(owner, definition=now(owner.definition), attributes=dict(owner.attributes or {}))
        site = self._site(definition, now(entry.lexical))
        frame = Frame(site, dict(names), owner, in_loop=bool(entry.loops))
        for name, value in names.items():
            if value is entry.owner and owner is not None:
                frame.names[name] = owner
        return frame

    def outer_frame(self, definition: Definition) -> Frame:
        """A frame in which a function's annotations and defaults are read."""
        return Frame(self._site(definition, definition.parent), {}, None)

    def _site(self, definition: Definition, owner: Definition | None) -> Site:
        site = self._sites.get(definition)
        if site is None:
            site = self._sites[definition] = calls.site_of(self, definition, owner)
        return site

    # Statements

    def run(self, body: list[ast.stmt]) -> bool:
        """Run statements; False if none of the paths through them reaches the end."""
        for statement in body:
            execute = statements.EXECUTE.get(type(statement))
            if execute is not None:
                self.steps += 1
                if self.steps > self.MAX_STEPS:
                    self.noted += 1
                    return True
                if not execute(self, statement):
                    return False
        return True

    def bind_name(self, name: str, value: Value) -> None:
        """Bind a local name."""
        frame = self.frame
        frame.names[name] = value
        times = frame.bound.get(name, 0)
        frame.bound[name] = ways.IN_LOOP if self.loops or times == ways.IN_LOOP else times + 1

    def bind_attribute(self, name: str) -> None:
        """Note that an attribute of that name is set: whoever asks for one may get another answer than before."""
        self.bound_anew[name] = self.bound_anew.get(name, 0) + 1

    def assign(self, target: ast.expr, value: Value, statement: ast.stmt | None, source: ast.expr | None) -> None:
        """Bind a target to a value."""
        if isinstance(target, ast.Name):
            self.bind_name(target.id, value)
        elif isinstance(target, ast.Attribute):
            if self.frame.narrowed and isinstance(target.value, ast.Name):
                self.frame.narrowed.pop((target.value.id, target.attr), None)
            holder = expressions.evaluate(self, target.value)
            if not self.building and not (isinstance(holder, Module) and holder.is_self):
                self.noted += 1
                self.bind_attribute(target.attr)
            if not self.building and isinstance(holder, Module):
                fixed.of_attribute(self, holder, target.attr).spoil()
            building.set_attribute(self, holder, target.attr, value, target, source)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._assign_each(target, value, statement, source)
        elif isinstance(target, ast.Subscript):
            holder = expressions.evaluate(self, target.value)
            subscripts.set_item(self, holder, target, value, statement)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, value, statement, source)

    def _assign_each(
        self, target: ast.Tuple | ast.List, value: Value, statement: ast.stmt | None, source: ast.expr | None
    ) -> None:
        star = next((i for i, each in enumerate(target.elts) if isinstance(each, ast.Starred)), None)
        count = len(target.elts)
        values = iteration.unpack(self, value, count if star is None else None, source)
        if star is not None:
            items = value.items if isinstance(value, Sequence) else None
            if items is not None and len(items) >= count - 1:
                tail = count - star - 1
                middle: Value = Sequence(items[star : len(items) - tail], kind="list")
                values = [*items[:star], middle, *items[len(items) - tail :]]
            else:
                one = values[0] if values else UNKNOWN
                values = [Sequence(None, one) if i == star else containers.picked(self, one, i) for i in range(count)]
        for each, part in zip(target.elts, values):
            self.assign(each, part, statement, None)


def returned(frame: Frame, falls_through: bool) -> Value:
    """What a call of the function yields."""
    if frame.yields:
        return Sequence(None, join_all(frame.yields), "generator")
    values = list(frame.returns)
    if falls_through:
        values.append(NONE)
    return join_all(values) if values else Unknown()
