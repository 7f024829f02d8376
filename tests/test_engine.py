"""The contract of the engine: what editor and command line rely on."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from aimet_guidelines import engine, judging
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check, fix_all, repair_edits
from aimet_guidelines.finding import Change, Finding, Repair, ReplaceText, Report, Safety, Severity
from aimet_guidelines.positions import Span, split_lines
from aimet_guidelines.rewriting import apply_edits
from aimet_guidelines.rules import RULES

ROOT = "/project"
PATH = f"{ROOT}/model.py"
CONFIG = Config(root=ROOT)

NET = """\
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()

    def forward(self, x):
        x = F.relu(x)
        x = self.relu(x)
        return self.relu(x)


class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x):
        return self.fc(torch.tanh(x))
"""


def _project(text: str = NET, **others: str) -> Project:
    files = {PATH: text, **{f"{ROOT}/{name}.py": other for name, other in others.items()}}
    return Project.empty(ROOT).updated(files)


def _report(text: str = NET, config: Config = CONFIG, **others: str) -> Report:
    return check(PATH, _project(text, **others), config)


def _brief(report: Report) -> list[tuple[str, int]]:
    return [(finding.code, finding.span.line) for finding in report.findings]


NET_FINDINGS = [("AIMET101", 11), ("AIMET102", 13), ("AIMET101", 22)]


# check


def test_findings_are_sorted_placed_and_keyed() -> None:
    findings = _report().findings
    assert [(finding.code, finding.span.line) for finding in findings] == NET_FINDINGS
    assert findings[0].span == Span(11, 12, 11, 18)
    assert {finding.path for finding in findings} == {PATH}
    assert len({finding.key for finding in findings}) == len(findings)
    assert findings[0].symbol == "torch.nn.functional.relu"


def test_related_places_are_absolute() -> None:
    (finding,) = (each for each in _report().findings if each.code == "AIMET102")
    assert {related.location.path for related in finding.related} == {PATH}
    assert {related.location.span.line for related in finding.related} == {8, 12}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\0",
        "class",
        "class A(",
        "def f(:\n",
        '"""',
        "\\",
        "@",
        "\tx = 1\n",
        "é = '\ud800'\n",
        "class Net(nn.Module):\n    pass\n" * 3,
        "import torch\nclass Net(torch.nn.Module):\n    def forward(self): return self.forward()\n",
        "import torch\nclass Net(Net):\n    def forward(self, x): return x\n",
        "from model import Net\nclass Net(Net):\n    def forward(self, x): return super().forward(x)\n",
        "from model import *\nimport model\nclass Net(model.model.Net): ...\n",
        "import torch\nclass A(B): ...\nclass B(A): ...\n",
        "import torch\nx = x\ny = z\nz = y\nclass A(y, torch.nn.Module):\n    def forward(self, x): return z(x)\n",
        NET.replace("\n", "\r\n"),
        NET.replace("\n", "\r"),
        "class A:\n" + "    class A:\n".join("    " * n for n in range(60)) + "pass\n",
        "x = " + "(" * 500,
        "x = " + "-" * 5000 + "1\n",
        "import torch\nclass N(torch.nn.Module):\n    def forward(self, x):\n        return "
        + " + ".join(["x"] * 900)
        + "\n",
    ],
)
def test_no_text_makes_the_engine_raise(text: str) -> None:
    report = _report(text)
    assert all(finding.span.line <= len(split_lines(text)) for finding in report.findings)
    fix_all(PATH, _project(text), CONFIG, lambda _finding, _repair: True)


def test_a_statement_that_does_not_parse_is_a_problem_of_its_own() -> None:
    report = _report(NET.replace("        x = F.relu(x)", "        x = F.relu(x"))
    assert _brief(report) == [("AIMET101", 22)]
    (problem,) = report.problems
    assert (problem.path, problem.line) == (PATH, 11)
    assert "does not parse" in problem.message


