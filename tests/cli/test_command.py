"""The command itself: usage, help, pages, start-up, pipes."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aimet_guidelines import __version__, engine, jobs
from aimet_guidelines.rules import RULES

from .conftest import FUNCTIONAL, Runner

COMMAND = (sys.executable, "-m", "aimet_guidelines")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["chekc"], "invalid choice: 'chekc'"),
        (["check", "--formt", "json"], "unrecognized arguments: --formt"),
        (["check", "--format", "xml"], "invalid choice: 'xml'"),
        (["check", "--select", "AIMET1O1"], '--select: "AIMET1O1" is not a rule; did you mean "AIMET101"?'),
        (["check", "--fail-on", "warn"], "--fail-on cannot be 'warn'"),
        (["fix", "--aimet-version", "3"], "--aimet-version cannot be '3'"),
        (["fix", "--aimet-modules", "sometimes"], "--aimet-modules cannot be 'sometimes'"),
        (["check", "-", "net.py"], "cannot be named together"),
        (["check", "--stdin-filename", "net.py"], "goes with -"),
        (["check", "-j", "-1"], "cannot be negative"),
        (["check", "-j", "two"], "invalid int value"),
        (["explain", "AIMET1O1"], 'did you mean "AIMET101"?'),
        (["explain", "functional-layr"], 'did you mean "functional-layer"?'),
    ],
)
def test_wrong_usage_is_2_and_says_what_is_wrong(run: Runner, arguments: list[str], expected: str) -> None:
    outcome = run(*arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert expected in outcome.err
    assert "Traceback" not in outcome.err


def test_no_command_is_wrong_usage_with_help(run: Runner) -> None:
    outcome = run()
    assert outcome.status == 2
    assert "exit status:" in outcome.err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="made by forking")
def test_a_process_that_the_system_ends_is_told_in_one_line(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(path: str, *_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(jobs, "_WORTH_IT", 2)
    monkeypatch.setattr(engine, "check", ended)
    for number in range(4):
        (tmp_path / f"net{number}.py").write_text(FUNCTIONAL)
    outcome = run("check", str(tmp_path), "-j", "2", "--no-cache")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith("aimet-guidelines check: the system ended one of the processes")
    assert outcome.err.count("\n") == 1 and "--jobs 1" in outcome.err


def test_help_and_version(run: Runner) -> None:
    assert run("--version").out == f"aimet-guidelines {__version__}\n"
    text = run("--help").out
    for word in ("check", "fix", "explain", "lsp", "exit status", "pyproject.toml", "# aimet: ignore"):
        assert word in text
    for option in ("--format", "--select", "--ignore", "--exclude", "--aimet-version", "--fail-on", "--stdin-filename"):
        assert option in run("check", "--help").out
    for option in ("--diff", "--unsafe-fixes", "--aimet-modules", "--select", "--ignore"):
        assert option in run("fix", "--help").out


def test_explain(run: Runner) -> None:
    listing = run("explain")
    assert listing.status == 0
    assert [line.split()[0] for line in listing.out.splitlines()] == [rule.code for rule in RULES]
    by_code, by_name = run("explain", "AIMET101"), run("explain", "functional-layer")
    assert by_code.out == by_name.out
    assert by_code.out.startswith("AIMET101 functional-layer\n")
    assert "AIMET's page: https://" in by_code.out


def test_a_crash_in_a_rule_is_one_line_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(FUNCTIONAL, encoding="utf-8")
    script = "import sys; from aimet_guidelines.cli import main; from aimet_guidelines.rules import by_code\n"
    script += "type(by_code('AIMET102')).check = lambda *_: 1 / 0\nmain(['check', 'net.py'])\n"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "AIMET101" in result.stdout
    [line] = result.stderr.splitlines()
    assert line.startswith("aimet-guidelines: internal error: ")
    assert "AIMET102" in line
    assert line.endswith("ZeroDivisionError: division by zero")


def test_the_version_is_told_without_importing_anything_heavy() -> None:
    script = "import sys; from aimet_guidelines.cli import main\ntry: main(['--version'])\nexcept SystemExit: pass\n"
    script += "print(*sorted(name for name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert not loaded & {"libcst", "pygls", "lsprotocol", "pathspec", "json", "ast", "aimet_guidelines.rules"}


def test_checking_imports_neither_libcst_nor_pygls(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(FUNCTIONAL, encoding="utf-8")
    script = "import sys; from aimet_guidelines.cli import main\nmain(['check', 'net.py'])\n"
    script += "print(*[name for name in sys.modules if name in ('libcst', 'pygls', 'lsprotocol')], file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "AIMET101" in result.stdout
    assert result.stderr == "\n"


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    for number in range(400):
        (tmp_path / f"net{number}.py").write_text(FUNCTIONAL, encoding="utf-8")
    with subprocess.Popen([*COMMAND, "check"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.skipif(os.name != "posix", reason="shells of other systems close and remove nothing like this")
@pytest.mark.parametrize(
    ("script", "status", "told"),
    [
        (
            "mkdir gone && cd gone && rmdir ../gone && $COMMAND check .",
            2,
            "check: the working directory cannot be read",
        ),
        ("mkdir gone && cd gone && rmdir ../gone && $COMMAND fix", 2, "fix: the working directory cannot be read"),
        ("$COMMAND check . >/dev/full", 2, ": the output cannot be written: "),
        ("$COMMAND check . --format json >/dev/full", 2, ": the output cannot be written: "),
        ("$COMMAND check - <&-", 2, "check: - names standard input, which is closed"),
        ("$COMMAND check . >&-", 1, ""),
        ("$COMMAND fix . >&-", 0, ""),
        ("$COMMAND check . <&- >&- 2>&-", 1, ""),
    ],
)
def test_whatever_the_shell_hands_over_is_told_in_one_line(tmp_path: Path, script: str, status: int, told: str) -> None:
    if "/dev/full" in script and not os.path.exists("/dev/full"):
        pytest.skip("this system has no device that is always full")
    (tmp_path / "net.py").write_text(FUNCTIONAL, encoding="utf-8")
    command = script.replace("$COMMAND", shlex.join(COMMAND))
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == status, result.stderr
    assert told in result.stderr and len(result.stderr.splitlines()) == bool(told)


def test_output_works_where_the_locale_is_ascii(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write("né.py", FUNCTIONAL.replace("self.conv(x)", "self.conv(x) + 'é😀'"))
    result = subprocess.run(
        [*COMMAND, "check", path.name],
        capture_output=True,
        cwd=path.parent,
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )
    assert result.returncode == 1
    assert "é😀" in result.stdout.decode()
    assert result.stderr == b""
