"""Every functional with a class: the module form the tables describe computes the same, bit for bit."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from aimet_guidelines.knowledge import layers
from aimet_guidelines.knowledge.layers import layer
from calls import InexpressibleError, copied, module_form, resolve, same
from operation_samples import _op_db

_x = torch.rand(2, 4, 6, 6) - 0.3
_s = torch.rand(2, 4, 6)
_c = torch.rand(2, 2, 4, 4, 4)

# (arguments, keywords) of functionals that torch's operator database has no entry for, and of other spellings.
_CALLS: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "torch.nn.functional.dropout1d": [((_s,), {}), ((_s, 0.3, False), {})],
    "torch.nn.functional.fold": [((torch.rand(1, 8, 4), (4, 4), 2), {"stride": 2})],
    "torch.nn.functional.lp_pool1d": [((_s, 2.0, 2), {}), ((_s, 2, 3), {"stride": 1, "ceil_mode": True})],
    "torch.nn.functional.lp_pool2d": [((_x.abs(), 2.0, 2), {}), ((_x.abs(), 1.0, (2, 3), 1), {})],
    "torch.nn.functional.lp_pool3d": [((_c, 2.0, 2), {})],
    "torch.nn.functional.upsample": [((_x,), {"scale_factor": 2}), ((_x, (8, 8), None, "bilinear", True), {})],
    "torch.nn.functional.upsample_nearest": [((_x,), {"scale_factor": 2}), ((_x, (9, 7)), {})],
    "torch.nn.functional.upsample_bilinear": [((_x,), {"scale_factor": 2}), ((_x, 9), {})],
    "torch.nn.functional.interpolate": [
        ((_x,), {"scale_factor": 2}),
        ((_x, (9, 7)), {"mode": "bilinear", "align_corners": False}),
        ((_x,), {"scale_factor": (1.5, 2), "mode": "bicubic", "recompute_scale_factor": True}),
    ],
    "torch.nn.functional.pad": [
        ((_x, (1, 1)), {}),
        ((_x, (1, 1, 0, 2), "constant", 0.5), {}),
        ((_x, [1, 1, 1, 1]), {"mode": "reflect"}),
        ((_x, (1, 1, 1, 1)), {"mode": "replicate"}),
        ((_x, (1, 1, 1, 1)), {"mode": "circular"}),
        ((_c, (1, 0, 0, 1, 1, 1)), {"value": -1.0}),
        ((_s, (2, -1)), {}),
    ],
    "torch.nn.functional.rms_norm": [((_x, (6,)), {}), ((_x, [6, 6]), {"eps": 1e-3})],
    "torch.nn.functional.layer_norm": [((_x, (6,)), {}), ((_x, [6, 6], None, None, 1e-3), {})],
    "torch.layer_norm": [((_x, (6,)), {}), ((_x, [6, 6], None, None, 1e-3), {})],
    "torch.rms_norm": [((_x, (6,)), {})],
    "torch.nn.functional.triplet_margin_with_distance_loss": [((_s, _s + 1, _s - 1), {"margin": 2.0})],
    "torch.nn.functional.channel_shuffle": [((_x, 2), {})],
    "torch.nn.functional.native_channel_shuffle": [((_x, 2), {})],
    "torch.native_channel_shuffle": [((_x, 2), {})],
    "torch.channel_shuffle": [((_x, 2), {})],
    "torch.dropout": [((_x, 0.5, True), {}), ((_x, 0.5, False), {})],
    "torch.alpha_dropout": [((_x, 0.5, True), {})],
    "torch.feature_dropout": [((_x, 0.5, True), {})],
    "torch.feature_alpha_dropout": [((_x, 0.5, True), {})],
    "torch.dropout_": [((_x, 0.5, True), {})],
    "torch.alpha_dropout_": [((_x, 0.5, False), {})],
    "torch.feature_dropout_": [((_x, 0.5, False), {})],
    "torch.feature_alpha_dropout_": [((_x, 0.5, False), {})],
    "torch.softmax": [((_x, 1), {}), ((_x,), {"dim": -1})],
    "torch.log_softmax": [((_x, 1), {})],
    "torch.special.softmax": [((_x, 1), {})],
    "torch.special.log_softmax": [((_x, 1), {})],
    "Tensor.softmax": [((_x, 1), {}), ((_x,), {"dim": -1})],
    "Tensor.log_softmax": [((_x, 1), {})],
    "torch.adaptive_avg_pool1d": [((_s, 2), {})],
    "torch.adaptive_max_pool1d": [((_s, 2), {})],
    "torch.avg_pool1d": [((_s, 2), {}), ((_s, (3,), (1,), (1,), True, False), {})],
    "torch.max_pool1d": [((_s, 2), {})],
    "torch.max_pool1d_with_indices": [((_s, 2), {})],
    "torch.max_pool2d": [((_x, 2), {}), ((_x, 3, 1, 1), {})],
    "torch.max_pool3d": [((_c, 2), {})],
    "torch.pixel_shuffle": [((_x, 2), {})],
    "torch.pixel_unshuffle": [((_x, 2), {})],
    "torch.cosine_similarity": [((_x, _x + 1), {}), ((_x, _x + 1, -1, 1e-6), {})],
    "torch.pairwise_distance": [((_s, _s + 1), {}), ((_s, _s + 1, 1.0, 1e-5, True), {})],
    "torch.threshold": [((_x, 0.1, 0.0), {})],
    "torch.threshold_": [((_x, 0.1, 0.0), {})],
    "torch.nn.functional.threshold_": [((_x, 0.1, 0.0), {})],
    "torch.hardshrink": [((_x,), {}), ((_x, 0.2), {})],
    "torch.rrelu": [((_x,), {}), ((_x, 0.1, 0.3, True), {})],
    "torch.rrelu_": [((_x, 0.1, 0.3, False), {})],
    "torch.nn.functional.rrelu_": [((_x, 0.1, 0.3, False), {})],
    "torch.nn.functional.leaky_relu_": [((_x, 0.2), {})],
    "torch.nn.functional.elu_": [((_x, 0.5), {})],
    "torch.nn.functional.celu_": [((_x, 0.5), {})],
    "torch.celu_": [((_x, 0.5), {})],
    "torch.nn.functional.hardtanh_": [((_x, -0.1, 0.2), {})],
    "torch.nn.functional.fractional_max_pool2d": [((_x, 2, 3), {})],
    "torch.nn.functional.fractional_max_pool3d": [((_c, 2, 2), {})],
    "torch.nn.functional.fractional_max_pool2d_with_indices": [((_x, 2, 3), {})],
    "torch.nn.functional.fractional_max_pool3d_with_indices": [((_c, 2, 2), {})],
    "torch.nn.functional.adaptive_max_pool1d_with_indices": [((_s, 2), {})],
    "torch.nn.functional.adaptive_max_pool2d_with_indices": [((_x, 2), {})],
    "torch.nn.functional.adaptive_max_pool3d_with_indices": [((_c, 2), {})],
    "torch.nn.functional.max_pool1d_with_indices": [((_s, 2), {})],
    "torch.nn.functional.max_pool2d_with_indices": [((_x, 2), {})],
    "torch.nn.functional.max_pool3d_with_indices": [((_c, 2), {})],
    "torch.nn.functional.hardtanh": [((_x,), {}), ((_x, -0.1, 0.2), {"inplace": True})],
}


def _recorded() -> dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]]:
    """Sample calls of F's functions from torch's operator database."""
    calls: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {}
    for info in _op_db():
        symbol = f"torch.{info.name}"
        if not symbol.startswith("torch.nn.functional.") or torch.float32 not in info.dtypes or symbol in _CALLS:
            continue
        if layer(symbol) is None:
            continue
        torch.manual_seed(0)
        for sample in list(info.sample_inputs("cpu", torch.float32, requires_grad=False))[:24]:
            calls.setdefault(symbol, []).append(((sample.input, *sample.args), dict(sample.kwargs)))
    return calls


@pytest.fixture(scope="session")
def recorded() -> dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]]:
    return _recorded()


PUBLIC = [s for s in layers.symbols() if not s.startswith("torch.ops.")]


@pytest.mark.parametrize("symbol", PUBLIC)
def test_module_form_computes_the_same(symbol: str, recorded: dict[str, Any]) -> None:
    found = layer(symbol)
    assert found is not None
    function: Callable[..., Any] = resolve(symbol)
    if found.parametric or found.missing:
        assert found.note or found.missing
        return
    required = [p for p in found.signature if repr(p.default) == "REQUIRED"]
    calls = _CALLS.get(symbol) or recorded.get(symbol) or ([((_x,), {})] if len(required) == 1 else [])
    assert calls, f"no sample call of {symbol}"
    compared = 0
    for args, kwargs in calls:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                module, inputs = module_form(found, args, kwargs)
            except InexpressibleError:
                continue
            torch.manual_seed(1)
            mine = module(*copied(inputs))
            torch.manual_seed(1)
            theirs = function(*copied(args), **copied(kwargs))
        assert same(mine, theirs), (args, kwargs, module)
        compared += 1
    assert compared, f"every sample call of {symbol} is said to be inexpressible"


def test_in_place_modules_change_their_input() -> None:
    for symbol in PUBLIC:
        found = layer(symbol)
        assert found is not None
        if found.fixed.get("inplace"):
            tensor = _x.clone() if "dropout" not in symbol else torch.ones(2, 4, 6, 6)
            args = {"torch.threshold_": (0.1, 0.0), "torch.nn.functional.threshold_": (0.1, 0.0)}.get(symbol, ())
            if "dropout" in symbol:
                args = (0.5, True)
            module, inputs = module_form(found, (tensor, *args), {})
            assert module(*inputs).data_ptr() == tensor.data_ptr(), symbol


def test_every_symbol_exists() -> None:
    for symbol in layers.symbols():
        if symbol.startswith("torch.ops.aten."):
            assert hasattr(torch.ops.aten, symbol.rpartition(".")[2]), symbol
        else:
            assert callable(resolve(symbol)), symbol


# Functions of torch.nn.functional that are no layer, or have no class in torch.nn.
_NO_CLASS = {
    "affine_grid", "conv_tbc", "grid_sample", "gumbel_softmax", "normalize", "one_hot", "pdist",
    "scaled_dot_product_attention", "assert_int_or_pair", "boolean_dispatch", "handle_torch_function",
    "has_torch_function", "has_torch_function_unary", "has_torch_function_variadic", "grouped_mm",
    "scaled_grouped_mm", "scaled_mm",
}  # fmt: skip


def test_the_table_knows_every_function_of_torch_nn_functional() -> None:
    functional = vars(torch.nn.functional)
    names = {n for n, f in functional.items() if n[0] != "_" and callable(f) and not inspect.isclass(f)} - {"Optional"}
    missing = {name for name in names if layer(f"torch.nn.functional.{name}") is None} - _NO_CLASS
    assert not missing, f"rows are missing for {sorted(missing)}"
    assert not {name for name in _NO_CLASS if layer(f"torch.nn.functional.{name}") is not None}


# Classes of torch.nn without a functional of their own.
_NO_FUNCTIONAL = {
    "AdaptiveLogSoftmaxWithLoss", "CircularPad", "Container", "CrossMapLRN2d", "DataParallel", "Flatten", "Identity",
    "Module", "ModuleDict", "ModuleList", "NLLLoss2d", "ParameterDict", "ParameterList", "RNNBase", "RNNCellBase",
    "Sequential", "Softmax2d", "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerEncoderLayer", "Unflatten",
}  # fmt: skip


def test_every_class_of_torch_nn_has_a_row() -> None:
    covered = {layer(s).module for s in layers.symbols()}  # type: ignore[union-attr]
    covered |= {
        path
        for mode in ("constant", "reflect", "replicate", "circular")
        for sides in (2, 4, 6)
        for constant in (False, True)
        if (path := layers.padding_module(mode, sides, constant))
    }
    same_rank = {"BatchNorm1d", "BatchNorm3d", "SyncBatchNorm", "InstanceNorm1d", "InstanceNorm3d"}
    classes = {
        name
        for name, value in vars(torch.nn).items()
        if inspect.isclass(value) and issubclass(value, torch.nn.Module) and not name.startswith("Lazy")
    }
    missing = {n for n in classes - _NO_FUNCTIONAL - same_rank if f"torch.nn.{n}" not in covered}
    assert not missing, f"no functional leads to {sorted(missing)}"
