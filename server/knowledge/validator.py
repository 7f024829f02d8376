"""Which operations AIMET's ModelValidator reports: those it wants a module for.

Source: `validator.json`, made by `scripts/generate_validator_table.py`, which runs the validator on a model with each
operation. An operation alone in the forward of a module without submodules is exempt; that is not in this table.

Forms: where the arguments decide, the call has a key of its own:
    torch.split[sizes], Tensor.split[sizes]   a list of sizes, reported; one size is not
    torch.max[dim], torch.max[other], ...     with a dimension, with a second tensor
    torch.where[condition]                    the condition alone
    Tensor.to[dtype]                          with a data type
    Tensor.__getitem__[mask]                  indexing with a boolean mask
    Tensor.__setitem__[number]                assigning a Python number
    Tensor.__iter__                           `for row in x`, unpacking, `list(x)`: an unbind
Beside operations the table has the builtins `abs`, `sum`, `pow` and `reversed` applied to tensors.
"""

from __future__ import annotations

from functools import lru_cache

from .data import table
from .names import canonical
from .tensors import operator_method


@lru_cache(maxsize=4096)
def flagged(symbol: str) -> bool | None:
    """Whether the validator reports this operation (a canonical name, or a form key), None where that is not known.

    A form that is not in the table has the verdict of the plain operation.
    """
    verdicts: dict[str, bool] = table("validator")["flagged"]
    base, bracket, form = symbol.partition("[")
    name = canonical(base)
    name = operator_method(name) or name
    verdict = verdicts.get(name + bracket + form)
    if verdict is None:
        verdict = verdicts.get(name)
    if verdict is None and name.startswith(("torch.ops.aten.", "torch._C._nn.")):
        plain = name.rpartition(".")[2]
        for space in ("torch", "Tensor", "torch.nn.functional"):
            if verdict is None:
                verdict = verdicts.get(f"{space}.{plain}")
    elif verdict is None and name.startswith("torch.ops.") and name.count(".") > 2:
        # AIMET lists what may stay a function; a library's own operator (`torch.ops.torchvision.nms`) never does.
        verdict = True
    return verdict


def forms(symbol: str) -> tuple[str, ...]:
    """The form keys the table has for an operation (`Tensor.split[sizes]`), sorted."""
    prefix = canonical(symbol) + "["
    return tuple(sorted(k for k in table("validator")["flagged"] if k.startswith(prefix)))


def versions() -> tuple[str, str]:
    """The versions of (aimet_torch, torch) the table was made with."""
    made = table("validator")
    return made["aimet"], made["torch"]
