"""Which repairs can be carried out at once: not those that give related classes an attribute of the same name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..finding import CallModule, NewModule, Repair, ReplaceCallee, ReplaceText, Step
from ..reading.definitions import Definition
from ..reading.index import Index
from . import support


def at_once(index: Index, repairs: Iterable[Repair]) -> list[bool]:
    """For each repair, whether it goes together with those before it; another one waits until they are done.

    A subclass would replace the module that its base is given under the same name.
    """
    given: dict[str, list[Definition]] = {}
    found: list[bool] = []
    for repair in repairs:
        named = [(owner, each.name) for owner, each in _modules(index, repair)]
        fits = not any(
            other is not owner and _related(index, owner, other)
            for owner, name in named
            for other in given.get(name, ())
        )
        found.append(fits)
        if fits:
            for owner, name in named:
                given.setdefault(name, []).append(owner)
    return found


def _modules(index: Index, repair: Repair) -> Iterator[tuple[Definition, NewModule]]:
    for change in repair.changes:
        facts = index.project.files.get(change.path)
        statement = facts.source.by_key.get(change.key) if facts is not None else None
        owner = facts.definition(statement) if facts is not None and statement is not None else None
        if owner is not None:
            yield from ((owner, module) for step in change.steps for module in _made(step))


def _made(step: Step) -> tuple[NewModule, ...]:
    if isinstance(step, (CallModule, ReplaceCallee)):
        return (step.module,)
    return step.modules if isinstance(step, ReplaceText) else ()


def _related(index: Index, one: Definition, other: Definition) -> bool:
    """Whether an object can be both."""
    if _derives(index, one, other) or _derives(index, other, one):
        return True
    return any(_derives(index, each, other) for each in support.subclasses(index, one))


def _derives(index: Index, one: Definition, other: Definition) -> bool:
    return any(each is other for each in index.order(one))
