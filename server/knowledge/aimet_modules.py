"""Which of AIMET's own modules computes exactly what a torch operation does, and how the operands map.

AIMET has modules for operations that have no class in torch.nn. Sources: aimet_torch 2.42; every entry is run against
its operation, through QuantizationSimModel and through ModelValidator, by `tests/oracle/test_aimet_modules.py`.
Left out on purpose: MaskedFill (it changes its input).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from .data import words
from .names import canonical
from .tensors import operator_method

_NONE: Mapping[str, str] = MappingProxyType({})


class AimetModule(NamedTuple):
    """One of AIMET's modules, for one spelling of an operation.

    symbol: the canonical spelling.
    name: the class; see `import_path` for where it is imported from.
    attribute: a name for the new submodule (`add`, `matmul`, `cat`).
    operands: "same": the module takes the call's arguments as they are written, a method's receiver first.
        A tuple of places: the module takes exactly these operands by position, in this order; 0 is the receiver of a
        method or the left operand; further arguments are not expressible.
    constructor: constructor parameter -> the operation's parameter whose argument goes there; it must be known when
        the module is made. Without an argument, it is left out.
    parameters: the operation's parameters by position, the receiver first, where `constructor` or `spread` needs
        them to be told apart; else empty.
    spread: the parameter whose sequence is written as separate arguments (`torch.cat(xs)` -> `Concat()(*xs)`).
    pack: from this place on, positional arguments become one tuple (`x.tile(2, 1)` -> `Tile()(x, (2, 1))`), unless
        there is one only and it is a sequence already.
    forbidden: parameters that must not be given.
    mutates: the spelling changes its first operand; the module does not, so its result must be assigned.
    quantized: quantsim gives it an output quantizer under AIMET's default configuration.
    caveat: when the result could differ, "" where it cannot.
    tensors: of a module that quantsim raises UnknownModuleError for until it is registered: the parameters of its
        `forward` that a quantized definition quantizes; they come first. Else empty.
    """

    symbol: str
    name: str
    attribute: str
    operands: tuple[int, ...] | str = "same"
    constructor: Mapping[str, str] = _NONE
    parameters: tuple[str, ...] = ()
    spread: str | None = None
    pack: int | None = None
    forbidden: frozenset[str] = frozenset({"out"})
    mutates: bool = False
    quantized: bool = True
    caveat: str = ""
    tensors: tuple[str, ...] = ()


# class, attribute, torch function; the class takes the function's own arguments. The same spelling as a method takes
# the same ones after its receiver.
_WRAPPERS: dict[str, tuple[str, str]] = {
    "sub": ("Subtract", "sub"),
    "div": ("Divide", "div"),
    "floor_divide": ("FloorDivide", "floor_divide"),
    "matmul": ("MatMul", "matmul"),
    "norm": ("Norm", "norm"),
    "exp": ("Exponential", "exp"),
    "erf": ("Erf", "erf"),
    "sqrt": ("Sqrt", "sqrt"),
    "rsqrt": ("RSqrt", "rsqrt"),
    "square": ("Square", "square"),
    "maximum": ("Maximum", "maximum"),
    "minimum": ("Minimum", "minimum"),
    "max": ("Max", "max"),
    "min": ("Min", "min"),
    "amax": ("AMax", "amax"),
    "amin": ("AMin", "amin"),
    "gt": ("Greater", "greater"),
    "lt": ("Less", "less"),
    "ge": ("GreaterEqual", "greater_equal"),
    "le": ("LessEqual", "less_equal"),
    "ne": ("NotEqual", "not_equal"),
    "eq": ("Equal", "equal"),
    "bmm": ("Bmm", "bmm"),
    "baddbmm": ("Baddbmm", "baddbmm"),
    "addmm": ("Addmm", "addmm"),
    "outer": ("Outer", "outer"),
    "cumsum": ("CumSum", "cumsum"),
    "mean": ("Mean", "mean"),
    "sum": ("Sum", "sum"),
    "prod": ("Prod", "prod"),
    "log": ("Log", "log"),
    "abs": ("Abs", "abs"),
    "neg": ("Neg", "neg"),
    "argmin": ("Argmin", "argmin"),
    "argmax": ("Argmax", "argmax"),
    "ceil": ("ElementwiseCeil", "ceil"),
    "floor": ("ElementwiseFloor", "floor"),
    "sign": ("ElementwiseUnarySign", "sign"),
    "sin": ("Sin", "sin"),
    "cos": ("Cos", "cos"),
    "asin": ("Asin", "asin"),
    "atan": ("Atan", "atan"),
    "round": ("Round", "round"),
    "gather": ("Gather", "gather"),
    "index_select": ("IndexSelect", "index_select"),
    "select": ("Select", "select"),
    "logical_or": ("LogicalOr", "logical_or"),
    "logical_and": ("LogicalAnd", "logical_and"),
    "logical_not": ("LogicalNot", "logical_not"),
    "remainder": ("Remainder", "remainder"),
    "fmod": ("Fmod", "fmod"),
    "nonzero": ("NonZero", "nonzero"),
    "topk": ("TopK", "topk"),
    "split": ("Split", "split"),
}

# Functions of torch.nn.functional without a torch.nn class that AIMET wraps.
_FUNCTIONALS: dict[str, tuple[str, str]] = {
    "normalize": ("Normalize", "normalize"),
    "grid_sample": ("GridSample", "grid_sample"),
    "scaled_dot_product_attention": ("ScaledDotProductAttention", "sdpa"),
}

# Modules that quantsim does not know, with the tensors that they compute with.
_UNREGISTERED = {"ScaledDotProductAttention": ("query", "key", "value")}

# Other names torch has for the same function.
_SYNONYMS = {
    "subtract": "sub",
    "divide": "div",
    "true_divide": "div",
    "multiply": "mul",
    "greater": "gt",
    "less": "lt",
    "greater_equal": "ge",
    "less_equal": "le",
    "not_equal": "ne",
    "absolute": "abs",
    "negative": "neg",
    "arcsin": "asin",
    "arctan": "atan",
}

_BINARY_OPERATORS: dict[str, tuple[str, str]] = {
    "add": ("Add", "add"),
    "sub": ("Subtract", "sub"),
    "mul": ("Multiply", "mul"),
    "truediv": ("Divide", "div"),
    "floordiv": ("FloorDivide", "floor_divide"),
    "mod": ("Remainder", "remainder"),
    "pow": ("Pow", "pow"),
    "matmul": ("MatMul", "matmul"),
    "lt": ("Less", "less"),
    "le": ("LessEqual", "less_equal"),
    "gt": ("Greater", "greater"),
    "ge": ("GreaterEqual", "greater_equal"),
    "eq": ("Equal", "equal"),
    "ne": ("NotEqual", "not_equal"),
}
# torch computes 2 / x as x.reciprocal() * 2.
_RECIPROCAL = "differs by rounding unless the dividend is 1"

_UNARY_OPERATORS = {"neg": ("Neg", "neg"), "abs": ("Abs", "abs")}

# The operator whose method Python calls on the right operand: `0 < x` is `x > 0`.
_MIRRORED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}

# In place, these keep the tensor's data type, where the module gives booleans.
_TO_BOOLEANS = words("gt lt ge le ne eq logical_or logical_and logical_not")

# The module takes (x, y) and nothing else.
_TWO_OPERANDS = {
    "add": ("Add", "add", {"alpha", "out"}),
    "mul": ("Multiply", "mul", {"out"}),
    "pow": ("Pow", "pow", {"out"}),
}

# Measured with AIMET's default configuration, which gives an operation that only moves values no quantizer of its own.
_NOT_QUANTIZED = words("""
    TopK NonZero ElementwiseUnarySign Shape Gather IndexSelect Max Min Select Split Tile
