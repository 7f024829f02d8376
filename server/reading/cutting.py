"""Finds where the statements of a text begin that are read on their own, without parsing it.

Those are the statements at its top level. A compound statement there that holds classes or functions (`try:` above a
class) falls into several: each of these classes and functions, what begins its clauses, and the code in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from ..lexing import brackets

# The names of a run of statements, and of what begins a clause of a compound statement whose block follows.
CODE, CLAUSE = "code", "clause"

_CONTINUING = r"(?:else|elif|except|finally)\b"
# A line that can start a statement: not indented any further, not a comment, not the rest of a bracketed
# expression, not a clause of the compound statement above.
_STARTS = rf"(?![ \t\r\n\f#)\]}}]|{_CONTINUING})"
_NOT_CONTINUED = r"(?<!\\\n)(?<!\\\r\n)"  # by a backslash
_DEFINES = r"(?:(?:async[ \t]+def|def|class)[ \t]|@)"
_DEFINITION = re.compile(r"(?:async[ \t]+def|def|class)[ \t]+(\w+)|@")
_COMPOUND = re.compile(r"(?:if|try|with|for|while|async[ \t]+(?:for|with))\b")
_CONTINUES = re.compile(rf"[ \t]*{_CONTINUING}")
# A class or function inside another statement.
_INNER = re.compile(rf"\n(?=([ \t]+))\1{_DEFINES}")  # the white space is taken as a whole
_INNER_LINE = re.compile(r"[ \t]+(?:async|def|class|@)")
# Blocks indented further are not cut: nobody defines classes there, and what nests so is cut again at each level.
_DEEPEST = 32
_INDENTATION = re.compile(r"[ \t]*")
_LINE_WITH_CODE = re.compile(r"\n([ \t]*)(?![ \t\r\n\f#]|\Z)")
_EMPTY = re.compile(r":[ \t\r]*(?:#[^\n]*)?(?:\n[ \t\r\f]*(?:#[^\n]*)?)*\Z")


class _Level(NamedTuple):
    """What is looked for in a block: lines that can start its statements, those that begin its classes and functions,
    those that continue one of its compound statements, and those that are none of it.
    """

    first: re.Pattern[str]
    starts: re.Pattern[str]
    definitions: re.Pattern[str]
    clauses: re.Pattern[str]
    outside: re.Pattern[str]


@lru_cache(maxsize=64)
def _level(indent: str) -> _Level:
    # Beginning with a plain character, which is looked for much faster than `^`.
    line = rf"\n{_NOT_CONTINUED}{indent}"
    return _Level(
        re.compile(rf"{indent}{_STARTS}"),
        re.compile(rf"{line}{_STARTS}" if indent else rf"\n{_STARTS}{_NOT_CONTINUED}"),
        re.compile(rf"\n{indent}{_DEFINES}"),
        re.compile(rf"{line}{_CONTINUING}"),
        re.compile(rf"\n(?!{indent}|[ \t]*(?:[\r\n\f#]|\Z))"),
    )


def starts(text: str) -> list[int]:
    """Where lines begin that can start a statement, of those indented as the first line is."""
    return _starts(text, 0, len(text), indentation(text))


def is_one(text: str) -> bool:
    """Whether all lines below the first are indented further than it, but for those of its decorators."""
    indent = indentation(text)
    if indent and _level(indent).outside.search(text):
        return False
    return sum(not text.startswith("@", start + len(indent)) for start in starts(text)) <= 1


def _starts(text: str, start: int, end: int, indent: str) -> list[int]:
    level = _level(indent)
    found = [match.start() + 1 for match in level.starts.finditer(text, start, end)]
    if level.first.match(text, start, end):
        found.insert(0, start)
    if found and found[-1] == end:  # below the last line end
        found.pop()
    return found


def indentation(text: str) -> str:
    """The white space that a text begins with."""
    return _INDENTATION.match(text)[0]  # type: ignore[index]


def continues(text: str) -> bool:
    """Whether a text begins with a clause of a compound statement above it: `else`, `except`."""
    return _CONTINUES.match(text) is not None


def is_inner(text: str) -> bool:
    """Whether a text is a part of a compound statement that begins above it."""
    return text[:1] in (" ", "\t") or continues(text)


def starts_nothing(lines: Iterable[str], indent: str = "") -> bool:
    """Whether lines start no statement indented so or less, and what they say reaches into no line below them."""
    inside = (f"{indent} ", f"{indent}\t")
    return not any(
        (line and not line.startswith(inside) and (line[0] not in " \t" or line.strip()))
        or "\\" in line
        or '"""' in line
        or "'''" in line
        for line in lines
    )


def defines_nothing(lines: Iterable[str]) -> bool:
    """Whether no line begins a class or function inside another statement."""
    return not any(_INNER_LINE.match(line) for line in lines)


def pieces(text: str) -> Iterator[tuple[int, str, str]]:
    """(first line, name, text) of each class and function at the top level or in a compound statement there, of what
    begins the clauses of such a statement, and of each run of other statements.
    """
    found = _cut(text, 0, len(text), "")
    line = 0
    position = 0
    for index, (start, name) in enumerate(found):
        line += count_lines(text, position, start)
        position = start
        end = found[index + 1][0] if index + 1 < len(found) else len(text)
        yield line, name, text[start:end]


