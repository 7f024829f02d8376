"""Compares what the checker finds with what ran and what AIMET says, line by line.

    python tests/oracle/compare.py [--library timm] [--show 30] [--rule AIMET301] [--write]

Runs in the oracle's environment. `--write` puts the tables into docs/agreement.md. Only lines that ran count.

How a finding or a report of AIMET is judged (a report and a finding match within one statement, whatever its lines):
    right      AIMET reports the operation and we find it.
    missed     AIMET reports it, a tensor function made it there, and we do not find it.
    wrong      we find it, AIMET's graph covers the line, and AIMET does not report it.
Set apart, neither right nor wrong:
    artifact   AIMET reports arithmetic of sizes, which tracing turns into tensors: no tensor function of that kind ran
               there. `floor_divide` always is one.
    traced only  the line ran under torch.jit.trace and not in a plain forward.
    torch      AIMET reports it inside one of torch's own modules.
    exempt     all that a childless module does: AIMET takes the module for the operation.
    not run    we find it where nothing ran, or in a branch of an expression that did not run.
    untraced   we find it on a line that AIMET's trace did not reach (a cache, a graph AIMET cannot build).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import checkout
import kinds
import tomllib
from recording import HERE, FileRecord, load_all, merged
from statements import Span, Statements

checkout.use()

from aimet_guidelines.config import Config  # noqa: E402
from aimet_guidelines.engine import Project, check  # noqa: E402
from aimet_guidelines.finding import Finding  # noqa: E402
from aimet_guidelines.knowledge.layers import layer  # noqa: E402

DISAGREEMENTS = HERE / "disagreements.toml"
OPERATION_RULES = ("AIMET101", "AIMET301")
RULES = ("AIMET101", "AIMET102", "AIMET301", "AIMET202", "AIMET203", "AIMET204", "AIMET103")

# (precision, recall) that the project promises.
GOALS = {
    "AIMET101": (0.99, 0.97),
    "AIMET102": (0.98, 0.95),
    "AIMET301": (0.98, 0.96),
    "AIMET202": (1.0, 1.0),
    "AIMET203": (1.0, 1.0),
    "AIMET204": (1.0, 1.0),
    "AIMET103": (0.98, 0.95),
}


@dataclass(frozen=True, order=True)
class Disagreement:
    """side: `missed` or `wrong`. line: 1-based first line of the statement. kind: the operation or module class."""

    rule: str
    side: str
    path: str
    line: int
    kind: str


@dataclass
class Score:
    """What became of one rule's findings and of AIMET's reports."""

    right: int = 0
    missed: int = 0
    wrong: int = 0
    apart: Counter[str] = field(default_factory=Counter)

    @property
    def precision(self) -> float:
        """Of what we find, the share AIMET reports too."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Of what AIMET reports, the share we find."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


@dataclass
class Result:
    """The comparison of a whole set."""

    scores: dict[str, Score] = field(default_factory=lambda: {rule: Score() for rule in RULES})
    disagreements: list[Disagreement] = field(default_factory=list)
    files: dict[str, Statements] = field(default_factory=dict)
    unexplained: list[str] = field(default_factory=list)

    def right(self, rule: str) -> None:
        """Count an agreement."""
        self.scores[rule].right += 1

    def apart(self, rule: str, why: str) -> None:
        """Count what is neither right nor wrong."""
        self.scores[rule].apart[why] += 1

    def disagree(self, rule: str, side: str, path: str, line: int, kind: str) -> None:
        """Count a disagreement."""
        score = self.scores[rule]
        if side == "missed":
            score.missed += 1
        else:
            score.wrong += 1
        self.disagreements.append(Disagreement(rule, side, path, line, kind))


def site_packages() -> Path:
    """Where this interpreter's packages lie."""
    import torch

    return Path(torch.__file__).resolve().parent.parent


def project_of(library: str, root: Path) -> Project:
    """Every file of an installed library."""
    texts = {path.as_posix(): path.read_text(encoding="utf-8") for path in sorted((root / library).rglob("*.py"))}
    return Project.empty(root.as_posix()).updated(dict(texts))


def compare(libraries: Iterable[str]) -> Result:
    """Compare every recorded file of some libraries."""
    result, root = Result(), site_packages()
    for library in libraries:
        files = merged(load_all([library]))
        project = project_of(library, root)
        for name, record in sorted(files.items()):
            path = (root / name).as_posix()
            if path not in project.files:
                continue
            findings = check(path, project, Config()).findings
            statements = result.files[name] = Statements(project.text(path))
            _operations(name, record, statements, findings, result)
            _reuse(name, record, statements, findings, result)
            _marks(name, record, statements, findings, result)
            _input_output(record, statements, findings, result, name)
    result.disagreements.sort()
    return result


