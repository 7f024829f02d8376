"""The table of functionals with a module class."""

import pytest
from aimet_guidelines.knowledge import layers
from aimet_guidelines.knowledge.data import REQUIRED, signature, table
from aimet_guidelines.knowledge.layer_rows import ROWS
from aimet_guidelines.knowledge.layers import RECEIVER, Layer, bind, layer, padding_module
from aimet_guidelines.knowledge.modules import module_attributes, module_class

KINDS = {
    "activation",
    "pooling",
    "dropout",
    "normalization",
    "padding",
    "resize",
    "parametric",
    "loss",
    "shape",
    "distance",
}


def known(symbol: str) -> Layer:
    found = layer(symbol)
    assert found is not None, symbol
    return found


def test_no_functional_has_two_rows() -> None:
    names = [row.functional for row in ROWS] + [s for row in ROWS for s in row.spellings]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("symbol", layers.symbols())
def test_every_row_is_consistent(symbol: str) -> None:
    found = known(symbol)
    cls = module_class(found.module)
    assert cls is not None, found.module
    assert found.kind in KINDS
    assert found.attribute.isidentifier() and found.attribute not in module_attributes()
    constructor = {p.name for p in cls.signature}
    if "args" not in constructor:
        assert {c.parameter for c in found.carried.values()} | set(found.fixed) <= constructor
    names = [p.name for p in found.signature]
    assert len(names) == len(set(names))
    accounted = {*found.inputs, *found.carried, *found.inexpressible, *found.ignored}
    if found.training:
        accounted.add(found.training[0])
    if found.functional.endswith(".pad"):
        accounted |= {"mode", "value"}
    assert accounted == set(names)
    assert found.parametric or found.inputs


def test_every_parameter_of_a_row_exists_in_some_spelling() -> None:
    """A misspelt one would silently become inexpressible."""
    for row in ROWS:
        if "." in row.functional:
            continue
        spellings = (f"torch.nn.functional.{row.functional}", f"torch.{row.functional}", *row.spellings)
        names = {p.name for s in spellings for p in signature(s) or ()}
        given = {c.partition(":")[0] for c in row.carried} | set(row.inputs) | set(row.weights) | set(row.training)
        assert given <= names, row.functional


def test_everything_with_weights_says_so() -> None:
    for symbol in layers.symbols():
        found = known(symbol)
        cls = module_class(found.module)
        if found.kind in ("activation", "pooling", "dropout", "shape", "resize", "distance") and not found.parametric:
            assert cls is not None and cls.stateless, symbol


@pytest.mark.parametrize(
    ("symbol", "module"),
    [
        ("torch.relu", "ReLU"),
        ("torch.relu_", "ReLU"),
        ("Tensor.relu", "ReLU"),
        ("torch.Tensor.relu_", "ReLU"),
        ("torch.nn.functional.relu_", "ReLU"),
        ("torch.ops.aten.relu.default", "ReLU"),
        ("torch.ops.aten.relu", "ReLU"),
        ("torch._C._nn.gelu", "GELU"),
        ("torch.special.expit", "Sigmoid"),
        ("torch.special.softmax", "Softmax"),
        ("torch.softmax", "Softmax"),
        ("Tensor.softmax", "Softmax"),
        ("torch.special.log_softmax", "LogSoftmax"),
        ("torch.dropout", "Dropout"),
        ("torch._VF.dropout", "Dropout"),
        ("torch.feature_dropout", "Dropout2d"),
        ("torch.layer_norm", "LayerNorm"),
        ("torch.nn.functional.hardswish", "Hardswish"),
        ("torch.nn.functional.upsample_bilinear", "UpsamplingBilinear2d"),
        ("torch._C._nn.log_sigmoid", "LogSigmoid"),
        ("torch.nn.functional.conv_transpose2d", "ConvTranspose2d"),
        ("torch.conv2d", "Conv2d"),
        ("torch.lstm", "LSTM"),
        ("torch.ops.aten.im2col", "Unfold"),
    ],
)
def test_spellings(symbol: str, module: str) -> None:
    assert known(symbol).module == f"torch.nn.{module}"


