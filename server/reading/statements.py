"""Runs statements."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import conditions, expressions, iteration, operators, ranges
from .annotations import from_annotation, settled
from .facts import Return
from .syntax import statements_below, walk
from .values import (
    NONE,
    UNKNOWN,
    Class,
    Const,
    Dictionary,
    Function,
    Instance,
    Module,
    Number,
    Sequence,
    Tensor,
    Unknown,
    Value,
    join,
)

if TYPE_CHECKING:
    from .machine import Loop, Machine, State


def _expression(m: Machine, node: ast.Expr) -> bool:
    expressions.evaluate(m, node.value)
    return True


def _assign(m: Machine, node: ast.Assign) -> bool:
    value = expressions.evaluate(m, node.value)
    for target in node.targets:
        m.assign(target, value, node, node.value)
    return True


def _annotated(m: Machine, node: ast.AnnAssign) -> bool:
    if node.value is not None:
        value = expressions.evaluate(m, node.value)
        if isinstance(value, Unknown):
            value = from_annotation(m, node.annotation) or value
        value = settled(value, node.annotation, lambda: from_annotation(m, node.annotation))
        m.assign(node.target, value, node, node.value)
    return True


def _augmented(m: Machine, node: ast.AugAssign) -> bool:
    operators.augmented(m, node)
    return True


def _return(m: Machine, node: ast.Return) -> bool:
    value = expressions.evaluate(m, node.value) if node.value is not None else NONE
    frame = m.frame
    frame.returns.append(value)
    frame.exits.append(dict(m.uses))
    if len(m.active) == 1 and not m.building and m.is_forward(m.active[0]):
        m.trace.returns.append(Return(node.value, node, value))
    return False


def _raise(m: Machine, node: ast.Raise) -> bool:
    return False


def _leave_round(m: Machine, node: ast.stmt) -> bool:
    if m.round_ends:
        m.round_ends[-1].append(m.save())
    return False


def _if(m: Machine, node: ast.If) -> bool:
    known = conditions.truth(m, node.test, "if")
    chosen = node.body if known else node.orelse
    if known is not None and chosen and isinstance(chosen[-1], ast.Raise):
        # Nobody traces a model that raises: then what is taken for known of the input is not so.
        known = None
    traced, plain = conditions.asks_for_tracing(node.test)
    if known is not None:
        only_traced, passed = (traced, node.orelse) if known else (plain, node.body)
        start = m.save() if only_traced else None
        conditions.refine(m, node.test, known)
        alive = _branch(m, node.body if known else node.orelse, only_traced)
        if alive and start is not None:
            _join_untraced(m, node.test, not known, passed, start)
        return alive
    before = m.save()
    conditions.refine(m, node.test, True)
    pinned, picked = m.pinned, m.picked
    one_round, unknown_round = conditions.pinned_loops(m, node.test)
    m.pinned, m.picked = pinned | one_round, picked | unknown_round
    alive = _branch(m, node.body, traced)
    m.pinned, m.picked = pinned, picked
    after = m.save()
    m.restore(before)
    conditions.refine(m, node.test, False)
    if _branch(m, node.orelse, plain):
        if alive:
            m.merge(after)
        return True
    if alive:
        m.restore(after)
    return alive


def _branch(m: Machine, body: list[ast.stmt], only_traced: bool) -> bool:
    m.only_traced += only_traced
    alive = m.run(body)
    m.only_traced -= only_traced
    return alive


def _join_untraced(m: Machine, test: ast.expr, holds: bool, body: list[ast.stmt], start: State) -> None:
    """Join what names hold where nobody traces: what computes with them later must suit that, too."""
    frame, after = m.frame, m.save()
    m.restore(start)
    conditions.refine(m, test, holds)
    left: list[list[Any]] = [frame.returns, frame.exits, frame.yields, m.trace.returns, *m.round_ends]
    lengths = [len(each) for each in left]
    m.silent += 1
    alive = m.run(body)
    m.silent -= 1
    for each, length in zip(left, lengths):
        del each[length:]  # no trace leaves here
    if alive:
        m.merge(after)
    else:
        m.restore(after)


def _for(m: Machine, node: ast.For) -> bool:
    iterated = expressions.evaluate(m, node.iter)
    rounds, element = iteration.iterate(m, iterated, node.iter)
    if rounds == 0:
        return m.run(node.orelse)
    if rounds == 1 or _leaves(node.body):
        without = m.save() if rounds != 1 else None
        m.assign(node.target, element(None), node, None)
        return _one_round(m, node, without)
    before = m.save()
    with m.looping(node, ranges.runs_once(iterated)) as loop:
        _rounds(m, loop, lambda: m.assign(node.target, element(loop), node, None), node.body)
    for exit_state in (before, *loop.exits):
        m.merge(exit_state)
    return m.run(node.orelse)


def _while(m: Machine, node: ast.While) -> bool:
    if conditions.truth(m, node.test, "while") is False:
        return m.run(node.orelse)
    if _leaves(node.body):
        return _one_round(m, node, m.save())
    before = m.save()
    with m.looping(node) as loop:
        _rounds(m, loop, lambda: None, node.body)
    for exit_state in (before, *loop.exits):
        m.merge(exit_state)
    return m.run(node.orelse)


def _leaves(body: list[ast.stmt]) -> bool:
    """Whether a loop's body never gets to a second round: each way through it ends in `return`, `raise` or `break`."""
    return _ends_loop(body[-1]) and not any(_has_continue(statement) for statement in body)


