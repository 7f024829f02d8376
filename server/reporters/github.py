"""Findings as workflow commands, which GitHub shows beside the changed lines."""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Severity
from .results import Results

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFORMATION: "notice"}


def report(results: Results) -> Iterator[str]:
    """One workflow command a line. A line of a notebook's cell is not one of its file: the message names the cell."""
    for entry in results.entries:
        finding, place = entry.finding, entry.place
        values: dict[str, object] = {"file": place.path}
        message = finding.message
        if place.cell is None:
            values |= {"line": place.line, "endLine": place.end_line}
            if place.line == place.end_line:  # columns are read as those of one line
                values |= {"col": place.column, "endColumn": place.end_column}
        else:
            message = f"cell {place.cell}, line {place.line}: {message}"
        values["title"] = f"{finding.code} {finding.name}"
        yield _command(_COMMANDS[finding.severity], values, message)
    for failure in results.failures:
        yield _command("error", {"file": failure.path, "line": failure.line}, failure.message)


def _command(command: str, values: dict[str, object], message: str) -> str:
    listed = ",".join(f"{key}={_escape(str(value), in_value=True)}" for key, value in values.items())
    return f"::{command} {listed}::{_escape(message)}"


def _escape(text: str, *, in_value: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if in_value else text
