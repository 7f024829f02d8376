"""AIMET's modules: each computes its operation bit for bit, passes the validator, and quantsim accepts it."""

from __future__ import annotations

import logging
import operator
import warnings
from typing import Any

import aimet_torch.nn.modules.custom as custom
import pytest
import torch
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, fix_all
from aimet_guidelines.finding import Safety
from aimet_guidelines.knowledge.aimet_modules import AimetModule, aimet_module, number_first
from aimet_guidelines.knowledge.data import table
from aimet_guidelines.knowledge.validator import flagged
from aimet_torch.meta.connectedgraph_utils import get_ops_with_missing_modules
from aimet_torch.nn import QuantizationMixin
from aimet_torch.quantsim import QuantizationSimModel
from calls import copied, resolve, same

logging.disable(logging.CRITICAL)

x = torch.rand(2, 4, 6, 6) + 0.5
y = torch.rand(2, 4, 6, 6) + 0.5
m = torch.rand(4, 4)
b = torch.rand(2, 3, 4)
c = torch.rand(2, 4, 5)
mask = x > 1
index = torch.tensor([[0, 1], [2, 0]])

_UNARY = [((x,), {})]
_BINARY = [((x, y), {}), ((x, 2.0), {})]
_TENSORS = [((x, y), {})]

# Calls of each operation, the receiver first. The same for the function, the method and the synonyms.
CALLS: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "add": _BINARY,
    "sub": [*_BINARY, ((x, y), {"alpha": 2})],
    "mul": _BINARY,
    "div": [*_BINARY, ((x, y), {"rounding_mode": "floor"})],
    "floor_divide": _BINARY,
    "remainder": _BINARY,
    "fmod": _BINARY,
    "true_divide": _BINARY,
    "pow": _BINARY,
    "matmul": [((m, m), {}), ((b, c), {})],
    "bmm": [((b, c), {})],
    "baddbmm": [((torch.rand(2, 3, 5), b, c), {}), ((torch.rand(2, 3, 5), b, c), {"beta": 2})],
    "addmm": [((m, m, m), {})],
    "outer": [((m[0], m[1]), {})],
    "norm": [((x,), {}), ((x, 2, 1), {}), ((x,), {"dim": 1, "keepdim": True})],
    **dict.fromkeys(("exp", "erf", "sqrt", "rsqrt", "square", "log", "abs", "neg", "ceil", "floor", "sign"), _UNARY),
    **dict.fromkeys(("sin", "cos", "round", "nonzero", "logical_not"), _UNARY),
    "asin": [((m,), {})],
    "atan": [((m,), {})],
    **dict.fromkeys(("maximum", "minimum", "logical_or", "logical_and"), _TENSORS),
    "max": [((x,), {}), ((x, 1), {}), ((x, y), {}), ((x,), {"dim": -1, "keepdim": True})],
    "min": [((x,), {}), ((x, 1), {}), ((x, y), {})],
    "amax": [((x, 1), {}), ((x, (1, 2), True), {})],
    "amin": [((x, 1), {})],
    "gt": _BINARY,
    "lt": _BINARY,
    "ge": _BINARY,
    "le": _BINARY,
    "ne": _BINARY,
    "eq": _BINARY,
    "cumsum": [((x, 1), {}), ((x,), {"dim": 0})],
    "mean": [((x,), {}), ((x, 1), {}), ((x, (2, 3)), {"keepdim": True})],
    "sum": [((x,), {}), ((x, 1), {}), ((x, [2, 3]), {"keepdim": True})],
    "prod": [((x,), {}), ((x, 1), {})],
    "argmin": [((x,), {}), ((x, 1), {})],
    "argmax": [((x,), {}), ((x,), {"dim": 1})],
    "gather": [((m, 1, index), {}), ((m,), {"dim": 0, "index": index})],
    "index_select": [((x, 1, torch.tensor([0, 2])), {})],
    "select": [((x, 1, 0), {})],
    "topk": [((x, 2), {}), ((x, 2), {"dim": 1})],
    "split": [((x, [1, 3], 1), {}), ((x, 2, 1), {})],
    "cat": [(([x, y],), {}), (((x, y), 1), {}), (([x, y],), {"dim": -1})],
    "normalize": [((x,), {}), ((x,), {"p": 1.0, "dim": -1})],
    "grid_sample": [((x, torch.rand(2, 3, 3, 2)), {"align_corners": False})],
    "scaled_dot_product_attention": [
        ((x, y, x), {}),
        ((x, y, x), {"attn_mask": torch.rand(6, 6), "scale": 0.3}),
        ((x, y, x, None, 0.0, True), {}),
    ],
    "tile": [((x, (1, 2, 1, 1)), {})],
    "repeat": [((x, 1, 2, 1, 1), {}), ((m, 2, 2, 2), {}), ((m, (2, 2)), {})],
    "scatter": [((m, 1, index, m), {})],
    "linear": [((x, torch.rand(3, 6)), {}), ((x, torch.rand(3, 6), torch.rand(3)), {})],
    "conv2d": [((x, torch.rand(3, 4, 2, 2)), {}), ((x, torch.rand(4, 1, 3, 3), torch.rand(4), 2, 1, 1, 4), {})],
}
SPECIAL: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "torch.where": [((mask, x, y), {}), ((mask, x, 0.0), {})],
    "Tensor.where": [((x, mask, y), {})],
    "torch.masked_fill": [((x, mask, -1e4), {}), ((x.half(), mask, float("-inf")), {})],
    "Tensor.masked_fill": [((x, mask, -1e4), {}), ((x.half(), mask[:1], float("-inf")), {})],
    "Tensor.tile": [((x, 1, 2, 1, 1), {}), ((x, (2, 1)), {})],
    "Tensor.sum": [((x,), {}), ((x, 1), {}), ((x, [2, 3]), {"keepdim": True})],
}
SYNONYMS = {
    "subtract": "sub", "divide": "div", "multiply": "mul", "greater": "gt", "less": "lt",
    "greater_equal": "ge", "less_equal": "le", "not_equal": "ne", "absolute": "abs", "negative": "neg",
    "arcsin": "asin", "arctan": "atan", "concat": "cat", "concatenate": "cat",
}  # fmt: skip
OPERATORS = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
    "pow": "pow", "matmul": "matmul", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne",
    "neg": "neg", "abs": "abs",
}  # fmt: skip


