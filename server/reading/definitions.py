"""Classes and functions of the workspace, and what else a top-level name is bound to."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .parts import Parts
from .source import Statement
from .syntax import DefinedFunction

# Stand for the text of a file's statements that are no class or function, and for all of its text.
CODE = "<code>"
WHOLE = "<file>"

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def is_static(method: DefinedFunction) -> bool:
    """Whether a method is called without the object that it is called on."""
    return any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in method.decorator_list)


def given_parameters(method: DefinedFunction) -> list[ast.arg]:
    """The parameters that a method's callers give by position: without the object that it is called on."""
    ordinary = [*method.args.posonlyargs, *method.args.args]
    return ordinary if is_static(method) else ordinary[1:]


@dataclass(eq=False, slots=True)
class Definition:
    """A class or function: where it stands, its syntax tree and its name qualified within the statement.

    simple_name: the last part of its name. memo: what its text alone says, found out once.
    """

    path: str
    statement: Statement
    node: ast.ClassDef | FunctionNode
    name: str
    parent: Definition | None = None
    simple_name: str = field(init=False, repr=False)
    memo: dict[Any, Any] = field(default_factory=dict, repr=False)
    _methods: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] | None = field(default=None, repr=False)
    _class_names: dict[str, ast.expr | ast.AnnAssign | ast.ClassDef] | None = field(default=None, repr=False)
    _inner: dict[str, Definition] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.simple_name = self.name.rpartition(".")[2]

    def is_same(self, other: Definition | None) -> bool:
        """Whether it is the same class or function, be it in another version of its statement."""
        if self is other or other is None:
            return self is other
        if self.statement is other.statement:
            return False
        return (self.name, self.statement.key, self.path) == (other.name, other.statement.key, other.path)

    @property
    def methods(self) -> Mapping[str, ast.FunctionDef | ast.AsyncFunctionDef]:
        """The functions of a class body by name; the last one of a name counts, of a property what reads it."""
        if self._methods is None:
            self._methods = {}
            for node in class_body(self.node):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    if node.name not in self._methods or not _sets_property(node):
                        self._methods[node.name] = node
        return self._methods

    @property
    def class_names(self) -> Mapping[str, ast.expr | ast.AnnAssign | ast.ClassDef]:
        """The names a class body binds to values, annotations and classes; the first one of a name counts."""
        if self._class_names is None:
            self._class_names = {}
            for node in getattr(self.node, "body", ()):
                if isinstance(node, ast.Assign):
                    for target in node.targets:
                        if isinstance(target, ast.Name):
                            self._class_names.setdefault(target.id, node.value)
                elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    self._class_names.setdefault(node.target.id, node.value if node.value is not None else node)
                elif isinstance(node, ast.ClassDef):
                    self._class_names.setdefault(node.name, node)
        return self._class_names

    @property
    def parts(self) -> Parts:
        """The nodes of its syntax tree."""
        parts = self.memo.get("parts")
        if parts is None:
            parts = self.memo["parts"] = Parts((self.node,))
        return parts

    @property
    def source(self) -> str:
        """Its text."""
        text = self.memo.get("source")
        if text is None:
            text = self.memo["source"] = self.statement.source(self.node)
        return str(text)

    def let_go(self) -> None:
        """Give up what was read of it; it is of no use any more."""
        for each in self._inner.values():
            each.let_go()
        self._inner.clear()
        self.memo.clear()
        self.parent = None

    def inner(self, node: ast.ClassDef | FunctionNode) -> Definition:
        """The definition of a function or class in its body."""
        name = getattr(node, "name", "<lambda>")
        known = self._inner.get(name)
        if known is None or known.node is not node:
            known = Definition(self.path, self.statement, node, f"{self.name}.{name}", self)
            self._inner[name] = known
        return known

    def method(self, name: str) -> Definition | None:
        """The function of that name in its body."""
        node = self.methods.get(name)
        return self.inner(node) if node is not None else None


def _sets_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function says how a property is set or deleted (`@size.setter`)."""
    return any(
        isinstance(each, ast.Attribute) and each.attr in ("setter", "deleter") and isinstance(each.value, ast.Name)
        for each in node.decorator_list
    )


def class_body(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a class body, those inside `if` and `try` too."""
    for child in getattr(node, "body", ()):
        yield child
        if isinstance(child, (ast.If, ast.Try)):
            yield from class_body(child)
            yield from child.orelse
            for handler in getattr(child, "handlers", ()):
                yield from handler.body


@dataclass(frozen=True, slots=True)
class Import:
    """A name bound by an import: the dotted target, relative ones already made absolute."""

    target: str


@dataclass(frozen=True, slots=True)
class Assigned:
    """A name bound by an assignment; `index` where it is one element of an unpacked value."""

    path: str
    statement: Statement
    value: ast.expr
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Several:
    """What a name is bound to in several clauses, of which conditions choose one when the file runs.

    options: for a class or function the key of its statement.
    """

    options: tuple[Import | Assigned | str, ...]


# What a clause binds a name to: for a class or function the key of its statement.
Option = Import | Assigned | Several | str


@dataclass(frozen=True, slots=True)
class OneOf:
    """What a name means where that is one of several things; dotted names are libraries' or files."""

    options: tuple[Definition | Assigned | str, ...]


# What a name means in the workspace.
Found = Definition | Assigned | OneOf | str | None

# A class or function of a file is bound as its statement, which is parsed only when somebody asks.
Binding = Import | Assigned | Several | Statement