""")

# Classes that torch exposes as methods too, but whose method takes other arguments than the function.
_METHOD_RULES: dict[str, dict[str, Any]] = {
    "split": {"forbidden": frozenset({"out", "split_size"})},
}

_SPECIAL: tuple[AimetModule, ...] = (
    AimetModule(
        "torch.cat", "Concat", "cat", constructor=MappingProxyType({"axis": "dim"}), spread="tensors",
        parameters=("tensors", "dim"),
    ),
    AimetModule("torch.where", "Where", "where"),
    AimetModule("Tensor.where", "Where", "where", operands=(1, 0, 2)),
    AimetModule(
        "Tensor.masked_fill", "Where", "where", operands=(1, 2, 0), parameters=("input", "mask", "value"),
        caveat="the same for floating-point tensors only, where mask and value broadcast to the tensor",
    ),
    AimetModule(
        "torch.masked_fill", "Where", "where", operands=(1, 2, 0), parameters=("input", "mask", "value"),
        caveat="the same for floating-point tensors only, where mask and value broadcast to the tensor",
    ),
    AimetModule("torch.tile", "Tile", "tile"),
    AimetModule("Tensor.tile", "Tile", "tile", pack=1),
    AimetModule("Tensor.repeat", "Tile", "tile", pack=1, forbidden=frozenset({"out", "repeats"})),
    AimetModule(
        "torch.scatter", "ScatterElements", "scatter", operands=(0, 2, 3),
        constructor=MappingProxyType({"dim": "dim"}), parameters=("input", "dim", "index", "src"),
        forbidden=frozenset({"out", "reduce", "value"}),
    ),
    AimetModule(
        "Tensor.scatter", "ScatterElements", "scatter", operands=(0, 2, 3),
        constructor=MappingProxyType({"dim": "dim"}), parameters=("input", "dim", "index", "src"),
        forbidden=frozenset({"reduce", "value"}),
    ),
    AimetModule(
        "torch.nn.functional.linear", "DynamicLinear", "linear", operands=(0, 1, 2),
        parameters=("input", "weight", "bias"),
    ),
    AimetModule(
        "torch.nn.functional.conv2d", "DynamicConv2d", "conv", operands=(0, 1, 2),
        constructor=MappingProxyType(
            {"stride": "stride", "padding": "padding", "dilation": "dilation", "groups": "groups"}
        ),
        parameters=("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    ),
)  # fmt: skip


def _made(symbol: str, name: str, attribute: str, **more: Any) -> AimetModule:
    more["tensors"] = _UNREGISTERED.get(name, ())
    return AimetModule(symbol, name, attribute, quantized=name not in _NOT_QUANTIZED, **more)


@lru_cache(maxsize=1)
def _special() -> dict[str, AimetModule]:
    return {m.symbol: _requantized(m) for m in _SPECIAL}


def _requantized(module: AimetModule) -> AimetModule:
    return module._replace(quantized=False) if module.name in _NOT_QUANTIZED else module


def _operator(symbol: str, name: str) -> AimetModule | None:
    """name: the method without underscores around it (`add`, `radd`, `iadd`)."""
    if name in _UNARY_OPERATORS:
        return _made(symbol, *_UNARY_OPERATORS[name], operands=(0,))
    if name in _BINARY_OPERATORS:
        return _made(symbol, *_BINARY_OPERATORS[name], operands=(0, 1))
    if name.startswith("r") and name[1:] in _BINARY_OPERATORS and name[1:] not in _MIRRORED:
        caveat = _RECIPROCAL if name == "rtruediv" else ""
        return _made(symbol, *_BINARY_OPERATORS[name[1:]], operands=(1, 0), caveat=caveat)
    if name.startswith("i") and name[1:] in _BINARY_OPERATORS and name[1:] not in _MIRRORED:
        return _made(symbol, *_BINARY_OPERATORS[name[1:]], operands=(0, 1), mutates=name != "imatmul")
    return None


@lru_cache(maxsize=1024)
def aimet_module(symbol: str) -> AimetModule | None:
    """The module for an operation, or None where AIMET has none that computes exactly the same.

    Knows operators (`Tensor.__add__`, `Tensor.__radd__`, `Tensor.__iadd__`, `operator.add`, `abs`), torch functions
    and their synonyms (`torch.add`, `torch.true_divide`, `torch.concat`), methods (`Tensor.add`, `Tensor.add_`) and
    `torch.ops.aten.add`.
    """
    name = canonical(symbol)
    name = operator_method(name) or name
    if name == "abs":
        return _made("abs", *_UNARY_OPERATORS["abs"], operands=(0,))
    if name.startswith("Tensor.__"):
        return _operator(name, name[len("Tensor.__") : -2])
    special = _special().get(name)
    if special is not None:
        return special
    space, _, plain = name.rpartition(".")
    if space == "torch.nn.functional":
        return _made(name, *_FUNCTIONALS[plain]) if plain in _FUNCTIONALS else None
    if space not in ("torch", "Tensor", "torch.ops.aten"):
        return None
    mutates = plain.endswith("_")
    base = plain.rstrip("_")
    base = _SYNONYMS.get(base, base)
    if base in _TWO_OPERANDS:
        cls, attribute, forbidden = _TWO_OPERANDS[base]
        return _made(name, cls, attribute, operands=(0, 1), forbidden=frozenset(forbidden), mutates=mutates)
    if base not in _WRAPPERS or (mutates and base in _TO_BOOLEANS):
        return None
    rules = _METHOD_RULES.get(base, {}) if space == "Tensor" else {}
    return _made(name, *_WRAPPERS[base], mutates=mutates, **rules)


def mirrored(symbol: str) -> str | None:
    """The comparison Python makes of the right operand where the left is no tensor: `__gt__` for `0 < x`.

    AIMET's comparison modules take a tensor first, so for a number on the left swap the operands and use this.
    """
    match = re.fullmatch(r"Tensor\.__(\w+)__", symbol)
    other = _MIRRORED.get(match[1]) if match else None
    return f"Tensor.__{other}__" if other else None


def number_first(module: AimetModule) -> bool:
    """Whether the module may get a Python number as its first operand and a tensor as its second (`1 - x`)."""
    return module.name in {"Add", "Subtract", "Multiply", "Divide", "FloorDivide", "Remainder", "Pow"}


_NEW_PATH = "aimet_torch.nn.modules.custom"
_OLD_PATH = "aimet_torch.elementwise_ops"


def import_path(version: str) -> str:
    """The module to import AIMET's modules from: for "1.x", "2.x", "unknown" or a full version such as "1.31.0".

    AIMET 1.x had them in `aimet_torch.elementwise_ops` up to 1.34; 1.35 and every 2.x have
    `aimet_torch.nn.modules.custom`. An unknown version counts as 2.x; "1.x" means before 1.35.
    """
    match = re.match(r"1\.(\d+|x)", version)
    if match and (match[1] == "x" or int(match[1]) < 35):
        return _OLD_PATH
    return _NEW_PATH
