"""What a test has said on the way to a piece of code: two ways that answer one question differently never both run.

`if self.pre: x = self.norm(x)` and, further down, `if not self.pre: x = self.norm(x)` use `norm` once. A question is
one only while nothing it asks of is bound anew, which the interpreter counts.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from .values import Const, Module

if TYPE_CHECKING:
    from .facts import Reuse, Use
    from .machine import Machine

# (the question, the constant it compares with, whether it holds).
Answer = tuple[Hashable, Hashable, bool]
Way = frozenset[Answer]

# For each thing its first uses: several where the ways to them exclude each other.
Uses = dict[Any, tuple[tuple[Way, Any], ...]]

ANY_WAY: Way = frozenset()

# How often a name was bound, where each round of a loop binds it again.
IN_LOOP = -1

# Of one thing this many uses are kept apart; with more, the first counts whichever way is taken.
_KEPT_APART = 6

_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.NotEq: ast.Eq,
    ast.IsNot: ast.Is,
    ast.NotIn: ast.In,
    ast.GtE: ast.Lt,
    ast.LtE: ast.Gt,
}
_NONE = ("NoneType", None)
# Calls that answer the same each time they ask the same objects.
_TESTS = frozenset({"isinstance", "hasattr", "callable"})
_PURE = frozenset({"isinstance", "hasattr", "getattr", "callable", "size", "dim", "numel", "startswith", "endswith"})


def answers(m: Machine, test: ast.expr, holds: bool) -> list[Answer]:
    """What is known where a test holds, or does not."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return answers(m, test.operand, not holds)
    told: list[Answer] = []
    if isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.And) is holds:
            for operand in test.values:
                told.extend(answers(m, operand, holds))
    elif isinstance(test, ast.BinOp) and isinstance(test.op, ast.BitXor):
        for known, rest in ((_known(m, test.left), test.right), (_known(m, test.right), test.left)):
            if known is not None:
                return answers(m, rest, holds is not known)
        told.extend(_same(m, test.left, test.right, not holds))
    elif isinstance(test, ast.Compare) and len(test.ops) == 1:
        kind, right = type(test.ops[0]), test.comparators[0]
        if kind in _OPPOSITE:
            kind, holds = _OPPOSITE[kind], not holds
        if kind in (ast.Eq, ast.Is):
            told.extend(_same(m, test.left, right, holds))
        left, other = question(m, test.left), question(m, right)
        if left is not None and other is not None:
            if kind in (ast.Eq, ast.Is) and isinstance(right, ast.Constant):
                told.append((_asked(m, "is", left), other, holds))
            else:
                told.append((_asked(m, kind.__name__, left, other), None, holds))
        return told
    asked = question(m, test)
    if asked is not None and not isinstance(test, ast.Constant):
        told.append((_asked(m, "holds", asked), None, holds))
        if holds:
            told.append((_asked(m, "is", asked), _NONE, False))
    return told


def _known(m: Machine, node: ast.expr) -> bool | None:
    """The truth that an expression is: a constant, or an argument that this call passes."""
    held = m.frame.names.get(node.id) if isinstance(node, ast.Name) else None
    value = held.value if isinstance(held, Const) else node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, bool) else None


def _asked(m: Machine, *parts: Hashable) -> Hashable:
    """A question, marked where each round of a loop may answer it differently."""
    return (_IN_ROUND, parts) if m.frame.in_loop and _varies(parts) else parts


_IN_ROUND = "in this round"


def _varies(asked: Hashable) -> bool:
    return asked == _IN_ROUND or (isinstance(asked, tuple) and any(map(_varies, asked)))


def _same(m: Machine, left: ast.expr, right: ast.expr, holds: bool) -> list[Answer]:
    """What is known where two tests hold together, or exactly one of them does."""
    one = _in_one(m, left)
    other = _in_one(m, right) if one is not None else None
    return [] if one is None or other is None else [((_SAME, one, other), None, holds)]


_SAME = "both or neither"

# What these say does not hold for another round.
_OF_ONE_RUN = (_IN_ROUND, _SAME)


def _in_one(m: Machine, test: ast.expr) -> Answer | None:
    """The one answer that says no less than a test does; None of what may yield something else than a bool."""
    if isinstance(test, ast.Call):
        name = getattr(test.func, "id", "")
        asked = test.args[0] if name == "bool" and len(test.args) == 1 else test if name in _TESTS else None
        held = question(m, asked) if asked is not None else None
        return (_asked(m, "holds", held), None, True) if held is not None else None
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        told = answers(m, test.operand, False)
        return told[0] if len(told) == 1 else None
    if isinstance(test, ast.Compare):
        told = answers(m, test, True)
        return told[0] if len(told) == 1 else None
    return None


