"""Repairs of what goes into and comes out of a module. All change how it is called, so all are unsafe."""

from __future__ import annotations

import ast
import keyword
from dataclasses import replace
from typing import TYPE_CHECKING

from ..finding import Change, Interface, Repair, ReplaceText, Safety, Step
from ..reading.definitions import given_parameters
from ..reading.syntax import walk
from ..reading.values import Dictionary

if TYPE_CHECKING:
    from ..reading.definitions import Definition
    from ..reading.facts import Return, Unit, Use
    from ..reading.source import Statement
    from .exchange import Input, Output

from . import changed_lists, exchange, followers

_Steps = dict[tuple[str, str], list[Step]]


def _repair(title: str, steps: _Steps, interface: Interface) -> Repair:
    changes = tuple(Change(path, key, tuple(dict.fromkeys(each))) for (path, key), each in steps.items())
    return Repair(title, Safety.UNSAFE, changes, interface)


# Out


def for_output(unit: Unit, definition: Definition, output: Output) -> Repair | str:
    """The repair of a return, or why there is none."""
    if output.kind not in ("dict", "list"):
        return {
            "object": "return its tensors as a tuple",
            "none": "leave None out of what is returned",
            "list": "return tuples in place of the lists",
            "dict": "return the dict's tensors as a tuple",
        }.get(output.kind.removeprefix("tuple of "), "return only the tensors, and give the rest to the constructor")
    if output.kind == "list" and changed_lists.is_changed(unit.index, definition):
        return "code of the workspace changes the list, which a tuple does not allow"
    steps: _Steps = {}
    here = steps.setdefault((unit.path, unit.statement.key), [])
    for each in output.returns:
        if each.node is not None:
            here.append(_as_tuple(unit, each.node, output.kind))
    interface = Interface(definition.path, definition.name)
    if output.kind == "list":
        title = "Return a tuple instead of the list (unsafe: callers that change the list must follow)"
        return _repair(title, steps, interface)
    if followers.runs_itself(unit.index, definition):
        return f"code of the workspace runs `{definition.simple_name}` as `self(...)`, which would have to follow"
    keys, uses = _keys(output.returns), list(exchange.uses_of(unit.index, definition))
    if keys is not None and all(_follow(use, keys, steps) for use in uses):
        doubt = "unsafe: other callers must follow"
        title = f"Return a tuple instead of the dict, and read it by position in the workspace ({doubt})"
        return _repair(title, steps, replace(interface, keys=tuple(keys)))
    if uses:
        return "code of the workspace uses the dict in other ways than by reading known keys where it gets it"
    title = "Return a tuple instead of the dict (unsafe: callers that read it by key must be changed)"
    return _repair(title, {(unit.path, unit.statement.key): here}, interface)


def _as_tuple(unit: Unit, node: ast.expr, kind: str) -> ReplaceText:
    span = unit.statement.span(node)
    if kind == "list":
        if isinstance(node, ast.List) and node.elts:
            return _spread(unit, node, [(each, each) for each in node.elts], grouped=True)
        inner = node.args[0] if isinstance(node, ast.Call) and _calls(node, "list") and len(node.args) == 1 else node
        return ReplaceText(span, "tuple({0})", (unit.statement.span(inner),))
    if isinstance(node, ast.Dict) and node.keys:
        entries = [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key is not None]
        if len(entries) == len(node.keys):
            return _spread(unit, node, entries)
    if isinstance(node, ast.Call) and _calls(node, "dict", "OrderedDict") and node.keywords and not node.args:
        named = [each.value for each in node.keywords if each.arg is not None]
        if len(named) == len(node.keywords):
            places = ", ".join(f"{{{index}}}" for index in range(len(named)))
            parts = tuple(unit.statement.span(each) for each in named)
            return ReplaceText(span, f"({places},)" if len(named) == 1 else places, parts)
    return ReplaceText(span, "tuple({0}.values())", (span,))


def _calls(node: ast.Call, *names: str) -> bool:
    return getattr(node.func, "attr", getattr(node.func, "id", "")) in names


def _spread(unit: Unit, node: ast.expr, parts: list[tuple[ast.expr, ast.expr]], grouped: bool = False) -> ReplaceText:
    """A literal's values as a tuple, with the layout and comments between them.

    parts: (where the entry starts, its value): a dict's key, or the value itself.
    """
    statement = unit.statement
    whole = statement.span(node)
    text, line, column = "", whole.line, whole.column + 1
    for index, (start, value) in enumerate(parts):
        head, body = statement.span(start), statement.span(value)
        text += _text(statement, line, column, head.line, head.column)
        if start is not value:
            between = _text(statement, head.end_line, head.end_column, body.line, body.column)
            text += between.partition(":")[2].lstrip()
        text += f"{{{index}}}"
        line, column = body.end_line, body.end_column
    tail = _text(statement, line, column, whole.end_line, whole.end_column - 1)
    text += "," + tail if len(parts) == 1 and not tail.lstrip(") ").startswith(",") else tail
    several = whole.line != whole.end_line
    wrapped = f"({text})" if grouped or several or len(parts) == 1 else text
    return ReplaceText(whole, wrapped, tuple(statement.span(value) for _, value in parts))


