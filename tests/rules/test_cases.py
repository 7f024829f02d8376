"""Every rule's cases, and the laws every repair keeps."""

from __future__ import annotations

import ast
from collections import Counter

import pytest
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Fixed, Project, check, fix_all
from aimet_guidelines.finding import Finding, Repair, Safety
from aimet_guidelines.positions import split_lines
from aimet_guidelines.rules import RULES, Case, Rule

_PATH = "/project/model.py"
_CASES = [(rule, case) for rule in RULES for case in rule.cases]
_NAMES = [f"{rule.code}-{case.title}" for rule, case in _CASES]
_REPAIRED = [(rule, case) for rule, case in _CASES if case.repaired is not None]
_REPAIRED_NAMES = [f"{rule.code}-{case.title}" for rule, case in _REPAIRED]


def _config(rule: Rule) -> Config:
    # Which comments are used depends on the other rules' findings.
    return Config(root="/project", select=("AIMET",) if rule.code == "AIMET001" else (rule.code,))


def _project(source: str) -> Project:
    return Project.empty("/project").updated({_PATH: source})


def _findings(rule: Rule, source: str) -> list[Finding]:
    report = check(_PATH, _project(source), _config(rule))
    assert not report.problems
    return [finding for finding in report.findings if finding.code == rule.code]


def _fix(rule: Rule, case: Case, source: str) -> Fixed:
    def allowed(finding: Finding, repair: Repair) -> bool:
        return finding.code == rule.code and (case.unsafe or repair.safety is Safety.SAFE)

    return fix_all(_PATH, _project(source), _config(rule), allowed)


@pytest.mark.parametrize(("rule", "case"), _CASES, ids=_NAMES)
def test_the_findings_stand_on_the_lines_of_the_case(rule: Rule, case: Case) -> None:
    assert [finding.span.line + 1 for finding in _findings(rule, case.source)] == list(case.lines)


@pytest.mark.parametrize(("rule", "case"), _CASES, ids=_NAMES)
def test_the_source_of_a_case_is_valid_python(rule: Rule, case: Case) -> None:
    ast.parse(case.source)


@pytest.mark.parametrize(("rule", "case"), _CASES, ids=_NAMES)
def test_a_finding_without_a_repair_says_why(rule: Rule, case: Case) -> None:
    for finding in _findings(rule, case.source):
        if rule.code != "AIMET001" and not finding.repairs:
            assert "repair" in finding.message.lower(), finding.message


@pytest.mark.parametrize(("rule", "case"), _CASES, ids=_NAMES)
def test_an_unsafe_repair_says_so_in_its_title(rule: Rule, case: Case) -> None:
    for finding in _findings(rule, case.source):
        for repair in finding.repairs:
            assert (repair.safety is Safety.UNSAFE) == ("unsafe" in repair.title), repair.title


@pytest.mark.parametrize(("rule", "case"), _REPAIRED, ids=_REPAIRED_NAMES)
def test_fix_all_gives_the_repaired_text(rule: Rule, case: Case) -> None:
    assert _fix(rule, case, case.source).text == case.repaired


@pytest.mark.parametrize(("rule", "case"), _REPAIRED, ids=_REPAIRED_NAMES)
def test_the_repaired_text_parses(rule: Rule, case: Case) -> None:
    ast.parse(_fix(rule, case, case.source).text)


@pytest.mark.parametrize(("rule", "case"), _REPAIRED, ids=_REPAIRED_NAMES)
def test_the_finding_is_gone_after_its_repair(rule: Rule, case: Case) -> None:
    fixed = _fix(rule, case, case.source)
    before, after = len(_findings(rule, case.source)), len(_findings(rule, fixed.text))
    assert after == before - len(fixed.applied) or (fixed.applied and after == 0)


@pytest.mark.parametrize(("rule", "case"), _REPAIRED, ids=_REPAIRED_NAMES)
def test_repairing_twice_changes_nothing(rule: Rule, case: Case) -> None:
    once = _fix(rule, case, case.source).text
    again = _fix(rule, case, once)
    assert again.text == once
    assert not again.edits


@pytest.mark.parametrize(("rule", "case"), _REPAIRED, ids=_REPAIRED_NAMES)
def test_the_lines_no_edit_touches_stay_byte_for_byte(rule: Rule, case: Case) -> None:
    # Ends, tabs and comments of other lines are the user's: shown on a copy with Windows line ends and a comment.
    source = ("# Über uns: 模型 \t\n" + case.source).replace("\n", "\r\n")
    fixed = _fix(rule, case, source)
    assert fixed.text == ("# Über uns: 模型 \t\n" + str(case.repaired)).replace("\n", "\r\n")
    lines, touched = split_lines(source), set()
    for edit in fixed.edits.get(_PATH, []):
        touched.update(range(edit.span.line, edit.span.end_line + 1))
    kept = Counter(line for number, line in enumerate(lines) if number not in touched)
    assert not kept - Counter(split_lines(fixed.text))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_has_bad_and_good_cases_with_titles_of_their_own(rule: Rule) -> None:
    titles = [case.title for case in rule.cases]
    assert len(titles) == len(set(titles))
    assert any(case.lines for case in rule.cases)
    assert any(not case.lines for case in rule.cases)


def test_codes_and_names_are_unique() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_findings_of_two_rules_never_share_a_range() -> None:
    # An editor shows one squiggle for two equal ranges, and a person could not tell which repair is whose.
    for rule, case in _CASES:
        report = check(_PATH, _project(case.source), Config(root="/project"))
        seen: dict[object, str] = {}
        for finding in report.findings:
            other = seen.setdefault(finding.span, finding.code)
            assert other == finding.code, f"{rule.code} {case.title}: {other} and {finding.code} at {finding.span}"