def follow(way: Way) -> Way:
    """The way with what its answers say of tests that hold together."""
    more: list[Answer] = []
    for asked, _, together in way:
        if asked[0] == _SAME:  # type: ignore[index]
            one, other = asked[1:]  # type: ignore[index]
            for (question, constant, held), (named, value, holds) in ((one, other), (other, one)):
                if (question, constant, held) in way:
                    more.append((named, value, holds is together))
                elif (question, constant, not held) in way:
                    more.append((named, value, holds is not together))
    return way.union(more) if more else way


def question(m: Machine, node: ast.expr) -> Hashable:
    """Equal for expressions that yield the same wherever they stand; None where that is not sure."""
    if isinstance(node, ast.Constant):
        return type(node.value).__name__, node.value
    if isinstance(node, ast.Name):
        return _name(m, node.id)
    if isinstance(node, ast.Attribute):
        held = question(m, node.value)
        return None if held is None else (held, node.attr, m.bound_anew.get(node.attr, 0))
    parts: list[ast.expr]
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name not in _PURE or node.keywords:
            return None
        parts = [node.func.value, *node.args] if isinstance(node.func, ast.Attribute) else node.args
    elif isinstance(node, ast.Subscript):
        name, parts = "item", [node.value, node.slice]
    elif isinstance(node, ast.BinOp):
        name, parts = type(node.op).__name__, [node.left, node.right]
    elif isinstance(node, ast.BoolOp):
        name, parts = type(node.op).__name__, node.values
    elif isinstance(node, ast.UnaryOp):
        name, parts = type(node.op).__name__, [node.operand]
    elif isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        name, parts = type(node).__name__, node.elts
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        name, parts = type(node.ops[0]).__name__, [node.left, *node.comparators]
    else:
        return None
    asked = tuple(question(m, part) for part in parts)
    return None if None in asked else (name, *asked)


def _name(m: Machine, name: str) -> Hashable:
    frame = m.frame
    local = frame.names.get(name)
    held = local if local is not None else frame.closure.get(name)
    if isinstance(held, Module) and held.is_self:
        return "self"
    if local is None:
        return (frame.site.path, name) if held is None else None
    times = frame.bound.get(name, 0)
    if times == IN_LOOP:
        return None
    return (_IN_ROUND, m.chain, name, times) if frame.in_loop else (m.chain, name, times)


def exclude(one: Way, other: Way) -> bool:
    """Whether code on one of these ways never runs in a run that takes the other."""
    if not one or not other:
        return False
    return any(
        question == asked
        and (holds is not held if constant == named else holds and held)
        and question[0] not in _OF_ONE_RUN  # type: ignore[index]
        for question, constant, holds in one
        for asked, named, held in other
    )


def former(uses: Uses, key: Any, way: Way) -> Any:
    """The first use of a thing that a run on this way has made; None where there is none."""
    for led, use in uses.get(key, ()):
        if not exclude(led, way):
            return use
    return None


def join(uses: Uses, others: Uses) -> None:
    """Add the uses of another branch."""
    for key, theirs in others.items():
        mine = uses.get(key)
        if mine is None:
            uses[key] = theirs
        elif mine is not theirs:
            # What is used on every way there, or on more of them, is used here too.
            added = [(way, use) for way, use in theirs if not any(led <= way for led, _ in mine)]
            if added:
                uses[key] = add(mine, *added)


def add(known: tuple[tuple[Way, Any], ...], *added: tuple[Way, Any]) -> tuple[tuple[Way, Any], ...]:
    """The first uses of a thing with others that came after them."""
    together = (*known, *added)
    return together if len(together) <= _KEPT_APART else ((ANY_WAY, together[0][1]),)


def without_optional_loops(reuses: list[Reuse], uses: list[Use]) -> list[Reuse]:
    """Leave out the loops that a setting puts in the place of one call: a model cuts its input to pieces on request."""
    single: dict[Any, list[Way]] = {}
    for use in uses:
        if use.loop is None and use.way:
            single.setdefault(use.module.identity, []).append(use.way)
    return [
        reuse
        for reuse in reuses
        if reuse.how != "loop"
        or not any(exclude(way, reuse.second.way) for way in single.get(reuse.second.module.identity, ()))
    ]
