"""Models of torch's functions that are no tensor operations."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import calls, function_models, noting
from .arguments import Arguments
from .values import FALSE, NONE, TENSORISH, TRUE, UNKNOWN, Const, Dictionary, Module, Number, Sequence, Tensor, Value

if TYPE_CHECKING:
    from .machine import Machine


def _checkpoint(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    if not a.positional:
        return UNKNOWN
    named, function = a.positional[0]
    rest = Arguments(a.positional[1:], {}, a.starred)
    return calls.apply(m, function, rest, node, named if named is not None else callee, "passed")


def _checkpoint_sequential(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    value = a.positional[0][1] if a.positional else UNKNOWN
    first = a.positional[2][1] if len(a.positional) > 2 else TENSORISH
    if isinstance(value, Module):
        noting.use(m, value, node, a.positional[0][0] or callee)
        return calls.module_result(m, value, first)
    return TENSORISH


def _parameter(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    return Tensor("parameter")


def _parameter_list(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    return Sequence(None, Tensor("parameter"), "parameters")


def _parameter_dict(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    return Dictionary({}, Tensor("parameter"))


def _is_tensor(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    value = a.positional[0][1] if a.positional else UNKNOWN
    if isinstance(value, Tensor) and value.definite:
        return TRUE
    return FALSE if isinstance(value, (Const, Sequence, Dictionary)) else Number("bool")


def _add_relu(m: Machine, a: Arguments, node: ast.expr, callee: ast.expr) -> Value:
    # An addition and a relu in one call: there is no module that could take its place.
    return calls.torch_operation(m, "torch.add", a, node, callee, "combined")


MODELS: dict[str, Callable[..., Value]] = {
    "torch.utils.checkpoint.checkpoint": _checkpoint,
    "torch.utils.checkpoint.checkpoint_sequential": _checkpoint_sequential,
    "torch.nn.Parameter": _parameter,
    "torch.nn.UninitializedParameter": _parameter,
    "torch.nn.Buffer": function_models.constant(Tensor("buffer")),
    "torch.nn.ParameterList": _parameter_list,
    "torch.nn.ParameterDict": _parameter_dict,
    "torch.is_tensor": _is_tensor,
    "torch.ao.nn.quantized.FloatFunctional.add_relu": _add_relu,
    "torch.overrides.has_torch_function_unary": function_models.constant(FALSE),
    "torch.jit.is_scripting": function_models.constant(FALSE),
    "torch._jit_internal.is_scripting": function_models.constant(FALSE),
    "torch.jit.is_tracing": function_models.constant(TRUE),
    "torch._C._get_tracing_state": function_models.constant(Number("bool")),
    "torch.jit.annotate": function_models.second,
    "torch.jit.script": function_models.first,
    "torch.jit.script_if_tracing": function_models.first,
    "torch.fx.wrap": function_models.first,
    "torch.compile": function_models.first,
    "torch._assert": function_models.constant(NONE),
    "torch.is_grad_enabled": function_models.constant(Number("bool")),
    "torch.is_autocast_enabled": function_models.constant(Number("bool")),
    "torch.nn.utils.weight_norm": function_models.first,
    "torch.nn.utils.spectral_norm": function_models.first,
    "torch.nn.utils.parametrizations.weight_norm": function_models.first,
    "torch.nn.utils.parametrizations.spectral_norm": function_models.first,
    "torch.no_grad": function_models.constant(UNKNOWN),
    "torch.autocast": function_models.constant(UNKNOWN),
    "torch.device": function_models.constant(Number("device")),
    "torch.finfo": function_models.constant(UNKNOWN),
    "torch.iinfo": function_models.constant(UNKNOWN),
    "torch.numel": function_models.constant(Number("int", shape=True)),
}
