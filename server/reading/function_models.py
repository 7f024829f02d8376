"""Models that several functions share."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from .arguments import Arguments
from .values import UNKNOWN, Value

if TYPE_CHECKING:
    from .machine import Machine


def constant(value: Value) -> Callable[..., Value]:
    """It yields the same whatever it is given."""
    return lambda m, a, node, callee: value


def first(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    """It yields its first argument."""
    return a.positional[0][1] if a.positional else UNKNOWN


def second(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    """It yields its second argument."""
    return a.positional[1][1] if len(a.positional) > 1 else UNKNOWN
