"""Gathers what was read into one unit for each top-level statement."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from . import traced
from .definitions import Definition
from .facts import Trace, Unit
from .file_facts import FileFacts
from .index import Index
from .memory import OUT_OF_TOUCH, Touched
from .model import Built
from .source import Statement
from .syntax import walk

# Of a helper's callers in other files this many are read: what one of them passes the others mostly pass too.
_CALLERS = 6
# After that many classes and functions that lead to no model which runs the code, none is looked for any more: what
# everybody names (whether a package is there) is no part of a forward. In timm and transformers the longest search that
# found one took 50.
_LOOKED_AT = 100


def model_definitions(index: Index, facts: FileFacts, statement: Statement) -> list[Definition]:
    """The models in a statement that AIMET meets, nested classes too, outer ones first."""
    if "class " not in statement.text:
        return []
    found: list[Definition] = index.remember(("models", statement), lambda: _models(index, facts, statement))
    return found


def _models(index: Index, facts: FileFacts, statement: Statement) -> list[Definition]:
    top = facts.definition(statement)
    if top is None:
        return []
    found: list[Definition] = []
    queue = [top]
    while queue:
        definition = queue.pop(0)
        if (
            isinstance(definition.node, ast.ClassDef)
            and index.is_model(definition)
            and traced.is_met(index, definition)
        ):
            found.append(definition)
        for child in definition.node.body if isinstance(definition.node.body, list) else ():
            if isinstance(child, ast.ClassDef):
                queue.append(definition.inner(child))
            elif isinstance(definition.node, ast.FunctionDef) and isinstance(child, ast.FunctionDef):
                queue.append(definition.inner(child))
    return found


def unit(index: Index, facts: FileFacts, statement: Statement) -> Unit:
    """Everything read about the code in one statement."""
    result = Unit(facts.path, facts, statement, index)
    for definition in model_definitions(index, facts, statement):
        built = index.built(definition)
        trace = index.trace(definition) if traced.is_run(index, definition) else None
        result.models.append(index.model(definition))
        if built is not None:
            result.reuses.extend(built.reuses)
            result.built.append(built)
        if trace is not None:
            result.made.extend(trace.made)
            result.traces.append(trace)
    for trace, built in _others(index, facts, statement):
        if trace is not None:
            result.traces.append(trace)
        if built is not None:
            result.built.append(built)
    for built in result.built:
        result.made.extend(built.made)
    for trace in result.traces:
        add_trace(result, trace, statement)
    result.finish()
    return result


def add_trace(result: Unit, trace: Trace, statement: Statement) -> None:
    """Add what a model does in the code of a statement."""
    if (result.path, statement.key) not in trace.reached:
        return
    known = {(id(operation.node), operation.symbol) for operation in result.operations}
    for operation in trace.operations:
        if operation.site.statement is statement and (id(operation.node), operation.symbol) not in known:
            result.operations.append(operation)
    used = {id(reuse.second.callee) for reuse in result.reuses}
    result.reuses.extend(
        reuse
        for reuse in trace.reuses
        if reuse.second.site.statement is statement and id(reuse.second.callee) not in used
    )
    flows = {id(flow.node) for flow in result.flows}
    result.flows.extend(f for f in trace.flows if f.site.statement is statement and id(f.node) not in flows)


# Code without any of these neither computes with a tensor, nor asks for its value, nor makes a module.
_DOES_SOMETHING = frozenset(
    {
        *(ast.Call, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Subscript, ast.IfExp, ast.comprehension),
        *(ast.AugAssign, ast.If, ast.While, ast.For, ast.With, ast.Match, ast.Assert),
        *(ast.Attribute, ast.Tuple, ast.List),  # `x.T`, `a, b = x`
    }
)


def _does_something(statement: Statement) -> bool:
    """Whether a class or function holds more than fields and signatures."""
    known = statement.memo.get("does something")
    if known is None:
        known = statement.memo["does something"] = any(map(_is_doing, _code_in(statement.body)))
    return bool(known)


def _is_doing(node: ast.AST) -> bool:
    # Most statements say it themselves, or by their value.
    if type(node) in _DOES_SOMETHING or type(getattr(node, "value", None)) in _DOES_SOMETHING:
        return True
    return any(type(part) in _DOES_SOMETHING for part in walk(node))


def _code_in(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """What runs of some statements, without bases, annotations and decorators."""
    for node in body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _code_in(node.body)
        elif not isinstance(node, ast.AnnAssign):
            yield node
        elif node.value is not None:
            yield node.value


def _means(index: Index, facts: FileFacts, definition: Definition) -> bool:
    """Whether the simple name of a class or function may mean it in a file: not where the file gives it to another."""
    name = definition.simple_name
    if facts.path == definition.path or definition.parent is not None or name not in facts.names:
        return True
    found = index.lookup(facts.path, name)
    return found is definition or not isinstance(found, Definition)


def _is_out_of_touch(index: Index, facts: FileFacts, statement: Statement, place: tuple[str, str]) -> bool:
    """Whether the models in a statement are known to run no code, and to make no modules, in the one at `place`."""
    known = touched(index, facts, statement)
    if known is None or place in known.places:
        return False
    where, what = known.name
    index.depend(where, f"{what}\0{place[1]}" if place[0] in known.files else what)
    return True


def touched(index: Index, facts: FileFacts, statement: Statement) -> Touched | None:
    """What the models in a statement touch; None where it is no model itself: then it may run in others."""
    if "class " not in statement.text:
        return None
    found: Touched | None = index.remember(("touched", statement), lambda: _touched(index, facts, statement))
    return found


def _touched(index: Index, facts: FileFacts, statement: Statement) -> Touched | None:
    outline = index.project.outlines.get((facts.path, statement.key))
    if outline is not None:
        index.depend(facts.path, statement.name)
        index.rest(set(outline.rests_on))
        places: AbstractSet[tuple[str, str]] = outline.touched
    else:
        models = model_definitions(index, facts, statement)
        if not models or models[0].parent is not None:
            return None
        read = [index.built(each) for each in models]
        read.extend(index.trace(each) for each in models if traced.is_run(index, each))
        places = frozenset[tuple[str, str]]().union(*(each.touched for each in read if each is not None))
    return Touched(places, frozenset(path for path, _ in places), (OUT_OF_TOUCH, f"{facts.path}\0{statement.key}"))


def _others(index: Index, facts: FileFacts, statement: Statement) -> Iterator[tuple[Trace | None, Built | None]]:
    """What models elsewhere do by running code of this statement: helpers, inherited methods."""
    definition = facts.definition(statement)
    if definition is None or not _does_something(statement):
        return
    key = (facts.path, statement.key)
    is_class = isinstance(definition.node, ast.ClassDef)
    # A plain class (a box coder) runs in the models that hold an object of it, not only in those that derive from it.
    is_model = is_class and index.is_model(definition)
    if is_class and "forward" in definition.methods and len(definition.methods) <= 2:
        # Whoever derives from it runs what its own forward shows already.
        return
    seen: set[int] = {id(statement)}
    queue = [definition]
    read = looked_at = 0
    while queue:
        current = queue.pop(0)
        means_it: dict[str, bool] = {}
        for other, candidate in index.placed_mentions(current):
            if id(candidate) in seen or (is_model and other is not facts):
                continue
            if read >= _CALLERS or looked_at >= _LOOKED_AT:
                return
            if other.path not in means_it:
                means_it[other.path] = _means(index, other, current)
            if not means_it[other.path]:
                continue
            seen.add(id(candidate))
            looked_at += 1
            if _is_out_of_touch(index, other, candidate, key):
                continue
            caller = other.definition(candidate)
            if caller is None:
                continue
            if isinstance(caller.node, ast.ClassDef) and not index.is_model(caller):
                # Models run it through an object of a plain class.
                queue.append(caller)
            if isinstance(caller.node, ast.ClassDef):
                for model in model_definitions(index, other, candidate):
                    if is_model and definition not in index.order(model):
                        continue
                    trace, built = index.trace(model), index.built(model)
                    runs = trace is not None and key in trace.reached and traced.is_run(index, model)
                    makes = built is not None and any(m.origin and m.origin.statement is statement for m in built.made)
                    if runs or makes:
                        yield trace if runs else None, built if makes else None
                        read += other is not facts
                        looked_at = 0
            elif not is_class:
                queue.append(caller)
