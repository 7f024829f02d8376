"""A run of the command line: which files, indexed with what surrounds them, checked, repaired, written."""

from __future__ import annotations

import ast
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from . import engine
from .config import Config
from .discovery import walk
from .engine import Project
from .finding import Edit, Finding, Repair, Report, Safety
from .jobs import bounded, check_each
from .notebooks import Notebook, NotebookError, join, read_notebook
from .positions import Span, split_lines
from .reading.source import Source, read
from .reporters.results import Entry, Failure, Place, Results
from .settings import Settings, may_fix, project_root
from .sources import SourceError, SourceFile, decode, read_source

_log = logging.getLogger(__name__)

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
        results = Results(files=len(self.targets), failures=[*self.failures, *self.mistakes()])
        by_path = {target.path: target for target in self.targets}
        for target, report in zip(self.targets, self.reports(jobs, keep), strict=True):
            self._collect(target, report, results, by_path)
        results.sort()
        return results

    def reports(self, jobs: int, keep: bool) -> Iterable[Report]:
        """The report of every target, in order."""
        tasks = [(target.path, self.projects[target.root], self.config(target)) for target in self.targets]
        return check_each(tasks, jobs, keep=keep)

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
    """What fixing did. changed: files with their new contents as text. applied: the repairs, per shown path."""

    changed: list[tuple[SourceFile, str, str]] = field(default_factory=list)
    applied: dict[str, list[tuple[Finding, Repair]]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def allowed(config: Config) -> Callable[[Finding, Repair], bool]:
    """Whether fix-all applies a repair: safe ones, others where the settings say so."""

    def allow(finding: Finding, repair: Repair) -> bool:
        return (repair.safety is Safety.SAFE or config.unsafe_fixes) and may_fix(config, finding.code)

    return allow


def repair(run: Run, jobs: int = 0, *, keep: bool = False) -> Repaired:
    """Repair every target, to a fixed point across files; nothing is written yet.

    A file that would parse worse than before is left as it was, with all that its repair changes elsewhere.
    jobs, keep: how it is found out which files there is something to repair in, as in `Run.check`.
    """
    done = Repaired(failures=list(run.failures))
    by_path = {target.path: target for target in run.targets}
    edited: dict[str, dict[int, str]] = {}
    visits = dict.fromkeys(by_path, 0)
    queue = [
        report.path for report in run.reports(jobs, keep) if _is_repaired(run.config(by_path[report.path]), report)
    ]
    while queue:
        path = queue.pop(0)
        target = by_path[path]
        project = run.projects[target.root]
        project = run.projects[target.root] = bounded(project, project.files[path].package)
        visits[path] += 1
        fixed = engine.fix_all(path, project, run.config(target), allowed(run.config(target)))
        if not fixed.applied:
            continue
        try:
            texts = _checked(run, target, project, fixed.edits, by_path, edited)
        except (SourceError, NotebookError) as error:
            done.failures.append(Failure(target.shown, error.line + 1, error.message))
            continue
        run.projects[target.root] = project.updated(texts)
        done.applied.setdefault(target.shown, []).extend(fixed.applied)
        following = run.projects[target.root].dependents(path) | set(texts)
        queue += [each for each in sorted(following) if each in by_path and visits[each] < 3 and each not in queue]
    _finish(run, by_path, edited, done)
    return done


def _is_repaired(config: Config, report: Report) -> bool:
    """Whether fix-all applies a repair of one of a file's findings."""
    allow = allowed(config)
    return any(allow(finding, repair) for finding in report.findings for repair in finding.repairs)


def _checked(
    run: Run,
    target: Target,
    project: Project,
    edits: Mapping[str, list[Edit]],
    by_path: Mapping[str, Target],
    edited: dict[str, dict[int, str]],
) -> dict[str, str]:
    """The new module texts that `edits` lead to; raises where one of them must not be."""
    from .rewriting.edits import apply_edits  # rewriting is slow to import and only repairs need it

    texts: dict[str, str] = {}
    cells: dict[str, dict[int, str]] = {}
    for path, listed in edits.items():
        try:
            texts[path] = apply_edits(project.text(path), listed)
            notebook = by_path[path].notebook if path in by_path else None
            if notebook:
                before = {
                    index: edited.get(path, {}).get(index, cell) for index, cell in enumerate(notebook.module.cells)
                }
                module = join([before[index] for index in sorted(before)])
                cells[path] = {index: apply_edits(before[index], part) for index, part in module.spread(listed).items()}
        except ValueError as error:
            raise SourceError(f"not repaired: {getattr(error, 'message', error)}") from None
    for path, text in texts.items():
        before_repair = project.files[path].source
        if _broken(read(text, before_repair)) > _broken(before_repair) or (
            _parses(before_repair.text) and not _parses(text)
        ):
            raise SourceError("not repaired: the result would parse worse than before (a defect of this program)")
    for path, text in texts.items():
        edited.setdefault(path, {}).update(cells.get(path, {}) or {0: text})
    return texts


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


def _finish(run: Run, by_path: Mapping[str, Target], edited: Mapping[str, dict[int, str]], done: Repaired) -> None:
    for path, parts in sorted(edited.items()):
        target = by_path.get(path)
        try:
            source = target.source if target else read_source(path)
        except SourceError as error:
            done.failures.append(Failure(run.show(path), error.line + 1, error.message))
            continue
        text = target.notebook.with_cells(parts) if target and target.notebook else parts[0]
        if text != source.text:
            done.changed.append((source, target.shown if target else run.show(path), text))


def posix(path: str) -> str:
    """An absolute path, normalised, with `/`."""
    return os.path.abspath(path).replace(os.sep, "/")


def posix_relative(path: str, start: str) -> str:
    """`path` relative to `start`, with `/`."""
    return os.path.relpath(path, start).replace(os.sep, "/")