@pytest.mark.parametrize(
    "symbol",
    [
        "Tensor.unfold",  # a sliding window over one dimension, not im2col
        "torch.nn.functional.normalize",
        "torch.nn.functional.one_hot",
        "torch.nn.functional.scaled_dot_product_attention",
        "torch.flatten",
        "Tensor.view",
        "torch.cat",
        "Tensor.gelu",  # no such method
        "torchvision.transforms.functional.pad",
        "torch.nn.ReLU",
    ],
)
def test_what_has_no_class(symbol: str) -> None:
    assert layer(symbol) is None


def test_arguments_that_go_to_the_constructor() -> None:
    found = known("torch.nn.functional.leaky_relu")
    assert found.inputs == ("input",)
    assert found.carried["negative_slope"] == ("negative_slope", 0.01)
    assert not found.inexpressible and not found.missing and not found.mutates


def test_what_has_no_module_form() -> None:
    assert known("torch.nn.functional.softmax").inexpressible == {"dtype": (None,)}
    assert known("torch.nn.functional.interpolate").inexpressible == {"antialias": (False,)}
    assert known("torch.nn.functional.linear").parametric
    assert known("torch.nn.functional.group_norm").missing == ("num_channels",)
    assert known("torch.nn.functional.elu_").inexpressible == {"scale": (1,), "input_scale": (1,)}


def test_in_place_spellings() -> None:
    assert known("Tensor.relu_").fixed == {"inplace": True}
    sigmoid = known("Tensor.sigmoid_")
    assert sigmoid.mutates and "inplace" not in sigmoid.fixed


def test_training() -> None:
    assert known("torch.nn.functional.dropout").training == ("training", True)
    assert known("torch.nn.functional.alpha_dropout").training == ("training", False)
    assert known("torch.dropout").training == ("train", REQUIRED)
    assert known("torch.relu").training is None


def test_aimet_classes_for_run_time_arguments() -> None:
    assert known("torch.nn.functional.max_pool2d").aimet == "MaxPool2d"
    assert known("torch.nn.functional.interpolate").aimet == "Interpolate"
    assert known("torch.nn.functional.max_pool1d").aimet is None
    assert known("torch.max_pool2d").aimet is None


@pytest.mark.parametrize(
    ("mode", "sides", "constant", "module"),
    [
        ("constant", 4, False, "ZeroPad2d"),
        ("constant", 2, True, "ConstantPad1d"),
        ("reflect", 4, False, "ReflectionPad2d"),
        ("replicate", 6, False, "ReplicationPad3d"),
        ("circular", 2, False, "CircularPad1d"),
        ("constant", 8, False, None),
        ("reflect", 3, False, None),
        ("reflect", 4, True, None),
        ("mirror", 4, False, None),
    ],
)
def test_padding(mode: str, sides: int, constant: bool, module: str | None) -> None:
    assert padding_module(mode, sides, constant) == (module and f"torch.nn.{module}")
    if module:
        assert module_class(f"torch.nn.{module}") is not None


def test_bind() -> None:
    functional, method = known("torch.nn.functional.softmax"), known("Tensor.softmax")
    assert bind(functional, 2, ()) == {"input": 0, "dim": 1}
    assert bind(functional, 1, ("dim",)) == {"input": 0, "dim": "dim"}
    assert bind(method, 1, ()) == {"input": RECEIVER, "dim": 0}
    assert bind(method, 0, ("dim", "dtype")) == {"input": RECEIVER, "dim": "dim", "dtype": "dtype"}


def test_bind_refuses_what_torch_would() -> None:
    softmax = known("torch.softmax")
    assert bind(softmax, 1, ()) is None  # dim is required there
    assert bind(softmax, 1, ("axes",)) is None
    assert bind(softmax, 2, ("dim",)) is None
    assert bind(known("torch.nn.functional.relu"), 3, ()) is None
    assert bind(known("torch.nn.functional.gelu"), 2, ()) is None  # approximate is keyword-only


def test_every_signature_of_the_table_parses() -> None:
    for symbol in table("signatures"):
        assert signature(symbol) is not None
