"""What a type annotation says of a value."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from .values import (
    FOREIGN,
    NONE,
    UNKNOWN,
    Class,
    Const,
    Dictionary,
    Instance,
    Module,
    Number,
    Sequence,
    Shape,
    Symbol,
    Tensor,
    Unknown,
    Value,
    join,
    options,
)

if TYPE_CHECKING:
    from .machine import Machine

_NUMBERS = {"int": "int", "float": "float", "bool": "bool", "str": "str"}
_LISTS = {"list", "List", "Sequence", "Iterable", "tuple", "Tuple", "MutableSequence", "Collection"}
_DICTS = {"dict", "Dict", "Mapping", "OrderedDict", "MutableMapping", "TypedDict"}
_ARRAYS = {"ndarray", "NDArray"}
_TENSORS = {"Tensor", "FloatTensor", "LongTensor", "BoolTensor", "HalfTensor", "IntTensor", "Parameter", "ByteTensor"}


def from_annotation(m: Machine, node: ast.expr | None) -> Value | None:
    """The value an annotation describes, None where it says nothing the reader knows."""
    if node is None:
        return None
    if isinstance(node, ast.Constant):
        if node.value is None:
            return NONE
        if isinstance(node.value, str):
            try:
                return from_annotation(m, ast.parse(node.value, mode="eval").body)
            except SyntaxError:
                return None
        return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union(m, [node.left, node.right])
    if isinstance(node, ast.Subscript):
        return _subscripted(m, node)
    return _plain(m, node)


def last_name(node: ast.expr) -> str:
    """The last part of a dotted name, empty where it is none."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def settled(value: Value, node: ast.expr | None, says: Callable[[], Value | None]) -> Value:
    """A value, or what its annotation says where that is more than a guess.

    What code that cannot be read yields is most likely a tensor, but need not be one; an array never is.
    """
    if node is None or isinstance(value, Const):
        return value
    if last_name(node.value if isinstance(node, ast.Subscript) else node) in _ARRAYS:
        return FOREIGN
    if isinstance(value, Tensor) and not value.definite:
        annotated = says()
        if annotated is not None and not any(isinstance(each, (Tensor, Unknown)) for each in options(annotated)):
            return annotated
    return value


def _plain(m: Machine, node: ast.expr) -> Value | None:
    name = last_name(node)
    if name in _TENSORS:
        return Tensor("input")
    if name in _NUMBERS:
        return Number(_NUMBERS[name])
    if name in _LISTS:
        return Sequence(None, UNKNOWN, "tuple" if name.lower() == "tuple" else "list")
    if name in _DICTS:
        return Dictionary({}, UNKNOWN)
    if name in _ARRAYS:
        return FOREIGN
    if name == "Size":
        return Shape()
    if name in ("dtype", "device"):
        return Number(name)
    if isinstance(node, ast.Name):
        value = m.name(node.id)
        if isinstance(value, Class) and not m.index.is_model(value.definition):
            return Instance(value.definition)
        if isinstance(value, Symbol) and value.name == "torch.nn.Module":
            return Module(("annotated", m.serial()), guess=True)
    if name == "Module":
        return Module(("annotated", m.serial()), guess=True)
    return None


def _union(m: Machine, parts: list[ast.expr]) -> Value | None:
    values = [from_annotation(m, part) for part in parts]
    # An array or a tensor: which one, nobody says.
    known = [value for value in values if value is not None and value is not FOREIGN]
    if len(known) < len(values) or not known:
        return None
    result = known[0]
    for value in known[1:]:
        result = join(result, value)
    return result


def _subscripted(m: Machine, node: ast.Subscript) -> Value | None:
    name = last_name(node.value)
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Optional":
        value = from_annotation(m, inner[0])
        return None if value is None else join(value, NONE)
    if name == "Union":
        return _union(m, list(inner))
    if name in ("Annotated", "Final"):
        return from_annotation(m, inner[0])
    if name in _LISTS:
        elements = [part for part in inner if not (isinstance(part, ast.Constant) and part.value is Ellipsis)]
        values = [from_annotation(m, part) or UNKNOWN for part in elements]
        if name.lower() == "tuple" and len(elements) == len(inner):
            return Sequence(values, kind="tuple")
        return Sequence(None, values[0] if values else UNKNOWN, "tuple" if name.lower() == "tuple" else "list")
    if name in _DICTS:
        return Dictionary({}, (from_annotation(m, inner[-1]) if len(inner) > 1 else None) or UNKNOWN)
    if name in _ARRAYS:
        return FOREIGN
    if name == "Literal":
        return Number("str")
    return None
