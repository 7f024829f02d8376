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
    given: dict[str, set[Definition]] = {}
    kin: dict[Definition, set[Definition]] = {}
    found: list[bool] = []
    for repair in repairs:
        named = list(_modules(index, repair))
        fits = True
        for owner, module in named:
            others = given.get(module.name, set()) - {owner}
            if others and owner not in kin:
                kin[owner] = _kin(index, owner)
            fits = fits and not (others and others & kin[owner])
        found.append(fits)
        if fits:
            for owner, module in named:
                given.setdefault(module.name, set()).add(owner)
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


def _kin(index: Index, owner: Definition) -> set[Definition]:
    """The classes that an object of a class may be of too: its bases, its subclasses, and the other bases of those."""
    found = {each for each in index.order(owner) if isinstance(each, Definition)}
    for subclass in support.subclasses(index, owner):
        found.update(each for each in index.order(subclass) if isinstance(each, Definition))
    return found
