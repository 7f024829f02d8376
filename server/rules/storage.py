"""Whether another name may share a tensor's storage at a statement of a function.

Told from the syntax and the operations read in it: a tensor that was just computed is new; a view, a module that may
return its input, an element of a list share what they come from; parameters and attributes belong to others too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ..knowledge import modules, tensors
from ..knowledge.data import words
from ..reading.syntax import walk
from ..reading.values import Const, Module, Tensor, Value
from . import support

if TYPE_CHECKING:
    from ..reading.facts import Operation, Unit

# Where a value comes from: the number of the expression that computed it, or nowhere in this function.
_Origins = frozenset[int]
_OUTSIDE = 0
_NOTHING: _Origins = frozenset()
_STRANGE: _Origins = frozenset({_OUTSIDE})

# These return their input where there is nothing to do.
_MAY_RETURN_INPUT = words("""
    as_tensor asarray atleast_1d atleast_2d atleast_3d contiguous conj resolve_conj resolve_neg positive to float half
    double bfloat16 type type_as cpu cuda flatten reshape squeeze broadcast_to broadcast_tensors expand_as view_as
    dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout pixel_shuffle pixel_unshuffle
    channel_shuffle requires_grad_""")


def is_alone(unit: Unit, function: ast.AST, statement: ast.AugAssign) -> bool:
    """Whether the tensor that `statement` changes was computed in `function` and no other name still holds it."""
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or not isinstance(statement.target, ast.Name):
        return False
    live = _live_names(function, statement) - {statement.target.id}
    return _Walk(unit, function, _Change(statement, statement.target, live, statement.value)).finds_it_alone()


def is_changed_alone(unit: Unit, function: ast.AST, call: ast.expr, changed: ast.expr) -> bool:
    """The same for a call that changes what it is given (`x.sigmoid_()`), where its result takes the tensor's place."""
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    parents = support.parents(unit.statement)
    around: ast.AST = call
    while not isinstance(around, ast.stmt):
        around = parents[around]
    statement = around
    live = _live_names(function, call)
    inside = {id(each) for each in walk(call)}
    live.update(each.id for each in _loaded(statement) if id(each) not in inside)
    if isinstance(changed, ast.Name):
        assigned = isinstance(statement, ast.Assign) and statement.value is call
        named = [getattr(each, "id", "") for each in statement.targets] if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.Expr) or (assigned and changed.id in named):
            live.discard(changed.id)
    return _Walk(unit, function, _Change(statement, changed, live)).finds_it_alone()


class _Change(NamedTuple):
    """What changes a tensor. live: the names that are read after it; given: what else it reads."""

    statement: ast.stmt
    changed: ast.expr
    live: set[str]
    given: ast.expr | None = None


