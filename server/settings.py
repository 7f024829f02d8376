"""The settings of every file, merged: flags over pyproject.toml over the editor's over defaults."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import NamedTuple

from .config import Config
from .layers import Layer, read_pyproject
from .requirements import NONE, Requirement, read_requirement, requirement_files
from .rules import by_code

NOTHING = Layer()


def merge(layers: Sequence[Layer]) -> Layer:
    """The layers as one, the last winning.

    A `select` also sets aside what the layers before it ignore or switch off by that very name. `ignore` of the
    last layer (the flags) is added to that of the layers below, since a flag narrows one run. Severities merge
    rule by rule.
    """
    merged = Layer()
    for position, layer in enumerate(layers):
        values = {field.name: value for field in fields(Layer) if (value := getattr(layer, field.name)) is not None}
        ignore, severity = merged.ignore or (), dict(merged.severity or ())
        if layer.select is not None:
            ignore = ()
            severity = {
                code: level for code, level in severity.items() if level is not None or code not in layer.select
            }
        if layer.ignore is None or (position and position == len(layers) - 1):
            values["ignore"] = (*ignore, *(layer.ignore or ()))
        values["severity"] = tuple({**severity, **dict(layer.severity or ())}.items())
        merged = replace(merged, **values)
    return merged


def project_root(path: str) -> str | None:
    """The nearest folder above the file (or at the folder) `path` with a pyproject.toml or .git; None without one."""
    for folder in _ancestors(path if os.path.isdir(path) else os.path.dirname(path)):
        if os.path.exists(f"{folder}/.git") or os.path.isfile(f"{folder}/pyproject.toml"):
            return folder or "/"
    return None


def _ancestors(folder: str) -> list[str]:
    """`folder` and every folder above it, nearest first, without trailing slashes."""
    path = Path(folder)
    return [place.as_posix().rstrip("/") for place in (path, *path.parents)]


def _stamp(path: str) -> tuple[str, int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return path, 0, -1
    return path, status.st_mtime_ns, status.st_size


class _Read(NamedTuple):
    """What the files above a folder say, and what they looked like when they were read."""

    layer: Layer
    root: str | None
    pyproject: str
    problems: tuple[tuple[int, str], ...]
    requirement: Requirement
    stamps: tuple[tuple[str, int, int], ...]


class Settings:
    """The settings of every file, read once per folder and again when a file they came from changes.

    flags, editor: the sources above and below pyproject.toml.
    root: what globs are relative to where no pyproject.toml has our table.
    recheck: for that many seconds what was read is taken as current; `forget` ends that at once.
    """

    def __init__(
        self,
        flags: Layer = NOTHING,
        editor: Layer = NOTHING,
        *,
        root: str = "",
        recheck: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.flags, self.editor, self.root = flags, editor, root
        self._recheck, self._clock = recheck, clock
        self._folders: dict[str, tuple[float, _Read]] = {}
        self._configs: dict[tuple[str, bool, str], tuple[_Read, Config]] = {}

    def forget(self) -> None:
        """Look at the files again at the next question. Another thread may be asking one."""
        self._folders = {folder: (float("-inf"), read) for folder, (_, read) in list(self._folders.items())}

    def config_for(self, path: str, *, imported: bool = False, installed: str = "") -> Config:
        """What the file at the absolute `path` is checked with.

        imported: whether any file of the workspace imports aimet_torch.
        installed: the version of AIMET beside the project's interpreter, where known (`"2.42.0"`).
        """
        folder = path.rpartition("/")[0]
        read = self._read(folder)
        cached = self._configs.get((folder, imported, installed))
        if cached is None or cached[0] is not read:
            cached = read, self._resolve(read, imported, installed)
            self._configs[folder, imported, installed] = cached
        return cached[1]

    def excludes(self, folder: str) -> tuple[str, tuple[str, ...]]:
        """The `exclude` globs in force in `folder`, and the folder they are relative to."""
        config = self.config_for(f"{folder.rstrip('/')}/x.py")
        return config.root or folder, config.exclude

    def _resolve(self, read: _Read, imported: bool, installed: str) -> Config:
        merged = merge([self.editor, read.layer, replace(self.flags, exclude=None)])
        version = merged.aimet_version or "unknown"
        if version == "unknown":
            version = read.requirement.version
        if version == "unknown" and installed[:2] in ("1.", "2."):
            version = "1.x" if installed[0] == "1" else "2.x"
        modules = merged.aimet_modules or "auto"
        given = {
            field.name: value
            for field in fields(Layer)
            if field.name != "aimet_version" and (value := getattr(merged, field.name)) is not None
        }
        return Config(
            **given,
            root=os.path.dirname(read.pyproject) or self.root or read.root or "",
            aimet_version=version,
            aimet_available=modules == "always" or (modules == "auto" and (imported or read.requirement.required)),
            problems=read.problems,
            pyproject=read.pyproject,
        )

    def _read(self, folder: str) -> _Read:
        now = self._clock()
        known = self._folders.get(folder)
        if known is not None:
            if now - known[0] < self._recheck:
                return known[1]
            if all(_stamp(stamp[0]) == stamp for stamp in known[1].stamps):
                self._folders[folder] = now, known[1]
                return known[1]
        read = _read_folder(folder)
        self._folders[folder] = now, read
        return read


def _read_folder(folder: str) -> _Read:
    layer, pyproject = NOTHING, ""
    problems: tuple[tuple[int, str], ...] = ()
    requirement, root = NONE, None
    stamps: list[tuple[str, int, int]] = []
    within_project = True
    for place in _ancestors(folder):
        candidate = f"{place}/pyproject.toml"
        stamps.append(_stamp(candidate))
        exists = stamps[-1][2] >= 0
        repository = os.path.exists(f"{place}/.git")
        if exists and not pyproject:
            found, mistakes = _read_file(candidate)
            if found is not None:
                layer, pyproject, problems = found, candidate, tuple(mistakes)
        if root is None and (exists or repository):
            root = place or "/"
        if within_project:
            stamps.append(_stamp(place or "/"))
            files = requirement_files(place)
            stamps.extend(_stamp(path) for path in files)
            if requirement.version == "unknown":
                found_here = read_requirement(files)
                requirement = Requirement(requirement.required or found_here.required, found_here.version)
            within_project = not repository and root is None
    return _Read(layer, root, pyproject, problems, requirement, tuple(stamps))


def _read_file(path: str) -> tuple[Layer | None, list[tuple[int, str]]]:
    try:
        with open(path, encoding="utf-8") as stream:
            return read_pyproject(stream.read())
    except OSError as error:
        return Layer(), [(0, f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError:
        return Layer(), [(0, "this file is not UTF-8, so its settings are not used")]


def may_fix(config: Config, code: str) -> bool:
    """Whether fix-all may apply the repairs of that rule at all (safe or not) under `config`."""
    rule = by_code(code)
    if rule is None or not rule.fix_all_when_named:
        return True
    return config.named(code, rule.name) or (rule.repairs_with_aimet_modules and config.aimet_modules == "always")
