"""Whether code of the workspace changes a list that a module returns: then the module cannot return a tuple.

A list that is handed on is followed: returned by the model that got it, or given to the next module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..reading.definitions import Definition, given_parameters
from ..reading.values import Sequence
from . import exchange
from .followers import Scope

if TYPE_CHECKING:
    from ..reading.index import Index

# Methods that a list has, and neither a tuple nor a tensor.
_CHANGES = frozenset("append extend insert pop remove reverse".split())
# Through so many modules a list is followed.
_DEPTH = 3


def is_changed(index: Index, definition: Definition, depth: int = 0) -> bool:
    """Whether what a model returns is changed: by who calls it, or by the model itself where several stand in a row."""
    if depth > _DEPTH:
        return False
    if not depth and _changes_its_own(index, definition):
        return True
    for use in exchange.uses_of(index, definition):
        site = use.site
        scope = Scope.of_function(site.statement, site.function.node)
        held = list(_held(scope, use.node))
        if _is_changed_in(index, site.model, scope, held, depth):
            return True
        is_forward = site.owner is not None and site.function.node is site.owner.methods.get("forward")
        if is_forward and any(isinstance(scope.parents.get(node), ast.Return) for node in held):
            if is_changed(index, site.owner, depth + 1):  # type: ignore[arg-type]
                return True
    return False


def _changes_its_own(index: Index, definition: Definition) -> bool:
    method, trace = definition.methods.get("forward"), index.trace(definition)
    if method is None or trace is None:
        return False
    scope = Scope.of_function(definition.statement, method)
    return any(
        _takes_a_list(node, scope.parents.get(node), isinstance(each.value, Sequence))
        for each in trace.parameters
        for node in _named(scope, each.name)
    )


def _is_changed_in(index: Index, model: Definition, scope: Scope, nodes: list[ast.AST], depth: int) -> bool:
    """Whether a function changes a list, or gives it to a module that does. nodes: what stands for the list there."""
    if any(_takes_a_list(node, scope.parents.get(node), True) for node in nodes):
        return True
    if depth >= _DEPTH:
        return False
    for node in nodes:
        for called, parameter in _given_to(index, model, scope, node):
            inside = Scope.of_function(called.statement, called.methods["forward"])
            if _is_changed_in(index, called, inside, list(_named(inside, parameter)), depth + 1):
                return True
    return False


def _given_to(index: Index, model: Definition, scope: Scope, node: ast.AST) -> Iterator[tuple[Definition, str]]:
    """The modules that get a value as an argument, with the parameter of `forward` that takes it."""
    around = scope.parents.get(node)
    call = scope.parents.get(around) if isinstance(around, ast.keyword) else around
    if not isinstance(call, ast.Call) or call.func is node:
        return
    trace = index.trace(model)
    for called in {use.module.definition for use in trace.uses if use.node is call} if trace is not None else ():
        method = called.methods.get("forward") if called is not None else None
        if called is None or method is None:
            continue
        if isinstance(around, ast.keyword):
            names = [around.arg] if around.arg is not None else []
        else:
            parameters = given_parameters(method)
            names = [each.arg for given, each in zip(call.args, parameters) if given is node]
        yield from ((called, name) for name in names)


def _held(scope: Scope, call: ast.AST) -> Iterator[ast.AST]:
    """The expressions of a function that stand for what a call yields."""
    yield call
    parent = scope.parents.get(call)
    for target in parent.targets if isinstance(parent, ast.Assign) and parent.value is call else ():
        if isinstance(target, ast.Name):
            again = _is_in_loop(scope, call)
            yield from (node for node in _named(scope, target.id) if again or node.lineno > target.lineno)


def _is_in_loop(scope: Scope, node: ast.AST | None) -> bool:
    while node is not None and not isinstance(node, (ast.For, ast.While)):
        node = scope.parents.get(node)
    return node is not None


def _named(scope: Scope, name: str) -> Iterator[ast.Name]:
    """Where a name is read, up to where it is bound to a list of the function's own (`features = list(features)`)."""
    names = scope.names(name)
    own = [node for node in names if not isinstance(node.ctx, ast.Load) and _makes_a_list(scope.parents.get(node))]
    last = min((node.lineno for node in own), default=None)
    return (node for node in names if last is None or node.lineno <= last)


def _makes_a_list(statement: ast.AST | None) -> bool:
    value = getattr(statement, "value", None)
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in ("list", "tuple")
    return isinstance(value, (ast.List, ast.Tuple, ast.ListComp))


def _takes_a_list(node: ast.AST, around: ast.AST | None, is_list: bool) -> bool:
    """Whether what is done with a value works with a list and not with a tuple.

    is_list: it is one; else only what no tensor can do counts.
    """
    if isinstance(around, ast.Attribute):
        return around.attr in _CHANGES or (is_list and around.attr in ("sort", "clear", "copy"))
    if isinstance(around, ast.Call):
        called = around.func.id if isinstance(around.func, ast.Name) else ""
        return called == "isinstance" and around.args[0] is node and _is_name(around.args[-1], "list")
    if not is_list:
        return False
    if isinstance(around, ast.Subscript):
        return around.value is node and not isinstance(around.ctx, ast.Load)
    if isinstance(around, ast.AugAssign):
        return around.target is node
    return isinstance(around, ast.BinOp) and isinstance(around.op, ast.Add)


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
