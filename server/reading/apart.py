"""What an edit touched in a set-up, where the rest of the class has nothing to do with it: read on its own.

While a line is typed into an `__init__`, what the lines above and below make is what they made.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from . import values
from .definitions import Definition
from .edited import Change, EditedFunction, first_line
from .facts import Use
from .index import Index
from .machine import Machine
from .model import Built
from .syntax import walk

# What reads attributes without naming them.
_READS_ANY = re.compile(r"\.(?:named_)?(?:children|modules)\(|\b(?:getattr|vars)\(|__dict__|\._modules\b")


_SAYS_SO = ("children(", "modules(", "getattr(", "vars(", "__dict__", "._modules")


def _reads_any(text: str) -> bool:
    # That a word does not stand there is found out much faster than that an expression does not match.
    return any(word in text for word in _SAYS_SO) and _READS_ANY.search(text) is not None


class Apart(NamedTuple):
    """The statements that an edit touched in a set-up, where all they do is to set attributes that no other line names:
    what else the class does is as it was.

    names: of these attributes. position: how many statements of its body stand above. before, now: those that stood
    there, and that stand there now. end: the line behind the last.
    """

    names: frozenset[str]
    position: int
    before: tuple[ast.stmt, ...]
    now: tuple[ast.stmt, ...]
    end: int


def set_apart(edited: EditedFunction, change: Change, old: Sequence[str], new: Sequence[str]) -> Apart | None:
    """What an edit touched in a set-up; None where that may matter to the rest of the class."""
    names: set[str] = set()
    end = change.end
    position, before = _touched(edited.before.body, change.first, change.old_end)
    _, now = _touched(edited.now.body, change.first, change.end)
    for statements, moved in ((before, change.moved), (now, 0)):
        for statement in statements:
            if first_line(statement) < change.first or not _sets_one(statement, names):
                return None
            end = max(end, (statement.end_lineno or 0) + moved)
    others = "\n".join((*new[: change.first], *new[end:]))
    if _reads_any(others) or _reads_any("\n".join(new[change.first : end])):
        return None
    if any(name in others and re.search(rf"\b{name}\b", others) for name in names):
        return None
    return Apart(frozenset(names), position, before, now, end)


def _touched(body: list[ast.stmt], first: int, end: int) -> tuple[int, tuple[ast.stmt, ...]]:
    """The statements from the line `first` up to `end`, and how many stand above."""
    position = sum((statement.end_lineno or 0) <= first for statement in body)
    return position, tuple(statement for statement in body[position:] if statement.lineno <= end)


def _sets_one(statement: ast.stmt, names: set[str]) -> bool:
    """Whether a statement does nothing, or only sets an attribute of `self` to something made for it."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, (ast.Name, ast.Attribute, ast.Constant))
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return False
    target = statement.targets[0]
    parts = walk(statement.value)
    if any(
        isinstance(part, (ast.NamedExpr, ast.Lambda)) or (isinstance(part, ast.Name) and part.id == "self")
        for part in parts
    ):
        return False
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        names.add(target.attr)
        return True
    return False


class SetUp(NamedTuple):
    """What a model sets up after such an edit: of the touched statements alone, and of all."""

    fresh: Built
    whole: Built


def set_up_again(
    index: Index,
    built: Built,
    model: Definition,
    before: Definition,
    now: Definition,
    models: Mapping[Definition, Definition | None],
    apart: Apart,
) -> SetUp | None:
    """Run the touched statements on what names held there; None where they have to do with what others make.

    built: what the model set up before the edit. before, now: the edited function.
    """
    [entry, *more] = built.entered[now.path, now.statement.key, now.name]
    if more or entry.loops or apart.position >= len(entry.states) or _set_by_bases(index, model, apart.names):
        return None
    names, count = entry.states[apart.position]
    if any(_may_change(names.get(name)) for name in _names_in(apart.now)):
        return None
    attributes = {name: value for name, value in built.attributes.items() if name not in apart.names}
    m = Machine(index, model, building=True)
    after = m.go_on(now, entry, names, apart.now, attributes, models)
    own = {module.identity for module in m.trace.made}
    if any(identity not in own for identity, _ in m.uses):
        return None  # a module that others made has a place here too
    fresh = Built({}, m.trace.made, m.trace.reuses)
    kept = []
    for reuse in built.reuses:
        first, second = (_stands_in(use, before, apart.before) for use in (reuse.first, reuse.second))
        if first is not second:
            return None  # and one that was made here had one there
        if not first:
            kept.append(reuse)
    made = [
        module
        for module in built.made
        if module.origin is None
        or module.origin.function is not before.node
        or not _is_among(module.origin.node, apart.before)
    ]
    items = list(attributes.items())
    added = [(name, value) for name, value in after.items() if name not in attributes]
    whole = Built(
        dict([*items[:count], *added, *items[count:]]),
        [*made, *fresh.made],
        [*kept, *fresh.reuses],
        built.dynamic,
        built.entered,
    )
    return SetUp(fresh, whole)


def _set_by_bases(index: Index, model: Definition, names: Iterable[str]) -> bool:
    """Whether a class that the model derives from may set attributes of these names too."""
    named = re.compile(rf"\b(?:{'|'.join(sorted(names)) or '(?!)'})\b")
    bases = [each for each in index.order(model)[1:] if isinstance(each, Definition)]
    return any(named.search(base.statement.text) for base in bases)


def _names_in(statements: Iterable[ast.stmt]) -> set[str]:
    """The names that the values read which these statements give to attributes."""
    given = [statement.value for statement in statements if isinstance(statement, ast.Assign)]
    return {part.id for value in given for part in walk(value) if isinstance(part, ast.Name)}


def _may_change(value: values.Value | None) -> bool:
    """Whether what a name holds may be another thing by the end of the set-up, or have a place in it."""
    if isinstance(value, values.Function):
        return bool(value.closure)
    return any(isinstance(each, _CHANGING) for each in values.options(value)) if value is not None else False


_CHANGING = (values.Sequence, values.Dictionary, values.Module, values.Instance)


def _stands_in(use: Use, function: Definition, statements: Iterable[ast.stmt]) -> bool:
    return use.site.function.node is function.node and _is_among(use.node, statements)


def _is_among(node: ast.AST, statements: Iterable[ast.stmt]) -> bool:
    line = node.lineno  # type: ignore[attr-defined]
    return any(each.lineno <= line <= (each.end_lineno or 0) for each in statements)