def count_lines(text: str, start: int, end: int) -> int:
    breaks = text.count("\n", start, end)
    if "\r" in text:
        breaks += text.count("\r", start, end) - text.count("\r\n", start, end)
    return breaks


def _cut(text: str, start: int, end: int, indent: str) -> list[tuple[int, str]]:
    """Where each piece of a block starts, and its name."""
    found: list[tuple[int, str]] = []
    in_code = decorated = False
    last, width = start, len(indent)
    for first in _starts(text, start, end, indent):
        definition = _DEFINITION.match(text, first + width)
        if definition is None and in_code:
            continue
        if found and inside_string(text, last, first):
            continue
        if definition is None and found and _inside_brackets(text, last, first, end, indent):
            continue
        if definition is None:
            in_code, decorated = True, False
            found.append((first, CODE))
            last = first
        elif not decorated:
            in_code, decorated = False, definition.group(1) is None
            found.append((first, CODE if decorated else _name(text, first + width, definition)))
            last = first
        elif definition.group(1):
            # The definition below its decorators belongs to the piece they opened.
            found[-1] = (found[-1][0], _name(text, first + width, definition))
            decorated = False
    if not any(name == CODE for _, name in found):
        return found
    divided: list[tuple[int, str]] = []
    for (first, name), below in zip(found, [*(each for each, _ in found[1:]), end]):
        if name == CODE and _INNER.search(text, first, below):
            divided.extend(_divided(text, first, below, indent))
        else:
            divided.append((first, name))
    return divided


def _divided(text: str, start: int, end: int, indent: str) -> Iterator[tuple[int, str]]:
    """The pieces of a run of code: its compound statements that hold classes or functions are cut, too."""
    real = [start]
    for each in _starts(text, start, end, indent):
        if each != start and not _is_inside(text, real[-1], each, end, indent):
            real.append(each)
    in_code = False
    for first, below in zip(real, [*real[1:], end]):
        parts = None
        if len(indent) < _DEEPEST and _COMPOUND.match(text, first + len(indent)) and _INNER.search(text, first, below):
            parts = _clauses(text, first, below, indent)
        if parts is not None:
            yield from parts
        elif not in_code:
            yield first, CODE
        in_code = parts is None


def _clauses(text: str, start: int, end: int, indent: str) -> list[tuple[int, str]] | None:
    """The pieces of a compound statement: what begins each clause, and those of its block.

    A clause on one line (`else: x = 1`) is a piece of code. None where nothing in it is a class or a function, or
    where it is not whole: then it is no statement.
    """
    level = _level(indent)
    heads = [start]
    for match in level.clauses.finditer(text, start, end):
        if not _is_inside(text, heads[-1], match.start() + 1, end, indent):
            heads.append(match.start() + 1)
    words = "".join(_WORD.match(text, head + len(indent))[0] + " " for head in heads)  # type: ignore[index]
    if not _WHOLE.fullmatch(words):
        return None
    found: list[tuple[int, str]] = []
    for head, below in zip(heads, [*heads[1:], end]):
        block = _block(text, head, below, indent)
        if block is not None:
            found.append((head, CLAUSE))
            found.extend(_cut(text, block[0], below, block[1]))
        elif head == start or _EMPTY.search(text, head, below):
            return None
        else:
            found.append((head, CODE))
    return found if any(name not in (CODE, CLAUSE) for _, name in found) else None


_WORD = re.compile(r"\w+")
_WHOLE = re.compile(
    r"if (?:elif )*(?:else )?|(?:for|while|async) (?:else )?|with |try (?:finally |(?:except )+(?:else )?(?:finally )?)"
)


def _block(text: str, start: int, end: int, indent: str) -> tuple[int, str] | None:
    """Where the block of a clause starts, and how it is indented; None where it stands on the clause's line."""
    for match in _LINE_WITH_CODE.finditer(text, start, end):
        line = match.start() + 1
        if _is_inside(text, start, line, end, indent) or text.endswith(("\\\n", "\\\r\n"), start, line):
            continue
        inner = match[1]
        return (line, inner) if len(inner) > len(indent) and inner.startswith(indent) else None
    return None


def _is_inside(text: str, start: int, position: int, end: int, indent: str) -> bool:
    """Whether a position is inside a string or brackets that opened after `start`."""
    return inside_string(text, start, position) or _inside_brackets(text, start, position, end, indent)


def balanced(text: str, start: int, end: int) -> bool:
    """Whether as many brackets open as close, wherever they stand."""
    return all(text.count(one, start, end) == text.count(other, start, end) for one, other in ("()", "[]", "{}"))


def _inside_brackets(text: str, start: int, position: int, end: int, indent: str) -> bool:
    """Whether a position is in brackets that opened after `start` and close before the next class or function."""
    if balanced(text, start, position):
        return False
    following = _level(indent).definitions.search(text, max(position - 1, 0), end)
    depth = 0
    for each, step in brackets(text, start, following.start() + 1 if following is not None else end):
        if each >= position and depth == 0:
            return False
        depth = max(0, depth + step)
        if each >= position and depth == 0:
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
