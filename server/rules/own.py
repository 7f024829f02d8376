"""A module of its own for an operation that neither torch.nn nor AIMET has one for: a class of one line in the file.

AIMET takes a childless module for the one operation it runs, so its validator passes it, and the class is registered
with quantsim beside its definition.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from ..finding import InsertStatements
from ..knowledge.own_modules import OwnModule, own_module
from ..positions import Span
from ..reading.definitions import CODE, Definition
from ..reading.values import Tensor
from . import stubs
from .aimet_forms import as_written

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Operation, Unit

_MODULE = "torch.nn.Module"


class Own(NamedTuple):
    """The class for one operation, as a file has it or gets it.

    name: of the class. attribute: for the submodule. kept: the arguments of the call. made: what defines and registers
    the class, empty where the file has it. left_out: it gets no quantizer.
    """

    name: str
    attribute: str
    kept: tuple[Span | str, ...]
    made: tuple[InsertStatements, ...]
    left_out: bool


def own(unit: Unit, operation: Operation, config: Config) -> Own | None:
    """The class for an operation, None where there is none for it."""
    known = own_module(operation.symbol)
    if known is None or operation.via not in ("direct", "operator") or operation.starred or "out" in operation.keywords:
        return None
    first = operation.operands[0][1] if operation.operands else None
    if known.operation.startswith("Tensor.") and not isinstance(first, Tensor):
        return None
    if known.computes and len(operation.operands) < known.tensors:
        return None
    kept = as_written(operation)
    if kept is None:
        return None
    name, defined = _name(unit, known)
    if not defined and _stands_before_imports(unit):
        return None
    made = () if defined else (_defined(unit, known, name, config),)
    return Own(name, known.attribute, kept, made, not known.computes)


def _stands_before_imports(unit: Unit) -> bool:
    """Whether torch is imported below the statement: the class, which goes above it, would be defined without."""
    unit.index.depend(unit.path, CODE)
    below = False
    for _, statement in unit.file.source.statements:
        below = below or statement is unit.statement
        if below and not statement.is_definition:
            for node in statement.body:
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                if any(name.partition(".")[0] == "torch" for name in names):
                    return True
    return False


def _name(unit: Unit, known: OwnModule) -> tuple[str, bool]:
    """A name for the class, and whether the file defines it already."""
    name, number = known.name, 2
    while True:
        unit.index.depend(unit.path, name)
        if name not in unit.file.scope:
            return name, False
        source = unit.file.source
        named = [statement for _, statement in source.statements if statement.name == name]
        if named and all(_is_it(unit.file.definition(each), known) for each in named):
            unit.index.depend(unit.path, CODE)  # which clauses they are in
            return name, any(source.is_bound_at(each, unit.statement) for each in named)
        name, number = f"{known.name}{number}", number + 1


def _is_it(definition: Definition | None, known: OwnModule) -> bool:
    """Whether a class is what an earlier repair defined for the operation."""
    if definition is None:
        return False
    plain = known.operation.rpartition(".")[2]
    return list(definition.methods) == ["forward"] and bool(
        re.search(rf"return [\w.]*\b{plain}\(\*args, \*\*kwargs\)\s*\Z", definition.source)
    )


def _defined(unit: Unit, known: OwnModule, name: str, config: Config) -> InsertStatements:
    imports, plain = [_MODULE], known.operation.rpartition(".")[2]
    if known.operation.startswith("Tensor."):
        told, signature, called = f"`{plain}` of a tensor", "self, input, *args, **kwargs", f"input.{plain}"
    else:
        told, signature, called = f"The function `{plain}`", "self, *args, **kwargs", known.operation
        imports.append(known.operation)
    text = (
        f'class {name}({_MODULE}):\n    """{told} as a module, which AIMET sees as one operation."""\n\n'
        f"    def forward({signature}):\n        return {called}(*args, **kwargs)"
    )
    if config.aimet_version != "1.x":  # which wraps any module
        tensors = known.tensors if known.computes else None
        text += "\n\n\n" + stubs.registration_text(unit, name, tensors)
        imports[:0] = [stubs.MIXIN] if tensors is None else [stubs.MIXIN, stubs.LIST]
    return InsertStatements(text, tuple(imports), after=False)
