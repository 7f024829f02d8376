"""What goes into a model's `forward` and what comes out of it that is no tensor."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..reading import traced
from ..reading.definitions import Definition, given_parameters
from ..reading.parameters import default_of
from ..reading.syntax import DefinedFunction, statements_below
from ..reading.units import model_definitions
from ..reading.values import (
    Choice,
    Const,
    Dictionary,
    Instance,
    Module,
    Number,
    Sequence,
    Shape,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from ..reading.facts import Parameter, Return, Unit, Use
    from ..reading.file_facts import FileFacts
    from ..reading.index import Index
    from ..reading.source import Statement


# Of the classes that hold a module this many are read for what they pass to it.
_HOLDERS = 8
# Through so many functions that make one of them.
_FACTORIES = 2
# And so many callers of callers.
_DEPTH = 2
_DICT_METHODS = frozenset({"items", "keys", "get", "update", "pop"})
_OUTPUTS = ("Output", "Outputs", "OutputWithPast", "OutputWithPooling")


@dataclass(eq=False)
class Input:
    """A parameter that takes no tensor.

    kind: `dict`, `list`, `numbers` (a list of them), `object`, `str`, `number`, `size`,
        `setting` (a dtype or device), or `tuple of` one of these.
    reads: (key, expression) of each `parameter["key"]`. whole: it is also used in other ways.
    uses: the calls of the model in the workspace.
    """

    parameter: Parameter
    kind: str
    reads: list[tuple[str, ast.Subscript]] = field(default_factory=list)
    whole: bool = True
    uses: list[Use] = field(default_factory=list)


@dataclass(eq=False)
class Output:
    """The returns of one kind; the kinds are those of `Input`, and `none`."""

    kind: str
    returns: list[Return]


def kind_of(value: Value | None, index: Index, depth: int = 0) -> str:
    """What a value is, empty for tensors, tuples of tensors, named tuples, and what is not known."""
    if isinstance(value, Choice):
        kinds = {kind_of(each, index, depth) for each in value.options}
        return kinds.pop() if len(kinds - {"none"}) == 1 and len(kinds) == 1 else _but_for_none(kinds)
    if value is None or isinstance(value, (Tensor, Unknown)) or depth > 4:
        return ""
    if isinstance(value, Dictionary):
        return "dict"
    if isinstance(value, Shape):
        return "size"
    if isinstance(value, Instance):
        return "" if _is_tuple_or_tensor(index, value.definition) else "object"
    if isinstance(value, Number):
        return {"str": "str", "dtype": "setting", "device": "setting"}.get(value.kind, "number")
    if isinstance(value, Const):
        if value.value is None:
            return "none"
        return "str" if isinstance(value.value, str) else "number"
    if isinstance(value, Sequence):
        if value.kind == "list":
            return "numbers" if kind_of(value.any_element(), index, depth + 1) in ("number", "size") else "list"
        if value.kind == "tuple":
            elements = value.items if value.items is not None else [value.element]
            inner = next((kind for each in elements if (kind := kind_of(each, index, depth + 1))), "")
            return inner if inner.startswith("tuple of") or not inner else f"tuple of {inner}"
    return ""


def _but_for_none(kinds: set[str]) -> str:
    rest = kinds - {"none"}
    return rest.pop() if len(rest) == 1 else ""


def _is_tuple_or_tensor(index: Index, definition: Definition) -> bool:
    return any(
        isinstance(each, str)
        and each.rpartition(".")[2] in ("NamedTuple", "tuple", "Tensor", "Enum", "IntEnum", "Module")
        for each in index.order(definition)
    )


# Out


def outputs(unit: Unit, definition: Definition) -> list[Output]:
    """What a model's own `forward` returns that is no tensor, one entry for each kind."""
    trace = unit.index.trace(definition)
    method = definition.methods.get("forward")
    if trace is None or method is None:
        return []
    own = {id(node) for node in statements_below(method.body) if isinstance(node, ast.Return)}
    found: dict[str, list[Return]] = {}
    own_returns = [each for each in trace.returns if id(each.statement) in own]
    for each in own_returns:
        kind = kind_of(each.value, unit.index) or _library_object(unit, each.node)
        if kind == "dict" and _is_training_step(method, each.value):
            continue
        if kind == "none" and (each.node is None or any(other.value is not each.value for other in own_returns)):
            continue
        known = found.setdefault(kind, [])
        if all(other.statement is not each.statement for other in known):
            known.append(each)
    found.pop("", None)
    return [Output(kind, returns) for kind, returns in found.items()]


