"""Writes what the installed torch, torchvision, timm and AIMET say about operations and modules: the tables
signatures, results, module_classes and external_modules of server/knowledge.

    python scripts/generate_torch_tables.py            writes the tables
    python scripts/generate_torch_tables.py --check    exits 1 where a file on disk differs

Run it under an interpreter with torch, torchvision, timm and aimet-torch. Sources: the operator schemas of torch's JIT
registry, `inspect.signature`, the operators' tags, and the registry of `aimet_torch.nn.QuantizationMixin`.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch_catalogue import aten_name, callable_name, native_signature, operations, python_signature, schemas, signature

warnings.simplefilter("ignore")

KNOWLEDGE = Path(__file__).resolve().parent.parent / "server" / "knowledge"

# Results of callables that have no operator schema, or whose schema does not tell (docs of the installed torch; the
# oracle tests call each of them that op_db has sample inputs for).
RESULTS_BY_HAND = {
    "torch.broadcast_shapes": "size",
    "torch.is_tensor": "bool",
    "torch.align_tensors": "tensors",
    "torch.atleast_1d": "tensor view",
    "torch.atleast_2d": "tensor view",
    "torch.atleast_3d": "tensor view",
    "torch.broadcast_tensors": "tensors view",
    "torch.meshgrid": "tensors view",
    "torch.split": "tensors view",
    "torch.unravel_index": "tensors",
    "torch.lu": "tensors",
    "torch.pca_lowrank": "tensors:3",
    "torch.svd_lowrank": "tensors:3",
    "torch.qr": "tensors:2",
    "torch.from_numpy": "tensor create",
    "torch.frombuffer": "tensor create",
    "torch.asarray": "tensor create",
    "torch.as_tensor": "tensor create",
    "torch.tensor": "tensor create",
    "torch.scalar_tensor": "tensor create",
    "torch.sparse_coo_tensor": "tensor create",
    "torch.from_dlpack": "tensor create",
    "torch.to_dlpack": "unknown",
    "torch.result_type": "dtype",
    "torch.promote_types": "dtype",
    "torch.can_cast": "bool",
    "torch.nn.functional.multi_head_attention_forward": "tensors:2",
    "torch.nn.functional.gumbel_softmax": "tensor random",
    "Tensor.split": "tensors view",
    "Tensor.type_as": "tensor view",
    "Tensor.conj_physical": "tensor view",
    "Tensor.unsafe_chunk": "tensors view",
    "Tensor.unsafe_split": "tensors view",
    "Tensor.unsafe_split_with_sizes": "tensors view",
    "torch.cartesian_prod": "tensor view",
    "Tensor.lu": "tensors",
    "Tensor.qr": "tensors:2",
    "Tensor.data_ptr": "int",
    "Tensor.const_data_ptr": "int",
    "Tensor.ndimension": "int",
    "Tensor.dim": "int",
    "Tensor.nelement": "int",
    "Tensor.numel": "int",
    "Tensor.element_size": "int",
    "Tensor.storage_offset": "int",
    "Tensor.get_device": "int",
    "torch.numel": "int",
    "torch.get_device": "int",
    "Tensor.numpy": "array",
    "Tensor.tolist": "list",
    "Tensor.item": "number",
    "Tensor.type": "unknown",
    "Tensor.size": "size",
    "Tensor.size[dim]": "int",
    "Tensor.stride": "size",
    "Tensor.stride[dim]": "int",
    "Tensor.is_contiguous": "bool",
    "Tensor.has_names": "bool",
    "Tensor.max": "tensor",
    "Tensor.min": "tensor",
    "Tensor.median": "tensor",
    "Tensor.nanmedian": "tensor",
    "Tensor.where": "tensor",
    "Tensor.eq": "tensor",
    "Tensor.ne": "tensor",
    "Tensor.sort": "tensors:2",
    "Tensor.values": "tensor view",
    "Tensor.indices": "tensor view",
    "Tensor.unique": "tensor",
    "Tensor.unique_consecutive": "tensor",
    "Tensor.new": "tensor create",
    "Tensor.new_tensor": "tensor create",
    "Tensor.detach": "tensor view",
    "Tensor.contiguous": "tensor view",
    "Tensor.reshape": "tensor view",
    "Tensor.reshape_as": "tensor view",
    "Tensor.flatten": "tensor view",
    "torch.reshape": "tensor view",
    "torch.flatten": "tensor view",
}

# Forms of a call that yield something else: `name[parameter]` is the call with that argument given (or True).
FORM_RESULTS = {
    "max[dim]": "tensors:2",
    "min[dim]": "tensors:2",
    "median[dim]": "tensors:2",
    "nanmedian[dim]": "tensors:2",
    "where[condition]": "tensors",
    "nonzero[as_tuple]": "tensors",
    "unique[return_inverse]": "tensors",
    "unique[return_counts]": "tensors",
    "unique_consecutive[return_inverse]": "tensors",
    "unique_consecutive[return_counts]": "tensors",
}

MULTIPLE_WITH_INDICES = ("adaptive_max_pool", "max_pool", "fractional_max_pool")

ATTRIBUTES = {
    "shape": "size",
    "ndim": "int",
    "itemsize": "int",
    "nbytes": "int",
    "output_nr": "int",
    "_version": "int",
    "is_cuda": "bool",
    "is_cpu": "bool",
    "is_mps": "bool",
    "is_meta": "bool",
    "is_leaf": "bool",
    "is_sparse": "bool",
    "is_sparse_csr": "bool",
    "is_quantized": "bool",
    "is_nested": "bool",
    "is_mkldnn": "bool",
    "is_xla": "bool",
    "is_xpu": "bool",
    "is_ipu": "bool",
    "is_maia": "bool",
    "is_mtia": "bool",
    "is_vulkan": "bool",
    "requires_grad": "bool",
    "retains_grad": "bool",
    "dtype": "dtype",
    "device": "device",
    "name": "str",
    "names": "unknown",
    "layout": "unknown",
    "grad_fn": "unknown",
    "volatile": "bool",
    "T": "tensor view",
    "mT": "tensor view",
    "H": "tensor view",
    "mH": "tensor view",
    "real": "tensor view",
    "imag": "tensor view",
    "data": "tensor view",
    "grad": "tensor",
}

_CASTS = {
    "bfloat16",
    "bool",
    "byte",
    "cdouble",
    "cfloat",
    "char",
    "cpu",
    "cuda",
    "double",
    "float",
    "half",
    "int",
    "long",
    "short",
}

_KINDS = {
    "Tensor": "tensor",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "number": "number",
    "Scalar": "number",
    "str": "str",
    "List[Tensor]": "tensors",
    "List[int]": "size",
    "Dict(str, Tensor)": "unknown",
}


def _schema_result(schema: Any) -> str:
    returns = [str(r.type) for r in schema.returns]
    if not returns:
        return "none"
    if len(returns) > 1:
        return f"tensors:{len(returns)}" if set(returns) == {"Tensor"} else "unknown"
    return _KINDS.get(returns[0], "unknown")


def _flags(symbol: str, aten: str | None, kind: str) -> list[str]:
    name = symbol.rpartition(".")[2]
    flags: list[str] = []
    aten = aten if aten and schemas(aten) else None
    if name.endswith("_") and not name.endswith("__"):
        flags.append("inplace")
    elif aten:
        aliases = [r.alias_info for r in schemas(aten)[0].returns]
        if any(a is not None and not a.is_write for a in aliases):
            flags.append("view")
    if aten:
        overloads = (
            [getattr(getattr(torch.ops.aten, aten), o) for o in getattr(torch.ops.aten, aten).overloads()]
            if hasattr(torch.ops.aten, aten)
            else []
        )
        if any(torch.Tag.nondeterministic_seeded in o.tags for o in overloads):
            flags.append("random")
        takes_tensor = any("Tensor" in str(a.type) for a in schemas(aten)[0].arguments)
        if kind == "tensor" and (not takes_tensor or name.startswith("new_") or name.endswith("_like")):
            flags.append("create")
    if "dropout" in name:
        # In eval() the input itself comes back.
        flags.extend(flag for flag in ("random", "view") if flag not in flags and "inplace" not in flags)
    return flags


def result_of(symbol: str, value: Callable[..., Any]) -> str:
    """The kind of an operation's result with its flags, as `server/knowledge/tensors.py` documents them."""
    name = symbol.rpartition(".")[2]
    if symbol in RESULTS_BY_HAND:
        return RESULTS_BY_HAND[symbol]
    method = f"Tensor.{name}"
    if symbol == f"torch.{name}" and method in RESULTS_BY_HAND:
        return RESULTS_BY_HAND[method]
    if symbol.startswith("Tensor.") and name in _CASTS:
        return "tensor view"  # the tensor itself where it has that type already
    if name.endswith("_with_indices"):
        return "tensors:2"
    if name.startswith("is_") or name in ("equal", "allclose", "is_nonzero"):
        return "bool"
    aten = aten_name(symbol, value)
    kind = _schema_result(schemas(aten)[0]) if aten and schemas(aten) else "tensor"
    return " ".join([kind, *_flags(symbol, aten, kind)])


