"""Files on disk: which of them are checked, and their text."""

from __future__ import annotations

import logging
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from .. import discovery
from ..config import matches
from ..discovery import is_skipped
from ..notebooks import NotebookError, read_notebook
from ..sources import SourceError, read_source

if TYPE_CHECKING:
    from .folders import Folder

_SETTINGS = ("pyproject.toml", ".gitignore", "setup.cfg")
_log = logging.getLogger(__name__)
WATCHED = ("**/*.py", "**/*.ipynb", "**/pyproject.toml", "**/.gitignore", "**/requirements*.txt")


def is_settings(path: str) -> bool:
    """Whether what the file says may change how others are checked."""
    name = posixpath.basename(path)
    return name in _SETTINGS or (name.startswith("requirements") and name.endswith(".txt"))


def is_checked(path: str) -> bool:
    """Whether it is a kind of file that is checked."""
    return path.endswith(discovery.SUFFIXES)


def belonging(paths: Iterable[str], folder: Folder) -> set[str]:
    """Those of `paths` that the workspace scan would find in `folder`."""
    by_parent: dict[str, set[str]] = {}
    for path in paths:
        if is_checked(path):
            by_parent.setdefault(posixpath.dirname(path), set()).add(path)
    found: set[str] = set()
    for parent, wanted in by_parent.items():
        if not _is_skipped(parent, folder.root):
            known = discovery.unignored(folder.root, parent, wanted)
            found.update(path for path in known if not _is_excluded(path, folder))
    return found


def _is_excluded(path: str, folder: Folder) -> bool:
    """Whether the settings or the editor's `files.exclude` leave the file out."""
    return folder.config(path).excluded(path) or matches(folder.editor.files_exclude, folder.root, path)


def _is_skipped(parent: str, root: str) -> bool:
    """Whether the scan never comes to the folder `parent` of the workspace folder `root`."""
    place = root
    for name in parent[len(root) + 1 :].split("/") if parent != root else ():
        place = f"{place}/{name}"
        if is_skipped(name) or os.path.exists(f"{place}/pyvenv.cfg"):
            return True
    return False


def walk(folder: Folder, stop: Callable[[], bool]) -> Iterator[str]:
    """The files of a workspace folder that are checked, as absolute POSIX paths. stop: says that nobody wants them."""
    exclude = [(folder.root, folder.editor.files_exclude)]
    return discovery.walk(folder.root, exclude=exclude, excludes=folder.settings.excludes, stop=stop)


def is_walked(path: str, folder: Folder) -> bool:
    """Whether it is a folder that the workspace scan comes to."""
    return os.path.isdir(path) and not _is_skipped(path, folder.root)


def below(path: str) -> Iterator[str]:
    """The files in a folder that came to be and may have to be checked.

    An editor does not reliably tell of files that are made together with their folder, as git does it.
    """
    return discovery.walk(path)


def read(path: str) -> str | None:
    """The text of a file as the checker reads it; None where there is none that can be read."""
    try:
        text = read_source(path).text
        return read_notebook(text).module.text if path.endswith(".ipynb") else text
    except (SourceError, NotebookError) as error:
        if os.path.exists(path):
            _log.info("%s: %s", path, error.message)
        return None
