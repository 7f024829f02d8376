"""Finds where the top-level statements of a text begin, without parsing it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..lexing import brackets

# A line that can start a top-level statement: not indented, not a comment, not the rest of a bracketed
# expression, not a clause of the compound statement above, not continued by a backslash.
_STARTS = r"(?![ \t\r\n\f#)\]}]|(?:else|elif|except|finally)\b)"
_FIRST_START = re.compile(_STARTS)
# Beginning with a plain character, which is looked for much faster than `^`.
_LATER_START = re.compile(rf"\n{_STARTS}(?<!\\\n)(?<!\\\r\n)")
_DEFINITION = re.compile(r"(?:async[ \t]+def|def|class)[ \t]+(\w+)|@")


def starts(text: str) -> list[int]:
    """Where lines begin that can start a top-level statement."""
    found = [match.end() for match in _LATER_START.finditer(text)]
    if _FIRST_START.match(text):
        found.insert(0, 0)
    if found and found[-1] == len(text):  # below the last line end
        found.pop()
    return found


def starts_nothing(lines: Iterable[str]) -> bool:
    """Whether lines start no statement, and what they say reaches into no line below them."""
    return not any((line and line[0] not in " \t") or "\\" in line or '"""' in line or "'''" in line for line in lines)


def pieces(text: str) -> Iterator[tuple[int, str, str]]:
    """(first line, name, text) of each top-level class, function, and run of other statements."""
    starts = _boundaries(text)
    line = 0
    position = 0
    for index, (start, name) in enumerate(starts):
        line += count_lines(text, position, start)
        position = start
        end = starts[index + 1][0] if index + 1 < len(starts) else len(text)
        yield line, name, text[start:end]


def count_lines(text: str, start: int, end: int) -> int:
    breaks = text.count("\n", start, end)
    if "\r" in text:
        breaks += text.count("\r", start, end) - text.count("\r\n", start, end)
    return breaks


def _boundaries(text: str) -> list[tuple[int, str]]:
    """Where each piece starts, and its name."""
    found: list[tuple[int, str]] = []
    in_code = decorated = False
    last = 0
    for start in starts(text):
        definition = _DEFINITION.match(text, start)
        if definition is None and in_code:
            continue
        if found and inside_string(text, last, start):
            continue
        if definition is None and found and _inside_brackets(text, last, start):
            continue
        if definition is None:
            in_code, decorated = True, False
            found.append((start, "code"))
            last = start
        elif not decorated:
            in_code, decorated = False, definition.group(1) is None
            found.append((start, "code" if decorated else _name(text, start, definition)))
            last = start
        elif definition.group(1):
            # The definition below its decorators belongs to the piece they opened.
            found[-1] = (found[-1][0], _name(text, start, definition))
            decorated = False
    return found


_NEXT = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]|^@", re.MULTILINE)


def balanced(text: str, start: int, end: int) -> bool:
    """Whether as many brackets open as close, wherever they stand."""
    return all(text.count(one, start, end) == text.count(other, start, end) for one, other in ("()", "[]", "{}"))


def _inside_brackets(text: str, start: int, end: int) -> bool:
    """Whether position `end` is in brackets that opened after `start` and close before the next class or function."""
    if balanced(text, start, end):
        return False
    following = _NEXT.search(text, end)
    depth = 0
    for position, step in brackets(text, start, following.start() if following is not None else len(text)):
        if position >= end and depth == 0:
            return False
        depth = max(0, depth + step)
        if position >= end and depth == 0:
            return True
    return False


def _name(text: str, start: int, definition: re.Match[str]) -> str:
    word = "class" if text.startswith("class", start) else "def"
    return f"{word} {definition.group(1)}"


_DOUBLE, _SINGLE, _TRIPLE = re.compile('"""'), re.compile("'''"), re.compile(r'"""|\'\'\'')


def inside_string(text: str, start: int, end: int) -> bool:
    """Whether position `end` is inside a triple-quoted string that opened after `start`.

    Strings written as they mostly are, alone on their line and without escapes, are paired as they come.
    """
    double, single = text.find('"""', start, end) >= 0, text.find("'''", start, end) >= 0
    if not double and not single:
        return False
    opened = ""
    # One kind alone, as most texts have it, is found much faster.
    for match in (_TRIPLE if double and single else _DOUBLE if double else _SINGLE).finditer(text, start, end):
        position = match.start()
        if opened and match.group() != opened:
            continue
        before = text[max(start, text.rfind("\n", start, position) + 1) : position]
        if before.endswith("\\") or (not opened and ('"' in before or "'" in before or "#" in before)):
            return _scan_string(text, start, end)
        opened = "" if opened else match.group()
    return bool(opened)


_TOKENS = re.compile(r'"""|\'\'\'|"(?:[^"\\\r\n]|\\.)*"|\'(?:[^\'\\\r\n]|\\.)*\'|#[^\r\n]*|\\.', re.DOTALL)


def _scan_string(text: str, start: int, end: int) -> bool:
    """The same, reading string by string, since quotes can stand in comments and in other strings."""
    position = start
    while True:
        token = _TOKENS.search(text, position, end)
        if token is None:
            return False
        position = token.end()
        quote = token.group()
        if quote in ('"""', "'''"):
            closing = re.compile(r"(?:[^\\]|\\.)*?" + quote, re.DOTALL).match(text, position, end)
            if closing is None:
                return True
            position = closing.end()
