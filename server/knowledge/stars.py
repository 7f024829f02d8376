"""What a star import binds that takes all names of a library's module (`from torch.nn import *`)."""

from __future__ import annotations

from collections.abc import Callable

from . import modules, tensors

# Looked up in torch 2.14: `torch` says in `__all__` what it gives away, the others give away every public name.
_MORE = {
    "torch": frozenset({"Tensor"}),
    "torch.nn": frozenset({"functional", "init", "Parameter", "ParameterList", "ParameterDict"}),
}
_LACKS = {
    "torch": frozenset(
        "broadcast_shapes cholesky eig from_dlpack lstsq lu matrix_rank pca_lowrank qr solve svd_lowrank symeig "
        "to_dlpack unique".split()
    )
}
_BINDS: dict[str, Callable[[str], bool]] = {
    "torch": tensors.is_known,
    "torch.nn": lambda dotted: modules.module_class(dotted) is not None,
    "torch.nn.functional": tensors.is_known,
}


def star_binds(module: str, name: str) -> bool:
    """Whether `from <module> import *` is known to bind a name."""
    binds = _BINDS.get(module)
    if binds is None or name.startswith("_") or name in _LACKS.get(module, ()):
        return False
    return name in _MORE.get(module, ()) or binds(f"{module}.{name}")
