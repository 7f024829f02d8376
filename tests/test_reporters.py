"""What people and programs read: carets under the range, the JSON contract, SARIF, workflow commands."""

from __future__ import annotations

import json
import re

import pytest
from aimet_guidelines.finding import Finding, Repair, Safety, Severity
from aimet_guidelines.positions import Span
from aimet_guidelines.reporters import github, sarif, text
from aimet_guidelines.reporters import json as json_reporter
from aimet_guidelines.reporters.diff import unified
from aimet_guidelines.reporters.pages import explain, listing
from aimet_guidelines.reporters.results import Entry, Failure, Place, Results
from aimet_guidelines.rules import RULES


def entry(
    source: str = "x = F.relu(x)",
    column: int = 5,
    end: int = 11,
    *,
    path: str = "a/net.py",
    line: int = 3,
    lines: int = 1,
    severity: Severity = Severity.WARNING,
    safety: Safety | None = Safety.SAFE,
    cell: int | None = None,
) -> Entry:
    repairs = (Repair("Define `self.relu`", safety, ()),) if safety else ()
    finding = Finding(
        "AIMET101",
        "functional-layer",
        "/w/" + path,
        Span(0, 0, 0, 0),
        "It is a function.",
        severity,
        "torch.relu",
        repairs,
    )
    related = ((Place("a/base.py", 1, 1, 1, 4), "defined here"),)
    return Entry(finding, Place(path, line, column, line + lines - 1, end, cell), source, related)


def results(*entries: Entry, failures: tuple[Failure, ...] = ()) -> Results:
    found = Results(list(entries), list(failures), files=2)
    found.sort()
    return found


def test_text() -> None:
    assert list(text.report(results(entry(severity=Severity.ERROR), entry(safety=Safety.UNSAFE, line=1)))) == [
        "a/net.py:1:5: AIMET101 It is a function.",
        "x = F.relu(x)",
        "    ^^^^^^",
        "  a/base.py:1:1: defined here",
        "  fix (unsafe): Define `self.relu`",
        "",
        "a/net.py:3:5: AIMET101 It is a function.",
        "x = F.relu(x)",
        "    ^^^^^^",
        "  a/base.py:1:1: defined here",
        "  fix: Define `self.relu`",
        "",
        "Found 2 findings (1 error, 1 warning) in 1 of 2 files.",
        "1 can be repaired safely, 1 more with --unsafe-fixes.",
    ]


@pytest.mark.parametrize(
    ("source", "column", "end", "lines", "carets"),
    [
        ("\tx = f(x)", 6, 10, 1, "\t    ^^^^"),
        ("名前 = f(x)", 6, 10, 1, "       ^^^^"),
        ("'é😀' + f(x)", 8, 12, 1, "        ^^^^"),
        ("'e\u0301' + f(x)", 8, 12, 1, "      ^^^^"),
        ("f(名前)", 1, 6, 1, "^^^^^^^"),
        ("x = f(", 5, 2, 2, "    ^^"),
        ("x", 1, 1, 1, "^"),
        ("x", 9, 12, 1, " ^"),
    ],
)
def test_carets_line_up(source: str, column: int, end: int, lines: int, carets: str) -> None:
    assert text.underline(entry(source, column, end, lines=lines)) == (source, carets)


def test_a_tab_inside_the_range_is_expanded() -> None:
    assert text.underline(entry("\tf(a,\tb)", 2, 9)) == ("        f(a,    b)", "        ^^^^^^^^^^")


def test_colour_changes_nothing_but_colour() -> None:
    found = results(entry(), entry(severity=Severity.INFORMATION))
    coloured = list(text.report(found, colour=True))
    assert any("\x1b[" in line for line in coloured)
    assert [re.sub("\x1b\\[[0-9;]*m", "", line) for line in coloured] == list(text.report(found))


def test_nothing_found() -> None:
    assert list(text.report(results())) == ["Nothing found in 2 files."]


