"""Which arguments models pass to each other, told from the syntax alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any, NamedTuple

from .annotations import last_name
from .source import Statement
from .syntax import CHILDREN, walk


class CallShape(NamedTuple):
    """One call in a class or function: the name it goes through, and which arguments it has.

    through: `self.<attribute>`'s attribute, or the local name called; `super.<method>` for a method of `super()`.
    positional: how many, -1 with `*`.
    """

    through: str
    own: bool
    positional: int
    keywords: frozenset[str]


@dataclass(eq=False)
class Said:
    """What a class or function says of others.

    used: the names it uses as values, not as base classes, in annotations or in `isinstance`.
    """

    used: frozenset[str]
    _calls: list[ast.Call]
    _assigned: list[ast.Assign | ast.AnnAssign]
    _parameters: list[ast.arguments]

    @cached_property
    def calls(self) -> tuple[CallShape, ...]:
        """Its calls through attributes and local names."""
        return tuple(shape for shape in map(_shape, self._calls) if shape is not None)

    @cached_property
    def held(self) -> dict[str, frozenset[str]]:
        """For each attribute the names in what is assigned to it, through local names too."""
        attributes: list[tuple[str, ast.expr]] = []
        local: list[tuple[str, ast.expr]] = []
        for node in self._assigned:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if node.value is None:
                continue
            if isinstance(target, ast.Attribute):
                attributes.append((target.attr, node.value))
            elif isinstance(target, ast.Name):
                local.append((target.id, node.value))
        for parameters in self._parameters:
            local.extend(defaults(parameters))
        named = _names_by_target(local)
        return {name: _followed(names, named) for name, names in _names_by_target(attributes).items()}


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
    calls: list[ast.Call] = []
    assigned: list[ast.Assign | ast.AnnAssign] = []
    parameters: list[ast.arguments] = []
    used: set[str] = set()
    children = CHILDREN
    queue: list[Any] = list(statement.body)
    # What stands where a name is no value: base classes, annotations, the arguments of `isinstance`.
    aside: list[Any] = []
    for as_value in (True, False):
        no_values = aside if as_value else queue
        while queue:
            node = queue.pop()
            kind = type(node)
            if kind is ast.Name:
                if as_value:
                    used.add(node.id)
                continue
            if kind is ast.Attribute:
                value = node.value
                if type(value) is not ast.Name:
                    if as_value:
                        used.add(node.attr)
                    queue.append(value)
                elif as_value and not value.id[:1].isupper():
                    # `Base.forward(self, x)` and `Base.attribute` make no instance.
                    used.add(node.attr)
                    used.add(value.id)
                continue
            if kind is ast.Call:
                calls.append(node)
                if type(node.func) is ast.Name and node.func.id in _CHECKS:
                    no_values.extend(node.args)
                    no_values.extend(node.keywords)
                    continue
            elif kind is ast.Assign or kind is ast.AnnAssign:
                assigned.append(node)
            elif kind is ast.arguments:
                parameters.append(node)
            for name in children[kind]:
                value = getattr(node, name)
                # Most nodes are names and constants: they need not be queued.
                into = no_values if name in _NO_VALUES else queue
                for each in value if type(value) is list else (value,):
                    child = type(each)
                    if child is ast.Name and into is queue:
                        if as_value:
                            used.add(each.id)
                    elif child is not ast.Constant and each is not None:
                        into.append(each)
        queue = aside
    return Said(frozenset(used), calls, assigned, parameters)


def _names_by_target(assigned: Iterable[tuple[str, ast.expr]]) -> dict[str, frozenset[str]]:
    """For each target the names in all that is assigned to it."""
    found: dict[str, frozenset[str]] = {}
    for target, value in assigned:
        found[target] = found.get(target, _NOTHING) | _names_in(value)
    return found


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


def defaults(node: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    """The parameters of a function that have a default, with it."""
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
    if type(callee) is ast.Subscript:
        callee = callee.value
    if type(callee) is ast.Attribute:
        own = type(callee.value) is ast.Name and callee.value.id == "self"
        name = f"super.{callee.attr}" if _is_super(callee.value) else callee.attr
    elif type(callee) is ast.Name:
        own, name = False, callee.id
    else:
        return None
    keywords = frozenset([keyword.arg or "" for keyword in node.keywords]) if node.keywords else _NOTHING
    if "" in keywords or ast.Starred in map(type, node.args):  # `**options`, `*arguments`
        return CallShape(name, own, -1, keywords - {""})
    return CallShape(name, own, len(node.args), keywords)


def _is_super(node: ast.expr) -> bool:
    return type(node) is ast.Call and type(node.func) is ast.Name and node.func.id == "super"


def calls(statement: Statement, method: str) -> bool:
    """Whether a statement calls something of this name that is no attribute of `self`."""
    return method in statement.text and any(
        shape.through == method and not shape.own for shape in said_by(statement).calls
    )


def passes(statement: Statement, name: str, parameter: str, position: int) -> bool:
    """Whether a call in `statement`, perhaps of an instance of the class `name`, passes a parameter of its forward.

    position: the parameter's index without `self`. Calls are matched by the attributes whose assignment mentions
    the class, and by local names, which may hold an element of a container of them.
    """
    said = said_by(statement)
    for shape in said.calls:
        if shape.own and name not in said.held.get(shape.through, ()):
            continue
        if not shape.own and (shape.through == name or not shape.through.islower()):
            continue
        if parameter in shape.keywords:
            return True
        if shape.own and shape.positional > position:
            return True
        if (
            not shape.own
            and shape.through in _ELEMENTS
            and shape.positional > position
            and not _is_kin(statement, name)
        ):
            return True
    return False


def _is_kin(statement: Statement, name: str) -> bool:
    """Whether a statement is the class of this name, or derives from it, and names it for no other reason."""
    classes = [node for node in statement.body if isinstance(node, ast.ClassDef)] if statement.is_definition else []
    kin = any(name == each.name or name in map(last_name, each.bases) for each in classes)
    return kin and name not in names_used(statement)


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
    maybe = frozenset(name for name in gone if name in new.text)
    gone -= maybe
    for line in chain(after[: change.first], after[change.end :]):
        if not maybe:
            break
        maybe -= _dotted_in_line(line)
    gone |= maybe
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
    if old.text == new.text:
        return frozenset()
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
    r"|\bclass \w+[^\n]*|@[^\n]*|\bglobal [^\n]*"
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
        said = said_by(statement)
        local = frozenset(shape for shape in said.calls if not shape.own)
        through: dict[str, set[CallShape]] = {}
        for shape in said.calls:
            if shape.own:
                for name in said.held.get(shape.through, ()):
                    through.setdefault(name, set()).add(shape)
        known = statement.memo["said of"] = (local, {name: frozenset(calls) for name, calls in through.items()})
    return known  # type: ignore[return-value]
