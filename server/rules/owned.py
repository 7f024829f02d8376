"""Functionals over weights that the class owns itself: there is a module for each, and a price to pay for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ..finding import CallModule, Change, InsertStatements, NewModule, Repair, ReplaceText, Safety, Step
from ..knowledge import modules
from ..knowledge.aimet_modules import aimet_module, import_path
from ..knowledge.layers import Layer, bind
from ..positions import Span
from ..reading.definitions import Definition
from . import carrying, held, helpers, own, support
from .aimet_forms import as_written, module_call
from .calling import Call

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Operation, Unit

# The normalizations whose layer is built without its weights being read, and the weights it then takes over.
_SHARING = {"torch.nn.functional.layer_norm": ("weight", "bias"), "torch.nn.functional.rms_norm": ("weight",)}
# AIMET's modules whose weights quantsim quantizes although they come with each call.
_QUANTIZES_WEIGHTS = frozenset({"BatchNorm"})
_NOT_THE_WEIGHTS = "AIMET then quantizes what comes out, and still not the weights"


def repair(unit: Unit, operation: Operation, found: Layer, place: support.Place, config: Config) -> Repair | None:
    """What a colleague who knows AIMET would write, None where even that is not possible."""
    if operation.via != "direct" or operation.site.owner is None or place.owner is None:
        return None
    return _layer(unit, operation, found, place.owner) or _aimet(unit, operation, found, place, config)


def _layer(unit: Unit, operation: Operation, found: Layer, owner: str) -> Repair | None:
    """The layer itself, which holds the very same parameters."""
    weights = _SHARING.get(found.functional)
    bound = bind(found, len(operation.operands), operation.keywords) if weights is not None else None
    nodes = support.written(operation, bound) if bound is not None else None
    if weights is None or nodes is None or operation.symbol.startswith("Tensor."):
        return None
    shares: list[tuple[str, str]] = []
    following: list[Change] = []
    for parameter in weights:
        weight = nodes.pop(parameter, None)
        if weight is None or (isinstance(weight, ast.Constant) and weight.value is None):
            shares.append((parameter, "None"))
            continue
        attribute = support.attribute_of(weight)
        changes = _written_later(unit, operation, attribute, f"{found.attribute}.{parameter}") if attribute else None
        if changes is None:
            return None
        following.extend(changes)
        shares.append((parameter, f"self.{attribute}"))
    given = nodes.pop("input")
    arguments: list[str] = []
    for parameter, node in nodes.items():
        carried = carrying.carried(unit, operation, node)
        if carried is None:
            changes = _kept_by_base(unit, operation, node, f"{found.attribute}.{parameter}")
            if changes is None:
                return None
            following.extend(changes)
            carried = unit.source(node)
        arguments.append(carried if parameter == "normalized_shape" else f"{parameter}={carried}")
    if not any(text != "None" for _, text in shares):
        return None
    module = _module(unit, operation, owner, found.attribute, found.module, tuple(arguments), tuple(shares))
    kind = found.module.rpartition(".")[2]
    gained = " and ".join(f"`{found.attribute}.{name}`" for name, text in shares if text != "None")
    title = (
        f"Define `self.{found.attribute} = nn.{kind}({', '.join(arguments)})` with the same weights and call it "
        f"(unsafe: the state_dict gains {gained}, so earlier checkpoints need strict=False)"
    )
    repair = _repair(unit, title, CallModule(_span(operation), module, (_span(operation, given),)))
    return replace(repair, changes=(*repair.changes, *following)) if following else repair


def _written_later(unit: Unit, operation: Operation, attribute: str, shared: str) -> list[Change] | None:
    """What must change where a subclass's `__init__` sets a weight anew, so that the module that shares it follows.

    None where the weight changes in another way: the module would keep the old one. shared: where the module has it.
    """
    index, owner = unit.index, operation.site.owner
    assert owner is not None
    changes: list[Change] = []
    for each in (*index.order(owner), *support.subclasses(index, owner)):
        if not isinstance(each, Definition):
            continue
        for name, node in each.methods.items():
            times = _times_written(each.inner(node), attribute)
            if not times or (name == "__init__" and each in index.order(owner)):
                continue
            targets = _set_anew(each.inner(node), attribute) if name == "__init__" else []
            if len(targets) != times:
                return None
            steps = (_set_both(each, target, f"self.{shared}") for target in targets)
            changes.append(Change(each.path, each.statement.key, tuple(steps)))
    # What follows names the module before it has its name, so that must be the usual one.
    alone = sum(each.symbol == operation.symbol and each.site.owner is owner for each in unit.operations) == 1
    if changes and not (alone and shared.partition(".")[0] not in support.taken_names(index, owner)):
        return None
    return changes


def _kept_by_base(unit: Unit, operation: Operation, node: ast.expr, shared: str) -> list[Change] | None:
    """The same for an attribute that torch's constructor sets (`self.eps`), and only subclasses set anew."""
    index, owner, attribute = unit.index, operation.site.owner, support.attribute_of(node)
    assert owner is not None
    base = modules.module_class(index.external_base(owner) or "")
    if attribute is None or base is None or all(parameter.name != attribute for parameter in base.signature):
        return None
    if any(isinstance(each, Definition) and _times_written(each, attribute) for each in index.order(owner)):
        return None
    return _written_later(unit, operation, attribute, shared)


