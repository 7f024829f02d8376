"""`fix`: what is repaired, what is written and how, what is left alone."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aimet_guidelines import engine, jobs
from aimet_guidelines.finding import Report

from .conftest import CLEAN, FUNCTIONAL, REPAIRED, Runner

Write = Callable[..., Path]


def test_repairs_in_place_once(run: Runner, write: Write, folder: Path) -> None:
    path = write("pkg/net.py", FUNCTIONAL)
    clean = write("clean.py", CLEAN)
    before = clean.stat().st_mtime_ns
    outcome = run("fix")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out == "1 finding repaired in 1 file; 0 left.\n"
    assert path.read_text() == REPAIRED
    assert clean.stat().st_mtime_ns == before
    assert sorted(os.listdir(folder / "pkg")) == ["net.py"]
    assert run("fix").out == "0 findings repaired in 0 files; 0 left.\n"
    assert path.read_text() == REPAIRED


def test_diff_writes_nothing_and_is_1(run: Runner, write: Write) -> None:
    path = write("net.py", FUNCTIONAL)
    outcome = run("fix", "--diff")
    assert outcome.status == 1
    assert outcome.out.startswith("--- a/net.py\n+++ b/net.py\n@@ ")
    assert "+        self.relu = nn.ReLU()\n" in outcome.out
    assert path.read_text() == FUNCTIONAL
    assert run("fix", "--diff", "--ignore", "AIMET101").status == 0


@pytest.mark.parametrize(
    "convert",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: ("# coding: latin-1\n# é\n" + text).encode("latin-1"),
        lambda text: ("# 😀 é\n" + text).encode(),
        lambda text: text.replace("    ", "\t").encode(),
        lambda text: text.rstrip("\n").encode(),
    ],
    ids=["crlf", "bom", "latin-1", "astral", "tabs", "no last newline"],
)
def test_bytes_are_kept(run: Runner, write: Write, convert: Callable[[str], bytes]) -> None:
    path = write("net.py", convert(FUNCTIONAL))
    path.chmod(0o640)
    assert run("fix").status == 0
    assert path.read_bytes() == convert(REPAIRED)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_standard_input_goes_to_standard_output(run: Runner, folder: Path) -> None:
    outcome = run("fix", "-", "--stdin-filename", "net.py", stdin=FUNCTIONAL.replace("\n", "\r\n").encode())
    assert outcome.status == 0
    assert outcome.out == REPAIRED.replace("\n", "\r\n")
    assert sorted(os.listdir(folder)) == [".git"]
    assert run("fix", "-", stdin=CLEAN.encode()).out == CLEAN


def test_what_does_not_parse_is_kept_and_the_rest_repaired(run: Runner, write: Write) -> None:
    broken = "\n\ndef f(:\n    pass\n"
    path = write("net.py", FUNCTIONAL + broken)
    outcome = run("fix")
    assert outcome.status == 2
    assert path.read_text() == REPAIRED + broken
    assert outcome.err.count("error:") == 1


def test_a_result_that_would_parse_worse_is_not_written(
    run: Runner, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("net.py", FUNCTIONAL)
    real = engine.fix_all

    def spoilt(*arguments: Any, **more: Any) -> engine.Fixed:
        fixed = real(*arguments, **more)
        fixed.project = fixed.project.updated(dict.fromkeys(fixed.before, "class (\n"))
        return fixed

    monkeypatch.setattr(engine, "fix_all", spoilt)
    outcome = run("fix")
    assert outcome.status == 2
    assert "parse worse" in outcome.err
    assert path.read_text() == FUNCTIONAL


def test_a_read_only_file_is_an_error_and_the_others_are_written(run: Runner, write: Write) -> None:
    locked, other = write("a.py", FUNCTIONAL), write("b.py", FUNCTIONAL)
    locked.chmod(0o444)
    outcome = run("fix")
    assert outcome.status == 2
    assert outcome.err == "a.py:1: error: not written: it is read-only\n"
    assert outcome.out == "1 finding repaired in 1 file; 1 left.\n"
    assert (locked.read_text(), other.read_text()) == (FUNCTIONAL, REPAIRED)


def test_unsafe_repairs_need_the_flag(run: Runner, write: Write) -> None:
    text = FUNCTIONAL.replace("F.relu(self.conv(x))", "F.dropout(self.conv(x))")
    path = write("net.py", text)
    assert run("fix").status == 0
    assert path.read_text() == text
    assert run("fix", "--unsafe-fixes").status == 0
    assert "self.dropout(self.conv(x))" in path.read_text()


def test_unused_ignore_comments_are_removed(run: Runner, write: Write) -> None:
    path = write("net.py", "x = 1  # noqa  # aimet: ignore[AIMET101]\n")
    assert run("fix").status == 0
    assert path.read_text() == "x = 1  # noqa\n"


def test_a_notebook_keeps_its_layout(run: Runner, write: Write) -> None:
    lines = FUNCTIONAL.splitlines(True)

    def notebook(second: list[str]) -> str:
        cells = [
            {"cell_type": "code", "metadata": {}, "source": ["!pip install torch\n", *lines[:2]]},
            {"cell_type": "markdown", "metadata": {}, "source": "é"},
            {"cell_type": "code", "metadata": {}, "outputs": [{"text": "é"}], "source": second},
        ]
        document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    path = write("n.ipynb", notebook(lines[4:]))
    assert run("fix").status == 0
    assert path.read_text() == notebook(REPAIRED.splitlines(True)[4:])


def test_a_repair_of_one_file_that_touches_another_is_written_to_both(
    run: Runner, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = write("a.py", f"x = 1\n{FUNCTIONAL}"), write("b.py", "y = 1\n")

    def both(path: str, project: engine.Project, *_: object, **__: object) -> engine.Fixed:
        before = {each: project.text(each) for each in (first.as_posix(), second.as_posix())}
        if path != first.as_posix() or "x = 2" in before[path]:
            return engine.Fixed(path, project)
        project = project.updated({each: text.replace(" = 1\n", " = 2\n") for each, text in before.items()})
        return engine.Fixed(path, project, before)

    monkeypatch.setattr(engine, "fix_all", both)
    assert run("fix", "a.py").status == 0
    assert (first.read_text(), second.read_text()) == (f"x = 2\n{FUNCTIONAL}", "y = 2\n")


def test_what_is_read_is_let_go_between_files(run: Runner, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_LARGE", 0)
    monkeypatch.setattr(jobs, "_BATCH", 0)
    base = write("base.py", FUNCTIONAL)
    derived = FUNCTIONAL.replace("from torch import nn", "from torch import nn\n\nfrom base import Net as Base")
    other = write("other.py", derived.replace("class Net(nn.Module)", "class Other(Base)"))
    assert run("fix").out == "2 findings repaired in 2 files; 0 left.\n"
    assert base.read_text() == REPAIRED
    assert "F.relu" not in other.read_text()


_SUM = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        return self.fc(x) + x
"""


