"""Runnable samples of torch's operations: what the generators really validate and really export.

Most come from torch's own operator database (op_db); operations it lacks have samples in `own_samples.py`. A sample is
a function of tensors only, so that it can be traced: everything else is bound.
"""

from __future__ import annotations

import sys
import types
import unittest
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from own_samples import OWN_SAMPLES
from torch.utils import _pytree as pytree
from torch_catalogue import operations

# Float first: AIMET and the exporters are about float models.
_DTYPES = (torch.float32, torch.int64, torch.bool, torch.complex64)


class Sample(NamedTuple):
    """`call(*tensors)` runs the operation once."""

    symbol: str
    call: Callable[..., Any]
    tensors: tuple[torch.Tensor, ...]


def _op_db() -> list[Any]:
    if "expecttest" not in sys.modules:
        try:
            import expecttest  # noqa: F401
        except ImportError:
            # torch's test helpers derive a class from its TestCase and use nothing else of it here.
            stub = types.ModuleType("expecttest")
            stub.TestCase = unittest.TestCase  # type: ignore[attr-defined]
            sys.modules["expecttest"] = stub
    from torch.testing._internal.common_methods_invocations import op_db

    return list(op_db)


def _sample(symbol: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Sample | None:
    leaves, spec = pytree.tree_flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]
    if not places or any(leaves[i].numel() == 0 or leaves[i].layout != torch.strided for i in places):
        return None

    def call(*tensors: torch.Tensor) -> Any:
        filled = list(leaves)
        for place, tensor in zip(places, tensors, strict=True):
            filled[place] = tensor
        positional, named = pytree.tree_unflatten(filled, spec)
        return function(*positional, **named)

    return Sample(symbol, call, tuple(leaves[i].detach() for i in places))


def _symbol(name: str) -> str:
    return f"torch.{name}"


def _named(variant: Any) -> str:
    return (getattr(variant, "__name__", None) or "").strip("_")


def _variants(info: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every spelling of one operator with its callable."""
    for entry in (info, *info.aliases):
        yield _symbol(entry.name), entry.op
        method, inplace = entry.method_variant, entry.inplace_variant
        if _named(method):
            yield f"Tensor.{_named(method)}", method
        if _named(inplace):
            yield f"Tensor.{_named(inplace)}_", inplace
            if hasattr(torch, f"{entry.name}_"):
                yield f"torch.{entry.name}_", getattr(torch, f"{entry.name}_")
    for variant in (info.operator_variant, info.inplace_operator_variant):
        if _named(variant):
            yield f"Tensor.__{_named(variant)}__", variant


def samples(limit: int = 3) -> dict[str, list[Sample]]:
    """Up to `limit` samples for each operation, by symbol."""
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    found: dict[str, list[Sample]] = {}
    known = {symbol for symbol, _ in operations()}
    for symbol, cases in OWN_SAMPLES.items():
        for function, args in cases:
            sample = _sample(symbol, function, args, {})
            assert sample is not None, symbol
            found.setdefault(symbol, []).append(sample)
    for info in _op_db():
        dtype = next((d for d in _DTYPES if d in info.dtypes), None)
        if dtype is None:
            continue
        variants = [(s, f) for s, f in _variants(info) if s in known or s.startswith("Tensor.__")]
        wanted = [(s, f) for s, f in variants if s not in OWN_SAMPLES]
        if not wanted:
            continue
        try:
            inputs = list(info.sample_inputs("cpu", dtype, requires_grad=False))
        except Exception as error:
            # op_db cannot sample everything everywhere (no LAPACK, ...); `uncovered` names what is left.
            print(f"no samples of {info.name}: {error}", file=sys.stderr)
            continue
        for symbol, function in wanted:
            count = 0
            for given in inputs:
                sample = _sample(symbol, function, (given.input, *given.args), given.kwargs)
                if sample is None:
                    continue
                found.setdefault(symbol, []).append(sample)
                count += 1
                if count >= limit:
                    break
    return dict(sorted(found.items()))


def uncovered() -> list[str]:
    """Public operations without a sample."""
    have = samples(limit=1)
    return [symbol for symbol, _ in operations() if symbol not in have]
