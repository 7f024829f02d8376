"""Repairs of what goes into and comes out of a module. All change how it is called, so all are unsafe."""

from __future__ import annotations

import ast
import keyword
from typing import TYPE_CHECKING

from ..finding import Change, Repair, ReplaceText, Safety, Step
from ..reading.syntax import walk
from ..reading.values import Dictionary

if TYPE_CHECKING:
    from ..reading.definitions import Definition
    from ..reading.facts import Return, Unit, Use
    from ..reading.source import Statement
    from .exchange import Input, Output

from . import exchange

_Steps = dict[tuple[str, str], list[Step]]


def _repair(title: str, steps: _Steps) -> Repair:
    changes = tuple(Change(path, key, tuple(dict.fromkeys(each))) for (path, key), each in steps.items())
    return Repair(title, Safety.UNSAFE, changes)


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
    steps: _Steps = {}
    here = steps.setdefault((unit.path, unit.statement.key), [])
    for each in output.returns:
        if each.node is not None:
            here.append(_as_tuple(unit, each.node, output.kind))
    if output.kind == "list":
        return _repair("Return a tuple instead of the list (unsafe: callers that change the list must follow)", steps)
    keys = _keys(output.returns)
    uses = list(exchange.uses_of(unit.index, definition))
    followed = keys is not None and all(_follow(use, keys, steps) for use in uses)
    if uses and followed:
        doubt = "unsafe: other callers must follow"
        title = f"Return a tuple instead of the dict, and read it by position in the workspace ({doubt})"
    else:
        title = "Return a tuple instead of the dict (unsafe: callers that read it by key must be changed)"
        steps = {(unit.path, unit.statement.key): here}
    return _repair(title, steps)


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
    statement = use.site.statement
    function = use.site.function.node
    parents = {child: node for node in walk(function) for child in ast.iter_child_nodes(node)}
    parent = parents.get(use.node)
    reads: list[ast.Subscript] = []
    if isinstance(parent, ast.Subscript) and parent.value is use.node:
        reads.append(parent)
    elif isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
        name = parent.targets[0].id
        for node in walk(function):
            if isinstance(node, ast.Name) and node.id == name and node is not parent.targets[0]:
                read = parents.get(node)
                if not isinstance(read, ast.Subscript) or read.value is not node:
                    return False
                reads.append(read)
    else:
        return False
    listed = steps.setdefault((use.site.path, statement.key), [])
    for read in reads:
        key = read.slice
        if not isinstance(key, ast.Constant) or key.value not in keys or not isinstance(read.ctx, ast.Load):
            return False
        listed.append(ReplaceText(statement.span(key), str(keys.index(key.value))))
    return True


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
    steps: _Steps = {}
    here = steps.setdefault((unit.path, unit.statement.key), [])
    here.append(ReplaceText(unit.statement.span(entry.parameter.node), ", ".join(keys)))
    for key, node in entry.reads:
        assignment = named.get(key)
        if assignment is not None and assignment.value is node:
            here.append(ReplaceText(unit.statement.span(assignment), ""))
        else:
            here.append(ReplaceText(unit.statement.span(node), key))
    own = list(here)
    if entry.uses and all(_pass_each(use, definition, entry, keys, steps) for use in entry.uses):
        listed = "and pass them in the workspace (unsafe: other callers must follow)"
    else:
        steps = {(unit.path, unit.statement.key): own}
        listed = "(unsafe: callers must pass each tensor on its own)"
    names = ", ".join(f"`{key}`" for key in keys)
    return _repair(f"Take {names} instead of the dict `{entry.parameter.name}` {listed}", steps)


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


def _pass_each(use: Use, definition: Definition, entry: Input, keys: list[str], steps: _Steps) -> bool:
    """Rewrite one call that passes a dict literal; False where it passes something else."""
    call, statement = use.node, use.site.statement
    method = definition.methods["forward"]
    ordinary = [*method.args.posonlyargs, *method.args.args][1:]
    position = next(place for place, each in enumerate(ordinary) if each is entry.parameter.node)
    if not isinstance(call, ast.Call) or any(isinstance(each, ast.Starred) for each in call.args):
        return False
    named = next((each for each in call.keywords if each.arg == entry.parameter.name), None)
    given = named.value if named is not None else call.args[position] if position < len(call.args) else None
    if not isinstance(given, ast.Dict):
        return False
    by_key = {
        key.value: value for key, value in zip(given.keys, given.values, strict=True) if isinstance(key, ast.Constant)
    }
    if len(by_key) != len(given.keys) or set(by_key) != set(keys):
        return False
    form = "{key}={{{index}}}" if named is not None else "{{{index}}}"
    text = ", ".join(form.format(key=key, index=index) for index, key in enumerate(keys))
    parts = tuple(statement.span(by_key[key]) for key in keys)
    target = named if named is not None else given
    steps.setdefault((use.site.path, statement.key), []).append(ReplaceText(statement.span(target), text, parts))
    return True
