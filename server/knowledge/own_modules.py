"""Operations that neither torch.nn nor AIMET has a module for, and that a module of one line is enough for.

AIMET takes a childless module for the operation it runs, where it runs no more than one, and quantsim takes any module
that is registered with it. Source: each entry is run as such a module through AIMET's ModelValidator and through
QuantizationSimModel by `tests/oracle/test_own_modules.py` (AIMET 2.42).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from .data import words
from .names import canonical
from .tensors import operator_method


class OwnModule(NamedTuple):
    """A module of one operation.

    name: for the class. attribute: for the submodule. operation: the operation itself, `torch.arange` or `Tensor.roll`.
    computes: it makes new values of its tensors, so its output deserves a quantizer; else it moves or picks values,
        makes tensors of numbers, or tells booleans and indices, and is left out of quantization.
    tensors: how many tensors come first; 0 where something else does.
    """

    name: str
    attribute: str
    operation: str
    computes: bool
    tensors: int = 1


# Methods of tensors; the functions of the same names take the same arguments after the tensor.
_MOVING = words("""
    roll flip fliplr flipud rot90 unfold repeat_interleave tril triu diag diag_embed take take_along_dim masked_select
    masked_scatter index_copy index_fill select_scatter slice_scatter diagonal_scatter narrow_copy msort sort argsort
    bitwise_and bitwise_or bitwise_xor bitwise_not logical_xor isnan isinf isfinite isclose any all count_nonzero
    new_zeros new_ones new_full new_empty
""")
_COMPUTING = words("""
    var std clamp clip clamp_min clamp_max log2 log10 log1p expm1 exp2 reciprocal erfc tan sinh cosh asinh acosh atanh
    trunc frac nan_to_num cumprod logsumexp logcumsumexp nansum sinc
""")
_COMPUTING_OF_TWO = words("atan2 hypot logaddexp copysign fmax fmin lerp xlogy kron inner mm mv dot cross")
_COMPUTING_OF_THREE = words("addcmul addcdiv addbmm addmv addr")
# Functions of torch that are no methods, or whose methods take other arguments.
_MAKING = words("""
    torch.arange torch.linspace torch.zeros torch.ones torch.full torch.empty torch.eye torch.tril_indices
    torch.triu_indices torch.zeros_like torch.ones_like torch.full_like torch.empty_like
    torch.meshgrid torch.stack torch.hstack torch.vstack torch.dstack torch.bucketize torch.searchsorted
    torch.nn.functional.one_hot
""")
# Layers of functions whose weights come with each call; `nn.Conv2d` is another thing.
_LAYERS = frozenset(f"torch.nn.functional.{name}{n}d" for name in ("conv", "conv_transpose") for n in (1, 2, 3))
_OPERATORS = {"and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "invert": "bitwise_not"}

# `typing.Any` has the usual name.
_NAMES = {"any": "AnyOf", "all": "AllOf"}


@lru_cache(maxsize=1024)
def own_module(symbol: str) -> OwnModule | None:
    """The module for an operation, by any of its names; None where one line is not known to be enough."""
    name = canonical(symbol)
    name = operator_method(name) or name
    if name.startswith("Tensor.__"):
        plain = _OPERATORS.get(name[len("Tensor.__") : -2])
        return own_module(f"Tensor.{plain}") if plain is not None else None
    space, _, plain = name.rpartition(".")
    if name == "torch.einsum":
        return _made(plain, name, True, 0)
    if name in _LAYERS:
        made = _made(plain, name, True, 2)
        return made._replace(name=f"Functional{made.name}", attribute="conv")
    if name in _MAKING:
        return _made(plain, name, False)
    if space not in ("torch", "Tensor") or (space == "torch" and plain.startswith("new_")):
        return None
    if plain in _MOVING:
        return _made(plain, f"Tensor.{plain}", False)
    for tensors, known in enumerate((_COMPUTING, _COMPUTING_OF_TWO, _COMPUTING_OF_THREE), 1):
        if plain in known:
            return _made(plain, f"Tensor.{plain}", True, tensors)
    return None


def operations() -> tuple[str, ...]:
    """Every operation that has such a module, by the name of OwnModule.operation, sorted."""
    methods = _MOVING | _COMPUTING | _COMPUTING_OF_TWO | _COMPUTING_OF_THREE
    return tuple(sorted({"torch.einsum", *_LAYERS, *_MAKING, *(f"Tensor.{each}" for each in methods)}))


def _made(plain: str, operation: str, computes: bool, tensors: int = 1) -> OwnModule:
    name = _NAMES.get(plain) or "".join(part[:1].upper() + part[1:] for part in plain.split("_"))
    return OwnModule(name, plain, operation, computes, tensors)
