"""Where new modules are registered: a place in `__init__`, or an `__init__` made for them."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from .names import bound_names
from .source import FUNCTIONS, Source, self_name
from .splice import Splice, StepError

Method = ast.FunctionDef | ast.AsyncFunctionDef

_INITIALISES = re.compile(r"_*(named_)?(apply|post_init|(init|reset|initiali[sz]e)\w*)")
_WALKS = frozenset({"modules", "named_modules", "parameters", "named_parameters", "children", "named_children"})
_MODULE = frozenset({"torch.nn.Module", "torch.nn.modules.module.Module", "nn.Module"})


@dataclass(slots=True)
class Registration:
    """`self.<name> = <value>`, to be put into a constructor.

    uses: the nodes that will call it; `source_node`: the expression the value repeats; `shares`: (parameter, value)
    that the new module takes over; `arguments`: those of the call that the value is, where it was written here.
    """

    name: str
    value: str
    beside: str | None
    uses: list[ast.AST] = field(default_factory=list)
    source_node: ast.AST | None = None
    shares: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()

    def lines(self, source: Source, receiver: str, indent: str) -> list[str]:
        """The statements, without their indentation."""
        place = f"{receiver}.{self.name}"
        first = f"{place} = {reindented(source, self.value, self.source_node, indent)}"
        if self.arguments and len(indent + first) > source.width:
            first = self._over_lines(source, place, indent)
        return [first, *(f"{place}.{name} = {value}" for name, value in self.shares)]

    def _over_lines(self, source: Source, place: str, indent: str) -> str:
        """The statement with its arguments on a line of their own, or each on one."""
        inner = indent + unit_of(source)
        together = ", ".join(self.arguments)
        head = f"{place} = {self.value.removesuffix(f'({together})')}("
        if len(inner + together) > source.width and len(self.arguments) > 1:
            together = f",{source.newline}{inner}".join(self.arguments) + ","
        return f"{head}{source.newline}{inner}{together}{source.newline}{indent})"


def constructor_name(owner: ast.ClassDef) -> str:
    """The method that makes modules: `__init__`, or the hook of a dataclass or attrs class."""
    methods = {node.name for node in owner.body if isinstance(node, FUNCTIONS)}
    for decorator in owner.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        words = ast.unparse(call.func if call else decorator).split(".")
        made = not any(
            keyword.arg == "init" and isinstance(keyword.value, ast.Constant) and not keyword.value.value
            for keyword in (call.keywords if call else ())
        )
        if not made or "__init__" in methods:
            continue
        if words[-1] == "dataclass" and words[0] not in ("attr", "attrs"):
            return "__post_init__"
        if words[0] in ("attr", "attrs") or words[-1] in ("attrs", "define"):
            return "__attrs_post_init__"
    return "__init__"


def constructor(owner: ast.ClassDef) -> Method | None:
    """The method modules are registered in, where the class has it."""
    name = constructor_name(owner)
    # The last one counts: those before it are overloads.
    return next((node for node in reversed(owner.body) if isinstance(node, FUNCTIONS) and node.name == name), None)


def register(
    source: Source, splice: Splice, owner: ast.ClassDef, new: Sequence[Registration], whole: bool, places: Places
) -> None:
    """Insert the registrations in order. `whole`: the class's only base is `nn.Module` itself."""
    body_facts = places.body(owner)
    if body_facts is None:
        _make(source, splice, owner, new, whole)
        return
    method = body_facts.method
    body = method.body
    indent = _open_body(source, splice, method)
    receiver = self_name(method) or "self"
    placed: dict[int, list[Registration]] = {}
    for registration in new:
        original = _nested_original(source, method, registration)
        if original is not None:
            begin, end = source.range(original)
            inner = source.indent_at(begin)
            lines = registration.lines(source, receiver, inner)
            splice.insert(source.line_end(end), "".join(source.newline + inner + line for line in lines))
        else:
            placed.setdefault(body_facts.index(registration), []).append(registration)
    for index, registrations in placed.items():
        lines = [line for item in registrations for line in item.lines(source, receiver, indent)]
        if index >= 0:
            text = "".join(source.newline + indent + line for line in lines)
            splice.insert(source.line_end(source.range(body[index])[1]), text)
        elif on_header_line(source, method.body[0]):
            text = "".join(line + source.newline + indent for line in lines)
            splice.insert(source.range(body[0])[0], text)
        else:
            text = "".join(indent + line + source.newline for line in lines)
            splice.insert(source.line_start(_first_offset(source, body[0])), text)