def calls_of(symbol: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    if symbol in SPECIAL:
        return SPECIAL[symbol]
    name = symbol.rpartition(".")[2]
    if name.startswith("__"):
        name = name.strip("_")
        known = OPERATORS.get(name) or OPERATORS[name[1:]]
        return [call for call in CALLS[known] if not call[1]]
    name = name.rstrip("_")
    return CALLS[SYNONYMS.get(name, name)]


def symbols() -> list[str]:
    candidates = {*table("signatures"), *table("validator")["flagged"]}
    return sorted(
        s
        for s in candidates
        if aimet_module(s) is not None and "[" not in s and not s.startswith("torch.ops.") and s != "abs"
    )


class _Model(torch.nn.Module):
    """One of AIMET's modules after a layer, called as the table says."""

    def __init__(self, found: AimetModule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__()
        given = {**dict(zip(found.parameters, args, strict=False)), **kwargs} if found.parameters else kwargs
        constructor = {target: given[name] for target, name in found.constructor.items() if name in given}
        self.operation = getattr(custom, found.name)(**constructor)
        self.relu = torch.nn.ReLU()
        # quantsim copies the model: keep plain values only.
        self.spread, self.places, self.pack = found.spread, found.operands, found.pack
        self.kwargs = {k: v for k, v in kwargs.items() if k not in found.constructor.values()}
        self.rest = args

    def operands(self, args: tuple[Any, ...]) -> list[Any]:
        if self.spread:
            return list(args[0])
        if isinstance(self.places, tuple):
            return [args[place] for place in self.places if place < len(args)]
        if self.pack is not None and len(args) > self.pack + 1:
            return [*args[: self.pack], tuple(args[self.pack :])]
        return list(args)

    def forward(self, gate: torch.Tensor, *tensors: torch.Tensor) -> Any:
        from torch.utils import _pytree as pytree

        leaves, spec = pytree.tree_flatten(self.rest)
        remaining = iter(tensors)
        leaves = [next(remaining) if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        result = self.operation(*self.operands(pytree.tree_unflatten(leaves, spec)), **self.kwargs)
        return result, self.relu(gate)


def _inputs(args: tuple[Any, ...]) -> tuple[torch.Tensor, ...]:
    from torch.utils import _pytree as pytree

    leaves = [leaf for leaf in pytree.tree_leaves(copied(args)) if isinstance(leaf, torch.Tensor)]
    return (torch.rand(1, 2), *leaves)


@pytest.mark.parametrize("symbol", symbols())
def test_the_module_computes_the_operation(symbol: str) -> None:
    found = aimet_module(symbol)
    assert found is not None
    function = operator.imatmul if symbol == "Tensor.__imatmul__" else resolve(symbol)
    compared = 0
    for args, kwargs in calls_of(symbol):
        if found.forbidden & set(kwargs):
            continue
        try:
            want = function(*copied(args), **copied(kwargs))
        except (RuntimeError, TypeError) as error:
            # In-place spellings cannot change dtype or shape; those calls do not exist.
            assert found.mutates or symbol.startswith("Tensor.__r"), (symbol, error)
            continue
        if want is NotImplemented:
            continue
        model = _Model(found, args, kwargs)
        mine = model(*_inputs(args))[0]
        if found.caveat == "differs by rounding unless the dividend is 1":
            torch.testing.assert_close(mine, want)
        else:
            assert same(mine, want), (symbol, args, kwargs)
        compared += 1
    assert compared, symbol


@pytest.mark.parametrize("name", sorted({m.name for s in symbols() if (m := aimet_module(s))}))
def test_aimet_accepts_the_module(name: str) -> None:
    symbol = min((s for s in symbols() if aimet_module(s).name == name), key=lambda s: ("_" in s, len(s)))  # type: ignore[union-attr]
    found = aimet_module(symbol)
    assert found is not None
    if found.tensors:
        with pytest.raises(Exception, match="not registered"):
            QuantizationMixin.from_module(getattr(custom, name)())
        _register(name)
    args, kwargs = calls_of(symbol)[0]
    model = _Model(found, args, kwargs).eval()
    inputs = _inputs(args)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not get_ops_with_missing_modules(model, inputs), name
        simulated = QuantizationSimModel(model, inputs)
        simulated.compute_encodings(lambda sim: sim(*inputs))
        simulated.model(*inputs)
    quantizers = getattr(simulated.model.operation, "output_quantizers", [])
    assert found.quantized == any(q is not None for q in quantizers), name


def test_a_batch_norm_s_weights_are_quantized_with_each_call() -> None:
    """The repair of one over own weights is safe for that reason."""

    class Net(torch.nn.BatchNorm2d):
        def __init__(self) -> None:
            super().__init__(4)
            self.batch_norm = custom.BatchNorm()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias)
            return result

    simulated = QuantizationSimModel(torch.nn.Sequential(Net()).eval(), x)
    quantizers = simulated.model[0].batch_norm.input_quantizers
    assert [each is not None for each in quantizers] == [True, False, False, True, True]


def _register(name: str) -> None:
    """Run what the repair adds to a file that calls such a module."""
    text = (
        "import torch.nn as nn\nimport torch.nn.functional as F\n\n\nclass Net(nn.Module):\n"
        "    def forward(self, q, k, v):\n        x = F.scaled_dot_product_attention(q, k, v)\n        return x + q\n"
    )
    project = Project.empty("/p").updated({"/p/model.py": text})
    config = Config(root="/p", select=("AIMET301",), aimet_available=True)
    fixed = fix_all("/p/model.py", project, config, lambda finding, repair: repair.safety is Safety.SAFE)
    assert f"@QuantizationMixin.implements({name})" in fixed.text
    exec(compile(fixed.text, "model.py", "exec"), {"__name__": "model"})


def test_modules_that_take_a_number_first() -> None:
    for symbol in symbols():
        found = aimet_module(symbol)
        if found is None or found.operands != (0, 1) or symbol.startswith("Tensor.__i"):
            continue
        module = getattr(custom, found.name)()
        try:
            module(2.0, x)
        except TypeError:
            assert not number_first(found), symbol
        else:
            assert number_first(found), symbol


def test_the_left_out_module_still_changes_its_input() -> None:
    assert "masked_fill_" in repr(custom.MaskedFill.forward.__closure__[0].cell_contents)


# Modules without one operation of torch that computes exactly the same with the same arguments, or not needed for one.
_UNUSED = {
    "Cast", "ChannelShuffle", "CustomGather", "CustomSiLU", "DepthToSpaceCRDMode", "DepthToSpaceDCRMode", "Expand",
    "GatherNd", "HadamardRotation", "MaskedFill", "NonMaxSuppression", "NullRequant", "OneHot", "Permute", "Reshape",
    "RmsNorm", "RoiAlign", "RotaryEmbedding", "ScatterND", "Shape", "StridedSlice",
    "Interpolate", "MaxPool2d", "AdaptiveAvgPool2d", "AvgPool2d", "BatchNorm", "GroupNorm", "Pad",
}  # fmt: skip


def test_every_module_of_aimet_is_accounted_for() -> None:
    offered = {
        name
        for name, value in vars(custom).items()
        if isinstance(value, type) and issubclass(value, torch.nn.Module) and not name.startswith(("_", "Quantized"))
    } - {"CustomSparseConv3DLayer", "CustomScatterDense"}
    used = {m.name for s in symbols() if (m := aimet_module(s))}
    assert used <= offered, f"AIMET lacks {sorted(used - offered)}"
    missing = offered - used - _UNUSED
    assert not missing, f"AIMET offers {sorted(missing)}"


def test_what_aimet_flags_for_operators_is_covered() -> None:
    for name in OPERATORS:
        assert aimet_module(f"Tensor.__{name}__") is not None
        assert flagged(f"Tensor.__{name}__") is not None
