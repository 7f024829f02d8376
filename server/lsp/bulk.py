"""Fix-all, for one rule, one class, one file: which repairs it applies, and carrying it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .. import engine
from ..finding import Edit, Finding, Repair, Safety
from ..settings import may_fix
from .folders import Folder

Allowed = Callable[[Finding, Repair], bool]


def is_safe(repair: Repair) -> bool:
    """Whether the repair leaves what the model computes as it is."""
    return repair.safety is Safety.SAFE


def shown_title(repair: Repair) -> str:
    """The repair's title, with its safety; an unsafe one mostly says itself what may change."""
    return repair.title if "(unsafe" in repair.title else f"{repair.title} ({repair.safety.value})"


def fixable(folder: Folder, path: str, findings: Sequence[Finding]) -> list[Finding]:
    """The findings that a fix-all of the file would repair."""
    config = folder.config(path)
    return [each for each in findings if any(map(is_safe, each.repairs)) and may_fix(config, each.code)]


def fix_all(folder: Folder, path: str, *, code: str = "", statement: str = "") -> dict[str, list[Edit]]:
    """The edits that apply every safe repair of a file.

    code: only that rule's, whether or not a fix-all may otherwise touch it: it was asked for by name.
    statement: only those in the top-level statement of that key.
    """
    config = folder.config(path)

    def allowed(finding: Finding, repair: Repair) -> bool:
        if not is_safe(repair):
            return False
        if code:
            return finding.code == code
        if statement and not any(change.path == path and change.key == statement for change in repair.changes):
            return False
        return may_fix(config, finding.code)

    return dict(engine.fix_all(path, folder.project, config, allowed).edits)