def _nested_original(source: Source, method: Method, new: Registration) -> ast.stmt | None:
    """The statement that makes what a registration repeats, where it stands in a branch: the copy belongs beside it."""
    if new.source_node is None or not names_read(new.value) <= names_read(source.source(new.source_node)):
        return None
    around = list(source.ancestors(new.source_node))
    original = next((node for node in around if isinstance(node, ast.stmt)), None)
    if original is None or original in method.body or method not in around or on_header_line(source, original):
        return None
    return original


def is_plain_module(dotted: str) -> bool:
    """Whether a base's dotted name is `nn.Module` itself."""
    return dotted in _MODULE


def checked_constructor(owner: ast.ClassDef) -> None:
    """Raises StepError where the constructor cannot take a registration."""
    method = constructor(owner)
    if method is not None and self_name(method) is None:
        raise StepError(f"`{method.name}` of {owner.name} has no parameter for the instance")


class Places:
    """Where the constructors of a statement's classes take new modules."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._bodies: dict[ast.ClassDef, _Body | None] = {}

    def check(self, owner: ast.ClassDef, new: Registration, use: ast.AST) -> None:
        """Raises StepError where the constructor would run the new module before it can be made."""
        body = self.body(owner)
        if body is not None and body.runs(use) and _nested_original(self._source, body.method, new) is None:
            body.index(new)

    def body(self, owner: ast.ClassDef) -> _Body | None:
        """What its constructor does, None where it has none."""
        if owner not in self._bodies:
            method = constructor(owner)
            self._bodies[owner] = _Body(self._source, owner, method) if method is not None else None
        return self._bodies[owner]


def _names_method(node: ast.AST, receiver: str | None, names: Set[str]) -> bool:
    """Whether code calls or names one of some methods of the instance; calling the instance runs `forward`."""
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and each.attr in names:
            if isinstance(each.value, ast.Name) and each.value.id == receiver:
                return True
        elif isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == receiver:
            if "forward" in names:
                return True
    return False


class _Body:
    """What the statements of a constructor's body do."""

    def __init__(self, source: Source, owner: ast.ClassDef, method: Method) -> None:
        self._source = source
        self._owner = owner
        self.method = method
        self._body = method.body
        self._receiver = receiver = self_name(method) or "self"
        self._run_by: dict[str, list[int]] = {}
        self._defines = [_defined(statement, receiver) for statement in self._body]
        self._ranges = [source.range(statement) for statement in self._body]
        self._base_calls = [i for i, statement in enumerate(self._body) if _calls_base(statement)]
        self._walkers = [i for i, statement in enumerate(self._body) if _walks(statement, receiver)]
        self._makers = [i for i, statement in enumerate(self._body) if _makes_module(statement, receiver)]
        self._leaves = [i for i, statement in enumerate(self._body) if _may_leave(statement)]

    def index(self, new: Registration) -> int:
        """The index in the body after which to register; -1 for before the first statement."""
        needed = names_read(new.value).union(*(names_read(value) for _, value in new.shares)) - {self._receiver}
        after = [-1, *self._base_calls[-1:]]
        if ast.get_docstring(ast.Module(self._body, []), clean=False) is not None:
            after.append(0)
        after += [i for i, defined in enumerate(self._defines) if defined & needed]
        if new.source_node is not None:
            after += self._holding(new.source_node)
        earliest = max(after)
        beside = [i for i, defined in enumerate(self._defines) if f"{self._receiver}.{new.beside}" in defined]
        if beside:
            chosen = max(earliest, beside[-1])
        else:
            last = _end(self._body)
            modules = max(self._makers, default=-1)
            walkers = [i for i in self._walkers if max(earliest, modules) < i <= last]
            chosen = max(earliest, walkers[0] - 1 if walkers else last)
        if self._leaves and new.source_node is None:
            # Every construction has the module: it stands above the first `return`, unless what it needs does not.
            chosen = max(earliest, min(chosen, self._leaves[0] - 1))
        limit = min([i - 1 for use in new.uses for i in (*self._holding(use), *self._running(use))], default=chosen)
        if limit < earliest:
            raise StepError(f"`__init__` of {self._owner.name} runs it before the module can be made")
        return min(chosen, limit)

    def runs(self, use: ast.AST) -> bool:
        """Whether the constructor runs the code at a node, as far as the class's own text shows."""
        return bool(self._holding(use) or self._running(use))

    def _running(self, use: ast.AST) -> list[int]:
        """The statements that run the method a use stands in, or name it."""
        method = self._source.method_around(use, self._owner)
        if method is None or method is self.method:
            return []
        known = self._run_by.get(method.name)
        if known is None:
            names, before = {method.name}, 0
            while len(names) != before:
                before = len(names)
                methods = (each for each in self._owner.body if isinstance(each, FUNCTIONS) and each is not self.method)
                names |= {each.name for each in methods if _names_method(each, self_name(each), names)}
            known = [i for i, each in enumerate(self._body) if _names_method(each, self._receiver, names)]
            self._run_by[method.name] = known
        return known

    def _holding(self, node: ast.AST) -> list[int]:
        start, end = self._source.range(node)
        return [i for i, (first, last) in enumerate(self._ranges) if first <= start and end <= last]


