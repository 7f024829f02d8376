"""Reads one function of an edited statement again, with what the statement's last reading passed to it.

A keystroke changes one function, and the person waits. What models do outside it stays as it was last read; what the
edit may have changed there is found out when the statement is read in full, once nobody waits.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ..finding import Draft, Spot
from .apart import Apart, SetUp, set_apart, set_up_again
from .definitions import Definition, FunctionNode
from .edited import Change, changed_function, same_code
from .facts import Entry, EntryKey, Parameter, Site, Trace, Unit
from .file_facts import FileFacts
from .index import Index
from .machine import Machine
from .model import Built
from .source import Statement
from .units import add_trace
from .ways import without_optional_loops


@dataclass(eq=False, slots=True)
class Reading:
    """What was read of a statement, and found: to go on from while it is being edited.

    asked: what stands for the settings it was judged with. models: its models, as (class, `__init__`, `forward`).
    traces: of every model that runs code of it; made: what every `__init__` that does so builds.
    """

    statement: Statement
    asked: int
    drafts: Sequence[Draft]
    models: list[tuple[Definition, Built | None, Trace | None]] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    built: list[Built] = field(default_factory=list)

    @classmethod
    def of(cls, unit: Unit, asked: int, drafts: Sequence[Draft]) -> Reading:
        """What a unit was read from."""
        definitions = [model.definition for model in unit.models]
        traces = [unit.index.trace(each) for each in definitions]
        read = [trace if any(trace is each for each in unit.traces) else None for trace in traces]
        models = [(each, unit.index.built(each), trace) for each, trace in zip(definitions, read)]
        return cls(unit.statement, asked, drafts, models, unit.traces, unit.built)


class Again(NamedTuple):
    """What reading an edited statement again found.

    unit: what the edited code does; None where the edit left it as it was. first, end: the lines of the edited
    function, or of those of its statements that alone were read again. head: where the members of its class begin.
    """

    change: Change
    unit: Unit | None = None
    first: int = 0
    end: int = 0
    head: int = 0

    def covers(self, spot: Spot) -> bool:
        """Whether a finding there is told anew: in what was read again, or of its class as a whole."""
        line = spot.span.line
        return self.first <= line < self.end or line < self.head

    def covered(self, spot: Spot) -> bool:
        """The same for where a finding stood before the edit."""
        line = spot.span.line
        return self.first <= line < self.end - self.change.moved or line < self.head


def read_again(index: Index, facts: FileFacts, statement: Statement, reading: Reading) -> Again | None:
    """Read what an edit changed; None where that is more than one function's body."""
    old = reading.statement
    change = statement.change_since(old)
    edited = changed_function(old.body, statement.body, change, old.lines)
    if edited is None:
        return None
    if same_code(edited.before, edited.now, change):
        return Again(change)
    before, now = _function(facts, old, edited.before), _function(facts, statement, edited.now)
    if before is None or now is None:
        return None
    key = (facts.path, statement.key, now.name)
    sets_up = [definition for definition, built, _ in reading.models if built is not None and key in built.entered]
    apart: Apart | None = None
    if any(key in built.entered for built in reading.built):
        apart = set_apart(edited, change, old.lines, statement.lines) if sets_up else None
        if apart is None:
            return None  # everything rests on what is set up
    result = Unit(facts.path, facts, statement, index)
    models = {definition: _counterpart(facts, statement, definition) for definition, _, _ in reading.models}
    fresh = {}
    for trace in reading.traces:
        if not trace.entries:
            return None  # read before anybody meant to edit here
        fresh[trace] = _run(index, trace, before, now, key, models)
        _repeat(trace, fresh[trace], before, change)
    parts: dict[Definition, SetUp | None] = {}
    for definition, built, known in reading.models:
        model = models[definition]
        if model is None:
            return None
        index.assume(("trace", model, ""), known and _merged(known, fresh.get(known), before, now, model))
        if definition not in sets_up:
            index.stand_in(definition, model)
            index.assume(("built", model, ""), built)
        elif apart is not None and built is not None:
            parts[model] = set_up_again(index, built, model, before, now, models, apart)
        result.models.append(index.model(model))
    alone = bool(parts) and all(part is not None for part in parts.values())
    for model, part in parts.items():
        if alone and part is not None:
            index.assume(("built", model, ""), part.whole)
        set_up = part.fresh if alone and part is not None else index.built(model)
        if set_up is not None:
            result.reuses.extend(set_up.reuses)
            result.made.extend(set_up.made)
    for trace in fresh.values():
        result.made.extend(trace.made)
        add_trace(result, trace, statement)
    result.finish()
    if alone and apart is not None:
        return Again(change, result, change.first, apart.end, edited.head)
    return Again(change, result, edited.first, edited.end, edited.head)


