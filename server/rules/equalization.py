"""What the rules of AIMET's page for cross-layer equalization (202, 203, 204) share."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..finding import Severity

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Operation, Unit
    from ..reading.values import Module, Value

# Source: the published pages 1.13 to 1.35.1 have these guidelines, no 2.x page has; the constructs pass in 2.42.
DOCUMENTED = "(In the documentation of every AIMET 1.x, of no 2.x.)"


def severity(config: Config) -> Severity:
    """Information where the project is known to use AIMET 2.x, else a warning."""
    return Severity.INFORMATION if config.aimet_version == "2.x" else Severity.WARNING


def made_here(unit: Unit) -> list[tuple[Module, ast.Call]]:
    """The modules this statement constructs by a call, each with that call; copies of others left out."""
    found = []
    for module in unit.made:
        node = module.origin.node if module.origin is not None else None
        if isinstance(node, ast.Call) and not _copies(node):
            found.append((module, node))
    return found


def _copies(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in ("copy", "deepcopy")


def argument(operation: Operation, position: int, name: str) -> tuple[ast.expr | None, Value] | None:
    """The (expression, value) given for a parameter, None where it is not given."""
    if name in operation.keywords:
        return operation.keywords[name]
    return operation.operands[position] if position < len(operation.operands) else None


def writes(call: ast.AST, positional: int, keywords: Mapping[str, object]) -> bool:
    """Whether a call writes exactly these arguments itself, none of them hidden or given elsewhere."""
    return (
        isinstance(call, ast.Call)
        and len(call.args) == positional
        and not any(isinstance(each, ast.Starred) for each in call.args)
        and {keyword.arg for keyword in call.keywords} == set(keywords)
    )


def written(call: ast.AST, position: int, name: str) -> ast.expr | ast.keyword | None:
    """Where a call writes the argument for a parameter: the keyword with its name, or the positional expression."""
    if not isinstance(call, ast.Call):
        return None
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword
    plain = call.args[: position + 1]
    if len(plain) > position and not any(isinstance(each, ast.Starred) for each in plain):
        return plain[position]
    return None