class _Walk:
    """Follows one function's statements in order. names: what each name may hold; escaped: what is stored elsewhere."""

    def __init__(self, unit: Unit, function: ast.FunctionDef | ast.AsyncFunctionDef, change: _Change) -> None:
        self.function = function
        self.change = change
        self.names: dict[str, _Origins] = {}
        self.escaped: set[int] = set()
        self.reached = False
        self.alone = True
        self.operations: Mapping[int, Operation] = {id(operation.node): operation for operation in unit.operations}
        self.modules = _modules(unit)

    def finds_it_alone(self) -> bool:
        """Whether the change is reached, and nothing else holds the tensor whenever it is."""
        self.run(self.function.body)
        return self.reached and self.alone

    def run(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.step(statement)

    def step(self, node: ast.stmt) -> None:
        if node is self.change.statement:
            self._judge()
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            origins = self.origins(node.value) if node.value is not None else _NOTHING
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                self._bind(target, origins)
        elif isinstance(node, ast.AugAssign):
            # A tensor stays what it is; a list takes the elements of the other.
            if id(node) not in self.operations:
                self._add(node.target, self.origins(node.value))
        elif isinstance(node, ast.Expr):
            self.origins(node.value)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            for _ in range(2):
                self._bind(node.target, self.origins(node.iter))
                self.run(node.body)
            self.run(node.orelse)
        elif isinstance(node, ast.While):
            for _ in range(2):
                self.run(node.body)
            self.run(node.orelse)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            self.run(node.body)
        elif isinstance(node, ast.If):
            self._branches([node.body, node.orelse])
        elif isinstance(node, ast.Try):
            self._branches([[*node.body, *node.orelse], *(handler.body for handler in node.handlers)])
            self.run(node.finalbody)
        elif isinstance(node, ast.Match):
            self._branches([case.body for case in node.cases])

    def _branches(self, bodies: list[list[ast.stmt]]) -> None:
        before, ends = dict(self.names), []
        for body in bodies:
            self.names = dict(before)
            self.run(body)
            ends.append(self.names)
        self.names = {
            name: frozenset().union(*(end.get(name, _NOTHING) for end in ends))
            for name in {each for end in ends for each in end}
        }

    def _judge(self) -> None:
        held = self.origins(self.change.changed)
        others = [self.names.get(each, _NOTHING) for each in self.change.live]
        given = self.origins(self.change.given) if self.change.given is not None else _NOTHING
        shared = {_OUTSIDE, *self.escaped, *given, *(o for each in others for o in each)}
        self.reached = True
        self.alone = self.alone and bool(held) and held.isdisjoint(shared)

    def _bind(self, target: ast.expr, origins: _Origins) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = origins
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self._bind(element, origins)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, origins)
        else:
            self.escaped |= origins

    def _add(self, target: ast.expr, origins: _Origins) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = self.names.get(target.id, _STRANGE) | origins
        else:
            self.escaped |= origins

    def origins(self, node: ast.expr) -> _Origins:
        """Where what an expression yields may have its storage from."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, _STRANGE)
        if isinstance(node, (ast.Constant, ast.Compare, ast.JoinedStr)):
            return _NOTHING
        if isinstance(node, ast.BinOp) or (isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.UAdd)):
            return frozenset({id(node)})
        if isinstance(node, ast.Attribute):
            if node.attr in ("shape", "dtype", "device", "ndim"):
                return _NOTHING
            return _STRANGE if _is_self(node) else self.origins(node.value)
        if isinstance(node, (ast.Subscript, ast.Starred, ast.Await)):
            return self.origins(node.value)
        if isinstance(node, ast.NamedExpr):
            origins = self.origins(node.value)
            self._bind(node.target, origins)
            return origins
        if isinstance(node, ast.Call):
            return self._called(node)
        inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        if isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.IfExp, ast.BoolOp)):
            return frozenset().union(*map(self.origins, inner))
        return frozenset().union(*(self.names.get(name, _STRANGE) for name in _names(node)))

    def _called(self, node: ast.Call) -> _Origins:
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        given: _Origins = frozenset().union(*map(self.origins, values))
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        operation = self.operations.get(id(node))
        if operation is not None:
            if _computes(operation):
                return frozenset({id(node)})
            return given | (self.origins(receiver) if receiver is not None else _NOTHING)
        module = self.modules.get(id(node))
        if module is not None:
            return frozenset({id(node)}) if _makes_new(module) else given
        if receiver is not None and not _is_self(receiver):
            # `outs.append(x)`: the list holds it from now on.
            self._add(receiver, given)
            return given | self.origins(receiver)
        # A method of the model may also return what the model holds.
        return given | (_STRANGE if receiver is not None else _NOTHING)


def _computes(operation: Operation) -> bool:
    """Whether an operation's result has storage of its own."""
    name = operation.symbol.rpartition(".")[2]
    if name in _MAY_RETURN_INPUT or not operation.symbol.startswith(("torch.", "Tensor.")):
        return False
    if "inplace" in operation.keywords or "out" in operation.keywords or any(map(_is_true, operation.operands)):
        return False
    if tensors.is_view(operation.symbol) or tensors.is_inplace(operation.symbol):
        return False
    return isinstance(operation.result, Tensor) and not operation.starred


def _is_true(operand: tuple[ast.expr | None, Value]) -> bool:
    """Whether it may be `inplace` by position (`F.relu(x, True)`)."""
    return isinstance(operand[1], Const) and operand[1].value is True


def _makes_new(module: Module) -> bool:
    """Whether a module's result is never its input or a view of it."""
    known = modules.module_class(module.cls) if module.cls is not None and not module.guess else None
    if known is None or known.dropout or known.identity or known.container:
        return False
    inplace = module.keywords.get("inplace")
    if inplace is not None and not (isinstance(inplace, Const) and inplace.value is False):
        return False
    if known.activation:
        # `nn.ReLU(True)` is in place.
        return not module.arguments
    return known.convolution or known.normalization or known.parametric or "Pool" in known.path


def _modules(unit: Unit) -> Mapping[int, Module]:
    """The modules this statement's models call, by the call."""
    found: dict[int, Module] = {}
    for model in unit.models:
        trace = unit.index.trace(model.definition)
        for use in trace.uses if trace is not None else ():
            found[id(use.node)] = use.module
    return found


def _is_self(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id == "self"


def _names(node: ast.AST) -> Iterator[str]:
    return (part.id for part in walk(node) if isinstance(part, ast.Name))


def _loaded(node: ast.AST) -> Iterator[ast.Name]:
    return (part for part in walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load))


def _live_names(function: ast.AST, change: ast.AugAssign | ast.expr) -> set[str]:
    """The names read after a change, in a loop around it, or in a function defined inside."""
    end = (change.end_lineno or 0, change.end_col_offset or 0)
    live = {node.id for node in _loaded(function) if (node.lineno, node.col_offset) >= end}
    for node in walk(function):
        inside = isinstance(node, (ast.For, ast.AsyncFor, ast.While)) and any(e is change for e in walk(node))
        if inside or (node is not function and isinstance(node, (ast.FunctionDef, ast.Lambda))):
            live.update(_names(node))
    return live
