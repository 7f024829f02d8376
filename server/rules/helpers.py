"""Operations in a function that models call: the module becomes a parameter, and each model passes its own."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Iterable, Sequence
from itertools import count, islice
from typing import TYPE_CHECKING, NamedTuple

from ..finding import Change, InsertStatements, NewModule, Repair, ReplaceText, Safety, Step
from ..positions import Span
from ..reading.definitions import Definition
from ..reading.parameters import default_of
from . import carrying, substitutes, support
from .calling import Call, calls_of

if TYPE_CHECKING:
    from ..reading.facts import Operation, Unit
    from ..reading.index import Index
    from ..reading.source import Statement


class Passed(NamedTuple):
    """What a model passes: a module it gets for this, or the text of one it has."""

    module: NewModule | None
    text: str = ""


# What a call in a method passes for some values of the function, or None where it cannot tell.
Make = Callable[[Call, Sequence[ast.expr]], Passed | None]


class _Plan:
    """What a repair changes: the parameters that functions get, with their defaults, and what calls pass for them."""

    def __init__(self) -> None:
        self.parameters: dict[Definition, list[tuple[str, str | None]]] = {}
        self.passed: list[tuple[Call, str, Passed]] = []

    def adopt(self, other: _Plan) -> None:
        for function, parameters in other.parameters.items():
            self.parameters.setdefault(function, []).extend(parameters)
        self.passed.extend(other.passed)


def repair(
    unit: Unit,
    operation: Operation,
    name: str,
    cls: str,
    arguments: Sequence[str],
    kept: Sequence[Span | str],
    before: Sequence[InsertStatements] = (),
    doubt: str = "",
    training: ast.expr | None = None,
    leave: Callable[[Call], bool] | None = None,
) -> Repair | None:
    """The repair for `cls(arguments)` called with `kept`, None where no call in the workspace can follow.

    cls: `.Roll` is a class that the function's file has, or gets by `before`. An argument may name a parameter of the
    function: each model then gives its constructor what it passes for it. training: what must be `self.training` at
    every call, since the module asks for its own. leave: tells the calls that need none. Always unsafe.
    """
    index, function = unit.index, operation.site.function
    values: list[ast.expr] = []
    keys: list[str] = []
    for argument in arguments:
        key, equals, text = argument.rpartition("=") if "=" in argument else ("", "", argument)
        try:
            values.append(ast.parse(text.strip(), mode="eval").body)
        except SyntaxError:
            return None
        keys.append(key + equals)

    def make(call: Call, exprs: Sequence[ast.expr]) -> Passed | None:
        if leave is not None and leave(call):
            return None
        if training is not None:
            if ast.unparse(exprs[-1]) != "self.training" or support.training_doubt(index, call.holder):
                return None
            exprs = exprs[:-1]
        texts = [carrying.in_class(index, call.path, call.holder, call.method, each) for each in exprs]
        if None in texts:
            return None
        path = _importable(unit, function, cls, call)
        if path is None:
            return None
        given = tuple(key + (text or "") for key, text in zip(keys, texts, strict=True))
        taken = support.taken_names(index, call.holder)
        return Passed(NewModule(call.holder.name, name, path, given, taken=taken))

    default = substitutes.default(unit, operation, kept, arguments)
    every = values if training is None else [*values, training]
    plan = _threaded(unit, operation, name, every, default, make)
    if plan is None:
        return None
    made = f"{cls.rpartition('.')[2]}({', '.join(arguments)})"
    if arguments and any(not substitutes.is_literal(each) for each in values):
        made = f"{cls.rpartition('.')[2]}(...)"
    title = f"Define `self.{name} = {made}` in {_owners(plan)} and pass it to `{function.simple_name}`"
    parameter = plan.parameters[function][-1][0]
    called = _called(unit, operation, parameter, kept)
    return _carried_out(unit, plan, title, [called, *before], doubt)


def _importable(unit: Unit, function: Definition, cls: str, call: Call) -> str | None:
    """How the file of a call names the class; None where it cannot import what the function's file has."""
    if not cls.startswith(".") or call.path == unit.path:
        return cls
    module, folder = unit.file.module, posixpath.dirname(unit.path)
    other = unit.index.project.files[call.path]
    if other.module.partition(".")[0] == module.partition(".")[0] or posixpath.dirname(call.path) == folder:
        return module + cls
    # A folder without `__init__.py`: the function is imported under a longer name.
    name, last = f".{function.simple_name}", f".{module.rpartition('.')[2]}"
    for target in other.imports.values():
        longer = target.removesuffix(name)
        if longer != target and longer.endswith(last) and unit.index.resolve(target, call.path) is function:
            return longer + cls
    return None


