"""Where a tensor takes part in an operation, and where sizes and Python numbers do."""

from __future__ import annotations

import pytest

from .marked import expected, model, read

_OPERATIONS: dict[str, tuple[str, str]] = {
    "add": ("return x + y  # = Tensor.__add__", ""),
    "a number on the left": ("return 2 * x  # = Tensor.__rmul__", ""),
    "augmented": ("x += y  # = Tensor.__iadd__\nreturn x", ""),
    "matmul": ("return x @ y  # = Tensor.__matmul__", ""),
    "augmented matmul": ("x @= y  # = Tensor.__imatmul__\nreturn x", ""),
    "negative": ("return -x  # = Tensor.__neg__", ""),
    "not bitwise": ("return ~x  # = Tensor.__invert__", ""),
    "times a number": ("return x * 0.5  # = Tensor.__mul__", ""),
    "floor division of a tensor": ("return x // 2  # = Tensor.__floordiv__", ""),
    "comparison": ("return self.fc(x) > 0  # = Tensor.__gt__", "self.fc = nn.Linear(1, 1)"),
    "abs": ("return abs(x)  # = Tensor.__abs__", ""),
    "sum of tensors": ("return sum([x, y])  # = builtins.sum", ""),
    "operator module": ("import operator\nreturn operator.add(x, y)  # = Tensor.__add__", ""),
    "reduce": ("import functools\nreturn functools.reduce(torch.add, [x, y])  # = torch.add", ""),
    "cat": ("return torch.cat([x, y], 1)  # = torch.cat", ""),
    "cat of a comprehension": ("return torch.cat([v for v in (x, y)], 1)  # = torch.cat", ""),
    "where": ("return torch.where(-x > 0, x, y)  # = torch.where Tensor.__neg__ Tensor.__gt__", ""),
    "split": ("a, b = x.split([1, 2])  # = Tensor.split\nreturn a", ""),
    "unbind": ("a, b, c = x.unbind(0)  # = Tensor.unbind\nreturn a", ""),
    "roll": ("return x.roll(1)  # = Tensor.roll", ""),
    "created": ("return torch.zeros(2)  # = torch.zeros", ""),
    "created like": ("return x.new_zeros(2)  # = Tensor.new_zeros", ""),
    "arange over a size": ("return torch.arange(x.shape[1])  # = torch.arange", ""),
    "own parameter": ("return x * self.gamma  # = Tensor.__mul__", "self.gamma = nn.Parameter(torch.ones(1))"),
    "own buffer": ("return x * self.scale  # = Tensor.__mul__", "self.register_buffer('scale', torch.ones(1))"),
    "result of a module": ("return self.fc(x) + y  # = Tensor.__add__", "self.fc = nn.Linear(1, 1)"),
    "number times a size": ("return x * x.shape[0]  # = Tensor.__mul__", ""),
    "element of a tuple": ("a, b = (x, 3)\nreturn a * b  # = Tensor.__mul__", ""),
    "chained": ("return (x + y) * 2  # = Tensor.__add__ Tensor.__mul__", ""),
    "einsum": ("return torch.einsum('ij,jk->ik', x, y)  # = torch.einsum", ""),
}


@pytest.mark.parametrize("name", _OPERATIONS)
def test_an_operation_on_tensors(name: str) -> None:
    forward, init = _OPERATIONS[name]
    files = {"m.py": model(forward, init, signature="x, y")}
    assert read(files) == expected(files)


_NUMBERS: dict[str, tuple[str, str]] = {
    "size": ("n = x.size(0) // 2\nreturn x", ""),
    "shape": ("b, c, h, w = x.shape\nn = c // 2 + h * w\nreturn x", ""),
    "part of a shape": ("n = x.shape[-1] * 2\nreturn x", ""),
    "size unpacked": ("b, c = x.size()\nn = b + c\nreturn x", ""),
    "dim": ("n = x.dim() - 1\nreturn x", ""),
    "numel": ("n = x.numel() // 2\nreturn x", ""),
    "len of a list": ("n = len([x, x]) + 1\nreturn x", ""),
    "attribute": ("n = self.width // 2\nreturn x", "self.width = width"),
    "attribute computed": ("n = self.scale * 2\nreturn x", "self.scale = width ** -0.5"),
    "loop variable": ("for i in range(3):\n    n = i + 1\nreturn x", ""),
    "enumerate": ("for i, _ in enumerate([1, 2]):\n    n = i + 1\nreturn x", ""),
    "annotated": ("n = y + 1\nreturn x", ""),
    "tuples": ("n = (1, 2) + (3,)\nreturn x", ""),
    "strings": ("n = 'a' + 'b'\nreturn x", ""),
    "sum of numbers": ("n = sum([1, 2])\nreturn x", ""),
    "shapes compared": ("if x.shape[0] == 2:\n    return x\nreturn x", ""),
    "shapes added": ("n = x.shape[:2] + (1,)\nreturn x", ""),
    "max of sizes": ("n = max(x.shape[0], 2) + 1\nreturn x", ""),
    "math": ("import math\nn = math.sqrt(x.shape[0]) * 2\nreturn x", ""),
    "dtype compared": ("if x.dtype == torch.float16:\n    return x\nreturn x", ""),
    "unknown and unknown": ("from somewhere import a, b\nn = a + b\nreturn x", ""),
}


@pytest.mark.parametrize("name", _NUMBERS)
def test_sizes_and_numbers_make_no_operation(name: str) -> None:
    forward, init = _NUMBERS[name]
    assert not read({"m.py": model(forward, init, signature="x, y: int = 1")})


@pytest.mark.parametrize(
    ("signature", "operations"),
    [
        ("x, n: int", 0),
        ("x, n: float = 1.0", 0),
        ("x, n: torch.Tensor", 1),
        ("x, n: 'torch.Tensor'", 1),
        ("x, n", 0),
        ("x, n=2", 0),
    ],
)
def test_a_parameter_is_what_its_annotation_or_default_says(signature: str, operations: int) -> None:
    assert sum(read({"m.py": model("y = n * 2\nreturn x", signature=signature)}).values()) == operations


def test_a_parameter_is_what_callers_pass() -> None:
    block = (
        "class Block(nn.Module):\n    def forward(self, x, h, w):\n"
        "        n = h * w\n        return x * 2  # = Tensor.__mul__\n"
    )
    files = {"m.py": model("h, w = x.shape[-2:]\nreturn self.block(x, h, w)", "self.block = Block()", block)}
    assert read(files) == expected(files)