def _times_written(code: Definition, attribute: str) -> int:
    """How often code may give an attribute of this name another value."""
    stored = sum(each.attr == attribute and not isinstance(each.ctx, ast.Load) for each in code.parts.of(ast.Attribute))
    return stored + sum(_sets_by_name(each, attribute) for each in code.parts.of(ast.Call))


_SETTERS = ("setattr", "__setattr__", "__delattr__", "delattr", "register_parameter", "register_buffer")


def _sets_by_name(call: ast.Call, attribute: str) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    named = [each.value for each in call.args if isinstance(each, ast.Constant)]
    return name in _SETTERS and (attribute in named or not named)


def _set_anew(method: Definition, attribute: str) -> list[ast.expr]:
    """The targets `self.<attribute>` of plain assignments in an `__init__`, after that of the base has run."""
    inits = [each.lineno for each in method.parts.of(ast.Call) if getattr(each.func, "attr", "") == "__init__"]
    assigned = (each.targets[0] for each in method.parts.of(ast.Assign) if len(each.targets) == 1)
    own = (target for target in assigned if support.attribute_of(target) == attribute)
    return [target for target in own if inits and target.lineno > max(inits)]


def _set_both(owner: Definition, target: ast.expr, other: str) -> ReplaceText:
    span = owner.statement.span(target)
    return ReplaceText(span, f"{{0}} = {other}", (span,))


class _Form(NamedTuple):
    """A module that takes the weights with each call: one of AIMET's, or a class of the file's own (`.Name`)."""

    cls: str
    attribute: str
    arguments: tuple[str, ...]
    kept: tuple[Span | str, ...]
    before: tuple[InsertStatements, ...] = ()

    @property
    def name(self) -> str:
        return self.cls.rpartition(".")[2]


def _forms(unit: Unit, operation: Operation, found: Layer, config: Config) -> Iterator[_Form]:
    """The best first."""
    module, path = aimet_module(operation.symbol), import_path(config.aimet_version)
    call = module_call(unit, operation, module) if module is not None else ""
    if module is not None and not isinstance(call, str):
        yield _Form(f"{path}.{module.name}", module.attribute, call[0], call[1])
    every = as_written(operation) if found.parametric and found.aimet is not None else None
    if every is not None:
        yield _Form(f"{path}.{found.aimet}", found.attribute, (), every)
    made = own.own(unit, operation, config)
    if made is not None:
        yield _Form(f".{made.name}", made.attribute, (), made.kept, made.made)


def passed(unit: Unit, operation: Operation, found: Layer, config: Config) -> Repair | None:
    """The repair with such a module in a function that models call with weights."""

    def leave(call: Call) -> bool:
        return held.is_passed(unit, operation, call)

    for form in _forms(unit, operation, found, config) if operation.via == "direct" else ():
        doubt = "" if form.name in _QUANTIZES_WEIGHTS else _NOT_THE_WEIGHTS
        made = helpers.repair(
            unit, operation, form.attribute, form.cls, form.arguments, form.kept, form.before, doubt, leave=leave
        )
        if made is not None:
            return made
    return None


def _aimet(unit: Unit, operation: Operation, found: Layer, place: support.Place, config: Config) -> Repair | None:
    """A module that takes the weights with each call; safe where quantsim then quantizes them."""
    form = next(_forms(unit, operation, found, config), None)
    if form is None:
        return None
    attribute, arguments, owned_by_file = form.attribute, form.arguments, form.cls.startswith(".")
    new = _module(unit, operation, place.owner or "", attribute, form.cls, arguments)
    doubts = [
        "" if form.name in _QUANTIZES_WEIGHTS else _NOT_THE_WEIGHTS,
        place.reason,
        support.scripting_doubt(unit.index, operation.site.owner),  # type: ignore[arg-type]
        "" if config.aimet_available else "the model then imports aimet_torch",
    ]
    doubt = next((each for each in doubts if each), "")
    whose = ", a class of its own in this file," if owned_by_file else " of AIMET's own modules"
    title = f"Define `self.{attribute} = {form.name}({', '.join(arguments)})`{whose} and call it"
    if doubt:
        title += f" (unsafe: {doubt})"
    safety = Safety.UNSAFE if doubt else Safety.SAFE
    steps: tuple[Step, ...] = (CallModule(_span(operation), new, form.kept), *form.before)
    return Repair(title, safety, (Change(unit.path, unit.statement.key, steps),))


def _module(
    unit: Unit,
    operation: Operation,
    owner: str,
    name: str,
    cls: str,
    arguments: tuple[str, ...],
    shares: tuple[tuple[str, str], ...] = (),
) -> NewModule:
    taken = support.taken_names(unit.index, operation.site.owner)  # type: ignore[arg-type]
    return NewModule(owner, name, cls, arguments, taken=taken, shares=shares)


def _span(operation: Operation, node: ast.AST | None = None) -> Span:
    return operation.site.statement.span(node if node is not None else operation.node)


def _repair(unit: Unit, title: str, step: CallModule) -> Repair:
    return Repair(title, Safety.UNSAFE, (Change(unit.path, unit.statement.key, (step,)),))
