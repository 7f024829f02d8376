"""Shares tasks among processes made by forking: each does neighbours, and helps others once its own are done."""

from __future__ import annotations

import gc
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_T = TypeVar("_T")
_R = TypeVar("_R")

# A process is given one part in so many of what is left of its share, so that little is left to wait for at the end.
_PARTS = 6
# By that part of its share a run may be longer or shorter, so that a group stays whole.
_UNEVEN = 0.34


class ProcessDiedError(Exception):
    """A process ended before its tasks were done."""

    def __init__(self) -> None:
        super().__init__("the system ended one of the processes that check files")


class TaskError(Exception):
    """A task raised what cannot be told as it is from one process to another; the text says what."""


def cut(groups: Iterable[Sequence[tuple[_T, int]]], count: int) -> list[list[_T]]:
    """So many runs of neighbours (fewer, where there are fewer tasks), of about the same weight.

    groups: (task, weight), those together that should stay together: a group is cut only where the runs would differ
    too much otherwise.
    """
    tasks: list[_T] = []
    passed, ends = [0], [0]  # the weight up to each place between two tasks; the places between groups
    for group in groups:
        tasks.extend(task for task, _ in group)
        passed.extend(accumulate((weight for _, weight in group), initial=passed.pop()))
        ends.append(len(tasks))
    share = passed[-1] / count
    cuts = [0]
    for number in range(1, count):
        exact = bisect_left(passed, share * number)
        near = min(ends, key=lambda end: abs(passed[end] - share * number))
        cuts.append(near if abs(passed[near] - share * number) <= share * _UNEVEN else exact)
    runs = zip(cuts, [*cuts[1:], len(tasks)], strict=True)
    return [tasks[start:end] for start, end in runs if start < end]


def each(shares: Sequence[Sequence[_T]], work: Callable[[_T], _R]) -> Iterator[tuple[_T, _R]]:
    """(task, what `work` makes of it) as they come; each share has a process of its own.

    Raises what `work` raises, or a TaskError for it, and ProcessDiedError. Whatever happens, no process is left.
    """
    import multiprocessing  # slow to import for one file

    waiting = [deque(share) for share in shares]
    owners: dict[Connection, int] = {}
    processes = []
    context = multiprocessing.get_context("fork")
    gc.freeze()  # a collection in a child would otherwise write to, and so copy, every shared page
    try:
        for number in range(len(waiting)):
            here, there = context.Pipe()
            owners[here] = number
            # A child that held the other ends of these would not notice that this process is gone.
            process = context.Process(target=_serve, args=(there, [*owners], work), daemon=True)
            processes.append(process)
            process.start()
            there.close()
        yield from _hand_out(waiting, owners)
    except BaseException:
        for process in processes:
            process.terminate()
        raise
    finally:
        gc.unfreeze()
        for connection in owners:
            connection.close()
        for process in processes:
            process.join()


def _hand_out(waiting: list[deque[_T]], owners: dict[Connection, int]) -> Iterator[tuple[_T, Any]]:
    from multiprocessing.connection import wait

    busy: dict[Connection, list[_T]] = {}
    ready: list[Any] = list(owners)
    while ready:
        for connection in ready:
            done = busy.pop(connection, None)
            answers = _received(connection) if done is not None else ()
            given = _taken(waiting, owners[connection])
            if given:
                busy[connection] = given
                _send(connection, given)
            if done is not None:
                yield from zip(done, answers, strict=True)
        ready = wait(list(busy)) if busy else []


def _taken(waiting: list[deque[_T]], number: int) -> list[_T]:
    """The next tasks of a share; once it is done, the last ones of the longest."""
    own = waiting[number]
    longest = own or max(waiting, key=len)
    count = -(-len(longest) // _PARTS)
    if longest is own:
        return [own.popleft() for _ in range(count)]
    return [longest.pop() for _ in range(count)][::-1]


def _send(connection: Connection, tasks: list[_T]) -> None:
    try:
        connection.send(tasks)
    except OSError:
        raise ProcessDiedError from None


def _received(connection: Connection) -> Sequence[Any]:
    try:
        answers, error, where = connection.recv()
    except (EOFError, OSError):
        raise ProcessDiedError from None
    if error is not None:
        raise error from RuntimeError(where)
    return answers  # type: ignore[no-any-return]


def _serve(connection: Connection, others: list[Connection], work: Callable[[Any], Any]) -> None:
    """Do what is asked until nobody is there to ask."""
    gc.disable()
    for other in others:
        other.close()
    try:
        while True:
            tasks = connection.recv()
            try:
                connection.send(([work(task) for task in tasks], None, ""))
            except Exception as error:
                import traceback

                connection.send(((), _told(error), traceback.format_exc()))
    except (EOFError, OSError, KeyboardInterrupt):
        return


def _told(error: Exception) -> Exception:
    """An exception as another process can be told it: many cannot be made from what they say of themselves."""
    import pickle  # only what went wrong needs it

    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return TaskError(f"{type(error).__name__}: {error}")
    return error