def results() -> dict[str, str]:
    table: dict[str, str] = {}
    for symbol, value in operations():
        table[symbol] = result_of(symbol, value)
        space, _, name = symbol.rpartition(".")
        for form, kind in FORM_RESULTS.items():
            if form.startswith(f"{name}[") and space in ("torch", "Tensor"):
                table[f"{space}.{form}"] = kind
        if space == "torch.nn.functional" and name.startswith(MULTIPLE_WITH_INDICES) and not name.endswith("indices"):
            table[f"{symbol}[return_indices]"] = "tensors:2"
    for name in ("size", "stride"):
        table[f"Tensor.{name}[dim]"] = "int"
    for name, kind in ATTRIBUTES.items():
        table[f"Tensor.{name}"] = kind
    return dict(sorted(table.items()))


def signatures() -> dict[str, str]:
    table: dict[str, str] = {}
    for symbol, value in operations():
        text = signature(symbol, value)
        if text is not None:
            table[symbol] = text
    # Spellings of layers outside the public namespaces: operators called directly.
    native = {a for s, v in operations() if (a := aten_name(s, v)) and not s.startswith("Tensor.")}
    for aten in sorted(native | _LAYER_OPERATORS):
        found = schemas(aten)
        if found and hasattr(torch.ops.aten, aten):
            table[f"torch.ops.aten.{aten}"] = native_signature(found[0])
    return dict(sorted(table.items()))


