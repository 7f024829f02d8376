"""The one entry of editor and command line: check a file, repair a finding, repair all."""

from __future__ import annotations

import ast
import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from . import suppression
from .config import Config
from .finding import Edit, Finding, InsertStatements, Problem, Repair, Report, Step
from .judging import Judge
from .placing import placed
from .positions import Span
from .reading.definitions import WHOLE
from .reading.file_facts import FileFacts
from .reading.index import Index, Interrupted
from .reading.project import Project
from .reading.source import Statement
from .reading.syntax import TOO_DEEP, walk
from .rules import by_code
from .rules.followers import following
from .rules.together import at_once

if TYPE_CHECKING:
    from .rewriting.imports import ImportLine

__all__ = ["Fixed", "Interrupted", "Project", "check", "explain", "fix_all", "repair_edits"]

_log = logging.getLogger(__name__)

# Repairs make room for others (a functional's module can be a reuse) or stand in each other's way (two parameters at
# one place); each round repairs what the last one left, as long as there is something.
_ROUNDS = 40


@dataclass
class Fixed:
    """What `fix_all` did with the file `path`. project: with the new texts. before: the texts that they replaced."""

    path: str
    project: Project
    before: dict[str, str] = field(default_factory=dict)
    applied: list[tuple[Finding, Repair]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The new text of the file."""
        return self.project.text(self.path)

    @property
    def edits(self) -> dict[str, list[Edit]]:
        """The edits of each file that it changed."""
        from .rewriting import minimal_edits

        return {path: minimal_edits(self.before[path], self.project.text(path)) for path in sorted(self.before)}


class _Carried(NamedTuple):
    """The new texts of the files that repairs change, and by index which could not be carried out."""

    texts: dict[str, str]
    failed: set[int]


def check(
    path: str,
    project: Project,
    config: Config,
    provisional: bool = False,
    urgent: Callable[[], bool] | None = None,
) -> Report:
    """The findings of one file of the project. What failed is a problem in the report.

    provisional: answer at once after an edit: only what it touched is read again, and statements that may depend on
    it keep their findings until the file is checked again without this.
    urgent: asked now and then; where it says so, Interrupted is raised, and asking again goes on from there.
    """
    facts = project.files[path]
    index = Index(project, provisional, urgent)
    judge = Judge(index, facts, config)
    report = Report(path)
    known = judge.known
    for line, statement in facts.source.statements:
        drafts = known.get(statement)
        if drafts is None:
            drafts = judge.drafts(statement)
            # At once a statement is parsed only where its findings need it.
            if (statement.error if provisional else statement.failure) is not None:
                report.problems.append(_problem(path, line, statement))
            elif statement in judge.too_deep:
                report.problems.append(Problem(path, line, f"This statement is not checked: {TOO_DEEP}"))
        if drafts:
            report.findings.extend(placed(drafts, statement, line, facts, project, config))
    report.provisional = provisional and index.memory.unsettled
    if not provisional and index.watched:
        index.memory.tidy()
    if facts.source.says("aimet:"):
        _suppress(report, facts, config, judge.active)
    return report


def rests_on(path: str, project: Project, config: Config, report: Report) -> Collection[int]:
    """The names that the report of a file, just checked, rests on: numbers that the project's memory has for them."""
    facts = project.files[path]
    index = Index(project)
    memory = index.memory
    judge = Judge(index, facts, config)
    with index.resting() as found:
        for _, statement in facts.source.statements:
            judge.drafts(statement)
    # Where a related place stands moves with everything above it.
    related = {each.location.path for finding in report.findings for each in finding.related}
    found.update((each, WHOLE) for each in related - {path})
    return memory.numbering.kept(memory.numbers_of_names(found))


def _order(finding: Finding) -> tuple[object, ...]:
    return (finding.span, finding.code, finding.symbol)


def _problem(path: str, line: int, statement: Statement) -> Problem:
    error = statement.error
    assert error is not None
    return Problem(path, line + max(0, (error.lineno or 1) - 1), f"This statement does not parse: {error.msg}")


def explain(problem: Problem, project: Project) -> Problem:
    """The same problem; as a note where the statement is only newer than the Python that runs this.

    Asked on the command line only: telling the two apart takes a second parser.
    """
    from .rewriting.syntax import is_newer_python, running

    facts = project.files.get(problem.path)
    for line, statement in facts.source.statements if facts is not None else ():
        if line <= problem.line < line + len(statement.lines) and statement.failure is not None:
            if statement.failure.msg != TOO_DEEP and is_newer_python(statement.standing_alone):
                message = f"This statement needs a newer Python than {running()}, which runs the checker: not checked"
                return replace(problem, message=message, fatal=False)
    return problem


def _suppress(report: Report, facts: FileFacts, config: Config, active: frozenset[str]) -> None:
    directives = suppression.directives(facts.source.text)
    placed = [replace(finding, statement=_statement_lines(facts, finding.span)) for finding in report.findings]
    unread = [
        (line, line + len(statement.lines))
        for line, statement in facts.source.statements
        if statement.error is not None
    ]
    rule = by_code(suppression.UNUSED)
    severity = config.severity_of(suppression.UNUSED, rule.severity) if rule is not None else None
    kept, unused = suppression.apply(
        placed, directives, active, report.path, unread=unread, **({"severity": severity} if severity else {})
    )
    named = [replace(each, key=f"{each.code}:{each.symbol}:{number}") for number, each in enumerate(unused, 1)]
    report.findings = sorted([*kept, *named], key=_order)


def _statement_lines(facts: FileFacts, span: Span) -> tuple[int, int]:
    """The lines of the innermost statement a range lies in; of a compound one, its header."""
    for line, statement in facts.source.statements:
        if line <= span.line < line + len(statement.lines):
            best = (span.line, span.end_line)
            for node in walk(ast.Module(statement.body, [])):
                if isinstance(node, ast.stmt) and node.lineno - 1 <= span.line - line <= (node.end_lineno or 0) - 1:
                    body = getattr(node, "body", None)
                    end = body[0].lineno - 2 if isinstance(body, list) and body else (node.end_lineno or 0) - 1
                    if span.line - line <= max(end, node.lineno - 1):
                        best = (line + node.lineno - 1, line + max(end, node.lineno - 1))
            return best
    return span.line, span.end_line


# Repairs


def repair_edits(
    path: str, project: Project, config: Config, finding: Finding, repair: Repair
) -> dict[str, list[Edit]]:
    """The edits of one repair, per file; empty where it cannot be carried out."""
    from .rewriting import minimal_edits

    if finding.code == suppression.UNUSED:
        return {path: suppression.removal_edits(project.text(path), finding.span)}
    carried = _carry_out(project, [repair])
    if carried.failed:
        return {}
    return {each: minimal_edits(project.text(each), text) for each, text in carried.texts.items()}


def fix_all(
    path: str,
    project: Project,
    config: Config,
    allowed: Callable[[Finding, Repair], bool],
    *,
    in_place: bool = False,
) -> Fixed:
    """Apply every repair of one file's findings that is `allowed`, until none is left.

    in_place: the project is given up for that with the new texts, which then has what this one has read.
    """
    fixed = Fixed(path, project)
    for _ in range(_ROUNDS):
        done = _repair_once(path, fixed.project, config, allowed)
        if done is None:
            break
        texts, applied = done
        fixed.applied.extend(applied)
        for each in texts:
            fixed.before.setdefault(each, fixed.project.text(each))
        start = fixed.project if in_place or fixed.project is not project else project.fork()
        fixed.project = start.updated(texts)
    return fixed


def _repair_once(
    path: str, project: Project, config: Config, allowed: Callable[[Finding, Repair], bool]
) -> tuple[dict[str, str], list[tuple[Finding, Repair]]] | None:
    """The new texts of files, and the repairs of the file's findings that go together; None where nothing changes."""
    from .rewriting import apply_edits

    chosen: list[tuple[Finding, Repair]] = []
    for finding in check(path, project, config).findings:
        repair = next((each for each in finding.repairs if allowed(finding, each)), None)
        if repair is not None:
            chosen.append((finding, repair))
    comments = [each for each in chosen if each[0].code == suppression.UNUSED]
    repairs = [each for each in chosen if each[0].code != suppression.UNUSED]
    if repairs:
        together = at_once(Index(project), [repair for _, repair in repairs])
        repairs = [each for each, now in zip(repairs, together, strict=True) if now]
        carried = _carry_out(project, [repair for _, repair in repairs])
        texts = {each: text for each, text in carried.texts.items() if text != project.text(each)}
        if texts:
            return texts, [each for index, each in enumerate(repairs) if index not in carried.failed]
    if comments:
        text = project.text(path)
        edits = [edit for finding, _ in comments for edit in suppression.removal_edits(text, finding.span)]
        return {path: apply_edits(text, edits)}, comments
    return None


def _carry_out(project: Project, repairs: Iterable[Repair]) -> _Carried:
    steps: dict[tuple[str, str], list[tuple[int, Step]]] = {}
    for index, repair in enumerate(repairs):
        followed = following(project, repair.interface, repair.changes) if repair.interface is not None else ()
        for change in (*repair.changes, *followed):
            steps.setdefault((change.path, change.key), []).extend((index, step) for step in change.steps)
    by_file: dict[str, list[tuple[str, list[tuple[int, Step]]]]] = {}
    places: dict[str, set[int]] = {}  # by file, the repairs with steps there
    statements: Counter[int] = Counter()
    for (path, key), listed in steps.items():
        by_file.setdefault(path, []).append((key, listed))
        indexes = {index for index, _ in listed}
        places.setdefault(path, set()).update(indexes)
        statements.update(indexes)
    failed: set[int] = set()
    texts: dict[str, str] = {}
    waiting = list(by_file)
    while waiting:
        path = waiting.pop(0)
        facts = project.files.get(path)
        if facts is None:
            left_out = places[path] - failed
        else:
            texts[path], left_out = _rewritten(facts, by_file[path], failed)
        # A repair is carried out whole or not at all: what it changed in other statements is taken back.
        failed |= left_out
        elsewhere = {index for index in left_out if statements[index] > 1}
        waiting += [each for each in by_file if each not in waiting and places[each] & elsewhere]
    return _Carried(texts, failed)


def _rewritten(
    facts: FileFacts, changes: Iterable[tuple[str, list[tuple[int, Step]]]], failed: Set[int]
) -> tuple[str, set[int]]:
    """The new text of a file, and by index the repairs that could not be carried out there, of those not in `failed`.

    changes: for each statement, by its key, the steps with the index of each one's repair.
    """
    from .rewriting import Imports, apply_edits, import_edit, rewrite

    imports = Imports(facts.imports, frozenset(facts.scope))
    left_out: set[int] = set()
    replaced: dict[str, str] = {}
    ahead: dict[str, str] = {}
    lines: list[ImportLine] = []
    inserted: dict[InsertStatements, list[Statement]] = {}
    for key, listed in changes:
        statement = facts.source.by_key.get(key)
        if statement is None:
            left_out.update(index for index, _ in listed if index not in failed)
            continue
        there = {
            step
            for step, places in inserted.items()
            if any(facts.source.is_bound_at(each, statement) for each in places)
        }
        while True:
            part = [(index, step) for index, step in listed if index not in failed and index not in left_out]
            part = _once(part, there)
            done = rewrite(statement.text, [step for _, step in part], imports)
            if not done.failed:
                break
            for number, reason in done.failed:
                _log.info("%s: a repair was left out: %s", facts.path, reason)
                left_out.add(part[number][0])
        for _, step in part:
            if isinstance(step, InsertStatements):
                inserted.setdefault(step, []).append(statement)
        replaced[key], ahead[key] = done.text, done.ahead
        lines.extend(done.imports)
    pieces = [facts.source.text[: len(facts.source.text) - sum(len(s.text) for s in _in_order(facts))]]
    for statement in _in_order(facts):
        if ahead.get(statement.key):
            kept = _comments_above(pieces[-1], statement.indent)
            pieces[-1:] = [pieces[-1][: len(pieces[-1]) - len(kept)], ahead[statement.key], kept]
        pieces.append(replaced.get(statement.key, statement.text))
    text = "".join(pieces)
    if lines:
        text = apply_edits(text, import_edit(text, list(dict.fromkeys(lines)), facts.absolute))
    return text, left_out


def _comments_above(text: str, indent: str) -> str:
    """The comments right above a statement, which stay there: those indented as it is."""
    found = re.search(rf"(?:^{indent}#[^\r\n]*(?:\r\n|\r|\n))+\Z", text, re.MULTILINE)
    return found[0] if found is not None else ""


def _once(listed: list[tuple[int, Step]], inserted: Set[InsertStatements]) -> list[tuple[int, Step]]:
    """The steps without those that insert what another repair of the file inserts already."""
    seen = set(inserted)
    kept: list[tuple[int, Step]] = []
    for index, step in listed:
        if isinstance(step, InsertStatements):
            if step in seen:
                continue
            seen.add(step)
        kept.append((index, step))
    return kept


def _in_order(facts: FileFacts) -> list[Statement]:
    return [statement for _, statement in facts.source.statements]