def layer_repair(
    unit: Unit, operation: Operation, name: str, values: Sequence[ast.expr], make: Make, kept: Span
) -> Repair | None:
    """The repair that passes a layer which the callers have, for `values` that name its weights.

    Callers that have none go on with the function.
    """
    function = operation.site.function
    plan = _threaded(unit, operation, name, values, "None", make)
    if plan is None:
        return None
    parameter = plan.parameters[function][-1][0]
    whole = operation.site.statement.span(operation.node)
    parent = support.parents(unit.statement).get(operation.node)
    text = f"{parameter}({{0}}) if {parameter} is not None else {{1}}"
    bare = isinstance(parent, (ast.Assign, ast.Return, ast.AnnAssign))
    called = ReplaceText(whole, text if bare else f"({text})", (kept, whole))
    title = f"Pass the layer itself to `{function.simple_name}` from {_owners(plan)} and call it"
    return _carried_out(unit, plan, title, [called], "")


def _threaded(
    unit: Unit, operation: Operation, name: str, values: Sequence[ast.expr], default: str | None, make: Make
) -> _Plan | None:
    """The new parameter of the function that an operation stands in, and what every call passes for it."""
    function, site = operation.site.function, operation.site
    if site.scripted or operation.only_traced or operation.via not in ("direct", "operator") or operation.loops:
        return None
    if not _takes_more(unit.index, function) or not isinstance(function.node, ast.FunctionDef):
        return None
    # Two equal operations get parameters of their own, whichever of them is repaired first.
    alike = [each for each in unit.operations if each.site.function is function and each.symbol == operation.symbol]
    parameter = _free(function, name, sum(_place(each) < _place(operation) for each in alike))
    plan = _Plan()
    plan.parameters[function] = [(parameter, default)]
    following = _Following(unit.index, make, operation.repeated)
    return plan if following.calls(_Need(parameter, values, default, (function,)), plan) else None


def _takes_more(index: Index, function: Definition) -> bool:
    """Whether a function can have one more parameter that reaches it."""
    node = function.node
    if function.parent is not None or not isinstance(node, ast.FunctionDef):
        return False
    # What wraps it may pass on no module, as torch.fx.wrap does not.
    wrapped = not all(_gives_it_back(index, function, decorator) for decorator in node.decorator_list)
    return not wrapped and node.args.kwarg is None and bool(node.args.args)


class _Need(NamedTuple):
    """A parameter that a function gets, and the values in the function that decide what is passed for it.

    default: what calls that pass nothing go on with; where it is None, every call must follow.
    within: the functions from the one with the operation to this one, which calls them.
    """

    parameter: str
    values: Sequence[ast.expr]
    default: str | None
    within: tuple[Definition, ...]


class _Following:
    """Finds out what calls pass. repeated: the operation runs several times."""

    def __init__(self, index: Index, make: Make, repeated: bool) -> None:
        self._index = index
        self._make = make
        self._repeated = repeated

    def calls(self, need: _Need, plan: _Plan) -> bool:
        """Whether calls of a function pass what they must; those of functions among them get a parameter for it too."""
        function = need.within[-1]
        calls = calls_of(self._index, function)
        if need.default is None and not calls.complete:
            return False
        followed = 0
        for call in calls.found:
            exprs = substitutes.at_call(function, call.node, need.values)
            done = exprs is not None and self._call(call, need._replace(values=exprs), plan)
            if not done and need.default is None:
                return False
            followed += done
        return followed > 0

    def _call(self, call: Call, need: _Need, plan: _Plan) -> bool:
        """The same for one call, with the values as they are there."""
        if any(each.arg == need.parameter for each in call.node.keywords):
            return False
        if call.method:
            # A method that runs twice would pass one module twice; `forward` runs once.
            once = call.method == "forward" or not self._repeated
            passed = self._make(call, need.values) if once else None
            if passed is not None:
                plan.passed.append((call, need.parameter, passed))
            return passed is not None
        outer, node = call.holder, call.holder.node
        if outer in need.within or not isinstance(node, ast.FunctionDef) or not _takes_more(self._index, outer):
            return False
        known = need.default
        if known is not None and not substitutes.holds_in(self._index, known, need.within[-1].path, outer.path):
            known = None
        own = _free(outer, need.parameter, len(plan.parameters.get(outer, ())))
        inner = _Plan()
        inner.parameters[outer] = [(own, known)]
        if not self.calls(_Need(own, need.values, known, (*need.within, outer)), inner):
            return False
        plan.adopt(inner)
        plan.passed.append((call, need.parameter, Passed(None, own)))
        return True


