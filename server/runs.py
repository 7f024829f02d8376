"""A run of the command line: which files, indexed with what surrounds them, checked, repaired, written."""

from __future__ import annotations

import ast
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import engine
from .cache import copy
from .config import Config
from .discovery import walk
from .engine import Project
from .finding import Finding, Repair, Report, Safety
from .jobs import Task, bounded, check_each, stays_read
from .notebooks import Notebook, NotebookError, read_notebook
from .positions import Span, split_lines
from .reading.source import Source, read
from .reporters.results import Entry, Failure, Place, Results
from .settings import Settings, may_fix, project_root
from .sources import SourceError, SourceFile, decode, read_source

_log = logging.getLogger(__name__)

# A file is looked at again once more than repairs of others can make it need that.
_PASSES = 3
_IMPORTS_AIMET = re.compile(r"^[ \t]*(?:import|from)[ \t]+aimet_torch\b", re.MULTILINE)


@dataclass(slots=True)
class Target:
    """A file to check. path: absolute, with `/`. shown: as people see it. notebook: where it is one."""

    path: str
    shown: str
    root: str
    source: SourceFile
    notebook: Notebook | None = None

    @property
    def text(self) -> str:
        """The module to check."""
        return self.notebook.module.text if self.notebook else self.source.text


@dataclass(slots=True)
class Run:
    """The files of one command, their settings, and an index for each project they belong to.

    cwd: absolute, with `/`; shown paths are relative to it. failures: what could not be read.
    """

    settings: Settings
    cwd: str
    targets: list[Target] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    projects: dict[str, Project] = field(default_factory=dict)
    absolute: bool = False
    _imported: dict[str, bool] = field(default_factory=dict)

    def add_paths(self, paths: Sequence[str], exclude: tuple[str, ...] = ()) -> None:
        """Take in files and folders as a person names them; named files count whatever is excluded.

        exclude: globs in `.gitignore` syntax, relative to `cwd`.
        """
        seen: set[str] = set()
        for given in paths:
            if not given:  # most likely a variable that is not set, which does not mean the working directory
                self.failures.append(Failure("''", 1, "there is no such file or folder"))
                continue
            path = posix(os.path.join(self.cwd, given))
            self.absolute = self.absolute or os.path.isabs(given)
            if os.path.isdir(path):
                found: Iterable[str] = walk(path, exclude=[(self.cwd, exclude)], excludes=self.settings.excludes)
            elif os.path.lexists(path):
                found = [path]
            else:
                self.failures.append(Failure(given.replace(os.sep, "/"), 1, "there is no such file or folder"))
                continue
            alone = path if os.path.isdir(path) else os.path.dirname(path)
            for each in found:
                if each not in seen:
                    seen.add(each)
                    shown = each if os.path.isabs(given) else self.show(each)
                    self._add(each, shown, alone, lambda each=each: read_source(each))  # type: ignore[misc]

    def add_text(self, raw: bytes, filename: str) -> None:
        """Take in standard input as the contents of the file `filename`."""
        path = posix(os.path.join(self.cwd, filename))
        self._add(path, filename.replace(os.sep, "/"), os.path.dirname(path), lambda: decode(path, raw))

    def _add(self, path: str, shown: str, alone: str, read: Callable[[], SourceFile]) -> None:
        try:
            source = read()
            notebook = read_notebook(source.text) if path.endswith(".ipynb") else None
        except (SourceError, NotebookError) as error:
            self.failures.append(Failure(shown, error.line + 1, error.message))
            return
        self.targets.append(Target(path, shown, self._root(path) or alone, source, notebook))

    def _root(self, path: str) -> str | None:
        return project_root(os.path.dirname(path))

    def show(self, path: str) -> str:
        """An absolute path as people see it: relative to the working directory."""
        try:
            return posix_relative(path, self.cwd)
        except ValueError:  # another drive
            return path

    def index(self) -> None:
        """Read what surrounds the targets: every Python file of the projects they belong to."""
        by_root: dict[str, list[Target]] = {}
        for target in self.targets:
            by_root.setdefault(target.root, []).append(target)
        for root, targets in by_root.items():
            texts = {target.path: target.text for target in targets}
            for path in self._surroundings(root, targets):
                if path not in texts:
                    try:
                        texts[path] = read_source(path).text
                    except SourceError:
                        continue
            self._imported[root] = any("aimet_torch" in text and _IMPORTS_AIMET.search(text) for text in texts.values())
            self.projects[root] = Project.empty(root).updated(texts)

    def _surroundings(self, root: str, targets: Sequence[Target]) -> Iterator[str]:
        if project_root(root) == root:
            yield from walk(root, suffixes=(".py",), excludes=self.settings.excludes)
            return
        # No project: what lies beside the files, not everything below (it may be a home folder).
        for folder in {os.path.dirname(target.path) for target in targets}:
            try:
                names = sorted(os.listdir(folder))
            except OSError:
                continue
            yield from (f"{folder.rstrip('/')}/{name}" for name in names if name.endswith(".py"))

    def config(self, target: Target) -> Config:
        """What a target is checked with."""
        return self.settings.config_for(target.path, imported=self._imported.get(target.root, False))

    def check(self, jobs: int = 0, *, keep: bool = False) -> Results:
        """Check every target, in up to `jobs` processes (0: as many as help).

        keep: take what the last run found where it still holds, and keep what this one finds.
        """
        return self.results(check_each(self.tasks(self.targets), jobs, keep=keep))

    def results(self, reports: Iterable[Report]) -> Results:
        """The reports of all targets, in order, as people see them."""
        results = Results(files=len(self.targets), failures=[*self.failures, *self.mistakes()])
        by_path = {target.path: target for target in self.targets}
        for target, report in zip(self.targets, reports, strict=True):
            self._collect(target, report, results, by_path)
        results.sort()
        return results

    def tasks(self, targets: Iterable[Target]) -> list[Task]:
        """What checking the targets takes."""
        return [(target.path, self.projects[target.root], self.config(target)) for target in targets]

    def mistakes(self) -> Iterator[Failure]:
        """What is wrong in the pyproject.toml files that the targets' settings come from."""
        seen: set[str] = set()
        for target in self.targets:
            config = self.config(target)
            if config.problems and config.pyproject not in seen:
                seen.add(config.pyproject)
                shown = config.pyproject if self.absolute else self.show(config.pyproject)
                yield from (Failure(shown, line + 1, message) for line, message in config.problems)

    def _collect(self, target: Target, report: Report, results: Results, by_path: Mapping[str, Target]) -> None:
        project = self.projects[target.root]
        lines = split_lines(project.text(target.path)) if report.findings else []
        if target.notebook and report.findings:
            lines = [line for cell in target.notebook.module.cells for line in split_lines(cell)]
        config = self.config(target)
        for finding in report.findings:
            related = tuple(
                (self._place(by_path.get(item.location.path), item.location.path, item.location.span), item.message)
                for item in finding.related
            )
            line = finding.span.line
            source = lines[line] if line < len(lines) else ""
            place, by_name = self._place(target, target.path, finding.span), not may_fix(config, finding.code)
            results.entries.append(Entry(finding, place, source, related, by_name))
        for problem in (engine.explain(problem, project) for problem in report.problems):
            cell, line = target.notebook.place(problem.line) if target.notebook else (None, problem.line)
            if problem.fatal:
                results.failures.append(Failure(target.shown, line + 1, problem.message, cell))
            else:
                _log.warning("%s:%d: %s", target.shown, line + 1, problem.message)

    def _place(self, target: Target | None, path: str, span: Span) -> Place:
        shown = target.shown if target else path if self.absolute else self.show(path)
        line, end_line, cell = span.line, span.end_line, None
        if target and target.notebook:
            cell, line = target.notebook.place(span.line)
            end_line = line + span.end_line - span.line
        return Place(shown, line + 1, span.column + 1, end_line + 1, span.end_column + 1, cell)


