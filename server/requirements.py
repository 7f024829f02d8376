"""What a project says about AIMET in its requirements, read as text; nothing is imported or run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import NamedTuple

from .config import AimetVersion

# `aimet-torch==1.35`, `AimetTorch`, `aimet_torch[onnx] >= 2, < 3`, poetry's `aimet-torch = "^2.0"` and
# `aimet-torch = { version = "~1.34" }`, `aimet-torch @ https://.../aimet_torch-1.35.0-cp310-cp310-linux_x86_64.whl`.
_REQUIREMENT = re.compile(
    r"""(?:^|["'\s/=])aimet[-_.]?torch(?:-(?:cpu|gpu))?(?![\w.])[ \t]*(?:\[[^\]]*\])?["']?[ \t]*(?P<rest>[^\n;#]*)""",
    re.IGNORECASE,
)
_WHEEL = re.compile(r"aimet[-_]?torch-(?:torch[-_])?(?:cpu[-_]|gpu[-_])?(?P<major>\d+)\.", re.IGNORECASE)
_CLAUSE = re.compile(r"(?P<operator>===?|~=|!=|<=|>=|<|>|\^|~)?[ \t]*v?(?P<version>\d+(?:\.\d+)*)")
_NOT_A_REQUIREMENT = re.compile(r"\s*(?:name|description|keywords|url|homepage)\s*=", re.IGNORECASE)
_LARGEST = 1_000_000


class Requirement(NamedTuple):
    """Whether AIMET is required, and which major version where the requirement settles that."""

    required: bool
    version: AimetVersion


NONE = Requirement(False, "unknown")


def requirement_files(folder: str) -> list[str]:
    """The files of `folder` that can hold requirements, and those of its `requirements/`."""
    found: list[str] = []
    for place, anything in ((folder, False), (f"{folder}/requirements", True)):
        try:
            names = sorted(os.listdir(place))
        except OSError:
            continue
        for name in names:
            listed = name.endswith((".txt", ".in")) and (anything or name.startswith("requirements"))
            if listed or (not anything and name in ("pyproject.toml", "setup.cfg")):
                found.append(f"{place}/{name}")
    return found


def read_requirement(files: Iterable[str]) -> Requirement:
    """What `files` say together: required where any says so, the version from the first that settles it."""
    result = NONE
    for path in files:
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                found = parse_requirement(stream.read(_LARGEST))
        except OSError:
            continue
        if found.required:
            result = Requirement(True, found.version if result.version == "unknown" else result.version)
    return result


def parse_requirement(text: str) -> Requirement:
    """The requirement of AIMET in the text of a requirements file, pyproject.toml or setup.cfg."""
    required, version = False, "unknown"
    if "aimet" not in text.lower():
        return NONE
    for line in text.splitlines():
        code = line.split(" #")[0]
        if code.lstrip().startswith(("#", ";")) or _NOT_A_REQUIREMENT.match(code):
            continue
        wheel = _WHEEL.search(code)
        match = _REQUIREMENT.search(code)
        if wheel is None and match is None:
            continue
        required = True
        if version == "unknown":
            version = _major(wheel["major"]) if wheel else _version_of(match["rest"] if match else "")
    return Requirement(required, version)  # type: ignore[arg-type]


def _major(number: str) -> AimetVersion:
    return "1.x" if number == "1" else "2.x" if number == "2" else "unknown"


def _version_of(rest: str) -> AimetVersion:
    """The major version that the specifier at the start of `rest` admits, where it admits but one.

    AIMET has had the major versions 1 and 2, so `<2` means 1 and `>=2` means 2; `>=1.30` settles nothing.
    """
    if "@" in rest:
        return "unknown"
    for clause in _CLAUSE.finditer(rest.split('"')[0] if rest[:1] not in "={" else rest):
        operator, numbers = clause["operator"] or "", clause["version"].split(".")
        first, tail = numbers[0], [int(number) for number in numbers[1:]]
        if operator in ("", "==", "===", "~=", "^", "~"):
            return _major(first)
        if (operator == "<" and first == "2" and not any(tail)) or (operator in ("<", "<=") and first == "1"):
            return "1.x"
        if operator in (">=", ">") and first == "2":
            return "2.x"
    return "unknown"
