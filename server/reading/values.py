"""What the reader knows of a value: the domain of the abstract interpreter.

A value the reader cannot tell is `UNKNOWN`, and no rule speaks of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .definitions import Definition

if TYPE_CHECKING:
    from .facts import Flow


class Value:
    """A value as far as reading the source tells."""

    __slots__ = ()


class Usual(NamedTuple):
    """A number that follows a parameter's default unless somebody passes another: it is `default + more`.

    of: the class whose constructor takes the parameter; None for the model being read.
    """

    default: int
    parameter: str
    of: Definition | None = None
    more: int = 0


class Unknown(Value):
    """Anything. `default` is what it is unless somebody passes another (a parameter's default).

    usual: where it is a number by default, which one.
    """

    __slots__ = ("default", "name", "usual")

    def __init__(self, default: Value | None = None, name: str = "", usual: Usual | None = None) -> None:
        self.default = default
        self.name = name
        self.usual = usual


UNKNOWN = Unknown()

# A tensor or a number: what a sum that starts as 0 is after a loop that may have had no round.
SUM = Unknown(name="a tensor or a number")


class Fixed:
    """Says that the input does not decide a tensor's values.

    sources: those of the tensors it was computed from, so that what is written into one of them later counts too.
    lasts: the tensor is the model's own, so that what one call writes into it the next one finds.
    """

    __slots__ = ("lasts", "sources", "spoiled")

    def __init__(self, sources: tuple[Fixed, ...] = (), lasts: bool = False) -> None:
        self.lasts = lasts
        self.sources = sources
        self.spoiled = False

    def _all(self) -> Iterator[Fixed]:
        seen: set[int] = set()
        queue = [self]
        while queue:
            each = queue.pop()
            if id(each) not in seen:
                seen.add(id(each))
                queue.extend(each.sources)
                yield each

    def spoil(self) -> None:
        """Note that something else is written into the tensor, which may be a view of what it came from."""
        for each in self._all():
            each.spoiled = True

    @property
    def is_lasting(self) -> bool:
        """Whether it may be a view of a tensor of the model's own."""
        return any(each.lasts for each in self._all())

    @property
    def holds(self) -> bool:
        """Whether it is so, all that is read considered."""
        return not any(each.spoiled for each in self._all())


class Tensor(Value):
    """A tensor.

    definite: False where it may also be a tuple or another structure of tensors (a call's unknown result).
    optional: whether it may also be None.
    origin: `input`, `parameter`, `buffer`, `created`, `layer` (a module's result), `op` (computed from such results
        and numbers alone), `mixed` (computed from anything else), `view`.
    rank: number of dimensions, where known.
    rows: whether its first dimension is known to be the batch of the input it came from.
    boolean: whether it is known to hold bools (a comparison's result).
    fixed: where `forward` makes it of constants and sizes, what says so.
    """

    __slots__ = ("boolean", "definite", "fixed", "optional", "origin", "rank", "rows")

    def __init__(
        self,
        origin: str = "op",
        definite: bool = True,
        optional: bool = False,
        rank: int | None = None,
        rows: bool = False,
        boolean: bool = False,
        fixed: Fixed | None = None,
    ) -> None:
        self.boolean = boolean
        self.fixed = fixed
        self.origin = origin
        self.definite = definite
        self.optional = optional
        self.rank = rank
        self.rows = rows


TENSOR = Tensor()
TENSORISH = Tensor(definite=False)
CREATED = Tensor("created")


class Const(Value):
    """A known constant of Python's: None, a number, a string, a bool."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


NONE = Const(None)
TRUE = Const(True)
FALSE = Const(False)


class Number(Value):
    """A Python number, bool or string whose value is not known.

    kind: `int`, `float`, `bool`, `str`, `dtype`, `device`, `number`.
    shape: it was read off a tensor's shape. data: it was read out of a tensor (`x.item()`).
    varies: the loops it changes with. read: the flow that read it out of a tensor, where that was in `forward`.
    key: of numbers that vary, equal for two that are the same in every round; None where that cannot be told.
    usual: what it is by default, where a parameter says so.
    """

    __slots__ = ("data", "key", "kind", "read", "shape", "usual", "varies")

    def __init__(
        self,
        kind: str = "number",
        shape: bool = False,
        data: bool = False,
        varies: frozenset[int] = frozenset(),
        read: Flow | None = None,
        key: tuple[Any, ...] | None = None,
        usual: Usual | None = None,
    ) -> None:
        self.key = key
        self.usual = usual
        self.read = read
        self.kind = kind
        self.shape = shape
        self.data = data
        self.varies = varies

    @property
    def of_values(self) -> bool:
        """Whether a tensor's values decide it; `len(x)` is a size."""
        return self.data or (self.read is not None and self.read.kind != "len")


# The key of a loop's own counter: loops that count from 0 pick the same elements.
ROUND = ("round", 0)


def key_of(value: Value) -> tuple[Any, ...] | None:
    """Equal for two values exactly if they are the same number or string in every round, None where unknown."""
    if isinstance(value, Const):
        return type(value.value), value.value
    return value.key if isinstance(value, Number) else None


NUMBER = Number()
SIZE = Number("int", shape=True)


class Shape(Value):
    """A `torch.Size`, or a part of one."""

    __slots__ = ("rank",)

    def __init__(self, rank: int | None = None) -> None:
        self.rank = rank


class Sequence(Value):
    """A list or tuple. `items` where its length is known; `element` stands for the rest.

    nodes: for each item the expression that put it there, where one did.
    """

    __slots__ = ("element", "items", "kind", "nodes")

    def __init__(
        self,
        items: list[Value] | None = None,
        element: Value = UNKNOWN,
        kind: str = "list",
        nodes: list[ast.AST | None] | None = None,
    ) -> None:
        self.items = items
        self.element = element
        self.kind = kind
        self.nodes = nodes

    def any_element(self) -> Value:
        """What one of its elements is."""
        if self.items is None:
            return self.element
        return join_all(self.items) if self.items else UNKNOWN


class Dictionary(Value):
    """A dict with string or other constant keys; `element` stands for values under unknown keys."""

    __slots__ = ("element", "items")

    def __init__(self, items: dict[Any, Value] | None = None, element: Value | None = None) -> None:
        self.items = items if items is not None else {}
        self.element = element

    def any_element(self) -> Value:
        """What one of its values is."""
        values = list(self.items.values())
        if self.element is not None:
            values.append(self.element)
        return join_all(values) if values else UNKNOWN


class Symbol(Value):
    """Something a library defines, by canonical dotted name: `torch.nn.functional.relu`, `builtins.len`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class ModuleFile(Value):
    """A Python module of the workspace."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path


class Class(Value):
    """A class of the workspace."""

    __slots__ = ("definition",)

    def __init__(self, definition: Definition) -> None:
        self.definition = definition


class Function(Value):
    """A function or lambda of the workspace; `owner` is bound as its first argument where it is a method."""

    __slots__ = ("closure", "definition", "lexical_class", "owner")

    def __init__(
        self,
        definition: Definition,
        owner: Value | None = None,
        closure: Mapping[str, Value] | None = None,
        lexical_class: Definition | None = None,
    ) -> None:
        self.definition = definition
        self.owner = owner
        self.closure = closure
        self.lexical_class = lexical_class


class TensorMethod(Value):
    """`x.relu`, not called yet."""

    __slots__ = ("name", "node", "receiver")

    def __init__(self, receiver: Value, name: str, node: ast.AST) -> None:
        self.receiver = receiver
        self.name = name
        self.node = node


class BoundBuiltin(Value):
    """A method of a list, dict or module that is modelled by hand."""

    __slots__ = ("name", "receiver")

    def __init__(self, receiver: Value, name: str) -> None:
        self.receiver = receiver
        self.name = name


class Partial(Value):
    """`functools.partial(function, ...)`."""

    __slots__ = ("arguments", "function", "keywords", "node")

    def __init__(self, function: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
        self.function = function
        self.arguments = arguments
        self.keywords = keywords
        self.node = node


class Choice(Value):
    """One of several values; which one is not known."""

    __slots__ = ("options",)

    def __init__(self, options: tuple[Value, ...]) -> None:
        self.options = options


class Foreign(Value):
    """What a library computes with that knows no tensors: an array of numpy's, a number in one."""

    __slots__ = ()


FOREIGN = Foreign()


class Instance(Value):
    """An object of a workspace class that is not a module."""

    __slots__ = ("definition",)

    def __init__(self, definition: Definition) -> None:
        self.definition = definition


@dataclass(eq=False, slots=True)
class Origin:
    """Where a module was made: the call, the statement it stands in, and the function around it."""

    path: str
    key: str
    node: ast.AST
    function: ast.AST | None = None
    statement: Any = None


@dataclass(eq=False, slots=True)
class Module(Value):
    """A module object.

    identity: equal for two values exactly if they are the same object (or, under `varies`, the same slot).
    cls: dotted name of a library's class; definition: the workspace class; both None where it is not known.
    items: the children of a container, in order; None where not known.
    either: `items` are no children: it is one of them, and which one is not known.
    passing: made by a function while `forward` runs, and kept by nobody.
    varies: loops in each round of which this is another object.
    guess: the class is only a parameter's default, or one of several.
    dynamic: attributes are set under names that are not known.
    """

    identity: tuple[Any, ...]
    origin: Origin | None = None
    cls: str | None = None
    definition: Definition | None = None
    arguments: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    items: list[Value] | None = None
    element: Value | None = None
    varies: frozenset[int] = frozenset()
    guess: bool = False
    is_self: bool = False
    dynamic: bool = False
    attributes: dict[str, Value] | None = None
    name: str = ""
    either: bool = False
    passing: bool = False


@dataclass(eq=False, slots=True)
class SelfProxy(Value):
    """`super()`: methods are looked up behind `after` in the class order of `owner`."""

    owner: Module
    after: Definition


def join(left: Value, right: Value) -> Value:
    """What is known when it is one of two values."""
    if left is right:
        return left
    kind = type(left)
    if kind is type(right):
        if kind is Tensor:
            return _join_tensors(left, right)  # type: ignore[arg-type]
        if kind is Const:
            return _join_constants(left, right)  # type: ignore[arg-type]
        if kind is Number:
            return Number(
                left.kind if left.kind == right.kind else "number",  # type: ignore[attr-defined]
                left.shape and right.shape,  # type: ignore[attr-defined]
                left.data or right.data,  # type: ignore[attr-defined]
                left.varies | right.varies,  # type: ignore[attr-defined]
                left.read or right.read,  # type: ignore[attr-defined]
                left.key if left.key == right.key else None,  # type: ignore[attr-defined]
                left.usual if left.usual == right.usual else None,  # type: ignore[attr-defined]
            )
        if kind is Shape:
            return Shape()
        if kind is Sequence:
            return _join_sequences(left, right)  # type: ignore[arg-type]
        if kind is Symbol and left.name == right.name:  # type: ignore[attr-defined]
            return left
        if kind is Class and left.definition is right.definition:  # type: ignore[attr-defined]
            return left
        if kind is Dictionary:
            return _join_dictionaries(left, right)  # type: ignore[arg-type]
        if kind is Unknown:
            return UNKNOWN
    if isinstance(left, Tensor):
        return _join_tensor_with(left, right)
    if isinstance(right, Tensor):
        return _join_tensor_with(right, left)
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        known = right if isinstance(left, Unknown) else left
        return known if isinstance(known, (Symbol, Class, Module, Function, Choice, Partial)) else UNKNOWN
    numeric = (Number, Const)
    if isinstance(left, numeric) and isinstance(right, numeric):
        if not _is_none(left) and not _is_none(right):
            usual = _usual_of_either(left, right)
            return NUMBER if usual is None else Number(usual=usual)
        if isinstance(left, Number) or isinstance(right, Number):
            return UNKNOWN
    return _choice((left, right))


def _usual_of_either(left: Value, right: Value) -> Usual | None:
    """What a number is by default that may be a constant instead: the default, where the constant is no more."""
    number, constant = (left, right) if isinstance(left, Number) else (right, left)
    usual = number.usual if isinstance(number, Number) else None
    if usual is None or not isinstance(constant, Const) or not isinstance(constant.value, int):
        return None
    return usual if constant.value <= usual.default + usual.more else None


def join_all(values: Iterable[Value]) -> Value:
    """What is known when it is one of several values; `UNKNOWN` for none."""
    result: Value | None = None
    for value in values:
        result = value if result is None else join(result, value)
    return UNKNOWN if result is None else result


def options(value: Value) -> tuple[Value, ...]:
    """The values it may be."""
    return value.options if isinstance(value, Choice) else (value,)


def _is_none(value: Value) -> bool:
    return isinstance(value, Const) and value.value is None


def _join_tensors(left: Tensor, right: Tensor) -> Tensor:
    return Tensor(
        max(left.origin, right.origin, key=_ORIGINS.index),
        left.definite and right.definite,
        left.optional or right.optional,
        left.rank if left.rank == right.rank else None,
        left.rows and right.rows,
        left.boolean and right.boolean,
        Fixed((left.fixed, right.fixed)) if left.fixed is not None and right.fixed is not None else None,
    )


# Of two origins the one that promises less counts: nothing is known of the data type of what comes from outside.
_ORIGINS = ("layer", "op", "mixed", "view", "created", "buffer", "parameter", "input")


def _join_tensor_with(tensor: Tensor, other: Value) -> Value:
    if _is_none(other):
        return Tensor(tensor.origin, tensor.definite, True, tensor.rank, tensor.rows)
    if isinstance(other, (Sequence, Unknown)):
        return Tensor(tensor.origin, definite=False)
    if isinstance(other, (Const, Number)):
        return SUM
    return _choice((tensor, other))


def _join_constants(left: Const, right: Const) -> Value:
    if type(left.value) is type(right.value):
        if left.value == right.value:
            return left
        return Number(type(left.value).__name__)
    if left.value is None or right.value is None:
        return UNKNOWN
    return NUMBER


def _join_sequences(left: Sequence, right: Sequence) -> Value:
    if left.items is not None and right.items is not None and len(left.items) == len(right.items):
        joined: list[Value] = [join(one, other) for one, other in zip(left.items, right.items)]
        return Sequence(joined, kind=left.kind, nodes=left.nodes)
    if left.items is not None and right.items is not None and left.kind == right.kind == "tuple":
        # Which one it is shows when it is unpacked.
        return Choice((left, right))
    return Sequence(None, join(left.any_element(), right.any_element()), left.kind)


def _join_dictionaries(left: Dictionary, right: Dictionary) -> Dictionary:
    if left.items.keys() == right.items.keys():
        return Dictionary({key: join(value, right.items[key]) for key, value in left.items.items()})
    return Dictionary({}, join(left.any_element(), right.any_element()))


def _choice(values: tuple[Value, ...]) -> Value:
    distinct: dict[object, Value] = {}
    for value in values:
        for option in value.options if isinstance(value, Choice) else (value,):
            distinct.setdefault(_identity(option), option)
    if len(distinct) == 1:
        return next(iter(distinct.values()))
    if len(distinct) > _MOST_OPTIONS:
        return UNKNOWN
    return Choice(tuple(distinct.values()))


_MOST_OPTIONS = 24


def _identity(value: Value) -> object:
    """Equal for options that need not be told apart."""
    if isinstance(value, Const):
        return Const, type(value.value), value.value
    if isinstance(value, Symbol):
        return Symbol, value.name
    if isinstance(value, Class):
        return Class, id(value.definition)
    if isinstance(value, Module):
        return value.identity
    return id(value)