def _operations(name: str, record: FileRecord, statements: Statements, findings: list[Finding], out: Result) -> None:
    ran, traced = set(record.ran), set(record.traced)
    calls = _by_statement(record.calls, statements)
    alone = _by_statement(record.alone, statements)
    found: dict[tuple[str, Span, str], Finding] = {}
    for finding in findings:
        if finding.code in OPERATION_RULES:
            found[finding.code, _place(finding, statements), kinds.of_symbol(finding.symbol)] = finding
    confirmed: set[tuple[str, Span, str]] = set()
    reports: dict[tuple[str, Span, str], None] = {}
    for line, types in sorted(record.flagged.items()):
        span = statements.span(line)
        for reported in types:
            here = calls.get(span, set())
            why, call = kinds.cause(reported, here, not ran.isdisjoint(range(span.first, span.last + 1)))
            if why == "call":
                rule = "AIMET101" if layer(call) is not None else "AIMET301"
                reports[rule, span, kinds.of_symbol(call)] = None
            elif why == "unexplained":
                out.unexplained.append(f"{name}:{line} {reported}; calls there: {sorted(here)}")
            else:
                out.apart("AIMET301", why)
    for types in record.inside.values():
        for _ in types:
            out.apart("AIMET301", "torch")
    for rule, span, word in reports:
        match = next((key for key in found if key[0] == rule and key[1] == span and _same(key[2], word)), None)
        if match is None:
            out.disagree(rule, "missed", name, span.first, word)
        else:
            confirmed.add(match)
            out.right(rule)
    for key, finding in found.items():
        rule, span, word = key
        if key in confirmed or any(r == rule and s == span and _same(word, w) for r, s, w in reports):
            continue
        lines = range(span.first, span.last + 1)
        if not ran.intersection(lines):
            out.apart(rule, "not run")
        elif not traced.intersection(lines):
            out.apart(rule, "untraced")
        elif any(_same(word, kinds.of_symbol(each)) for each in alone.get(span, ())):
            out.apart(rule, "exempt")
        elif not any(_same(word, kinds.of_symbol(each)) for each in calls.get(span, ())) and statements.is_conditional(
            finding.span.line + 1, finding.span.column
        ):
            out.apart(rule, "not run")
        else:
            out.disagree(rule, "wrong", name, span.first, word)


def _same(one: str, other: str) -> bool:
    return one == other or {one, other} <= {"div", "rdiv"}


def _reuse(name: str, record: FileRecord, statements: Statements, findings: list[Finding], out: Result) -> None:
    """A module that is given to several parents is called in them, and found where it is given: both count as one."""
    ran, built = set(record.ran), set(record.built)
    places: dict[Span, set[str]] = {}
    for each in findings:
        if each.code == "AIMET102":
            made = [statements.text(note.location.span.line + 1) for note in each.related]
            words = places.setdefault(_place(each, statements), set())
            words.update(word for text in made for word in text.split("("))
    given = {span: words for span, words in places.items() if built.intersection(range(span.first, span.last + 1))}
    used: set[Span] = set()
    for span, classes in _by_statement(record.reuse, statements).items():
        makers = {place for place, words in given.items() if any(w.endswith(c) for w in words for c in classes)}
        if span in places:
            used.add(span)
            out.right("AIMET102")
        elif makers:
            used.update(makers)
            out.right("AIMET102")
        else:
            out.disagree("AIMET102", "missed", name, span.first, "/".join(sorted(classes)))
    for span in places:
        lines = range(span.first, span.last + 1)
        if span in used:
            continue
        if built.intersection(lines) and statements.class_at(span.first) in record.reuse_owners:
            out.apart("AIMET102", "where it is registered")
        elif ran.intersection(lines) or built.intersection(lines):
            out.disagree("AIMET102", "wrong", name, span.first, statements.class_at(span.first))
        else:
            out.apart("AIMET102", "not run")


