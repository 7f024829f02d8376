"""Cuts a file into its top-level statements and parses each on its own.

A statement that does not parse costs its own findings, not the file's; a statement whose text did not change
keeps its parsed tree and everything learnt from it. Lines inside a `Statement` count from its own first line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..lexing import brackets
from ..positions import Span, code_point_column, split_lines
from .edited import changed_lines, edited_method, with_method
from .syntax import parse

# A line that can start a top-level statement: not indented, not a comment, not the rest of a bracketed
# expression, not a clause of the compound statement above, not continued by a backslash.
_START = re.compile(r"(?<!\\\n)(?<!\\\r\n)^(?![ \t\r\n\f#)\]}]|(?:else|elif|except|finally)\b)", re.MULTILINE)
_DEFINITION = re.compile(r"(?:async[ \t]+def|def|class)[ \t]+(\w+)|@")


@dataclass(eq=False)
class Statement:
    """One top-level class or function, or a run of other statements; compared by identity.

    key: names it within its file (`class Net`, `def helper`, `code`, with `#2` for a second of the name).
    text: its source with its decorators, without the comments above it, line ends as in the file.
    former: what was last read of earlier versions, until this one is read.
    left: what was known of it when an edit took it away.
    """

    key: str
    text: str
    error: SyntaxError | None = None
    earlier: Statement | None = None
    former: object = field(default=None, repr=False)
    _reading: object = field(default=None, repr=False)
    _body: list[ast.stmt] | None = None
    memo: dict[object, object] = field(default_factory=dict, repr=False)
    left: dict[object, object] = field(default_factory=dict, repr=False)

    @property
    def body(self) -> list[ast.stmt]:
        """Its syntax tree; without what does not parse (`error` then says why)."""
        if self._body is None:
            try:
                known = self._parsed_in_part()
                self._body = parse(self.text) if known is None else known
                self.earlier = None  # never needed again, nor are the versions before it
            except SyntaxError as error:
                self.error = error
                self._body = [] if self.is_definition else _recover(self.text)
        return self._body

    @property
    def failure(self) -> SyntaxError | None:
        """Why it does not parse; None where it does."""
        return self.error if self.body is not None else None

    def _parsed_in_part(self) -> list[ast.stmt] | None:
        """The tree of a class, of which an edit changed one method, with the rest of the earlier version's tree.

        None where that does not do. Raises SyntaxError where the method does not parse.
        """
        known = self.earlier._body if self.earlier is not None else None
        if known is None or len(known) != 1 or not isinstance(known[0], ast.ClassDef):
            return None
        assert self.earlier is not None
        change = changed_lines(self.earlier.lines, self.lines)
        edited = edited_method(known[0], change, self.earlier.lines, self.lines)
        if edited is None:
            return None
        if edited.now is None:
            assert edited.error is not None
            raise edited.error
        # Where lines were added or taken away, every node below stands elsewhere.
        return [with_method(known[0], edited.before, edited.now)] if not change.moved else None

    @property
    def good(self) -> Statement:
        """This statement, or its last version that parsed where this one does not."""
        return self.earlier.good if self.earlier is not None and not self.body and self.error else self

    def changed(self, text: str) -> Statement:
        """This statement with another text."""
        earlier = None
        if self.is_definition:
            # Not parsed for this: a version that nobody looked at is no better than the one before it.
            parsed = self._body is not None and self.error is None
            earlier = self if parsed or (self._body is None and self.earlier is None) else self.earlier
        former = self._reading if self._reading is not None else self.former
        return Statement(self.key, text, earlier=earlier, former=former)

    @cached_property
    def is_indented(self) -> bool:
        """Whether all lines below its first are indented, but for those of its decorators."""
        starts = [match.start() for match in _START.finditer(self.text)]
        return sum(not self.text.startswith("@", start) for start in starts) <= 1

    def keep_reading(self, reading: object) -> None:
        """Keep what was read of it, for the version that an edit makes of it."""
        self._reading, self.former = reading, None

    @property
    def is_definition(self) -> bool:
        """Whether it is one class or function."""
        return not self.key.startswith("code")

    @property
    def name(self) -> str:
        """The name that a class or function binds."""
        return self.key.partition(" ")[2].partition("#")[0]

    @cached_property
    def line_count(self) -> int:
        """How many line ends it has."""
        return _count_lines(self.text, 0, len(self.text))

    @cached_property
    def lines(self) -> list[str]:
        """Its lines, without their ends."""
        return split_lines(self.text)

    def span(self, node: ast.AST) -> Span:
        """Where `node` stands, relative to the statement's first line."""
        return self.between(node, node)

    def between(self, first: ast.AST, last: ast.AST) -> Span:
        """The range from the start of one node to the end of another."""
        line, end_line = first.lineno - 1, last.end_lineno - 1  # type: ignore[attr-defined]
        lines = self.lines
        return Span(
            line,
            code_point_column(lines[line], first.col_offset),  # type: ignore[attr-defined]
            end_line,
            code_point_column(lines[end_line], last.end_col_offset),  # type: ignore[attr-defined]
        )

    def source(self, node: ast.AST) -> str:
        """The text of `node`."""
        line, column, end_line, end_column = self.span(node)
        if line == end_line:
            return self.lines[line][column:end_column]
        return "\n".join(
            [self.lines[line][column:], *self.lines[line + 1 : end_line], self.lines[end_line][:end_column]]
        )


