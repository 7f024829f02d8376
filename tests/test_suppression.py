"""Ignore comments: what counts as one, what it silences, when it is unused, how one is written and removed."""

from __future__ import annotations

import time

import pytest
from aimet_guidelines import suppression
from aimet_guidelines.finding import Edit, Finding, Severity
from aimet_guidelines.positions import Span, split_lines
from aimet_guidelines.rules import RULES

ALL = {rule.code for rule in RULES} | {"AIMET001", "AIMET101", "AIMET102"}


def finding(line: int, code: str = "AIMET101", end: int | None = None) -> Finding:
    span = Span(line, 0, line, 1)
    statement = (line, line if end is None else end)
    return Finding(code, "", "/m.py", span, "", Severity.WARNING, "", statement=statement)


def applied(text: str, *findings: Finding, active: set[str] | None = None, **options: object) -> tuple[int, list[str]]:
    """How many findings stay, and the messages about unused comments."""
    kept, unused = suppression.apply(
        findings,
        suppression.directives(text),
        ALL if active is None else active,
        "/m.py",
        **options,  # type: ignore[arg-type]
    )
    return len(kept), [item.message for item in unused]


def edited(text: str, edits: list[Edit]) -> str:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for edit in sorted(edits, reverse=True, key=lambda edit: edit.span):
        span = edit.span
        start, end = starts[span.line] + span.column, starts[span.end_line] + span.end_column
        text = text[:start] + edit.text + text[end:]
    return text


@pytest.mark.parametrize(
    "line",
    [
        "x = f(x)  # aimet: ignore",
        "x = f(x)  # aimet: ignore[AIMET101]",
        "x = f(x)  # aimet: ignore[functional-layer]",
        "x = f(x)  # aimet: ignore[AIMET102, AIMET101]",
        "x = f(x)  #aimet:ignore[aimet101]",
        "x = f(x)  # noqa: E501  # aimet: ignore[AIMET101]",
        "x = f(x)  # aimet: ignore[AIMET101]  # type: ignore[arg-type]  # noqa",
        "x = f(x)  # type: ignore # aimet: ignore[AIMET101] # because",
        "x = f('#')  # aimet: ignore[AIMET101] -- a reason",
        "x = f('it\\'s')  # aimet: ignore",
    ],
)
def test_a_comment_on_the_line_silences(line: str) -> None:
    assert applied(line, finding(0))[0] == 0


@pytest.mark.parametrize(
    "text",
    [
        "x = '# aimet: ignore'",
        'x = """\n# aimet: ignore\n"""',
        "x = f(x)  # aimet: ignore[AIMET102]",
        "x = f(x)\n# aimet: ignore",
        "x = f(x)  # see aimet: ignore",
        "x = f(x)  # aimet: ignore[AIMET101",
        'x = r"\\"  # aimet: ignore"',
    ],
)
def test_what_does_not_silence(text: str) -> None:
    assert applied(text, *[finding(line) for line in range(1)])[0] == 1


def test_a_comment_in_a_string_of_several_lines_is_text() -> None:
    text = 'x = """\n# aimet: ignore\n"""\ny = 1  # aimet: ignore'
    assert [directive.line for directive in suppression.directives(text).all] == [3]


def test_the_last_line_of_the_statement_counts_and_those_between_do_not() -> None:
    assert applied("x = f(\n    x,\n)  # aimet: ignore[AIMET101]", finding(0, end=2))[0] == 0
    assert applied("x = f(\n    x,  # aimet: ignore[AIMET101]\n)", finding(0, end=2))[0] == 1


def test_a_whole_file() -> None:
    findings = [finding(3), finding(9, "AIMET102")]
    assert applied("# aimet: ignore-file\n", *findings) == (0, [])
    assert applied("# aimet: ignore-file[AIMET102]\n", *findings) == (1, [])


def test_unused_comments_are_reported() -> None:
    assert applied("x  # aimet: ignore") == (0, ["Nothing is found here, so this comment silences nothing"])
    assert applied("x  # aimet: ignore[AIMET101]")[1] == ["AIMET101 is not found here, so ignoring it has no effect"]
    assert applied("# aimet: ignore-file")[1] == ["Nothing is found in this file, so this comment silences nothing"]
    assert applied("x  # aimet: ignore[AIMET101, AIMET102]", finding(0))[1] == [
        "AIMET102 is not found here, so ignoring it has no effect"
    ]


def test_a_rule_that_is_off_is_not_judged() -> None:
    active = ALL - {"AIMET101"}
    assert applied("x  # aimet: ignore[AIMET101]", active=active)[1] == []
    assert applied("x  # aimet: ignore", active=active)[1] == []
    assert applied("x  # aimet: ignore", active=ALL - {"AIMET001"})[1] == []


