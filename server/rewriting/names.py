"""Free names for what a repair adds."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator

from .source import FUNCTIONS, Source, self_name

# `setattr(self, "relu", ...)`, `hasattr`, `self.add_module("relu", ...)`, `register_buffer`.
_BY_NAME = re.compile(r"(?:attr\(\s*\w+\s*,|\.(?:add|register)_\w+\()\s*[\"'](\w+)[\"']")
# `setattr(self, f"relu{i}", ...)`, `self.add_module("relu%d" % i, ...)`: what comes before the number, and after it.
_NUMBERED = re.compile(
    r"(?:attr\(\s*\w+\s*,|\.(?:add|register)_\w+\()\s*[fF]?[\"'](\w+)(?:\{[^{}\"']*\}|%[ds]|(?=[\"']\s*\+))(\w*)[\"']"
)
_NUMBERS = 100


class Attributes:
    """The attribute names of one class that are in use, those given so far included."""

    def __init__(self, source: Source, owner: ast.ClassDef) -> None:
        self._used = set(_attributes(source, owner))

    def give(self, name: str, taken: frozenset[str]) -> str:
        """The first free name, see `first_free`. Raises ValueError where `name` is no attribute name."""
        given = first_free(name, self._used | taken)
        self._used.add(given)
        return given


def first_free(name: str, used: set[str] | frozenset[str]) -> str:
    """The first of name, name2, name3, ... that is not in `used`; after a digit of name_2, name_3, ... ."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"{name!r} cannot be the name of an attribute")
    number, candidate = 1, name
    while candidate in used:
        number += 1
        candidate = f"{name}_{number}" if name[-1].isdigit() else f"{name}{number}"
    return candidate


def _attributes(source: Source, owner: ast.ClassDef) -> Iterator[str]:
    # Read from the text: quick, and a name in a comment or string is better not taken either.
    text = source.source(owner)
    selves = {"self"}
    selves.update(name for node in owner.body if isinstance(node, FUNCTIONS) and (name := self_name(node)))
    yield from re.findall(rf"\b(?:{'|'.join(map(re.escape, selves))})\s*\.\s*(\w+)", text)
    yield from _BY_NAME.findall(text)
    for before, after in _NUMBERED.findall(text):
        yield from (f"{before}{number}{after}" for number in range(_NUMBERS))
    yield from bound_names(owner)


def bound_names(scope: ast.AST) -> set[str]:
    """The names bound in the body of a class or function: parameters, assignments, imports, definitions."""
    found: set[str] = set()
    stack: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.ClassDef, *FUNCTIONS)):
            found.add(node.name)
            stack.extend(node.decorator_list)
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        stack.extend(ast.iter_child_nodes(node))
    return found


def shadowing(source: Source, node: ast.AST) -> set[str]:
    """The names that functions around `node` (itself included) bind: there they hide the module's."""
    found: set[str] = set()
    for scope in (node, *source.ancestors(node)):
        if isinstance(scope, FUNCTIONS):
            found |= bound_names(scope)
    return found