def _carried_out(unit: Unit, plan: _Plan, title: str, own: Iterable[Step], doubt: str) -> Repair:
    steps: dict[tuple[str, str], list[Step]] = {(unit.path, unit.statement.key): []}
    for function, parameters in plan.parameters.items():
        at = steps.setdefault((function.path, function.statement.key), [])
        at.append(_with_parameters(function, parameters))
    steps[unit.path, unit.statement.key].extend(own)
    by_call: dict[ast.Call, list[tuple[Call, str, Passed]]] = {}
    for each in plan.passed:
        by_call.setdefault(each[0].node, []).append(each)
    for listed in by_call.values():
        call = listed[0][0]
        steps.setdefault((call.path, call.statement.key), []).append(_passing(listed))
    required = next((f.simple_name for f, listed in plan.parameters.items() if listed[-1][1] is None), None)
    if not doubt:
        name = required or next(iter(plan.parameters)).simple_name
        doubt = f"torch.jit.script cannot compile `{name}` any more"
        if required is not None:
            doubt = f"other callers of `{name}` must pass it too"
    changes = tuple(Change(path, key, tuple(each)) for (path, key), each in steps.items())
    return Repair(f"{title} (unsafe: {doubt})", Safety.UNSAFE, changes)


def _owners(plan: _Plan) -> str:
    owners = sorted({f"`{call.holder.simple_name}`" for call, _, _ in plan.passed if call.method})
    return " and ".join(owners) if len(owners) <= 2 else f"{', '.join(owners[:2])} and {len(owners) - 2} more"


def _gives_it_back(index: Index, function: Definition, decorator: ast.expr) -> bool:
    """Whether a decorator is a function of the workspace that returns what it is given."""
    found = index.named(decorator, function.path)
    if not isinstance(found, Definition) or not isinstance(found.node, ast.FunctionDef) or not found.node.args.args:
        return False
    returned = [each.value for each in found.parts.of(ast.Return)]
    name = found.node.args.args[0].arg
    return bool(returned) and all(isinstance(each, ast.Name) and each.id == name for each in returned)


def _place(operation: Operation) -> tuple[int, int, int, int]:
    node = operation.node
    return node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0


def _free(function: Definition, name: str, skipped: int) -> str:
    """A name that is free in the function, after leaving some of the free ones to others."""
    parts = function.parts
    taken = {*parts.names, *parts.parameters, *(each.arg for each in parts.of(ast.keyword))}
    candidates = (name if number == 1 else f"{name}{number}" for number in count(1))
    return next(islice((each for each in candidates if each not in taken), skipped, None))


def _with_parameters(function: Definition, parameters: Sequence[tuple[str, str | None]]) -> ReplaceText:
    """The function's last parameter with more after it, by keyword only."""
    node, statement = function.node, function.statement
    assert isinstance(node, ast.FunctionDef)
    ordinary = [*node.args.posonlyargs, *node.args.args]
    separator = [] if node.args.kwonlyargs or node.args.vararg is not None else ["*"]
    parameter = node.args.kwonlyargs[-1] if node.args.kwonlyargs else node.args.vararg or ordinary[-1]
    last: ast.AST = default_of(function, parameter) or parameter
    more = [name if default is None else f"{name}={default}" for name, default in parameters]
    added = _listed(statement, parameter, [*separator, *more])
    return ReplaceText(statement.span(last), _braced(statement.source(last) + added))


def _listed(statement: Statement, last: ast.AST, added: Sequence[str]) -> str:
    """What follows the last item of a list: each on a line of its own where that one has one."""
    span = statement.span(last)
    before = statement.lines[span.line][: span.column]
    return "".join(f",{chr(10) + before if span.line and not before.strip() else ' '}{each}" for each in added)


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _called(unit: Unit, operation: Operation, parameter: str, kept: Sequence[Span | str]) -> ReplaceText:
    parts = tuple(each for each in kept if isinstance(each, Span))
    numbers = iter(range(len(parts)))
    texts = [f"{{{next(numbers)}}}" if isinstance(each, Span) else _braced(each) for each in kept]
    return ReplaceText(unit.statement.span(operation.node), f"{parameter}({', '.join(texts)})", parts)


def _passing(listed: Sequence[tuple[Call, str, Passed]]) -> ReplaceText:
    """The call's last argument with what is passed after it."""
    call = listed[0][0]
    arguments: list[ast.AST] = [*call.node.args, *call.node.keywords]
    last = max(arguments, key=lambda each: (each.end_lineno or 0, each.end_col_offset or 0))  # type: ignore[attr-defined]
    modules: list[NewModule] = []
    texts: list[str] = []
    for _, parameter, passed in listed:
        if passed.module is not None:
            modules.append(passed.module)
        texts.append(f"{parameter}=" + (_braced(passed.text) if passed.module is None else f"{{{len(modules)}}}"))
    span = call.statement.span(last)
    return ReplaceText(span, "{0}" + _listed(call.statement, last, texts), (span,), modules=tuple(modules))
