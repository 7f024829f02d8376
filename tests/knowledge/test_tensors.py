"""Result kinds of torch's operations and attributes."""

import re

import pytest
from aimet_guidelines.knowledge import names, tensors
from aimet_guidelines.knowledge.data import table

KINDS = {
    "array",
    "tensor",
    "tensors",
    "size",
    "int",
    "float",
    "bool",
    "number",
    "dtype",
    "device",
    "str",
    "list",
    "none",
    "unknown",
}
FLAGS = {"view", "inplace", "create", "random"}


def test_the_table_holds_only_documented_kinds_and_flags() -> None:
    rows = table("results")
    assert len(rows) > 1000
    for symbol, text in rows.items():
        kind, *flags = text.split()
        assert re.fullmatch(r"tensors(:\d)?", kind) or kind in KINDS, (symbol, text)
        assert set(flags) <= FLAGS, (symbol, text)


@pytest.mark.parametrize(
    ("symbol", "kind"),
    [
        ("torch.relu", "tensor"),
        ("torch.nn.functional.relu", "tensor"),
        ("torch.Tensor.softmax", "tensor"),
        ("torch.ops.aten.relu.default", "tensor"),
        ("torch._C._nn.gelu", "tensor"),
        ("operator.add", "tensor"),
        ("Tensor.__radd__", "tensor"),
        ("Tensor.chunk", "tensors"),
        ("torch.split", "tensors"),
        ("Tensor.__iter__", "tensors"),
        ("torch.std_mean", "tensors:2"),
        ("Tensor.topk", "tensors:2"),
        ("torch.max", "tensor"),
        ("torch.max[dim]", "tensors:2"),
        ("torch.where", "tensor"),
        ("torch.where[condition]", "tensors"),
        ("torch.nn.functional.max_pool2d", "tensor"),
        ("torch.nn.functional.max_pool2d[return_indices]", "tensors:2"),
        ("Tensor.shape", "size"),
        ("Tensor.size", "size"),
        ("Tensor.size[dim]", "int"),
        ("Tensor.ndim", "int"),
        ("Tensor.dim", "int"),
        ("Tensor.numel", "int"),
        ("Tensor.__len__", "int"),
        ("Tensor.is_cuda", "bool"),
        ("Tensor.is_floating_point", "bool"),
        ("Tensor.dtype", "dtype"),
        ("Tensor.device", "device"),
        ("Tensor.item", "number"),
        ("Tensor.tolist", "list"),
        ("Tensor.T", "tensor"),
        ("Tensor.backward", "unknown"),
        ("torch.nonsense", "unknown"),
        ("math.sqrt", "unknown"),
    ],
)
def test_results(symbol: str, kind: str) -> None:
    assert tensors.result(symbol) == kind


def test_views_share_storage() -> None:
    for symbol in (
        "Tensor.view",
        "torch.reshape",
        "Tensor.transpose",
        "Tensor.chunk",
        "Tensor.T",
        "Tensor.__getitem__",
    ):
        assert tensors.is_view(symbol), symbol
    for symbol in ("torch.relu", "Tensor.clone", "torch.cat"):
        assert not tensors.is_view(symbol), symbol


def test_inplace() -> None:
    for symbol in ("Tensor.add_", "torch.relu_", "torch.nn.functional.relu_", "Tensor.__iadd__", "Tensor.__setitem__"):
        assert tensors.is_inplace(symbol), symbol
    for symbol in ("Tensor.add", "Tensor.__add__", "Tensor.__init__"):
        assert not tensors.is_inplace(symbol), symbol


def test_out_of_place() -> None:
    assert tensors.out_of_place("Tensor.add_") == "Tensor.add"
    assert tensors.out_of_place("torch.relu_") == "torch.relu"
    assert tensors.out_of_place("Tensor.__iadd__") == "Tensor.__add__"
    assert tensors.out_of_place("Tensor.copy_") is None
    assert tensors.out_of_place("Tensor.add") is None


def test_creation_and_randomness() -> None:
    for symbol in ("torch.zeros", "torch.arange", "torch.tensor", "torch.ones_like", "Tensor.new_zeros"):
        assert tensors.is_creation(symbol), symbol
    assert not tensors.is_creation("torch.relu")
    assert tensors.is_random("torch.rand") and tensors.is_random("torch.nn.functional.dropout")
    assert not tensors.is_random("torch.zeros")


def test_names_only_a_tensor_has() -> None:
    for name in ("permute", "view", "softmax", "shape", "unsqueeze", "mean", "size", "flatten"):
        assert tensors.is_tensor_method(name), name
    for name in ("split", "index", "count", "copy", "to", "float", "half", "values", "forward", "append"):
        assert not tensors.is_tensor_method(name), name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("torch.Tensor.relu", "Tensor.relu"),
        ("torch.functional.einsum", "torch.einsum"),
        ("torch._VF.dropout", "torch.dropout"),
        ("torch.ops.aten.add.Tensor", "torch.ops.aten.add"),
        ("torch._C._linalg.linalg_inv", "torch.linalg.inv"),
        ("torch.nn.modules.conv.Conv2d", "torch.nn.Conv2d"),
        ("torchvision.ops.misc.Permute", "torchvision.ops.Permute"),
        ("torch.concat", "torch.cat"),
        ("my.own.name", "my.own.name"),
    ],
)
def test_canonical_names(path: str, name: str) -> None:
    assert names.canonical(path) == name
    assert names.canonical(name) == name


def test_operator_functions() -> None:
    assert tensors.operator_method("operator.add") == "Tensor.__add__"
    assert tensors.operator_method("operator.iadd") == "Tensor.__iadd__"
    assert tensors.operator_method("operator.and_") == "Tensor.__and__"
    assert tensors.operator_method("operator.getitem") == "Tensor.__getitem__"
    assert tensors.operator_method("operator.itemgetter") is None
    assert tensors.operator_method("torch.add") is None