def test_lines_that_could_not_be_read_are_not_judged() -> None:
    text = "x = (  # aimet: ignore\ny = 1  # aimet: ignore[AIMET101]"
    assert len(applied(text, unread=[(0, 0)])[1]) == 1
    assert applied("# aimet: ignore-file\nx = (", unread=[(1, 1)])[1] == []


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# aimet: ignore[AIMET1O1]", '"AIMET1O1" is not a rule'),
        ("# aimet: ignore[unused-ignroe]", 'did you mean "unused-ignore"?'),
        ("# aimet: ignore[]", "no code in the brackets"),
        ("# aimet: ignore[AIMET101", "not closed"),
        ("# aimet: ignore AIMET101", 'codes go in brackets: "# aimet: ignore[AIMET101]"'),
        ("# aimet: ignroe[AIMET101]", 'did you mean "ignore"?'),
        ("# aimet: ignore_file", 'did you mean "ignore-file"?'),
        ("# aimet: ignore[AIMET101, AIMET101]", "named twice"),
    ],
)
def test_comments_that_are_wrong_say_how(comment: str, expected: str) -> None:
    messages = applied(f"x  {comment}", finding(0))[1]
    assert len(messages) == 1
    assert expected in messages[0]


def test_other_notes_about_aimet_are_left_alone() -> None:
    assert applied("x  # aimet: this layer is quantized by hand") == (0, [])


def test_an_unused_comment_can_be_kept_on_purpose() -> None:
    assert applied("x  # aimet: ignore[AIMET101, AIMET001]")[1] == []
    assert applied("# aimet: ignore-file[AIMET001]\nx  # aimet: ignore[AIMET101]")[1] == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # aimet: ignore[AIMET101]\n", "x = 1\n"),
        ("x = 1  # aimet: ignore[AIMET101]  # noqa: E501\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # type: ignore  # aimet: ignore[AIMET101] because\r\n", "x = 1  # type: ignore\r\n"),
        ("a\n    # aimet: ignore[AIMET101]\nb\n", "a\nb\n"),
        ("# aimet: ignore[AIMET101]", ""),
        ("x  # aimet: ignore[AIMET102, AIMET101]\n", "x  # aimet: ignore[AIMET102]\n"),
        ("x  # aimet: ignore[AIMET101, AIMET102]\n", "x  # aimet: ignore[AIMET102]\n"),
    ],
)
def test_removing(before: str, after: str) -> None:
    found = suppression.directives(before)
    line = found.all[0].line
    used = [finding(line, "AIMET102")] if "AIMET102" in before else []
    _, [unused] = suppression.apply(used, found, ALL, "/m.py")
    assert edited(before, suppression.removal_edits(before, unused.span)) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = f(x)\n", "x = f(x)  # aimet: ignore[AIMET102]\n"),
        ("x = f(x)   \r\n", "x = f(x)  # aimet: ignore[AIMET102]\r\n"),
        ("x = f(x)  # noqa: E501\n", "x = f(x)  # noqa: E501  # aimet: ignore[AIMET102]\n"),
        ("x = f(x)  # aimet: ignore[AIMET101]  # noqa\n", "x = f(x)  # aimet: ignore[AIMET101, AIMET102]  # noqa\n"),
        ("x = f(\n    x,\n)\n", "x = f(  # aimet: ignore[AIMET102]\n    x,\n)\n"),
        ("x = \\\n    f(x)\n", "x = \\\n    f(x)  # aimet: ignore[AIMET102]\n"),
        ("x = f('''\n # ''', [\n1])\n", "x = f('''\n # ''', [\n1])  # aimet: ignore[AIMET102]\n"),
        ("x = f(\n  x)  # aimet: ignore[AIMET101]\n", "x = f(\n  x)  # aimet: ignore[AIMET101, AIMET102]\n"),
        ("x = '#'", "x = '#'  # aimet: ignore[AIMET102]"),
    ],
)
def test_ignoring_a_line(before: str, after: str) -> None:
    edit = suppression.ignore_edit(before, 0, "AIMET102")
    assert edit is not None
    result = edited(before, [edit])
    assert result == after
    end = len(split_lines(result.rstrip())) - 1
    assert applied(result, finding(0, "AIMET102", end))[0] == 0


def test_no_comment_where_none_can_stand() -> None:
    assert suppression.ignore_edit('x = """never closed\n', 0, "AIMET101") is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""Doc."""\n', '# aimet: ignore-file[AIMET101]\n"""Doc."""\n'),
        (
            "#!/usr/bin/env python\r\n# -*- coding: utf-8 -*-\r\nx\r\n",
            "#!/usr/bin/env python\r\n# -*- coding: utf-8 -*-\r\n# aimet: ignore-file[AIMET101]\r\nx\r\n",
        ),
        ("# aimet: ignore-file[AIMET204]\n", "# aimet: ignore-file[AIMET204, AIMET101]\n"),
        ("#!/usr/bin/env python", "#!/usr/bin/env python\n# aimet: ignore-file[AIMET101]"),
    ],
)
def test_ignoring_a_file(before: str, after: str) -> None:
    assert edited(before, [suppression.ignore_file_edit(before, ["AIMET101"])]) == after


def test_a_large_file_costs_little() -> None:
    text = "x = f('a', \"b\")  # note\n" * 20_000 + "y  # aimet: ignore"
    start = time.perf_counter()
    assert suppression.directives(text).all[0].line == 20_000
    assert time.perf_counter() - start < 1
