"""Rows of the table that the benchmarks print and `docs/performance.md` holds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement. ratio: what was measured over what it is held against; goal: the most the ratio may be."""

    what: str
    measured: str
    against: str = ""
    ratio: float | None = None
    goal: float | None = None

    @property
    def cells(self) -> list[str]:
        """The row as text."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        goal = "" if self.goal is None else f"≤ {self.goal:g} {'✓' if (self.ratio or 0) <= self.goal else '✗'}"
        return [self.what, self.measured, self.against, ratio, goal]


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | measured | against | ratio | goal |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(row.cells)} |" for row in rows]
    return "\n".join(lines)


def milliseconds(seconds: float) -> str:
    """A time for people."""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def median(times: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(times)


def late(times: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(times, n=20, method="inclusive")[-1]
