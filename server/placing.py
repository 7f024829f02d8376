"""Places what the rules found in a statement in its file, and keeps what has not moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .config import Config
from .finding import Draft, Finding, Location, Related, Spot
from .reading.file_facts import FileFacts
from .reading.project import Project
from .reading.source import Statement
from .rules import by_code


class _Placed(NamedTuple):
    line: int
    drafts: Sequence[Draft]
    config: Config
    noted: list[int | None]
    findings: list[Finding]


def placed(
    drafts: Sequence[Draft], statement: Statement, line: int, facts: FileFacts, project: Project, config: Config
) -> list[Finding]:
    """The findings of a statement whose first line is `line`, in order."""
    known = statement.memo.get("placed")
    if isinstance(known, _Placed) and known.line == line and known.drafts is drafts:
        # The places of notes are in statements that may move.
        if (known.config is config or known.config == config) and known.noted == _noted(drafts, project):
            return known.findings
    findings: list[Finding] = []
    seen: dict[tuple[str, str], int] = {}
    for draft in sorted(drafts, key=_order):
        number = seen[draft.code, draft.symbol] = seen.get((draft.code, draft.symbol), 0) + 1
        key = f"{draft.code}:{statement.key}:{draft.symbol}:{number}"
        findings.append(_finding(draft, line, key, facts, project, config))
    statement.memo["placed"] = _Placed(line, drafts, config, _noted(drafts, project), findings)
    return findings


def _order(draft: Draft) -> tuple[object, ...]:
    return (draft.spot.span, draft.code, draft.symbol)


def _finding(draft: Draft, line: int, key: str, facts: FileFacts, project: Project, config: Config) -> Finding:
    rule = by_code(draft.code)
    assert rule is not None
    span = draft.spot.span.shifted(line)
    related = tuple(
        Related(location, note.message) for note in draft.notes if (location := _locate(note.spot, project)) is not None
    )
    severity = config.severity_of(draft.code, draft.severity)
    repairs = draft.repairs
    if config.aimet_modules == "never":
        repairs = tuple(repair for repair in repairs if not repair.needs("aimet_torch"))
    return Finding(
        draft.code,
        rule.name,
        facts.path,
        span,
        draft.message,
        severity,
        draft.symbol,
        repairs,
        related,
        (span.line, span.end_line),
        key,
    )


def _noted(drafts: Sequence[Draft], project: Project) -> list[int | None]:
    """The lines of the statements that the notes of findings are about."""
    return [_line_of(note.spot, project) for draft in drafts for note in draft.notes]


def _line_of(spot: Spot, project: Project) -> int | None:
    facts = project.files.get(spot.path)
    return facts.source.line_of.get(spot.key) if facts is not None else None


def _locate(spot: Spot, project: Project) -> Location | None:
    line = _line_of(spot, project)
    return Location(spot.path, spot.span.shifted(line)) if line is not None else None
