"""Checks a source text with one rule."""

from __future__ import annotations

from aimet_guidelines.config import AimetVersion, Config
from aimet_guidelines.engine import Project, check
from aimet_guidelines.finding import Finding
from aimet_guidelines.positions import split_lines

PATH = "/project/model.py"


def findings(code: str, source: str, aimet_version: AimetVersion = "unknown", **others: str) -> list[Finding]:
    """The findings of one rule in `source`; `others`: further files of the project, by module name."""
    files = {PATH: source, **{f"/project/{name}.py": text for name, text in others.items()}}
    project = Project.empty("/project").updated(files)
    report = check(PATH, project, Config(root="/project", select=(code,), aimet_version=aimet_version))
    assert not report.problems
    return report.findings


def underlined(source: str, found: list[Finding]) -> list[str]:
    """The text each finding stands on; of several lines the first."""
    lines = split_lines(source)
    return [
        lines[f.span.line][f.span.column : f.span.end_column if f.span.line == f.span.end_line else None] for f in found
    ]
