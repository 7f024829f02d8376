"""Which packages a file lies in, and what it is called for it."""

from __future__ import annotations

import functools
import os
import posixpath
from collections.abc import Set

_DEEPEST = 24  # packages


def lies_below(path: str, folders: Set[str]) -> bool:
    """Whether a file is in one of some folders, however deep."""
    while (above := path.rpartition("/")[0]) and above not in folders:
        path = above
    return bool(above)


@functools.cache
def _outer_packages(root: str) -> tuple[str, ...]:
    """The names of the packages that the folder `root` lies in, outermost first: `check` may be given a subpackage."""
    names: list[str] = []
    folder = posixpath.dirname(root)
    while os.path.exists(f"{folder}/__init__.py") and len(names) < _DEEPEST:
        folder, name = posixpath.split(folder)
        names.insert(0, name)
    return tuple(names)


def module_name(path: str, root: str, packages: set[str]) -> str:
    """The dotted name of a file: from the outermost folder of its packages down."""
    folder, name = posixpath.split(path)
    parts = [] if name == "__init__.py" else [name.removesuffix(".py")]
    while folder in packages and folder not in ("", "/"):
        if folder == root:
            parts = [*_outer_packages(root), posixpath.basename(root), *parts]
            break
        folder, last = posixpath.split(folder)
        parts.insert(0, last)
    return ".".join(parts) or posixpath.basename(folder)


def package_of(path: str, module: str) -> str:
    """The folder of the outermost package that a file lies in, or its own folder. module: its dotted name."""
    folder = posixpath.dirname(path)
    depth = module.count(".") - (posixpath.basename(path) != "__init__.py")
    return folder.rsplit("/", depth)[0] if depth > 0 else folder
