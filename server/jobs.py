"""Checks many files: takes what the last run found and still holds, and shares the rest among processes."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from . import engine, sharing
from .cache import Cache, Entry, packed
from .config import Config
from .engine import Project
from .finding import Report
from .reading.memory import Dependency

Task = tuple[str, Project, Config]

# Files: below that many, starting processes costs more than it saves.
_WORTH_IT = 64
# Characters of source: a workspace with more of it is read in batches, so that memory stays bounded.
_LARGE = 8_000_000
# Results in memory, which take about 25 kB each: a process with more of them lets go of what it has read.
_BATCH = 48_000
# Giving up leaves about a hundredth in circles: they are looked for, which takes long, one time in so many.
_COLLECTED = 8
# One part in so many is small.
_SMALL = 3
# Reports that are kept for the next run at a time.
_KEPT_AT_ONCE = 64


class _Rests(NamedTuple):
    """The names that a report rests on, as an entry of the cache tells them."""

    numbers: bytes
    process: int
    first: int
    fresh: list[Dependency]


class _Checked(NamedTuple):
    report: Report
    rests_on: _Rests | None


def check_each(
    tasks: Sequence[Task], jobs: int = 0, *, keep: bool = False, place: Path | None = None
) -> Iterator[Report]:
    """The report of each (path, project, config), in order.

    jobs: at most that many processes; 0 for one per core. Processes share the projects by forking; where a system
    cannot fork there is one process. Raises `sharing.ProcessDiedError` where the system ends one.
    keep: take what an earlier run found where it still holds, and keep what this one finds. place: where, if not in the
    user's cache folder.
    """
    if not keep:
        indexes = range(len(tasks))
        checked = _check_all(tasks, indexes, jobs, keep)
        yield from _sorted(indexes, ((index, each.report) for index, each in checked))
        return
    projects = {id(project): project for _, project, _ in tasks}
    caches = {key: Cache(project, place) for key, project in projects.items()}
    try:
        yield from _check_kept(tasks, jobs, caches)
    finally:
        for cache in caches.values():
            cache.close()


def stays_read(tasks: Sequence[Task], jobs: int) -> bool:
    """Whether the projects remember what checking these tasks reads: in one process, and not batch by batch."""
    return _processes(len(tasks), jobs) == 1 and not _are_large(project for _, project, _ in tasks)


def _processes(count: int, jobs: int) -> int:
    """How many processes check so many files, where up to `jobs` are allowed."""
    if count < _WORTH_IT or not hasattr(os, "fork"):
        return 1
    return min(jobs or _cores(), -(-count // (_WORTH_IT // 2)))


def _are_large(projects: Iterable[Project]) -> bool:
    """Whether projects are too large to hold all that is read of them."""
    given = {id(project): project for project in projects}.values()
    return sum(len(project.text(path)) for project in given for path in project.paths) > _LARGE


def _check_kept(tasks: Sequence[Task], jobs: int, caches: dict[int, Cache]) -> Iterator[Report]:
    known: dict[tuple[int, str], Report] = {}
    for key, cache in caches.items():
        asked = {path: config for path, project, config in tasks if id(project) == key}
        known.update(((key, path), report) for path, report in cache.reports(asked).items())
    rest = [index for index, (path, project, _) in enumerate(tasks) if (id(project), path) not in known]
    checking = _keep_each(tasks, rest, jobs, caches)
    fresh = _sorted(rest, checking)
    try:
        for path, project, _ in tasks:
            report = known.pop((id(project), path), None)
            yield report if report is not None else next(fresh)
    finally:
        checking.close()  # what was found so far is kept


def _keep_each(
    tasks: Sequence[Task],
    indexes: Sequence[int],
    jobs: int,
    caches: dict[int, Cache],
) -> Generator[tuple[int, Report], None, None]:
    """Check the tasks at these indexes, and keep what is found as it comes: what it rests on is much to hold."""
    waiting: dict[int, list[Entry]] = {key: [] for key in caches}
    try:
        for index, checked in _check_all(tasks, indexes, jobs, keep=True):
            _, project, config = tasks[index]
            key = id(project)
            assert checked.rests_on is not None
            waiting[key].append(Entry(checked.report, config, *checked.rests_on))
            if len(waiting[key]) >= _KEPT_AT_ONCE:
                caches[key].keep(waiting[key])
                waiting[key].clear()
            yield index, checked.report
    finally:
        for key, entries in waiting.items():
            caches[key].keep(entries)
            if indexes:
                caches[key].keep_imports()


def _check_all(tasks: Sequence[Task], indexes: Sequence[int], jobs: int, keep: bool) -> Iterator[tuple[int, _Checked]]:
    """Check the tasks at these indexes, in the order that costs least. keep: find out what the reports rest on, too."""
    jobs = _processes(len(indexes), jobs)
    if not indexes:
        return
    if jobs == 1:
        with _uncollected():
            checker = _Checker(tasks, keep, shared=False)
            order = checker.ordered(indexes)
            yield from zip(order, map(checker.check, order), strict=True)
        return
    with _uncollected():
        checker = _Checker(tasks, keep, shared=True)
        # Files of a package use each other: two processes would both read what those of both use.
        packages = groupby(checker.ordered(indexes), key=checker.package)
        groups = [[(index, checker.size(index)) for index in group] for _, group in packages]
    yield from sharing.each(sharing.cut(groups, jobs), checker.check)


def _sorted(indexes: Sequence[int], found: Iterable[tuple[int, Report]]) -> Iterator[Report]:
    """What was found, by index; each as soon as it and all before it are there. indexes: those to come, sorted."""
    waiting: dict[int, Report] = {}
    following = iter(indexes)
    index = next(following, None)
    for each, report in found:
        waiting[each] = report
        while index in waiting:
            yield waiting.pop(index)
            index = next(following, None)


class _Checker:
    """Checks tasks one after the other, and lets go of what it has read before that grows large."""

    def __init__(self, tasks: Sequence[Task], keep: bool, shared: bool) -> None:
        """shared: what each of several processes would find out, is found out before they start."""
        self._tasks, self._keep = tasks, keep
        given = {id(project): project for _, project, _ in tasks}
        self._in_batches, self._is_shared = _are_large(given.values()), shared
        self._projects = {key: project.prepared() for key, project in given.items()} if self._in_batches else given
        for project in self._projects.values() if shared else ():
            project.prepare()
        self._package = ""
        # How many names of each project were told with the reports so far.
        self._told: dict[int, int] = {}

    def ordered(self, indexes: Sequence[int]) -> list[int]:
        """The order to check tasks in: package by package, models first, then what they use. By then it is known which
        of them use it.
        """
        if not self._in_batches and not self._is_shared:
            return list(indexes)  # all that is read stays
        packages: dict[str, int] = {}

        def place(index: int) -> tuple[int, bool]:
            path, given, _ = self._tasks[index]
            has_models = "def forward(" in given.text(path)
            package = packages.setdefault(given.files[path].package, len(packages))
            return package, not has_models or path in self._projects[id(given)].common

        return sorted(indexes, key=place)

    def package(self, index: int) -> str:
        """The package that a task's file is of."""
        path, given, _ = self._tasks[index]
        return given.files[path].package

    def size(self, index: int) -> int:
        """About how long a task takes: the characters of what must be parsed for it."""
        path, given, _ = self._tasks[index]
        text = given.text(path)
        return len(text) if "torch" in text else 0

    def check(self, index: int) -> _Checked:
        """Check one task."""
        path, given, config = self._tasks[index]
        if self._in_batches:
            # What was read of one package is of little use to another, and of much to the rest of its own.
            last, self._package = self._package, given.files[path].package
            most = _BATCH if self._package == last else _BATCH // 2
            self._projects = {
                key: bounded(each, self._package, most, final=True) for key, each in self._projects.items()
            }
        project = self._projects[id(given)]
        report = engine.check(path, project, config)
        return _Checked(report, self._rests_on(path, id(given), config, report) if self._keep else None)

    def _rests_on(self, path: str, key: int, config: Config, report: Report) -> _Rests:
        project = self._projects[key]
        numbers = packed(engine.rests_on(path, project, config, report))
        names, first = project.memory.numbering.each, self._told.get(key, 0)
        self._told[key] = len(names)
        return _Rests(numbers, os.getpid(), first, names[first:])


def bounded(project: Project, package: str, most: int | None = None, *, final: bool = False) -> Project:
    """The project, which must be nobody else's, without most of what was read of it where that has grown large.

    What was found out of the files' texts stays, and what was read of files that many will still use, as long as that
    is little.
    package: the one that is being read. most: how many results may be in memory.
    final: nobody will edit the files.
    """
    most = _BATCH if most is None else most
    if len(project.memory.entries) <= most:
        return project
    kept = frozenset(path for path in project.common if project.is_used_in(path, package))
    following = project.unread(kept, final=final)
    if len(following.memory.entries) > most // _SMALL:
        kept = frozenset()
        following = project.unread(final=final)
    project.let_go(kept)
    if following.renewed % _COLLECTED == 0:
        gc.collect()
    return following


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for garbage on the way: what reading makes is needed until a batch ends, and it is much."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            # All of it counts as old from now on: a look through it as through something new would take long.
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
