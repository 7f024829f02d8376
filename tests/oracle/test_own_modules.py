"""Modules of one operation that repairs define: each computes the same, and passes the validator and quantsim."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, fix_all
from aimet_guidelines.knowledge.own_modules import operations
from aimet_torch.meta.connectedgraph_utils import get_ops_with_missing_modules
from aimet_torch.quantsim import QuantizationSimModel
from calls import same

logging.disable(logging.CRITICAL)

# The call of each operation in a forward over `x` (2, 4, 6, 6), positive floats; `s` is (2, 4), `k` integers.
_UNARY = "{0}(x)"
CALLS: dict[str, str] = {
    "arange": "torch.arange(x.shape[1])",
    "linspace": "torch.linspace(0, 1, x.shape[1])",
    **{name: f"torch.{name}((x.shape[1], 3))" for name in ("zeros", "ones", "empty")},
    "full": "torch.full((x.shape[1], 3), 2.0)",
    "eye": "torch.eye(x.shape[1])",
    "tril_indices": "torch.tril_indices(x.shape[1], 3)",
    "triu_indices": "torch.triu_indices(x.shape[1], 3)",
    "full_like": "torch.full_like(x, 2)",
    "meshgrid": 'torch.meshgrid(s[0], s[1], indexing="ij")',
    "stack": "torch.stack([x, x], x.dim() - 1)",
    **{name: f"torch.{name}([x, x])" for name in ("hstack", "vstack", "dstack")},
    "bucketize": "torch.bucketize(x, s[0])",
    "searchsorted": "torch.searchsorted(s[0], x)",
    "one_hot": "F.one_hot(k, num_classes=9)",
    "einsum": 'torch.einsum("bchw,bdhw->bcd", x, x)',
    "roll": "x.roll(1, 2)",
    "flip": "x.flip(2, 3)",
    "fliplr": "s.fliplr()",
    "flipud": "s.flipud()",
    "rot90": "x.rot90(1, (2, 3))",
    "unfold": "x.unfold(2, 2, 2)",
    "repeat_interleave": "x.repeat_interleave(2, -1)",
    "diag": "s.diag()",
    "take": "x.take(k)",
    "take_along_dim": "x.take_along_dim(k, 3)",
    "masked_select": "x.masked_select(x > 0.7)",
    "masked_scatter": "x.masked_scatter(x > 0.7, x)",
    "index_copy": "x.index_copy(0, k[:, 0, 0, 0], x)",
    "index_fill": "x.index_fill(0, k[:, 0, 0, 0], 2)",
    "select_scatter": "x.select_scatter(x[0], 0, 1)",
    "slice_scatter": "x.slice_scatter(x[:1], 0, 1, 2)",
    "diagonal_scatter": "s.diagonal_scatter(s[0, :2])",
    "narrow_copy": "x.narrow_copy(1, 0, 2)",
    **{name: f"k.{name}(k)" for name in ("bitwise_and", "bitwise_or", "bitwise_xor")},
    "bitwise_not": "k.bitwise_not()",
    "logical_xor": "x.logical_xor(x)",
    "isclose": "x.isclose(x)",
    "new_full": "x.new_full((3, x.shape[1]), 2)",
    **{name: f"x.{name}((3, x.shape[1]))" for name in ("new_zeros", "new_ones", "new_empty")},
    "var": "x.var(1, keepdim=True)",
    "std": "x.std(1, keepdim=True)",
    "clamp": "x.clamp(max=0.7)",
    "clip": "x.clip(0.1, 0.7)",
    "clamp_min": "x.clamp_min(0.7)",
    "clamp_max": "x.clamp_max(0.7)",
    **{name: f"x.{name}(1)" for name in ("cumprod", "logsumexp", "logcumsumexp")},
    **{name: f"x.{name}(x)" for name in ("atan2", "hypot", "logaddexp", "copysign", "fmax", "fmin", "xlogy")},
    **{f"conv{n}d": f"F.conv{n}d({i}, {i} * 2, padding=x.shape[1] - 4)" for n, i in ((1, "x[0]"), (2, "x"))},
    "conv3d": "F.conv3d(x[None], x[None])",
    "conv_transpose1d": "F.conv_transpose1d(x[0], x[0].transpose(0, 1))",
    "conv_transpose3d": "F.conv_transpose3d(x[None], x[:, None])",
    "conv_transpose2d": "F.conv_transpose2d(x, x.repeat(2, 1, 1, 1)[:4])",
    "lerp": "x.lerp(x, 0.5)",
    "kron": "s.kron(s)",
    "inner": "s.inner(s)",
    "mm": "s.mm(s.t())",
    "mv": "s.mv(s[0])",
    "dot": "s[0].dot(s[1])",
    "cross": "x[:, :3].cross(x[:, 1:], 1)",
    "addcmul": "x.addcmul(x, x, value=2)",
    "addcdiv": "x.addcdiv(x, x)",
    "addbmm": "s[:, :2].addbmm(x[:, 0, :2, :2], x[:, 0, :2, :2])",
    "addmv": "s[:, 0].addmv(s, s[0])",
    "addr": "s.addr(s[:, 0], s[0])",
}
# What they hold is not decided.
_UNSET = frozenset({"empty", "new_empty", "empty_like"})

_NET = """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)
        self.flatten = nn.Flatten()

    def forward(self, x):
        x = self.conv(x).sigmoid()
        s, k = x[:, :, 0, 0], x.long()
        y = {call}
        return self.flatten(x), y
"""


def _made(text: str) -> Any:
    space: dict[str, Any] = {"__name__": "repaired"}
    exec(compile(text, "model.py", "exec"), space)
    torch.manual_seed(0)
    return space["Net"]().eval()


@pytest.mark.parametrize("operation", operations())
def test_each_is_one_operation_to_aimet(operation: str) -> None:
    plain = operation.rpartition(".")[2]
    like = f"torch.{plain}(x)" if plain.endswith("_like") else f"x.{plain}()"
    source = _NET.format(call=CALLS.get(plain, like))
    project = Project.empty("/p").updated({"/p/model.py": source})
    config = Config(root="/p", select=("AIMET101", "AIMET301"), aimet_available=True, aimet_version="2.x")
    text = fix_all("/p/model.py", project, config, lambda finding, repair: True).text
    name = next(name for name in (plain, f"{plain}2", "conv2") if f"y = self.{name}(" in text)
    torch.manual_seed(1)
    before, after, inputs = _made(source), _made(text), torch.rand(2, 4, 6, 6)
    with torch.no_grad():
        first, second = before(inputs), after(inputs)
    assert torch.equal(first[0], second[0])
    if plain not in _UNSET:
        assert same(first[1], second[1])
    with torch.no_grad():
        assert not [each.type for each in get_ops_with_missing_modules(after, (inputs,))]
    sim = QuantizationSimModel(_made(text), dummy_input=inputs)
    sim.compute_encodings(lambda model: model(inputs))
    with torch.no_grad():
        sim.model(inputs)
    quantizers = getattr(getattr(sim.model, name), "output_quantizers", [])
    assert len(quantizers) == text.count(f"QuantizationMixin.implements({type(getattr(after, name)).__name__})")
