"""Which arguments of a call can stand in `__init__` as they are."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ..knowledge import modules
from ..reading.definitions import Assigned, Definition, Import
from ..reading.syntax import walk
from . import support

if TYPE_CHECKING:
    from ..reading.facts import Operation, Unit


def carried(unit: Unit, operation: Operation, node: ast.expr | None) -> str | None:
    """An argument as it can stand in `__init__`, None where it may mean something else there."""
    return _carried(unit, operation.site.owner, node) if node is not None else None


def _carried(unit: Unit, owner: Definition | None, node: ast.expr) -> str | None:
    if not all(_holds_in_init(unit, owner, part) for part in walk(node)):
        return None
    source = unit.source(node)
    return source if "\n" not in source else ast.unparse(node)


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


def _holds_in_init(unit: Unit, owner: Definition | None, node: ast.AST) -> bool:
    if isinstance(node, _PLAIN):
        return True
    if isinstance(node, ast.Attribute):
        return (
            isinstance(node.value, ast.Name) and node.value.id == "self" and _constant_attribute(unit, owner, node.attr)
        )
    if isinstance(node, ast.Name):
        return node.id == "self" or _module_constant(unit, node.id)
    return False


def _module_constant(unit: Unit, name: str) -> bool:
    unit.index.depend(unit.path, name)
    unit.index.depend("calls", name)
    binding = unit.file.lookup(name)
    if isinstance(binding, Import):
        return True
    if not isinstance(binding, Assigned):
        return False
    try:
        ast.literal_eval(binding.value)
    except ValueError:
        return False
    # A constant that some function may set is none.
    return f"global {name}" not in unit.file.source.text


def _constant_attribute(unit: Unit, owner: Definition | None, name: str) -> bool:
    """Whether `self.<name>` is set once, in `__init__`, at its top level."""
    if owner is None:
        return False
    definitions = [each for each in unit.index.order(owner) if isinstance(each, Definition)]
    definitions.extend(support.subclasses(unit.index, owner))
    writes = sum(len(re.findall(rf"\.{name}\s*(?:[-+*/|&@%]|//|\*\*)?=(?!=)", each.source)) for each in definitions)
    if writes == 0:
        # torch's own layers keep what their constructor takes under its name.
        base = modules.module_class(unit.index.external_base(owner) or "")
        return base is not None and any(parameter.name == name for parameter in base.signature)
    if writes != 1:
        return False
    method = owner.method("__init__")
    if method is None or not isinstance(method.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    for statement in method.node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        for target in targets:
            if isinstance(target, ast.Attribute) and target.attr == name:
                return True
    return False
