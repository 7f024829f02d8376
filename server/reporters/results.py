"""What a run of the command line found, placed for people: paths as given, lines and columns from 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..finding import Finding, Repair, Safety, Severity


@dataclass(frozen=True, slots=True)
class Place:
    """A range as people and other programs read it: 1-based, columns in code points, end exclusive.

    cell: the number of the notebook's cell that the lines count from; None outside notebooks.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding, placed. source: the text of its first line. related: places with their messages.

    by_name: `fix` repairs it only where the settings name its rule.
    """

    finding: Finding
    place: Place
    source: str = ""
    related: tuple[tuple[Place, str], ...] = ()
    by_name: bool = False

    @property
    def fix(self) -> Repair | None:
        """The repair to offer first."""
        return self.finding.repairs[0] if self.finding.repairs else None


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be read, checked or written; `line` from 1."""

    path: str
    line: int
    message: str
    cell: int | None = None


@dataclass(slots=True)
class Results:
    """Everything a run found. files: how many were checked."""

    entries: list[Entry] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    files: int = 0

    def sort(self) -> None:
        """By path, cell, line and column."""
        self.entries.sort(
            key=lambda entry: (
                entry.place.path,
                entry.place.cell or 0,
                entry.place.line,
                entry.place.column,
                entry.finding.code,
            )
        )
        self.failures.sort(key=lambda failure: (failure.path, failure.cell or 0, failure.line, failure.message))

    def worst(self) -> Severity | None:
        """The highest severity among the findings."""
        return max((entry.finding.severity for entry in self.entries), default=None)

    def fixes(self) -> Counter[Safety]:
        """How many findings `fix` repairs as the settings are, by how safe that is."""
        return Counter(entry.fix.safety for entry in self.entries if entry.fix and not entry.by_name)

    def fixes_by_name(self) -> Counter[str]:
        """How many more it repairs where the settings name their rule, by its code."""
        return Counter(entry.finding.code for entry in self.entries if entry.fix and entry.by_name)

    def summary(self) -> Mapping[str, object]:
        """Counts for programs."""
        severities = Counter(entry.finding.severity for entry in self.entries)
        fixes = self.fixes()
        return {
            "files": self.files,
            "findings": len(self.entries),
            "errors": len(self.failures),
            "severities": {severity.label: severities[severity] for severity in reversed(Severity)},
            "fixable": fixes[Safety.SAFE],
            "fixable_unsafe": fixes[Safety.UNSAFE],
            "fixable_by_name": sum(self.fixes_by_name().values()),
            "codes": dict(sorted(Counter(entry.finding.code for entry in self.entries).items())),
        }
