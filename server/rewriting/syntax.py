"""Tells code that is broken from code that is only newer than the Python that runs the checker."""

from __future__ import annotations

import sys


def is_newer_python(text: str) -> bool:
    """Whether `text`, which this Python's own parser refuses, is valid in a newer Python.

    libcst brings a parser of its own that knows the syntax of every Python up to the newest it supports, whichever
    Python it runs on. False where libcst cannot be loaded.
    """
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


def running() -> str:
    """This Python's version as people write it: `3.11`."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"
