"""Modules that `forward` makes, calls and lets go: a functional in other words."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..finding import Change, NewModule, Repair, ReplaceCallee, Safety
from ..knowledge.layers import layer_of_class
from ..knowledge.modules import ModuleClass, module_class
from . import carrying, lists, support

if TYPE_CHECKING:
    from ..reading.facts import Operation, Unit

_RANDOM = frozenset({"torch.nn.RReLU"})


def made_class(operation: Operation) -> ModuleClass | None:
    """The class of which an operation makes an object, where it is a layer; None for losses and containers."""
    known = module_class(operation.symbol) if operation.via == "made" else None
    if known is None or known.container or "torch.nn.modules.loss._Loss" in known.bases:
        return None
    return known


def advice(known: ModuleClass) -> str:
    """The sentence that says what to write instead."""
    kept = " It gets new weights in every call." if known.parametric else ""
    return f"{kept} Define it in `__init__` and call that.".lstrip()


def repairs(unit: Unit, operation: Operation, known: ModuleClass) -> tuple[tuple[Repair, ...], str]:
    """The repairs, and why there is none."""
    made = operation.callee
    owner = operation.site.owner
    if not known.stateless:
        return (), "kept in `__init__` it would keep its weights"
    if not isinstance(made, ast.Call):
        return (), "it is not called where it is made"
    if owner is not None and unit.model_of(owner) is None:
        return (), "it stands in a class of another file"
    place = support.place_for(unit, operation, known.path)
    if place.owner is None or owner is None:
        return (), place.reason
    each_of = lists.walked_around(unit, operation)
    if operation.repeated or (operation.loops and not each_of):
        return (), "it runs several times, so one module would be reused; use one module for each run"
    arguments: list[str] = []
    for name, node in (*((None, each) for each in made.args), *((each.arg, each.value) for each in made.keywords)):
        text = carrying.carried(unit, operation, node) if not isinstance(node, ast.Starred) else None
        if text is None or (name is None and node not in made.args):
            return (), "its arguments are only known at run time"
        arguments.append(text if name is None else f"{name}={text}")
    doubt = place.reason
    if known.dropout or known.path in _RANDOM:
        doubt = "made anew it drops in evaluation too" if known.dropout else "made anew it is random in evaluation too"
    found = layer_of_class(known.path)
    attribute = found.attribute if found is not None else known.path.rpartition(".")[2].lower()
    module = NewModule(
        place.owner,
        attribute,
        known.path,
        tuple(arguments),
        beside=support.beside(operation),
        taken=support.taken_names(unit.index, owner),
        each_of=each_of,
    )
    title = f"Define `self.{attribute} = {ast.unparse(made)}` in `__init__` and call it"
    if doubt:
        title += f" (unsafe: {doubt})"
    step = ReplaceCallee(operation.site.statement.span(made), module)
    safety = Safety.UNSAFE if doubt else Safety.SAFE
    return (Repair(title, safety, (Change(unit.path, unit.statement.key, (step,)),)),), ""
