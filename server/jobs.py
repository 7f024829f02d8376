"""Checks many files, in several processes where that is quicker."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence

from . import engine
from .config import Config
from .engine import Project
from .finding import Report

Task = tuple[str, Project, Config]

# Below that many files starting processes costs more than it saves.
_WORTH_IT = 64
_shared: Sequence[Task] = ()


def check_each(tasks: Sequence[Task], jobs: int = 0) -> Iterator[Report]:
    """The report of each (path, project, config), in order. jobs: at most that many processes; 0 for one per core.

    Processes share the read projects by forking, so where a system cannot fork there is one process.
    """
    jobs = min(jobs or _cores(), -(-len(tasks) // (_WORTH_IT // 2)))
    if jobs < 2 or len(tasks) < _WORTH_IT or not hasattr(os, "fork"):
        for path, project, config in tasks:
            yield engine.check(path, project, config)
        return
    # Slow to import for one file.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    global _shared
    _shared = tasks
    gc.freeze()  # a collection in a child would otherwise write to, and so copy, every shared page
    try:
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
            # Files beside each other share base classes, so runs of them stay in one process.
            size = max(8, len(tasks) // (jobs * 8))
            runs = [range(start, min(start + size, len(tasks))) for start in range(0, len(tasks), size)]
            for reports in pool.map(_check_run, runs):
                yield from reports
    finally:
        gc.unfreeze()
        _shared = ()


def _check_run(run: range) -> list[Report]:
    return [engine.check(*_shared[index]) for index in run]


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
