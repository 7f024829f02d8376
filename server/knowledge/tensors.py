"""What calls and attributes of torch yield: the facts an abstract reading of `forward` needs.

Source: the operator schemas of the installed torch (`scripts/generate_torch_tables.py`), completed there by hand for
pure Python functions.

Forms: where an argument changes the kind of the result, the call with that argument has a key of its own,
`Tensor.size[dim]`, `torch.max[dim]`, `torch.where[condition]` (the condition alone), `torch.nonzero[as_tuple]` (true),
`torch.nn.functional.max_pool2d[return_indices]` (true). The plain key is the call without it.
"""

from __future__ import annotations

from functools import lru_cache

from .data import table
from .names import canonical

_COMPARISONS = "eq ne lt le gt ge"
_BINARY = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift"

# Operator methods: the in-place ones change the left operand where it is a tensor.
_OPERATORS: dict[str, str] = {
    **{f"__{name}__": "tensor" for name in f"{_BINARY} {_COMPARISONS} div rdiv neg pos invert abs".split()},
    **{f"__r{name}__": "tensor" for name in _BINARY.split()},
    **{f"__i{name}__": "tensor inplace" for name in _BINARY.split()},
    "__idiv__": "tensor inplace",
    "__imatmul__": "tensor",  # torch has none, so Python falls back to __matmul__
    "__getitem__": "tensor view",
    "__setitem__": "none inplace",
    "__len__": "int",
    "__bool__": "bool",
    "__int__": "int",
    "__float__": "float",
    "__index__": "int",
    "__contains__": "bool",
    "__iter__": "tensors view",
    "__format__": "str",
    "__repr__": "str",
    "__array__": "unknown",
    "__deepcopy__": "tensor",
}

_PYTHON_OPERATORS = {
    "operator.getitem": "Tensor.__getitem__",
    "operator.setitem": "Tensor.__setitem__",
    "operator.not_": "Tensor.__bool__",
    "operator.truth": "Tensor.__bool__",
    "operator.concat": "Tensor.__add__",
    "operator.iconcat": "Tensor.__iadd__",
    "operator.inv": "Tensor.__invert__",
    "operator.and_": "Tensor.__and__",
    "operator.or_": "Tensor.__or__",
}


def operator_method(symbol: str) -> str | None:
    """The tensor operator a function of `operator` applies to a tensor: `Tensor.__add__` for `operator.add`."""
    if not symbol.startswith("operator."):
        return None
    known = _PYTHON_OPERATORS.get(symbol)
    if known is not None:
        return known
    method = f"Tensor.__{symbol[len('operator.') :].strip('_')}__"
    return method if method[len("Tensor.") :] in _OPERATORS else None


@lru_cache(maxsize=4096)
def _entry(symbol: str) -> tuple[str, frozenset[str]]:
    base, bracket, form = symbol.partition("[")
    name = canonical(base)
    name = operator_method(name) or name
    known: str | None = None
    if name.startswith("Tensor.__"):
        known = _OPERATORS.get(name[len("Tensor.") :])
    else:
        results = table("results")
        known = results.get(name + bracket + form)
        if known is None:
            known = results.get(name)
        if known is None and name.startswith("torch.ops.aten."):
            plain = name.rpartition(".")[2]
            for space in ("torch", "torch.nn.functional", "Tensor"):
                known = known or results.get(f"{space}.{plain}")
        elif known is None and name.startswith("torch._C._nn."):
            known = results.get(f"torch.nn.functional.{name.rpartition('.')[2]}")
    if known is None:
        return "unknown", frozenset()
    kind, *flags = known.split()
    return kind, frozenset(flags)


def result(symbol: str) -> str:
    """What calling the operation, or reading the attribute, yields.

    One of "tensor", "tensors" (a tuple or list of them; "tensors:2" where their number is fixed), "size"
    (torch.Size or a tuple of ints), "int", "float", "bool", "number", "dtype", "device", "str", "list", "none",
    "array" (numpy's), "unknown" (torch does not tell, or it is no operation of torch).
    """
    return _entry(symbol)[0]


def is_known(symbol: str) -> bool:
    """Whether this is an operation or attribute of torch in the table."""
    return _entry(symbol) != ("unknown", frozenset()) or canonical(symbol) in table("results")


def is_view(symbol: str) -> bool:
    """Whether the result may share the input's storage (a change in place would show in both)."""
    return "view" in _entry(symbol)[1]


def is_inplace(symbol: str) -> bool:
    """Whether the operation changes its first operand (`Tensor.add_`, `Tensor.__iadd__`, `torch.relu_`)."""
    return "inplace" in _entry(symbol)[1]


def is_creation(symbol: str) -> bool:
    """Whether it makes a new tensor from sizes or Python numbers (`torch.zeros`, `torch.ones_like`)."""
    return "create" in _entry(symbol)[1]


def is_random(symbol: str) -> bool:
    """Whether it draws from a random generator."""
    return "random" in _entry(symbol)[1]


def out_of_place(symbol: str) -> str | None:
    """The operation without the in-place change (`Tensor.add` for `Tensor.add_`), None where torch has none."""
    name = canonical(symbol)
    if name.startswith("Tensor.__i"):
        plain = "Tensor.__" + name[len("Tensor.__i") :]
        return plain if plain[len("Tensor.") :] in _OPERATORS else None
    if not name.endswith("_") or name.endswith("__"):
        return None
    plain = name[:-1]
    return plain if plain in table("results") else None


# Python's own types, and nn.Module, share these names with tensors.
_PYTHON_TYPES = (str, bytes, list, dict, tuple, set, frozenset, int, float, complex, range)


@lru_cache(maxsize=1)
def _tensor_names() -> tuple[frozenset[str], frozenset[str]]:
    """(names that only tensors have, all names of a tensor)."""
    own = frozenset(table("module_classes")["tensor_attributes"])
    shared = {name for kind in _PYTHON_TYPES for name in dir(kind)}
    shared |= set(table("module_classes")["module_attributes"])
    # torch.Size, torch.device, PackedSequence and dataclass-like outputs have these.
    shared |= {"numel", "data", "name", "names", "type", "index", "values", "keys", "batch_sizes", "device", "dtype"}
    shared.add("mode")  # of a distribution: `self.encode(x).latent_dist.mode()`
    return own - shared, own


def is_tensor_method(name: str) -> bool:
    """Whether an object with an attribute of this name must be a tensor.

    False for names that strings, lists, dicts, numbers or modules have too (`split`, `index`, `count`, `to`, `float`).
    """
    return name in _tensor_names()[0]


def is_tensor_attribute(name: str) -> bool:
    """Whether tensors have an attribute or method of this name at all."""
    return name in _tensor_names()[1]


def torch_alias(symbol: str) -> str:
    """The canonical name of a re-export; see `names.canonical`."""
    return canonical(symbol)
