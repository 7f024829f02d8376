"""Canonical dotted names: one name for every path by which torch exports the same thing."""

from __future__ import annotations

from functools import lru_cache

from .data import table

# Longest first: a private or former path of a namespace and the public one.
_NAMESPACES = (
    ("torch._C._VariableFunctions.", "torch."),
    ("torch._C._TensorBase.", "Tensor."),
    ("torch._C.TensorBase.", "Tensor."),
    ("torch._C._linalg.linalg_", "torch.linalg."),
    ("torch._C._special.special_", "torch.special."),
    ("torch._C._fft.fft_", "torch.fft."),
    ("torch._VF.", "torch."),
    ("torch.functional.", "torch."),
    ("torch._tensor.Tensor.", "Tensor."),
    ("torch.Tensor.", "Tensor."),
    ("torch.autograd.Variable.", "Tensor."),
    ("torch.ops.aten.linalg_", "torch.linalg."),
    ("torch.ops.aten.special_", "torch.special."),
    ("torch.nn.modules.utils.F.", "torch.nn.functional."),
    ("torch.nn.modules.module.Module.", "torch.nn.Module."),
)

_NAMES = {
    "torch.functional": "torch",
    "torch._tensor.Tensor": "torch.Tensor",
    "torch.autograd.Variable": "torch.Tensor",
    "torch.autograd.variable.Variable": "torch.Tensor",
    "torch.nn.functional.F": "torch.nn.functional",
    "torch.nn.modules.module.Module": "torch.nn.Module",
    "torch.nn.Parameter": "torch.nn.Parameter",
    "torch.nn.parameter.Parameter": "torch.nn.Parameter",
    "torch.nn.parameter.Buffer": "torch.nn.Buffer",
    "torch.concat": "torch.cat",
    "torch.concatenate": "torch.cat",
    "operator.__add__": "operator.add",
    "builtins.abs": "abs",
    "builtins.sum": "sum",
    "builtins.pow": "pow",
    "builtins.round": "round",
}


_ALIASED = ("torch.nn.modules.", "torch.nn.parallel.", "torchvision.ops.", "timm.layers.", "timm.models.layers.")


@lru_cache(maxsize=8192)
def canonical(symbol: str) -> str:
    """The canonical name of `symbol`: `torch.nn.ReLU` for `torch.nn.modules.activation.ReLU`.

    Methods start with `Tensor.`; an overload of an operator is dropped (`torch.ops.aten.relu.default`). A name that
    torch does not have is returned as it is.
    """
    known = _NAMES.get(symbol)
    if known is not None:
        return known
    for private, public in _NAMESPACES:
        if symbol.startswith(private):
            symbol = public + symbol[len(private) :]
            break
    if symbol.startswith("torch.ops.aten."):
        return ".".join(symbol.split(".")[:4])
    if symbol.startswith(_ALIASED):
        aliases: dict[str, str] = table("module_classes")["aliases"]
        if symbol in aliases:
            return aliases[symbol]
        name = symbol.rpartition(".")[2]
        # `torch.nn.modules.ReLU`, and what a module re-exports: `torch.nn.modules.conv.Conv2d` is listed above.
        public = f"torch.nn.{name}"
        if symbol.startswith("torch.nn.modules.") and public in table("module_classes")["classes"]:
            return public
    return _NAMES.get(symbol, symbol)
