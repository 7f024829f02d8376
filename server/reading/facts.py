"""What reading finds out, for rules to judge: operations, uses of modules, flow, parameters, returns."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..finding import Spot
from .definitions import Definition
from .file_facts import FileFacts
from .source import Statement
from .syntax import walk
from .values import Fixed, Module, Value
from .ways import ANY_WAY, Uses, Way

if TYPE_CHECKING:
    from .index import Index
    from .model import Built, Model


@dataclass(eq=False, slots=True)
class Site:
    """The function that is being read when something happens.

    function: its definition. owner: the class whose method it is, as written in the source.
    model: the class that is being analysed. scripted: whether torch.jit.script compiles it.
    """

    path: str
    statement: Statement
    function: Definition
    owner: Definition | None
    model: Definition
    scripted: bool = False

    def spot(self, node: ast.AST) -> Spot:
        """Where `node`, a part of this function, stands."""
        return Spot(self.path, self.statement.key, self.statement.span(node))


@dataclass(eq=False, slots=True)
class Operation:
    """One tensor operation in the code a `forward` reaches.

    symbol: canonical dotted name; `Tensor.relu` for a method, `Tensor.__add__` for an operator.
    node: the whole expression or statement. callee: what is called, where it is a call.
    operands: positional operands in order, the receiver first, as (expression, value); an expression is None where
        the operand is not written there (`map(F.relu, xs)`).
    keywords: the same by name. starred: whether `*` or `**` hides some operands.
    via: `direct` where the call names the function; `stored` where it goes through an attribute or variable;
        `passed` where the function is handed to another one (`map`, `checkpoint`); `operator` for a symbol;
        `combined` where the call runs other operations too; `made` where the symbol is a module's class, of which an
        object is made while `forward` runs and called.
    loops: the loops around it, innermost last.
    result: what it yields.
    chain: the calls through which it was first reached; repeated: one run reaches it through others too.
    only_traced: it stands in a branch that only tracing or an export takes (`if torch.jit.is_tracing():`).
    """

    symbol: str
    node: ast.expr | ast.stmt
    callee: ast.expr | None
    site: Site
    operands: tuple[tuple[ast.expr | None, Value], ...]
    keywords: Mapping[str, tuple[ast.expr | None, Value]]
    result: Value
    via: str = "direct"
    starred: bool = False
    loops: tuple[ast.AST, ...] = ()
    chain: tuple[ast.AST, ...] = ()
    repeated: bool = False
    only_traced: bool = False

    def values(self) -> list[Value]:
        """Every value it is given."""
        return [value for _, value in (*self.operands, *self.keywords.values())]


@dataclass(eq=False, slots=True)
class Use:
    """One call of a module, or its registration under a name or in a container.

    loop: the innermost loop in every round of which it is the same module; nested: there is another one around it.
    positional, keywords: the values it is called with; starred: some hide behind `*` or `**`.
    way: what the tests on the way to it said.
    """

    module: Module
    node: ast.expr | ast.stmt
    callee: ast.expr
    site: Site
    chain: tuple[ast.AST, ...] = ()
    loop: ast.AST | None = None
    positional: tuple[Value, ...] = ()
    keywords: Mapping[str, Value] = field(default_factory=dict)
    starred: bool = False
    way: Way = ANY_WAY
    nested: bool = False


@dataclass(eq=False, slots=True)
class Reuse:
    """A module used again.

    how: `call` (two calls), `loop` (one call in a loop), `helper` (one call in a helper that runs twice),
        `name` (a second attribute of the same parent), `container` (twice in a container or list),
        `parents` (passed to several submodules).
    """

    how: str
    first: Use
    second: Use


@dataclass(eq=False, slots=True)
class Flow:
    """Control flow or Python code that depends on a tensor's value.

    kind: a test (`if`, `while`, `assert`, `ternary`, `not`, `and`, `or`, `in`, `max`, `min`) or a reading of its value
        or length (`bool`, `int`, `float`, `len`, `item`, `tolist`, `numpy`, `equal`).
    feeds: what a reading decides: `branch`, `range`, `shape`; empty where no such use of it is known.
    fixed: says that the input does not decide the value.
    """

    kind: str
    node: ast.AST
    site: Site
    feeds: str = ""
    fixed: Fixed | None = None


@dataclass(eq=False, slots=True)
class Parameter:
    """A parameter of `forward`.

    kind: `tensor`, `tensors` (a tuple of tensors), `list`, `dict`, `object`, `str`, `number`, `none`, `unknown`.
    evidence: what says so: `annotation`, `default`, or `body` where neither does.
    passed: whether somebody in the workspace passes it, where it has a default.
    value: what its annotation or default says it holds.
    """

    name: str
    node: ast.arg
    kind: str
    evidence: str
    passed: bool = True
    value: Value | None = None


@dataclass(eq=False, slots=True)
class Return:
    """A value `forward` returns."""

    node: ast.expr | None
    statement: ast.stmt
    value: Value


# (file, top-level statement, name within it) of a function.
EntryKey = tuple[str, str, str]


@dataclass(eq=False, slots=True)
class Entry:
    """One call of a function, as the machine that ran it stood: for running the function again after an edit.

    names: what its parameters held. owner: the `self` it was bound to. result: what it yielded; used: the modules it
    used that nobody had used before. states: what names held, and how many attributes `self` had, before each
    statement of a set-up, and behind the last.
    """

    names: dict[str, Value]
    owner: Module | None
    lexical: Definition | None
    active: tuple[Definition, ...]
    chain: tuple[ast.AST, ...]
    loops: tuple[Any, ...]
    uses: Uses
    way: Way
    result: Value | None = None
    used: Uses = field(default_factory=dict)
    states: list[tuple[dict[str, Value], int]] = field(default_factory=list)


@dataclass(eq=False)
class Trace:
    """What one model's `forward` does, wherever the code stands.

    entries: the calls of functions in files that are being edited.
    is_read_in_part: it gives tensors to code that cannot be read.
    """

    model: Definition
    operations: list[Operation] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    reuses: list[Reuse] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    made: list[Module] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    reached: set[tuple[str, str]] = field(default_factory=set)
    result: Value | None = None
    entries: dict[EntryKey, list[Entry]] = field(default_factory=dict)
    is_read_in_part: bool = False

    @property
    def touched(self) -> set[tuple[str, str]]:
        """The statements, (file, key), whose code it runs."""
        return self.reached


@dataclass(eq=False)
class Unit:
    """One top-level statement with everything read about the code in it.

    models: the model classes defined in it, nested ones too, with their traces.
    operations, reuses, flows, made: those that stand in this statement, whichever model's forward reaches them.
    traces, built: what it was gathered from.
    """

    path: str
    file: FileFacts
    statement: Statement
    index: Index
    models: list[Model] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    reuses: list[Reuse] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    made: list[Module] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    built: list[Built] = field(default_factory=list)

    def finish(self) -> None:
        """Leave out what stands elsewhere or came up twice, once everything is gathered."""
        seen: dict[int, Module] = {}
        for module in self.made:
            if module.origin is not None and module.origin.statement is self.statement:
                seen.setdefault(id(module.origin.node), module)
        self.made = list(seen.values())
        self.reuses = [reuse for reuse in self.reuses if reuse.second.site.statement is self.statement]
        self.operations.sort(key=lambda operation: (operation.node.lineno, operation.node.col_offset))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to judge: no model is defined in it, nor does one run it."""
        return not (self.models or self.operations or self.reuses or self.flows or self.made)

    def spot(self, node: ast.AST) -> Spot:
        """Where `node`, a part of this statement, stands."""
        return Spot(self.path, self.statement.key, self.statement.span(node))

    def between(self, first: ast.AST, last: ast.AST) -> Spot:
        """The range from the start of one node to the end of another."""
        return Spot(self.path, self.statement.key, self.statement.between(first, last))

    def source(self, node: ast.AST) -> str:
        """The text of `node`."""
        return self.statement.source(node)

    def model_of(self, definition: Definition | None) -> Model | None:
        """The model of that class, where it stands in this statement."""
        for model in self.models:
            if model.definition is definition:
                return model
        return None

    def functions(self) -> Iterator[ast.AST]:
        """Every function in this statement."""
        for node in self.statement.body:
            for child in walk(node):
                if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    yield child
