"""Lets the callers of a module follow when what its `forward` takes or returns changes.

Calls in other models' `forward` are found by reading (`exchange.uses_of`). What calls a model from ordinary code, a
training loop, a script, the next cell of a notebook, is found here, when the repair is carried out: by then nothing
that is remembered can rest on it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from ..finding import Change, Interface, ReplaceText, Step
from ..reading.definitions import Definition
from ..reading.index import Index
from . import support

if TYPE_CHECKING:
    from ..reading.file_facts import FileFacts
    from ..reading.project import Project
    from ..reading.source import Statement

_Test = Callable[[ast.AST | None], bool]
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
# What a module's own methods of these names return is the module itself.
_ITSELF = frozenset({"to", "cuda", "cpu", "eval", "train", "half", "float", "double", "bfloat16", "requires_grad_"})


class Scope:
    """The code of one function, or of a file outside its functions and classes, with what each node is part of."""

    def __init__(self, parts: Iterable[tuple[Statement, Iterable[ast.AST]]], function: ast.AST | None = None) -> None:
        self.function = function
        self.home: dict[ast.AST, Statement] = {}
        self.parents: dict[ast.AST, ast.AST] = {}
        for statement, nodes in parts:
            pending = list(nodes)
            while pending:
                node = pending.pop()
                self.home[node] = statement
                for child in () if isinstance(node, (*_Function, ast.ClassDef)) else ast.iter_child_nodes(node):
                    self.parents[child] = node
                    pending.append(child)

    @classmethod
    def of_function(cls, statement: Statement, function: ast.AST) -> Scope:
        """The code of one function, without that of functions in it."""
        return cls([(statement, ast.iter_child_nodes(function))], function)

    def names(self, name: str) -> list[ast.Name]:
        """Where it reads or binds a name."""
        return [node for node in self.home if isinstance(node, ast.Name) and node.id == name]

    def binds(self, name: str) -> bool:
        """Whether the name is the scope's own."""
        arguments = getattr(self.function, "args", None)
        own = arguments is not None and any(
            isinstance(node, ast.arg) and node.arg == name for node in ast.walk(arguments)
        )
        return own or any(not isinstance(node.ctx, ast.Load) for node in self.names(name))


def runs_itself(index: Index, definition: Definition) -> bool:
    """Whether a method of a class, of a base or of a subclass runs its `forward`: `out = self(batch)`.

    Such a call runs the `forward` of every class that inherits it, so it cannot follow one of them.
    """
    order = [each for each in index.order(definition) if isinstance(each, Definition)]
    below = support.subclasses(index, definition)
    for each in (*order, *below):
        index.depend(each.path, each.statement.name)
    return any(_RUNS_ITSELF.search(each.source) for each in (*order, *below)) or any(
        _RUNS_BASE.search(each.source) for each in below
    )


_RUNS_ITSELF = re.compile(r"\bself(?:\.forward)?\(")
_RUNS_BASE = re.compile(r"\bsuper\([^()]*\)\.forward\(")


def reads_by_key(
    scope: Scope, call: ast.AST, keys: list[str], calls: Collection[ast.AST]
) -> list[tuple[Statement, ReplaceText]] | None:
    """How a caller that reads the result by key reads it by position; None where that cannot be followed.

    calls: every call of the same module in the scope; a name bound to one and then to another is still its result.
    """
    parent = scope.parents.get(call)
    reads: list[ast.Subscript] = []
    if isinstance(parent, ast.Subscript) and parent.value is call:
        reads.append(parent)
    elif isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
        for node in scope.names(parent.targets[0].id):
            around = scope.parents.get(node)
            if isinstance(around, ast.Assign) and around.targets == [node] and around.value in calls:
                continue
            if not isinstance(around, ast.Subscript) or around.value is not node:
                return None
            reads.append(around)
    else:
        return None
    found: list[tuple[Statement, ReplaceText]] = []
    for read in reads:
        key = read.slice
        if not isinstance(key, ast.Constant) or key.value not in keys or not isinstance(read.ctx, ast.Load):
            return None
        statement = scope.home[read]
        found.append((statement, ReplaceText(statement.span(key), str(keys.index(key.value)))))
    return found


def passed_each(
    statement: Statement, call: ast.AST, parameter: str, position: int, keys: list[str]
) -> ReplaceText | None:
    """How a call that passes a dict passes its values; None where what it passes cannot be told.

    position: the parameter's, without `self`.
    """
    if not isinstance(call, ast.Call) or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    named = next((each for each in call.keywords if each.arg == parameter), None)
    given = named.value if named is not None else call.args[position] if position < len(call.args) else None
    if isinstance(given, ast.Dict):
        by_key = {
            key.value: value
            for key, value in zip(given.keys, given.values, strict=True)
            if isinstance(key, ast.Constant)
        }
        if len(by_key) != len(given.keys) or set(by_key) != set(keys):
            return None
        parts = tuple(statement.span(by_key[key]) for key in keys)
        values = [f"{{{index}}}" for index in range(len(keys))]
    elif isinstance(given, ast.Name):
        parts = (statement.span(given),)
        values = [f'{{0}}["{key}"]' for key in keys]
    else:
        return None
    pairs = zip(keys, values, strict=True)
    text = ", ".join(f"{key}={value}" if named is not None else value for key, value in pairs)
    return ReplaceText(statement.span(named if named is not None else given), text, parts)


