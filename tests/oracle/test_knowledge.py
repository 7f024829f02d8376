"""The generated tables against the installed packages: names, signatures, results, modules; and what they lack."""

from __future__ import annotations

import builtins
import inspect
import types
import warnings
from typing import Any

import pytest
import torch
from aimet_guidelines.knowledge import modules, tensors, validator
from aimet_guidelines.knowledge.data import table
from aimet_guidelines.knowledge.modules import module_attributes, module_class
from aimet_guidelines.knowledge.stars import star_binds
from calls import resolve
from operation_samples import Sample, samples
from own_samples import OWN_SAMPLES
from torch_catalogue import operations, signature

warnings.simplefilter("ignore")


@pytest.fixture(scope="session")
def found() -> dict[str, list[Sample]]:
    return samples(limit=2)


def test_signatures_are_the_installed_ones() -> None:
    rows = table("signatures")
    for symbol, value in operations():
        assert rows.get(symbol) == signature(symbol, value), symbol


def test_every_operation_has_a_result() -> None:
    missing = [symbol for symbol, _ in operations() if symbol not in table("results")]
    assert not missing, f"run scripts/generate_torch_tables.py: {missing}"


def _kind(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return "tensor"
    if isinstance(value, torch.Size):
        return "size"
    if isinstance(value, (tuple, list)) and value and all(isinstance(v, torch.Tensor) for v in value):
        return "tensors"
    if isinstance(value, bool):
        return "bool"
    return type(value).__name__


def test_results_are_what_operations_yield(found: dict[str, list[Sample]]) -> None:
    wrong: list[str] = []
    checked = 0
    for symbol, cases in found.items():
        forms = [k for k in table("results") if k.startswith(symbol + "[")]
        # Samples written by hand may do more than the one operation.
        if forms or symbol in OWN_SAMPLES:
            continue
        expected = tensors.result(symbol)
        if expected == "unknown":
            continue
        try:
            value = cases[0].call(*(t.clone() for t in cases[0].tensors))
        except RuntimeError:
            continue
        kind = _kind(value)
        checked += 1
        number = expected == "number" and kind in ("int", "float", "bool", "complex")
        exact = expected.partition(":")[2]
        if not number and kind not in (expected.partition(":")[0], expected):
            wrong.append(f"{symbol}: {expected}, yields {kind}")
        elif exact and len(value) != int(exact):
            wrong.append(f"{symbol}: {expected}, yields {len(value)}")
    assert checked > 800
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("module", ["torch", "torch.nn", "torch.nn.functional"])
def test_a_star_import_binds_what_is_said(module: str) -> None:
    bound: dict[str, Any] = {}
    exec(f"from {module} import *", bound)
    names = {*dir(builtins), *dir(torch), *dir(torch.nn), *dir(torch.nn.functional), *dir(torch.Tensor)}
    said = {name for name in names if star_binds(module, name)}
    assert said <= bound.keys()
    assert len(said) > 100


def test_views_and_in_place_operations(found: dict[str, list[Sample]]) -> None:
    wrong: list[str] = []
    for symbol, cases in found.items():
        if symbol in OWN_SAMPLES:
            continue
        given = [t.clone() for t in cases[0].tensors]
        before = [t.clone() for t in given]
        try:
            value = cases[0].call(*given)
        except RuntimeError:
            continue
        outputs = [v for v in (value if isinstance(value, (tuple, list)) else [value]) if isinstance(v, torch.Tensor)]
        changed = any(
            a.shape == b.shape and not torch.equal(a.nan_to_num(), b.nan_to_num())
            for a, b in zip(given, before, strict=True)
            if not a.is_complex()
        )
        storages = {t.untyped_storage().data_ptr() for t in given}
        shares = any(o.layout == torch.strided and o.untyped_storage().data_ptr() in storages for o in outputs)
        if changed and not tensors.is_inplace(symbol):
            wrong.append(f"{symbol} changes its input")
        if shares and not changed and not (tensors.is_view(symbol) or tensors.is_inplace(symbol)):
            wrong.append(f"{symbol} shares storage with its input")
    # Batch norm updates running statistics, embedding renormalises with max_norm; these shares depend on arguments.
    wrong = [line for line in wrong if line.split()[0] not in _ARGUMENTS_DECIDE]
    assert not wrong, "\n".join(wrong)


_ARGUMENTS_DECIDE = {
    "torch.nn.functional.batch_norm", "torch.nn.functional.instance_norm", "torch.nn.functional.embedding",
    "torch.nn.functional.embedding_bag", "torch.batch_norm", "torch.native_batch_norm",
    # The same tensor back where there is nothing to do.
    "Tensor.to", "Tensor.float", "Tensor.cpu", "Tensor.type", "Tensor.type_as", "Tensor.to_dense", "torch.asarray",
    "torch.clamp", "torch.positive", "Tensor.positive", "Tensor.resolve_conj", "Tensor.resolve_neg",
    "torch.resolve_conj", "torch.resolve_neg", "torch.conj", "Tensor.conj", "torch.conj_physical",
    "torch.normal",
}  # fmt: skip


def test_operators_exist() -> None:
    for name, kind in tensors._OPERATORS.items():
        if name in ("__imatmul__", "__rmatmul__"):
            continue
        assert hasattr(torch.Tensor, name), name
        assert "inplace" not in kind or name.startswith("__i") or name == "__setitem__"


def test_tensor_attributes() -> None:
    tensor = torch.rand(2, 3)
    for name in ("shape", "ndim", "dtype", "device", "is_cuda", "T", "mT", "data", "requires_grad", "itemsize"):
        expected = tensors.result(f"Tensor.{name}")
        assert _kind(getattr(tensor, name)) == expected, name


def test_module_classes() -> None:
    for path in table("module_classes")["classes"]:
        cls = resolve(path)
        entry = module_class(path)
        assert entry is not None and issubclass(cls, torch.nn.Module)
        mro = [b for b in cls.__mro__[1:] if issubclass(b, torch.nn.Module)]
        assert len(entry.bases) == len(mro), path


def test_state_of_module_classes() -> None:
    """Built with plausible arguments, a class called stateless has no state and one called parametric has some."""
    sizes = {"kernel_size": 2, "output_size": 2, "padding": 1, "value": 0.0, "num_features": 4, "in_channels": 4}
    built = 0
    for path in table("module_classes")["classes"]:
        entry = module_class(path)
        assert entry is not None
        if not path.startswith("torch.nn.") or path.count(".") > 2 or entry.container or "Lazy" in path:
            continue
        required = {p.name for p in entry.signature if repr(p.default) == "REQUIRED" and not p.kind}
        arguments = {name: sizes.get(name, 4) for name in required}
        try:
            module = resolve(path)(**arguments)
        except (TypeError, ValueError, AttributeError, AssertionError, NotImplementedError):
            continue
        built += 1
        if entry.stateless:
            assert not module.state_dict(), path
        if entry.parametric:
            assert list(module.parameters()), path
        if entry.childless:
            assert not list(module.children()), path
        elif path not in ("torch.nn.Module", "torch.nn.Container", "torch.nn.DataParallel"):
            assert list(module.children()), path
    assert built > 110


def test_module_attribute_names() -> None:
    assert module_attributes() >= {*dir(torch.nn.Module), *vars(torch.nn.Module())}


def test_external_classes_are_modules() -> None:
    for name in table("external_modules")["names"][::7]:
        assert issubclass(resolve(name), torch.nn.Module), name
        assert modules.is_module_base(name)


def test_quantized_classes_are_the_registered_ones() -> None:
    from generate_torch_tables import quantized_classes

    registered, ignored = quantized_classes()
    for path, entry in table("module_classes")["classes"].items():
        assert ("quantized" in entry) == (resolve(path) in registered | ignored), path


# How each layer that quantsim does not know is made, and the shape of what it is given.
_UNKNOWN = {
    "RMSNorm": ((4,), (1, 4)),
    "LPPool3d": ((2, 2), (1, 4, 4, 4, 4)),
    "DropBlock2d": ((0.1, 3), (1, 4, 8, 8)),
    "DropBlock3d": ((0.1, 3), (1, 4, 8, 8, 8)),
    "FrozenBatchNorm2d": ((4,), (1, 4, 8, 8)),
    "Permute": (([0, 2, 1],), (1, 4, 4)),
    "StochasticDepth": ((0.1, "row"), (1, 4)),
    "DropPath": ((0.1,), (1, 4)),
    "QuantStub": ((), (1, 4)),
    "DeQuantStub": ((), (1, 4)),
}


@pytest.mark.parametrize("path", modules.UNKNOWN_TO_QUANTSIM)
def test_layers_that_quantsim_does_not_know(path: str) -> None:
    from aimet_torch.quantsim import QuantizationSimModel

    arguments, shape = _UNKNOWN[path.rpartition(".")[2]]
    layer = resolve(path)(*arguments)
    model = torch.nn.Sequential(layer, torch.nn.ReLU()).eval()
    with pytest.raises(RuntimeError, match="not registered"):
        QuantizationSimModel(model, dummy_input=torch.rand(shape))
    tensors = modules.unknown_to_quantsim(path)
    assert tensors == tuple(inspect.signature(layer.forward).parameters)[: len(tensors or ())]
    if not tensors:
        # It hands on the values it is given: there is nothing to quantize anew.
        given = torch.rand(shape)
        assert torch.equal(layer.eval()(given).flatten().sort().values, given.flatten().sort().values)


def test_every_sampled_operation_has_a_verdict_of_the_validator(found: dict[str, list[Sample]]) -> None:
    missing = {s for s in found if validator.flagged(s) is None}
    # AIMET cannot build a graph of these here: no LAPACK, results that cannot be traced, or samples torch refuses.
    assert len(missing) < 25, sorted(missing)


def test_python_functions_are_functions() -> None:
    """The catalogue tells native callables from Python ones by their type."""
    assert isinstance(torch.nn.functional.relu, types.FunctionType)
    assert not isinstance(torch.relu, types.FunctionType)
    assert inspect.signature(torch.nn.functional.relu) is not None
