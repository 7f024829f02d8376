"""What a function's parameters hold when its body starts."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from . import defaults, expressions
from .annotations import from_annotation, settled
from .arguments import Arguments
from .definitions import Definition, FunctionNode
from .values import UNKNOWN, Dictionary, Sequence, Unknown, Value, join_all

if TYPE_CHECKING:
    from .machine import Frame, Machine


def bind(m: Machine, definition: Definition, arguments: Arguments, frame: Frame) -> dict[str, Value]:
    """The names a function's body starts with."""
    assert not isinstance(definition.node, ast.ClassDef)
    parameters = definition.node.args
    ordinary = [*parameters.posonlyargs, *parameters.args]
    keywords = dict(arguments.keywords)
    positional = list(arguments.positional)
    spread = next((i for i, (_, v) in enumerate(positional) if isinstance(v, Sequence) and v.kind == "starred"), None)
    names: dict[str, Value] = {}
    for index, parameter in enumerate(ordinary):
        given: Value | None = None
        if spread is not None and index >= spread:
            given = positional[spread][1].element  # type: ignore[attr-defined]
        elif index < len(positional):
            given = positional[index][1]
        elif parameter.arg in keywords:
            given = keywords.pop(parameter.arg)[1]
        names[parameter.arg] = _argument(m, definition, frame, parameter, given, _hides(m, arguments, parameter, index))
    if parameters.vararg is not None:
        rest = [value for _, value in positional[len(ordinary) :]]
        whole = spread is None or spread >= len(positional)
        element = join_all(v.any_element() if isinstance(v, Sequence) and v.kind == "starred" else v for v in rest)
        names[parameters.vararg.arg] = Sequence(rest if whole else None, element, "tuple")
    for parameter in parameters.kwonlyargs:
        found = keywords.pop(parameter.arg, None)
        given = found[1] if found is not None else None
        hidden = _hides(m, arguments, parameter, len(ordinary))
        names[parameter.arg] = _argument(m, definition, frame, parameter, given, hidden)
    if parameters.kwarg is not None:
        held = {name: value for name, (_, value) in keywords.items()}
        names[parameters.kwarg.arg] = Dictionary(held, UNKNOWN if arguments.starred else None)
    return names


def _hides(m: Machine, arguments: Arguments, parameter: ast.arg, position: int) -> bool:
    """Whether what hides behind `*` or `**` may be this parameter, `self` being the first one."""
    if not arguments.passed_on:
        return arguments.starred
    m.noted += 1  # who calls this very model counts: for another one the answer may differ
    return m.index.passes(m.model, parameter.arg, position - 1)


def _argument(
    m: Machine, definition: Definition, frame: Frame, parameter: ast.arg, given: Value | None, hidden: bool
) -> Value:
    """A parameter's value: what is given, else its default; what is not known for sure is known by its annotation."""
    if given is None:
        default = default_value(m, definition, parameter, frame)
        if default is not None and not hidden:
            return default
        given = Unknown(default, parameter.arg, defaults.usual_number(default, parameter.arg))
    if isinstance(given, Unknown):
        annotated = annotation_of(m, parameter, frame)
        return given if annotated is None else defaults.with_usual(annotated, given.usual)
    return settled(given, parameter.annotation, lambda: annotation_of(m, parameter, frame))


def annotation_of(m: Machine, parameter: ast.arg, frame: Frame) -> Value | None:
    """What a parameter's annotation says."""
    if parameter.annotation is None:
        return None
    saved = m.frame
    m.frame = frame
    try:
        return from_annotation(m, parameter.annotation)
    finally:
        m.frame = saved


def default_value(m: Machine, definition: Definition, parameter: ast.arg, frame: Frame) -> Value | None:
    """A parameter's default."""
    node = default_of(definition, parameter)
    if node is None:
        return None
    if isinstance(node, ast.Constant):  # whose value no frame decides
        return expressions.evaluate(m, node)
    saved, building, loops = m.frame, m.building, m.loops
    m.frame, m.building, m.loops = frame, True, []
    m.silent += 1
    try:
        return expressions.evaluate(m, node)
    finally:
        m.frame, m.building, m.loops = saved, building, loops
        m.silent -= 1


def default_of(definition: Definition, parameter: ast.arg) -> ast.expr | None:
    """The default of a function's parameter."""
    known: dict[ast.arg, ast.expr | None] | None = definition.memo.get("defaults")
    if known is None:
        known = definition.memo["defaults"] = _defaults(definition.node)
    return known.get(parameter)


def _defaults(function: ast.ClassDef | FunctionNode) -> dict[ast.arg, ast.expr | None]:
    if isinstance(function, ast.ClassDef):
        return {}
    arguments = function.args
    ordinary = [*arguments.posonlyargs, *arguments.args]
    found: dict[ast.arg, ast.expr | None] = dict(zip(reversed(ordinary), reversed(arguments.defaults)))
    return found | dict(zip(arguments.kwonlyargs, arguments.kw_defaults))