def following(project: Project, interface: Interface, already: Iterable[Change]) -> list[Change]:
    """The changes of ordinary code that calls a module whose interface changes.

    already: the changes of the repair itself; calls that they rewrite are left to them.
    """
    index = Index(project)
    taken = {
        (change.path, change.key, step.span)
        for change in already
        for step in change.steps
        if isinstance(step, ReplaceText)
    }
    steps: dict[tuple[str, str], list[Step]] = {}
    for path, facts in project.files.items():
        if interface.cls.rpartition(".")[2] not in facts.source.text:
            continue
        for statement, step in _rewritten(index, facts, interface):
            if (path, statement.key, step.span) not in taken:
                steps.setdefault((path, statement.key), []).append(step)
    return [Change(path, key, tuple(dict.fromkeys(listed))) for (path, key), listed in steps.items()]


def _rewritten(index: Index, facts: FileFacts, interface: Interface) -> Iterator[tuple[Statement, ReplaceText]]:
    keys = list(interface.keys)
    for scope, calls in _calls(index, facts, interface):
        for call in calls:
            if not interface.parameter:
                yield from reads_by_key(scope, call, keys, calls) or ()
                continue
            statement = scope.home[call]
            step = passed_each(statement, call, interface.parameter, interface.position, keys)
            if step is not None:
                yield statement, step


def _calls(index: Index, facts: FileFacts, interface: Interface) -> Iterator[tuple[Scope, list[ast.Call]]]:
    """Every scope of a file that calls an instance of the class, with its calls."""

    def is_class(node: ast.AST | None) -> bool:
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return False
        found = index.named(node, facts.path)
        return isinstance(found, Definition) and (found.path, found.name) == (interface.path, interface.cls)

    def is_made(node: ast.AST | None) -> bool:
        """Whether an expression makes an instance: `Net()`, `Net().to(device).eval()`."""
        while isinstance(node, ast.Call):
            if is_class(node.func):
                return True
            if not isinstance(node.func, ast.Attribute) or node.func.attr not in _ITSELF:
                return False
            node = node.func.value
        return False

    code = [(statement, statement.body) for _, statement in facts.source.statements if not statement.is_definition]
    outer = Scope(code)
    shared = _held(outer, is_made, is_class)
    scopes: list[tuple[Scope, set[str], set[str]]] = [(outer, shared, set())]
    for _, statement in facts.source.statements:
        for node in statement.body:
            scopes.extend(_functions(statement, node, shared, is_made, is_class))
    for scope, names, attributes in scopes:
        calls = [
            node
            for node in scope.home
            if isinstance(node, ast.Call)
            and (
                (isinstance(node.func, ast.Name) and node.func.id in names)
                or (_of_self(node.func) in attributes)
                or is_made(node.func)
            )
        ]
        if calls:
            yield scope, sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def _functions(
    statement: Statement, top: ast.AST, shared: set[str], is_made: _Test, is_class: _Test
) -> Iterator[tuple[Scope, set[str], set[str]]]:
    """The functions in a statement, with the names and the attributes of `self` that hold an instance there."""
    pending: list[tuple[ast.AST, set[str], set[str]]] = [(top, shared, set())]
    while pending:
        node, names, attributes = pending.pop()
        if isinstance(node, ast.ClassDef):
            attributes = _attributes(node, is_made)
        elif isinstance(node, _Function):
            scope = Scope.of_function(statement, node)
            own = _held(scope, is_made, is_class)
            names = {name for name in names if not scope.binds(name)} | own
            yield scope, names, attributes
        pending.extend((child, names, attributes) for child in ast.iter_child_nodes(node))


def _held(scope: Scope, is_made: _Test, is_class: _Test) -> set[str]:
    """The names that hold an instance and nothing else: bound once, or a parameter annotated with the class."""
    bound: dict[str, list[ast.AST | None]] = {}
    for node in scope.home:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            around = scope.parents.get(node)
            plain = isinstance(around, ast.Assign) and around.targets == [node]
            value = around.value if isinstance(around, ast.AnnAssign) or plain else None  # type: ignore[union-attr]
            bound.setdefault(node.id, []).append(value)
    arguments = getattr(scope.function, "args", None)
    for parameter in ast.walk(arguments) if arguments is not None else ():
        if isinstance(parameter, ast.arg):
            bound.setdefault(parameter.arg, []).append(parameter)
    return {
        name
        for name, values in bound.items()
        if len(values) == 1
        and (is_class(values[0].annotation) if isinstance(values[0], ast.arg) else is_made(values[0]))
    }


def _attributes(node: ast.ClassDef, is_made: _Test) -> set[str]:
    """The attributes of `self` that a class binds once, to an instance."""
    bound: dict[str, list[ast.AST | None]] = {}
    for each in ast.walk(node):
        targets = each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)]
        for target in targets:
            if (name := _of_self(target)) is not None:
                bound.setdefault(name, []).append(getattr(each, "value", None))
    return {name for name, values in bound.items() if len(values) == 1 and is_made(values[0])}


def _of_self(node: ast.AST | None) -> str | None:
    """`name` of `self.name`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return node.attr
    return None
