"""Carries out the steps of a repair on one statement of a file."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..finding import CallModule, InsertStatements, NewElement, NewModule, ReplaceCallee, ReplaceText, Step
from ..positions import Span
from ..reading.cutting import indentation
from ..reading.syntax import parse
from .calls import Argument, place_of, write_arguments
from .imports import ImportLine, Imports, Speller
from .loops import Loops
from .names import Attributes, shadowing
from .registration import (
    Places,
    Registration,
    checked_constructor,
    constructor,
    is_plain_module,
    may_be_none,
    names_read,
    on_header_line,
    register,
    reindented,
    unit_of,
)
from .source import Range, Source, newline_of, self_name
from .splice import Splice, StepError
from .texts import filled, removal, replacement_text, spelt


class Rewritten(NamedTuple):
    """A statement's new text, the import lines its file needs now, and (step index, reason) for what was left out.

    ahead: statements to go before it, and before the comments right above it.
    """

    text: str
    imports: tuple[ImportLine, ...]
    failed: tuple[tuple[int, str], ...]
    ahead: str = ""


def rewrite(statement: str, steps: Sequence[Step], imports: Imports) -> Rewritten:
    """Carry out `steps` on the text of one statement of a file.

    A step that cannot be carried out is left out whole and reported; the others go on. The result parses; where
    all steps together would break it, those that break it are left out. Never raises for wrong spans.
    """
    try:
        source: Source | None = Source(statement)
    except SyntaxError:
        source = None
    chosen = list(range(len(steps)))
    first = _attempt(statement, source, steps, chosen, imports)
    if source is None or _parses(first.text):
        return first
    chosen.clear()
    failed: list[tuple[int, str]] = []
    for index in range(len(steps)):
        tried = _attempt(statement, source, steps, [*chosen, index], imports)
        reason = next((why for number, why in tried.failed if number == index), None)
        if reason is None and not _parses(tried.text):
            reason = "the result would not be valid Python"
        if reason is None:
            chosen.append(index)
        else:
            failed.append((index, reason))
    last = _attempt(statement, source, steps, chosen, imports)
    return last._replace(failed=tuple(sorted([*failed, *last.failed])))


def _attempt(
    statement: str, source: Source | None, steps: Sequence[Step], chosen: list[int], imports: Imports
) -> Rewritten:
    speller = Speller(imports)
    failed: dict[int, str] = {}
    text = statement
    if source is not None:
        try:
            text = _Rewriter(source, speller).run(steps, chosen, failed)
        except RecursionError:
            return Rewritten(statement, (), tuple((index, "the code is nested too deeply") for index in chosen))
    else:
        failed.update(
            (index, "the code does not parse") for index in chosen if not isinstance(steps[index], InsertStatements)
        )
    ahead = ""
    for index in chosen:
        step = steps[index]
        if isinstance(step, InsertStatements):
            try:
                if step.after:
                    text = _with_statements(text, step, speller)
                else:
                    ahead += _ahead(text, step, speller)
            except StepError as error:
                failed[index] = str(error)
    return Rewritten(text, speller.lines, tuple(sorted(failed.items())), ahead)


def _parses(text: str) -> bool:
    try:
        parse(text)
    except SyntaxError:
        return False
    return True


def _with_statements(text: str, step: InsertStatements, speller: Speller) -> str:
    added, body = _added(text, step, speller), text.rstrip("\r\n")
    return body + _gap(added, text) + added + text[len(body) :]


def _ahead(text: str, step: InsertStatements, speller: Speller) -> str:
    """What goes before a statement, with the lines that part them."""
    added = _added(text, step, speller)
    return added + _gap(added, text)


def _gap(added: str, text: str) -> str:
    """The line ends between new statements and one that is there: as formatters have it, less of them in a block."""
    indent = indentation(text)
    blocks = re.compile(rf"^{indent}(?:@|class\b|def\b|async\s+def\b)", re.MULTILINE)
    if not blocks.search(added) and not blocks.search(text):
        return newline_of(text)
    return newline_of(text) * (2 if indent else 3)


def _added(text: str, step: InsertStatements, speller: Speller) -> str:
    """The new statements, in the block of the statement that they go beside."""
    template, names = spelt(step.text, step.imports, speller, set(), 0)
    newline, indent = newline_of(text), indentation(text)
    lines = re.split(r"\r\n|\r|\n", filled(template, names).rstrip("\r\n"))
    return newline.join(f"{indent}{line}" if line else line for line in lines)


@dataclass
class _Action:
    """A step with the nodes it names. `write` makes the replacement once names are given."""

    index: int
    step: Step
    node: ast.AST | None
    place: Range
    kept: list[Range] = field(default_factory=list)
    write: Callable[[], str] | None = None


class _Rewriter:
    def __init__(self, source: Source, speller: Speller) -> None:
        self._source = source
        self._speller = speller
        self._splice = Splice(source)
        self._loops = Loops(source)
        self._places = Places(source)
        self._attributes: dict[ast.ClassDef, Attributes] = {}
        self._shadowed: dict[ast.ClassDef, set[str]] = {}
        self._registrations: dict[ast.ClassDef, list[Registration]] = {}
        self._shared: dict[tuple[ast.ClassDef, NewModule], Registration] = {}

    def run(self, steps: Sequence[Step], chosen: Sequence[int], failed: dict[int, str]) -> str:
        actions: list[_Action] = []
        for index in chosen:
            if isinstance(steps[index], InsertStatements):
                continue
            try:
                actions.append(self._located(index, steps[index]))
            except StepError as error:
                failed[index] = str(error)
        actions = self._without_conflicts(actions, failed)
        # Evaluation order: what ends first is computed first, and of what ends together the inner one.
        for action in sorted(actions, key=lambda action: (action.place[1], -action.place[0])):
            needed = self._speller.lines
            try:
                self._prepare(action)
            except (StepError, ValueError) as error:
                self._speller.forget_since(needed)
                failed[action.index] = str(error)
                continue
            assert action.write is not None
            self._splice.replace(action.place, action.write)
        self._loops.write(self._splice)
        for owner, registrations in self._registrations.items():
            register(self._source, self._splice, owner, registrations, self._is_plain(owner), self._places)
        return self._splice.result()

    def _located(self, index: int, step: Step) -> _Action:
        if isinstance(step, ReplaceText):
            return self._located_text(index, step)
        assert isinstance(step, (CallModule, ReplaceCallee, NewElement))
        node = self._node(step.span, ast.expr, *((ast.AugAssign, ast.Expr) if isinstance(step, CallModule) else ()))
        action = _Action(index, step, node, self._source.range(node))
        if not isinstance(step, CallModule):
            return action
        statement = node if isinstance(node, ast.stmt) else self._source.parent(node)
        if step.assign_to is not None and not isinstance(statement, (ast.AugAssign, ast.Expr)):
            raise StepError("it is not a statement of its own")
        if step.assign_to is None and isinstance(node, ast.AugAssign):
            raise StepError("an augmented assignment needs a name to assign to")
        if not isinstance(node, ast.stmt):
            action.place = place_of(self._source, node)
        for argument in step.arguments:
            if not isinstance(argument, str):
                kept = self._node(argument, ast.expr, ast.keyword)
                if not _within(self._source.range(kept), action.place):
                    raise StepError("an argument to keep lies outside the call")
                whole = self._source.grouped(kept) if isinstance(kept, ast.expr) else self._source.range(kept)
                action.kept.append(whole)
        return action

    def _located_text(self, index: int, step: ReplaceText) -> _Action:
        node = self._source.find(step.span)
        place = self._source.offsets(step.span)
        if place is None or place[0] == place[1] or (node is None and not self._source.is_run(place)):
            raise StepError("there is no expression or statement at the given place")
        kept = []
        for part in step.parts:
            found = self._node(part, ast.expr, ast.keyword, ast.stmt)
            kept.append(self._source.grouped(found))
        return _Action(index, step, node, place, kept)

    def _node(self, span: Span, *kinds: type[ast.AST]) -> ast.AST:
        node = self._source.find(span, *kinds)
        if node is None:
            raise StepError("there is no expression at the given place that can be repaired")
        return node

    def _without_conflicts(self, actions: list[_Action], failed: dict[int, str]) -> list[_Action]:
        """Leave out steps that replace what another step has replaced already; equal steps are one."""
        at: dict[Range, _Action] = {}
        for action in actions:
            if at.setdefault(action.place, action).step != action.step:
                failed[action.index] = "another repair replaces the same code"
        kept: list[_Action] = []
        around: list[_Action] = []
        for action in sorted(at.values(), key=lambda action: (action.place[0], -action.place[1])):
            while around and around[-1].place[1] <= action.place[0]:
                around.pop()
            if all(any(_within(action.place, part) for part in other.kept) for other in around):
                kept.append(action)
                around.append(action)
            else:
                failed[action.index] = "another repair replaces the code around it"
        return kept

    def _prepare(self, action: _Action) -> None:
        step, node = action.step, action.node
        if isinstance(step, ReplaceText):
            self._prepare_text(action, step)
            return
        assert node is not None
        if isinstance(step, NewElement):
            original = self._node(step.copy_of, ast.expr)
            text = self._copy(original)
            indent = self._source.indent_at(action.place[0])
            action.write = lambda: reindented(self._source, text, original, indent)
        elif isinstance(step, ReplaceCallee):
            callee = self._module(step.module, node)
            action.write = lambda: callee
        elif isinstance(step, CallModule):
            arguments: list[Argument] = [
                argument if isinstance(argument, str) else self._node(argument, ast.expr, ast.keyword)
                for argument in step.arguments
            ]
            callee = self._module(step.module, node)
            prefix = f"{step.assign_to} = " if step.assign_to is not None else ""
            call = node.value if isinstance(node, ast.Expr) else node
            action.write = lambda: prefix + callee + write_arguments(self._source, self._splice, call, arguments)

    def _prepare_text(self, action: _Action, step: ReplaceText) -> None:
        source, node = self._source, action.node
        if not step.text:
            action.place, left = removal(source, node, action.place)
            action.write = lambda: left
            return
        start, end = action.place
        before = indent = ""
        if isinstance(node, ast.stmt):
            indent = source.indent_at(start)
            if re.search(r"[\r\n]", step.text) and on_header_line(source, node):
                # Several statements instead of one on the line of the colon: they get lines of their own.
                indent += unit_of(source)
                before = source.newline + indent
                action.place = len(source.text[:start].rstrip(" \t")), end
        parts = [self._node(part, ast.expr, ast.keyword, ast.stmt) for part in step.parts]

        if step.modules and node is None:
            raise StepError("there is no expression to call the new module in")
        callees = [self._module(each, node) for each in step.modules]  # type: ignore[arg-type]

        def write() -> str:
            return before + replacement_text(
                source, self._splice, node, step.text, parts, step.imports, self._speller, indent, callees
            )

        write()  # What cannot be filled in fails here, with its own reason.
        action.write = write

    def _module(self, module: NewModule, node: ast.AST) -> str:
        """How the new module is called at `node`; it is registered with its class."""
        source = self._source
        owner = source.class_named(module.owner, node)
        if owner is None:
            raise StepError(f"there is no class {module.owner} in this statement")
        method = source.method_around(node, owner)
        receiver = self_name(method) if method is not None else None
        if receiver is None:
            raise StepError(f"it is not inside a method of {module.owner}")
        checked_constructor(owner)
        if module.each_of is not None:
            self._loops.check(node, receiver, module.each_of)
        registration = self._shared.get((owner, module)) if module.share else None
        if registration is None:
            registration = self._registered(module, owner)
        registration.uses.append(node)
        try:
            self._places.check(owner, registration, node)
        except StepError:
            registration.uses.remove(node)
            if not registration.uses:
                self._registrations[owner].remove(registration)
                self._shared.pop((owner, module), None)
            raise
        if module.each_of is not None:
            return self._loops.variable(node, receiver, module.each_of, registration.name)
        return f"{receiver}.{registration.name}"

    def _registered(self, module: NewModule, owner: ast.ClassDef) -> Registration:
        init = constructor(owner)
        original = self._node(module.copy_of, ast.expr) if module.copy_of is not None else None
        try:
            names_read(f"f({', '.join(module.args)})")
        except (SyntaxError, ValueError):
            raise StepError("the new module's arguments are not valid Python") from None
        if owner not in self._attributes:
            self._attributes[owner] = Attributes(self._source, owner)
            self._shadowed[owner] = shadowing(self._source, init or owner)
        shadowed = self._shadowed[owner]
        name = self._attributes[owner].give(module.name, module.taken)
        arguments: tuple[str, ...] = ()
        if original is not None:
            value = self._copy(original)
        else:
            arguments = module.args
            own = module.cls.startswith(".")
            spelt = module.cls[1:] if own else self._speller.spell(module.cls, shadowed)
            value = f"{spelt}({', '.join(module.args)})"
        beside = module.beside
        if module.each_of is not None:
            receiver = (self_name(init) if init is not None else None) or "self"
            made = self._speller.spell("torch.nn.ModuleList", shadowed)
            walked = f"{receiver}.{module.each_of}"
            walked += " or ()" if may_be_none(owner, module.each_of) else ""
            arguments = (f"[{value} for _ in {walked}]",)
            value = f"{made}({arguments[0]})"
            beside = beside or module.each_of
        registration = Registration(name, value, beside, [], original, module.shares, arguments)
        self._registrations.setdefault(owner, []).append(registration)
        if module.share:
            self._shared[owner, module] = registration
        return registration

    def _copy(self, original: ast.AST) -> str:
        """The source of an expression, in parentheses where its lines hold together only by some around it."""
        text = self._source.source(original)
        return text if _parses(text) else f"({text})"

    def _is_plain(self, owner: ast.ClassDef) -> bool:
        if len(owner.bases) != 1 or owner.keywords:
            return False
        return is_plain_module(self._speller.resolve(ast.unparse(owner.bases[0])))


def _within(inner: Range, outer: Range) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]