_LAYER_OPERATORS = {
    "elu",
    "hardtanh",
    "leaky_relu",
    "silu",
    "silu_",
    "mish",
    "mish_",
    "glu",
    "hardswish",
    "hardswish_",
    "hardsigmoid",
    "hardsigmoid_",
    "relu6",
    "relu6_",
    "gelu",
    "gelu_",
    "softplus",
    "softshrink",
    "log_sigmoid",
    "elu_",
    "hardtanh_",
    "leaky_relu_",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "max_pool2d_with_indices",
    "max_pool3d_with_indices",
    "im2col",
    "col2im",
    "reflection_pad1d",
    "reflection_pad2d",
    "reflection_pad3d",
    "replication_pad1d",
    "replication_pad2d",
    "replication_pad3d",
    "nll_loss",
    "cross_entropy_loss",
    "linear",
    "log_softmax",
    "softmax",
    "special_expit",
}


def _is_lazy(cls: type) -> bool:
    return cls.__name__.startswith("Lazy")


def _canonical(cls: type) -> str:
    """The shortest public path: torch.nn.ReLU, torchvision.ops.Permute, else where the class is defined."""
    import timm.layers
    import torchvision.ops

    spaces = (("torch.nn", torch.nn), ("torchvision.ops", torchvision.ops), ("timm.layers", timm.layers))
    for space, module in spaces:
        if getattr(module, cls.__name__, None) is cls:
            return f"{space}.{cls.__name__}"
    return f"{cls.__module__}.{cls.__qualname__}"


def _all_module_classes() -> list[type]:
    import importlib
    import pkgutil

    import timm.layers
    import torchvision.ops

    # Of timm's layers the one that other packages import most.
    found: dict[type, None] = {timm.layers.DropPath: None}
    for package in (torch.nn.modules, torchvision.ops):
        for info in pkgutil.iter_modules(package.__path__):
            if info.name.startswith("_"):
                continue
            try:
                module = importlib.import_module(f"{package.__name__}.{info.name}")
            except ImportError:
                continue
            for value in vars(module).values():
                if (
                    inspect.isclass(value)
                    and issubclass(value, torch.nn.Module)
                    and value.__module__.startswith((package.__name__, "torch.nn"))
                ):
                    found[value] = None
    for value in vars(torch.nn).values():
        if inspect.isclass(value) and issubclass(value, torch.nn.Module):
            found[value] = None
    return sorted(found, key=_canonical)


