"""Lists of modules that a loop walks, beside which a repair puts another list."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ..reading.definitions import Definition
from ..reading.values import Unknown, options
from . import support

if TYPE_CHECKING:
    from ..reading.facts import Operation, Unit
    from ..reading.index import Index


def walked(index: Index, owner: Definition | None, loop: ast.AST | None) -> str | None:
    """The attribute of `self` that a `for` loop walks, also through `enumerate` and beside others in `zip`.

    None where the list may be longer than `__init__` leaves it: walked beside a second one it would be cut short.
    """
    if not isinstance(loop, ast.For) or owner is None:
        return None
    (iterated,) = _arguments_of(loop.iter, "enumerate")[:1] or (loop.iter,)
    lists = map(support.attribute_of, _arguments_of(iterated, "zip") or [iterated])
    return next((each for each in lists if each is not None and _is_kept(index, owner, each)), None)


def _is_kept(index: Index, owner: Definition, attribute: str) -> bool:
    return bool(index.remember(("kept", owner, attribute), lambda: _stays(index, owner, attribute)))


def _stays(index: Index, owner: Definition, attribute: str) -> bool:
    """Whether a list is assigned, so that another can be made after it, and stays as long as `__init__` leaves it."""
    assigned = re.compile(rf"\.{attribute}\b[^=\n]*=(?!=)")
    classes = [each for each in index.order(owner) if isinstance(each, Definition)]
    if not any(assigned.search(each.source) for each in classes):
        return False  # registered by a call, a buffer for one: where that is done is not looked for
    built = index.built(owner)
    value = built.attributes.get(attribute) if built is not None else None
    if value is None or all(isinstance(each, Unknown) for each in options(value)):
        return False  # what the constructor is given may be None, or can be walked only once
    return not _grows_later(index, owner, attribute)


def _arguments_of(node: ast.expr, function: str) -> list[ast.expr]:
    """What a call of a plain function is given, nothing where it is none."""
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function
    return node.args if called and isinstance(node, ast.Call) else []


def _grows_later(index: Index, owner: Definition, attribute: str) -> bool:
    """Whether a list may get more elements after `__init__`; a part of itself in its place is no longer than it was."""
    grows = (
        rf"\.{attribute}(?:\.(?:append|extend|insert)\(|\[[^]\n]*\]\s*=(?!=)"
        rf"|\s*\+=|\s*(?::[^=\n]*)?=(?!=)(?!\s*\w+\.{attribute}\[))"
    )
    bases = [each for each in index.order(owner) if isinstance(each, Definition)]
    classes = [*bases, *support.subclasses(index, owner)]
    methods = [
        each.statement.source(node)
        for each in classes
        for name, node in each.methods.items()
        if name != "__init__" or each not in bases  # what a subclass adds comes after
    ]
    if any(_is_handed_out(each.inner(node), attribute) for each in classes for node in each.methods.values()):
        return True
    # Elsewhere `self` is another class's.
    elsewhere: list[str] = []
    for facts, statement in index.placed_mentions(owner):
        index.depend(facts.path, statement.name)
        elsewhere.append(statement.text)
    return any(re.search(grows, text) for text in methods) or any(
        re.search(rf"(?<!self){grows}", text) for text in elsewhere
    )


# What reads a list that it is given.
_READERS = frozenset(
    "ModuleList Sequential all any deepcopy dict enumerate filter getattr hasattr isinstance iter len list map max min "
    "print range reversed set sorted str sum tuple type zip".split()
)
_FILLS = frozenset({"append", "extend", "insert"})


def _is_handed_out(method: Definition, attribute: str) -> bool:
    """Whether a list of `self` is passed to a function that may fill it, or filled under a name of its own."""
    names: dict[str, int] = {}
    for node in method.parts.of(ast.Assign):
        sides = (*node.targets, node.value)
        if any(support.attribute_of(each) == attribute for each in sides):
            names.update({each.id: node.lineno for each in sides if isinstance(each, ast.Name)})
    filled: list[ast.expr] = [node.target for node in method.parts.of(ast.AugAssign)]
    for call in method.parts.of(ast.Call):
        called = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if called not in _READERS and any(support.attribute_of(each) == attribute for each in call.args):
            return True
        if isinstance(call.func, ast.Attribute) and called in _FILLS:
            filled.append(call.func.value)
    return any(isinstance(each, ast.Name) and each.lineno > names.get(each.id, each.lineno) for each in filled)


def walked_around(unit: Unit, operation: Operation) -> str | None:
    """The attribute of `self` that the one loop around an operation walks."""
    return walked(unit.index, operation.site.owner, operation.loops[0]) if len(operation.loops) == 1 else None
