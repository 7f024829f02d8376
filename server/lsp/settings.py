"""The editor's settings: what the checker takes from them, and what only the server needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..layers import Layer, from_editor

SECTION = "aimetGuidelines"

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "run": ("onType", "onSave"),
    "diagnosticMode": ("workspace", "openFilesOnly"),
    "logLevel": ("error", "warning", "info", "debug"),
}
_FLAGS = {"codeLens": False, "showUnsafeFixes": True}


@dataclass(frozen=True, slots=True)
class EditorSettings:
    """What the editor says for one folder, with every default filled in.

    layer: the settings that pyproject.toml may replace. problems: what was not taken, in words for the user.
    files_exclude: globs of the editor's own `files.exclude` that are on.
    installed: the version of AIMET beside the project's interpreter, where the client knows it.
    """

    layer: Layer = field(default_factory=Layer)
    run: str = "onType"
    diagnostic_mode: str = "workspace"
    log_level: str = "info"
    code_lens: bool = False
    show_unsafe_fixes: bool = True
    files_exclude: tuple[str, ...] = ()
    installed: str = ""
    problems: tuple[str, ...] = ()


def read(ours: Any, files_exclude: Any = None) -> EditorSettings:
    """The settings in the answer to `workspace/configuration`.

    ours: the section `aimetGuidelines`, to which our client adds `aimetInstalled`, the version of AIMET beside
    the project's interpreter. files_exclude: the section `files.exclude`. Neither is trusted to have the right
    shape: an editor passes on whatever its user wrote.
    """
    if ours is not None and not isinstance(ours, Mapping):
        return EditorSettings(problems=(f"setting {SECTION} must be an object with settings, not {ours!r}",))
    section: Mapping[str, Any] = ours or {}
    layer, problems = from_editor(section)
    problems = list(problems)
    choices: dict[str, str] = {}
    for key, allowed in _CHOICES.items():
        value = section.get(key)
        if value is None or value in allowed:
            choices[key] = value or allowed[0]
        else:
            problems.append(f"setting {SECTION}.{key} cannot be {value!r}: it is one of {', '.join(allowed)}")
            choices[key] = allowed[0]
    if section.get("logLevel") not in _CHOICES["logLevel"]:
        choices["logLevel"] = "info"
    flags: dict[str, bool] = {}
    for key, default in _FLAGS.items():
        value = section.get(key)
        flags[key] = value if isinstance(value, bool) else default
        if value is not None and not isinstance(value, bool):
            problems.append(f"setting {SECTION}.{key} must be true or false, not {value!r}")
    return EditorSettings(
        layer=layer,
        run=choices["run"],
        diagnostic_mode=choices["diagnosticMode"],
        log_level=choices["logLevel"],
        code_lens=flags["codeLens"],
        show_unsafe_fixes=flags["showUnsafeFixes"],
        files_exclude=_globs(files_exclude),
        installed=installed if isinstance(installed := section.get("aimetInstalled"), str) else "",
        problems=tuple(problems),
    )


def _globs(files_exclude: Any) -> tuple[str, ...]:
    """The patterns that are simply on; a condition (`{"when": ...}`) depends on other files and is left out."""
    if not isinstance(files_exclude, Mapping):
        return ()
    return tuple(str(glob) for glob, on in files_exclude.items() if on is True)
