"""Settings, whatever their source, as frozen dataclasses with every default filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .finding import Severity

AimetVersion = Literal["1.x", "2.x", "unknown"]


@dataclass(frozen=True, slots=True)
class Config:
    """What one file is checked with.

    select, ignore: codes, prefixes of codes, or names; the longest match decides, `ignore` wins ties.
    severity: per rule code; None switches the rule off.
    per_file_ignores: (glob relative to `root`, codes) pairs.
    exclude: globs relative to `root`, in `.gitignore` syntax, added to what `.gitignore` names.
    aimet_version: which AIMET the findings are worded and graded for.
    aimet_available: whether repairs may import aimet_torch and stay safe.
    """

    root: str = ""
    select: tuple[str, ...] = ("AIMET",)
    ignore: tuple[str, ...] = ()
    severity: tuple[tuple[str, Severity | None], ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    aimet_version: AimetVersion = "unknown"
    aimet_available: bool = False
    unsafe_fixes: bool = False
    problems: tuple[tuple[int, str], ...] = field(default=(), compare=False)
