"""What the repairs of several rules share: where a module may be registered, and why not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ..finding import NewModule, ReplaceText, Safety, Step
from ..knowledge import modules
from ..knowledge.layers import layer
from ..reading.definitions import CODE, Assigned, Definition, OneOf
from ..reading.memory import REGISTERED
from ..reading.syntax import parents_below, walk
from ..reading.values import Choice, Module, Tensor, Unknown, Value
from .walks import walks_children, walks_of_forward

if TYPE_CHECKING:
    from ..reading.facts import Operation, Unit
    from ..reading.index import Index
    from ..reading.source import Statement

_WALKED_OUTSIDE = re.compile(
    r"(?:self\.(?P<of>\w+)\.(?:named_)?)?children\(\)\)?\s*\[|zip\([^()\n]*\.(?:named_)?modules\(\)"
    r"|\*\s*(?:list\()?(?:self\.(?P<run>\w+)|[^*=,\n]+?)\.children\(\)"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Whether and how a module can be registered for an operation.

    owner: the class, qualified within its statement; None where there is no place, `reason` then says why.
    safety: how safe registering is; `reason` says what may change where it is unsafe.
    walks: what the class walks over its own children with, and the text that leaves the new module out of it.
    """

    owner: str | None
    safety: Safety = Safety.SAFE
    reason: str = ""
    walks: tuple[tuple[ast.expr, str], ...] = ()

    def placed(self, unit: Unit, module: NewModule, node: ast.AST) -> NewModule:
        """The module as it is registered for the operation at `node`."""
        return replace(module, share=str(unit.statement.span(node))) if self.walks else module

    def steps(self, unit: Unit, module: NewModule, step: Step) -> tuple[Step, ...]:
        """The step that calls the module, and those that leave it out of the walks."""
        kept_out = []
        for walked, text in self.walks:
            span = unit.statement.span(walked)
            kept_out.append(ReplaceText(span, text, (span,), modules=(module,)))
        return (step, *kept_out)


def place_for(unit: Unit, operation: Operation, new: str = "", leaving_out: bool = False) -> Place:
    """Where the module that replaces an operation would be registered.

    new: its class, where it is torch's. leaving_out: whether the repair can leave the module out of the class's own
    walks over its children (`Place.walks`).
    """
    site = operation.site
    if site.scripted:
        return Place(None, reason="torch.jit.script compiles this function, so it is left as it is")
    if operation.only_traced:
        return Place(
            None, reason="it runs only while the model is traced, and AIMET builds no graph with such a module"
        )
    if site.owner is None:
        return Place(
            None,
            reason="this function is not a method: make it a module of its own, or pass the module in as an argument",
        )
    if not _receives_self(site.function):
        return Place(None, reason="this function has no `self` to hold a module")
    if not unit.index.is_model(site.owner):
        return Place(
            None, reason=f"`{site.owner.simple_name}` is not a module itself: define the module where it is used"
        )
    if _is_kept_by_constructor(site.function):
        return Place(None, reason="the constructor keeps this function, which a copy of the model would share with it")
    if _runs_in_base(unit.index, site.owner, getattr(site.function.node, "name", "")):
        reason = f"the constructor of a base of `{site.owner.simple_name}` may run it before the module can be made"
        return Place(None, reason=reason)
    place = registration(unit.index, site.owner, new)
    return _left_out(unit.index, site.owner) or place if place.owner is None and leaving_out else place


def _runs_in_base(index: Index, owner: Definition, method: str) -> bool:
    """Whether a constructor runs a method of a class in a way that the class's own text does not show."""
    key = ("runs in base", owner, method)
    return bool(index.remember(key, lambda: _is_run_in_base(index, owner, method)))


def _is_run_in_base(index: Index, owner: Definition, method: str) -> bool:
    bases = [each for each in index.order(owner)[1:] if isinstance(each, Definition)]
    calls = [item for each in (owner, *bases) for item in _own_calls(each).items() if item[0] != "__init__"]
    running, before = {method}, 0
    while len(running) != before:
        before = len(running)
        running |= {name for name, called in calls if called & running}
    shown = {method} | {name for name, called in _own_calls(owner).items() if called & running and name in running}
    return any(_own_calls(each).get("__init__", frozenset()) & running for each in bases) or bool(
        _own_calls(owner).get("__init__", frozenset()) & (running - shown)
    )


def _own_calls(definition: Definition) -> Mapping[str, frozenset[str]]:
    """For each method of a class, the attributes of `self` it names; `forward` too where it calls `self`."""
    known = definition.memo.get("own calls")
    if known is None:
        sources = {name: definition.statement.source(node) for name, node in definition.methods.items()}
        known = definition.memo["own calls"] = {name: _named_of_self(text) for name, text in sources.items()}
    return known


# Beginning with plain characters, which are looked for much faster than the start of a word.
_OF_SELF = re.compile(r"self(?<!\wself)\.(\w+)")


@lru_cache(maxsize=4096)
def _named_of_self(text: str) -> frozenset[str]:
    return frozenset(_OF_SELF.findall(text)) | ({"forward"} if "self(" in text else set())


def _left_out(index: Index, owner: Definition) -> Place | None:
    """A place in a class that walks over its own children, where a new one can be left out of every walk."""
    alone = len([each for each in index.order(owner) if isinstance(each, Definition)]) == 1
    walks = walks_of_forward(owner) if alone and not subclasses(index, owner) else None
    if walks is None or unreadable_base(index, owner):
        return None
    reason = f"code elsewhere that walks over `{owner.simple_name}` meets the new module too"
    return Place(owner.name, Safety.UNSAFE, reason, tuple(walks))


def _is_kept_by_constructor(function: Definition) -> bool:
    """Whether a function that `forward` runs was made by the constructor, whose `self` it then holds."""
    current = function
    while current.parent is not None and not isinstance(current.parent.node, ast.ClassDef):
        current = current.parent
    return current is not function and getattr(current.node, "name", "") == "__init__"


def _receives_self(function: Definition) -> bool:
    current: Definition | None = function
    while current is not None and not isinstance(current.node, ast.ClassDef):
        if current.parent is not None and isinstance(current.parent.node, ast.ClassDef):
            node = current.node
            decorators = {ast.unparse(each) for each in getattr(node, "decorator_list", ())}
            arguments = [*node.args.posonlyargs, *node.args.args]
            return bool(arguments) and not decorators & {"staticmethod", "classmethod"}
        current = current.parent
    return False


def registration(index: Index, owner: Definition, new: str = "") -> Place:
    """Whether a class can take one more submodule, and how safely."""
    place: Place = index.remember(("registration", owner, new), lambda: _registration(index, owner, new))
    return place


def _registration(index: Index, owner: Definition, new: str) -> Place:
    base = index.external_base(owner)
    known = modules.module_class(base) if base is not None else None
    if known is not None and known.container:
        return Place(None, reason=f"`{owner.simple_name}` runs its children in turn, so it can hold no other module")
    constructor = owner.method("__init__")
    if constructor is not None and constructor.source.count("__init__") == 1:
        # Modules can be kept only after that.
        return Place(None, reason=f"`__init__` of `{owner.simple_name}` does not run that of its base itself")
    for each in index.order(owner):
        if isinstance(each, Definition) and walks_children(index, each, new):
            return Place(None, reason=f"`{owner.simple_name}` walks over its own children and would meet the new one")
    inherited = index.method(owner, "forward")
    for subclass in _without(index, owner):
        if inherited is not None and index.method(subclass, "forward") == inherited:
            reason = (
                f"`{subclass.simple_name}` runs the same `forward` without this `__init__`, so it would lack the module"
            )
            return Place(None, reason=reason)
    doubt = _doubt(index, owner)
    return Place(owner.name, Safety.UNSAFE if doubt else Safety.SAFE, doubt)


def _doubt(index: Index, owner: Definition) -> str:
    name = owner.simple_name
    if is_leaf_with_weights(index, owner):
        return f"quantsim then takes `{name}` for a container and leaves its own weights unquantized"
    if unreadable_base(index, owner):
        return "a base class cannot be read, and may use the name or skip `__init__`"
    for subclass in _without(index, owner):
        return f"`{subclass.simple_name}` does not run this `__init__`"
    if any(isinstance(each, Definition) and _skips_init(each.source) for each in index.order(owner)):
        return "some objects are made without running `__init__`"
    for facts, statement in index.placed_mentions(owner):
        if _skips_init(statement.text) and re.search(rf"\b{name}\.__new__\(|__new__\(\s*{name}\b", statement.text):
            return "some objects are made without running `__init__`"
        forwards, walked = _reaches_into(statement)
        if forwards and f"{name}.forward" in statement.text:
            return f"`{name}.forward` is called with another object"
        if any(not _are_of_a_list(index, facts.definition(statement), of) for of in walked):
            return "other code picks children by their order"
    return ""


def _without(index: Index, owner: Definition) -> Iterator[Definition]:
    """The subclasses whose constructor does not run that of a class, so that they lack what it sets."""
    for subclass in subclasses(index, owner):
        method = subclass.method("__init__")
        if method is None or f"{owner.simple_name}.__init__" in method.source:
            continue
        # `super` looks behind the class it is given, mostly the one that it stands in.
        order = index.order(subclass)
        before = order[: order.index(owner)] if owner in order else order
        started = {each.simple_name for each in before if isinstance(each, Definition)} | {"", "type", "self"}
        if not any(match["start"] in started for match in _RUNS_BASE_INIT.finditer(method.source)):
            yield subclass


_RUNS_BASE_INIT = re.compile(r"\bsuper\(\s*(?P<start>\w*)[^()]*(?:\(self\)[^()]*)?\)\s*\.\s*__init__\b")


def _skips_init(text: str) -> bool:
    """Whether code makes an object by `cls.__new__`, and not as part of a `__new__` of its own."""
    return "__new__(" in text and "def __new__(" not in text


def _reaches_into(statement: Statement) -> tuple[bool, tuple[str | None, ...]]:
    """(whether a statement asks something for its `forward`, the attributes of `self` whose children it picks by their
    order).
    """
    known = statement.memo.get("reaches into")
    if known is None:
        text = statement.text
        # Most texts have none of these words, which are looked for much faster than a pattern.
        walks = "children()" in text or "modules()" in text
        walked = tuple(match["of"] or match["run"] for match in _WALKED_OUTSIDE.finditer(text)) if walks else ()
        known = statement.memo["reaches into"] = (".forward" in text, walked)
    return known  # type: ignore[return-value]


def _are_of_a_list(index: Index, holder: Definition | None, attribute: str | None) -> bool:
    """Whether what `self.<attribute>` of a class holds as children are the elements of one of torch's containers."""
    built = index.built(holder) if holder is not None and attribute is not None else None
    held = built.attributes.get(attribute) if built is not None and attribute is not None else None
    known = modules.module_class(held.cls) if isinstance(held, Module) and held.cls is not None else None
    return known is not None and bool(known.container)


_SCRIPTS = re.compile(r"jit\.(?<!\wjit\.)(?:script|export)\b")
_FINAL = re.compile(r"Final\[(?<!\wFinal\[)")


def scripting_doubt(index: Index, owner: Definition) -> str:
    """Why AIMET's own modules may not fit a class: torch.jit.script cannot compile them."""
    return str(index.remember(("scripting", owner), lambda: _scripting_doubt(index, owner)))


def _scripting_doubt(index: Index, owner: Definition) -> str:
    statements = [owner.statement]
    paths = {owner.path}
    for facts, statement in index.placed_mentions(owner):
        statements.append(statement)
        paths.add(facts.path)
    for path in paths:
        index.depend(path, CODE)
        statements.extend(index.project.files[path].code)
    if any(map(_scripts, statements)):
        return "torch.jit.script, which this code is written for, cannot compile AIMET's modules"
    return ""


def _scripts(statement: Statement) -> bool:
    """Whether a statement has to do with torch.jit.script."""
    known = statement.memo.get("scripts")
    if known is None:
        text = statement.text
        known = statement.memo["scripts"] = _SCRIPTS.search(text) is not None or _FINAL.search(text) is not None
    return bool(known)


def training_doubt(index: Index, owner: Definition) -> str:
    """Why a module may not follow `self.training` as the class does."""
    for each in index.order(owner):
        if isinstance(each, Definition) and (
            "train" in each.methods or "eval" in each.methods or re.search(r"\.training\s*=[^=]", each.source)
        ):
            return "the class sets `training` itself"
    return ""


def is_loss(operation: Operation) -> bool:
    """Whether an operation is a loss, a part of training: AIMET never traces or exports it."""
    known = layer(operation.symbol)
    return known is not None and known.kind == "loss"


def is_childless(index: Index, definition: Definition) -> bool:
    """Whether a model registers no submodule: to AIMET it is a leaf."""
    return bool(index.remember(("childless", definition), lambda: _is_childless(index, definition)))


def _is_childless(index: Index, definition: Definition) -> bool:
    built = index.built(definition)
    if built is None or built.dynamic:
        return False
    return not any(_may_be_module(value) for value in built.attributes.values()) and not any(
        module.origin is not None and module.identity[0] == "made" for module in built.made
    )


def is_leaf_with_weights(index: Index, definition: Definition) -> bool:
    """Whether a model is a leaf to AIMET, and has parameters or buffers of its own or may have those of its base."""
    if not is_childless(index, definition):
        return False
    base = index.external_base(definition)
    return base is None or not modules.is_bare_base(base) or _owns_state(index, definition)


def _may_be_module(value: Value) -> bool:
    if isinstance(value, Choice):
        return any(map(_may_be_module, value.options))
    return isinstance(value, Module) or (
        isinstance(value, Unknown) and bool(value.name) and value.default is None and _made(value)
    )


def _made(value: Unknown) -> bool:
    return value.name.endswith(("_layer", "block", "norm", "act", "net", "module", "layers", "encoder", "decoder"))


def _owns_state(index: Index, definition: Definition) -> bool:
    built = index.built(definition)
    return built is not None and any(
        isinstance(option, Tensor) and option.origin in ("parameter", "buffer")
        for value in built.attributes.values()
        for option in (value.options if isinstance(value, Choice) else (value,))
    )


def unreadable_base(index: Index, definition: Definition) -> bool:
    """Whether a base is neither in the workspace nor a library class that is known."""
    for each in index.order(definition):
        if isinstance(each, Definition):
            for base in getattr(each.node, "bases", ()):
                found = index.named(base, each.path, each.parent, each.statement)
                if found is None or isinstance(found, (Assigned, OneOf)):
                    return True
                if isinstance(found, str) and not modules.is_module_base(found) and not _harmless(found):
                    return True
    return False


def _harmless(name: str) -> bool:
    return name.startswith(("builtins.", "abc.", "typing.", "typing_extensions.", "enum."))


def subclasses(index: Index, definition: Definition) -> Sequence[Definition]:
    """The classes of the workspace that derive from a class."""
    found: Sequence[Definition] = index.remember(
        ("subclasses", definition), lambda: tuple(_subclasses(index, definition))
    )
    return found


def _subclasses(index: Index, definition: Definition) -> Iterator[Definition]:
    for facts, statement in index.placed_mentions(definition):
        if statement.key.startswith("class "):
            candidate = facts.definition(statement)
            if candidate is not None and any(each is definition for each in index.order(candidate)[1:]):
                yield candidate


def taken_names(index: Index, owner: Definition) -> frozenset[str]:
    """Attribute names a new module must not take: those of bases, of subclasses, and of `nn.Module`."""
    names: frozenset[str] = index.remember(("taken names", owner), lambda: _taken_names(index, owner))
    return names


def _taken_names(index: Index, owner: Definition) -> frozenset[str]:
    names = set(modules.module_attributes())
    # With a subclass come its other bases.
    kin = [part for each in subclasses(index, owner) for part in index.order(each)]
    for each in (*index.order(owner), *kin):
        if isinstance(each, Definition):
            names.update(_names_of_self(each))
            names.update(each.methods)
            for child in getattr(each.node, "body", ()):
                for target in getattr(child, "targets", [getattr(child, "target", None)]):
                    if isinstance(target, ast.Name):
                        names.add(target.id)
    return frozenset(names)


def _names_of_self(definition: Definition) -> frozenset[str]:
    """The attributes of `self` that stand anywhere in a class."""
    known = definition.memo.get("names of self")
    if known is None:
        known = definition.memo["names of self"] = frozenset(_OF_SELF.findall(definition.source))
    return known


def beside(operation: Operation) -> str | None:
    """The attribute whose layer made the operation's first operand: the new module is defined after it."""
    for node, _ in operation.operands[:1]:
        for part in walk(node) if node is not None else ():
            if (
                isinstance(part, ast.Call)
                and isinstance(part.func, ast.Attribute)
                and isinstance(part.func.value, ast.Name)
                and part.func.value.id == "self"
            ):
                return part.func.attr
    return None


def attribute_of(node: ast.expr) -> str | None:
    """The name in `self.<name>`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return node.attr
    return None


def parents(statement: Statement) -> dict[ast.AST, ast.AST]:
    """The parent of every node of a statement that `walk` meets."""
    known = statement.memo.get("parents")
    if known is None:
        known = statement.memo["parents"] = parents_below(statement.body)
    return known  # type: ignore[return-value]


def registered_with_aimet(unit: Unit, definition: Definition) -> bool:
    """Whether the workspace registers the class with AIMET's quantsim: it is a leaf by choice."""
    return bool(unit.index.remember(("registered", definition), lambda: _registered(unit, definition)))


def _registered(unit: Unit, definition: Definition) -> bool:
    if any(isinstance(each, str) and each.endswith("QuantizationMixin") for each in unit.index.order(definition)):
        return True
    index, name = unit.index, definition.simple_name
    index.depend_on_callers(unit.path, name)
    files = index.project.files
    return any(name in files[path].registered_with_aimet for path in (unit.path, *index.project.users(unit.path)))


def registers_library(unit: Unit, name: str) -> bool:
    """Whether a file, one that it imports, or one that imports it registers a library's class of this name."""
    if knows_registration(unit, name):
        return True
    index, paths = unit.index, (unit.path, *unit.index.project.users(unit.path))
    index.depend_on_callers(unit.path, name)
    for path in paths:
        index.depend(path, CODE)
    return any(name in index.project.files[path].registered_with_aimet for path in paths)


def knows_registration(unit: Unit, name: str) -> bool:
    """Whether a file, or one that it imports, registers AIMET's module of this name with quantsim."""
    return bool(unit.index.remember(("knows registration", name, unit.path), lambda: _knows_registration(unit, name)))


def _knows_registration(unit: Unit, name: str) -> bool:
    unit.index.depend_on_workspace(REGISTERED, unit.path, name)
    return unit.index.project.is_registered_for(unit.path, name)


def is_fixed(value: Value) -> bool:
    """Whether it is a tensor whose values the input does not decide."""
    return isinstance(value, Tensor) and value.fixed is not None and value.fixed.holds


def written(operation: Operation, bound: Mapping[str, int | str]) -> dict[str, ast.expr] | None:
    """What the call of an operation gives each parameter; None where one of them is not written there.

    bound: the place of each among the operands or the keywords.
    """
    nodes: dict[str, ast.expr] = {}
    for parameter, where in bound.items():
        node = operation.operands[where][0] if isinstance(where, int) else operation.keywords[where][0]
        if node is None:
            return None
        nodes[parameter] = node
    return nodes