def _function(facts: FileFacts, statement: Statement, node: FunctionNode) -> Definition | None:
    """The definition of a statement's function, or of a method of its class."""
    top = facts.definition(statement)
    if top is None or top.node is node:
        return top
    method = top.method(getattr(node, "name", ""))
    return method if method is not None and method.node is node else None


def _counterpart(facts: FileFacts, statement: Statement, definition: Definition) -> Definition | None:
    """The class of the same name in another version of its statement."""
    if definition.parent is None:
        return facts.definition(statement)
    outer = _counterpart(facts, statement, definition.parent)
    for child in getattr(outer.node, "body", ()) if outer is not None else ():
        if type(child) is type(definition.node) and getattr(child, "name", "") == definition.simple_name:
            return outer.inner(child)  # type: ignore[union-attr]
    return None


def _run(
    index: Index,
    trace: Trace,
    before: Definition,
    now: Definition,
    key: EntryKey,
    models: Mapping[Definition, Definition | None],
) -> Trace:
    """What the function does now in one model, run as often as the model ran it."""
    m = Machine(index, models.get(trace.model) or trace.model, building=False)
    m.standing = dict(_standing(trace, before))
    for entry in trace.entries.get(key, ()):
        m.resume(now, entry, models)
    m.trace.reuses = without_optional_loops(m.trace.reuses, [*trace.uses, *m.trace.uses])
    return m.trace


def _repeat(known: Trace, fresh: Trace, before: Definition, change: Change) -> None:
    """Mark what ran several times before the edit, and stands elsewhere now: the runs were told apart by its nodes."""
    repeated = {
        (operation.symbol, operation.node.lineno, operation.node.col_offset)
        for operation in known.operations
        if operation.repeated and operation.site.function is before
    }
    for operation in fresh.operations if repeated else ():
        line = operation.node.lineno
        stood = line - change.moved if line > change.end else line
        changed = change.first < line <= change.end
        if not changed and (operation.symbol, stood, operation.node.col_offset) in repeated:
            operation.repeated = True


def _standing(trace: Trace, before: Definition) -> Iterator[tuple[EntryKey, list[Entry]]]:
    """The functions whose results are taken as they were: all but the edited one and those inside it."""
    inside = f"{before.name}."
    for key, entries in trace.entries.items():
        path, statement, name = key
        here = (path, statement) == (before.path, before.statement.key)
        if not (here and (name == before.name or name.startswith(inside))):
            yield key, entries


def _merged(known: Trace, fresh: Trace | None, before: Definition, now: Definition, model: Definition) -> Trace:
    """What a model does, with what the edited function does now in the place of what it did."""
    if fresh is None:
        return known

    def elsewhere(site: Site) -> bool:
        function = site.function
        return function is not before and not (
            function.statement is before.statement and function.name.startswith(f"{before.name}.")
        )

    return replace(
        known,
        model=model,
        operations=[*(each for each in known.operations if elsewhere(each.site)), *fresh.operations],
        uses=[*(each for each in known.uses if elsewhere(each.site)), *fresh.uses],
        reuses=[*(each for each in known.reuses if elsewhere(each.second.site)), *fresh.reuses],
        flows=[*(each for each in known.flows if elsewhere(each.site)), *fresh.flows],
        made=[*known.made, *fresh.made],
        parameters=_parameters(known, before, now),
        returns=fresh.returns or known.returns,
        result=fresh.result or known.result,
    )


def _parameters(known: Trace, before: Definition, now: Definition) -> list[Parameter]:
    """The parameters of a model's `forward`, as they stand now if it is the edited function: its head is the same."""
    places = {id(old): new for old, new in zip(_arguments(before), _arguments(now))}
    return [replace(each, node=places.get(id(each.node), each.node)) for each in known.parameters]


def _arguments(function: Definition) -> list[ast.arg]:
    assert not isinstance(function.node, ast.ClassDef)
    arguments = function.node.args
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
