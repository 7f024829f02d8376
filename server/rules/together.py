"""Which repairs can be carried out at once.

Not those that give related classes an attribute of the same name, nor those that make a class of modules and those
that register it as one operation: after the one there is no need of the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from ..finding import CallModule, Change, InsertStatements, NewModule, Repair, ReplaceCallee, ReplaceText, Safety, Step
from ..reading.definitions import Definition
from ..reading.index import Index
from . import support


def at_once(index: Index, repairs: Iterable[Repair]) -> list[bool]:
    """For each repair, whether it goes together with those before it; another one waits until they are done.

    A subclass would replace the module that its base is given under the same name. A class is registered first where
    its own weights are quantized only so, and else after it is made of modules, which leaves nothing to register.
    """
    repairs = list(repairs)
    composed = {owner for each in repairs if each.safety is Safety.SAFE for owner, _ in _modules(index, each)}
    registered = {
        owner for each in repairs for owner in _registered(index, each) if not _is_any_of(index, owner, composed)
    }
    given: dict[str, set[Definition]] = {}
    kin: dict[Definition, set[Definition]] = {}
    found: list[bool] = []
    for repair in repairs:
        named = list(_modules(index, repair))
        fits = registered.issuperset(_registered(index, repair))
        fits = fits and (repair.safety is Safety.SAFE or registered.isdisjoint(owner for owner, _ in named))
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
        owner = _changed(index, change)
        if owner is not None:
            yield from ((owner, module) for step in change.steps for module in _made(step))


def _registered(index: Index, repair: Repair) -> Iterator[Definition]:
    """The classes that a repair registers with AIMET: it only adds statements after them."""
    for change in repair.changes:
        owner = _changed(index, change)
        if owner is not None and all(isinstance(step, InsertStatements) for step in change.steps):
            yield owner


def _is_any_of(index: Index, owner: Definition, classes: Set[Definition]) -> bool:
    return any(each in classes for each in index.order(owner))


def _changed(index: Index, change: Change) -> Definition | None:
    facts = index.project.files.get(change.path)
    statement = facts.source.by_key.get(change.key) if facts is not None else None
    return facts.definition(statement) if facts is not None and statement is not None else None


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