def test_check_counts_what_fix_repairs(run: Runner, write: Callable[..., Path]) -> None:
    """The repairs of AIMET301 write many lines: they are made only where somebody names the rule."""
    write("net.py", _SUM)
    assert run("check").out.endswith(
        "Found 1 finding (1 information) in 1 of 1 file.\n1 of AIMET301 can be repaired with --select AIMET301.\n"
    )
    assert run("fix", "--unsafe-fixes", "--diff").out == ""
    assert run("check", "--select", "AIMET301").out.endswith("1 can be repaired with --unsafe-fixes.\n")
    assert "Add()" in run("fix", "--select", "AIMET301", "--unsafe-fixes", "--diff").out


def test_what_fix_finds_in_repaired_files_is_there_for_the_next_check(
    run: Runner, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of files that are not written, what was found before stays."""
    write(
        "net.py",
        _SUM.replace("self.fc(x) + x", "F.relu(x)").replace("from", "import torch.nn.functional as F\nfrom", 1),
    )
    for number in range(3):
        write(f"other{number}.py", _SUM)
    checked: list[str] = []
    real = engine.check

    def noting(path: str, *more: Any) -> Report:
        checked.append(path.rpartition("/")[2])
        return real(path, *more)

    monkeypatch.setattr(engine, "check", noting)
    run("check")
    assert len(checked) == 4
    checked.clear()
    assert run("fix", "--diff").out
    assert set(checked) == {"net.py"}  # as are its rounds
    checked.clear()
    run("check")
    assert checked == []
    run("fix")
    assert set(checked) == {"net.py"}
    checked.clear()
    run("check")
    assert checked == []


def test_a_file_of_two_projects_is_repaired_once(run: Runner, write: Write) -> None:
    """Each index has the file: the second must not repair, and write, the text that the first one saw."""
    write("pyproject.toml", "")
    write("inner/pyproject.toml", "")
    inner = write("inner/net.py", FUNCTIONAL)
    outer = write(
        "outer.py", "from inner.net import Net\n\n" + FUNCTIONAL.replace("class Net(nn.Module)", "class More(Net)")
    )
    assert run("fix").out == "2 findings repaired in 2 files; 0 left.\n"
    assert inner.read_text() == REPAIRED
    assert "F.relu" not in outer.read_text()


def test_repairs_of_many_files_do_not_have_all_read_again(
    run: Runner, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is looked at before its repair, after it, and once at the end."""
    for number in range(9):
        write(f"net{number}.py", FUNCTIONAL)
        write(f"use{number}.py", f"from net{number} import Net\n\nnet = Net()\n")
    looked = 0
    real = engine.check

    def counting(path: str, *more: Any) -> Report:
        nonlocal looked
        looked += 1
        return real(path, *more)

    monkeypatch.setattr(engine, "check", counting)
    assert run("fix", "--no-cache").out == "9 findings repaired in 9 files; 0 left.\n"
    assert looked == 2 * 18 + 2 * 9