@dataclass(frozen=True, eq=False)
class Source:
    """A file's text as placed statements.

    statements: (0-based line of the statement's first line in the file, statement), in order.
    """

    text: str
    _placed: tuple[tuple[int, Statement], ...] | None = None
    # Where the text is known to be cut: (line, key, position) of each statement.
    _cuts: tuple[tuple[int, str, int], ...] | None = None

    @cached_property
    def statements(self) -> tuple[tuple[int, Statement], ...]:
        """The statements; a text is cut when somebody asks for them."""
        if self._placed is not None:
            return self._placed
        if self._cuts is None:
            return tuple(_named(_pieces(self.text), {}))
        ends = [*(start for _, _, start in self._cuts[1:]), len(self.text)]
        pairs = zip(self._cuts, ends, strict=True)
        return tuple((line, Statement(key, self.text[start:end])) for (line, key, start), end in pairs)

    @property
    def is_read(self) -> bool:
        """Whether somebody asked for its statements."""
        return "statements" in self.__dict__

    def unread(self) -> Source:
        """The same text, cut where it was, with nothing parsed or learnt of its statements."""
        if not self.is_read:
            return self
        cuts: list[tuple[int, str, int]] = []
        position = _head(self)
        for line, statement in self.statements:
            cuts.append((line, statement.key, position))
            position += len(statement.text)
        return Source(self.text, _cuts=tuple(cuts))

    @cached_property
    def line_of(self) -> Mapping[str, int]:
        """The first line of each statement, by key."""
        return {statement.key: line for line, statement in self.statements}

    @cached_property
    def by_key(self) -> Mapping[str, Statement]:
        """The statements by key."""
        return {statement.key: statement for _, statement in self.statements}

    def replaced(self, earlier: Source) -> list[tuple[Statement, Statement]] | None:
        """The statements that differ from those of an earlier version, (earlier, now), where there are as many under
        the same keys, as after most edits; else None.
        """
        if len(self.statements) != len(earlier.statements):
            return None
        pairs = zip(earlier.statements, self.statements, strict=True)
        found = [(old, new) for (_, old), (_, new) in pairs if old is not new]
        return found if all(old.key == new.key for old, new in found) else None


def _recover(text: str) -> list[ast.stmt]:
    """What parses of a run of statements of which one does not."""
    body: list[ast.stmt] = []
    starts = [match.start() for match in _START.finditer(text)]
    for start, end in zip(starts, [*starts[1:], len(text)]):
        try:
            part = parse(text[start:end])
        except SyntaxError:
            continue
        lines = _count_lines(text, 0, start)
        for statement in part:
            for node in ast.walk(statement):
                if hasattr(node, "lineno"):
                    node.lineno += lines
                    node.end_lineno += lines  # type: ignore[attr-defined]
            body.append(statement)
    return body


