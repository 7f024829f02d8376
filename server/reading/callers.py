"""Which arguments models pass to each other, told from the syntax alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from .source import Statement

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


def calls_in(statement: Statement) -> tuple[CallShape, ...]:
    """The calls through attributes and local names in a statement."""
    return _read(statement)[0]


def _read(statement: Statement) -> tuple[tuple[CallShape, ...], dict[str, frozenset[str]]]:
    """The calls, and for each attribute the names in what is assigned to it, through local names too."""
    known = statement.memo.get("calls")
    if known is None:
        shapes: list[CallShape] = []
        held: dict[str, frozenset[str]] = {}
        local: dict[str, frozenset[str]] = {}
        queue: list[object] = list(statement.body)
        while queue:
            node = queue.pop()
            if isinstance(node, ast.Call):
                shape = _shape(node)
                if shape is not None:
                    shapes.append(shape)
            elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Attribute):
                    held[target.attr] = held.get(target.attr, frozenset()) | _names_in(node.value)
                elif isinstance(target, ast.Name):
                    local[target.id] = local.get(target.id, frozenset()) | _names_in(node.value)
            elif isinstance(node, ast.arguments):
                for name, default in _defaults(node):
                    local[name] = local.get(name, frozenset()) | _names_in(default)
            for child in node.__dict__.values():
                if isinstance(child, ast.AST):
                    if child._fields:
                        queue.append(child)
                elif type(child) is list:
                    queue.extend(each for each in child if isinstance(each, ast.AST))
        known = statement.memo["calls"] = (
            tuple(shapes),
            {name: _followed(names, local) for name, names in held.items()},
        )
    return known  # type: ignore[return-value]


def _names_in(value: ast.expr) -> frozenset[str]:
    """The names in an expression: `Block` of `Block`, `blocks.Block` and `partial(Block, 3)`."""
    parts = list(ast.walk(value))
    return frozenset(part.id for part in parts if isinstance(part, ast.Name)).union(
        part.attr for part in parts if isinstance(part, ast.Attribute)
    )


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
    shapes, held = _read(statement)
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


_IDENTIFIER = re.compile(r"[^\W\d]\w*")


def identifiers(statement: Statement) -> frozenset[str]:
    """Every identifier in a statement's text, those in comments and strings too."""
    known = statement.memo.get("identifiers")
    if known is None:
        known = statement.memo["identifiers"] = frozenset(_IDENTIFIER.findall(statement.text))
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
    one, other = _said(old), _said(new)
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


def _said(statement: Statement) -> tuple[frozenset[CallShape], dict[str, frozenset[CallShape]]]:
    """(calls through local names, for each name the calls of attributes that may hold it)."""
    known = statement.memo.get("said")
    if known is None:
        shapes, held = _read(statement)
        local = frozenset(shape for shape in shapes if not shape.own)
        through: dict[str, set[CallShape]] = {}
        for shape in shapes:
            if shape.own:
                for name in held.get(shape.through, ()):
                    through.setdefault(name, set()).add(shape)
        known = statement.memo["said"] = (local, {name: frozenset(calls) for name, calls in through.items()})
    return known  # type: ignore[return-value]


_CHECKS = frozenset({"isinstance", "issubclass", "super", "cast", "hasattr"})


def names_used(statement: Statement) -> frozenset[str]:
    """The names a statement uses as values: not as base classes, in annotations or in `isinstance`."""
    known = statement.memo.get("names used")
    if known is None:
        found: set[str] = set()
        queue: list[ast.AST] = list(statement.body)
        while queue:
            node = queue.pop()
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
            queue.extend(_values_in(node))
        known = statement.memo["names used"] = frozenset(found)
    return known  # type: ignore[return-value]


def _values_in(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CHECKS:
        return
    for name, value in node.__dict__.items():
        if name in ("annotation", "returns") or (name == "bases" and isinstance(node, ast.ClassDef)):
            continue
        for child in value if isinstance(value, list) else (value,):
            # `Base.forward(self, x)` and `Base.attribute` make no instance.
            if isinstance(child, ast.Attribute) and isinstance(child.value, ast.Name) and child.value.id[:1].isupper():
                continue
            if isinstance(child, ast.AST) and child._fields:
                yield child
