"""The order in which Python looks names up in a class and its bases."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Any

from ..knowledge import modules
from .definitions import Definition

_Bound = ast.expr | ast.AnnAssign | ast.ClassDef


class ClassOrder:
    """A class and its bases in the order of lookup; libraries' classes by dotted name.

    lines: each of them, and what tells it from the others. doubtful: those of the latter whose class may not be a
    base, since conditions choose what its name means: what they define means something, but not what. What was looked
    up once is known from then on: a class and its bases are read as they stand in one version of their files.
    """

    __slots__ = ("_annotations", "_doubtful", "_methods", "_values", "doubtful", "each", "lines", "module_base")

    def __init__(self, lines: list[tuple[Definition | str, Any]], doubtful: Collection[object] = frozenset()) -> None:
        self.lines = lines
        self.doubtful = doubtful
        self._doubtful = [each for each, line in lines if line in doubtful]
        self.each = [each for each, _ in lines]
        # The first library class among the bases that is a module.
        self.module_base = next((e for e in self.each[1:] if isinstance(e, str) and modules.is_module_base(e)), None)
        self._methods: dict[str, tuple[Definition, Definition] | None] = {}
        self._values: dict[str, tuple[Definition, _Bound] | None] = {}
        self._annotations: dict[str, tuple[Definition, ast.expr]] | None = None

    def method(self, name: str) -> tuple[Definition, Definition] | None:
        """(the class that defines it, the method) for a method the class has or inherits."""
        if name not in self._methods:
            owners = ((each, each.method(name)) for each in self.each if isinstance(each, Definition))
            found = next(((each, method) for each, method in owners if method is not None), None)
            self._methods[name] = found if found is not None and found[0] not in self._doubtful else None
        return self._methods[name]

    def value(self, name: str) -> tuple[Definition, _Bound] | None:
        """(the class that binds it, what to) for a name that a class body binds to anything but a function."""
        if name not in self._values:
            owners = ((each, each.class_names.get(name)) for each in self.each if isinstance(each, Definition))
            bound = next(((each, found) for each, found in owners if found is not None), None)
            self._values[name] = bound if bound is not None and bound[0] not in self._doubtful else None
        return self._values[name]

    def annotation(self, name: str) -> tuple[Definition, ast.expr] | None:
        """(the class that declares it, its annotation) for an attribute that a class body declares (`x: Tensor`)."""
        if self._annotations is None:
            self._annotations = {}
            for each in self.each:
                if each in self._doubtful:
                    continue
                for child in getattr(each.node, "body", ()) if isinstance(each, Definition) else ():
                    if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
                        self._annotations.setdefault(child.target.id, (each, child.annotation))  # type: ignore[arg-type]
        return self._annotations.get(name)
