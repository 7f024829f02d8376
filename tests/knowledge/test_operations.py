"""AIMET's modules, its validator's verdicts, and the ONNX tables."""

import re

import pytest
from aimet_guidelines.knowledge import aimet_modules, onnx, validator
from aimet_guidelines.knowledge.aimet_modules import aimet_module, import_path
from aimet_guidelines.knowledge.data import table
from aimet_guidelines.knowledge.layers import layer
from aimet_guidelines.knowledge.modules import module_attributes


@pytest.mark.parametrize(
    ("symbol", "name", "operands"),
    [
        ("Tensor.__add__", "Add", (0, 1)),
        ("Tensor.__radd__", "Add", (1, 0)),
        ("Tensor.__iadd__", "Add", (0, 1)),
        ("operator.add", "Add", (0, 1)),
        ("torch.add", "Add", (0, 1)),
        ("Tensor.add_", "Add", (0, 1)),
        ("torch.ops.aten.add.Tensor", "Add", (0, 1)),
        ("Tensor.__rsub__", "Subtract", (1, 0)),
        ("Tensor.__mul__", "Multiply", (0, 1)),
        ("torch.multiply", "Multiply", (0, 1)),
        ("Tensor.__truediv__", "Divide", (0, 1)),
        ("torch.true_divide", "Divide", "same"),
        ("Tensor.__floordiv__", "FloorDivide", (0, 1)),
        ("Tensor.__mod__", "Remainder", (0, 1)),
        ("Tensor.__pow__", "Pow", (0, 1)),
        ("Tensor.__rpow__", "Pow", (1, 0)),
        ("Tensor.__matmul__", "MatMul", (0, 1)),
        ("Tensor.__neg__", "Neg", (0,)),
        ("abs", "Abs", (0,)),
        ("Tensor.__gt__", "Greater", (0, 1)),
        ("torch.cat", "Concat", "same"),
        ("torch.concatenate", "Concat", "same"),
        ("torch.where", "Where", "same"),
        ("Tensor.masked_fill", "Where", (1, 2, 0)),
        ("Tensor.exp", "Exponential", "same"),
        ("torch.nn.functional.grid_sample", "GridSample", "same"),
        ("torch.nn.functional.scaled_dot_product_attention", "ScaledDotProductAttention", "same"),
    ],
)
def test_aimet_modules(symbol: str, name: str, operands: object) -> None:
    found = aimet_module(symbol)
    assert found is not None
    assert (found.name, found.operands) == (name, operands)


@pytest.mark.parametrize(
    "symbol",
    [
        "torch.stack",
        "torch.einsum",
        "sum",
        "Tensor.__rgt__",
        "Tensor.__and__",
        "Tensor.masked_fill_",
        "numpy.add",
        "torch.nn.functional.relu",
    ],
)
def test_operations_aimet_has_no_module_for(symbol: str) -> None:
    assert aimet_module(symbol) is None


def test_modules_that_must_never_be_used() -> None:
    symbols = {*table("signatures"), *table("validator")["flagged"]}
    used = {m.name: m for m in map(aimet_module, symbols) if m is not None}
    assert len(used) > 50
    assert not used.keys() & {"MaskedFill", "CustomSiLU"}
    # Quantsim fails on it unless the repair registers it.
    assert [name for name, module in used.items() if module.tensors] == ["ScaledDotProductAttention"]


def test_attributes_are_free_names() -> None:
    for symbol in table("validator")["flagged"]:
        found = aimet_module(symbol)
        if found is not None:
            assert found.attribute.isidentifier() and found.attribute not in module_attributes()


def test_arguments_a_module_cannot_take() -> None:
    add, concat = aimet_module("torch.add"), aimet_module("torch.cat")
    assert add is not None and "alpha" in add.forbidden
    assert concat is not None and concat.spread == "tensors" and concat.constructor == {"axis": "dim"}
    assert aimet_module("Tensor.add_").mutates  # type: ignore[union-attr]


