"""Which arguments models pass to each other, told from the syntax alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from .source import Statement
from .syntax import CHILDREN, walk

if TYPE_CHECKING:
    from .definitions import Definition


class CallShape(NamedTuple):
    """One call in a class or function: the name it goes through, and which arguments it has.

    through: `self.<attribute>`'s attribute, or the local name called; positional: how many, -1 with `*`.
    """

    through: str
    own: bool
    positional: int
    keywords: frozenset[str]


class Said(NamedTuple):
    """What a class or function says of others.

    calls: its calls through attributes and local names. held: for each attribute the names in what is assigned to it,
    through local names too. used: the names it uses as values, not as base classes, in annotations or in `isinstance`.
    """

    calls: tuple[CallShape, ...]
    held: dict[str, frozenset[str]]
    used: frozenset[str]


def said_by(statement: Statement) -> Said:
    """What a statement says of others, read once."""
    known = statement.memo.get("said")
    if known is None:
        known = statement.memo["said"] = _read(statement)
    return known  # type: ignore[return-value]


def calls_in(statement: Statement) -> tuple[CallShape, ...]:
    """The calls through attributes and local names in a statement."""
    return said_by(statement).calls


def names_used(statement: Statement) -> frozenset[str]:
    """The names a statement uses as values: not as base classes, in annotations or in `isinstance`."""
    return said_by(statement).used


_CHECKS = frozenset({"isinstance", "issubclass", "super", "cast", "hasattr"})


def _read(statement: Statement) -> Said:
    calls: list[CallShape] = []
    held: dict[str, frozenset[str]] = {}
    local: dict[str, frozenset[str]] = {}
    used: set[str] = set()
    children = CHILDREN
    queue: list[ast.AST] = list(statement.body)
    # What stands where a name is no value: base classes, annotations, the arguments of `isinstance`.
    aside: list[ast.AST] = []
    for as_value in (True, False):
        no_values = aside if as_value else queue
        while queue:
            node = queue.pop()
            kind = type(node)
            fields = children[kind]
            if kind is ast.Name:
                if as_value:
                    used.add(node.id)  # type: ignore[attr-defined]
                continue
            if kind is ast.Attribute:
                value = node.value  # type: ignore[attr-defined]
                named = type(value) is ast.Name
                # `Base.forward(self, x)` and `Base.attribute` make no instance.
                if as_value and not (named and value.id[:1].isupper()):
                    used.add(node.attr)  # type: ignore[attr-defined]
                    if named:
                        used.add(value.id)
                if not named:
                    queue.append(value)
                continue
            if kind is ast.Call:
                shape = _shape(node)  # type: ignore[arg-type]
                if shape is not None:
                    calls.append(shape)
                    if not shape.own and shape.through in _CHECKS and type(node.func) is ast.Name:  # type: ignore[attr-defined]
                        no_values.extend(node.args)  # type: ignore[attr-defined]
                        no_values.extend(node.keywords)  # type: ignore[attr-defined]
                        continue
            elif kind is ast.Assign or kind is ast.AnnAssign:
                value = node.value  # type: ignore[attr-defined]
                if value is not None:
                    target = node.targets[0] if kind is ast.Assign else node.target  # type: ignore[attr-defined]
                    if type(target) is ast.Attribute:
                        held[target.attr] = held.get(target.attr, _NOTHING) | _names_in(value)
                    elif type(target) is ast.Name:
                        local[target.id] = local.get(target.id, _NOTHING) | _names_in(value)
            elif kind is ast.arguments:
                for name, default in _defaults(node):  # type: ignore[arg-type]
                    local[name] = local.get(name, _NOTHING) | _names_in(default)
            for name in fields:
                value = getattr(node, name)
                if value is None:
                    continue
                into = no_values if name in _NO_VALUES else queue
                if type(value) is list:
                    into.extend(each for each in value if each is not None)
                else:
                    into.append(value)
        queue = aside
    return Said(tuple(calls), {name: _followed(names, local) for name, names in held.items()}, frozenset(used))


_NOTHING: frozenset[str] = frozenset()
_NO_VALUES = frozenset({"annotation", "returns", "bases"})


def _names_in(value: ast.expr) -> frozenset[str]:
    """The names in an expression: `Block` of `Block`, `blocks.Block` and `partial(Block, 3)`."""
    found: list[str] = []
    for part in walk(value):
        kind = type(part)
        if kind is ast.Name:
            found.append(part.id)  # type: ignore[attr-defined]
        elif kind is ast.Attribute:
            found.append(part.attr)  # type: ignore[attr-defined]
    return frozenset(found)


def _defaults(node: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    ordinary = [*node.posonlyargs, *node.args]
    for parameter, default in zip(ordinary[len(ordinary) - len(node.defaults) :], node.defaults):
        yield parameter.arg, default
    for parameter, given in zip(node.kwonlyargs, node.kw_defaults):
        if given is not None:
            yield parameter.arg, given


def _followed(names: frozenset[str], local: dict[str, frozenset[str]]) -> frozenset[str]:
    """The names, and those in what is assigned to the local ones among them (`attn_cls = Attention`)."""
    found = set(names)
    queue = list(names)
    while queue:
        fresh = local.get(queue.pop(), frozenset()) - found
        found.update(fresh)
        queue.extend(fresh)
    return frozenset(found)


def _shape(node: ast.Call) -> CallShape | None:
    callee = node.func
    if isinstance(callee, ast.Subscript):
        callee = callee.value
    if isinstance(callee, ast.Attribute):
        own = isinstance(callee.value, ast.Name) and callee.value.id == "self"
        name = callee.attr
    elif isinstance(callee, ast.Name):
        own, name = False, callee.id
    else:
        return None
    starred = any(isinstance(argument, ast.Starred) for argument in node.args)
    names = frozenset(keyword.arg for keyword in node.keywords if keyword.arg is not None)
    hidden = any(keyword.arg is None for keyword in node.keywords)
    return CallShape(name, own, -1 if starred or hidden else len(node.args), names)


def passes(statement: Statement, definition: Definition, parameter: str, position: int) -> bool:
    """Whether a call in `statement`, perhaps of an instance of `definition`, passes a parameter of its forward.

    position: the parameter's index without `self`. Calls are matched by the attributes whose assignment mentions
    the class, and by local names, which may hold an element of a container of them.
    """
    shapes, held, _ = said_by(statement)
    name = definition.simple_name
    for shape in shapes:
        if shape.own and name not in held.get(shape.through, ()):
            continue
        if not shape.own and (shape.through == name or not shape.through.islower()):
            continue
        if parameter in shape.keywords:
            return True
        if shape.own and shape.positional > position:
            return True
        if not shape.own and shape.through in _ELEMENTS and shape.positional > position:
            return True
    return False


# What an element of a container of modules is called in a loop.
_ELEMENTS = frozenset("layer block blk module mod m l b stage cell layer_module decoder_layer encoder_layer".split())


_IDENTIFIER = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_ASCII_IDENTIFIER = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)


def dotted_names(statement: Statement) -> frozenset[str]:
    """Every identifier in a statement's text, those joined by dots together; in comments and strings too."""
    known = statement.memo.get("dotted")
    if known is None:
        known = statement.memo["dotted"] = _dotted_in(statement.text)
    return known  # type: ignore[return-value]