def _ends_loop(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If):
        return bool(statement.orelse) and _ends_loop(statement.body[-1]) and _ends_loop(statement.orelse[-1])
    if isinstance(statement, ast.With):
        return _ends_loop(statement.body[-1])
    return isinstance(statement, (ast.Return, ast.Raise, ast.Break))


def _has_continue(statement: ast.stmt | ast.ExceptHandler) -> bool:
    """Whether a `continue` of the loop around it stands in a statement."""
    if isinstance(statement, (ast.For, ast.While, ast.FunctionDef, ast.ClassDef)):
        return False
    return isinstance(statement, ast.Continue) or any(
        _has_continue(child)
        for child in ast.iter_child_nodes(statement)
        if isinstance(child, (ast.stmt, ast.ExceptHandler))
    )


def _one_round(m: Machine, node: ast.For | ast.While, without: State | None) -> bool:
    """Run a loop that ends after its first round. without: the state where it may run not at all."""
    m.round_ends.append([])
    alive = m.run(node.body)
    ends = m.round_ends.pop()
    if alive:
        alive = m.run(node.orelse)
    ends.extend([without] if without is not None else [])
    if not alive and ends:
        m.restore(ends.pop())
        alive = True
    for end in ends:
        m.merge(end)
    return alive


def _rounds(m: Machine, loop: Loop, start: Callable[[], None], body: list[ast.stmt]) -> None:
    """Run a loop's body, again where the first round changed what it starts from."""
    for name in counters(body):
        # A number that the rounds count up is another one in each.
        counted, key = m.frame.names.get(name), ("counter", name, loop.number)
        if isinstance(counted, Number):
            varies = counted.varies | {loop.number}
            m.frame.names[name] = Number(counted.kind, counted.shape, counted.data, varies, counted.read, key)
        elif isinstance(counted, Const) and isinstance(counted.value, (int, float)):
            m.frame.names[name] = Number("number", varies=frozenset({loop.number}), key=key)
    first, uses = dict(m.frame.names), dict(m.uses)
    start()
    m.run(body)
    changed = {
        name: join(value, m.frame.names[name])
        for name, value in first.items()
        if name in m.frame.names and _differs(value, m.frame.names[name])
    }
    if changed:
        # The second reading stands for the same rounds: what the first one used is not used before it.
        m.frame.names.update(changed)
        used, m.uses = m.uses, uses
        start()
        m.run(body)
        m.uses = {**used, **m.uses}


def counters(body: list[ast.stmt]) -> list[str]:
    """The names that a loop's body counts with: `i += 1`, `i = i + 1`."""
    found: dict[str, None] = {}
    for node in statements_below(body):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            if isinstance(node.op, (ast.Add, ast.Sub)):
                found[node.target.id] = None
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
            target, left = node.targets[0], node.value.left
            if isinstance(target, ast.Name) and isinstance(left, ast.Name) and left.id == target.id:
                found[target.id] = None
    return list(found)


