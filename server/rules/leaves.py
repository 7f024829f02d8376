"""Childless modules whose forward is one operation: to AIMET such a class is that operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..knowledge import tensors
from ..reading.values import Sequence, Tensor
from . import support

if TYPE_CHECKING:
    from ..reading.definitions import Definition
    from ..reading.facts import Operation
    from ..reading.index import Index


def is_single_operation(index: Index, definition: Definition) -> bool:
    """Whether a model has no submodules and its forward runs one tensor operation.

    AIMET's ModelValidator then does not report the operation (measured on AIMET 2.42).
    """
    trace = index.trace(definition)
    if trace is None or trace.uses or trace.is_read_in_part or not support.is_childless(index, definition):
        return False
    return sum(1 for operation in trace.operations if _computes(operation)) == 1


def _computes(operation: Operation) -> bool:
    if operation.symbol == "Tensor.__iter__" or tensors.is_inplace(operation.symbol):
        return True
    return isinstance(operation.result, (Tensor, Sequence))


def is_the_operation(index: Index, operation: Operation) -> bool:
    """Whether this operation is all that the module it runs in does."""
    return is_single_operation(index, operation.site.model)
