"""Which files to check: folders are walked as git sees them, without virtual environments and hidden folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from .config import matches

# Folders that are never the user's models, whatever `.gitignore` says.
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "dist-packages", "__pypackages__"})
SUFFIXES = (".py", ".ipynb")

Excludes = Callable[[str], tuple[str, tuple[str, ...]]]


def is_skipped(name: str) -> bool:
    """Whether a folder of that name is never walked."""
    return name.startswith(".") or name in _SKIPPED


class _Level(NamedTuple):
    """The ignore patterns of one file, and the folder they are relative to (with a slash at its end)."""

    base: str
    spec: object
    above: _Level | None


def walk(
    folder: str,
    *,
    suffixes: tuple[str, ...] = SUFFIXES,
    exclude: Iterable[tuple[str, tuple[str, ...]]] = (),
    excludes: Excludes | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[str]:
    """The absolute POSIX paths of the files under `folder` that are to be checked, sorted within each folder.

    Left out: what `.gitignore` files name (those of `folder`, above it up to the repository's root, and below it,
    and `.git/info/exclude`), hidden folders, virtual environments, `site-packages`, `node_modules`.

    exclude: further (folder, globs relative to it) in `.gitignore` syntax.
    excludes: gives the globs that the settings of a folder exclude, and what these are relative to; it is asked
        for `folder` and for each folder below it that has a pyproject.toml.
    stop: asked before each folder; where it says so, no more are walked.
    A `folder` that is itself ignored is walked all the same, without what ignores it.
    Folders that cannot be listed are passed over; a folder reached twice through symbolic links is read once.
    """
    top = folder.rstrip("/") or "/"
    fixed = tuple((base.rstrip("/"), globs) for base, globs in exclude if globs)
    settings = excludes(top) if excludes else ("", ())
    level = _levels_above(top)
    if level is not None and top.startswith(level.base) and _ignored(top, True, level):
        level = None  # who names an ignored folder means it
    yield from _walk(top, level, fixed, settings, excludes, suffixes, set(), stop)


def unignored(top: str, folder: str, paths: Iterable[str]) -> list[str]:
    """Those of `paths`, files right in `folder`, that no ignore file names as a walk of `top` would read them."""
    top = top.rstrip("/")
    level = _levels_above(top or "/")
    place = top
    for name in ("", *folder[len(top) + 1 :].split("/")):
        place = f"{place}/{name}".rstrip("/")
        level = _read_level(f"{place}/.gitignore", f"{place}/", level)
    return [path for path in paths if not _ignored(path, False, level)]


def _walk(
    folder: str,
    level: _Level | None,
    fixed: tuple[tuple[str, tuple[str, ...]], ...],
    settings: tuple[str, tuple[str, ...]],
    excludes: Excludes | None,
    suffixes: tuple[str, ...],
    linked: set[str],
    stop: Callable[[], bool] | None,
) -> Iterator[str]:
    pending = [(folder, level, settings)]
    top = os.path.realpath(folder)

    def within(path: str, place: str) -> bool:
        return (path + "/").startswith(place.rstrip("/") + "/")

    while pending and not (stop and stop()):
        folder, level, settings = pending.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            continue
        names = {entry.name for entry in entries}
        if "pyvenv.cfg" in names:
            continue
        prefix = folder.rstrip("/") + "/"
        if ".gitignore" in names:
            level = _read_level(prefix + ".gitignore", prefix, level)
        if excludes and "pyproject.toml" in names:
            settings = excludes(folder)
        below = []
        for entry in entries:
            name, path = entry.name, prefix + entry.name
            try:
                is_folder = entry.is_dir()
                if not is_folder and not (name.endswith(suffixes) and entry.is_file()):
                    continue
                if is_folder and is_skipped(name):
                    continue
                link = is_folder and entry.is_symlink()
            except OSError:
                continue
            if _ignored(path, is_folder, level) or any(
                globs and matches(globs, base, path + "/" * is_folder) for base, globs in (*fixed, settings)
            ):
                continue
            if not is_folder:
                yield path
                continue
            if link:
                target = os.path.realpath(path)
                # A link to a folder above would never end; what lies within is walked by its own name.
                if target in linked or within(target, top) or within(top, target):
                    continue
                linked.add(target)
            below.append((path, level, settings))
        pending.extend(reversed(below))


def _levels_above(folder: str) -> _Level | None:
    """The ignore files that hold in `folder` from outside it: those of the folders above, up to the repository."""
    places: list[str] = []
    place = folder
    while True:
        places.append(place)
        if os.path.exists(f"{place}/.git"):
            break
        parent = os.path.dirname(place)
        if parent == place:  # not in a repository: no ignore file above counts
            return None
        place = parent
    root = places[-1].rstrip("/") + "/"
    level = _read_level(f"{root}.git/info/exclude", root, None)
    for place in reversed(places[1:]):
        prefix = place.rstrip("/") + "/"
        level = _read_level(f"{prefix}.gitignore", prefix, level)
    return level


def _read_level(path: str, base: str, above: _Level | None) -> _Level | None:
    from pathspec import GitIgnoreSpec  # slow to import; a single named file does not need it

    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            lines = stream.read().splitlines()
    except OSError:
        return above
    patterns = [line for line in lines if line.strip() and not line.startswith("#")]
    if not patterns:
        return above
    try:
        return _Level(base, GitIgnoreSpec.from_lines(patterns), above)
    except ValueError:
        return _Level(base, GitIgnoreSpec.from_lines(filter(_valid, patterns)), above)


def _valid(pattern: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([pattern])
    except ValueError:
        return False
    return True


def _ignored(path: str, is_folder: bool, level: _Level | None) -> bool:
    """What the nearest ignore file with an opinion says; the folders above `path` are known not to be ignored."""
    while level is not None:
        relative = path[len(level.base) :] + "/" * is_folder
        verdict = level.spec.check_file(relative).include  # type: ignore[attr-defined]
        if verdict is not None:
            return bool(verdict)
        level = level.above
    return False
