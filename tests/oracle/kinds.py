"""One word for an operation, whoever names it: our findings, torch's calls or AIMET's graph."""

from __future__ import annotations

# Python functions of torch that only pass a call on, so that the operation's own type says more.
_PASSING_ON = frozenset({"fn", "wrapped", "inner", "decorate_context", "wrapper", "checkpoint", "einsum_wrapper"})

_SAME = {
    "concat": "cat", "concatenate": "cat", "truediv": "div", "true_divide": "div", "divide": "div", "itruediv": "div",
    "multiply": "mul", "imul": "mul", "rmul": "mul", "subtract": "sub", "isub": "sub", "iadd": "add", "radd": "add",
    "idiv": "div", "clip": "clamp", "mod": "remainder", "imod": "remainder", "invert": "bitwise_not",
    "logical_not": "logical_not", "rpow": "pow", "ipow": "pow", "imatmul": "matmul", "rmatmul": "matmul",
    "floordiv": "floor_divide", "ifloordiv": "floor_divide", "rfloordiv": "floor_divide", "iter": "unbind",
    "rtruediv": "rdiv", "rdiv": "rdiv", "iand": "and", "ior": "or", "ixor": "xor", "rand": "rand", "rsub": "rsub",
    "greater": "gt", "less": "lt", "greater_equal": "ge", "less_equal": "le", "absolute": "abs", "negative": "neg",
    "pos": "positive", "setitem": "fill",
}  # fmt: skip

# What AIMET's graph shows for one call, where it is not the call's own name.
_MADE_OF = {
    "split": {"split_with_sizes"},
    "rdiv": {"reciprocal", "mul", "div"},
    "conv1d": {"convolution"},
    "conv2d": {"convolution"},
    "conv3d": {"convolution"},
    "interpolate": {
        "upsample_bilinear2d", "upsample_nearest2d", "upsample_bicubic2d", "upsample_bicubic2d_aa",
        "upsample_linear1d", "upsample_nearest1d", "upsample_trilinear3d", "upsample_nearest3d",
    },
    "normalize": {"linalg_vector_norm", "clamp_min", "div", "norm"},
    "grid_sample": {"grid_sampler"},
    "fold": {"col2im"},
    "unfold": {"im2col"},
    "batch_norm": {"batch_norm"},
    "softmax": {"softmax"},
    "hardtanh": {"hardtanh", "clamp"},
    "relu6": {"relu6", "hardtanh"},
    "norm": {"linalg_vector_norm", "norm"},
    "dropout": {"dropout", "feature_dropout"},
    "scaled_dot_product_attention": {"scaled_dot_product_attention"},
    "std": {"std", "var", "sqrt"},
    "masked_fill": {"masked_fill"},
    "fill": {"fill", "copy"},
    "sum": {"sum", "add"},
    "T": {"numpy_T"},
    "H": {"matrix_H"},
}  # fmt: skip


def of_symbol(symbol: str) -> str:
    """The word for `torch.nn.functional.relu`, `Tensor.__iadd__` or `torch.cat`."""
    name = symbol.rpartition(".")[2].partition("[")[0].strip("_")
    return _SAME.get(name, name)


def of_type(reported: str) -> str:
    """The word for an operation AIMET reports, as a recording has it: `Concat`, `linalg_vector_norm@normalize`."""
    kind, _, function = reported.partition("@")
    if function and function not in _PASSING_ON:
        return of_symbol(function)
    return of_symbol({"Add": "add", "Concat": "cat", "Mul": "mul", "Div": "div"}.get(kind, kind))


def explains(call: str, reported: str) -> bool:
    """Whether a call of that name makes an operation that AIMET reports so."""
    word = of_symbol(call)
    kind = of_type(reported)
    bare = of_type(reported.partition("@")[0])
    made = _MADE_OF.get(word, set())
    return kind == word or bare == word or bare in made or kind in made


# Written as tensor functions or as arithmetic of Python numbers; only what ran tells them apart.
_WORDS = """
    add mul sub rsub div rdiv floor_divide remainder neg pow fill ceil floor and or lt le gt ge eq ne max min abs
    sqrt round reciprocal bitwise_not scalar_tensor shape_as_tensor numel sum mod trunc bitwise_and bitwise_or
"""
_ARITHMETIC = frozenset(_WORDS.split())


def cause(reported: str, calls: set[str], ran: bool) -> tuple[str, str]:
    """Why AIMET reports an operation at a statement: what it is, and for `call` the call that makes it.

    calls: the tensor functions called in the statement; ran: whether it ran in a plain forward. `call`: one of those;
    `traced only`: the statement runs under torch.jit.trace alone; `artifact`: arithmetic of sizes, which tracing turns
    into tensors (`floor_divide` always is); `unexplained`: none of these.
    """
    call = next((each for each in sorted(calls) if explains(each, reported)), "")
    if call and of_symbol(call) != "floor_divide":
        return "call", call
    if not ran:
        return "traced only", ""
    if of_type(reported) in _ARITHMETIC or of_type(reported.partition("@")[0]) in _ARITHMETIC:
        return "artifact", ""
    return "unexplained", ""
