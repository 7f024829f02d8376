"""Whether a module has state: parameters, buffers, submodules that may have some, or what it keeps between calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..knowledge.modules import module_class
from ..reading.definitions import Definition
from ..reading.syntax import DefinedFunction
from ..reading.values import Choice, Dictionary, Instance, Module, Sequence, Tensor, Unknown, Value
from . import support

if TYPE_CHECKING:
    from ..reading.index import Index


def is_stateless(index: Index, module: Module) -> bool:
    """Whether a module has no parameters and buffers for sure, and keeps nothing between calls."""
    if module.guess:
        return False
    if module.items is not None and module.cls == "torch.nn.Sequential":
        return all(_is_stateless_value(index, item) for item in module.items)
    if module.cls is not None:
        known = module_class(module.cls)
        if known is not None:
            return known.stateless and not known.container
    definition = module.definition
    given = (*module.arguments, *module.keywords.values())
    if definition is None or any(_holds_state(index, value) for value in given):
        return False
    return bool(index.remember(("stateless", definition), lambda: _class_is_stateless(index, definition)))


def _is_stateless_value(index: Index, value: Value) -> bool:
    if isinstance(value, Choice):
        return all(_is_stateless_value(index, option) for option in value.options)
    return isinstance(value, Module) and is_stateless(index, value)


def _holds_state(index: Index, value: Value) -> bool:
    """Whether a value that a module keeps is state, or has some at any depth."""
    if isinstance(value, Choice):
        return any(_holds_state(index, option) for option in value.options)
    if isinstance(value, Sequence):
        held = value.items if value.items is not None else [value.element]
        return any(_holds_state(index, each) for each in held)
    if isinstance(value, Dictionary):
        held = [*value.items.values(), *([value.element] if value.element is not None else [])]
        return any(_holds_state(index, each) for each in held)
    return isinstance(value, (Tensor, Instance)) or (isinstance(value, Module) and not is_stateless(index, value))


def _class_is_stateless(index: Index, definition: Definition) -> bool:
    if index.external_base(definition) != "torch.nn.Module" or support.unreadable_base(index, definition):
        return False
    built = index.built(definition)
    if built is None or built.dynamic:
        return False
    classes = [each for each in index.order(definition) if isinstance(each, Definition)]
    if any(_OWNS.search(each.source) for each in classes):
        return False
    if any(_holds_state(index, value) for value in built.attributes.values()):
        return False
    return not unknown_modules(index, classes, built.attributes) and not _keeps_something(index, classes)


# What is made in some models only, or in a method, may be missing among the attributes.
_OWNS = re.compile(r"\b(?:Parameter|Buffer|Generator)\(|\bregister_(?:buffer|parameter)\((?![^()]*,\s*None\))")


def unknown_modules(index: Index, classes: list[Definition], attributes: dict[str, Value]) -> bool:
    """Whether an attribute of unknown value, or of an unknown one of several, acts as a module in the classes."""
    acting = frozenset[str]().union(*map(_acting_as_modules, classes))
    return any(name in acting and _is_unknown(index, value) for name, value in attributes.items())


def _is_unknown(index: Index, value: Value) -> bool:
    if isinstance(value, Choice):
        return any(_is_unknown(index, option) for option in value.options)
    if isinstance(value, Instance):
        return support.unreadable_base(index, value.definition)  # which may be a module's
    return isinstance(value, Unknown)


# Apart from each other, and beginning with plain characters: they are found much faster.
_ACTS = (re.compile(r"self\.(\w+)\s*(?:\(|\[|\.\w)"), re.compile(r"in (?<!\win )(?:\w+\()?self\.(\w+)"))
_ALIASED = re.compile(r" = self\.(\w+)[ \t]*(?:#.*)?$", re.MULTILINE)


def _acting_as_modules(definition: Definition) -> frozenset[str]:
    """The attributes that are called, walked over or asked for attributes anywhere in a class, by another name too."""
    known = definition.memo.get("acting as modules")
    if known is None:
        found = (pattern.findall(definition.source) for pattern in _ACTS)
        known = frozenset().union(*found, _acting_aliases(definition.source))
        definition.memo["acting as modules"] = known
    return frozenset(known)


def _acting_aliases(source: str) -> Iterator[str]:
    """The attributes that a local name stands for which acts as a module (`net = self.net; net.stem(x)`)."""
    for aliased in _ALIASED.finditer(source):
        alias = source[source.rfind("\n", 0, aliased.start()) + 1 : aliased.start()].strip()
        if alias.isidentifier() and re.search(rf"\b{alias}(?:\(|\[|\.\w)", source):
            yield aliased.group(1)


# `self.cache = x`, `self.cache[i] += x`, and what puts something there by a call.
_KEEPS = re.compile(
    r"\bself(?:\.\w+|\[[^]\n]*\])+\s*(?::[^=\n]+)?(?:[-+*/|&@%]|//|\*\*)?=(?!=)"
    r"|\bself\.(?:\w+\.(?:append|extend|insert|update|clear|pop|setdefault)|register_\w+|add_module|__dict__)\b"
    r"|\bsetattr\(self\b|\bnext\(\s*self\b"
)
_CALLS = re.compile(r"\bself\.(\w+)")
# What these decorators make of a method keeps nothing in its object.
_PLAIN = ("torch.", "builtins.", "typing.", "typing_extensions.")


def is_carried_over(index: Index, definition: Definition) -> bool:
    """Whether a call leaves in a module what another call reads: two modules in its place would be two strangers."""
    return bool(index.remember(("carried over", definition), lambda: _is_carried_over(index, definition)))


def _is_carried_over(index: Index, definition: Definition) -> bool:
    classes = [each for each in index.order(definition) if isinstance(each, Definition)]
    left: set[str] = set()
    read: set[str] = set()
    for each, method in _part_of_forward(classes):
        parts = each.inner(method).parts
        changed = {id(node.target) for node in parts.of(ast.AugAssign)}
        for node in parts.of(ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                (read if isinstance(node.ctx, ast.Load) else left).add(node.attr)
                if id(node) in changed:
                    read.add(node.attr)
    return bool(left & read)


def _part_of_forward(classes: list[Definition]) -> Iterator[tuple[Definition, DefinedFunction]]:
    """`forward`, the methods that it names, and those that they name, each with its class."""
    waiting, seen = ["forward"], {"forward"}
    while waiting:
        name = waiting.pop()
        for each in classes:
            method = each.methods.get(name)
            if method is not None:
                yield each, method
                found = set(_CALLS.findall(each.statement.source(method))) - seen
                seen |= found
                waiting.extend(found)


def _keeps_something(index: Index, classes: list[Definition]) -> bool:
    """Whether `forward`, or a method that it names, puts something into its object."""
    for each, method in _part_of_forward(classes):
        if _KEEPS.search(each.statement.source(method)):
            return True
        if not all(index.dotted(_called(d), each.path).startswith(_PLAIN) for d in method.decorator_list):
            return True
    return False


def _called(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator
