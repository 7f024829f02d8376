"""How modules are made and become attributes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from ..knowledge import modules
from . import attributes, calls, containers, noting, remembered
from .arguments import Arguments, Operand
from .definitions import Definition
from .values import Class, Instance, Module, Origin, Unknown, Value, join, options

if TYPE_CHECKING:
    from .machine import Machine


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def new_module(m: Machine, node: ast.AST, guess: bool = False, **known: Any) -> Module:
    """A module made at `node`."""
    site = m.frame.site
    origin = Origin(site.path, site.statement.key, node, site.function.node, site.statement)
    module = Module(("made", m.serial()), origin, guess=guess, **known)
    module.varies = frozenset(loop.number for loop in m.loops)
    module.passing = not m.building and isinstance(site.function.node, _FUNCTIONS)
    if m.building and not m.silent:
        m.trace.made.append(module)
    return module


def keep(value: Value) -> None:
    """Note that somebody holds what a function made while `forward` runs."""
    for option in options(value):
        if isinstance(option, Module):
            option.passing = False


def instantiate(m: Machine, cls: Class, arguments: Arguments, node: ast.expr) -> Value:
    """Make an object of a workspace class."""
    definition = cls.definition
    if not m.index.is_model(definition):
        return _plain_object(m, definition, arguments, node)
    module = new_module(m, node, definition=definition)
    _fill(m, module, arguments, node)
    if m.building:
        _give(m, definition, arguments)
    outside = m.index.external_base(definition)
    container = modules.module_class(outside) if outside is not None else None
    if container is not None and container.container and m.index.method(definition, "__init__") is None:
        containers.fill_container(m, module, container.container, arguments)
    return module


def _plain_object(m: Machine, definition: Definition, arguments: Arguments, node: ast.expr) -> Value:
    """Make an object of a plain class; one that `forward` makes computes what its constructor does.

    Not where the class makes its objects in a way of its own: a kind of tensor that carries notes about itself.
    """
    made = Instance(definition)
    constructor = None if m.building else attributes.object_method(m, made, "__init__")
    if constructor is not None and attributes.object_method(m, made, "__new__") is None:
        calls.apply(m, attributes.bound(m, constructor[1], constructor[0], made), arguments, node, node)
    return made


def _give(m: Machine, definition: Definition, arguments: Arguments) -> None:
    """Note the modules that a new module is given and keeps as its own submodules."""
    places: list[tuple[int | str, Operand]] = [*enumerate(arguments.positional), *arguments.keywords.items()]
    given = [
        (place, expression, value)
        for place, (expression, value) in places
        if isinstance(value, Module) and expression is not None and not value.is_self
    ]
    if not given:
        return
    kept, parameters = _kept(m, definition, _PASSED_ON), _parameters(m, definition)
    for place, expression, value in given:
        name = place if isinstance(place, str) else parameters[place] if place < len(parameters) else ""
        if name in kept:
            noting.place(m, value, expression, expression, "submodules", "parents")


# Through how many constructors a module that is only passed on is followed.
_PASSED_ON = 3


def _parameters(m: Machine, definition: Definition) -> list[str]:
    found = m.index.method(definition, "__init__")
    return [each.arg for each in found[1].node.args.args[1:]] if found is not None else []  # type: ignore[union-attr]


def _kept(m: Machine, definition: Definition, depth: int) -> set[str]:
    """The parameters of a constructor that become submodules: attributes of its own, or of a submodule it makes."""
    kept: set[str] = set()
    for value in m.index.attributes(definition).values():
        for option in options(value):
            if isinstance(option, Unknown):
                kept.add(option.name)
            elif isinstance(option, Module) and option.identity[0] == "annotated":
                kept.add(option.name)
            elif isinstance(option, Module) and option.definition is not None and depth:
                kept.update(_passed_on(m, option, depth))
    return kept - {""}


def _passed_on(m: Machine, module: Module, depth: int) -> set[str]:
    assert module.definition is not None
    parameters = _parameters(m, module.definition)
    passed = {**dict(zip(parameters, module.arguments)), **module.keywords}
    names = {name: each.name for name, each in passed.items() if isinstance(each, Unknown) and each.name}
    if not names:
        return set()
    kept = _kept(m, module.definition, depth - 1)
    return {outer for name, outer in names.items() if name in kept}


def library_module(m: Machine, dotted: str, arguments: Arguments, node: ast.expr) -> Value:
    """Make a module of a library's class."""
    known = modules.module_class(dotted)
    module = new_module(m, node, cls=dotted)
    _fill(m, module, arguments, node)
    if known is not None and known.container:
        containers.fill_container(m, module, known.container, arguments)
    return module


def _fill(m: Machine, module: Module, arguments: Arguments, node: ast.expr) -> None:
    module.arguments = [value for _, value in arguments.positional]
    module.keywords = {name: value for name, (_, value) in arguments.keywords.items()}


def set_attribute(
    m: Machine, holder: Value, name: str, value: Value, target: ast.Attribute, source: ast.expr | None
) -> None:
    """Run `holder.name = value`."""
    if not isinstance(holder, Module) or not holder.is_self or holder.attributes is None:
        return
    remembered.writing(m, holder, name)
    if not m.building:
        keep(value)
        known = holder.attributes.get(name)
        holder.attributes[name] = value if known is None else join(known, value)
        return
    register(m, holder, name, value, target, source)


def register(m: Machine, holder: Module, name: str, value: Value, target: ast.expr, source: ast.expr | None) -> None:
    """Give `self` an attribute."""
    assert holder.attributes is not None
    if isinstance(value, Unknown) and isinstance(source, ast.Call) and value.default is None:
        # Something made by code that cannot be read: perhaps a module.
        value = Unknown(name=name)
    remembered.writing(m, holder, name)
    for option in options(value):
        if isinstance(option, Module) and not option.is_self:
            option.name = option.name or name
    known = holder.attributes.get(name)
    if known is None or not _modules(value) <= _modules(known):
        # Else it only gets the name that it has.
        noting.place(m, value, source if source is not None else target, target, holder.identity, "name")
    holder.attributes[name] = value


def _modules(value: Value) -> set[Any]:
    return {option.identity for option in options(value) if isinstance(option, Module)}
