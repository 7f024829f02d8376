"""What a class, a function or a run of statements is made of: walked once, asked many times."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

from .syntax import walk_all

_Node = TypeVar("_Node", bound=ast.AST)


class Parts:
    """The nodes of some trees by their kind, outer ones first, those that `walk` meets."""

    def __init__(self, roots: Iterable[ast.AST]) -> None:
        kinds: dict[type, list[ast.AST]] = {}
        for node in walk_all(roots):
            kind = type(node)
            known = kinds.get(kind)
            if known is None:
                kinds[kind] = [node]
            else:
                known.append(node)
        self._kinds = kinds

    def of(self, kind: type[_Node]) -> Sequence[_Node]:
        """The nodes of a kind."""
        return self._kinds.get(kind, ())  # type: ignore[return-value]

    @cached_property
    def names(self) -> Mapping[str, list[ast.Name]]:
        """Where each name stands alone, not behind a dot."""
        found: dict[str, list[ast.Name]] = {}
        for node in self.of(ast.Name):
            found.setdefault(node.id, []).append(node)
        return found

    @cached_property
    def said(self) -> Mapping[str, list[ast.Name | ast.Attribute]]:
        """Where each name stands alone or behind a dot."""
        found: dict[str, list[ast.Name | ast.Attribute]] = {name: [*nodes] for name, nodes in self.names.items()}
        for node in self.of(ast.Attribute):
            found.setdefault(node.attr, []).append(node)
        return found

    @cached_property
    def bound(self) -> frozenset[str]:
        """The names that are assigned or deleted; those of parameters, classes and functions are not among them."""
        return frozenset([node.id for node in self.of(ast.Name) if type(node.ctx) is not ast.Load])

    @cached_property
    def parameters(self) -> frozenset[str]:
        """The names of the parameters of all functions in it."""
        return frozenset([node.arg for node in self.of(ast.arg)])