def read(text: str, previous: Source | None = None) -> Source:
    """Cut `text` into statements, reusing those of `previous` whose text is unchanged."""
    if previous is None:
        return Source(text)
    change = _cut_again(text, previous)
    if change is None:
        return Source(text, tuple(_named(_pieces(text), previous.by_key)))
    first, pieces, last, lines = change
    old = previous.statements
    names = [name for _, name, _ in pieces]
    if names != [_base(statement) for _, statement in old[first:last]]:
        whole = [*_as_pieces(old[:first]), *pieces, *_as_pieces(old[last:], lines)]
        return Source(text, tuple(_named(whole, previous.by_key)))
    # As mostly in an edit, each statement stays what it was but for its text.
    there = [
        (line, statement if statement.text == piece else statement.changed(piece))
        for (line, _, piece), (_, statement) in zip(pieces, old[first:last])
    ]
    below = old[last:] if not lines else tuple((line + lines, statement) for line, statement in old[last:])
    return Source(text, (*old[:first], *there, *below))


def _as_pieces(placed: Iterable[tuple[int, Statement]], lines: int = 0) -> Iterator[tuple[int, str, str]]:
    return ((line + lines, _base(statement), statement.text) for line, statement in placed)


def _named(pieces: Iterable[tuple[int, str, str]], known: Mapping[str, Statement]) -> Iterator[tuple[int, Statement]]:
    seen: dict[str, int] = {}
    for line, name, piece in pieces:
        count = seen[name] = seen.get(name, 0) + 1
        key = name if count == 1 else f"{name}#{count}"
        statement = known.get(key)
        if statement is None:
            statement = Statement(key, piece)
        elif statement.text != piece:
            statement = statement.changed(piece)
        yield line, statement


def _cut_again(text: str, previous: Source) -> tuple[int, list[tuple[int, str, str]], int, int] | None:
    """What an edit changed, found by cutting only that; None where it does not settle it.

    (first, pieces, last, lines): the pieces stand in place of the statements from `first` up to `last`; those below
    moved down by `lines`.
    """
    old = previous.statements
    if not old:
        return None
    position = head = _head(previous)
    if not text.startswith(previous.text[:head]):
        return None
    first = 0
    while first < len(old) and text.startswith(old[first][1].text, position):
        position += len(old[first][1].text)
        first += 1
    last, end = len(old), len(text)
    while (
        last > first and end - len(old[last - 1][1].text) >= position and text.endswith(old[last - 1][1].text, 0, end)
    ):
        last -= 1
        end -= len(old[last][1].text)
    if last == first + 1:
        piece = text[position:end]
        follows = old[last][1].is_definition if last < len(old) else True
        reaches = not follows and not _balanced(piece, 0, len(piece))
        if not reaches and old[first][1].is_indented and _starts_nothing(old[first][1].text, piece):
            line = old[first][0]
            lines = _count_lines(piece, 0, len(piece)) - old[first][1].line_count
            return first, [(line, _base(old[first][1]), piece)], last, lines
    # The neighbours are cut again too: the edit may have joined them to what changed.
    for _ in range(2):
        if first:
            first -= 1
            position -= len(old[first][1].text)
        if last < len(old):
            end += len(old[last][1].text)
            last += 1
    line = old[first][0] if first else 0
    if not first:
        position = 0
    middle = text[position:end]
    cut = list(_pieces(middle))
    if last < len(old):
        if not cut or (cut[-1][1] == "code" and _base(old[last][1]) == "code"):
            return None
        tail = cut[-1][2]
        if (tail.startswith("@") and cut[-1][1] == "code") or tail.rstrip(" \t").endswith("\\\n"):
            return None
        if _inside_string(middle, len(middle) - len(tail), len(middle)):
            return None
        if not old[last][1].is_definition and not _balanced(tail, 0, len(tail)):
            return None
    if first and sum(len(piece) for _, _, piece in cut) != len(middle):
        return None
    lines = line + _count_lines(middle, 0, len(middle)) - old[last][0] if last < len(old) else 0
    return first, [(line + offset, name, piece) for offset, name, piece in cut], last, lines


