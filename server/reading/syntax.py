"""Parses, and walks syntax trees as `ast.walk` does: without the nodes that nobody asks about, and much faster."""

from __future__ import annotations

import ast
import copy
import re
import warnings
from collections.abc import Callable, Iterable

DefinedFunction = ast.FunctionDef | ast.AsyncFunctionDef

# Fields that hold no expression, statement or pattern: names, numbers, operators and contexts.
_PLAIN = frozenset(
    "ctx op ops id attr arg name names kind type_comment level module conversion simple is_async asname rest kwd_attrs "
    "type_ignores tag".split()
)


class _Children(dict[type, tuple[str, ...]]):
    """For each class of nodes the fields that hold nodes or lists of nodes."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        fields = (
            () if kind is ast.Constant else tuple(name for name in getattr(kind, "_fields", ()) if name not in _PLAIN)
        )
        self[kind] = fields
        return fields


CHILDREN = _Children()


def walk(root: ast.AST) -> list[ast.AST]:
    """`root` and all nodes below it, outer ones first; without operators, contexts and the names of imports."""
    return walk_all((root,))


def walk_all(roots: Iterable[ast.AST]) -> list[ast.AST]:
    """The same of several trees."""
    found = list(roots)
    children = CHILDREN
    for node in found:  # grows while it is walked
        for name in children[type(node)]:
            value = getattr(node, name)
            if type(value) is list:
                for each in value:
                    if each is not None:
                        found.append(each)
            elif value is not None:
                found.append(value)
    return found


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below one, of those that `walk` meets."""
    found: list[ast.AST] = []
    for name in CHILDREN[type(node)]:
        value = getattr(node, name)
        if type(value) is list:
            found.extend([each for each in value if each is not None])
        elif value is not None:
            found.append(value)
    return found


def replaced(node: ast.expr, instead: Callable[[ast.AST], ast.expr | None]) -> ast.expr:
    """An expression with others in place of some in it. It shares what holds none of them with the original."""
    copied = _replaced(node, instead)
    assert isinstance(copied, ast.expr)
    return copied


def _replaced(node: ast.AST, instead: Callable[[ast.AST], ast.expr | None]) -> ast.AST:
    other = instead(node)
    if other is not None:
        return other
    changed: dict[str, object] = {}
    for name in CHILDREN[type(node)]:
        value = getattr(node, name)
        if type(value) is list:
            each_now = [_replaced(each, instead) if each is not None else None for each in value]
            if any(now is not each for now, each in zip(each_now, value, strict=True)):
                changed[name] = each_now
        elif value is not None and (now := _replaced(value, instead)) is not value:
            changed[name] = now
    if not changed:
        return node
    copied = copy.copy(node)
    copied.__dict__.update(changed)
    return copied


class _Bodies(dict[type, tuple[str, ...]]):
    """For each class of nodes the fields that hold statements, or clauses that hold statements."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        known = ("body", "orelse", "handlers", "finalbody", "cases")
        simple = issubclass(kind, ast.expr)  # the body of a lambda is an expression
        fields = self[kind] = () if simple else tuple(name for name in known if name in getattr(kind, "_fields", ()))
        return fields


_BODIES = _Bodies()


def statements_below(roots: Iterable[ast.AST]) -> list[ast.AST]:
    """Some statements and all inside them, with the clauses of `try` and `match`; no expressions."""
    found = list(roots)
    for node in found:  # grows while it is walked
        for name in _BODIES[type(node)]:
            found.extend(getattr(node, name))
    return found


def parents_below(roots: Iterable[ast.AST]) -> dict[ast.AST, ast.AST]:
    """The parent of every node below some, of those that `walk` meets."""
    found: dict[ast.AST, ast.AST] = {}
    children = CHILDREN
    queue = list(roots)
    for node in queue:  # grows while it is walked
        for name in children[type(node)]:
            value = getattr(node, name)
            for child in value if type(value) is list else (value,):
                if child is not None:
                    found[child] = node
                    queue.append(child)
    return found


TOO_DEEP = "it is nested too deeply"


def parse(text: str, clause: bool = False) -> list[ast.stmt]:
    """The statements of a text, which may be indented, or continue a compound statement (`else:`).

    clause: it begins a clause whose block is not in it. Raises SyntaxError, also for what the parser has other errors
    for.
    """
    above, whole = standing_alone(text, clause)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(whole).body
    except SyntaxError as error:
        if above and error.lineno is not None:
            error.lineno = max(1, error.lineno - above)
        raise
    except (RecursionError, MemoryError):
        message = TOO_DEEP
    except ValueError as error:
        message = str(error)
    else:
        return _lifted(body, text, above) if above else body
    raise SyntaxError(message)


_CONTINUES = re.compile(r"[ \t]*(?:(el(?:se|if))|except|finally)\b")


def standing_alone(text: str, clause: bool = False) -> tuple[int, str]:
    """The text as a parser takes it alone, with what has to stand around it: (lines that were put above it, text)."""
    indent = text[: len(text) - len(text.lstrip(" \t"))]
    continues = _CONTINUES.match(text)
    above = below = ""
    if clause or continues is not None:
        if continues is not None:
            above = f"{indent}if 1: pass\n" if continues[1] else f"{indent}try: pass\n"
        if clause:
            below = f"\n{indent} pass\n"
            if text.startswith("try", len(indent)):
                below += f"{indent}finally: pass\n"
    if indent:
        above = f"if 1:\n{above}"
    return above.count("\n"), f"{above}{text}{below}" if above or below else text


def _lifted(body: list[ast.stmt], text: str, above: int) -> list[ast.stmt]:
    """The statements of an indented text, and where its own first line is the first."""
    if text[:1] in (" ", "\t"):
        block = body[0]
        if len(body) > 1 or not isinstance(block, ast.If) or block.orelse:
            raise SyntaxError("unindent does not match any outer indentation level")
        body = block.body
    for node in walk_all(body):
        for each in (node, *node.names) if isinstance(node, (ast.Import, ast.ImportFrom)) else (node,):
            if hasattr(each, "lineno"):
                each.lineno -= above
                each.end_lineno -= above  # type: ignore[attr-defined]
    return body
