"""A second, identical module where one instance stands in several places."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..finding import NewElement, ReplaceText, Step
from ..reading.definitions import Definition
from ..reading.syntax import statements_below, walk
from ..reading.values import Module, options
from . import support

if TYPE_CHECKING:
    from ..reading.facts import Reuse, Unit

# (the steps of a repair, what may change or why there is none, its title)
Steps = tuple[tuple[Step, ...] | None, str, str]


def parts_used_before(reuse: Reuse) -> list[Module]:
    """What two containers both hold, where it is that which is used again."""
    first, second = reuse.first.module, reuse.second.module
    if first.identity == second.identity or reuse.how not in ("call", "loop"):
        return []
    before = {each.identity for each in (first, *held(first))}
    return [each for each in held(second) if each.identity in before]


def held(module: Module) -> Iterator[Module]:
    """The modules in a container, at any depth."""
    for item in module.items or () if not module.either else ():
        for option in options(item):
            if isinstance(option, Module):
                yield option
                yield from held(option)


EFFECTS = re.compile(r"\bnext\(|\.pop\(|\byield\b|\bawait\b|:=")


_CHANGES = r"(?:add_module|append|extend|insert|update|pop|register_\w+)\("


def is_changed(sources: list[str], spelt: str) -> bool:
    """Whether a module is given children or attributes after it is made, or another takes its place."""
    changes = re.compile(rf"\b{spelt}(?:\.{_CHANGES}|(?:\.\w+|\[[^]\n]*\])+\s*(?:[-+*/|&@%]|//|\*\*)?=(?!=))")
    replaced = re.compile(rf"\b{spelt}\s*(?::[^=\n]*)?=(?!=)")
    return any(map(changes.search, sources)) or sum(len(replaced.findall(source)) for source in sources) > 1


ELSEWHERE = "the instance is made elsewhere"


def is_made_apart(owner: Definition, definition: ast.expr, module: Module) -> bool:
    """Whether `__init__` makes a module before the expression that puts it into another: a copy would hold it too."""
    origin = module.origin
    if origin is None or origin.function is not owner.methods.get("__init__"):
        return False
    return all(part is not origin.node for part in walk(definition))


def new_parts(unit: Unit, owner: Definition, definition: ast.expr | str, modules: list[Module]) -> Steps:
    """Instances of their own where an expression puts in modules that are made before it."""
    steps: list[Step] = []
    named = ""
    for module in modules:
        origin = module.origin
        if isinstance(definition, str) or origin is None or origin.statement is not unit.statement:
            return None, ELSEWHERE, ""
        if not isinstance(origin.node, ast.expr) or not is_made_apart(owner, definition, module):
            return None, ELSEWHERE, ""
        init = owner.methods["__init__"]
        names = {
            ast.unparse(target)
            for node in statements_below([init])
            if isinstance(node, ast.Assign) and node.value is origin.node
            for target in node.targets
        }
        places = [each for each in walk(definition) if isinstance(each, (ast.Name, ast.Attribute))]
        places = [each for each in places if ast.unparse(each) in names]
        if not places or EFFECTS.search(unit.source(origin.node)) or not means_the_same_later(init, origin.node):
            return None, ELSEWHERE, ""
        if any(is_changed([unit.source(init)], re.escape(name)) for name in names):
            return None, "it is changed after it is made", ""
        made = unit.statement.span(origin.node)
        steps.extend(NewElement(unit.statement.span(each), made) for each in places)
        named = named or ast.unparse(places[0])
    return tuple(steps), "", f"Make a second, identical module in place of `{named}` there"


def means_the_same_later(function: ast.AST, expression: ast.AST) -> bool:
    """Whether no name that an expression reads is bound anew in its own statement or after it."""
    line = getattr(expression, "lineno", 0)
    bound = {
        each.id
        for each in walk(function)
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load) and each.lineno >= line
    }
    return not any(isinstance(each, ast.Name) and each.id in bound for each in walk(expression))


def new_element(unit: Unit, reuse: Reuse) -> Steps:
    """An instance of its own where a list, a container or a second name repeats one."""
    use, origin = reuse.second, reuse.second.module.origin
    parents = support.parents(unit.statement)
    node = use.callee if reuse.how != "name" else use.node
    listed = parents.get(node)
    times = parents.get(listed) if listed is not None else None
    if isinstance(times, ast.BinOp) and isinstance(times.op, ast.Mult) and isinstance(listed, ast.List):
        count = times.right if times.left is listed else times.left
        if len(listed.elts) == 1 and isinstance(node, ast.Call):
            step = ReplaceText(
                unit.statement.span(times),
                "[{0} for _ in range({1})]",
                (unit.statement.span(node), unit.statement.span(count)),
            )
            return (step,), "", "Make a new instance for each element"
        return None, "make a new instance for each element of the list", ""
    if use.loop is not None:
        return None, "make the module inside the loop", ""
    if origin is None or origin.statement is not unit.statement or isinstance(node, ast.Call):
        return None, ELSEWHERE, ""
    if origin.function is not use.site.function.node:
        return None, "the instance is made in another function", ""
    if EFFECTS.search(unit.source(origin.node)):
        return None, "the expression that makes it cannot be run twice", ""
    if is_changed([unit.source(use.site.function.node)], re.escape(ast.unparse(node))):
        return None, "it is changed after it is made", ""
    if not means_the_same_later(use.site.function.node, origin.node):
        return None, "a name that it is made of means something else here", ""
    element = NewElement(unit.statement.span(node), unit.statement.span(origin.node))
    return (element,), "", "Make a second, identical module here"
