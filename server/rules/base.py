"""What a rule is: one class in one file, found by the registry."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..finding import Draft, Severity

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Unit


@dataclass(frozen=True, slots=True)
class Case:
    """An example that is both a test and documentation.

    source: a whole small file. Where `repaired` is given, fix-all (with unsafe repairs where `unsafe` is set)
    turns `source` into exactly that. `lines`: the 1-based lines the rule reports, in order; empty for a good case.
    title: what the case shows.
    """

    title: str
    source: str
    lines: tuple[int, ...] = ()
    repaired: str | None = None
    unsafe: bool = False


class Rule(abc.ABC):
    """One guideline. The docstring of each subclass is the page its users read.

    fix_all_when_named: fix-all applies its repairs only where `select` names this very rule.
    repairs_with_aimet_modules: its repairs put AIMET's own modules in; `aimet-modules = "always"` counts as
        naming it.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity] = Severity.WARNING
    cases: ClassVar[tuple[Case, ...]] = ()
    fix_all_when_named: ClassVar[bool] = False
    repairs_with_aimet_modules: ClassVar[bool] = False

    @abc.abstractmethod
    def check(self, unit: Unit, config: Config) -> Iterator[Draft]:
        """The findings of one top-level statement."""
