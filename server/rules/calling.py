"""Where the workspace calls a function, so that a repair can pass it one more argument."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..reading.definitions import CODE, Definition
from ..reading.memory import HANDED_ON
from . import support

if TYPE_CHECKING:
    from ..reading.index import Index
    from ..reading.source import Statement

_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Call(NamedTuple):
    """One call of a function that can take one more argument: it is no round of a loop.

    holder: the model in whose method it stands, or the function of the top level. method: the method's name, empty in
    a function.
    """

    node: ast.Call
    method: str
    statement: Statement
    path: str
    holder: Definition


class Calls(NamedTuple):
    """The calls of a function that can be followed; complete: there is no other use of it in the workspace."""

    found: list[Call]
    complete: bool


def calls_of(index: Index, function: Definition) -> Calls:
    """Every call of a function of the top level."""
    calls: Calls = index.remember(("calls of", function), lambda: _calls(index, function))
    return calls


def _calls(index: Index, function: Definition) -> Calls:
    found: list[Call] = []
    users = (function.path, *index.project.users(function.path))
    mentions = list(index.placed_mentions(function))  # makes this reading depend on who names the function
    names = _local_names(index, function, users)
    handed_on = any(_handed_on(index, path, local) for path, local in names.items())
    complete = not handed_on and not _passed_on(index, function)
    for facts, statement in mentions:
        index.depend(facts.path, statement.name)
        holder = facts.definition(statement)
        for node, around in _mentions(statement, names[facts.path]):
            if not isinstance(node, (ast.Name, ast.Attribute)) or index.named(node, facts.path) is not function:
                continue
            call = around[-1] if around else None
            method = None
            if isinstance(call, ast.Call) and call.func is node and holder is not None:
                method = _method(index, holder, call, around)
            if method is None or not isinstance(call, ast.Call) or holder is None:
                complete = False
            else:
                found.append(Call(call, method, statement, facts.path, holder))
    return Calls(found, complete)


def _local_names(index: Index, function: Definition, users: Sequence[str]) -> dict[str, frozenset[str]]:
    """By file, what a function may be called there: its own name, and those it is imported under."""
    files = index.project.files
    return {path: frozenset((function.simple_name, *files[path].called(function.simple_name))) for path in users}


def _handed_on(index: Index, path: str, names: frozenset[str]) -> bool:
    """Whether the code of a file outside functions and classes does more with a function than import it."""
    index.depend(path, CODE)
    # Most of it is tables, which need not be walked.
    said = (each for each in index.project.files[path].code if any(name in each.text for name in names))
    return any(not names.isdisjoint(statement.parts.names) for statement in said)


def _passed_on(index: Index, function: Definition) -> bool:
    """Whether a file gets a function from one that imports it, in a way that its calls are not found."""
    index.depend_on_workspace(HANDED_ON, function.path, function.simple_name)
    handed_on = index.project.handed_on(function.path, function.simple_name)
    return any(index.resolve(target, path) is function for path, target in handed_on)


def _mentions(statement: Statement, names: frozenset[str]) -> Iterator[tuple[ast.AST, list[ast.AST]]]:
    """Where one of some names is read, with the nodes around it, innermost last."""
    said = statement.parts.said
    mentions: list[ast.AST] = [node for name in sorted(names) for node in said.get(name, ())]
    parents = support.parents(statement) if mentions else {}
    those = set(mentions)
    for node in mentions:
        around: list[ast.AST] = []
        outer = parents.get(node)
        while outer is not None:
            around.append(outer)
            outer = parents.get(outer)
        around.reverse()
        if those.isdisjoint(around):  # the whole of `name.name` is one mention
            yield node, around


def _method(index: Index, holder: Definition, call: ast.Call, around: list[ast.AST]) -> str | None:
    """The method of a model that a call stands in, empty in a function; None where it cannot take one more argument."""
    if not call.args or any(keyword.arg is None for keyword in call.keywords):
        return None
    inside = [each for each in around if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))]
    if len(inside) != 1 or any(isinstance(each, _LOOPS) for each in around):
        return None
    if inside[0] is holder.node:
        return ""
    if not isinstance(holder.node, ast.ClassDef) or not index.is_model(holder):
        return None
    name = next((name for name, method in holder.methods.items() if method is inside[0]), None)
    return name if support.registration(index, holder).owner is not None else None
