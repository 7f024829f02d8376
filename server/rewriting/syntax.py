"""Tells code that is broken from code that is only newer than the Python that runs the checker."""

from __future__ import annotations

import re
import sys

# libcst's native parser ends the process, or takes minutes, on code that is nested or chained deeper than people write.
_LONGEST = 100_000
_DEEPEST = 200
_CHAINED = re.compile(r"(?:(?:[-+~]|not\b|await\b|lambda\b[^:\n]*:)\s*){200}")


def is_newer_python(text: str) -> bool:
    """Whether `text`, which this Python's own parser refuses, is valid in a newer Python.

    libcst brings a parser of its own that knows the syntax of every Python up to the newest it supports, whichever
    Python it runs on. False where libcst cannot be loaded, and for what it could not bear.
    """
    if len(text) > _LONGEST or _CHAINED.search(text) or _depth(text) > _DEEPEST:
        return False
    try:
        import libcst
    except ImportError:
        return False
    try:
        libcst.parse_module(text)
    except (libcst.ParserSyntaxError, RecursionError, ValueError):
        return False
    except Exception as error:  # its native parser raises a bare exception for what it cannot read
        if type(error).__module__.partition(".")[0] in ("libcst", "builtins"):
            return False
        raise
    return True


def _depth(text: str) -> int:
    """How deep brackets are nested; those in strings count too."""
    depth = deepest = 0
    for bracket in re.findall(r"[][(){}]", text):
        depth = depth + 1 if bracket in "([{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest


def running() -> str:
    """This Python's version as people write it: `3.11`."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"
