"""Answers what the interpreter asks of the project, and remembers what each answer rests on.

A model that was read is kept until one of the names its reading asked for is bound differently.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..knowledge.names import canonical
from . import callers, toplevel
from .definitions import CODE, Assigned, Definition, Found, OneOf, Option
from .file_facts import FileFacts
from .memory import ABSENT, CALLERS, MODULE, STANDS_IN, UNCALLED, UNPASSED, Dependency, Memory, Rest
from .model import Model
from .order import ClassOrder
from .source import Statement
from .values import SUM, TENSORISH, UNKNOWN, Dictionary, Sequence, Tensor, Unknown, Value

if TYPE_CHECKING:
    from .machine import Machine
    from .project import Project

# What rests on this rests on something an edit may have changed.
_FORMER: Dependency = ("", "former")


class Interrupted(BaseException):
    """Reading was broken off for something more urgent. What was read stays remembered; no error handler stops it."""


class Index:
    """The project as the interpreter sees it.

    urgent: asked before each model is read; where it says so, reading is broken off.
    """

    def __init__(self, project: Project, provisional: bool = False, urgent: Callable[[], bool] | None = None) -> None:
        self.project = project
        self._urgent = urgent
        self.provisional = provisional
        # An older state of the workspace must not mix its readings with those of the newest.
        self.memory = project.memory if project.memory.newest is project else Memory()
        if not provisional:
            self.memory.settle()
        # The files being edited: calls of their functions are noted.
        self.watched = project.memory.watched
        self._overlay: dict[Any, Any] = {}
        # For edited classes, those of which what is not read anew is taken.
        self._earlier: dict[Any, Definition] = {}
        self._recorders: list[set[Rest]] = []
        # The orders of classes, with what stands for each among what others rest on.
        self._orders: dict[Definition, tuple[ClassOrder, int]] = {}
        # What names were found to be, and what each answer rests on.
        self._found: dict[tuple[str, str], tuple[Found, set[Rest]]] = {}
        self._reading: set[Any] = set()
        self.top_level = toplevel.Reading()

    @contextmanager
    def resting(self) -> Iterator[set[Rest]]:
        """Collects what everything read inside rests on; `keep` or `rest` then tell what is around it."""
        recorder: set[Rest] = set()
        self._recorders.append(recorder)
        kept = False
        try:
            yield recorder
            kept = True
        finally:
            self._recorders.pop()
            if not kept:
                self.rest(recorder)

    @property
    def level(self) -> int:
        """How many readings are open."""
        return len(self._recorders)

    @contextmanager
    def outside(self, level: int) -> Iterator[None]:
        """What is read inside, only the first readings that are open rest on."""
        recorders = self._recorders
        self._recorders = recorders[:level]
        try:
            yield
        finally:
            self._recorders = recorders

    def rest(self, rests_on: set[Rest]) -> None:
        """What is being read rests on all this."""
        if self._recorders:
            self._recorders[-1] |= rests_on

    def remember(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """The result of `compute`, from memory as long as nothing it rests on changes. key: names what is computed."""
        known = self.recall(key)
        if known is not ABSENT:
            return known
        # As `resting` does, without what a context manager costs for so small a thing.
        rests_on: set[Rest] = set()
        self._recorders.append(rests_on)
        try:
            value = compute()
        except BaseException:
            self._recorders.pop()
            self.rest(rests_on)
            raise
        self._recorders.pop()
        self.keep(key, value, rests_on)
        return value

    def recall(self, key: Any) -> Any:
        """What is remembered under a key, ABSENT where nothing is.

        A provisional index also takes what held before the last edit, of statements the edit did not touch.
        """
        known = self.memory.entries.get(key, ABSENT)
        if known is not ABSENT:
            if self._recorders:
                self._recorders[-1].add(self.memory.number(key))
            return known
        if self.provisional:
            known = self._overlay.get(key, ABSENT)
            if known is ABSENT:
                known = self.memory.former(key)
            if known is ABSENT and key[0] in STANDS_IN and (earlier := self._earlier.get(key[1])) is not None:
                known = earlier.statement.left.get((key[0], earlier, *key[2:]), ABSENT)
            if known is not ABSENT and self._recorders:
                self._recorders[-1].add(_FORMER)
        return known

    def keep(self, key: Any, value: Any, rests_on: set[Rest]) -> None:
        """Remember a result; one that took up what held before an edit only for this answer."""
        if key[0] in STANDS_IN and (earlier := self._earlier.get(key[1])) is not None:
            before = (key[0], earlier, *key[2:])
            earlier.statement.left[before] = value  # for the next key
        if _FORMER in rests_on:
            self._overlay[key] = value
            self.rest(rests_on)
        else:
            self.memory.keep(key, value, frozenset(rests_on))
            if self._recorders:
                self._recorders[-1].add(self.memory.number(key))

    def assume(self, key: Any, value: Any) -> None:
        """Take a result, for this answer only."""
        self._overlay[key] = value

    def stand_in(self, earlier: Definition, now: Definition) -> None:
        """Take of an edited class what was known of it before the edit, for this answer only."""
        self._earlier[now] = earlier

    def took_former(self, rests_on: set[Rest]) -> bool:
        """Whether a result took up what held before an edit."""
        return _FORMER in rests_on

    # Names

    def depend(self, path: str, name: str) -> None:
        """What is being read rests on this name."""
        if self._recorders:
            self._recorders[-1].add((path, name))

    def depend_on_callers(self, path: str, name: str) -> None:
        """What is being read rests on what a file and those that import it say of a name."""
        self.depend_on_workspace(CALLERS, path, name)

    def depend_on_workspace(self, asked: str, place: str, name: str) -> None:
        """What is being read rests on what some file, which may come or go, says of a name.

        asked, place: what exactly, as `memory` lists it.
        """
        self.depend("calls", name)
        self.depend(asked, f"{place}\0{name}")

    def _depend_on_module(self, path: str, dotted: str) -> None:
        self.depend(MODULE, f"{posixpath.dirname(path)}\0{dotted}")

    def lookup(self, path: str, name: str, place: Statement | None = None) -> Found:
        """What a top-level name of a file is.

        place: the class or function that says it; one in a clause means what its clause binds.
        """
        if place is not None and place.indent and self.decided(path, name, place) is not None:
            return self.project.lookup_beside(path, name, place, self._recorders[-1] if self._recorders else None)
        known = self._found.get((path, name))
        if known is None:
            rests_on: set[Rest] = set()
            known = self._found[path, name] = self.project.lookup(path, name, seen=rests_on), rests_on
        if self._recorders:
            self._recorders[-1] |= known[1]
        return known[0]

    def decided(self, path: str, name: str, place: Statement) -> Mapping[str, Option] | None:
        """The names that the clause around a class or function decides, where this is one of them."""
        self.depend(path, CODE)
        facts = self.project.files.get(path)
        names = facts.decided_for(place) if facts is not None else {}
        return names if name in names else None

    def resolve(self, dotted: str, path: str) -> Found:
        """What a dotted name means in a file."""
        self._depend_on_module(path, dotted)
        return self.project.resolve(dotted, path, seen=self._recorders[-1] if self._recorders else None)

    def absolute(self, node: ast.ImportFrom, path: str) -> str:
        """The module an import inside a function names."""
        facts = self.project.files.get(path)
        return facts.absolute(node) if facts is not None else node.module or ""

    def submodule(self, path: str, name: str) -> Found:
        """`package.name` where it is a file."""
        facts = self.project.files.get(path)
        if facts is None:
            return None
        dotted = f"{facts.module}.{name}"
        self._depend_on_module(path, dotted)
        found = self.project.find_module(dotted, path)
        return f"file:{found}" if found is not None else None

    def dotted(self, node: ast.expr, path: str, scope: Definition | None = None) -> str:
        """The canonical dotted name of an expression like `nn.Module`; empty where it has none."""
        found = self.named(node, path, scope)
        return canonical(found) if isinstance(found, str) and not found.startswith("file:") else ""

    def named(
        self, node: ast.expr, path: str, scope: Definition | None = None, place: Statement | None = None
    ) -> Found:
        """What a dotted expression names, at the top level of a file or in the body of a class.

        place: the class or function that says it.
        """
        if isinstance(node, ast.Attribute):
            holder = self.named(node.value, path, scope, place)
            if isinstance(holder, Definition):
                for child in getattr(holder.node, "body", ()):
                    if isinstance(child, ast.ClassDef) and child.name == node.attr:
                        return holder.inner(child)
                return None
            if isinstance(holder, str):
                if holder.startswith("file:"):
                    return self.lookup(holder[5:], node.attr) or self.submodule(holder[5:], node.attr)
                return f"{holder}.{node.attr}"
            return None
        if isinstance(node, ast.Subscript):
            return self.named(node.value, path, scope, place)
        if isinstance(node, ast.Name):
            outer = scope
            while outer is not None:
                for child in ast.iter_child_nodes(outer.node):
                    if isinstance(child, ast.ClassDef) and child.name == node.id:
                        return outer.inner(child)
                outer = outer.parent
            found = self.lookup(path, node.id, place)
            if (
                isinstance(found, Assigned)
                and isinstance(found.value, (ast.Name, ast.Attribute))
                and found.index is None
            ):
                return self.named(found.value, found.path) if last_name_differs(found, node) else None
            if found is None and node.id in _BUILTIN_NAMES:
                return f"builtins.{node.id}"
            return found
        return None

    # Classes

    def order(self, definition: Definition) -> list[Definition | str]:
        """A class and its bases, in the order methods are looked up; libraries' classes by dotted name."""
        return self.class_order(definition).each

    def class_order(self, definition: Definition, depth: int = 0) -> ClassOrder:
        """The same, to look names up in."""
        known = self._orders.get(definition)
        if known is not None:
            if self._recorders:
                self._recorders[-1].add(known[1])
            return known[0]
        key = ("order", definition)
        order: ClassOrder = self.remember(key, lambda: self._read_order(definition, depth))
        if not self.provisional:  # else it may be one that stands in for another
            self._orders[definition] = order, self.memory.number(key)
        return order

    def _read_order(self, definition: Definition, depth: int) -> ClassOrder:
        self.depend(definition.path, definition.name.partition(".")[0])
        lines: list[tuple[Definition | str, Any]] = []
        doubtful: set[object] = set()
        for base in getattr(definition.node, "bases", ()):
            found = self.named(base, definition.path, definition.parent, definition.statement)
            if isinstance(found, Definition) and found.node is not definition.node and depth < 24:
                order = self.class_order(found, depth + 1)
                lines.extend(order.lines)
                doubtful.update(order.doubtful)
            elif isinstance(found, OneOf) and depth < 24:
                orders = [
                    self.class_order(each, depth + 1)
                    for each in found.options
                    if isinstance(each, Definition) and each.node is not definition.node
                ]
                if len(orders) < len(found.options):
                    continue
                common = set.intersection(*({line for _, line in order.lines} for order in orders)) if orders else set()
                for order in orders:
                    # Of libraries' classes only those are bases that all have: others tell what the class is.
                    lines.extend(each for each in order.lines if each[1] in common or not isinstance(each[0], str))
                    doubtful.update(order.doubtful, (line for _, line in order.lines if line not in common))
            elif isinstance(found, str) and not found.startswith("file:"):
                name = canonical(found)
                lines.append((name, name))
        # Of a class met twice the last place counts, as in Python's own order for a diamond.
        seen: set[Any] = set()
        ordered: list[tuple[Definition | str, Any]] = []
        for line in reversed(lines):
            if line[1] not in seen:
                seen.add(line[1])
                ordered.insert(0, line)
        return ClassOrder([(definition, id(definition.node)), *ordered], doubtful)

    def is_model(self, definition: Definition) -> bool:
        """Whether a class derives from `nn.Module` through any chain that can be read."""
        return bool(getattr(definition.node, "bases", None)) and self.external_base(definition) is not None

    def external_base(self, definition: Definition) -> str | None:
        """The first library class among its bases that is a module (`torch.nn.Module`, `torch.nn.Conv2d`)."""
        return self.class_order(definition).module_base

    def method(self, definition: Definition | None, name: str) -> tuple[Definition, Definition] | None:
        """(the class that defines it, the method) for a method a class has or inherits in the workspace."""
        return self.class_order(definition).method(name) if definition is not None else None

    def class_value(self, m: Machine, definition: Definition, name: str) -> Value | None:
        """The value of a class attribute."""
        bound = self.class_order(definition).value(name)
        if bound is None:
            return None
        each, found = bound
        if isinstance(found, ast.AnnAssign):
            from .annotations import from_annotation

            return from_annotation(m, found.annotation)
        if isinstance(found, ast.ClassDef):
            return m.bind(each.inner(found), each.path)
        return m.class_constant(Assigned(each.path, each.statement, found))

    def scripted(self, definition: Definition) -> bool:
        """Whether torch.jit.script compiles a function."""
        for decorator in getattr(definition.node, "decorator_list", ()):
            if self.dotted(decorator, definition.path) in _COMPILES:
                return True
        return False

    # Models

    def model(self, definition: Definition) -> Model:
        """The model of a class."""
        known = self.memory.entries.get(("model", definition))
        if known is None:
            known = Model(definition)
            self.memory.keep(
                ("model", definition), known, frozenset({(definition.path, definition.name.partition(".")[0])})
            )
        return known

    def attributes(self, definition: Definition) -> dict[str, Value]:
        """What a model's `__init__` sets on `self`."""
        built = self._computed("built", definition)
        return built.attributes if built is not None else {}

    def built(self, definition: Definition) -> Any:
        """What reading a model's `__init__` found."""
        return self._computed("built", definition)

    def trace(self, definition: Definition) -> Any:
        """What reading a model's `forward` found."""
        return self._computed("trace", definition)

    def result(self, definition: Definition) -> Value:
        """What calling a model yields."""
        trace = self._computed("trace", definition)
        return _portable(trace.result) if trace is not None and trace.result is not None else Unknown()

    def method_result(self, definition: Definition, name: str) -> Value:
        """What one of a model's methods yields."""
        result = self._computed("method", definition, name)
        return _portable(result) if result is not None else Unknown()

    def _computed(self, what: str, definition: Definition, name: str = "") -> Any:
        key = (what, definition, name)
        known = self.recall(key)
        if known is not ABSENT:
            return known
        if key in self._reading or len(self._reading) > 40:
            return None
        if self._urgent is not None and self._urgent():
            raise Interrupted
        self._reading.add(key)
        try:
            with self.resting() as rests_on:
                self.depend(definition.path, definition.name.partition(".")[0])
                model = self.model(definition)
                if what == "built":
                    value: Any = model.build(self)
                elif what == "trace":
                    value = model.read(self)
                else:
                    value = model.read_method(self, name)
        finally:
            self._reading.discard(key)
        self.keep(key, value, rests_on)
        return value

    # Callers

    def passes(self, definition: Definition, parameter: str, position: int) -> bool:
        """Whether some model in the workspace passes this parameter to this one's forward."""
        name, own = definition.simple_name, definition.statement
        if own.text.count(name) > 1 and callers.passes(own, name, parameter, position):
            return True
        rest = f"{parameter}\0{position}"
        return self._is_said(definition, lambda each: callers.passes(each, name, parameter, position), UNPASSED, rest)

    def calls(self, definition: Definition, method: str) -> bool:
        """Whether other classes and functions that name a class call a method of this name, of something but `self`."""
        return self._is_said(definition, lambda each: callers.calls(each, method), UNCALLED, method)

    def _is_said(self, definition: Definition, says: Callable[[Statement], bool], unsaid: str, rest: str) -> bool:
        """Whether one of the classes and functions that name another one says something.

        unsaid: the kind of dependency which says, with `rest`, that none does. Else only that one counts.
        """
        path, name = definition.path, definition.simple_name
        for facts, statement in self._other_mentions(definition):
            if says(statement):
                for each in (name, *facts.called(name)):
                    self.depend(CALLERS, f"{path}\0{each}\0{facts.path}")
                return True
        self.depend(unsaid, f"{path}\0{name}\0{rest}")
        return False

    def mentioning(self, definition: Definition) -> Iterator[Statement]:
        """The other classes and functions of the workspace that name a class or function."""
        for _, statement in self.placed_mentions(definition):
            yield statement

    def placed_mentions(self, definition: Definition) -> Iterator[tuple[FileFacts, Statement]]:
        """The same, with their files.

        What is being read rests on whether they name it, and on what `callers.changed_names` tells of; who reads more
        of a statement must rest on that, too.
        """
        path, name = definition.path, definition.simple_name
        self.depend(CALLERS, f"{path}\0{name}")
        last: FileFacts | None = None
        for placed in self._other_mentions(definition):
            if placed[0] is not last:
                last = placed[0]
                for other in last.called(name):
                    self.depend(CALLERS, f"{path}\0{other}")
            yield placed

    def _other_mentions(self, definition: Definition) -> Iterator[tuple[FileFacts, Statement]]:
        """The same, resting on what only an edit asks for."""
        name = definition.simple_name
        self.depend("calls", name)
        last: FileFacts | None = None
        for placed in self.project.mentions(definition.path, name):
            if placed[1] is not definition.statement:
                if placed[0] is not last:  # those of a file come together
                    last = placed[0]
                    for other in last.called(name):
                        self.depend("calls", other)
                yield placed


def last_name_differs(found: Assigned, node: ast.Name) -> bool:
    """Guards against `Conv = Conv`."""
    return not (isinstance(found.value, ast.Name) and found.value.id == node.id)


def _portable(value: Value) -> Value:
    """A result without the modules of the model that made it."""
    if isinstance(value, Tensor):
        if value.origin == "input":
            return Tensor("layer", value.definite, value.optional)
        if value.fixed is not None:
            return Tensor(value.origin, value.definite, value.optional, value.rank, value.rows, value.boolean)
        return value
    if isinstance(value, Sequence):
        items = [_portable(each) for each in value.items] if value.items is not None else None
        return Sequence(items, _portable(value.element), value.kind)
    if isinstance(value, Dictionary):
        element = _portable(value.element) if value.element is not None else None
        return Dictionary({key: _portable(each) for key, each in value.items.items()}, element)
    return TENSORISH if value is UNKNOWN or value is SUM else value


_COMPILES = frozenset(
    f"torch.jit.{name}" for name in ("script", "script_method", "script_if_tracing", "_script_if_tracing")
)

_BUILTIN_NAMES = frozenset({"property", "staticmethod", "classmethod", "super", "object", "dict", "list", "tuple"})
