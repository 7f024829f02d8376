"""Settings, whatever their source, as frozen dataclasses with every default filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from .finding import Severity

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

AimetVersion = Literal["1.x", "2.x", "unknown"]
AimetModules = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True)
class Config:
    """What one file is checked with.

    root: the folder globs are relative to.
    select, ignore: codes, prefixes of codes, or names; the longest match decides, `ignore` wins ties.
    severity: per rule code; None switches the rule off.
    per_file_ignores: (glob relative to `root`, codes) pairs.
    exclude: globs relative to `root`, in `.gitignore` syntax, added to what `.gitignore` names.
    aimet_version: which AIMET the findings are worded and graded for.
    aimet_available: whether repairs may import aimet_torch and stay safe.
    unsafe_fixes: whether fix-all applies unsafe repairs too.
    aimet_modules: the setting behind `aimet_available`.
    fail_on: the least severity that makes the command line exit with 1.
    fix_all: whether a fix-all that no person asked for (on save) is answered.
    problems: mistakes in the settings, as (0-based line of `pyproject`, words for the user).
    pyproject: the file that `problems` are about; empty where no pyproject.toml applies.
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
    aimet_modules: AimetModules = "auto"
    fail_on: Severity = Severity.WARNING
    fix_all: bool = False
    pyproject: str = field(default="", compare=False)

    def active(self, code: str, name: str = "") -> bool:
        """Whether the rule is on: selected, not ignored, and its severity not `off`."""
        return _active(self.select, self.ignore, self.severity, code, name)

    def enabled(self, code: str, name: str, path: str) -> bool:
        """Whether the rule is on for the file at the absolute `path` (the per-file ignores included)."""
        return self.active(code, name) and not any(
            strength(code, name, codes) and matches((glob,), self.root, path) for glob, codes in self.per_file_ignores
        )

    def severity_of(self, code: str, default: Severity) -> Severity:
        """The severity to report: the user's for that rule, else `default`."""
        return dict(self.severity).get(code) or default

    def named(self, code: str, name: str = "") -> bool:
        """Whether `select` names this very rule, not a prefix it falls under."""
        return code in self.select or (bool(name) and name in self.select)

    def excluded(self, path: str) -> bool:
        """Whether `exclude` names the absolute `path` or a folder above it."""
        return matches(self.exclude, self.root, path)


def strength(code: str, name: str, selectors: tuple[str, ...]) -> int:
    """How closely the best of `selectors` names the rule: 0 for not at all, the length of what matches else."""
    best = 0
    for selector in selectors:
        if code.startswith(selector):
            best = max(best, len(selector))
        elif selector == name:
            best = max(best, len(code))
    return best


@lru_cache(maxsize=512)
def _active(
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    severity: tuple[tuple[str, Severity | None], ...],
    code: str,
    name: str,
) -> bool:
    if strength(code, name, select) <= strength(code, name, ignore):
        return False
    return dict(severity).get(code, Severity.WARNING) is not None


def matches(globs: tuple[str, ...], root: str, path: str) -> bool:
    """Whether one of `globs` (`.gitignore` syntax, relative to `root`) names `path` or a folder above it."""
    if not globs:
        return False
    relative = path
    if root:
        prefix = root.rstrip("/") + "/"
        if not path.startswith(prefix):
            return False
        relative = path[len(prefix) :]
    return _spec(globs).match_file(relative)


@lru_cache(maxsize=128)
def _spec(globs: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # slow to import, and most projects have no globs

    return GitIgnoreSpec.from_lines(globs)