def quantized_classes() -> tuple[set[type], set[type]]:
    """(classes with a registered quantized definition, classes quantsim leaves alone)."""
    from aimet_torch.nn import QuantizationMixin

    return set(QuantizationMixin.cls_to_qcls), set(QuantizationMixin._ignored_module_types)


def module_classes() -> dict[str, Any]:
    import aimet_torch  # noqa: F401  registers the quantized classes

    registered, ignored = quantized_classes()
    classes: dict[str, dict[str, Any]] = {}
    aliases: dict[str, str] = {}
    for cls in _all_module_classes():
        path = _canonical(cls)
        bases = [_canonical(b) for b in cls.__mro__[1:] if issubclass(b, torch.nn.Module)]
        constructor = cls.__init__ if cls.__init__ is not torch.nn.Module.__init__ else None
        entry: dict[str, Any] = {"bases": bases}
        text = python_signature(constructor, skip_self=True) if constructor else ""
        entry["signature"] = text if text is not None else "*args, **kwargs"
        quantized = cls in registered or cls in ignored
        if quantized:
            entry["quantized"] = "ignored" if cls in ignored else "registered"
        classes[path] = entry
        where = callable_name(cls)
        if where != path:
            aliases[where] = path
        if path.startswith("timm.layers."):
            aliases[path.replace("layers", "models.layers", 1)] = path  # where it was before
    attributes = sorted({*dir(torch.nn.Module), *vars(torch.nn.Module()), *torch.nn.Module.__annotations__})
    return {
        "classes": classes,
        "aliases": aliases,
        "module_attributes": attributes,
        "tensor_attributes": sorted(n for n in dir(torch.Tensor) if not n.startswith("__")),
    }


def external_modules() -> dict[str, Any]:
    """Paths of the nn.Module subclasses of torchvision and timm: where each is defined, and what packages re-export."""
    import importlib
    import pkgutil

    names: set[str] = set()
    for package_name in ("torchvision.models", "torchvision.ops", "timm.layers", "timm.models"):
        package = importlib.import_module(package_name)
        modules = [package]
        for info in pkgutil.walk_packages(package.__path__, package_name + "."):
            try:
                modules.append(importlib.import_module(info.name))
            except ImportError:
                continue
        for module in modules:
            for name, value in vars(module).items():
                if not inspect.isclass(value) or not issubclass(value, torch.nn.Module):
                    continue
                defined_here = value.__module__ == module.__name__
                reexported = hasattr(module, "__path__") and value.__module__.startswith(package_name.split(".")[0])
                if defined_here or reexported:
                    names.add(f"{module.__name__}.{name}")
    return {"names": sorted(names)}


def render(table: dict[str, Any], indent: int = 0) -> str:
    """One entry a line, so that a change of version reads well in a diff."""
    pad = " " * (indent + 1)
    lines = []
    for key, value in table.items():
        nested = isinstance(value, dict) and indent == 0 and any(isinstance(v, (dict, str)) for v in value.values())
        nested = nested and len(value) > 5
        if indent == 0 and isinstance(value, list):
            text = "[\n" + ",\n".join(f"{pad} {json.dumps(v)}" for v in value) + f"\n{pad}]"
        else:
            text = render(value, indent + 1) if nested else json.dumps(value)
        lines.append(f"{pad}{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    check = parser.parse_args().check
    stale = 0
    for name, make in (
        ("signatures", signatures),
        ("results", results),
        ("module_classes", module_classes),
        ("external_modules", external_modules),
    ):
        path = KNOWLEDGE / f"{name}.json"
        text = render(make()) + "\n"
        if check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                print(f"{path} is not what the installed packages give; run {Path(__file__).name}", file=sys.stderr)
                stale = 1
        else:
            path.write_text(text, encoding="utf-8")
            print(f"{path}: {len(text)} characters")
    return stale


if __name__ == "__main__":
    sys.exit(main())
