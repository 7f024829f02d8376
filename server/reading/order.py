"""The order in which Python looks names up in a class and its bases."""

from __future__ import annotations

import ast
from typing import Any

from ..knowledge import modules
from .definitions import Definition

_Bound = ast.expr | ast.AnnAssign | ast.ClassDef


class ClassOrder:
    """A class and its bases in the order of lookup; libraries' classes by dotted name.

    lines: each of them, and what tells it from the others. What was looked up once is known from then on: a class and
    its bases are read as they stand in one version of their files.
    """

    __slots__ = ("_annotations", "_methods", "_values", "each", "lines", "module_base")

    def __init__(self, lines: list[tuple[Definition | str, Any]]) -> None:
        self.lines = lines
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
            self._methods[name] = next(((each, method) for each, method in owners if method is not None), None)
        return self._methods[name]

    def value(self, name: str) -> tuple[Definition, _Bound] | None:
        """(the class that binds it, what to) for a name that a class body binds to anything but a function."""
        if name not in self._values:
            owners = ((each, each.class_names.get(name)) for each in self.each if isinstance(each, Definition))
            self._values[name] = next(((each, found) for each, found in owners if found is not None), None)
        return self._values[name]

    def annotation(self, name: str) -> tuple[Definition, ast.expr] | None:
        """(the class that declares it, its annotation) for an attribute that a class body declares (`x: Tensor`)."""
        if self._annotations is None:
            self._annotations = {}
            for each in self.each:
                for child in getattr(each.node, "body", ()) if isinstance(each, Definition) else ():
                    if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
                        self._annotations.setdefault(child.target.id, (each, child.annotation))  # type: ignore[arg-type]
        return self._annotations.get(name)
