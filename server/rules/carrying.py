"""Which arguments of a call can stand in `__init__` as they are."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ..knowledge import modules
from ..reading.definitions import CODE, Assigned, Definition, Import
from ..reading.syntax import walk
from . import substitutes, support

if TYPE_CHECKING:
    from ..reading.facts import Operation, Unit
    from ..reading.index import Index
    from ..reading.source import Statement


def carried(unit: Unit, operation: Operation, node: ast.expr | None) -> str | None:
    """An argument as it can stand in `__init__`, None where it may mean something else there.

    In a function that is no method it may name the function's parameters: callers then say what they hold.
    """
    if node is None:
        return None
    owner = operation.site.owner
    parameters = frozenset(substitutes.kept_parameters(operation.site.function)) if owner is None else frozenset()
    if not all(_holds_in_init(unit.index, unit.path, owner, part, parameters) for part in walk(node)):
        return None
    source = unit.source(node)
    return source if "\n" not in source else ast.unparse(node)


def in_class(index: Index, path: str, owner: Definition, method: str, node: ast.expr) -> str | None:
    """An expression of a method as it can stand in its class's `__init__`; names are those of the file `path`."""
    inside = owner.inner(owner.methods[method]).parts
    local = (inside.bound | inside.parameters) - {"self"}
    if any(isinstance(part, ast.Name) and part.id in local for part in ast.walk(node)):
        return None
    if any(not _holds_in_init(index, path, owner, part, frozenset()) for part in ast.walk(node)):
        return None
    return ast.unparse(node)


_PLAIN = (
    ast.Constant,
    ast.Tuple,
    ast.List,
    ast.UnaryOp,
    ast.USub,
    ast.UAdd,
    ast.Not,
    ast.Load,
    ast.BinOp,
    ast.operator,
)


def _holds_in_init(
    index: Index, path: str, owner: Definition | None, node: ast.AST, parameters: frozenset[str]
) -> bool:
    if isinstance(node, _PLAIN):
        return True
    if isinstance(node, ast.Attribute):
        of_self = isinstance(node.value, ast.Name) and node.value.id == "self"
        return of_self and _constant_attribute(index, owner, node.attr)
    if isinstance(node, ast.Name):
        return node.id == "self" or node.id in parameters or _module_constant(index, path, node.id)
    return False


def _module_constant(index: Index, path: str, name: str) -> bool:
    index.depend(path, name)
    index.depend_on_callers(path, name)
    file = index.project.files[path]
    binding = file.lookup(name)
    if isinstance(binding, Import):
        return True
    if not isinstance(binding, Assigned):
        return False
    try:
        ast.literal_eval(binding.value)
    except ValueError:
        return False
    # A constant that some function may set is none.
    return f"global {name}" not in file.source.text


def _constant_attribute(index: Index, owner: Definition | None, name: str) -> bool:
    """Whether `self.<name>` is set once, in `__init__`, at its top level."""
    if owner is None:
        return False
    definitions = [each for each in index.order(owner) if isinstance(each, Definition)]
    definitions.extend(support.subclasses(index, owner))
    writes = sum(len(re.findall(rf"\.{name}\s*(?:[-+*/|&@%]|//|\*\*)?=(?!=)", each.source)) for each in definitions)
    if writes == 0:
        # torch's own layers keep what their constructor takes under its name.
        base = modules.module_class(index.external_base(owner) or "")
        return base is not None and any(parameter.name == name for parameter in base.signature)
    if writes != 1 or any(name in _set_outside_of(index, each) for each in definitions):
        return False
    for each in index.order(owner):
        method = each.methods.get("__init__") if isinstance(each, Definition) else None
        if method is None or not isinstance(each, Definition):
            continue
        if any(_sets(statement, name) for statement in method.body):
            return True
        if "super().__init__(" not in each.statement.source(method):
            return False  # what a base's constructor sets is not there
    return False


def _sets(statement: ast.stmt, name: str) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return any(isinstance(target, ast.Attribute) and target.attr == name for target in targets)


_SETS_ON_ANOTHER = re.compile(
    r"\.(?<!\bself\.)(\w+)\s*(?::[^=\n]*)?(?:[-+*/|&@%]|//|\*\*)?=(?!=)|\bsetattr\(\s*(?!self\b)[^,\n]+,\s*[\"'](\w+)[\"']"
)


def _set_outside_of(index: Index, owner: Definition) -> frozenset[str]:
    """The attributes that code which names a class sets on something other than `self`: perhaps on its objects."""
    names: frozenset[str] = index.remember(("set outside", owner), lambda: _set_outside(index, owner))
    return names


def _set_outside(index: Index, owner: Definition) -> frozenset[str]:
    statements, paths = [], {owner.path}
    for facts, statement in index.placed_mentions(owner):
        index.depend(facts.path, statement.name)
        statements.append(statement)
        paths.add(facts.path)
    for path in paths:
        index.depend(path, CODE)
        statements.extend(index.project.files[path].code)
    return frozenset().union(*map(_sets_on_another, statements))


def _sets_on_another(statement: Statement) -> frozenset[str]:
    known = statement.memo.get("sets on another")
    if known is None:
        found = _SETS_ON_ANOTHER.findall(statement.text)
        known = statement.memo["sets on another"] = frozenset(one or other for one, other in found)
    return known  # type: ignore[return-value]
