"""How a class or function of another package is spelt in a file, and the import lines that takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

_NO_BINDINGS: Mapping[str, str] = MappingProxyType({})


class ImportLine(NamedTuple):
    """`import <module> [as <alias>]`, or `from <module> import <name> [as <alias>]`."""

    module: str
    name: str = ""
    alias: str = ""

    def __str__(self) -> str:
        tail = f" as {self.alias}" if self.alias else ""
        return f"from {self.module} import {self.name}{tail}" if self.name else f"import {self.module}{tail}"

    @property
    def bound(self) -> str:
        """The name the line binds."""
        return self.alias or self.name or self.module.partition(".")[0]


@dataclass(frozen=True)
class Imports:
    """A file's import scope.

    bindings: local name -> dotted target of module-level imports (`{"nn": "torch.nn", "F": "torch.nn.functional"}`).
    taken: every name bound at module level, imports included.
    """

    bindings: Mapping[str, str] = field(default_factory=lambda: _NO_BINDINGS)
    taken: frozenset[str] = frozenset()


class Speller:
    """Writes dotted names in the file's import style; collects the lines that are missing."""

    def __init__(self, imports: Imports) -> None:
        self._bindings = dict(imports.bindings)
        self._taken = set(imports.taken) | set(imports.bindings)
        self._lines: dict[str, ImportLine] = {}
        self._used: dict[str, None] = {}

    def spell(self, dotted: str, shadowed: Collection[str] = ()) -> str:
        """`dotted` as the file writes it where the names of `shadowed` mean something else."""
        known = self._known(dotted, shadowed)
        if known is None:
            self._add(dotted, shadowed)
            known = self._known(dotted, shadowed)
            assert known is not None
        local = known.partition(".")[0]
        if local in self._lines:
            self._used[local] = None
        return known

    def resolve(self, spelling: str) -> str:
        """The dotted target of a name as the file spells it."""
        local, dot, rest = spelling.partition(".")
        return self._bindings.get(local, local) + dot + rest

    def forget_since(self, lines: tuple[ImportLine, ...]) -> None:
        """Take back what was spelt since `lines` were all that was needed."""
        self._used = dict.fromkeys(line.bound for line in lines)

    @property
    def lines(self) -> tuple[ImportLine, ...]:
        """The import lines that what was spelt so far needs, in order of first use."""
        return tuple(self._lines[local] for local in self._used)

    def _known(self, dotted: str, shadowed: Collection[str]) -> str | None:
        best: tuple[int, str] | None = None
        for local, target in self._bindings.items():
            if local in shadowed or not _reaches(target, dotted):
                continue
            if best is None or len(target) > best[0]:
                best = len(target), local + dotted[len(target) :]
        return best[1] if best else None

    def _add(self, dotted: str, shadowed: Collection[str]) -> None:
        line = _preferred(dotted)
        if line.bound in self._taken or line.bound in shadowed:
            base = _alias(line)
            number, alias = 1, base
            while alias in self._taken or alias in shadowed:
                number += 1
                alias = f"{base}{number}"
            line = line._replace(alias=alias)
        self._taken.add(line.bound)
        target = f"{line.module}.{line.name}" if line.name else line.module
        self._bindings[line.bound] = target if line.alias or line.name else line.bound
        self._lines[line.bound] = line


def _reaches(target: str, dotted: str) -> bool:
    """Whether attribute access from `target` arrives at `dotted`.

    torch imports its own submodules; of another package only what a bound module itself defines is sure.
    """
    if target == dotted:
        return True
    if not dotted.startswith(target + "."):
        return False
    return target.partition(".")[0] == "torch" or "." not in dotted[len(target) + 1 :]


def _preferred(dotted: str) -> ImportLine:
    """The import line usual for this name."""
    module, _, name = dotted.rpartition(".")
    if dotted == "torch" or not module:
        return ImportLine(dotted)
    if dotted.startswith("torch.nn.functional"):
        return ImportLine("torch.nn.functional", alias="F")
    if dotted.startswith("torch.nn"):
        return ImportLine("torch", "nn")
    if dotted.startswith("torch."):
        return ImportLine("torch")
    return ImportLine(module, name)


def _alias(line: ImportLine) -> str:
    """An alias for a line whose usual name is taken: `torch_nn`, `AimetAdd`."""
    root = line.module.partition(".")[0]
    if not line.name:
        return line.module.replace(".", "_") if "." in line.module else f"{root}_"
    if line.name[:1].isupper():
        return "".join(part.title() for part in root.removesuffix("_torch").split("_")) + line.name
    return f"{root}_{line.name}"