def test_a_crash_in_one_rule_costs_only_its_findings(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(unit: Any, config: Config) -> None:
        raise RuntimeError("on purpose")

    (rule,) = (rule for rule in RULES if rule.code == "AIMET101")
    monkeypatch.setattr(type(rule), "check", lambda self, unit, config: crash(unit, config))
    with caplog.at_level(logging.ERROR):
        report = _report()
    assert _brief(report) == [("AIMET102", 13)]
    assert "AIMET101 failed on class Net" in caplog.text
    assert "on purpose" in caplog.text


def test_a_crash_in_reading_costs_only_one_statement(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = judging.unit

    def crash(index: Any, facts: Any, statement: Any) -> Any:
        if statement.key == "class Net":
            raise RuntimeError("on purpose")
        return read(index, facts, statement)

    monkeypatch.setattr(judging, "unit", crash)
    with caplog.at_level(logging.ERROR):
        assert _brief(_report()) == [("AIMET101", 22)]
    assert "reading class Net failed" in caplog.text


# Settings and comments


def test_only_selected_rules_speak() -> None:
    assert _brief(_report(config=Config(root=ROOT, select=("AIMET102",)))) == [("AIMET102", 13)]
    assert _brief(_report(config=Config(root=ROOT, ignore=("AIMET101",)))) == [("AIMET102", 13)]


def test_the_severity_of_the_settings_counts() -> None:
    config = Config(root=ROOT, severity=(("AIMET101", Severity.ERROR), ("AIMET102", None)))
    findings = _report(config=config).findings
    assert [(finding.code, finding.severity) for finding in findings] == [("AIMET101", Severity.ERROR)] * 2


def test_a_rule_is_off_for_the_files_the_settings_name() -> None:
    config = Config(root=ROOT, per_file_ignores=(("model.py", ("AIMET101",)),))
    assert _brief(_report(config=config)) == [("AIMET102", 13)]
    config = Config(root=ROOT, per_file_ignores=(("other.py", ("AIMET101",)),))
    assert _brief(_report(config=config)) == NET_FINDINGS


def test_settings_that_differ_do_not_share_what_is_remembered() -> None:
    project = _project()
    assert _brief(check(PATH, project, CONFIG)) == NET_FINDINGS
    assert _brief(check(PATH, project, Config(root=ROOT, select=("AIMET102",)))) == [("AIMET102", 13)]
    assert _brief(check(PATH, project, CONFIG)) == NET_FINDINGS


def test_ignore_comments_silence_and_unused_ones_are_told() -> None:
    text = NET.replace("x = F.relu(x)", "x = F.relu(x)  # aimet: ignore[AIMET101]").replace(
        "self.fc = nn.Linear(2, 2)", "self.fc = nn.Linear(2, 2)  # aimet: ignore"
    )
    assert _brief(_report(text)) == [("AIMET102", 13), ("AIMET001", 19), ("AIMET101", 22)]


def test_an_ignored_file_has_no_findings() -> None:
    assert _brief(_report("# aimet: ignore-file\n" + NET)) == []


def test_an_ignore_comment_in_a_statement_that_is_being_typed_is_not_unused() -> None:
    text = NET.replace("x = F.relu(x)", "x = F.relu(x  # aimet: ignore")
    assert _brief(_report(text)) == [("AIMET101", 22)]


# While a statement is being typed


def _after(*texts: str) -> Report:
    project = _project()
    report = check(PATH, project, CONFIG)
    for text in texts:
        project = project.updated({PATH: text})
        report = check(PATH, project, CONFIG)
    return report


def test_a_half_typed_statement_keeps_its_findings_without_repairs() -> None:
    report = _after(NET.replace("return self.relu(x)", "return self.relu(x"))
    assert _brief(report)[:2] == NET_FINDINGS[:2]
    assert all(not finding.repairs for finding in report.findings[:2])
    assert report.findings[2].repairs
    assert len(report.problems) == 1


def test_findings_move_with_lines_above_and_below_the_one_being_typed() -> None:
    half = NET.replace("        x = self.relu(x)\n", "        x = self.relu(x)\n        y = (\n")
    assert _brief(_after(half)) == [("AIMET101", 11), ("AIMET102", 14), ("AIMET101", 23)]
    assert _brief(_after(half, half.replace("y = (", "y = ((\n        z = 1"))) == [
        ("AIMET101", 11),
        ("AIMET102", 15),
        ("AIMET101", 24),
    ]


def test_a_finding_on_the_line_being_typed_stays_while_its_text_does() -> None:
    typed = NET.replace("        x = F.relu(x)", "        yy = F.relu(x")
    (first, *_) = _after(typed).findings
    assert first.span == Span(11, 13, 11, 19)
    assert ("AIMET101", 11) not in _brief(_after(NET.replace("x = F.relu(x)", "x = F.rel(x")))


def test_what_is_typed_to_the_end_is_checked_afresh() -> None:
    half, whole = NET.replace("x = F.relu(x)", "x = F.elu(x"), NET.replace("x = F.relu(x)", "x = F.elu(x)")
    assert _after(half, whole).findings == _report(whole).findings


# Other files

BASE = "from torch import nn\n\n\nclass Base(nn.Module):\n    def helper(self, x):\n        return x\n"
USER = (
    "import torch\nfrom base import Base\n\n\nclass Net(Base):\n    def forward(self, x):\n"
    "        return self.helper(torch.relu(x))\n"
)


def test_a_base_in_another_file_counts_and_so_does_its_change() -> None:
    project = _project(USER, base=BASE)
    assert ("AIMET101", 6) in _brief(check(PATH, project, CONFIG))
    assert PATH in project.dependents(f"{ROOT}/base.py")
    changed = project.updated({f"{ROOT}/base.py": BASE.replace("(nn.Module)", "")})
    assert _brief(check(PATH, changed, CONFIG)) == []
    assert ("AIMET101", 6) in _brief(check(PATH, project, CONFIG))


def test_findings_in_a_helper_come_and_go_with_its_callers() -> None:
    helper = "import torch\n\n\ndef act(x):\n    return torch.relu(x)\n"
    user = (
        "from torch import nn\nfrom helper import act\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.fc = nn.Linear(1, 1)\n\n    def forward(self, x):\n"
        "        return act(self.fc(x))\n"
    )
    path = f"{ROOT}/helper.py"
    project = _project(user, helper=helper)
    assert [(each.code, each.span.line) for each in check(path, project, CONFIG).findings] == [("AIMET101", 4)]
    changed = project.updated({PATH: user.replace("act(self.fc(x))", "self.fc(x)")})
    assert check(path, changed, CONFIG).findings == []
    assert path in project.dependents(PATH)


def test_a_file_that_goes_takes_its_classes_along() -> None:
    project = _project(USER, base=BASE)
    gone = project.updated({f"{ROOT}/base.py": None})
    assert list(gone.paths) == [PATH]
    assert _brief(check(PATH, gone, CONFIG)) == []


def test_an_older_project_still_answers_as_before() -> None:
    project = _project()
    before = check(PATH, project, CONFIG).findings
    newer = project.updated({PATH: NET.replace("F.relu", "F.gelu")})
    assert check(PATH, newer, CONFIG).findings != before
    assert check(PATH, project, CONFIG).findings == before


# Repairs


def _safe(_finding: Finding, repair: Repair) -> bool:
    return repair.safety is Safety.SAFE


def test_a_quick_fix_changes_only_what_it_means_to() -> None:
    project = _project()
    finding = check(PATH, project, CONFIG).findings[0]
    edits = repair_edits(PATH, project, CONFIG, finding, finding.repairs[0])
    assert list(edits) == [PATH]
    text = apply_edits(NET, edits[PATH])
    assert "        x = self.relu2(x)\n" in text
    assert set(split_lines(NET)) - set(split_lines(text)) == {"        x = F.relu(x)"}
    assert ("AIMET101", 11) not in _brief(_report(text))


def test_fix_all_reaches_a_text_without_safe_repairs() -> None:
    project = _project()
    fixed = fix_all(PATH, project, CONFIG, _safe)
    assert {finding.code for finding, _ in fixed.applied} == {"AIMET101", "AIMET102"}
    assert apply_edits(NET, fixed.edits[PATH]) == fixed.text
    assert not [each for each in _report(fixed.text).findings if any(_safe(each, repair) for repair in each.repairs)]
    again = fix_all(PATH, _project(fixed.text), CONFIG, _safe)
    assert (again.text, again.applied, again.edits) == (fixed.text, [], {})


def test_fix_all_applies_nothing_that_is_not_allowed() -> None:
    fixed = fix_all(PATH, _project(), CONFIG, lambda _finding, _repair: False)
    assert (fixed.text, fixed.applied, fixed.edits) == (NET, [], {})


def test_fix_all_removes_comments_that_silence_nothing() -> None:
    text = NET.replace("nn.Linear(2, 2)", "nn.Linear(2, 2)  # aimet: ignore")
    fixed = fix_all(PATH, _project(text), CONFIG, lambda finding, _: finding.code == "AIMET001")
    assert fixed.text == NET
    assert [finding.code for finding, _ in fixed.applied] == ["AIMET001"]


def test_fix_all_leaves_what_does_not_parse_as_it_is() -> None:
    text = NET.replace("        return self.relu(x)\n", "        return self.relu(x\n")
    fixed = fix_all(PATH, _project(text), CONFIG, _safe)
    assert [finding.span.line for finding, _ in fixed.applied] == [22]
    assert fixed.text.startswith(text[: text.index("class Other")])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_repairs_keep_line_ends(end: str) -> None:
    text = NET.replace("\n", end)
    fixed = fix_all(PATH, _project(text), CONFIG, _safe)
    assert fixed.text.replace(end, "\n") == fix_all(PATH, _project(), CONFIG, _safe).text
    assert fixed.text.count("\n") == fixed.text.count(end)


def test_fix_all_leaves_the_project_it_was_asked_for_as_quick_as_before() -> None:
    project = _project()
    before = check(PATH, project, CONFIG).findings
    fix_all(PATH, project, CONFIG, _safe)
    assert project.memory.newest is project
    assert check(PATH, project, CONFIG).findings == before


def test_a_repair_that_fails_in_one_place_changes_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even what was rewritten before it was known: a function would be called as it no longer is."""
    texts = {PATH: "def a(x):\n    return x.one + x.two\n", f"{ROOT}/b.py": "def b(x):\n    return x.three\n"}
    project = Project.empty(ROOT).updated(texts)
    here, there = (next(iter(project.files[path].source.by_key)) for path in texts)

    def finding(span: Span, text: str) -> Finding:
        elsewhere = Change(f"{ROOT}/b.py", there, (ReplaceText(Span(1, 11, 1, 18), text),))
        repair = Repair("", Safety.SAFE, (Change(PATH, here, (ReplaceText(span, text),)), elsewhere))
        return Finding("AIMET101", "", PATH, span, "", Severity.WARNING, "", (repair,))

    found = [finding(Span(1, 11, 1, 16), "y"), finding(Span(1, 19, 1, 24), "z")]
    monkeypatch.setattr(engine, "check", lambda *_: Report(PATH, found))
    monkeypatch.setattr(engine, "_ROUNDS", 1)
    fixed = fix_all(PATH, project, CONFIG, _safe)
    assert (fixed.text, len(fixed.applied)) == ("def a(x):\n    return y + x.two\n", 1)
    assert fixed.project.text(f"{ROOT}/b.py") == "def b(x):\n    return y\n"
    assert project.text(PATH) == texts[PATH]


def test_what_is_nested_too_deeply_to_be_read_is_said_to_be_each_time(caplog: pytest.LogCaptureFixture) -> None:
    deep = "class Deep(nn.Module):\n    def forward(self, x):\n        return " + " + ".join(["x"] * 800) + "\n"
    project = _project(NET + "\n\n" + deep)
    first, second = (check(PATH, project, CONFIG) for _ in range(2))
    assert first == second
    (problem,) = first.problems
    assert (problem.line, problem.message) == (
        NET.count("\n") + 2,
        "This statement is not checked: it is nested too deeply",
    )
    assert first.findings == _report(NET).findings
    assert not caplog.records