def test_json_is_the_contract() -> None:
    document = json.loads(json_reporter.report(results(entry(cell=4), failures=(Failure("b.py", 2, "broken"),))))
    assert document == {
        "version": 1,
        "findings": [
            {
                "path": "a/net.py",
                "line": 3,
                "column": 5,
                "end_line": 3,
                "end_column": 11,
                "code": "AIMET101",
                "name": "functional-layer",
                "severity": "warning",
                "message": "It is a function.",
                "symbol": "torch.relu",
                "fix": {"title": "Define `self.relu`", "safety": "safe"},
                "related": [
                    {
                        "path": "a/base.py",
                        "line": 1,
                        "column": 1,
                        "end_line": 1,
                        "end_column": 4,
                        "cell": None,
                        "message": "defined here",
                    }
                ],
                "cell": 4,
                "doc_url": document["findings"][0]["doc_url"],
            }
        ],
        "errors": [{"path": "b.py", "line": 2, "message": "broken", "cell": None}],
        "summary": {
            "files": 2,
            "findings": 1,
            "errors": 1,
            "severities": {"error": 0, "warning": 1, "information": 0},
            "fixable": 1,
            "fixable_unsafe": 0,
            "fixable_by_name": 0,
            "codes": {"AIMET101": 1},
        },
    }
    assert document["findings"][0]["doc_url"].startswith("https://")


def test_json_says_null_without_a_fix() -> None:
    assert json.loads(json_reporter.report(results(entry(safety=None))))["findings"][0]["fix"] is None


def test_findings_are_sorted_by_path_line_and_column() -> None:
    mixed = [
        entry(path="b.py"),
        entry(path="a.py", line=10),
        entry(path="a.py", line=9, column=7),
        entry(path="a.py", line=9),
    ]
    places = [(found.place.path, found.place.line, found.place.column) for found in results(*mixed).entries]
    assert places == [("a.py", 9, 5), ("a.py", 9, 7), ("a.py", 10, 5), ("b.py", 3, 5)]


def test_sarif() -> None:
    found = results(
        entry(path="a b/né.py", severity=Severity.INFORMATION),
        entry(),
        entry(line=4),
        failures=(Failure("b.py", 2, "broken"),),
    )
    log = json.loads(sarif.report(found))
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.code for rule in RULES]
    assert all(rule["help"]["markdown"] and rule["shortDescription"]["text"] for rule in rules)
    first, *others = run["results"]
    assert first["level"] == "note"
    assert rules[first["ruleIndex"]]["id"] == first["ruleId"] == "AIMET101"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b/n%C3%A9.py"
    assert place["region"] == {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 11}
    assert len({json.dumps(result["partialFingerprints"]) for result in (first, *others)}) == 3
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"][0]["executionSuccessful"] is False


def test_a_name_that_is_no_unicode() -> None:
    found = results(entry(path="bad\udcff.py"), failures=(Failure("bad\udcff.py", 2, "broken"),))
    [run] = json.loads(sarif.report(found))["runs"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "bad%FF.py"
    assert json.loads(json_reporter.report(found))["findings"][0]["path"] == "bad\udcff.py"


def test_a_fingerprint_does_not_move_with_its_line() -> None:
    def fingerprint(line: int) -> str:
        return str(json.loads(sarif.report(results(entry(line=line))))["runs"][0]["results"][0]["partialFingerprints"])

    assert fingerprint(3) == fingerprint(30)


def test_workflow_commands() -> None:
    commands = list(
        github.report(
            results(
                entry(path="a,b:c.py"), entry(path="n.ipynb", cell=2), failures=(Failure("b.py", 2, "100% broken"),)
            )
        )
    )
    assert commands == [
        "::warning file=a%2Cb%3Ac.py,line=3,endLine=3,col=5,endColumn=11,"
        "title=AIMET101 functional-layer::It is a function.",
        "::warning file=n.ipynb,title=AIMET101 functional-layer::cell 2, line 3: It is a function.",
        "::error file=b.py,line=2::100%25 broken",
    ]


def test_a_diff_that_tools_can_apply() -> None:
    assert list(unified("a.py", "x\r\ny", "x\r\nz")) == [
        "--- a/a.py",
        "+++ b/a.py",
        "@@ -1,2 +1,2 @@",
        " x\r",
        "-y",
        "\\ No newline at end of file",
        "+z",
        "\\ No newline at end of file",
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_page_reads_well_in_a_terminal(rule: object) -> None:
    lines = list(explain(rule))  # type: ignore[arg-type]
    for heading in ("WHAT IT DOES", "WHY AIMET NEEDS IT", "EXAMPLE", "USE INSTEAD", "FIX SAFETY"):
        assert heading in lines
    assert not any(line.lstrip().startswith("```") for line in lines)
    assert max(map(len, lines)) <= 120 or "http" in max(lines, key=len)


def test_the_list_of_rules() -> None:
    lines = list(listing(RULES))
    assert [line.split()[0] for line in lines] == [rule.code for rule in RULES]
    names = [rule.name for rule in RULES]
    assert [line.split()[1] for line in lines] == names
    widest = max(map(len, names))
    assert all(line[10 + widest : 12 + widest] == "  " and line[12 + widest] != " " for line in lines)
