"""What is known of a tensor's data type: whether it holds bools, and whether it has the type that layers compute in.

Indexing with a tensor of bools selects, so the result's size depends on values. A parameter, a buffer, an input or a
created tensor may have another type than the layers' results, and hands it on to what is computed with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..knowledge.data import words
from .values import Sequence, Symbol, Tensor, Value

_COMPARISONS = words("eq ne lt le gt ge")
_TESTS = words(
    "all any isclose isfinite isin isinf isnan isneginf isposinf isreal logical_and logical_not logical_or logical_xor "
    "greater greater_equal less less_equal not_equal signbit bool"
)
_LOGIC = words("and or xor invert bitwise_and bitwise_or bitwise_xor bitwise_not")
_KEEPS = words(
    "clone contiguous detach expand expand_as flatten flip getitem movedim narrow permute repeat reshape roll select "
    "squeeze t transpose unsqueeze view view_as"
)

_CASTS = words(
    "to type type_as float double half bfloat16 int long short byte char cfloat argmax argmin argsort bucketize "
    "one_hot searchsorted count_nonzero view_as_real view_as_complex"
)

Operand = tuple[Any, Value]


def is_boolean(symbol: str, operands: Iterable[Operand], keywords: Mapping[str, Operand]) -> bool:
    """Whether the operation yields bools for sure."""
    name = symbol.rpartition(".")[2].strip("_")
    if name in _COMPARISONS or name in _TESTS:
        return True
    values = [value for _, value in operands]
    if name == "to" or "dtype" in keywords:
        kinds = [*values[1:], *(value for _, value in keywords.values())]
        return any(isinstance(kind, Symbol) and kind.name in ("torch.bool", "builtins.bool") for kind in kinds)
    tensors = [value for value in values if isinstance(value, Tensor)]
    if name in _KEEPS:
        return bool(tensors) and tensors[0].boolean
    return name in _LOGIC and bool(tensors) and all(tensor.boolean for tensor in tensors)


def is_mixed(symbol: str, operands: Iterable[Operand], keywords: Mapping[str, Operand]) -> bool:
    """Whether the result may have another data type than layers compute in."""
    if symbol.rpartition(".")[2] in _CASTS or "dtype" in keywords or is_boolean(symbol, operands, keywords):
        return True
    return any(_is_foreign(value) for _, value in (*operands, *keywords.values()))


def _is_foreign(value: Value) -> bool:
    if isinstance(value, Sequence):
        return any(map(_is_foreign, value.items if value.items is not None else (value.element,)))
    return isinstance(value, Tensor) and value.origin not in ("layer", "op")
