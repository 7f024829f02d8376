"""Changes as a unified diff that `patch` and `git apply` take."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

_LINES = re.compile(r"[^\n]*\n|[^\n]+")


def unified(path: str, old: str, new: str) -> Iterator[str]:
    """The diff line by line, without line ends (a carriage return of the file's own stays)."""
    old_path, new_path = (path, path) if path.startswith("/") else (f"a/{path}", f"b/{path}")
    for line in difflib.unified_diff(_LINES.findall(old), _LINES.findall(new), old_path, new_path):
        if line.endswith("\n"):
            yield line[:-1]
        else:
            yield line
            yield "\\ No newline at end of file"
