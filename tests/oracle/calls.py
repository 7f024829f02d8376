"""Turns a recorded call of a functional into its module form, as the tables say it is done."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from aimet_guidelines.knowledge.layers import RECEIVER, Layer, bind, padding_module
from torch.utils import _pytree as pytree


class InexpressibleError(Exception):
    """The tables say that this call has no module form."""


def resolve(dotted: str) -> Any:
    """The object a dotted path names; `Tensor.x` is a method of torch.Tensor."""
    if dotted.startswith("Tensor."):
        return getattr(torch.Tensor, dotted.partition(".")[2])
    # The longest prefix that is a module: timm.models.csatv2 is a module and, in its package, a function.
    parts = dotted.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            value: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            value = getattr(value, part)
        return value
    raise AttributeError(dotted)


def module_form(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Any]]:
    """(the module, the arguments of its call) for a call of the layer's spelling; args start with the receiver."""
    method = layer.symbol.startswith("Tensor.")
    bound = bind(layer, len(args) - method, list(kwargs))
    if bound is None:
        raise AssertionError(f"{layer.symbol}: cannot bind {len(args)} arguments and {list(kwargs)}")
    given: dict[str, Any] = {}
    for name, place in bound.items():
        if place == RECEIVER:
            given[name] = args[0]
        elif isinstance(place, int):
            given[name] = args[place + method]
        else:
            given[name] = kwargs[place]
    defaults = {p.name: p.default for p in layer.signature}
    for name, allowed in layer.inexpressible.items():
        if name in given and not any(
            given[name] is v or (type(given[name]) is type(v) and given[name] == v) for v in allowed
        ):
            raise InexpressibleError(name)
    if layer.missing or layer.parametric:
        raise InexpressibleError("needs more than the call says")
    constructor: dict[str, Any] = dict(layer.fixed)
    for name, carried in layer.carried.items():
        value = given.get(name, defaults[name])
        if isinstance(value, torch.Tensor):
            raise InexpressibleError(name)
        if value != carried.default or type(value) is not type(carried.default):
            constructor[carried.parameter] = value
    cls = resolve(layer.module)
    if layer.functional.endswith(".pad"):
        value = given.get("value")
        constant = value not in (None, 0)
        path = padding_module(given.get("mode", "constant"), len(given["pad"]), constant)
        if path is None:
            raise InexpressibleError("pad")
        cls = resolve(path)
        if constant:
            constructor["value"] = value
    module = cls(**constructor)
    module.train(bool(layer.training and given.get(layer.training[0], layer.training[1])))
    return module, [given[name] for name in layer.inputs if name in given]


def same(left: Any, right: Any) -> bool:
    """Whether two results are equal bit for bit, in shape, dtype and structure."""
    a, b = pytree.tree_leaves(left), pytree.tree_leaves(right)
    if len(a) != len(b):
        return False
    for x, y in zip(a, b, strict=True):
        if isinstance(x, torch.Tensor):
            if not isinstance(y, torch.Tensor) or x.dtype != y.dtype or x.shape != y.shape:
                return False
            if not torch.equal(torch.nan_to_num(x), torch.nan_to_num(y)) or not torch.equal(x.isnan(), y.isnan()):
                return False
        elif x != y:
            return False
    return True


def copied(value: Any) -> Any:
    """The arguments with every tensor cloned: calls may change them."""
    return pytree.tree_map_only(torch.Tensor, torch.clone, value)
