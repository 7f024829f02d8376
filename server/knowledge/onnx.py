"""Which torch operations torch's two ONNX exporters can export, and equal spellings for some they cannot.

Source: `onnx.json`, made by `scripts/generate_onnx_table.py`, which really exports each operation. The spellings are
written here; `tests/oracle/test_onnx.py` compares their values and exports them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal, NamedTuple

from .data import table
from .names import canonical
from .tensors import operator_method

Verdict = Literal["ok", "no", "args", "unknown"]


class Export(NamedTuple):
    """Whether an operation can be exported.

    torchscript, dynamo: the verdict on `torch.onnx.export(dynamo=False)` and `(dynamo=True)`: "ok", "no" (the
        exporter has no translation, whatever the arguments), "args" (it depends on the arguments), "unknown".
    opset: the opset the TorchScript-based exporter was asked for.
    torch: the version of torch that was run.
    """

    torchscript: Verdict
    dynamo: Verdict
    opset: int
    torch: str


class Spelling(NamedTuple):
    """An expression that both exporters can export, for an operation that one or both cannot.

    template: its text; `{input}` and the like stand for the arguments of the operation's parameters.
    parameters: the parameters that may be given, in order; all of them must be, nothing else may be.
    exact: the values are equal bit for bit, special values included (the sign of a zero aside).
    note: where values may differ, or what must hold; "" where nothing.
    """

    template: str
    parameters: tuple[str, ...]
    exact: bool
    note: str = ""


_NOT_NAN = "differs where a NaN is among the values"
_ROUNDING = "differs by rounding"

_SPELLINGS: Final[dict[str, Spelling]] = {
    # Exported by neither.
    "fmin": Spelling(
        "torch.where(torch.isnan({input}), {other}, "
        "torch.where(torch.isnan({other}), {input}, torch.minimum({input}, {other})))",
        ("input", "other"),
        True,
    ),
    "fmax": Spelling(
        "torch.where(torch.isnan({input}), {other}, "
        "torch.where(torch.isnan({other}), {input}, torch.maximum({input}, {other})))",
        ("input", "other"),
        True,
    ),
    "hypot": Spelling(
        "torch.sqrt({input} * {input} + {other} * {other})",
        ("input", "other"),
        False,
        _ROUNDING + ", and overflows earlier",
    ),
    "copysign": Spelling(
        "torch.where({other} < 0, -torch.abs({input}), torch.abs({input}))",
        ("input", "other"),
        False,
        "takes -0.0 and a negative NaN for positive",
    ),
    "median": Spelling("torch.sort({input}.flatten())[0][({input}.numel() - 1) // 2]", ("input",), False, _NOT_NAN),
    "searchsorted": Spelling(
        "torch.sum({sorted_sequence} < {input}.unsqueeze(-1), dim=-1)",
        ("sorted_sequence", "input"),
        False,
        "needs a one-dimensional sorted sequence and as much memory as both sizes multiplied",
    ),
    "cumprod": Spelling(
        "torch.exp(torch.cumsum(torch.log({input}), dim={dim}))", ("input", "dim"), False, "for positive values only"
    ),
    # Not exported by the TorchScript-based exporter.
    "deg2rad": Spelling("{input} * 0.017453292519943295", ("input",), True),
    "rad2deg": Spelling("{input} * 57.29577951308232", ("input",), True),
    "trunc": Spelling("torch.sign({input}) * torch.floor(torch.abs({input}))", ("input",), True),
    "frac": Spelling(
        "{input} - torch.sign({input}) * torch.floor(torch.abs({input}))", ("input",), True
    ),
    "fliplr": Spelling("torch.flip({input}, (1,))", ("input",), True),
    "flipud": Spelling("torch.flip({input}, (0,))", ("input",), True),
    "sgn": Spelling("torch.sign({input})", ("input",), False, "for real tensors only"),
    "exp2": Spelling("torch.pow(2.0, {input})", ("input",), False, _ROUNDING),
    "float_power": Spelling("torch.pow({input}.double(), {exponent})", ("input", "exponent"), True),
    "take_along_dim": Spelling(
        "torch.gather({input}, {dim}, {indices})", ("input", "indices", "dim"), False, "does not broadcast"
    ),
    "count_nonzero": Spelling("torch.sum({input} != 0)", ("input",), True),
    "diff": Spelling("{input}[..., 1:] - {input}[..., :-1]", ("input",), True),
    "addcdiv": Spelling(
        "{input} + {tensor1} / {tensor2}", ("input", "tensor1", "tensor2"), False, _ROUNDING
    ),
    "expm1": Spelling("torch.exp({input}) - 1", ("input",), False, "loses precision near 0"),
    "logaddexp": Spelling(
        "torch.logsumexp(torch.stack(({input}, {other})), dim=0)", ("input", "other"), False, _ROUNDING
    ),
    "acosh": Spelling("torch.log({input} + torch.sqrt({input} * {input} - 1))", ("input",), False, _ROUNDING),
    "cosh": Spelling("(torch.exp({input}) + torch.exp(-{input})) / 2", ("input",), False, _ROUNDING),
    "sinh": Spelling("(torch.exp({input}) - torch.exp(-{input})) / 2", ("input",), False, _ROUNDING),
    "dist": Spelling("torch.norm({input} - {other})", ("input", "other"), False, _ROUNDING),
}  # fmt: skip

_SYNONYMS = {"arccosh": "acosh", "fix": "trunc"}


def _name(symbol: str) -> str:
    name = canonical(symbol)
    return operator_method(name) or name


@lru_cache(maxsize=4096)
def export(symbol: str) -> Export:
    """What the exporters make of an operation; a form (`torch.max[dim]`) without a row has the plain one's."""
    made = table("onnx")
    rows: dict[str, str] = made["operations"]
    base, bracket, form = symbol.partition("[")
    name = _name(base)
    found = rows.get(name + bracket + form) or rows.get(name)
    if found is None and name.startswith(("torch.ops.aten.", "torch._C._nn.")):
        plain = name.rpartition(".")[2]
        for space in ("torch", "Tensor", "torch.nn.functional"):
            found = found or rows.get(f"{space}.{plain}")
    torchscript, dynamo = (found or "unknown unknown").split()
    return Export(torchscript, dynamo, made["opset"], made["torch"])  # type: ignore[arg-type]


def spelling(symbol: str) -> Spelling | None:
    """An exportable expression for the operation (a torch function or the method of its name), or None."""
    space, _, name = _name(symbol).rpartition(".")
    if space not in ("torch", "Tensor", "torch.special", "torch.ops.aten"):
        return None
    return _SPELLINGS.get(_SYNONYMS.get(name, name))


def spellings() -> dict[str, Spelling]:
    """All spellings, by the name of the torch function."""
    return dict(_SPELLINGS)
