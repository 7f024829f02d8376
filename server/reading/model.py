"""One model class: what its `__init__` builds, and what its `forward` does."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import traced
from .arguments import Arguments
from .conditions import not_none
from .definitions import Definition, given_parameters, is_static
from .facts import Entry, EntryKey, Parameter, Reuse, Trace
from .machine import Machine
from .parameters import annotation_of, default_of, default_value
from .values import (
    Const,
    Dictionary,
    Function,
    Instance,
    Module,
    Number,
    Sequence,
    Tensor,
    Unknown,
    Value,
    join_all,
    options,
)
from .ways import without_optional_loops

if TYPE_CHECKING:
    from .index import Index


@dataclass(eq=False)
class Built:
    """What a model's `__init__` sets up.

    attributes: the values of `self`'s attributes. made: every module it makes. reuses: modules it registers twice.
    entered: the functions it runs in files that are being edited.
    """

    attributes: dict[str, Value]
    made: list[Module] = field(default_factory=list)
    reuses: list[Reuse] = field(default_factory=list)
    dynamic: bool = False
    entered: Mapping[EntryKey, list[Entry]] = field(default_factory=dict)

    @property
    def touched(self) -> set[tuple[str, str]]:
        """The statements, (file, key), in which it makes modules."""
        return {(module.origin.path, module.origin.key) for module in self.made if module.origin is not None}


@dataclass(eq=False)
class Model:
    """A class that derives from `nn.Module`."""

    definition: Definition

    def build(self, index: Index) -> Built:
        """Read `__init__`."""
        m = Machine(index, self.definition, building=True)
        owner = Module(("self",), definition=self.definition, is_self=True, attributes={})
        found = index.method(self.definition, "__init__")
        if found is not None:
            lexical, method = found
            m.enter(
                Function(method, owner, lexical_class=lexical), owner, Arguments([(None, owner)], {}, True), method.node
            )
        assert owner.attributes is not None
        return Built(owner.attributes, m.trace.made, m.trace.reuses, owner.dynamic, m.trace.entries)

    def read(self, index: Index) -> Trace | None:
        """Read `forward`; None where the workspace has none for this class."""
        found = index.method(self.definition, "forward")
        if found is None:
            return self._read_assigned(index)
        lexical, method = found
        m = Machine(index, self.definition, building=False)
        owner = self._owner(index)
        arguments = self._arguments(m, index, method)
        m.trace.result = m.enter(
            Function(method, owner, lexical_class=lexical),
            owner,
            _called_with(method, owner, arguments),
            method.node,
        )
        self._read_entries(m, index, owner, method)
        m.trace.reuses = without_optional_loops(m.trace.reuses, m.trace.uses)
        return m.trace

    def _read_assigned(self, index: Index) -> Trace | None:
        """Read the methods that `__init__` assigns to `self.forward`: one of them runs."""
        assigned = index.attributes(self.definition).get("forward")
        chosen = [each for each in options(assigned) if isinstance(each, Function)] if assigned is not None else []
        if not chosen:
            return None
        m, owner, results = Machine(index, self.definition, building=False), self._owner(index), []
        for function in chosen:
            m.uses = {}
            method = Function(function.definition, owner, lexical_class=function.lexical_class)
            arguments = self._arguments(m, index, function.definition)
            results.append(
                m.enter(method, owner, _called_with(function.definition, owner, arguments), function.definition.node)
            )
        m.trace.result = join_all(results)
        return m.trace

    def read_method(self, index: Index, name: str) -> Value:
        """What a method yields that other models call."""
        found = index.method(self.definition, name)
        if found is None:
            return Unknown()
        lexical, method = found
        m = Machine(index, self.definition, building=False)
        owner = self._owner(index)
        return m.enter(
            Function(method, owner, lexical_class=lexical),
            owner,
            _called_with(method, owner, self._arguments(m, index, method)),
            method.node,
        )

    def _owner(self, index: Index) -> Module:
        attributes = dict(index.attributes(self.definition))
        return Module(("self",), definition=self.definition, is_self=True, attributes=attributes)

    def _read_entries(self, m: Machine, index: Index, owner: Module, forward: Definition) -> None:
        """Read the other methods that models of the workspace call on this one (`encode`).

        Not those that `forward` runs: what it passes them says more than what strangers might.
        """
        for name in traced.entries(index, self.definition):
            found = index.method(self.definition, name)
            if found is None or found[1].statement is not self.definition.statement or found[1] in m.ran:
                continue
            lexical, method = found
            m.uses = {}
            m.enter(
                Function(method, owner, lexical_class=lexical),
                owner,
                _called_with(method, owner, self._arguments(m, index, method)),
                method.node,
            )

    def _arguments(self, m: Machine, index: Index, method: Definition) -> dict[str, tuple[ast.expr | None, Value]]:
        """What `forward`'s parameters hold, as far as the source tells."""
        node = method.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        arguments = node.args
        ordinary = given_parameters(node)
        given: dict[str, tuple[ast.expr | None, Value]] = {}
        frame = m.outer_frame(method)
        for position, parameter in enumerate([*ordinary, *arguments.kwonlyargs]):
            default = default_of(method, parameter)
            annotated = annotation_of(m, parameter, frame)
            if position == 0 and isinstance(default, ast.Constant) and default.value is None:
                # Whoever traces the model gives it an input.
                default, annotated = None, not_none(annotated) or annotated
            value: Value
            if default is not None and not index.passes(self.definition, parameter.arg, position):
                value = default_value(m, method, parameter, frame) or Unknown(name=parameter.arg)
                kept = Parameter(parameter.arg, parameter, kind_of(value), "default", False, value)
            else:
                if annotated is not None:
                    value = annotated
                elif position == 0 and default is None:
                    value = Tensor("input", definite=False)
                else:
                    value = Unknown(name=parameter.arg)
                evidence = "annotation" if annotated is not None else "body"
                kept = Parameter(parameter.arg, parameter, kind_of(value), evidence, True, value)
            given[parameter.arg] = (None, value)
            if len(m.active) == 0:
                m.trace.parameters.append(kept)
        return given


_Given = Mapping[str, tuple["ast.expr | None", Value]]


def _called_with(method: Definition, owner: Module, given: _Given) -> Arguments:
    """What a method is called with on an object."""
    assert isinstance(method.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    return Arguments([] if is_static(method.node) else [(None, owner)], dict(given), True)


def kind_of(value: Value) -> str:
    """The word for what a value is, as `Parameter.kind` uses it."""
    if isinstance(value, Tensor):
        return "tensor"
    if isinstance(value, Sequence):
        return "tensors" if value.kind == "tuple" else value.kind
    if isinstance(value, Dictionary):
        return "dict"
    if isinstance(value, Instance):
        return "object"
    if isinstance(value, Number):
        return "str" if value.kind == "str" else "number"
    if isinstance(value, Const):
        if value.value is None:
            return "none"
        return "str" if isinstance(value.value, str) else "number"
    return "unknown"
