"""What each source of settings says, checked: a table of pyproject.toml, the editor's settings, the flags.

A mistake never stops anything: it is named, with its line where it stands in a pyproject.toml and with the name
that was probably meant, and the default is kept.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, TypeVar

from .config import AimetModules, AimetVersion
from .finding import Severity
from .rules import RULES, resolve

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = "aimet-guidelines"
SEVERITIES: Mapping[str, Severity | None] = {**{severity.label: severity for severity in Severity}, "off": None}

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source of settings says; None where it says nothing."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    severity: tuple[tuple[str, Severity | None], ...] | None = None
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    exclude: tuple[str, ...] | None = None
    aimet_version: AimetVersion | None = None
    aimet_modules: AimetModules | None = None
    fail_on: Severity | None = None
    fix_all: bool | None = None
    unsafe_fixes: bool | None = None


class Mistake(NamedTuple):
    """A setting that was not taken: its key, the item within its value where there is one, words for the user."""

    key: str
    item: str
    message: str


KEYS: tuple[str, ...] = tuple(field.name.replace("_", "-") for field in fields(Layer))


def from_editor(settings: Mapping[str, object]) -> tuple[Layer, list[str]]:
    """What the editor's settings (`aimetGuidelines.*`, keys in camelCase without that prefix) say, and mistakes.

    Keys that are not about checking (the interpreter, the log level) belong to the caller and are passed over.
    """
    given: dict[str, object] = {}
    for key in KEYS:
        first, *others = key.split("-")
        value = settings.get(first + "".join(word.capitalize() for word in others))
        if value is not None and not (key == "select" and value == []):
            given[key] = value
    layer, mistakes = read_layer(given)
    return layer, [f"setting aimetGuidelines.{_camel(mistake)}" for mistake in mistakes]


def _camel(mistake: Mistake) -> str:
    first, *others = mistake.key.split("-")
    return first + "".join(word.capitalize() for word in others) + mistake.message[len(mistake.key) :]


def read_layer(table: Mapping[str, object]) -> tuple[Layer, list[Mistake]]:
    """The settings of `table` (keys as in pyproject.toml) that are valid, and what is wrong with the others.

    Every message begins with the key it is about.
    """
    reader = _Reader()
    values: dict[str, object] = {}
    for key, value in table.items():
        if key not in KEYS:
            reader.wrong(key, "", f"is not a setting{did_you_mean(key, KEYS)}")
            continue
        read = getattr(reader, key.replace("-", "_"))(key, value)
        if read is not None:
            values[key.replace("-", "_")] = read
    return Layer(**values), reader.mistakes  # type: ignore[arg-type]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "..."?` where one of `known` is close to `word`, else nothing."""
    folded = {name.casefold(): name for name in known}
    wanted = word.casefold().replace("_", "-")
    close = [name for name in folded if len(wanted) > 2 and name.startswith(wanted)]
    close = close or difflib.get_close_matches(wanted, folded, n=1)
    return f'; did you mean "{folded[close[0]]}"?' if close else ""


def unknown_rule(selector: str) -> str:
    """Says that no rule has that code, prefix or name."""
    known = [word for rule in RULES for word in (rule.code, rule.name)]
    return f'"{selector}" is not a rule{did_you_mean(selector, known)}'


def canonical(selector: str) -> str | None:
    """A code or prefix in capitals, a name as its code; None where no rule has it."""
    codes = resolve(selector)
    if not codes:
        return None
    upper = selector.strip().upper()
    return upper if codes[0].startswith(upper) else codes[0]