def _dotted_in(text: str) -> frozenset[str]:
    return frozenset((_ASCII_IDENTIFIER if text.isascii() else _IDENTIFIER).findall(text))


_dotted_in_line = lru_cache(maxsize=16_384)(_dotted_in)


def follow(old: Statement, new: Statement) -> tuple[frozenset[str], frozenset[str]]:
    """Find the identifiers of an edited statement from those of its earlier version: (those gone, those added)."""
    before, after = old.lines, new.lines
    change = new.change_since(old)
    added = frozenset[str]().union(*map(_dotted_in_line, after[change.first : change.end]))
    gone = frozenset[str]().union(*map(_dotted_in_line, before[change.first : change.old_end])) - added
    for line in chain(after[: change.first], after[change.end :]):
        if not gone:
            break
        gone -= _dotted_in_line(line)
    known = dotted_names(old)
    new.memo["dotted"] = names = (known - gone) | added
    if names == known:
        new.memo["identifiers"] = identifiers(old)
    return gone, added - known


def identifiers(statement: Statement) -> frozenset[str]:
    """Every identifier in a statement's text, those in comments and strings too."""
    known = statement.memo.get("identifiers")
    if known is None:
        known = statement.memo["identifiers"] = frozenset(".".join(dotted_names(statement)).split("."))
    return known  # type: ignore[return-value]


def changed_names(old: Statement | None, new: Statement | None) -> frozenset[str]:
    """The names about which an edited statement says something else than before.

    What a statement says of a name: whether it has it at all, as a value or as a base class, and with which
    arguments it calls what may be an instance. Whoever asks who mentions or calls a name rests on no more.
    """
    if old is None or new is None:
        return identifiers(old or new)  # type: ignore[arg-type]
    if old.error is not None or new.error is not None or not new.body or new.error is not None:
        return identifiers(old) | identifiers(new)
    changed = identifiers(old) ^ identifiers(new)
    common = identifiers(old) & identifiers(new)
    if names_used(old) != names_used(new) or _whole(old) != _whole(new):
        return changed | common
    one, other = _said_of(old), _said_of(new)
    if one[0] != other[0]:
        # A call through a local name: it may be an instance of any class the statement has.
        return changed | common
    return changed | {name for name in common if one[1].get(name) != other[1].get(name)}


_WHOLE = re.compile(
    r"\b\w+\.forward\b|children\(\)\)?\s*\[|\.(?:named_)?modules\(\)|QuantizationMixin|\bjit\.(?:script|export)\b|\bFinal\[|__init__\("
    r"|\bclass \w+[^\n]*|@[^\n]*"
)


def _whole(statement: Statement) -> frozenset[str]:
    """What rules look for in a statement's text as it is written."""
    known = statement.memo.get("whole")
    if known is None:
        known = statement.memo["whole"] = frozenset(_WHOLE.findall(statement.text))
    return known  # type: ignore[return-value]


def _said_of(statement: Statement) -> tuple[frozenset[CallShape], dict[str, frozenset[CallShape]]]:
    """(calls through local names, for each name the calls of attributes that may hold it)."""
    known = statement.memo.get("said of")
    if known is None:
        shapes, held, _ = said_by(statement)
        local = frozenset(shape for shape in shapes if not shape.own)
        through: dict[str, set[CallShape]] = {}
        for shape in shapes:
            if shape.own:
                for name in held.get(shape.through, ()):
                    through.setdefault(name, set()).add(shape)
        known = statement.memo["said of"] = (local, {name: frozenset(calls) for name, calls in through.items()})
    return known  # type: ignore[return-value]
