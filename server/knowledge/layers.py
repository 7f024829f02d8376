"""Which module class in torch.nn does what a functional does, and how the arguments of a call map to it.

Sources: `layer_rows.py` (written by hand), the generated tables of signatures and module classes. AIMET traces models
in eval(); the notes say where functional and module differ in train().
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from .data import REQUIRED, Signature, signature, table
from .layer_rows import ROWS, Row
from .modules import module_class
from .names import canonical

Kind = Literal[
    "activation", "pooling", "dropout", "normalization", "padding", "resize", "parametric", "loss", "shape", "distance"
]

RECEIVER: Final = -1
"""The place of a tensor method's first parameter in the result of `bind`: the object the method is called on."""


class Carried(NamedTuple):
    """Where a functional's parameter goes: the constructor's parameter and its default (REQUIRED without one)."""

    parameter: str
    default: Any


class Layer(NamedTuple):
    """A functional that has a module class, as spelt at a call.

    symbol: the canonical name of the spelling (`Tensor.relu_`).
    functional: the operation (`torch.nn.functional.relu`).
    module: the class (`torch.nn.ReLU`); for `torch.nn.functional.pad` use `padding_module`.
    attribute: a name for the new submodule (`relu`, `max_pool`).
    signature: the spelling's parameters; a tensor method's first one is its receiver.
    inputs: parameters whose arguments stay in the call.
    carried: parameters whose arguments go to the constructor. An argument equal to the constructor's default may be
        left out there; where the spelling's own default differs from it, the spelling's must be written out.
    inexpressible: every other parameter, with the values that mean the same as the module form; where the argument
        is anything else, there is no module form. Empty: there is none whenever the argument is given.
    ignored: parameters without any effect on values.
    fixed: constructor arguments the module form always needs (`inplace=True` for `Tensor.relu_`).
    missing: constructor parameters that neither `carried` nor `fixed` gives; not empty means no module form can be
        written from the call alone.
    training: (parameter, its default) that the module's own `self.training` takes the place of, or None.
    mutates: the spelling changes its input; unless `fixed` has `inplace`, the module form does not.
    parametric: it works over weights the module would own, so there is no safe module form.
    weights: the parameters that take these weights. Where not `parametric`, they may be None.
    aimet: AIMET's class that takes exactly this call's arguments, for arguments known only at run time; or None.
    note: how values differ between the two, "" where they do not.
    """

    symbol: str
    functional: str
    module: str
    attribute: str
    kind: Kind
    signature: Signature
    inputs: tuple[str, ...]
    carried: Mapping[str, Carried]
    inexpressible: Mapping[str, tuple[Any, ...]]
    ignored: frozenset[str]
    fixed: Mapping[str, Any]
    missing: tuple[str, ...]
    training: tuple[str, Any] | None
    mutates: bool
    parametric: bool
    weights: tuple[str, ...]
    aimet: str | None
    note: str


_FUNCTIONAL = "torch.nn.functional."
_IGNORED = frozenset({"_stacklevel", "cudnn_enable", "cudnn_enabled"})

# Other operations that happen to share a functional's name.
_NAMESAKES = frozenset(
    {
        "Tensor.unfold",
        "Tensor.unfold_",
        "torch.ops.aten.unfold",
        "torch.adaptive_max_pool1d",
        "torch.ops.aten.adaptive_max_pool1d",
        "torch.ops.aten.adaptive_max_pool2d",
        "torch.ops.aten.adaptive_max_pool3d",
    }
)
_SPACES = ("torch.", "Tensor.", "torch.special.", "torch.ops.aten.", "torch._C._nn.")


@lru_cache(maxsize=1)
def _rows() -> dict[str, Row]:
    """Every functional and every spelling given by hand, by its symbol."""
    found: dict[str, Row] = {}
    for row in ROWS:
        found[row.functional if "." in row.functional else _FUNCTIONAL + row.functional] = row
        for spelling in row.spellings:
            found[spelling] = row
    return found


def _row(symbol: str) -> Row | None:
    rows = _rows()
    row = rows.get(symbol)
    if row is not None or symbol in _NAMESAKES:
        return row
    for space in (_FUNCTIONAL, *_SPACES):
        if symbol.startswith(space):
            name = symbol[len(space) :]
            if "." in name:
                continue
            for candidate in (name, name.removesuffix("_") if not name.endswith("__") else name):
                row = rows.get(_FUNCTIONAL + candidate) or rows.get(f"torch.ops.aten.{candidate}")
                if row is None and candidate == "log_sigmoid":
                    row = rows[_FUNCTIONAL + "logsigmoid"]
                if row is not None:
                    return row if _exists(symbol) else None
            return None
    return None


def _exists(symbol: str) -> bool:
    """Whether torch has that spelling, as far as its signatures are known."""
    return symbol in table("signatures") or symbol.startswith("torch._C._nn.") or symbol in _rows()


def _signature(symbol: str, row: Row) -> Signature:
    name = symbol.rpartition(".")[2]
    for candidate in (symbol, f"torch.ops.aten.{name}", _FUNCTIONAL + name, _FUNCTIONAL + row.functional):
        found = signature(candidate)
        if found is not None:
            return found
    return ()


