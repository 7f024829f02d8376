"""Operations in a function that models call: the module becomes a parameter, and each model passes its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, islice
from typing import TYPE_CHECKING, NamedTuple

from ..finding import Change, NewModule, Repair, ReplaceText, Safety, Step
from ..positions import Span
from ..reading.definitions import CODE, Definition
from ..reading.syntax import walk
from . import support

if TYPE_CHECKING:
    from ..reading.facts import Operation, Unit
    from ..reading.index import Index
    from ..reading.source import Statement

_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Call(NamedTuple):
    """One call of the function, in a method of a model."""

    node: ast.Call
    method: str
    statement: Statement
    path: str
    owner: Definition


def repair(
    unit: Unit, operation: Operation, name: str, cls: str, arguments: Sequence[str], kept: Sequence[Span | str]
) -> Repair | None:
    """The repair for `cls(arguments)` called with `kept`, None where not every call in the workspace can follow.

    Always unsafe: callers elsewhere must pass the module too.
    """
    function, site = operation.site.function, operation.site
    node = function.node
    if function.parent is not None or not isinstance(node, ast.FunctionDef) or site.scripted or operation.only_traced:
        return None
    if not all(_gives_it_back(unit, decorator) for decorator in node.decorator_list):
        return None  # what wraps it may pass on no module, as torch.fx.wrap does not
    if operation.via not in ("direct", "operator") or operation.loops or not all(map(_literal, arguments)):
        return None
    calls = _calls(unit.index, function) if node.args.kwarg is None and node.args.args else []
    # A method that runs twice would pass one module twice; `forward` runs once.
    if not calls or (operation.repeated and any(call.method != "forward" for call in calls)):
        return None
    # Two equal operations get parameters of their own, whichever of them is repaired first.
    alike = [each for each in unit.operations if each.site.function is function and each.symbol == operation.symbol]
    parameter = _free(node, name, sum(_place(each) < _place(operation) for each in alike))
    own: list[Step] = [_with_parameter(unit, node, parameter), _called(unit, operation, parameter, kept)]
    steps: dict[tuple[str, str], list[Step]] = {(unit.path, unit.statement.key): own}
    for call in calls:
        taken = support.taken_names(unit.index, call.owner)
        module = NewModule(call.owner.name, name, cls, tuple(arguments), taken=taken)
        steps.setdefault((call.path, call.statement.key), []).append(_passing(call, parameter, module))
    owners = sorted({f"`{call.owner.simple_name}`" for call in calls})
    title = (
        f"Define `self.{name} = {cls.rpartition('.')[2]}({', '.join(arguments)})` in {' and '.join(owners)} and pass "
        f"it to `{node.name}` (unsafe: other callers of `{node.name}` must pass it too)"
    )
    changes = tuple(Change(path, key, tuple(each)) for (path, key), each in steps.items())
    return Repair(title, Safety.UNSAFE, changes)


def _gives_it_back(unit: Unit, decorator: ast.expr) -> bool:
    """Whether a decorator is a function of the workspace that returns what it is given."""
    found = unit.index.named(decorator, unit.path)
    if not isinstance(found, Definition) or not isinstance(found.node, ast.FunctionDef) or not found.node.args.args:
        return False
    returned = [each.value for each in ast.walk(found.node) if isinstance(each, ast.Return)]
    name = found.node.args.args[0].arg
    return bool(returned) and all(isinstance(each, ast.Name) and each.id == name for each in returned)


def _literal(text: str) -> bool:
    try:
        ast.literal_eval(text.rpartition("=")[2] if "=" in text else text)
    except (ValueError, SyntaxError):
        return False
    return True


def _calls(index: Index, function: Definition) -> list[Call]:
    """The calls of a function; none where it is used in a way that cannot be followed."""
    found: list[Call] = []
    users = (function.path, *index.project.users(function.path))
    mentions = list(index.placed_mentions(function))  # makes this reading depend on who names the function
    names = _local_names(index, function, users)
    if any(_handed_on(index, path, local) for path, local in names.items()) or _passed_on(index, function, names):
        return []
    for facts, statement in mentions:
        holder = facts.definition(statement)
        for node, around in _mentions(statement, names[facts.path]):
            if not isinstance(node, (ast.Name, ast.Attribute)) or index.named(node, facts.path) is not function:
                continue
            call = around[-1] if around else None
            if not isinstance(call, ast.Call) or call.func is not node or holder is None:
                return []
            method = _method(index, holder, call, around)
            if method is None:
                return []
            found.append(Call(call, method, statement, facts.path, holder))
    return found


def _local_names(index: Index, function: Definition, users: Sequence[str]) -> dict[str, frozenset[str]]:
    """By file, what a function may be called there: its own name, and those it is imported under."""
    files = index.project.files
    return {path: frozenset((function.simple_name, *files[path].called(function.simple_name))) for path in users}


def _handed_on(index: Index, path: str, names: frozenset[str]) -> bool:
    """Whether the code of a file outside functions and classes does more with a function than import it."""
    index.depend(path, CODE)
    return any(names & _used_by(statement) for statement in index.project.files[path].code)


def _passed_on(index: Index, function: Definition, names: Mapping[str, frozenset[str]]) -> bool:
    """Whether a file gets a function from one that imports it, in a way that its calls are not found."""
    project, known = index.project, frozenset[str]().union(*names.values())
    for path in {each for user in names for each in project.importers.get(user, ())}:
        for target in project.files[path].imports.values():
            name = target.rpartition(".")[2]
            if name in known and (path not in names or name != function.simple_name):
                if index.resolve(target, path) is function:
                    return True
    return False


def _used_by(statement: Statement) -> frozenset[str]:
    """The names that code outside functions and classes uses."""
    known = statement.memo.get("names used")
    if known is None:
        nodes = (each for node in statement.body for each in walk(node))
        known = statement.memo["names used"] = frozenset(each.id for each in nodes if isinstance(each, ast.Name))
    return known  # type: ignore[return-value]


def _mentions(statement: Statement, names: frozenset[str]) -> Iterator[tuple[ast.AST, list[ast.AST]]]:
    """Where one of some names is read, with the nodes around it, innermost last."""
    named = _named_in(statement)
    mentions = [node for name in sorted(names) for node in named.get(name, ())]
    parents = support.parents(statement) if mentions else {}
    for node in mentions:
        around: list[ast.AST] = []
        outer = parents.get(node)
        while outer is not None:
            around.insert(0, outer)
            outer = parents.get(outer)
        if not any(each in mentions for each in around):  # the whole of `name.name` is one mention
            yield node, around


def _named_in(statement: Statement) -> dict[str, list[ast.AST]]:
    """For each name the nodes in a statement that say it, alone or behind a dot."""
    known = statement.memo.get("named")
    if known is None:
        found: dict[str, list[ast.AST]] = {}
        for node in (node for root in statement.body for node in walk(root)):
            kind = type(node)
            if kind is ast.Name:
                found.setdefault(node.id, []).append(node)  # type: ignore[attr-defined]
            elif kind is ast.Attribute:
                found.setdefault(node.attr, []).append(node)  # type: ignore[attr-defined]
        known = statement.memo["named"] = found
    return known  # type: ignore[return-value]


def _method(index: Index, holder: Definition, call: ast.Call, around: list[ast.AST]) -> str | None:
    """The method of a model that a call stands in, None unless it runs once there and can take one more argument."""
    if not isinstance(holder.node, ast.ClassDef) or not index.is_model(holder):
        return None
    if not call.args or any(keyword.arg is None for keyword in call.keywords):
        return None
    inside = [each for each in around if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))]
    if len(inside) != 1 or any(isinstance(each, _LOOPS) for each in around):
        return None
    name = next((name for name, method in holder.methods.items() if method is inside[0]), None)
    return name if support.registration(index, holder).owner is not None else None


def _place(operation: Operation) -> tuple[int, int, int, int]:
    node = operation.node
    return node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0


def _free(node: ast.FunctionDef, name: str, skipped: int) -> str:
    """A name that is free in the function, after leaving some of the free ones to others."""
    taken = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    taken |= {each.arg for each in ast.walk(node) if isinstance(each, (ast.arg, ast.keyword)) and each.arg is not None}
    candidates = (name if number == 1 else f"{name}{number}" for number in count(1))
    return next(islice((each for each in candidates if each not in taken), skipped, None))


def _with_parameter(unit: Unit, node: ast.FunctionDef, parameter: str) -> ReplaceText:
    """The function's last parameter with one more after it, by keyword only."""
    ordinary = [*node.args.posonlyargs, *node.args.args]
    separator = ", " if node.args.kwonlyargs or node.args.vararg is not None else ", *, "
    if node.args.kwonlyargs:
        last: ast.AST = node.args.kw_defaults[-1] or node.args.kwonlyargs[-1]
    elif node.args.vararg is not None:
        last = node.args.vararg
    else:
        last = node.args.defaults[-1] if node.args.defaults else ordinary[-1]
    text = unit.statement.source(last).replace("{", "{{").replace("}", "}}")
    return ReplaceText(unit.statement.span(last), f"{text}{separator}{parameter}")


def _called(unit: Unit, operation: Operation, parameter: str, kept: Sequence[Span | str]) -> ReplaceText:
    parts = tuple(each for each in kept if isinstance(each, Span))
    numbers = iter(range(len(parts)))
    texts = [
        f"{{{next(numbers)}}}" if isinstance(each, Span) else each.replace("{", "{{").replace("}", "}}")
        for each in kept
    ]
    return ReplaceText(unit.statement.span(operation.node), f"{parameter}({', '.join(texts)})", parts)


def _passing(call: Call, parameter: str, module: NewModule) -> ReplaceText:
    """The call's last argument with the module after it."""
    arguments: list[ast.AST] = [*call.node.args, *call.node.keywords]
    last = max(arguments, key=lambda each: (each.end_lineno or 0, each.end_col_offset or 0))  # type: ignore[attr-defined]
    span = call.statement.span(last)
    return ReplaceText(span, f"{{0}}, {parameter}={{1}}", (span,), modules=(module,))
