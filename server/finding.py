"""What the program tells people: findings, and the repairs offered for them. No logic, no rule names.

A rule works on one statement of a file at a time (a class at the top level, or in a compound statement there) and
speaks in positions relative to it (`Spot`), so that its results stay valid while text above moves. The engine places
them in the file (`Location`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple

from .positions import Span


class Severity(enum.IntEnum):
    """How bad a finding is; the order is that of `--fail-on`."""

    INFORMATION = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """The word users read and write: `error`, `warning` or `information`."""
        return self.name.lower()


class Safety(enum.Enum):
    """SAFE: same outputs, same state_dict. UNSAFE: documented or asked for, but it may change the model."""

    SAFE = "safe"
    UNSAFE = "unsafe"


class Spot(NamedTuple):
    """A range within one top-level statement of one file.

    `path` is the file's key in the project, `key` the statement's key in the file, `span` is relative to the
    statement's first line.
    """

    path: str
    key: str
    span: Span


class Location(NamedTuple):
    """A range in a file, absolute."""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class NewModule:
    """A module to register in `__init__`: `self.<name> = <cls>(<args>)`.

    owner: the class it is added to, qualified within its top-level statement (`Net`, `Outer.Inner`).
    name: the preferred attribute name; the first free one of name, name2, name3, ... is taken.
    cls: dotted path of the module's class (`torch.nn.ReLU`); written in the file's import style. `.Roll` is a class
        that the file itself defines.
    args: source text of each constructor argument (`"0.1"`, `"inplace=True"`).
    copy_of: instead of cls and args, repeat the expression at this range of the statement.
    beside: the attribute whose definition in `__init__` it follows; else the end of `__init__`.
    taken: attribute names that must not be used (those of bases, subclasses, `nn.Module`).
    share: two NewModules that are equal and have `share` set to the same non-empty text become one attribute.
    each_of: the attribute of a ModuleList; a ModuleList of the same length is made (uses walk it with zip).
    shares: (parameter of the new module, source text) of what becomes that parameter: `("weight", "self.weight")`.
    """

    owner: str
    name: str
    cls: str = ""
    args: tuple[str, ...] = ()
    copy_of: Span | None = None
    beside: str | None = None
    taken: frozenset[str] = frozenset()
    share: str = ""
    each_of: str | None = None
    shares: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CallModule:
    """Replace the call, method call or operation at `span` by `self.<new>(<arguments>)`.

    arguments: what stays in the call, in order: a range of the original (its repaired text is used) or source
    text (`"dim=1"`, `"*xs"`). Where the original is a call and kept arguments are its own, in its own order,
    their layout and comments stay.
    assign_to: for a bare in-place statement (`x.relu_()`): the statement becomes `<assign_to> = self.<new>(...)`.
    """

    span: Span
    module: NewModule
    arguments: tuple[Span | str, ...]
    assign_to: str | None = None


@dataclass(frozen=True, slots=True)
class ReplaceCallee:
    """Replace the expression at `span` (`self.relu`, `self.layers[0]`, an element of a list) by `self.<new>`."""

    span: Span
    module: NewModule


@dataclass(frozen=True, slots=True)
class NewElement:
    """Replace the expression at `span` (one of several references to one instance) by a copy of `copy_of`."""

    span: Span
    copy_of: Span


@dataclass(frozen=True, slots=True)
class ReplaceText:
    """Replace the expression, argument or statement at `span` by `text`.

    `{0}`, `{1}`, ... in `text` stand for the repaired source of `parts`, then for the names of `imports`, then for
    new modules (`self.relu`). Braces are doubled as in `str.format`.
    """

    span: Span
    text: str
    parts: tuple[Span, ...] = ()
    imports: tuple[str, ...] = ()
    modules: tuple[NewModule, ...] = ()


@dataclass(frozen=True, slots=True)
class InsertStatements:
    """Put whole statements before (`after=False`) or after this one, into the block that it stands in.

    `text` ends without a newline and is indented for the top level. `imports`: dotted names it needs; each is
    spelt in the file's import style and stands in `text` as `{0}`, `{1}`, ... .
    """

    text: str
    imports: tuple[str, ...] = ()
    after: bool = True


Step = CallModule | ReplaceCallee | NewElement | ReplaceText | InsertStatements


@dataclass(frozen=True, slots=True)
class Change:
    """The steps for one top-level statement; every span in them is relative to that statement."""

    path: str
    key: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Interface:
    """What changes in how a module is called. Ordinary code that calls it follows when the repair is carried out.

    path, cls: its class, by file and qualified name. keys: those of the dict that becomes a tuple in this order, or
    parameters of these names; empty where no caller can follow.
    parameter, position: of the dict that `forward` took, without `self`; an empty name where it returned the dict.
    """

    path: str
    cls: str
    keys: tuple[str, ...] = ()
    parameter: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair as a plain description; rewriting carries it out.

    interface: where it changes how the module is called; an editor then shows what changes before it is done.
    """

    title: str
    safety: Safety
    changes: tuple[Change, ...]
    interface: Interface | None = None

    def needs(self, package: str) -> bool:
        """Whether the repaired code imports something of that package."""
        names = [name for change in self.changes for step in change.steps for name in _imported(step)]
        return any(name.partition(".")[0] == package for name in names)


def _imported(step: Step) -> tuple[str, ...]:
    """The dotted names that the text of a step takes from elsewhere."""
    if isinstance(step, (CallModule, ReplaceCallee)):
        return (step.module.cls,)
    if isinstance(step, ReplaceText):
        return (*step.imports, *(module.cls for module in step.modules))
    return step.imports if isinstance(step, InsertStatements) else ()


@dataclass(frozen=True, slots=True)
class Note:
    """Related information: a place and what it has to do with the finding."""

    spot: Spot
    message: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding as a rule returns it, in positions relative to its top-level statement."""

    code: str
    spot: Spot
    message: str
    severity: Severity
    symbol: str
    repairs: tuple[Repair, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Related:
    """Related information, placed."""

    location: Location
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding, placed in its file.

    symbol: the qualified operation or attribute (`torch.nn.functional.relu`, `self.relu`, `Tensor.__add__`).
    statement: the lines (0-based, inclusive) of the innermost statement it lies in; an ignore comment on the
        finding's first line or on the statement's last line silences it.
    repairs: best first; empty where there is none (the message says why).
    key: names the finding within its file, also while other text moves it: code, top-level statement, symbol, and which
        of these it is.
    """

    code: str
    name: str
    path: str
    span: Span
    message: str
    severity: Severity
    symbol: str
    repairs: tuple[Repair, ...] = ()
    related: tuple[Related, ...] = ()
    statement: tuple[int, int] = (0, 0)
    key: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that kept a file or a statement from being checked, in words for the user. Line is 0-based."""

    path: str
    line: int
    message: str
    fatal: bool = True


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text at `span` of the original file by `text`."""

    span: Span
    text: str


@dataclass(slots=True)
class Report:
    """What checking one file found, sorted by position.

    provisional: statements the last edit did not touch, but that may depend on it, are answered as before the edit.
    """

    path: str
    findings: list[Finding] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    provisional: bool = False