@lru_cache(maxsize=1024)
def layer(symbol: str) -> Layer | None:
    """The layer that `symbol` computes, or None where torch.nn has no class for it.

    Every spelling is known: `torch.nn.functional.relu`, `torch.relu`, `torch.relu_`, `Tensor.relu_`,
    `torch.special.expit`, `torch.ops.aten.relu.default`, `torch._C._nn.gelu`, `torch._VF.dropout`.
    """
    name = canonical(symbol)
    row = _row(name)
    if row is None:
        return None
    functional = row.functional if "." in row.functional else _FUNCTIONAL + row.functional
    module = f"torch.nn.{row.module}"
    cls = module_class(module)
    constructor = {p.name: p.default for p in cls.signature if p.kind in ("", "keyword")} if cls else {}
    parameters = _signature(name, row)
    mutates = name.endswith("_") and not name.endswith("__")
    native_loss = row.kind == "loss" and not name.startswith(_FUNCTIONAL)

    carried: dict[str, Carried] = {}
    targets = dict((c.split(":") * 2)[:2] for c in row.carried)
    inexpressible: dict[str, tuple[Any, ...]] = {}
    inputs: list[str] = []
    training: tuple[str, Any] | None = None
    for parameter in parameters:
        if parameter.name in row.inputs:
            inputs.append(parameter.name)
        elif parameter.name in row.training:
            training = (parameter.name, parameter.default)
        elif parameter.name in _IGNORED:
            continue
        elif parameter.name in targets and not (native_loss and parameter.name == "reduction"):
            target = targets[parameter.name]
            carried[parameter.name] = Carried(target, constructor.get(target, REQUIRED))
        else:
            inexpressible[parameter.name] = () if parameter.default is REQUIRED else (parameter.default,)
    if row.functional == "pad":
        # The class that `mode` chooses; `value` goes to ConstantPadNd, None meaning 0.
        inexpressible.pop("mode", None)
        inexpressible.pop("value", None)
    fixed = dict(row.fixed)
    if mutates and "inplace" in targets:
        fixed["inplace"] = True
    given = {c.parameter for c in carried.values()} | set(fixed)
    missing = [p.name for p in cls.signature if p.default is REQUIRED and not p.kind.startswith("*")] if cls else []
    missing = [] if row.functional == "pad" else [name for name in missing if name not in given]
    if native_loss:
        # torch.kl_div and the like take reduction as a number and have another default than their schema says.
        missing.append("reduction")
        inexpressible["reduction"] = ()
    return Layer(
        symbol=name,
        functional=functional,
        module=module,
        attribute=row.attribute,
        kind=row.kind,  # type: ignore[arg-type]
        signature=parameters,
        inputs=tuple(inputs),
        carried=MappingProxyType(carried),
        inexpressible=MappingProxyType(inexpressible),
        ignored=_IGNORED & {p.name for p in parameters},
        fixed=MappingProxyType(fixed),
        missing=tuple(missing),
        training=training,
        mutates=mutates,
        parametric=row.parametric,
        weights=row.weights,
        aimet=row.aimet if name.startswith((_FUNCTIONAL, "torch._C._nn.")) else None,
        note=row.note,
    )


@lru_cache(maxsize=256)
def layer_of_class(path: str) -> Layer | None:
    """The layer whose class stands at `path` (`torch.nn.ReLU`), or None where no function computes the same."""
    return next((layer(symbol) for symbol, row in _rows().items() if f"torch.nn.{row.module}" == path), None)


_PADDINGS = {"reflect": "ReflectionPad", "replicate": "ReplicationPad", "circular": "CircularPad"}


def padding_module(mode: str, sides: int, constant: bool) -> str | None:
    """The class for `F.pad(x, pad, mode, value)`: `sides` is len(pad), `constant` whether a value other than None or
    0 is given. `ConstantPad{n}d` takes (padding, value), the others (padding); None where there is no class.
    """
    if sides not in (2, 4, 6) or (constant and mode != "constant"):
        return None
    if mode == "constant":
        return f"torch.nn.{'Constant' if constant else 'Zero'}Pad{sides // 2}d"
    return f"torch.nn.{_PADDINGS[mode]}{sides // 2}d" if mode in _PADDINGS else None


def bind(layer: Layer, positional: int, keywords: Collection[str]) -> dict[str, int | str] | None:
    """Which argument of a call is which parameter: parameter -> position, or -> its own name if given by keyword.

    positional: the number of positional arguments written at the call. A tensor method's receiver is not among
    them; it is bound to RECEIVER. None where the call cannot be bound: too many arguments, an unknown keyword, a
    parameter given twice or a required one not given.
    """
    ordinary = [p.name for p in layer.signature if p.kind == ""]
    method = layer.symbol.startswith("Tensor.")
    offset = 1 if method else 0
    if positional + offset > len(ordinary):
        return None
    bound: dict[str, int | str] = {}
    if method:
        bound[ordinary[0]] = RECEIVER
    for index in range(positional):
        bound[ordinary[index + offset]] = index
    known = {p.name for p in layer.signature}
    for keyword in keywords:
        if keyword == "self" and "input" in known:
            keyword = "input"
        if keyword not in known or keyword in bound:
            return None
        bound[keyword] = keyword
    if any(p.default is REQUIRED and p.name not in bound for p in layer.signature if p.kind in ("", "keyword")):
        return None
    return bound


def symbols() -> tuple[str, ...]:
    """Every public spelling of every layer, sorted."""
    known = [s for s in table("signatures") if _row(s) is not None]
    return tuple(sorted({*known, *_rows()}))
