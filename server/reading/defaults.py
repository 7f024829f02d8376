"""Numbers that a parameter's default says, and whether somebody in the workspace passes another.

`for _ in range(self.rounds)`, where `rounds` is 1 by default and nobody passes more, has one round.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import callers
from .definitions import CODE, Assigned, Definition, given_parameters
from .syntax import walk
from .values import Const, Number, Unknown, Usual, Value

if TYPE_CHECKING:
    from .index import Index
    from .machine import Machine
    from .source import Statement


# From a greater default no loop of one round comes: nobody leaves out so many. To keep few of them apart matters where
# the same set-up is read for many configurations: it is read once for all that differ in nothing kept.
_FEW = 2


def usual_number(default: Value | None, parameter: str, of: Definition | None = None) -> Usual | None:
    """What a parameter with this default is unless somebody passes another; None where the default is no integer."""
    number = default.value if isinstance(default, Const) else None
    return Usual(number, parameter, of) if type(number) is int and number <= _FEW else None


def with_usual(value: Value, usual: Usual | None) -> Value:
    """What is known of a number, with what it is by default."""
    if usual is None or not isinstance(value, Number):
        return value
    return Number(value.kind, value.shape, value.data, value.varies, value.read, value.key, usual)


def computed(operator: str, left: Value, right: Value) -> Usual | None:
    """What a sum or difference of a default and a constant is by default."""
    usual, constant = _usual(left), right
    if usual is None and operator == "add":
        usual, constant = _usual(right), left
    if usual is None or not isinstance(constant, Const) or type(constant.value) is not int:
        return None
    if operator not in ("add", "sub"):
        return None
    return usual._replace(more=usual.more + (constant.value if operator == "add" else -constant.value))


def _usual(value: Value) -> Usual | None:
    return value.usual if isinstance(value, (Number, Unknown)) else None


def is_at_most(m: Machine, value: Value, most: int) -> bool:
    """Whether a number is no greater than `most` by default, and nobody passes what makes it greater."""
    usual = _usual(value)
    if usual is None or usual.default + usual.more > most:
        return False
    if usual.of is None:
        m.noted += 1  # who makes this very model counts: for another one the answer may differ
    cls = usual.of or m.model
    key = ("passed at most", cls, usual.parameter, most - usual.more)
    known: bool = m.index.remember(key, lambda: _passes_at_most(m.index, cls, usual.parameter, most - usual.more))
    return known


def declared_default(index: Index, cls: Definition, name: str) -> Usual | None:
    """What an attribute of a plain class's objects is by default: the class body or its constructor says so."""
    bound = index.class_order(cls).value(name)
    found = index.method(cls, "__init__") if bound is None else None
    default = _integer(bound[1]) if bound is not None else _integers(found[1]).get(name) if found is not None else None
    return Usual(default, name, cls) if default is not None and default <= _FEW else None


def _integers(function: Definition) -> dict[str, int]:
    """The parameters of a function that are an integer by default."""
    known: dict[str, int] | None = function.memo.get("integers")
    if known is None:
        assert not isinstance(function.node, ast.ClassDef)
        known = function.memo["integers"] = dict(_integers_of(function.node.args))
    return known


def _integers_of(parameters: ast.arguments) -> Iterator[tuple[str, int]]:
    for name, default in callers.defaults(parameters):
        number = _integer(default)
        if number is not None:
            yield name, number


def _integer(node: ast.AST) -> int | None:
    """The value of an integer that is written out."""
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def _passes_at_most(index: Index, cls: Definition, parameter: str, most: int) -> bool:
    """Whether nobody is known to make an object of a class with more than `most` for a parameter."""
    index.depend_on_callers(cls.path, parameter)
    position = _position(index, cls, parameter)
    return not any(
        number > most
        for path, statement, name in _makers(index, cls)
        for given in _given(statement, name, parameter, position)
        for number in _numbers(index, path, statement, given)
    )


def _position(index: Index, cls: Definition, parameter: str) -> int | None:
    """The place of a parameter among those that a class's own constructor takes; None where it only has a name."""
    found = index.method(cls, "__init__")
    if found is None or not isinstance(found[1].node, ast.FunctionDef):
        return None
    names = [each.arg for each in given_parameters(found[1].node)]
    return names.index(parameter) if parameter in names else None


def _makers(index: Index, cls: Definition) -> Iterator[tuple[str, Statement, str]]:
    """The statements of the workspace that name a class, with their files and the name it has there."""
    files = index.project.files
    for facts, statement in index.placed_mentions(cls):
        index.depend(facts.path, statement.name)
        for name in (cls.simple_name, *facts.called(cls.simple_name)):
            yield facts.path, statement, name
    for path in (cls.path, *index.project.users(cls.path)):
        index.depend(path, CODE)
        for statement in files[path].code:
            for name in (cls.simple_name, *files[path].called(cls.simple_name)):
                yield path, statement, name


def _given(statement: Statement, name: str, parameter: str, position: int | None) -> Iterator[ast.expr]:
    """What calls in a statement pass for a parameter, to a class or to what may stand for it.

    What has another name in capitals is another class; `block(...)` and `partial(Block, ...)` may be this one.
    """
    if name not in statement.text:
        return
    for call in (node for root in statement.good.body for node in walk(root) if isinstance(node, ast.Call)):
        called = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if called[:1].isupper() and called != name:
            continue
        yield from (keyword.value for keyword in call.keywords if keyword.arg == parameter)
        if called == name and position is not None:
            yield from call.args[position : position + 1]


def _numbers(index: Index, path: str, statement: Statement, node: ast.expr) -> Iterator[int]:
    """The integers that an expression is known to be: a constant's, or by default that of a function around it."""
    written = _integer(node)
    if written is not None:
        yield written
    if not isinstance(node, ast.Name):
        return
    for function in (each for root in statement.good.body for each in walk(root)):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from (number for name, number in _integers_of(function.args) if name == node.id)
    found = index.lookup(path, node.id)
    if isinstance(found, Assigned) and found.index is None:
        yield from filter(None, [_integer(found.value)])
