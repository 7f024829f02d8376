"""Functionals that are stored in an attribute and called later: the module is stored instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..finding import Change, Repair, ReplaceText, Safety, Step
from ..knowledge.data import REQUIRED
from ..knowledge.layers import RECEIVER, Layer, bind, layer
from ..knowledge.names import canonical
from ..reading.definitions import Definition
from ..reading.parameters import default_of
from ..reading.syntax import walk

if TYPE_CHECKING:
    from ..reading.facts import Operation, Unit
    from .support import Place

Outcome = tuple[tuple[Repair, ...], str]


def repairs(unit: Unit, operation: Operation, found: Layer, place: Place) -> Outcome:
    """The repairs for `self.act = F.relu` with `self.act(x)` in forward, and why there is none."""
    attribute = operation.callee
    owner = operation.site.owner
    if not (isinstance(attribute, ast.Attribute) and isinstance(attribute.value, ast.Name) and owner is not None):
        return (), "the function is chosen elsewhere; choose between modules there"
    values = list(_values(owner, attribute.attr))
    if len(values) != 1:
        return (), "the function is stored in several places; store a module in each"
    if not _only_inputs(operation, found):
        return (), "the call passes more than the input; give these arguments to the module that is stored"
    if found.training is not None or found.missing:
        return (), "a module would not do the same in training and evaluation"
    value = values[0]
    arguments: tuple[str, ...] = ()
    steps: tuple[Step, ...]
    doubt = place.reason
    if _names(unit, value, found):
        steps = (_module(unit, value, found, ()),)
    elif isinstance(value, ast.Call) and (written := _partial(unit, value, found)) is not None:
        arguments = written
        steps = (_module(unit, value, found, arguments),)
    elif isinstance(value, ast.Name) and (default := _default(unit, owner, value.id, found)) is not None:
        steps = (
            ReplaceText(unit.statement.span(default), "{0}", imports=(found.module,)),
            ReplaceText(unit.statement.span(value), "{0}()", (unit.statement.span(value),)),
        )
        doubt = f"who passes `{value.id}` must pass a class"
    else:
        return (), "the function is chosen elsewhere; choose between modules there"
    title = f"Store `nn.{found.module.rpartition('.')[2]}({', '.join(arguments)})` in `self.{attribute.attr}`"
    if doubt:
        title += f" (unsafe: {doubt})"
    safety = Safety.UNSAFE if doubt else Safety.SAFE
    return (Repair(title, safety, (Change(unit.path, unit.statement.key, steps),)),), ""


def _values(owner: Definition, attribute: str) -> Iterator[ast.expr]:
    """What the class assigns to `self.<attribute>`."""
    for node in walk(owner.node):
        if not isinstance(node, (ast.Assign, ast.AnnAssign)):
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Attribute) and target.attr == attribute and node.value is not None:
                yield node.value


def _only_inputs(operation: Operation, found: Layer) -> bool:
    bound = bind(found, len([node for node, _ in operation.operands if node is not None]), operation.keywords)
    return bound is not None and all(
        parameter in found.inputs or where == RECEIVER or parameter in _partly(operation)
        for parameter, where in bound.items()
    )


def _partly(operation: Operation) -> set[str]:
    """Keywords that a `partial` passes: they are not written at the call."""
    return {name for name, (node, _) in operation.keywords.items() if node is None}


def _names(unit: Unit, node: ast.expr, found: Layer) -> bool:
    other = layer(canonical(unit.index.dotted(node, unit.path)))
    return other is not None and other.functional == found.functional and not other.fixed


def _partial(unit: Unit, node: ast.Call, found: Layer) -> tuple[str, ...] | None:
    """The constructor arguments for `functools.partial(F.leaky_relu, negative_slope=0.2)`."""
    if unit.index.dotted(node.func, unit.path) != "functools.partial" or len(node.args) != 1:
        return None
    if not _names(unit, node.args[0], found):
        return None
    arguments = []
    for keyword in node.keywords:
        target = found.carried.get(keyword.arg or "")
        if target is None:
            return None
        arguments.append(f"{target.parameter}={unit.source(keyword.value)}")
    return tuple(arguments)


def _module(unit: Unit, node: ast.expr, found: Layer, arguments: tuple[str, ...]) -> Step:
    written = list(arguments)
    given = {argument.partition("=")[0] for argument in arguments}
    for parameter in found.signature:
        target = found.carried.get(parameter.name)
        if target is not None and target.parameter not in given and parameter.default != target.default:
            if parameter.default is not REQUIRED:
                written.append(f"{target.parameter}={parameter.default!r}")
    escaped = ", ".join(written).replace("{", "{{").replace("}", "}}")
    return ReplaceText(unit.statement.span(node), f"{{0}}({escaped})", imports=(found.module,))


def _default(unit: Unit, owner: Definition, name: str, found: Layer) -> ast.expr | None:
    """The default of a parameter of `__init__`, where it is the functional."""
    method = owner.method("__init__")
    if method is None or isinstance(method.node, ast.ClassDef):
        return None
    for parameter in (*method.node.args.args, *method.node.args.kwonlyargs):
        if parameter.arg == name:
            default = default_of(method, parameter)
            return default if default is not None and _names(unit, default, found) else None
    return None
