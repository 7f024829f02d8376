"""Which tensors the model's input does not decide: those that `forward` makes of constants and sizes.

A trace bakes them in, so that a test of one, or how many elements it selects, is the same for every input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..knowledge import tensors
from ..knowledge.data import words
from .values import Choice, Const, Fixed, Number, Sequence, Shape, Symbol, Tensor, Unknown, Value

Operand = tuple[Any, Value]

_OF_SIZES = words(
    "arange empty empty_like eye linspace logspace new_empty new_ones new_zeros ones ones_like tril_indices "
    "triu_indices zeros zeros_like"
)
_OF_VALUES = words("tensor as_tensor full full_like new_full new_tensor")
# Of what these are given besides the tensor itself only its type or shape counts.
_LIKE = words("to type type_as expand_as view_as reshape_as cuda cpu")
_RANDOM = words(
    "bernoulli cauchy exponential geometric log_normal multinomial normal rand rand_like randint randint_like randn "
    "randn_like random randperm uniform dropout alpha_dropout feature_dropout"
)
_NO_VALUES = frozenset({"dtype", "device", "layout", "requires_grad", "pin_memory", "memory_format", "non_blocking"})


def result(symbol: str, operands: Iterable[Operand], keywords: Mapping[str, Operand]) -> Fixed | None:
    """What says that an operation's result is fixed, None where it is not; notes what is written into a tensor."""
    values = [value for _, value in operands]
    found = _of(symbol.rpartition(".")[2].rstrip("_"), values, keywords)
    if found is None:
        if values and tensors.is_inplace(symbol):
            spoil(values[0])
        if "out" in keywords:
            spoil(keywords["out"][1])
    return found


def spoil(value: Value) -> None:
    """Note that something else is written into a tensor."""
    if isinstance(value, Tensor) and value.fixed is not None:
        value.fixed.spoil()


def _of(name: str, values: list[Value], keywords: Mapping[str, Operand]) -> Fixed | None:
    made = name in _OF_SIZES or name in _OF_VALUES
    if name in _RANDOM or "generator" in keywords:
        return None
    if name.endswith("_like") or name.startswith("new_"):
        values = values[1:]
    elif name in _LIKE:
        values = values[:1]
    sources: list[Fixed] = []
    named = [value for key, (_, value) in keywords.items() if key not in _NO_VALUES]
    if not all(_is_fixed(value, sources, name in _OF_SIZES) for value in (*values, *named)):
        return None
    return Fixed(tuple(sources)) if made or sources else None


def _is_fixed(value: Value, sources: list[Fixed], is_size: bool) -> bool:
    if isinstance(value, Tensor):
        if value.fixed is None:
            return False
        sources.append(value.fixed)
        return True
    if isinstance(value, Sequence):
        items = value.items if value.items is not None else (value.element,)
        return all(_is_fixed(item, sources, is_size) for item in items)
    if isinstance(value, Choice):
        return all(_is_fixed(option, sources, is_size) for option in value.options)
    if isinstance(value, Number):
        return not value.data and value.read is None
    return isinstance(value, (Const, Shape, Symbol)) or (is_size and isinstance(value, Unknown))


def of_value(value: Value) -> Fixed | None:
    """What says that a tensor, or a number read out of one, is fixed."""
    if isinstance(value, Tensor):
        return value.fixed
    return value.read.fixed if isinstance(value, Number) and value.read is not None else None