def _is_training_step(method: DefinedFunction, value: Value) -> bool:
    """Whether `forward` wraps a model and its loss: AIMET is given the model in it."""
    required = [*method.args.posonlyargs, *method.args.args]
    required = required[: len(required) - len(method.args.defaults)]
    takes_target = any(each.arg in traced.TARGETS for each in required)
    return takes_target and isinstance(value, Dictionary) and "loss" in value.items


def _library_object(unit: Unit, node: ast.expr | None) -> str:
    """`object` for a call of a library's output class (`BaseModelOutput(...)` of transformers)."""
    if isinstance(node, ast.Call):
        name = unit.index.dotted(node.func, unit.path)
        if name.startswith("transformers.") and name.endswith(_OUTPUTS):
            return "object"
    return ""


def is_model_output(unit: Unit, returned: Return) -> bool:
    """Whether an object that `forward` returns is one of transformers' outputs."""
    if _library_object(unit, returned.node):
        return True
    bases = unit.index.order(returned.value.definition) if isinstance(returned.value, Instance) else []
    return any(isinstance(each, str) and each.endswith(("ModelOutput", *_OUTPUTS)) for each in bases)


# In


def inputs(unit: Unit, definition: Definition) -> list[Input]:
    """The parameters of a model's own `forward` that take no tensor."""
    trace = unit.index.trace(definition)
    method = definition.methods.get("forward")
    if trace is None or method is None or all(each.node is None for each in trace.returns):
        return []
    arguments = given_parameters(method)
    places: dict[int, int | None] = {id(node): None for node in method.args.kwonlyargs}
    places |= {id(node): place for place, node in enumerate(arguments)}
    read = definition.inner(method)
    open_ones = [each for each in trace.parameters if id(each.node) in places and _is_open(read, each)]
    if not open_ones:
        return []
    uses = list(uses_of(unit.index, definition))
    found = (_input(unit.index, read, each, places[id(each.node)], uses) for each in open_ones)
    return [each for each in found if each is not None]


def _is_open(method: Definition, parameter: Parameter) -> bool:
    """Whether a parameter may take something else than a tensor."""
    if parameter.evidence == "default" or (not parameter.passed and default_of(method, parameter.node) is not None):
        return False
    if parameter.evidence == "body" or not isinstance(parameter.value, Tensor):
        return True
    return "isinstance" in method.statement.text and _told_apart(method, parameter.name)


def _told_apart(method: Definition, name: str) -> bool:
    """Whether `forward` asks what it was given: it takes something else too, whatever its annotation says."""
    return any(
        _is(node.func, "isinstance") and len(node.args) == 2 and _is(node.args[0], name)
        for node in method.parts.of(ast.Call)
    )


def _input(
    index: Index, method: Definition, parameter: Parameter, position: int | None, uses: list[Use], depth: int = 0
) -> Input | None:
    kind = kind_of(parameter.value, index) if parameter.evidence == "annotation" else ""
    unknown = parameter.evidence == "body" or isinstance(parameter.value, (Tensor, Unknown))
    if not kind and not unknown:
        return None
    reads, whole, as_dict = _reads(method, parameter.name) if kind in ("", "dict") else ([], True, False)
    if not kind and as_dict:
        kind = "dict"
    passed: dict[ast.AST, set[str]] = {}
    for use in uses:
        value = _passed(use, parameter.name, position)
        if value is not None:
            passed.setdefault(use.node, set()).add(kind_of(value, index))
    default = default_of(method, parameter.node)
    if default is not None:
        passed = {call: kinds - {"none"} for call, kinds in passed.items() if kinds - {"none"}}
        if not passed:
            return None
    if not kind and passed:
        kinds = {_in_every_round(each) for each in passed.values()}
        kind = kinds.pop() if len(kinds) == 1 else ""
        if not kind and parameter.evidence == "body" and depth < _DEPTH:
            kinds = {_handed_down(index, use, parameter.name, position, depth) for use in uses}
            kind = kinds.pop() if len(kinds) == 1 else ""
    if kind in ("", "none", "tuple of none"):
        return None
    return Input(parameter, kind, reads, whole, list({use.node: use for use in uses}.values()))


def _in_every_round(kinds: set[str]) -> str:
    """What a call passes whose rounds pass values of these kinds: a number that is added to may become a tensor."""
    rest = kinds - {""}
    sure = len(rest) == 1 and (len(kinds) == 1 or not rest & {"number", "numbers", "size"})
    return rest.pop() if sure else ""


