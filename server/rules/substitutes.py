"""What stands for the values of a function elsewhere: at its calls, and as the default of a new parameter."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..positions import Span
from ..reading.definitions import Definition
from ..reading.parameters import default_of
from ..reading.syntax import children, replaced, walk

if TYPE_CHECKING:
    from ..reading.facts import Operation, Unit
    from ..reading.index import Index

_LETTERS = "x y z u v w".split()


def is_literal(node: ast.expr) -> bool:
    """Whether an expression is a constant, or made of constants."""
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return False
    return True


def kept_parameters(function: Definition) -> Mapping[str, ast.arg]:
    """The parameters of a function that hold what they are given throughout its body."""
    node = function.node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return {}
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return {each.arg: each for each in every if each.arg not in function.parts.bound}


def at_call(function: Definition, call: ast.Call, values: Sequence[ast.expr]) -> list[ast.expr] | None:
    """Expressions of a function's parameters, in what one call of it passes; None where that is not told."""
    node = function.node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or any(k.arg is None for k in call.keywords):
        return None
    ordinary = [*node.args.posonlyargs, *node.args.args]
    given: dict[str, ast.expr] = {each.arg: each.value for each in call.keywords if each.arg is not None}
    for parameter, value in zip(ordinary, call.args, strict=False):
        if isinstance(value, ast.Starred):
            return None
        given[parameter.arg] = value
    for parameter in (*ordinary, *node.args.kwonlyargs):
        default = default_of(function, parameter)
        if parameter.arg not in given and default is not None and is_literal(default):
            given[parameter.arg] = default
    named = {name for value in values for name in _names(value)}
    if any(name not in given for name in named):
        return None
    if named & function.parts.bound:
        nothing = frozenset(name for name, value in given.items() if _is_none(value))
        if named & _bound(function, nothing):
            return None
    return [
        replaced(value, lambda each: given.get(each.id) if isinstance(each, ast.Name) else None) for value in values
    ]


def _bound(function: Definition, nothing: frozenset[str]) -> frozenset[str]:
    """The names that a function binds anew where some of its parameters are None."""
    known = function.memo.get(("bound", nothing))
    if known is None:
        known = function.memo["bound", nothing] = _read_bound(function.node, nothing)
    return known


def _read_bound(function: ast.AST, nothing: frozenset[str]) -> frozenset[str]:
    found: set[str] = set()
    stack: list[ast.AST] = list(getattr(function, "body", ()))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        if isinstance(node, ast.If) and _fails(node.test, nothing):
            stack.extend(node.orelse)
        else:
            stack.extend(children(node))
    return _read_bound(function, nothing - found) if found & nothing else frozenset(found)


def _fails(test: ast.expr, nothing: frozenset[str]) -> bool:
    """Whether a test is false where some names are None: `name is not None and ...`."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(_fails(each, nothing) for each in test.values)
    compared = isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot) and _is_none(test.comparators[0])
    return compared and isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id in nothing


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _names(node: ast.expr) -> set[str]:
    return {each.id for each in walk(node) if isinstance(each, ast.Name)}


# The default of a new parameter


def default(unit: Unit, operation: Operation, kept: Sequence[Span | str], arguments: Sequence[str]) -> str | None:
    """A function that does what the module does, for callers that pass none; None where no short one is known.

    kept: what the module is called with. The function itself where it takes just that, else a lambda of its call.
    """
    node, statement = operation.node, operation.site.statement
    if not isinstance(node, ast.expr):
        return None
    if isinstance(node, ast.Call) and not arguments and _is_function(unit, node.func):
        every = [*node.args, *node.keywords]
        if [statement.span(each) for each in every] == list(kept):
            return ast.unparse(node.func)
    return _lambda(unit, operation, node, kept)


def _is_function(unit: Unit, callee: ast.expr) -> bool:
    root = callee
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(root, ast.Name) and root.id in unit.file.scope


def _lambda(unit: Unit, operation: Operation, node: ast.expr, kept: Sequence[Span | str]) -> str | None:
    statement = operation.site.statement
    places = {statement.span(each): each for each in walk(node) if isinstance(each, (ast.expr, ast.keyword))}
    letters = iter(_LETTERS)
    parameters: list[str] = []
    texts: dict[ast.AST, ast.expr] = {}
    whole = _spread(operation, node, kept)
    if whole is not None:
        texts[whole] = ast.Name("xs", ast.Load())
        parameters.append("*xs")
    else:
        for each in kept:
            part = places.get(each) if isinstance(each, Span) else None
            letter = next(letters, None)
            if part is None or letter is None:
                return None
            if isinstance(part, ast.keyword):
                letter = part.arg or letter
            texts[part.value if isinstance(part, ast.keyword) else part] = ast.Name(letter, ast.Load())
            parameters.append(letter)
    body = replaced(node, texts.get)
    own = {each.lstrip("*") for each in parameters}
    free = _names(body) - own
    function = operation.site.function.parts
    local = function.bound | function.parameters
    if any(name in local or not (name in unit.file.scope or hasattr(builtins, name)) for name in free):
        return None
    return f"lambda {', '.join(parameters)}: {ast.unparse(body)}"


def _spread(operation: Operation, node: ast.expr, kept: Sequence[Span | str]) -> ast.expr | None:
    """The sequence that a call takes and a module takes spread (`torch.cat([a, b], 1)`)."""
    if not isinstance(node, ast.Call) or not node.args or not kept:
        return None
    first = node.args[0]
    if isinstance(first, (ast.List, ast.Tuple)):
        return first if [operation.site.statement.span(each) for each in first.elts] == list(kept) else None
    return first if len(kept) == 1 and isinstance(kept[0], str) and kept[0].startswith("*") else None


def holds_in(index: Index, text: str, path: str, other: str) -> bool:
    """Whether an expression of one file's top-level names means the same in another file."""
    if path == other:
        return True
    tree = ast.parse(text, mode="eval").body
    own = {each.arg for each in ast.walk(tree) if isinstance(each, ast.arg)}
    names = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)} - own
    here, there = index.project.files[path].imports, index.project.files[other].imports
    for name in names:
        index.depend(path, name)
        index.depend(other, name)
    return all(hasattr(builtins, name) or (name in here and here[name] == there.get(name)) for name in names)