def _end(body: list[ast.stmt]) -> int:
    last = len(body) - 1
    return last - 1 if isinstance(body[last], (ast.Return, ast.Raise)) else last


def _may_leave(node: ast.AST) -> bool:
    """Whether a `return` of the constructor stands in a statement."""
    if isinstance(node, (ast.ClassDef, ast.expr, *FUNCTIONS)):
        return False
    return isinstance(node, ast.Return) or any(map(_may_leave, ast.iter_child_nodes(node)))


_FILLS = frozenset({"append", "extend", "insert", "add_module", "register_module"})


def _defined(statement: ast.stmt, receiver: str) -> set[str]:
    """The names (`dim`) and attributes (`self.conv`) a statement binds, and the attributes it fills (`append`)."""
    found: set[str] = bound_names(ast.Module([statement], []))
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            if isinstance(node.value, ast.Name) and node.value.id == receiver:
                found.add(f"{receiver}.{node.attr}")
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in _FILLS:
                found |= _members(node.func.value, receiver)
            by_name = isinstance(node.func, ast.Name) and node.func.id == "setattr"
            adds = isinstance(node.func, ast.Attribute) and node.func.attr in ("add_module", "register_module")
            for argument in node.args[:2] if by_name or adds else ():
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    found.add(f"{receiver}.{argument.value}")
    return found


def _members(node: ast.expr, receiver: str) -> set[str]:
    """`self.layers` as a set, empty for other expressions."""
    own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == receiver
    return {f"{receiver}.{node.attr}"} if own else set()  # type: ignore[attr-defined]