def _handed_down(index: Index, use: Use, name: str, position: int | None, depth: int) -> str:
    """What the callers of a model give it that hands its own parameter on as this one."""
    holder = use.site.owner
    method = holder.methods.get("forward") if holder is not None else None
    trace = index.trace(holder) if holder is not None else None
    if holder is None or method is None or trace is None or use.site.function.node is not method:
        return ""
    given = next((each.value for each in getattr(use.node, "keywords", ()) if each.arg == name), None)
    arguments = getattr(use.node, "args", [])
    if given is None and position is not None and position < len(arguments):
        given = arguments[position]
    parameters = given_parameters(method)
    for place, node in enumerate(parameters):
        known = next((each for each in trace.parameters if each.node is node), None)
        if known is not None and known.evidence == "body" and given is not None and _is(given, node.arg):
            found = _input(index, holder.inner(method), known, place, list(uses_of(index, holder)), depth + 1)
            return found.kind if found is not None else ""
    return ""


def _passed(use: Use, name: str, position: int | None) -> Value | None:
    if name in use.keywords:
        return use.keywords[name]
    if position is not None and position < len(use.positional):
        value = use.positional[position]
        return None if isinstance(value, Sequence) and value.kind == "starred" else value
    return None


def _reads(method: Definition, name: str) -> tuple[list[tuple[str, ast.Subscript]], bool, bool]:
    """(reads by a constant key, whether it is used in another way, whether it must be a dict).

    After a name is bound again it is another value: only what stands before that counts.
    """
    parts = method.parts
    names = parts.names.get(name)
    if names is None:
        return [], False, False
    last = min((node.lineno for node in names if not isinstance(node.ctx, ast.Load)), default=sys.maxsize)
    by_key = [
        (node.slice.value, node)
        for node in parts.of(ast.Subscript)
        if _is(node.value, name)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
        and node.lineno <= last
    ]
    as_dict = (
        bool(by_key)
        or any(n.attr in _DICT_METHODS and _is(n.value, name) and n.lineno <= last for n in parts.of(ast.Attribute))
        or any(node.arg is None and _is(node.value, name) and node.lineno <= last for node in parts.of(ast.keyword))
    )
    reads = [(key, node) for key, node in by_key if isinstance(node.ctx, ast.Load)]
    reads.sort(key=lambda read: (read[1].lineno, read[1].col_offset))
    return reads, len(reads) != len(names), as_dict


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


# Callers


def uses_of(index: Index, definition: Definition) -> Iterator[Use]:
    """The calls of a model in the `forward` of other models of the workspace.

    A call in a loop comes twice where its first round passes something else than the others.
    """
    read = 0
    seen: set[Definition] = set()
    own = (index.project.files[definition.path], definition.statement)
    for facts, statement in (*_users(index, definition), own):
        for holder in model_definitions(index, facts, statement):
            if holder in seen:
                continue
            seen.add(holder)
            trace = index.trace(holder)
            found = [use for use in trace.uses if _is_of(index, holder, use, definition)] if trace is not None else []
            yield from found
            read += bool(found)
            if read >= _HOLDERS:
                return


def _users(index: Index, definition: Definition, depth: int = 0) -> Iterator[tuple[FileFacts, Statement]]:
    """The statements that may make an instance of a class: those that name it, and those that name what they make."""
    for facts, statement in index.placed_mentions(definition):
        yield facts, statement
        maker = facts.definition(statement)
        if depth < _FACTORIES and maker is not None and isinstance(maker.node, ast.FunctionDef):
            yield from _users(index, maker, depth + 1)


def _is_of(index: Index, holder: Definition, use: Use, definition: Definition) -> bool:
    """Whether a call is one of a model for sure: by its class, or as an element of a list or of the holder itself."""
    module = use.module
    if module.definition is not None or module.cls is not None:
        return definition.is_same(module.definition)
    built = index.built(holder)
    if built is None or len(module.identity) != 2 or module.identity[1] != "*":
        return False
    of = module.identity[0]
    if of == ("self",):
        held = {each.definition for each in built.made if each.definition is not None}
        return len(held) == 1 and definition.is_same(held.pop())
    lists = [each for each in built.attributes.values() if isinstance(each, Module) and each.identity == of]
    for each in lists:
        options = each.element.options if isinstance(each.element, Choice) else (each.element,)
        if any(isinstance(option, Module) and definition.is_same(option.definition) for option in options):
            return True
    return False
