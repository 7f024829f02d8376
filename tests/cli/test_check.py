"""`check`: exit status, what is walked, what is selected, what is reported where."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import CLEAN, FUNCTIONAL, Runner

Write = Callable[..., Path]


def test_nothing_found_is_0(run: Runner, write: Write) -> None:
    write("net.py", CLEAN)
    outcome = run("check")
    assert (outcome.status, outcome.out, outcome.err) == (0, "Nothing found in 1 file.\n", "")


def test_a_warning_is_1_and_shown_with_its_line(run: Runner, write: Write) -> None:
    write("pkg/net.py", FUNCTIONAL)
    outcome = run("check")
    first, source, carets, *_ = outcome.out.splitlines()
    assert outcome.status == 1
    assert first.startswith("pkg/net.py:11:16: AIMET101 ")
    assert (source, carets) == ("        return F.relu(self.conv(x))", "               ^^^^^^")


@pytest.mark.parametrize(
    ("severity", "fail_on", "status"),
    [
        ("error", "error", 1),
        ("warning", "error", 0),
        ("warning", "warning", 1),
        ("information", "warning", 0),
        ("information", "information", 1),
        ("off", "information", 0),
    ],
)
def test_fail_on(run: Runner, write: Write, severity: str, fail_on: str, status: int) -> None:
    write("net.py", FUNCTIONAL)
    write("pyproject.toml", f'[tool.aimet-guidelines]\nseverity = {{ AIMET101 = "{severity}" }}\n')
    assert run("check", "--fail-on", fail_on).status == status


def test_json_of_a_finding(run: Runner, write: Write) -> None:
    write("pkg/net.py", FUNCTIONAL)
    document = run("check", "pkg", "--format", "json").json
    [finding] = document["findings"]
    assert document["version"] == 1
    assert list(finding) == [
        "path",
        "line",
        "column",
        "end_line",
        "end_column",
        "code",
        "name",
        "severity",
        "message",
        "symbol",
        "fix",
        "related",
        "cell",
        "doc_url",
    ]
    assert {key: finding[key] for key in ("path", "line", "column", "end_line", "end_column", "code", "symbol")} == {
        "path": "pkg/net.py",
        "line": 11,
        "column": 16,
        "end_line": 11,
        "end_column": 22,
        "code": "AIMET101",
        "symbol": "torch.nn.functional.relu",
    }
    assert finding["fix"]["safety"] == "safe"


def test_paths_are_shown_as_given(run: Runner, write: Write, folder: Path) -> None:
    path = write("pkg/net.py", FUNCTIONAL)

    def shown(*arguments: str) -> list[str]:
        return [finding["path"] for finding in run("check", "--format", "json", *arguments).json["findings"]]

    assert shown() == shown("pkg") == shown("./pkg/net.py") == shown("pkg", "pkg/net.py") == ["pkg/net.py"]
    assert shown(str(folder)) == [path.as_posix()]


def test_files_that_cannot_be_checked_are_2_and_the_others_go_on(run: Runner, write: Write) -> None:
    write("bad.py", b"x = 1\ny = '\xff'\n")
    write("null.py", b"x = 1\0")
    write("broken.py", "x = 1\n\nclass A:\n    def f(:\n        pass\n")
    write("broken.ipynb", "{")
    write("net.py", FUNCTIONAL)
    outcome = run("check", ".", "missing.py", "--format", "json")
    errors = {error["path"]: (error["line"], error["message"]) for error in outcome.json["errors"]}
    assert outcome.status == 2
    assert [finding["path"] for finding in outcome.json["findings"]] == ["net.py"]
    assert set(errors) == {"bad.py", "null.py", "broken.py", "broken.ipynb", "missing.py"}
    assert errors["bad.py"][0] == 2
    assert errors["broken.py"][0] == 4
    assert "no such file" in errors["missing.py"][1]


def test_errors_in_text_go_to_standard_error(run: Runner, write: Write) -> None:
    write("net.py", CLEAN)
    outcome = run("check", "net.py", "missing.py")
    assert outcome.err == "missing.py:1: error: there is no such file or folder\n"
    assert outcome.out == "Nothing found in 1 file.\n"


def test_a_named_file_is_checked_even_where_it_is_excluded(run: Runner, write: Write) -> None:
    write("old/net.py", FUNCTIONAL)
    write(".gitignore", "old/\n")
    assert run("check").status == 0
    assert run("check", "old/net.py").status == 1


def test_exclude(run: Runner, write: Write) -> None:
    write("a/net.py", FUNCTIONAL)
    write("b/net.py", FUNCTIONAL)
    write("pyproject.toml", '[tool.aimet-guidelines]\nexclude = ["/b/"]\n')
    paths = [finding["path"] for finding in run("check", "--format", "json").json["findings"]]
    assert paths == ["a/net.py"]
    assert run("check", "--exclude", "a").status == 0


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        (["--select", "AIMET1"], ["AIMET101"]),
        (["--select", "functional-layer,AIMET2"], ["AIMET101"]),
        (["--select", "AIMET2", "--select", "aimet101"], ["AIMET101"]),
        (["--select", "AIMET2"], []),
        (["--ignore", "AIMET101"], []),
        (["--select", "AIMET101", "--ignore", "AIMET1"], ["AIMET101"]),
    ],
)
def test_selection(run: Runner, write: Write, arguments: list[str], codes: list[str]) -> None:
    write("net.py", FUNCTIONAL)
    found = run("check", "--format", "json", *arguments).json["findings"]
    assert [finding["code"] for finding in found] == codes


def test_flags_win_over_the_project(run: Runner, write: Write) -> None:
    write("net.py", FUNCTIONAL)
    write("pyproject.toml", '[tool.aimet-guidelines]\nignore = ["AIMET101"]\n')
    assert run("check").status == 0
    assert run("check", "--select", "AIMET101").status == 1


def test_per_file_ignores(run: Runner, write: Write) -> None:
    write("tests/net.py", FUNCTIONAL)
    write("pyproject.toml", '[tool.aimet-guidelines.per-file-ignores]\n"tests/*" = ["AIMET101"]\n')
    assert run("check").status == 0


def test_a_mistake_in_pyproject_is_named_once_and_is_2(run: Runner, write: Write) -> None:
    write("a.py", CLEAN)
    write("b.py", CLEAN)
    write("pyproject.toml", '[tool.aimet-guidelines]\nselect = ["AIMET1O1"]\n')
    outcome = run("check")
    assert outcome.status == 2
    assert outcome.err == 'pyproject.toml:2: error: select: "AIMET1O1" is not a rule; did you mean "AIMET101"?\n'


def test_ignore_comments(run: Runner, write: Write) -> None:
    write("net.py", FUNCTIONAL.replace("conv(x))\n", "conv(x))  # aimet: ignore[AIMET101]\n"))
    assert run("check").status == 0
    write("net.py", CLEAN + "# aimet: ignore-file[AIMET101]\n")
    found = run("check", "--format", "json").json["findings"]
    assert [(finding["code"], finding["line"]) for finding in found] == [("AIMET001", 4)]
    assert run("check", "--ignore", "AIMET101").status == 0


def test_an_ignore_comment_on_the_last_line_of_the_statement(run: Runner, write: Write) -> None:
    write(
        "net.py",
        FUNCTIONAL.replace("F.relu(self.conv(x))", "F.relu(\n            self.conv(x)\n        )  # aimet: ignore"),
    )
    assert run("check").status == 0


def test_bases_in_other_files_are_read_even_where_one_file_is_named(run: Runner, write: Write) -> None:
    write("base.py", "from torch import nn\n\n\nclass Base(nn.Module):\n    pass\n")
    write("net.py", FUNCTIONAL.replace("nn.Module", "Base").replace("import nn", "import nn\n\nfrom base import Base"))
    assert run("check", "net.py").status == 1


def test_standard_input(run: Runner, write: Write) -> None:
    write("pkg/pyproject.toml", '[tool.aimet-guidelines]\nignore = ["AIMET101"]\n')
    outcome = run("check", "-", "--stdin-filename", "net.py", "--format", "json", stdin=FUNCTIONAL.encode())
    assert outcome.status == 1
    assert outcome.json["findings"][0]["path"] == "net.py"
    assert run("check", "-", stdin=FUNCTIONAL.encode()).out.startswith("stdin.py:11:16: AIMET101")
    assert run("check", "-", "--stdin-filename", "pkg/net.py", stdin=FUNCTIONAL.encode()).status == 0


@pytest.mark.parametrize("head", [b"\xef\xbb\xbf", b"# coding: latin-1\n# \xe9\n"])
def test_encodings(run: Runner, write: Write, head: bytes) -> None:
    write("net.py", head + FUNCTIONAL.encode())
    assert run("check").status == 1


def test_a_notebook(run: Runner, write: Write) -> None:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Net\n"]},
        {"cell_type": "code", "metadata": {}, "source": ["%matplotlib inline\n", *FUNCTIONAL.splitlines(True)[:2]]},
        {"cell_type": "code", "metadata": {}, "source": "".join(FUNCTIONAL.splitlines(True)[4:])},
    ]
    write("n.ipynb", json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    [finding] = run("check", "--format", "json").json["findings"]
    assert (finding["cell"], finding["line"], finding["column"]) == (3, 7, 16)
    assert run("check").out.startswith("n.ipynb:cell 3:7:16: AIMET101")


def test_processes_find_the_same(run: Runner, write: Write) -> None:
    write("base.py", "from torch import nn\n\n\nclass Base(nn.Module):\n    pass\n")
    for number in range(80):
        write(
            f"pkg/net{number:02}.py",
            FUNCTIONAL.replace("nn.Module", "Base").replace("import nn", "import nn\n\nfrom base import Base"),
        )
    one = run("check", "-j", "1", "--format", "json")
    assert len(one.json["findings"]) == 80
    assert run("check", "-j", "3", "--format", "json").out == one.out


@pytest.mark.parametrize("form", ["sarif", "github"])
def test_other_formats(run: Runner, write: Write, form: str) -> None:
    write("net.py", FUNCTIONAL)
    outcome = run("check", "--format", form)
    assert outcome.status == 1
    assert "AIMET101" in outcome.out


def test_colour_when_asked_and_not_in_pipes(run: Runner, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("net.py", FUNCTIONAL)
    assert "\x1b[" not in run("check").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in run("check").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("check").out


def test_newer_syntax_is_a_note_and_the_rest_is_checked(run: Runner, write: Write) -> None:
    # Type parameters came with Python 3.12.
    newer = "class Box[T]:\n    pass\n\n\n" if sys.version_info < (3, 12) else "x = 1\n\n\n"
    write("net.py", newer + FUNCTIONAL)
    outcome = run("check", "net.py", "--select", "AIMET101")
    assert outcome.status == 1
    assert "AIMET101" in outcome.out
    assert ("needs a newer Python" in outcome.err) == (sys.version_info < (3, 12))


def test_code_nested_too_deeply_is_said_to_be(run: Runner, write: Write) -> None:
    write("signs.py", "x = " + "-" * 100_000 + "1\n")
    write("sum.py", "x = " + "a + " * 20_000 + "1\n")
    outcome = run("check", ".")
    message = "1: error: This statement does not parse: it is nested too deeply"
    assert outcome.status == 2
    assert [line for line in outcome.err.splitlines() if line.startswith("signs.py:")] == [f"signs.py:{message}"]


def test_an_empty_name_is_not_the_working_directory(run: Runner, write: Write) -> None:
    write("net.py", "")
    outcome = run("fix", "")
    assert outcome.status == 2 and outcome.err == "'':1: error: there is no such file or folder\n"


def test_a_statement_that_does_not_parse_is_2_and_the_rest_is_checked(run: Runner, write: Write) -> None:
    write("net.py", "def broken(:\n    pass\n\n\n" + FUNCTIONAL)
    outcome = run("check", "net.py", "--select", "AIMET101")
    assert outcome.status == 2
    assert "AIMET101" in outcome.out
    assert "does not parse" in outcome.err
