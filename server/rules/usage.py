"""Who in the workspace makes, holds or only inherits from a class."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..knowledge.data import words
from ..reading import traced
from ..reading.callers import names_used
from ..reading.definitions import CODE, Definition, given_parameters
from ..reading.syntax import walk
from . import support

if TYPE_CHECKING:
    from ..reading.index import Index
    from ..reading.source import Statement

# How many functions may stand between a class and the model that its instance becomes a part of.
_FACTORIES = 2
_REGISTRY = re.compile(r"regist|\(\)$", re.IGNORECASE)


def is_beside_models(index: Index, definition: Definition) -> bool:
    """Whether it is a loss or a data transform: a module too, but no part of a model unless a model holds it."""
    return is_loss(index, definition) or _is_transform(index, definition)


_LOSS_NAME = re.compile(r"(?:Loss|Losses|Criterion|Metric|CrossEntropy)(?:[A-Z0-9_]\w*)?$")


def is_loss(index: Index, definition: Definition) -> bool:
    """Whether it compares a model's output with what it should be."""
    if _LOSS_NAME.search(definition.simple_name):
        return True
    base = index.external_base(definition) or ""
    if base.endswith("Loss") or base.startswith("torch.nn.modules.loss."):
        return True
    takes_target = traced.takes_target(index, definition) and support.is_childless(index, definition)
    return takes_target and not _is_transform(index, definition)


def _parameters(index: Index, definition: Definition) -> list[str]:
    """The names of `forward`'s parameters for a class without submodules: a model may take images and targets."""
    found = index.method(definition, "forward")
    if found is None or not isinstance(found[1].node, ast.FunctionDef) or not support.is_childless(index, definition):
        return []
    return [parameter.arg for parameter in given_parameters(found[1].node)]


_TRANSFORM_NAME = re.compile(r"Transform$|Augment|^Random[A-Z]")
# A transformer is a model.
_TRANSFORM_FILE = re.compile(r"transform(?!er)|augment", re.IGNORECASE)
_IMAGES = words("img imgs image images pic pil_image sample clip")


def _is_transform(index: Index, definition: Definition) -> bool:
    """Whether it prepares data before the model sees them."""
    classes = [each for each in index.order(definition) if isinstance(each, Definition)]
    if any(_TRANSFORM_NAME.search(each.simple_name) for each in classes):
        return True
    folder, _, name = definition.path.rpartition("/")
    if _TRANSFORM_FILE.search(name) or _TRANSFORM_FILE.match(folder.rpartition("/")[2]):
        return True
    return any(name in _IMAGES for name in _parameters(index, definition)[:1])


def only_a_base(index: Index, definition: Definition) -> bool:
    """Whether classes derive from it and nothing in the workspace makes an instance of the class itself."""
    name = definition.simple_name
    if not support.subclasses(index, definition):
        return False
    return not any(name in names_used(statement) for _, statement in _others(index, definition))


def is_held(index: Index, definition: Definition) -> bool:
    """Whether a class of the workspace may hold an instance as its submodule, made by itself, a function or a table."""
    decorators = [ast.unparse(each) for each in getattr(definition.node, "decorator_list", ())]
    if definition.parent is not None or any(_REGISTRY.search(each) for each in decorators):
        # A class inside a function or in a registry is made by code that cannot be followed.
        return True
    name = definition.simple_name
    if definition.statement.text.count(f"{name}(") > 1 and name in names_used(definition.statement):
        return True
    return _is_held(index, definition, 0)


def _is_held(index: Index, made_by: Definition, depth: int) -> bool:
    """Whether what a class or a function makes becomes a part of a model."""
    name = made_by.simple_name
    for path, statement in _others(index, made_by):
        if name not in names_used(statement):
            continue
        if statement.key.startswith("class "):
            if _is_part_of_models(index, path, statement):
                return True
        elif statement.key.startswith("def "):
            index.depend(path, statement.name)
            if any(_may_keep(index, path, each) for each in _passed_on(statement).get(name, ())):
                return True
            maker = index.project.files[path].definition(statement)
            if maker is not None and depth < _FACTORIES and _is_held(index, maker, depth + 1):
                return True
        elif any(_in_table(each, name) for each in statement.body):
            return True
    return False


def _passed_on(statement: Statement) -> Mapping[str, list[ast.expr]]:
    """The names of what a function calls, and the other classes whose constructors are given what that yields."""
    known = statement.memo.get("passed on")
    if known is None:
        # A name may hold any of the values it is given: which one it holds at a call, branches and loops decide.
        given: dict[str, list[ast.expr]] = {}
        for node in statement.parts.of(ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    given.setdefault(target.id, []).append(node.value)
        found: dict[str, list[ast.expr]] = {}
        for call in statement.parts.of(ast.Call):
            if _callee(call)[:1].isupper():
                for each in (*call.args, *(keyword.value for keyword in call.keywords)):
                    for name in _made_in(each, given, frozenset()):
                        found.setdefault(name, []).append(call.func)
        known = statement.memo["passed on"] = found
    return known  # type: ignore[return-value]


def _may_keep(index: Index, path: str, constructor: ast.expr) -> bool:
    """Whether objects of a class are models, or may be, that have as a part what they are made with."""
    found = index.named(constructor, path)
    if isinstance(found, Definition):
        return not isinstance(found.node, ast.ClassDef) or index.is_model(found)
    return not (isinstance(found, str) and traced.is_wrapper(found))


def _made_in(node: ast.expr, given: Mapping[str, list[ast.expr]], followed: frozenset[str]) -> Iterator[str]:
    """The names of the calls whose results a value may be or hold."""
    if isinstance(node, ast.Call):
        yield _callee(node)
    elif isinstance(node, ast.Name) and node.id not in followed:
        for value in given.get(node.id, ()):
            yield from _made_in(value, given, followed | {node.id})
    else:
        for part in _PARTS.get(type(node), ()):
            held = getattr(node, part)
            for each in held if isinstance(held, list) else [held]:
                if isinstance(each, ast.expr):
                    yield from _made_in(each, given, followed)


# Of each kind of expression those whose results it may be or hold.
_PARTS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.IfExp: ("body", "orelse"),
    ast.BoolOp: ("values",),
    ast.List: ("elts",),
    ast.Tuple: ("elts",),
    ast.Set: ("elts",),
    ast.Dict: ("values",),
    ast.Starred: ("value",),
}


def _callee(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _is_part_of_models(index: Index, path: str, statement: Statement) -> bool:
    """Whether a class is a model and neither a loss nor a transform."""
    holder = index.project.files[path].definition(statement)
    return holder is not None and index.is_model(holder) and not is_beside_models(index, holder)


def _others(index: Index, definition: Definition) -> Iterator[tuple[str, Statement]]:
    """(file, statement) for the other statements that have the class's name, in its file and those that import it."""
    name = definition.simple_name
    # Mostly one of the classes and functions settles the question: they come before tables.
    for facts, statement in index.placed_mentions(definition):
        yield facts.path, statement
    for path in (definition.path, *index.project.users(definition.path)):
        facts = index.project.files[path]
        index.depend(path, CODE)
        for statement in facts.code:
            if name in statement.text:
                yield path, statement
        for statement in facts.importing:
            if statement is not definition.statement and name in statement.text:
                yield path, statement


def _in_table(node: ast.AST, name: str) -> bool:
    """Whether a module-level statement puts the class itself, not an instance, into a value."""
    called = {id(part.func) for part in walk(node) if isinstance(part, ast.Call)}
    return any(isinstance(part, ast.Name) and part.id == name and id(part) not in called for part in walk(node))
