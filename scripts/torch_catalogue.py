"""What the installed torch offers: every public operation, its signature and its schemas.

Shared by the generators in this folder and by `tests/oracle`. Needs torch; the package itself never imports it.
"""

from __future__ import annotations

import inspect
import keyword
import re
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.jit._builtins import _find_builtin

NAMESPACES: dict[str, Any] = {
    "torch": torch,
    "torch.nn.functional": torch.nn.functional,
    "torch.linalg": torch.linalg,
    "torch.special": torch.special,
    "torch.fft": torch.fft,
}

# Public callables that are no tensor operations: modes, serialisation, compilation, threads, type queries, sparse and
# quantized tensors, back ends.
_NOT_OPERATIONS = re.compile(
    r"""set_|get_|use_|manual_|seed$|initial_seed|init_num|save$|load$|compile$|no_grad|enable_grad|inference|autocast|
    boolean_dispatch|vmap$|export$|fork$|wait$|import_|merge_type|parse_|typename$|unify_|from_file$|cond$|while_loop$|
    finfo|iinfo|are_deterministic|align_|thread_safe|classproperty|handle_torch|has_|assert_int|sym_|read_vitals|vitals_|
    compiled_with|obj$|cudnn_|mkldnn_|miopen_|fbgemm_|get$|autograd|clear_autocast|is_anomaly|is_autocast|is_deterministic|
    is_grad|is_inference_mode|is_vulkan|is_warn|is_storage|lobpcg$|dispatch|device$|default_generator|register_|library|
    func$|utils$|types$|return_types|overrides|hub$|nested$|ops$|classes$|prepare_multiprocessing|profiler|set$|exec|
    split_with_sizes_copy|accelerator|as_subclass$|backward$|retain_grad$|share_memory_$|module_load$|storage$|
    untyped_storage$|typed_storage$|reinforce$|pin_memory$|record_stream$|refine_names$|rename|to_mkldnn$|new$|
    new_tensor$|names$|map_$|map2_$|requires_grad_$|is_shared$|is_pinned$|is_set_to$|apply_$|xpu$|mtia$|smm$|hspmm$|dsmm$|
    saddmm$|sspaddmm$|sspmm$|batch_norm_|quantize_|quantized_|q_|int_repr|dequantize$|dim_order$|element_size$|
    storage_type$|to_padded_tensor$|scaled_mm$|scaled_grouped_mm$|grouped_mm$|empty_quantized$|choose_qparams|
    fake_quantize|fused_moving|native_|rnn_|lstm|gru|slow_conv|constant_pad_nd$|segment_reduce$|sparse_|_""".replace(
        "\n", ""
    ).replace(" ", "")
)


def operations() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Each public operation as (symbol, callable): `torch.relu`, `torch.nn.functional.relu`, `Tensor.relu`."""
    for space, module in NAMESPACES.items():
        for name in sorted(dir(module)):
            value = getattr(module, name)
            if name[0] == "_" or name[0].isupper() or not callable(value) or inspect.isclass(value):
                continue
            if isinstance(value, (types.ModuleType, torch.dtype)) or _NOT_OPERATIONS.match(name):
                continue
            if (getattr(value, "__module__", None) or "").split(".")[0] not in ("", "torch"):
                continue
            yield f"{space}.{name}", value
    for name in sorted(dir(torch.Tensor)):
        value = getattr(torch.Tensor, name)
        if name[0] != "_" and callable(value) and not inspect.isclass(value) and not _NOT_OPERATIONS.match(name):
            yield f"Tensor.{name}", value


def aten_name(symbol: str, value: Callable[..., Any] | None) -> str | None:
    """The aten operator a native callable calls (`log_sigmoid` for F.logsigmoid), None for a pure Python one."""
    name = symbol.rpartition(".")[2]
    if symbol.startswith("Tensor."):
        return name if torch._C._jit_get_schemas_for_operator(f"aten::{name}") else None
    if isinstance(value, types.FunctionType):
        return None
    try:
        found = _find_builtin(value)
    except TypeError:
        found = None
    if found and found.startswith("aten::"):
        return found[6:]
    prefixes = {"torch.linalg": "linalg_", "torch.fft": "fft_", "torch.special": "special_"}
    prefix = prefixes.get(symbol.rpartition(".")[0])
    for candidate in filter(None, (prefix and prefix + name, name)):
        if torch._C._jit_get_schemas_for_operator(f"aten::{candidate}"):
            return candidate
    return None


def schemas(aten: str) -> list[Any]:
    """The operator's schemas without the `out=` and named-dimension ones, the main one first."""
    found = [
        s
        for s in torch._C._jit_get_schemas_for_operator(f"aten::{aten}")
        if not s.overload_name.endswith("out")
        and "names" not in s.overload_name
        and "Dimname" not in str(s)
        and "dimname" not in s.overload_name
    ]
    takes_tensor = [s for s in found if any("Tensor" in str(a.type) for a in s.arguments)]
    return takes_tensor or found


def _literal(value: Any) -> str:
    if isinstance(value, list):
        if not value:
            return "None"  # an empty stride means the default, which Python spells None
        if all(v == value[0] for v in value):
            return repr(value[0])
        return repr(tuple(value))
    if isinstance(value, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
        return repr(str(value))
    return repr(value)


def native_signature(schema: Any) -> str:
    """A schema as the parameter list its Python spelling takes; `self` is called `input` there."""
    parts: list[str] = []
    star = False
    for argument in schema.arguments:
        if argument.kwarg_only and not star:
            star = True
            parts.append("*")
        name = "input" if argument.name == "self" else argument.name
        if keyword.iskeyword(name):
            name += "_"  # `from` of Tensor.uniform_
        parts.append(f"{name}={_literal(argument.default_value)}" if argument.has_default_value() else name)
    return ", ".join(parts)


def python_signature(value: Callable[..., Any], skip_self: bool = False) -> str | None:
    """The parameter list of a Python function or constructor; None where Python cannot tell."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    parts: list[str] = []
    star = False
    for index, parameter in enumerate(signature.parameters.values()):
        if skip_self and index == 0:
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            star = True
            parts.append(f"*{parameter.name}")
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            parts.append(f"**{parameter.name}")
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            star = True
            parts.append("*")
        if parameter.default is parameter.empty:
            parts.append(parameter.name)
        else:
            default = parameter.default
            plain = default is None or isinstance(default, (bool, int, float, str, tuple))
            parts.append(f"{parameter.name}={default!r}" if plain else f"{parameter.name}={callable_name(default)!r}")
    return ", ".join(parts)


def callable_name(value: Any) -> str:
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return f"{module}.{name}" if module and name else str(value)


def signature(symbol: str, value: Callable[..., Any]) -> str | None:
    """The parameter list of an operation as its caller writes it (a method's first parameter is its receiver)."""
    if symbol.startswith("torch.nn.functional."):
        # F.max_pool2d and others choose between two functions by `return_indices`; the plain one has the signature.
        value = getattr(torch.nn.functional, "_" + symbol.rpartition(".")[2], value)
    if isinstance(value, types.FunctionType):
        text = python_signature(value)
        if text is not None and symbol.startswith("Tensor."):
            return re.sub(r"^self\b", "input", text)
        return text
    aten = aten_name(symbol, value)
    found = schemas(aten) if aten else []
    return native_signature(found[0]) if found else None