def _starts_nothing(old: str, new: str) -> bool:
    """Whether an edit of a statement changed only lines that start no other: indented ones, whose quotes and line
    ends reach no further.
    """
    most = min(len(old), len(new))
    same = _common(most, lambda length: old.startswith(new[:length]))
    start = max(old.rfind("\n", 0, same), new.rfind("\n", 0, same)) + 1
    same = _common(most - start, lambda length: old.endswith(new[len(new) - length :]))
    for text in (old, new):
        end = text.find("\n", max(start, len(text) - same))
        changed = text[start : len(text) if end < 0 else end]
        if not start or end < 0 or "\r" in changed or "\\" in changed or '"""' in changed or "'''" in changed:
            return False
        if any(line and line[0] not in " \t" for line in changed.split("\n")):
            return False
    return True


def _common(most: int, holds: Callable[[int], bool]) -> int:
    """The greatest length up to `most` for which `holds`, which holds for every shorter one too."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if holds(middle):
            least = middle
        else:
            most = middle - 1
    return least


def _head(source: Source) -> int:
    """How much text stands above the first statement."""
    return len(source.text) - sum(len(statement.text) for _, statement in source.statements)


def _base(statement: Statement) -> str:
    return statement.key.partition("#")[0]


def _pieces(text: str) -> Iterator[tuple[int, str, str]]:
    """(first line, name, text) of each top-level class, function, and run of other statements."""
    starts = _boundaries(text)
    line = 0
    position = 0
    for index, (start, name) in enumerate(starts):
        line += _count_lines(text, position, start)
        position = start
        end = starts[index + 1][0] if index + 1 < len(starts) else len(text)
        yield line, name, text[start:end]


def _count_lines(text: str, start: int, end: int) -> int:
    breaks = text.count("\n", start, end)
    if "\r" in text:
        breaks += text.count("\r", start, end) - text.count("\r\n", start, end)
    return breaks


def _boundaries(text: str) -> list[tuple[int, str]]:
    """Where each piece starts, and its name."""
    starts: list[tuple[int, str]] = []
    in_code = decorated = False
    last = 0
    for match in _START.finditer(text):
        start = match.start()
        definition = _DEFINITION.match(text, start)
        if definition is None and in_code:
            continue
        if start >= len(text) or (starts and _inside_string(text, last, start)):
            continue
        if definition is None and starts and _inside_brackets(text, last, start):
            continue
        if definition is None:
            in_code, decorated = True, False
            starts.append((start, "code"))
            last = start
        elif not decorated:
            in_code, decorated = False, definition.group(1) is None
            starts.append((start, "code" if decorated else _name(text, start, definition)))
            last = start
        elif definition.group(1):
            # The definition below its decorators belongs to the piece they opened.
            starts[-1] = (starts[-1][0], _name(text, start, definition))
            decorated = False
    return starts


_NEXT = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]|^@", re.MULTILINE)


def _balanced(text: str, start: int, end: int) -> bool:
    """Whether as many brackets open as close, wherever they stand."""
    return all(text.count(one, start, end) == text.count(other, start, end) for one, other in ("()", "[]", "{}"))


def _inside_brackets(text: str, start: int, end: int) -> bool:
    """Whether position `end` is in brackets that opened after `start` and close before the next class or function."""
    if _balanced(text, start, end):
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


_TRIPLE = re.compile(r'"""|\'\'\'')


def _inside_string(text: str, start: int, end: int) -> bool:
    """Whether position `end` is inside a triple-quoted string that opened after `start`.

    Strings written as they mostly are, alone on their line and without escapes, are paired as they come.
    """
    if text.find('"""', start, end) < 0 and text.find("'''", start, end) < 0:
        return False
    opened = ""
    for match in _TRIPLE.finditer(text, start, end):
        position = match.start()
        if opened and match.group() != opened:
            continue
        before = text[max(start, text.rfind("\n", start, position) + 1) : position]
        if before.endswith("\\") or (not opened and any(mark in before for mark in "\"'#")):
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