def test_mirrored_comparisons() -> None:
    assert aimet_modules.mirrored("Tensor.__lt__") == "Tensor.__gt__"
    assert aimet_modules.mirrored("Tensor.__eq__") == "Tensor.__eq__"
    assert aimet_modules.mirrored("Tensor.__add__") is None


@pytest.mark.parametrize(
    ("version", "path"),
    [
        ("1.x", "aimet_torch.elementwise_ops"),
        ("1.31.0", "aimet_torch.elementwise_ops"),
        ("1.35.1", "aimet_torch.nn.modules.custom"),
        ("2.x", "aimet_torch.nn.modules.custom"),
        ("2.42.0", "aimet_torch.nn.modules.custom"),
        ("unknown", "aimet_torch.nn.modules.custom"),
    ],
)
def test_import_path(version: str, path: str) -> None:
    assert import_path(version) == path


@pytest.mark.parametrize(
    ("symbol", "verdict"),
    [
        ("Tensor.__add__", True),
        ("operator.add", True),
        ("torch.cat", True),
        ("torch.concat", True),
        ("torch.nn.functional.relu", True),
        ("Tensor.__iter__", True),
        ("Tensor.unbind", True),
        ("Tensor.type_as", True),
        ("torch.zeros", True),
        ("torch.arange", True),
        ("Tensor.split[sizes]", True),
        ("Tensor.mT", True),
        ("sum", True),
        ("torch.ops.aten.add.Tensor", True),
        ("Tensor.split", False),
        ("Tensor.chunk", False),
        ("torch.mean", False),
        ("Tensor.mean[dim]", False),
        ("Tensor.__eq__", False),
        ("Tensor.__getitem__", False),
        ("Tensor.view", False),
        ("Tensor.to", False),
        ("Tensor.float", False),
        ("torch.nonsense", None),
    ],
)
def test_validator(symbol: str, verdict: bool | None) -> None:
    assert validator.flagged(symbol) is verdict


def test_validator_covers_every_layer() -> None:
    from aimet_guidelines.knowledge.layers import symbols

    public = [s for s in symbols() if s.startswith(("torch.nn.functional.", "Tensor."))]
    unknown = [s for s in public if validator.flagged(s) is None]
    assert not [s for s in unknown if layer(s).kind != "loss"], unknown  # type: ignore[union-attr]


def test_validator_forms() -> None:
    assert validator.forms("torch.Tensor.split") == ("Tensor.split[sizes]",)
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", v) for v in validator.versions())


@pytest.mark.parametrize(
    ("symbol", "torchscript", "dynamo"),
    [
        ("torch.hypot", "no", "no"),
        ("Tensor.cumprod", "no", "no"),
        ("torch.linalg.inv", "no", "no"),
        ("torch.ops.aten.hypot.default", "no", "no"),
        ("torch.add", "ok", "ok"),
        ("torch.deg2rad", "no", "ok"),
        ("torch.nonsense", "unknown", "unknown"),
    ],
)
def test_export(symbol: str, torchscript: str, dynamo: str) -> None:
    found = onnx.export(symbol)
    assert (found.torchscript, found.dynamo) == (torchscript, dynamo)
    assert found.opset >= 13 and re.fullmatch(r"\d+\.\d+\.\d+", found.torch)


def test_onnx_table_holds_only_verdicts() -> None:
    for symbol, row in table("onnx")["operations"].items():
        assert set(row.split()) <= {"ok", "no", "args", "unknown"} and len(row.split()) == 2, symbol


def test_spellings_are_for_what_cannot_be_exported() -> None:
    for name, spelling in onnx.spellings().items():
        found = onnx.export(f"torch.{name}")
        assert "no" in (found.torchscript, found.dynamo), name
        assert set(re.findall(r"{(\w+)}", spelling.template)) == set(spelling.parameters), name
        assert spelling.exact or spelling.note, name
    assert onnx.spelling("Tensor.hypot") is onnx.spelling("torch.hypot")
    assert onnx.spelling("torch.relu") is None
