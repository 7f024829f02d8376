"""Which tensors the model's input does not decide: those that `forward` makes of constants and sizes, and buffers.

A trace bakes them in, so that a test of one, or how many elements it selects, is the same for every input. A parameter
is none of them: torch.fx puts a proxy in its place, but leaves buffers as they are (measured on torch 2.14).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..knowledge import tensors
from ..knowledge.data import words
from .values import NONE, Choice, Const, Fixed, Foreign, Module, Number, Sequence, Shape, Symbol, Tensor, Unknown, Value

if TYPE_CHECKING:
    from .machine import Machine

Operand = tuple[Any, Value]

_OF_SIZES = words(
    "arange empty empty_like eye linspace logspace new_empty new_ones new_zeros ones ones_like tril_indices "
    "triu_indices zeros zeros_like"
)
_OF_VALUES = words("tensor as_tensor from_numpy full full_like new_full new_tensor")
_OF_ARRAYS = frozenset({"tensor", "as_tensor", "from_numpy"})
# Of what these are given besides the tensor itself only its type or shape counts.
_LIKE = words("to type type_as expand_as view_as reshape_as cuda cpu")
_RANDOM = words(
    "bernoulli cauchy exponential geometric log_normal multinomial normal rand rand_like randint randint_like randn "
    "randn_like random randperm uniform dropout alpha_dropout feature_dropout"
)
_NO_VALUES = frozenset({"dtype", "device", "layout", "requires_grad", "pin_memory", "memory_format", "non_blocking"})


def result(m: Machine, symbol: str, operands: Iterable[Operand], keywords: Mapping[str, Operand]) -> Fixed | None:
    """What says that an operation's result is fixed, None where it is not; notes what is written into a tensor."""
    name = symbol.rpartition(".")[2].rstrip("_")
    values = [NONE if name in _OF_ARRAYS and _is_own_array(*each) else own(m, *each) for each in operands]
    found = _of(name, values, keywords)
    if values and tensors.is_inplace(symbol) and (found is None or _is_lasting(values[0])):
        spoil(values[0])
    if found is None:
        if "out" in keywords:
            spoil(keywords["out"][1])
    return found


def _is_own_array(node: Any, value: Value) -> bool:
    """Whether it is an array that the model holds, and was not handed by a tensor here."""
    return _is_of_self(node) and isinstance(value, Foreign)


def own(m: Machine, node: Any, value: Value) -> Value:
    """A value; an attribute of the model that nothing is known of is a tensor made once, where it is used as one."""
    if isinstance(value, Unknown) and _is_of_self(node) and m.frame.owner is not None:
        return Tensor("op", fixed=of_attribute(m, m.frame.owner, node.attr))
    return value


def _is_of_self(node: Any) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def held(m: Machine, module: Module, name: str, value: Value) -> Value:
    """An attribute of a module: a tensor that was made once is the same in every call, unless one writes into it."""
    if m.building or not isinstance(value, Tensor) or value.fixed is not None or value.origin in ("parameter", "input"):
        return value
    kept = of_attribute(m, module, name)
    return Tensor(value.origin, value.definite, value.optional, value.rank, value.rows, value.boolean, kept)


def of_attribute(m: Machine, module: Module, name: str) -> Fixed:
    """What says that the tensor which a class holds by that name is fixed."""
    key = (module.definition or module.identity, name)
    if key not in m.held:
        m.held[key] = Fixed(lasts=True)
    return m.held[key]


def spoil(value: Value) -> None:
    """Note that something else is written into a tensor."""
    if isinstance(value, Tensor) and value.fixed is not None:
        value.fixed.spoil()


def _is_lasting(value: Value) -> bool:
    return isinstance(value, Tensor) and value.fixed is not None and value.fixed.is_lasting


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
        return not value.of_values
    return isinstance(value, (Const, Shape, Symbol)) or (is_size and isinstance(value, Unknown))


def of_value(value: Value) -> Fixed | None:
    """What says that a tensor, or a number read out of one, is fixed."""
    if isinstance(value, Tensor):
        return value.fixed
    return value.read.fixed if isinstance(value, Number) and value.read is not None else None
