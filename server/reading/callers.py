"""Which arguments models pass to each other, told from the syntax alone."""

from __future__ import annotations

import ast
from typing import NamedTuple

from .definitions import Definition
from .source import Statement


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
    """The calls, and for each attribute the names in what is assigned to it."""
    known = statement.memo.get("calls")
    if known is None:
        shapes: list[CallShape] = []
        held: dict[str, frozenset[str]] = {}
        queue: list[object] = list(statement.body)
        while queue:
            node = queue.pop()
            if isinstance(node, ast.Call):
                shape = _shape(node)
                if shape is not None:
                    shapes.append(shape)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
                names = frozenset(part.id for part in ast.walk(node.value) if isinstance(part, ast.Name))
                attribute = node.targets[0].attr
                held[attribute] = held.get(attribute, frozenset()) | names
            for child in node.__dict__.values():
                if isinstance(child, ast.AST):
                    if child._fields:
                        queue.append(child)
                elif type(child) is list:
                    queue.extend(each for each in child if isinstance(each, ast.AST))
        known = statement.memo["calls"] = (tuple(shapes), held)
    return known  # type: ignore[return-value]


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
