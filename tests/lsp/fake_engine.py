"""Starts the server with a checker that is simple enough to predict: the tests here are about the protocol.

In the text of a file, `relu(` is a finding with a safe repair, `softmax(` one with an unsafe repair, `moved(` one
whose unsafe repair also edits `other.py` of its folder, `called(` one whose unsafe repair changes how its module is
called, `plain(` one without a repair; `from base import` makes
every one of them point into `base.py`. `CRASH` makes the checker fail, `SLOW` makes it take half a second.
Each check is counted in a comment line the client can read: the log.
"""

from __future__ import annotations

import re
import sys
import time
import types
from typing import Any

import aimet_guidelines
from aimet_guidelines.finding import (
    Change,
    Edit,
    Finding,
    Interface,
    Location,
    Related,
    Repair,
    Report,
    Safety,
    Severity,
)
from aimet_guidelines.positions import Span, split_lines
from aimet_guidelines.reading.project import Project

CALL = re.compile(r"\b(relu|softmax|moved|called|plain)\(")
CODES = {"relu": "AIMET101", "softmax": "AIMET102", "moved": "AIMET103", "called": "AIMET103", "plain": "AIMET204"}
SAFETY = {"relu": Safety.SAFE, "softmax": Safety.UNSAFE, "moved": Safety.UNSAFE, "called": Safety.UNSAFE}


def check(path: str, project: Project, config: Any, provisional: bool = False, urgent: Any = None) -> Report:
    text = project.text(path)
    if "CRASH" in text:
        raise RuntimeError("the checker fell over")
    if "SLOW" in text:
        time.sleep(0.5)
    report = Report(path)
    related: tuple[Related, ...] = ()
    base = path.rpartition("/")[0] + "/base.py"
    if "from base import" in text and base in project.paths:
        related = (Related(Location(base, Span(0, 0, 0, 4)), project.text(base).split("\n")[0]),)
    seen: dict[str, int] = {}
    for number, line in enumerate(split_lines(text)):
        statement = "class Net"
        for match in CALL.finditer(line):
            word = match[1]
            code = CODES[word]
            if not config.active(code):
                continue
            seen[word] = seen.get(word, 0) + 1
            span = Span(number, match.start(1), number, match.end(1))
            repairs: tuple[Repair, ...] = ()
            if word in SAFETY:
                interface = Interface(path, "Net") if word == "called" else None
                changes = (Change(path, statement, ()),)
                repairs = (Repair(f"Use a module for {word}", SAFETY[word], changes, interface),)
            severity = config.severity_of(code, Severity.WARNING)
            key = f"{word}:{seen[word]}"
            message = f"{word} is a functional"
            where = (number, number)
            report.findings.append(
                Finding(code, word, path, span, message, severity, word, repairs, related, where, key)
            )
    return report


def rests_on(path: str, project: Project, config: Any, report: Report) -> frozenset[int]:
    return frozenset({project.memory.numbering((path, "<file>"))})


def repair_edits(path: str, project: Project, config: Any, finding: Finding, repair: Repair) -> dict[str, list[Edit]]:
    edits = {path: [Edit(finding.span, f"self.{finding.name}")]}
    other = path.rpartition("/")[0] + "/other.py"
    if finding.name == "moved" and other in project.paths:
        edits[other] = [Edit(Span(0, 0, 0, 0), "# moved\n")]
    return edits


class Fixed:
    def __init__(self, edits: dict[str, list[Edit]]) -> None:
        self.edits = edits
        self.applied: list[tuple[Finding, Repair]] = []


def fix_all(path: str, project: Project, config: Any, allowed: Any) -> Fixed:
    edits = [
        Edit(finding.span, f"self.{finding.name}")
        for finding in check(path, project, config).findings
        for repair in finding.repairs
        if allowed(finding, repair)
    ]
    return Fixed({path: edits} if edits else {})


def main() -> None:
    module = types.ModuleType("aimet_guidelines.engine")
    module.__dict__.update(
        Project=Project,
        check=check,
        rests_on=rests_on,
        repair_edits=repair_edits,
        fix_all=fix_all,
        Fixed=Fixed,
        Report=Report,
    )
    sys.modules[module.__name__] = aimet_guidelines.engine = module  # type: ignore[attr-defined]
    from aimet_guidelines.lsp import worker

    if "worker" in sys.argv:
        worker.main()
        return
    worker.command = lambda: [sys.executable, "-I", "-X", "utf8", __file__, "worker"]
    from aimet_guidelines.lsp.server import serve

    print("this goes to standard error, not to the client")
    sys.exit(serve())


if __name__ == "__main__":
    main()