class _Reader:
    """Checks values; one method per setting, each giving None for a value that cannot be taken."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def wrong(self, key: str, item: object, message: str) -> None:
        self.mistakes.append(Mistake(key, str(item), f"{key}: {message}" if item != "" else f"{key} {message}"))

    def _strings(self, key: str, value: object) -> list[str] | None:
        if isinstance(value, str):
            self.wrong(key, "", f'must be a list of strings: write ["{value}"]')
            return None
        if not isinstance(value, Sequence):
            self.wrong(key, "", f"must be a list of strings, not {_kind(value)}")
            return None
        for item in value:
            if not isinstance(item, str):
                self.wrong(key, item, f"{item!r} is not a string")
        return [item for item in value if isinstance(item, str)]

    def _codes(self, key: str, value: object) -> tuple[str, ...] | None:
        strings = self._strings(key, value)
        if strings is None:
            return None
        codes: list[str] = []
        for selector in strings:
            code = canonical(selector)
            if code is None:
                self.wrong(key, selector, unknown_rule(selector))
            else:
                codes.append(code)
        # A list of nothing but mistakes must not switch every rule off.
        return tuple(codes) if codes or not strings else None

    def _choice(self, key: str, value: object, choices: Mapping[str, _Value]) -> _Value | None:
        if isinstance(value, str) and value.lower() in choices:
            return choices[value.lower()]
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        self.wrong(key, "", f"cannot be {value!r}: it is one of {', '.join(choices)}{hint}")
        return None

    def _flag(self, key: str, value: object) -> bool | None:
        if isinstance(value, bool):
            return value
        self.wrong(key, "", f"must be true or false, not {value!r}")
        return None

    def _table(self, key: str, value: object) -> Mapping[str, object] | None:
        if isinstance(value, Mapping):
            return value
        self.wrong(key, "", f"must be a table, not {_kind(value)}")
        return None

    select = ignore = _codes
    fix_all = unsafe_fixes = _flag

    def exclude(self, key: str, value: object) -> tuple[str, ...] | None:
        strings = self._strings(key, value)
        return None if strings is None else tuple(glob for glob in strings if self._glob(key, glob))

    def _glob(self, key: str, glob: str) -> bool:
        from pathspec import GitIgnoreSpec  # slow to import, and most projects have no globs

        try:
            GitIgnoreSpec.from_lines([glob])
        except ValueError as error:
            self.wrong(key, glob, f'"{glob}" is not a glob: {error}')
            return False
        return True

    def severity(self, key: str, value: object) -> tuple[tuple[str, Severity | None], ...] | None:
        table = self._table(key, value)
        if table is None:
            return None
        read: dict[str, Severity | None] = {}
        for selector, word in table.items():
            codes = resolve(selector)
            if not codes:
                self.wrong(key, selector, unknown_rule(selector))
            elif not isinstance(word, str) or word.lower() not in SEVERITIES:
                hint = did_you_mean(word, SEVERITIES) if isinstance(word, str) else ""
                choices = ", ".join(SEVERITIES)
                self.wrong(key, selector, f"{selector} cannot be {word!r}: it is one of {choices}{hint}")
            else:
                read.update(dict.fromkeys(codes, SEVERITIES[word.lower()]))
        return tuple(read.items())

    def per_file_ignores(self, key: str, value: object) -> tuple[tuple[str, tuple[str, ...]], ...] | None:
        table = self._table(key, value)
        if table is None:
            return None
        pairs = []
        for glob, selectors in table.items():
            codes = self._codes(key, selectors) if self._glob(key, glob) else None
            if codes:
                pairs.append((glob, codes))
        return tuple(pairs)

    def aimet_version(self, key: str, value: object) -> AimetVersion | None:
        choices: dict[str, AimetVersion] = {"auto": "unknown", "1.x": "1.x", "2.x": "2.x"}
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            number = re.fullmatch(r"([12])(\.\d+)*", str(value))
            value = f"{number[1]}.x" if number else value
        return self._choice(key, value, choices)

    def aimet_modules(self, key: str, value: object) -> AimetModules | None:
        choices: dict[str, AimetModules] = {"auto": "auto", "always": "always", "never": "never"}
        return self._choice(key, value, choices)

    def fail_on(self, key: str, value: object) -> Severity | None:
        return self._choice(key, value, {severity.label: severity for severity in reversed(Severity)})


def _kind(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "a string", dict: "a table"}
    return names.get(type(value), "a list" if isinstance(value, Sequence) else type(value).__name__)


def read_pyproject(text: str) -> tuple[Layer | None, list[tuple[int, str]]]:
    """What the text of a pyproject.toml says, and its mistakes with their 0-based lines.

    The layer is None where the file has no `[tool.aimet-guidelines]`; a text that is not TOML has an empty one.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(?at line (\d+)", str(error))
        line = int(place[1]) - 1 if place else max(0, text.count("\n") - text.endswith("\n"))
        return Layer(), [(line, f"this file is not valid TOML, so its settings are not used: {error}")]
    tool = document.get("tool", {})
    if not isinstance(tool, dict) or TABLE not in tool:
        return None, []
    table = tool[TABLE]
    if not isinstance(table, dict):
        return Layer(), [(_line(text, "", ""), f"tool.{TABLE} must be a table, not {_kind(table)}")]
    layer, mistakes = read_layer(table)
    return layer, sorted((_line(text, mistake.key, mistake.item), mistake.message) for mistake in mistakes)


def _line(text: str, key: str, item: str) -> int:
    """The 0-based line of `item`, or of `key`, in our table of a valid pyproject.toml (the parser tells no lines)."""
    lines = text.split("\n")
    ours, at_header, at_key = False, 0, None
    header = re.compile(rf"\s*\[\s*tool\s*\.\s*[\"']?{TABLE}[\"']?\s*(?:\.\s*[\"']?(?P<sub>[\w-]+)[\"']?\s*)?\]")
    key_start = re.compile(rf"(?:^|[{{,.]|\s)[\"']?{re.escape(key)}[\"']?\s*[.=]")
    item_text = re.compile(rf"(?<![\w-]){re.escape(item)}(?![\w-])")
    for number, line in enumerate(lines):
        if re.match(r"\s*\[[^\[\]]+\]\s*(?:#.*)?$", line):
            match = header.match(line)
            ours = match is not None
            at_header = number if match and not match["sub"] else at_header
            if match and key and match["sub"] == key:
                at_key = number
                continue
        elif TABLE in line:
            ours, at_header = True, number
        if not ours:
            continue
        if at_key is None and key and key_start.search(line):
            at_key = number
        if at_key is not None and (not item or item_text.search(line)):
            return number if item else at_key
    return at_header if at_key is None else at_key
