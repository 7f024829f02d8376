"""Models of the functions of Python and torch that forward methods and constructors are written with."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..knowledge import modules, tensors
from . import building, calls, python_functions, torch_functions
from .arguments import Arguments
from .values import FALSE, FOREIGN, TENSOR, TENSORISH, UNKNOWN, Const, Number, Shape, Tensor, Unknown, Value

if TYPE_CHECKING:
    from .machine import Machine


def form(symbol: str, arguments: Arguments) -> str:
    """The key of `symbol` in the table of results where its arguments change what it yields."""
    name = symbol.rpartition(".")[2]
    test = _FORMS.get(name)
    if test is None:
        return symbol
    found = test(arguments, symbol.startswith("Tensor."))
    return f"{symbol}[{found}]" if found else symbol


def _with_dimension(arguments: Arguments, method: bool) -> str:
    if "dim" in arguments.keywords:
        return "dim"
    if len(arguments.positional) > 1 and isinstance(arguments.positional[1][1], (Const, Number, Unknown)):
        return "dim"
    return ""


def _flag(name: str) -> Callable[[Arguments, bool], str]:
    def test(arguments: Arguments, method: bool) -> str:
        value = arguments.keywords.get(name)
        return name if value is not None and isinstance(value[1], Const) and value[1].value else ""

    return test


_FORMS: dict[str, Callable[[Arguments, bool], str]] = {
    **dict.fromkeys(("max", "min", "median", "nanmedian", "size", "stride"), _with_dimension),
    "nonzero": _flag("as_tuple"),
    **{f"{kind}max_pool{n}d": _flag("return_indices") for kind in ("", "adaptive_", "fractional_") for n in (1, 2, 3)},
    "unique": lambda a, method: _flag("return_inverse")(a, method) or _flag("return_counts")(a, method),
    "unique_consecutive": lambda a, method: _flag("return_inverse")(a, method) or _flag("return_counts")(a, method),
    "where": lambda a, method: "condition" if len(a.positional) + len(a.keywords) == 1 else "",
}


def call_symbol(m: Machine, name: str, arguments: Arguments, node: ast.expr, callee: ast.expr, via: str) -> Value:
    """Call something a library defines."""
    model = python_functions.MODELS.get(name) or torch_functions.MODELS.get(name)
    if model is not None:
        return model(m, arguments, node, callee)
    if name.startswith("torch."):
        if name[6:7].isupper() or name.startswith(("torch.nn.parameter.",)):
            return _torch_class(m, name, arguments, node, callee, via)
        known = modules.module_class(name)
        if known is not None:
            return building.library_module(m, known.path, arguments, node)
        if tensors.is_known(name):
            return calls.torch_operation(m, name, arguments, node, callee, via)
        if name.startswith("torch.jit.is_scripting"):
            return FALSE
        if modules.is_module_base(name):
            return building.library_module(m, name, arguments, node)
        if name.startswith("torch.ops.") and any(map(calls.holds_tensor, arguments.values())):
            # An operator that a library registers.
            calls.torch_operation(m, name, arguments, node, callee, via)
            return TENSORISH
        return calls.unread(m, arguments)
    if name.startswith("Tensor.") and tensors.is_known(name) and arguments.positional:
        return calls.torch_operation(m, name, arguments, node, callee, via)
    if name.startswith(("operator.", "_operator.")):
        method = tensors.operator_method(name)
        if method is not None and any(isinstance(value, Tensor) for value in arguments.values()):
            return calls.torch_operation(m, method, arguments, node, callee, "operator function")
        return UNKNOWN
    if name.startswith(("math.", "numpy.")):
        numbers = [value for value in arguments.values() if isinstance(value, Number)]
        data, shape = any(value.data for value in numbers), any(value.shape for value in numbers)
        read = next((value.read for value in numbers if value.read is not None), None)
        return Number("number", shape, data, read=read) if name.startswith("math.") else FOREIGN
    if name.startswith("torchvision.ops.") and tensors.is_known(name):
        return calls.torch_operation(m, name, arguments, node, callee, via)
    if name.startswith("einops.") and name.rpartition(".")[2] in ("rearrange", "reduce", "repeat", "einsum"):
        return calls.torch_operation(m, name, arguments, node, callee, via) and TENSOR
    known = modules.module_class(name)
    if known is not None:
        return building.library_module(m, known.path, arguments, node)
    if modules.is_module_base(name):
        return building.library_module(m, name, arguments, node)
    if name.partition(".")[0] in _OBJECTS and name.rpartition(".")[2][:1].isupper():
        return FOREIGN
    if m.building and name.rpartition(".")[2][:1].isupper():
        # A class of a library that is not known: an object, perhaps a module.
        return Unknown()
    return calls.unread(m, arguments)


# Modules of Python's own whose classes make objects that are no tensors, and whose methods may be called like theirs.
_OBJECTS = frozenset("queue threading multiprocessing concurrent pathlib datetime decimal fractions random".split())


def _torch_class(m: Machine, name: str, arguments: Arguments, node: ast.expr, callee: ast.expr, via: str) -> Value:
    if name in ("torch.Tensor", "torch.FloatTensor", "torch.LongTensor", "torch.BoolTensor"):
        return Tensor("created")
    if name == "torch.Size":
        return Shape()
    if name in ("torch.Generator",):
        return UNKNOWN
    return calls.torch_operation(m, name, arguments, node, callee, via) if tensors.is_known(name) else UNKNOWN