def _marks(name: str, record: FileRecord, statements: Statements, findings: list[Finding], out: Result) -> None:
    # Views are calls; the other two may also stand where a module is made.
    run = {"AIMET202": set(record.ran)}
    for rule, lines in (("AIMET202", record.views), ("AIMET203", record.align), ("AIMET204", record.transposed)):
        wanted = {statements.span(line) for line in lines}
        found = {_place(each, statements) for each in findings if each.code == rule}
        for span in sorted(wanted | found, key=lambda each: each.first):
            if span in wanted and span in found:
                out.right(rule)
            elif span in wanted and rule == "AIMET202" and _of_numbers(record, lines, span):
                out.apart(rule, "of numbers")
            elif span in wanted:
                out.disagree(rule, "missed", name, span.first, "")
            elif run.get(rule, {*record.ran, *record.built}).intersection(range(span.first, span.last + 1)):
                out.disagree(rule, "wrong", name, span.first, "")
            else:
                out.apart(rule, "not run")


# What makes tensors of numbers.
_MADE = frozenset(f"torch.{name}" for name in ("arange", "linspace", "zeros", "ones", "full", "eye", "tensor"))


def _of_numbers(record: FileRecord, views: list[int], span: Span) -> bool:
    """Whether a view is of a tensor that its own line makes of numbers: no layer's output goes through it."""
    lines = [line for line in views if span.first <= line <= span.last]
    return bool(lines) and all(_MADE >= set(record.calls.get(line, ())) - {"Tensor.view"} != set() for line in lines)


def _input_output(record: FileRecord, statements: Statements, findings: list[Finding], out: Result, name: str) -> None:
    """By class: AIMET has no verdict of its own here, so what went in and out is the measure."""
    ran = {statements.class_at(line) for line in record.ran}
    wanted = {*record.inputs, *record.outputs}
    found: dict[str, int] = {}
    for each in findings:
        if each.code == "AIMET103":
            found.setdefault(statements.class_at(each.span.line + 1), each.span.line + 1)
    for cls in sorted(wanted | set(found)):
        if cls in wanted and cls in found:
            out.right("AIMET103")
        elif cls in wanted:
            kind = "/".join(sorted({*record.inputs.get(cls, ()), *record.outputs.get(cls, ())}))
            out.disagree("AIMET103", "missed", name, 0, f"{cls}: {kind}")
        elif cls in ran:
            out.disagree("AIMET103", "wrong", name, found[cls], cls)
        else:
            out.apart("AIMET103", "not run")


def _place(finding: Finding, statements: Statements) -> Span:
    return statements.span(finding.span.line + 1)


def _by_statement(table: dict[int, list[str]], statements: Statements) -> dict[Span, set[str]]:
    found: dict[Span, set[str]] = {}
    for line, names in table.items():
        found.setdefault(statements.span(line), set()).update(names)
    return found


def listed() -> list[tuple[Disagreement, str]]:
    """The reviewed disagreements with their reasons."""
    raw = tomllib.loads(DISAGREEMENTS.read_text(encoding="utf-8")) if DISAGREEMENTS.exists() else {}
    return [
        (Disagreement(each["rule"], each["side"], each["path"], each["line"], each["kind"]), each["reason"])
        for each in raw.get("disagreement", ())
    ]


def table(result: Result) -> Iterator[str]:
    """The scores as Markdown."""
    yield "| rule | right | missed | wrong | precision | recall | goal | set apart |"
    yield "|---|---|---|---|---|---|---|---|"
    for rule, score in result.scores.items():
        goal = GOALS.get(rule)
        wanted = f"{goal[0]:.0%} / {goal[1]:.0%}" if goal else "none"
        apart = ", ".join(f"{count} {why}" for why, count in sorted(score.apart.items())) or "none"
        yield (
            f"| {rule} | {score.right} | {score.missed} | {score.wrong} | {score.precision:.1%} | {score.recall:.1%} "
            f"| {wanted} | {apart} |"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", action="append", help="torchvision or timm; both without it")
    parser.add_argument("--show", type=int, default=20, help="how many disagreements of each rule to print")
    parser.add_argument("--rule", action="append", help="only print disagreements of this rule")
    options = parser.parse_args()
    result = compare(options.library or ("torchvision", "timm"))
    print("\n".join(table(result)))
    for each in result.unexplained:
        print(f"unexplained: {each}")
    known = {each for each, _ in listed()}
    for rule in options.rule or RULES:
        for side in ("missed", "wrong"):
            rows = [each for each in result.disagreements if (each.rule, each.side) == (rule, side)]
            if rows:
                print(f"\n{rule} {side}: {len(rows)}")
            for row in rows[: options.show]:
                note = " (listed)" if row in known else ""
                print(f"  {row.path}:{row.line} {row.kind}{note}: {result.files[row.path].text(row.line)[:110]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