@functools.lru_cache(maxsize=256)
def names_read(value: str) -> frozenset[str]:
    """The names (`dim`) and attributes of names (`self.conv`) an expression reads. Raises SyntaxError."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(f"({value}\n)", mode="eval")):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
    return frozenset(found)


def may_be_none(owner: ast.ClassDef, attribute: str) -> bool:
    """Whether a class sets an attribute to None, or to a value that is None in some case."""
    for node in ast.walk(owner):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(each, ast.Attribute) and each.attr == attribute for each in targets):
                values = [node.value]
                for value in values:
                    if isinstance(value, ast.IfExp):
                        values += [value.body, value.orelse]
                    elif isinstance(value, ast.Constant) and value.value is None:
                        return True
    return False


def _calls_base(statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__init__"
        for node in ast.walk(statement)
    )


def _makes_module(statement: ast.stmt, receiver: str) -> bool:
    """Whether a top-level statement of the constructor sets an attribute to the result of a call."""
    return any(
        isinstance(node, (ast.Assign, ast.AnnAssign))
        and isinstance(node.value, ast.Call)
        and any(name.startswith(f"{receiver}.") for name in _defined(node, receiver))
        for node in ast.walk(statement)
    )


def _walks(statement: ast.stmt, receiver: str) -> bool:
    """Whether a statement initialises or walks the modules registered so far."""
    for node in ast.walk(statement):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute):
            own = isinstance(node.func.value, ast.Name) and node.func.value.id == receiver
            if own and (node.func.attr in _WALKS or _INITIALISES.fullmatch(node.func.attr)):
                return True
            name = node.func.attr
        else:
            name = node.func.id if isinstance(node.func, ast.Name) else ""
        passed = any(isinstance(argument, ast.Name) and argument.id == receiver for argument in node.args)
        if passed and _INITIALISES.fullmatch(name):
            return True
    return False


def _first_offset(source: Source, statement: ast.stmt) -> int:
    """Where a statement begins, decorators included."""
    nodes = [statement, *getattr(statement, "decorator_list", ())]
    return min(source.range(node)[0] for node in nodes)


def on_header_line(source: Source, statement: ast.stmt) -> bool:
    """Whether something stands before a statement on its line: the colon of a one-line body."""
    start = _first_offset(source, statement)
    return bool(source.text[source.line_start(start) : start].strip(" \t\f"))


def unit_of(source: Source) -> str:
    """One level of indentation as the statement uses it."""
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.ClassDef, *FUNCTIONS)) and not on_header_line(source, node.body[0]):
            outer = source.indent_at(source.range(node)[0])
            inner = source.indent_at(_first_offset(source, node.body[0]))
            if inner.startswith(outer) and inner != outer:
                return inner[len(outer) :]
    return "    "


def _open_body(source: Source, splice: Splice, node: Method | ast.ClassDef) -> str:
    """The indentation of a body; a body on the line of the colon is moved to a line of its own."""
    start = _first_offset(source, node.body[0])
    if not on_header_line(source, node.body[0]):
        return source.indent_at(start)
    indent = source.indent_at(source.range(node)[0]) + unit_of(source)
    colon = len(source.text[:start].rstrip(" \t"))
    splice.replace((colon, start), lambda: source.newline + indent)
    return indent


def _make(source: Source, splice: Splice, owner: ast.ClassDef, new: Sequence[Registration], whole: bool) -> None:
    indent = _open_body(source, splice, owner)
    inner = indent + unit_of(source)
    name = constructor_name(owner)
    methods = {node.name for node in owner.body if isinstance(node, FUNCTIONS)}
    plain = whole or name != "__init__"
    lines = [f"{indent}def {name}(self{'' if plain else ', *args, **kwargs'}):"]
    # An attrs class that calls `nn.Module.__init__` before its fields are set must not call it again after.
    if not methods & {"__attrs_pre_init__"}:
        lines.append(f"{inner}super().__init__({'' if plain else '*args, **kwargs'})")
    lines += [inner + line for item in new for line in item.lines(source, "self", inner)]
    text = source.newline.join(lines)
    first = next((node for node in owner.body if isinstance(node, FUNCTIONS)), None)
    blank = source.newline * (1 + _blank_lines(source, owner))
    if first is None or on_header_line(source, owner.body[0]):
        last = owner.body[-1]
        splice.insert(source.line_end(source.range(last)[1]), source.newline + blank + text)
        return
    offset = source.line_start(_first_offset(source, first))
    # A comment right above the first method stays with it.
    while True:
        above = source.line_start(offset - 1)
        line = source.text[above:offset]
        if not (line.startswith(indent) and line[len(indent) :].startswith("#")):
            break
        offset = above
    splice.insert(offset, text + source.newline + blank[: len(blank) - len(source.newline)])


def _blank_lines(source: Source, owner: ast.ClassDef) -> int:
    """How many blank lines the class puts between methods; one where it does not show."""
    for before, after in zip(owner.body, owner.body[1:], strict=False):
        if isinstance(before, FUNCTIONS) and isinstance(after, FUNCTIONS):
            between = source.text[source.range(before)[1] : _first_offset(source, after)]
            lines = re.split(r"\r\n|\r|\n", between)[1:-1]
            return min(sum(not line.strip() for line in lines), 2)
    return 1


def reindented(source: Source, text: str, node: ast.AST | None, indent: str) -> str:
    """A multi-line expression moved to a line of another indentation; strings over several lines stay."""
    if node is None or not re.search(r"[\r\n]", text) or '"""' in text or "'''" in text:
        return text
    old = source.indent_at(source.range(node)[0])
    first, *rest = re.split(r"\r\n|\r|\n", text)
    moved = [indent + line[len(old) :] if line.startswith(old) and line.strip() else line for line in rest]
    return source.newline.join([first, *moved])
