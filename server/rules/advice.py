"""What AIMET101 tells the author of a functional to write instead."""

from __future__ import annotations

import ast

from ..finding import Repair
from ..knowledge.layers import Layer, padding_module
from ..reading.facts import Operation

_PADS = {"constant": "ZeroPad", "reflect": "ReflectionPad", "replicate": "ReplicationPad", "circular": "CircularPad"}


def advice(operation: Operation, found: Layer, repairs: tuple[Repair, ...], reason: str) -> str:
    """The sentence that names the module. reason: with a repair, why it is not the one that torch has."""
    module = _module(operation, found)
    if repairs and reason and found.aimet is not None and not found.parametric:
        return f"{module[0].upper()}{module[1:]} cannot take its place, since {reason}; AIMET's `{found.aimet}` can."
    return f"Define {module} in `__init__` and call that."


def _module(operation: Operation, found: Layer) -> str:
    if found.functional != "torch.nn.functional.pad":
        return f"`nn.{found.module.rpartition('.')[2]}`"
    pad, mode = (_argument(operation, position, name) for position, name in ((1, "pad"), (2, "mode")))
    word = "constant" if mode is None else mode.value if isinstance(mode, ast.Constant) else None
    if isinstance(pad, (ast.Tuple, ast.List)):
        cls = padding_module(str(word), len(pad.elts), False)
        if cls is not None:
            return f"`nn.{cls.rpartition('.')[2]}`"
    return f"an `nn.{_PADS[word]}` module" if word in _PADS else "a padding module of `torch.nn`"


def _argument(operation: Operation, position: int, name: str) -> ast.expr | None:
    if len(operation.operands) > position:
        return operation.operands[position][0]
    return operation.keywords[name][0] if name in operation.keywords else None