def _text(statement: Statement, line: int, column: int, end_line: int, end_column: int) -> str:
    """What stands between two places, with its braces doubled."""
    lines = statement.lines[line : end_line + 1]
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    return "\n".join(lines).replace("{", "{{").replace("}", "}}")


def _keys(returns: list[Return]) -> list[str] | None:
    """The keys in their order, None where they are not all known or differ between returns."""
    found: list[list[str]] = []
    for each in returns:
        if not isinstance(each.value, Dictionary) or each.value.element is not None or not each.value.items:
            return None
        found.append([str(key) for key in each.value.items])
    return found[0] if all(keys == found[0] for keys in found) else None


def _follow(use: Use, keys: list[str], steps: _Steps) -> bool:
    """Rewrite how one caller reads the result; False where that cannot be followed."""
    scope = followers.Scope.of_function(use.site.statement, use.site.function.node)
    found = followers.reads_by_key(scope, use.node, keys, {use.node})
    for statement, step in found or ():
        steps.setdefault((use.site.path, statement.key), []).append(step)
    return found is not None


# In


def for_input(unit: Unit, definition: Definition, entry: Input) -> Repair | str:
    """The repair of a parameter, or why there is none."""
    kind = entry.kind.removeprefix("tuple of ")
    if entry.kind != "dict":
        return {
            "list": "take a tuple of tensors, or `*tensors`",
            "object": "take its tensors as parameters of their own",
            "dict": "take its tensors as parameters of their own",
        }.get(kind, "a value that never changes belongs in the constructor")
    keys = list(dict.fromkeys(key for key, _ in entry.reads))
    method = definition.methods["forward"]
    if not keys or entry.whole:
        return "the dict is used in other ways than by reading single keys, so its tensors cannot be told"
    if entry.parameter.node in method.args.kwonlyargs or _has_default(method, entry.parameter.node):
        return "the parameter is optional, so no order of parameters fits every call"
    named = _named_after_key(method, entry)
    taken = {node.id for node in walk(method) if isinstance(node, ast.Name)} - named.keys()
    taken |= {node.arg for node in walk(method) if isinstance(node, ast.arg)}
    if any(not key.isidentifier() or keyword.iskeyword(key) or key in taken - {entry.parameter.name} for key in keys):
        return "a key is no name that a parameter could have here"
    if followers.runs_itself(unit.index, definition):
        return f"code of the workspace runs `{definition.simple_name}` as `self(...)`, which would have to follow"
    steps: _Steps = {}
    here = steps.setdefault((unit.path, unit.statement.key), [])
    here.append(ReplaceText(unit.statement.span(entry.parameter.node), ", ".join(keys)))
    for key, node in entry.reads:
        assignment = named.get(key)
        if assignment is not None and assignment.value is node:
            here.append(ReplaceText(unit.statement.span(assignment), ""))
        else:
            here.append(ReplaceText(unit.statement.span(node), key))
    ordinary = given_parameters(method)
    position = next(place for place, each in enumerate(ordinary) if each is entry.parameter.node)
    interface = Interface(definition.path, definition.name, (), entry.parameter.name, position)
    if not all(_pass_each(use, interface, keys, steps) for use in entry.uses):
        return "code of the workspace passes a dict whose tensors cannot be told"
    interface = replace(interface, keys=tuple(keys))
    listed = "and pass them in the workspace (unsafe: other callers must follow)"
    names = ", ".join(f"`{key}`" for key in keys)
    return _repair(f"Take {names} instead of the dict `{entry.parameter.name}` {listed}", steps, interface)


def _named_after_key(method: ast.FunctionDef | ast.AsyncFunctionDef, entry: Input) -> dict[str, ast.Assign]:
    """`x = inputs["x"]` at the top of the body, by key, where nothing uses the name before."""
    found: dict[str, ast.Assign] = {}
    seen: set[str] = set()
    for statement in method.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
            for key, node in entry.reads:
                if value is node and isinstance(target, ast.Name) and target.id == key and key not in seen:
                    found[key] = statement
        seen.update(node.id for node in walk(statement) if isinstance(node, ast.Name))
    return found


def _has_default(method: ast.FunctionDef | ast.AsyncFunctionDef, node: ast.arg) -> bool:
    ordinary = [*method.args.posonlyargs, *method.args.args]
    return any(node is each for each in ordinary[len(ordinary) - len(method.args.defaults) :])


def _pass_each(use: Use, interface: Interface, keys: list[str], steps: _Steps) -> bool:
    """Rewrite one call that passes the dict; False where what it passes cannot be told."""
    statement = use.site.statement
    step = followers.passed_each(statement, use.node, interface.parameter, interface.position, keys)
    if step is not None:
        steps.setdefault((use.site.path, statement.key), []).append(step)
    return step is not None