def _differs(left: Value, right: Value) -> bool:
    if left is right:
        return False
    if type(left) is not type(right):
        return True
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return (
            left.definite != right.definite
            or left.optional != right.optional
            or (left.fixed is None) is not (right.fixed is None)
        )
    if isinstance(left, Const) and isinstance(right, Const):
        return left.value is None or right.value is None or type(left.value) is not type(right.value)
    return isinstance(left, (Sequence, Dictionary)) and left is not right


def _with(m: Machine, node: ast.With) -> bool:
    for item in node.items:
        value = expressions.evaluate(m, item.context_expr)
        if item.optional_vars is not None:
            m.assign(item.optional_vars, UNKNOWN if not isinstance(value, Instance) else value, node, None)
    return m.run(node.body)


def _try(m: Machine, node: ast.Try) -> bool:
    before = m.save()
    alive = m.run(node.body) and m.run(node.orelse)
    ends = [m.save()] if alive else []
    for handler in node.handlers:
        m.restore(before)
        if handler.name:
            m.bind_name(handler.name, UNKNOWN)
        if m.run(handler.body):
            ends.append(m.save())
    if ends:
        m.restore(ends[0])
        for end in ends[1:]:
            m.merge(end)
    if not m.run(node.finalbody):
        return False
    return bool(ends)


def _match(m: Machine, node: ast.Match) -> bool:
    expressions.evaluate(m, node.subject)
    before = m.save()
    ends = []
    for case in node.cases:
        m.restore(before)
        for part in walk(case.pattern):
            name = getattr(part, "name", None)
            if isinstance(name, str):
                m.bind_name(name, UNKNOWN)
        if m.run(case.body):
            ends.append(m.save())
    m.restore(before)
    for end in ends:
        m.merge(end)
    return True


def _assert(m: Machine, node: ast.Assert) -> bool:
    known = conditions.truth(m, node.test, "assert")
    conditions.refine(m, node.test, True)
    return known is not False or m.building or not isinstance(node.test, ast.Constant)


def _define(m: Machine, node: ast.FunctionDef) -> bool:
    definition = m.frame.site.function.inner(node)
    closure = {**m.frame.closure, **m.frame.names}
    m.frame.names[node.name] = Function(definition, closure=closure, lexical_class=m.frame.site.owner)
    return True


def _define_class(m: Machine, node: ast.ClassDef) -> bool:
    m.frame.names[node.name] = Class(m.frame.site.function.inner(node))
    return True


def _delete(m: Machine, node: ast.Delete) -> bool:
    for target in node.targets:
        if isinstance(target, ast.Name):
            m.frame.names.pop(target.id, None)
        elif isinstance(target, ast.Attribute):
            holder = expressions.evaluate(m, target.value)
            if isinstance(holder, Module) and holder.attributes is not None:
                m.noted += 1
                holder.attributes.pop(target.attr, None)
    return True


def _import(m: Machine, node: ast.Import) -> bool:
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        target = alias.name if alias.asname else name
        m.frame.names[name] = m.bind(m.index.resolve(target, m.frame.site.path), m.frame.site.path)
    return True


def _import_from(m: Machine, node: ast.ImportFrom) -> bool:
    for alias in node.names:
        dotted = m.index.absolute(node, m.frame.site.path)
        found = m.index.resolve(f"{dotted}.{alias.name}", m.frame.site.path)
        m.frame.names[alias.asname or alias.name] = m.bind(found, m.frame.site.path)
    return True


EXECUTE: dict[type[ast.AST], Callable[[Machine, Any], bool]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Break: _leave_round,
    ast.Continue: _leave_round,
    ast.If: _if,
    ast.For: _for,
    ast.While: _while,
    ast.With: _with,
    ast.Try: _try,
    ast.Match: _match,
    ast.Assert: _assert,
    ast.FunctionDef: _define,
    ast.ClassDef: _define_class,
    ast.Delete: _delete,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
}


if hasattr(ast, "TryStar"):
    EXECUTE[ast.TryStar] = _try
