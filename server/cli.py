"""The command line: check, fix, explain, lsp. Only argparse is imported until a command runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NoReturn

from . import __version__
from .sharing import ProcessDiedError, TaskError

if TYPE_CHECKING:
    from .layers import Layer
    from .reporters.results import Failure, Results
    from .runs import Run

_DESCRIPTION = "Finds what AIMET's model guidelines forbid in PyTorch source, and repairs it."

_EPILOG = """\
examples:
  aimet-guidelines check                     check the files below the working directory
  aimet-guidelines check models --select AIMET1 --fail-on error
  aimet-guidelines fix models --diff         show the safe repairs without writing them
  aimet-guidelines fix net.py --unsafe-fixes
  aimet-guidelines explain AIMET102          what the rule wants, and why

exit status:
  0  nothing found that reaches --fail-on; everything repaired
  1  check: something reaches --fail-on; fix --diff: there is something to repair
  2  wrong usage, a file that cannot be read, a statement that does not parse, a mistake in the settings

Settings stand in [tool.aimet-guidelines] of the nearest pyproject.toml; flags win over them. A comment
"# aimet: ignore[AIMET101]" on a line silences a rule there, "# aimet: ignore-file" silences a file.
"""


class UsageError(Exception):
    """Wrong usage, in words for the user."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        "aimet-guidelines", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=raw, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"aimet-guidelines {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    check = commands.add_parser(
        "check", help="report findings", description="Report what the guidelines forbid.", allow_abbrev=False
    )
    _add_common(check)
    check.add_argument(
        "--format",
        choices=("text", "json", "sarif", "github"),
        default="text",
        help="text for people (default), json for programs, sarif for code scanning, github for annotations",
    )
    check.add_argument(
        "--fail-on",
        metavar="SEVERITY",
        help="exit with 1 where a finding is at least this severe: error, warning (default) or information",
    )

    fix = commands.add_parser(
        "fix",
        help="repair files in place",
        description="Apply the safe repairs: those that keep outputs and state_dict as they are. "
        "AIMET301 and AIMET304 are repaired only where --select names them.",
        allow_abbrev=False,
    )
    _add_common(fix)
    fix.add_argument("--diff", action="store_true", help="print the changes instead of writing them")

    explain = commands.add_parser(
        "explain", help="show a rule's page, or list all rules", description="Show a rule's page, or list all rules."
    )
    explain.add_argument("rule", nargs="?", metavar="CODE", help="a code (AIMET101) or a name (functional-layer)")
    commands.add_parser("lsp", help="run the language server over stdin and stdout", description="Run the server.")
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "paths",
        nargs="*",
        default=["."],
        metavar="PATH",
        help="files or folders, by default the working directory; - is standard input. Folders are walked as git "
        "sees them; a file named here is checked even where it is excluded",
    )
    add(
        "--select", action="append", metavar="CODES", help="only these rules: codes, prefixes or names, comma-separated"
    )
    add("--ignore", action="append", metavar="CODES", help="not these rules, besides those the settings ignore")
    add("--exclude", action="append", metavar="GLOB", help="leave out files in folders, in the syntax of .gitignore")
    add("--aimet-version", metavar="V", help="the AIMET in use: auto (default), 1.x or 2.x")
    add("--aimet-modules", metavar="WHEN", help="whether repairs may use AIMET's modules: auto, always or never")
    add("--unsafe-fixes", action="store_true", help="apply repairs that may change the model or its callers, too")
    add("--stdin-filename", metavar="PATH", help="the file that standard input stands for")
    add("--no-cache", action="store_true", help="check every file anew, and keep nothing for the next run")
    add("-j", "--jobs", type=int, default=0, metavar="N", help="processes to check with; by default as many as help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status; wrong usage leaves by SystemExit(2)."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        if arguments.command == "lsp":
            return _serve()
        _prepare_output()
        _log_in_one_line()
        status = {"check": _check, "fix": _fix, "explain": _explain}[arguments.command](arguments)
        sys.stdout.flush()
    except UsageError as error:
        parser.exit(2, f"aimet-guidelines {arguments.command}: {error}\n")
    except ProcessDiedError as error:
        reason = "most likely for lack of memory: --jobs 1 takes less"
        print(f"aimet-guidelines {arguments.command}: {error}, {reason}", file=sys.stderr)
        return 2
    except TaskError as error:
        print(f"aimet-guidelines {arguments.command}: internal error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader has seen enough; the interpreter's own flush at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except OSError as error:
        what = f"{error.filename}" if error.filename else "the output cannot be written"
        print(f"aimet-guidelines: {what}: {error.strerror or error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def _serve() -> int:
    import gc

    gc.disable()  # what is imported stays: to look for garbage in it takes a tenth of the start
    try:
        from .lsp.server import serve
    except ModuleNotFoundError as error:
        print(f"aimet-guidelines lsp: {error.name} is not installed: pip install aimet-guidelines", file=sys.stderr)
        return 2
    return serve()


def _prepare_output() -> None:
    """Output that never fails on a character: UTF-8 into pipes, escapes where a terminal lacks one."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 (who starts it may close them)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace", **({} if stream.isatty() else {"encoding": "utf-8"}))


def _log_in_one_line() -> None:
    """Notes, and defects of this program without a traceback, go to standard error; the run goes on."""
    import logging

    class OneLine(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info[1] if record.exc_info else None
            reason = f": {type(error).__name__}: {error}" if error else ""
            kind = "internal error" if record.levelno >= logging.ERROR else "note"
            print(f"aimet-guidelines: {kind}: {record.getMessage()}{reason}", file=sys.stderr)

    logging.getLogger(__package__).handlers = [OneLine(logging.WARNING)]


def _check(arguments: argparse.Namespace) -> int:
    run = _run(arguments)
    _collect_seldom()
    run.index()
    results = run.check(jobs=arguments.jobs, keep=not arguments.no_cache)
    _print_results(results, arguments.format)
    if results.failures:
        return 2
    fail_on = {target.root: run.config(target).fail_on for target in run.targets}
    worst = results.worst()
    return 1 if worst is not None and worst >= min(fail_on.values()) else 0


def _collect_seldom() -> None:
    """Look for garbage less often: syntax trees are many objects that live as long as the run does.

    Measured on torchvision: a quarter less time, no more memory.
    """
    import gc

    gc.set_threshold(200_000, 50, 100)


def _print_results(results: Results, form: str) -> None:
    if form == "json":
        from .reporters import json

        print(json.report(results))
    elif form == "sarif":
        from .reporters import sarif

        print(sarif.report(results))
    elif form == "github":
        from .reporters import github

        _print_lines(github.report(results))
    else:
        from .reporters import text

        _print_lines(text.report(results, colour=_colour()))
        sys.stdout.flush()
        _print_failures(results.failures)


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")


def _print_failures(failures: Iterable[Failure]) -> None:
    for failure in failures:
        cell = f"cell {failure.cell}:" if failure.cell is not None else ""
        print(f"{failure.path}:{cell}{failure.line}: error: {failure.message}", file=sys.stderr)


def _colour() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _fix(arguments: argparse.Namespace) -> int:
    from .reporters.diff import unified
    from .runs import repair
    from .sources import SourceError, write_source

    run = _run(arguments)
    _collect_seldom()
    run.index()
    from_stdin = "-" in arguments.paths
    keep = not arguments.no_cache
    done = repair(run, arguments.jobs, keep=keep, keep_repaired=keep and not (from_stdin or arguments.diff))
    failures = [*done.failures, *run.mistakes()]
    unwritten = 0
    if arguments.diff:
        for source, shown, text in done.changed:
            _print_lines(unified(shown, source.text, text))
    elif from_stdin:
        contents = done.changed[0][2] if done.changed else run.targets[0].source.text if run.targets else ""
        if run.targets:
            sys.stdout.flush()
            sys.stdout.buffer.write(run.targets[0].source.encode(contents))
    else:
        for source, shown, text in done.changed:
            try:
                write_source(source, text)
            except SourceError as error:
                failures.append(_failure(shown, error.line, error.message))
                unwritten += len(done.applied.pop(shown, ()))
    results = run.results(done.reports[target.path] for target in run.targets)
    failures += [failure for failure in results.failures if failure not in failures]
    stream = sys.stderr if from_stdin or arguments.diff else sys.stdout
    count = sum(map(len, done.applied.values()))
    verb = "would be repaired" if arguments.diff else "repaired"
    findings, files = _count(count, "finding"), _count(len(done.applied), "file")
    print(f"{findings} {verb} in {files}; {len(results.entries) + unwritten} left.", file=stream)
    _print_failures(failures)
    if failures:
        return 2
    return 1 if arguments.diff and done.changed else 0


def _failure(path: str, line: int, message: str) -> Failure:
    from .reporters.results import Failure

    return Failure(path, line + 1, message)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _run(arguments: argparse.Namespace) -> Run:
    from .runs import Run, posix
    from .settings import Settings

    if arguments.jobs < 0:
        raise UsageError("-j: the number of processes cannot be negative")
    flags = _flags(arguments)
    try:
        cwd = posix(os.getcwd())
    except OSError as error:
        raise UsageError(f"the working directory cannot be read: {error.strerror or error}") from None
    run = Run(Settings(flags, root=cwd, recheck=float("inf")), cwd)
    if "-" in arguments.paths:
        if len(arguments.paths) > 1:
            raise UsageError("- (standard input) cannot be named together with other paths")
        if sys.stdin is None:
            raise UsageError("- names standard input, which is closed")
        run.add_text(sys.stdin.buffer.read(), arguments.stdin_filename or "stdin.py")
    elif arguments.stdin_filename:
        raise UsageError("--stdin-filename goes with - (standard input) as the path")
    else:
        run.add_paths(arguments.paths, flags.exclude or ())
    return run


def _flags(arguments: argparse.Namespace) -> Layer:
    """The flags as settings; a mistake in one is wrong usage."""
    from .layers import read_layer

    def split(values: list[str] | None) -> list[str] | None:
        return values and [part.strip() for value in values for part in value.split(",") if part.strip()]

    given: dict[str, object] = {
        "select": split(arguments.select),
        "ignore": split(arguments.ignore),
        "exclude": arguments.exclude,
        "aimet-version": arguments.aimet_version,
        "aimet-modules": arguments.aimet_modules,
        "fail-on": getattr(arguments, "fail_on", None),
        "unsafe-fixes": arguments.unsafe_fixes or None,
    }
    layer, mistakes = read_layer({key: value for key, value in given.items() if value is not None})
    if mistakes:
        raise UsageError("\n".join(f"--{mistake.message}" for mistake in mistakes))
    return layer


def _explain(arguments: argparse.Namespace) -> int:
    from .layers import canonical, unknown_rule
    from .reporters import pages
    from .rules import RULES, by_code

    if arguments.rule is None:
        _print_lines(pages.listing(RULES))
        return 0
    rule = by_code(canonical(arguments.rule) or "")
    if rule is None:
        raise UsageError(f"{unknown_rule(arguments.rule)}; 'aimet-guidelines explain' lists all rules")
    _print_lines(pages.explain(rule, colour=_colour()))
    return 0
