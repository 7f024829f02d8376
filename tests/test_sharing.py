"""Tasks shared among processes: each is done once, whatever ends, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import groupby
from multiprocessing import active_children
from pathlib import Path

import pytest
from aimet_guidelines import sharing
from aimet_guidelines.sharing import ProcessDiedError, TaskError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="made by forking")


@pytest.mark.parametrize(
    ("packages", "shares"),
    [
        ("a" * 60, [30, 30]),  # one package is cut
        ("a" * 30 + "b" * 30, [30, 30]),
        ("a" * 36 + "b" * 24, [36, 24]),  # a package stays whole where the shares differ by a little
        ("a" * 50 + "b" * 10, [30, 30]),  # not where they differ by much
        ("a" * 10 + "b" * 25 + "c" * 25, [35, 25]),
        ("a", [1]),
        ("", []),
    ],
)
def test_shares_are_even_and_keep_packages_whole(packages: str, shares: list[int]) -> None:
    groups = [
        [(number, 7) for number, _ in group] for _, group in groupby(enumerate(packages), key=lambda each: each[1])
    ]
    found = sharing.cut(groups, 2)
    assert [len(share) for share in found] == shares
    assert [task for share in found for task in share] == list(range(len(packages)))


def test_shares_are_of_one_weight_where_tasks_are_not() -> None:
    assert sharing.cut([[("long", 60), *((f"short {n}", 10) for n in range(6))]], 2) == [
        ["long"],
        [f"short {n}" for n in range(6)],
    ]
    assert sharing.cut([[("only", 0), ("nothing", 0)]], 2) == [["only", "nothing"]]


def test_each_task_is_done_once_in_several_processes() -> None:
    shares = [list(range(10)), list(range(10, 30)), []]
    found = dict(sharing.each(shares, lambda task: (task * task, os.getpid())))
    assert {task: square for task, (square, _) in found.items()} == {task: task * task for task in range(30)}
    processes = {process for _, process in found.values()}
    assert len(processes) > 1 and os.getpid() not in processes


def test_a_process_that_is_done_helps_another() -> None:
    def work(task: int) -> int:
        time.sleep(0.02 if task else 0)
        return os.getpid()

    found = dict(sharing.each([[0], list(range(1, 25))], work))
    assert len(found) == 25
    assert len({found[task] for task in range(1, 25)}) == 2


def test_what_a_task_raises_is_raised() -> None:
    def work(task: int) -> int:
        if task == 3:
            raise ValueError("three")
        return task

    with pytest.raises(ValueError, match="three") as raised:
        list(sharing.each([[1, 2], [3, 4]], work))
    assert "in work" in str(raised.value.__cause__)  # where it was raised
    assert not active_children()


class _OfTwoError(Exception):
    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


class _OfFunctionError(Exception):
    def __init__(self) -> None:
        super().__init__(lambda: None)


@pytest.mark.parametrize(
    ("error", "told"),
    [(_OfTwoError("one", "other"), "_OfTwoError: one and other"), (_OfFunctionError(), "_OfFunctionError: <")],
)
def test_what_cannot_be_told_to_another_process_still_says_why(error: Exception, told: str) -> None:
    def work(task: int) -> int:
        raise error

    with pytest.raises(TaskError, match=told) as raised:
        list(sharing.each([[1], [2]], work))
    assert "in work" in str(raised.value.__cause__)
    assert not active_children()


def test_a_process_that_is_ended_is_noticed() -> None:
    def work(task: int) -> int:
        if task == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return task

    with pytest.raises(ProcessDiedError):
        list(sharing.each([[1, 2], [3, 4]], work))
    assert not active_children()


def test_whoever_needs_no_more_leaves_no_process() -> None:
    results = sharing.each([[1, 2], [3, 4]], lambda task: task)
    next(results)
    assert len(active_children()) == 2
    results.close()  # type: ignore[attr-defined]
    assert not active_children()


_ENDED = r"""
import os, time
from aimet_guidelines import sharing

def work(task):
    os.write(1, b"%d\n" % os.getpid())
    time.sleep(0.1)

list(sharing.each([range(1000), range(1000)], work))
"""


def test_the_processes_end_with_the_one_that_started_them() -> None:
    with subprocess.Popen([sys.executable, "-c", _ENDED], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        children = {int(process.stdout.readline()) for _ in range(4)}
        process.kill()
    end = time.monotonic() + 30
    while any(_runs(child) for child in children) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(_runs(child) for child in children)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