@dataclass(slots=True)
class Repaired:
    """What fixing did. changed: files with their new contents as text. applied: the repairs, per shown path.

    reports: of each target, as it is repaired, by its path.
    """

    changed: list[tuple[SourceFile, str, str]] = field(default_factory=list)
    applied: dict[str, list[tuple[Finding, Repair]]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    reports: dict[str, Report] = field(default_factory=dict)


def allowed(config: Config) -> Callable[[Finding, Repair], bool]:
    """Whether fix-all applies a repair: safe ones, others where the settings say so."""

    def allow(finding: Finding, repair: Repair) -> bool:
        return (repair.safety is Safety.SAFE or config.unsafe_fixes) and may_fix(config, finding.code)

    return allow


def repair(run: Run, jobs: int = 0, *, keep: bool = False, keep_repaired: bool = False) -> Repaired:
    """Repair every target, to a fixed point across files; nothing is written yet.

    A file that would parse worse than before is left as it was, with all that its repair changes elsewhere.
    jobs, keep: how it is found out which files there is something to repair in, as in `Run.check`.
    keep_repaired: keep what is found in the repaired files, which somebody will write, for the next run.
    """
    with tempfile.TemporaryDirectory() as place:
        repairing = _Repairing(run, jobs, keep, keep_repaired, Path(place))
        repairing.repair()
    return repairing.done


class _Repairing:
    """Repairs file after file, each as those before it have become, then looks at all again."""

    def __init__(self, run: Run, jobs: int, keep: bool, keep_repaired: bool, place: Path) -> None:
        """place: an empty folder, for what is kept no longer than this lasts."""
        self._run, self._jobs, self._keep, self._keep_repaired, self._place = run, jobs, keep, keep_repaired, place
        self._targets = {target.path: target for target in run.targets}
        self._reports: dict[str, Report] = {}
        # The projects with files that were repaired since their reports were made: one file can be of several.
        self._stale: set[str] = set()
        # The files that were repaired, with their new contents.
        self._written: dict[str, str] = {}
        # The files of which no repair is carried out.
        self._barred: set[str] = set()
        self._is_copied = False
        self.done = Repaired(failures=list(run.failures))

    def repair(self) -> None:
        """Repair the targets, project by project."""
        by_root: dict[str, list[Target]] = {root: [] for root in self._run.projects}
        for target in self._run.targets:
            by_root[target.root].append(target)
        self._check(self._run.targets, first=True)
        for root, targets in by_root.items():
            if root in self._stale:
                self._check(targets)
            before = {target.path: self._reports[target.path] for target in targets}
            while not self._repaired(root, targets):
                self._reports.update(before)
        for root in sorted(self._stale):
            self._check(by_root[root])
        for path, text in sorted(self._written.items()):
            self._finish(path, text)
        self.done.reports = self._reports

    def _check(self, targets: Sequence[Target], *, first: bool = False) -> None:
        tasks = self._run.tasks(targets)
        if self._keep_repaired or (first and self._keep):
            found = check_each(tasks, self._jobs, keep=True)
        else:
            # Memory tells what still holds of what was read, if all was read, and nobody gave it up.
            remembered = not self._keep and stays_read(tasks, self._jobs)
            if self._keep and not self._is_copied:
                self._is_copied = True
                for project in self._run.projects.values():
                    copy(project, self._place)
            found = check_each(tasks, self._jobs, keep=not remembered, place=self._place)
        self._reports.update((report.path, report) for report in found)
        self._stale -= {target.root for target in targets}

    def _repaired(self, root: str, targets: Sequence[Target]) -> bool:
        """Repair the targets of a project; False, and nothing is changed, where that spoils a file: next time, without
        the repairs of the files that it was repaired for.
        """
        before: dict[str, str] = {}
        authors: dict[str, set[str]] = {}
        applied: list[tuple[Target, list[tuple[Finding, Repair]]]] = []
        for _ in range(_PASSES):
            wanting = [target for target in targets if self._is_wanting(target)]
            known = len(applied)
            for target in wanting:
                project = self._run.projects[root]
                project = self._run.projects[root] = bounded(project, project.files[target.path].package)
                config = self._run.config(target)
                fixed = engine.fix_all(target.path, project, config, allowed(config), in_place=True)
                if fixed.before:
                    before = {**fixed.before, **before}
                    for path in fixed.before:
                        authors.setdefault(path, set()).add(target.path)
                    applied.append((target, fixed.applied))
                    self._run.projects[root] = fixed.project
                    self._take({path: fixed.project.text(path) for path in fixed.before})
            if len(applied) == known:
                break
            self._check(targets)
        written: dict[str, str] = {}
        spoilt: dict[str, SourceError | NotebookError] = {}
        for path, text in before.items():
            try:
                written[path] = self._written_as(path, text, self._run.projects[root].text(path))
            except (SourceError, NotebookError) as error:
                spoilt[path] = error
        for path, why in spoilt.items():
            for author in sorted(authors[path] - self._barred):
                self._barred.add(author)
                self.done.failures.append(Failure(self._targets[author].shown, why.line + 1, why.message))
        if spoilt:
            self._take(before)
            return False
        self._written.update(written)
        for target, repairs in applied:
            self.done.applied.setdefault(target.shown, []).extend(repairs)
        return True

    def _is_wanting(self, target: Target) -> bool:
        """Whether fix-all applies a repair of one of a file's findings."""
        if target.path in self._barred:
            return False
        allow = allowed(self._run.config(target))
        findings = self._reports[target.path].findings
        return any(allow(finding, repair) for finding in findings for repair in finding.repairs)

    def _take(self, texts: Mapping[str, str]) -> None:
        """Tell every project the new texts of its files."""
        for root, project in self._run.projects.items():
            own = {path: text for path, text in texts.items() if path in project.files}
            if own:
                self._stale.add(root)
            if any(text != project.text(path) for path, text in own.items()):
                self._run.projects[root] = project.updated(own)

    def _written_as(self, path: str, before: str, text: str) -> str:
        """What a file is written as for the new text of its module; raises where that must not be."""
        from .rewriting import apply_edits, minimal_edits  # rewriting is slow to import and only repairs need it

        if not _parses(text) and (_parses(before) or _broken(read(text)) > _broken(read(before))):
            raise SourceError("not repaired: the result would parse worse than before (a defect of this program)")
        target = self._targets.get(path)
        if target is None or target.notebook is None:
            return text
        module = target.notebook.module
        try:
            spread = module.spread(minimal_edits(module.text, text))
            cells = {index: apply_edits(module.cells[index], edits) for index, edits in spread.items()}
        except ValueError as error:
            raise SourceError(f"not repaired: {getattr(error, 'message', error)}") from None
        return target.notebook.with_cells(cells)

    def _finish(self, path: str, text: str) -> None:
        target = self._targets.get(path)
        try:
            source = target.source if target else read_source(path)
        except SourceError as error:
            self.done.failures.append(Failure(self._run.show(path), error.line + 1, error.message))
            return
        if text != source.text:
            self.done.changed.append((source, target.shown if target else self._run.show(path), text))


def _broken(source: Source) -> int:
    """How many statements of a file do not parse."""
    return sum(1 for _, statement in source.statements if not statement.body and statement.error)


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def posix(path: str) -> str:
    """An absolute path, normalised, with `/`."""
    return os.path.abspath(path).replace(os.sep, "/")


def posix_relative(path: str, start: str) -> str:
    """`path` relative to `start`, with `/`."""
    return os.path.relpath(path, start).replace(os.sep, "/")
