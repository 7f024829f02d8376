"""Notes what reading a model finds: operations, uses of modules and their places, values that Python asks for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import ways
from .arguments import Arguments
from .facts import Flow, Operation, Reuse, Use
from .values import Fixed, Module, Number, Sequence, Value, join, options

if TYPE_CHECKING:
    from .machine import Machine


@contextmanager
def choosing(m: Machine, choices: list[Value]) -> Iterator[None]:
    """Call one of several values: where one of them was not used before, none is used again for sure."""
    unsure, modules = m.unsure, [each for each in choices if isinstance(each, Module)]
    m.unsure = unsure or not all(_is_used(m, each) for each in modules)
    try:
        yield
    finally:
        m.unsure = unsure


def _is_used(m: Machine, module: Module) -> bool:
    in_loop = any(loop.number not in module.varies | m.pinned for loop in m.loops)
    return in_loop or _earlier(m, module) is not None


def record(m: Machine, operation: Operation) -> None:
    """Note an operation, once for each place and symbol."""
    if m.building or m.silent:
        return
    m.noted += 1
    key = (id(operation.node), operation.symbol)
    known, ran = m.seen.get(key), _first(m, ("operation", *key), m.chain)
    if known is None:
        m.seen[key] = operation
        operation.chain = m.chain
        operation.only_traced = m.only_traced > 0
        m.trace.operations.append(operation)
        m.trace.reached.add((operation.site.path, operation.site.statement.key))
        return
    known.only_traced = known.only_traced and m.only_traced > 0
    # What an exclusive branch reached counts once.
    known.repeated = known.repeated or ran != m.chain
    if operation.result is not known.result:
        # Read again with other values: only what holds for both readings counts.
        known.operands = tuple(
            (node, join(value, other)) for (node, value), (_, other) in zip(known.operands, operation.operands)
        )


def use(m: Machine, module: Module, node: ast.expr, callee: ast.expr, arguments: Arguments | None = None) -> None:
    """Note that a module is called."""
    if m.building or m.silent or module.is_self:
        return
    m.noted += 1
    site = m.frame.site
    use = Use(module, node, callee, site, m.chain, way=m.way)
    if arguments is not None:
        use.positional = tuple(value for _, value in arguments.positional)
        use.keywords = {name: value for name, (_, value) in arguments.keywords.items()}
        use.starred = arguments.starred
    m.trace.uses.append(use)
    m.trace.reached.add((site.path, site.statement.key))
    constant = [loop for loop in m.loops if loop.number not in module.varies | m.pinned]
    if constant:
        use.loop = constant[-1].node
        use.nested = len(constant) > 1
    # Which module a variable picks is not known, so never the same as another call's.
    earlier = _earlier(m, module) if not module.varies & m.picked else None
    if m.unsure:
        pass
    elif use.loop is not None:
        _reuse(m, "loop", earlier or use, use)
    elif earlier is not None and (earlier.node is not node or earlier.chain != m.chain):
        _reuse(m, "helper" if earlier.node is node else "call", earlier, use)
    _mark(m, module, use)


def _earlier(m: Machine, module: Module) -> Use | None:
    use: Use | None = ways.former(m.uses, module.identity, m.way)
    if use is None and module.items is not None and not module.either:
        for item in module.items:
            for option in options(item):
                if isinstance(option, Module):
                    use = use or _earlier(m, option)
    return use


def _first(m: Machine, key: Any, use: Any) -> Any:
    """The first use of a thing on the way here: this one, where there was none."""
    earlier = ways.former(m.uses, key, m.way)
    if earlier is None:
        m.uses[key] = ways.add(m.uses.get(key, ()), (m.way, use))
    return use if earlier is None else earlier


def _mark(m: Machine, module: Module, use: Use) -> None:
    _first(m, module.identity, use)
    for item in module.items or () if not module.either else ():
        for option in options(item):
            if isinstance(option, Module) and option.identity != module.identity:
                _mark(m, option, use)


def place(
    m: Machine, value: Value, node: ast.expr, callee: ast.expr, parent: object, how: str, again: bool = False
) -> None:
    """Note that a module is registered: under a name, in a container, or with several submodules.

    again: the same expression put it there before (`[act] * 2`).
    """
    if not m.building or m.silent:
        return
    modules = [each for each in options(value) if isinstance(each, Module) and not each.is_self]
    m.noted += bool(modules)
    if len(modules) > 1 and not all(_is_placed(m, each, parent, how) for each in modules):
        # One of several, of which some are new here: perhaps not the one that was placed before.
        for module in modules:
            use = Use(module, node, callee, m.frame.site, m.chain)
            _first(m, (module.identity, parent), use)
        return
    for module in modules:
        _place(m, module, node, callee, parent, how, again)


def _is_placed(m: Machine, module: Module, parent: object, how: str) -> bool:
    """Whether a module is placed again here: it has a place, or each round of a loop gives it one."""
    in_loop = how != "name" and any(loop.number not in module.varies | m.pinned for loop in m.loops)
    return in_loop or ways.former(m.uses, (module.identity, parent), m.way) is not None


def _place(m: Machine, module: Module, node: ast.expr, callee: ast.expr, parent: object, how: str, again: bool) -> None:
    constant = [loop for loop in m.loops if loop.number not in module.varies | m.pinned]
    use = Use(module, node, callee, m.frame.site, m.chain, constant[-1].node if constant else None)
    key = (module.identity, parent)
    earlier = ways.former(m.uses, key, m.way)
    if earlier is not None and (again or earlier.node is not node or earlier.chain != m.chain):
        _reuse(m, how, earlier, use)
    elif use.loop is not None and how != "name":
        _reuse(m, how, use, use)
    _first(m, key, use)


def _reuse(m: Machine, how: str, first: Use, second: Use) -> None:
    key = (id(second.callee), second.module.identity)
    if key not in m.reused:
        m.reused.add(key)
        m.trace.reuses.append(Reuse(how, first, second))
        m.trace.reached.add((second.site.path, second.site.statement.key))


def flow(m: Machine, kind: str, node: ast.AST, feeds: str = "", fixed: Fixed | None = None) -> Flow | None:
    """Note that Python needs a tensor's value here. fixed: says that the input does not decide it."""
    if m.building or m.silent:
        return None
    m.noted += 1
    flow = m.flows.get(id(node))
    if flow is None:
        flow = m.flows[id(node)] = Flow(kind, node, m.frame.site, fixed=fixed)
        m.trace.flows.append(flow)
        m.trace.reached.add((m.frame.site.path, m.frame.site.statement.key))
    elif flow.fixed is not None:
        flow.fixed = Fixed((flow.fixed, fixed)) if fixed is not None else None
    flow.feeds = flow.feeds or feeds
    return flow


def feed(value: Value, what: str) -> None:
    """Note that a number decides a `range` or a `shape`: matters where it was read out of a tensor.

    A `len()` is a size, which matters no more to a `range` than `x.size(0)` does.
    """
    if isinstance(value, Number):
        if value.read is not None and (value.of_values or what == "shape"):
            value.read.feeds = value.read.feeds or what
    elif isinstance(value, Sequence):
        for item in value.items if value.items is not None else (value.element,):
            feed(item, what)
