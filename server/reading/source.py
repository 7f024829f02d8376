"""Cuts a file into statements and parses each on its own: those at its top level, and of compound statements there that
hold classes or functions each of these, with what stands between.

A statement that does not parse costs its own findings, not the file's; a statement whose text did not change
keeps its parsed tree and everything learnt from it. Lines inside a `Statement` count from its own first line.
"""

from __future__ import annotations

import ast
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from ..positions import Span, code_point_column, split_lines
from .cutting import (
    CLAUSE,
    CODE,
    balanced,
    continues,
    count_lines,
    defines_nothing,
    indentation,
    inside_string,
    is_inner,
    is_one,
    pieces,
    starts,
    starts_nothing,
)
from .edited import Change, changed_lines, edited_method, with_method
from .parts import Parts
from .syntax import parse, standing_alone


@dataclass(eq=False)
class Statement:
    """A class or function at the top level of a file or in a compound statement there, a run of other statements, or
    what begins a clause of a compound statement that holds classes or functions; compared by identity.

    key: names it within its file (`class Net`, `def helper`, `code`, `clause`, with `#2` for a second of the name).
    text: its source with its indentation and decorators, without the comments above it, line ends as in the file.
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
    # The lines in which it differs from the two versions that were asked for last.
    _changes: list[tuple[weakref.ref[Statement], Change]] = field(default_factory=list, repr=False)

    @property
    def body(self) -> list[ast.stmt]:
        """Its syntax tree; without what does not parse (`error` then says why)."""
        if self._body is None:
            try:
                known = self._parsed_in_part()
                self._body = parse(self.text, self.is_clause) if known is None else known
                self.earlier = None  # never needed again, nor are the versions before it
            except SyntaxError as error:
                # Without its traceback, whose frames would keep everything alive that was looked at by then.
                self.error = error.with_traceback(None)
                self._body = [] if self.is_definition else _recover(self.text)
        return self._body

    @property
    def standing_alone(self) -> str:
        """Its text as a file of its own, with what has to stand around it."""
        return standing_alone(self.text, self.is_clause)[1]

    @property
    def parts(self) -> Parts:
        """The nodes of its syntax tree."""
        known = self.memo.get("parts")
        if known is None:
            known = self.memo["parts"] = Parts(self.body)
        return known  # type: ignore[return-value]

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
        change = self.change_since(self.earlier)
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

    def edited_inside(self, text: str) -> Statement | None:
        """This statement with another text, where the edit changed only lines in its midst that start no other and
        reach no further; else None.
        """
        if self.is_clause or not self.is_indented or _has_lone_returns(text):
            return None
        edited = self.changed(text)
        change = edited.change_since(self)
        if not change.first or change.old_end == len(self.lines) or change.end == len(edited.lines):
            return None
        changed = (*self.lines[change.first : change.old_end], *edited.lines[change.first : change.end])
        if self.lines[change.first - 1].endswith("\\") or not starts_nothing(changed, self.indent):
            return None
        if not self.is_definition and not defines_nothing(changed):
            return None
        edited.__dict__["is_indented"] = True
        return edited

    @cached_property
    def is_indented(self) -> bool:
        """Whether all lines below its first are indented further, but for those of its decorators."""
        return not _has_lone_returns(self.text) and is_one(self.text)

    @cached_property
    def indent(self) -> str:
        """The white space before it, where it is in a compound statement."""
        return indentation(self.text)

    @cached_property
    def is_inner(self) -> bool:
        """Whether it is a part of a compound statement that begins above it."""
        return is_inner(self.text)

    @cached_property
    def continues(self) -> bool:
        """Whether it begins with a further clause of a compound statement."""
        return not self.is_definition and continues(self.text)

    def is_spaced_as(self, earlier: Statement) -> bool:
        """Whether it differs from an earlier version in nothing but empty lines, if at all."""
        change = self.change_since(earlier)
        changed = (*earlier.lines[change.first : change.old_end], *self.lines[change.first : change.end])
        return not any(line.strip() for line in changed)

    def says_anew(self, earlier: Statement, word: str) -> bool:
        """Whether a word without line ends stands in a line in which it differs from an earlier version."""
        change = self.change_since(earlier)
        return any(word in line for line in self.lines[change.first : change.end])

    def change_since(self, earlier: Statement) -> Change:
        """The lines in which it differs from an earlier version."""
        for version, change in self._changes:
            if version() is earlier:
                return change
        change = changed_lines(earlier.lines, self.lines)
        self._changes = [(weakref.ref(earlier), change), *self._changes[:1]]
        return change

    def keep_reading(self, reading: object) -> None:
        """Keep what was read of it, for the version that an edit makes of it."""
        self._reading, self.former = reading, None

    @property
    def is_definition(self) -> bool:
        """Whether it is one class or function."""
        return not self.key.startswith((CODE, CLAUSE))

    @property
    def is_clause(self) -> bool:
        """Whether it begins a clause, of which the block is in the statements below it."""
        return self.key.startswith(CLAUSE)

    @property
    def name(self) -> str:
        """The name that a class or function binds."""
        return self.key.partition(" ")[2].partition("#")[0]

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
    # The last answer of `replaced`.
    _replaced: list[_Replaced] = field(default_factory=list)
    _absent: set[str] = field(default_factory=set)
    # Which statement was edited last, and where it starts: the next key is mostly pressed there too.
    _edited: tuple[int, int] | None = None

    @cached_property
    def statements(self) -> tuple[tuple[int, Statement], ...]:
        """The statements; a text is cut when somebody asks for them."""
        if self._placed is not None:
            return self._placed
        if not self._cuts:
            return tuple(_named(pieces(self.text), {}))
        ends = [*(start for _, _, start in self._cuts[1:]), len(self.text)]
        pairs = zip(self._cuts, ends)  # there may be no statement
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
        position = self.head
        for line, statement in self.statements:
            cuts.append((line, statement.key, position))
            position += len(statement.text)
        return Source(self.text, _cuts=tuple(cuts))

    def says(self, word: str) -> bool:
        """Whether a word without line ends stands in the text; that it does not is known after an edit, too."""
        if word in self._absent:
            return False
        if word in self.text:
            return True
        self._absent.add(word)
        return False

    @cached_property
    def has_blocks(self) -> bool:
        """Whether classes or functions stand in compound statements."""
        return any(statement.is_clause for _, statement in self.statements)

    @cached_property
    def head(self) -> int:
        """How much text stands above the first statement."""
        return len(self.text) - sum(len(statement.text) for _, statement in self.statements)

    @cached_property
    def line_of(self) -> Mapping[str, int]:
        """The first line of each statement, by key."""
        return {statement.key: line for line, statement in self.statements}

    @cached_property
    def by_key(self) -> Mapping[str, Statement]:
        """The statements by key."""
        return {statement.key: statement for _, statement in self.statements}

    def is_bound_at(self, statement: Statement, place: Statement) -> bool:
        """Whether what a class or function binds is bound wherever another statement runs: not where its name is only
        bound by another clause.
        """
        if not statement.indent:
            return True
        there = {id(statement), id(place)}
        passed = 0
        for _, each in self.statements:
            if passed or id(each) in there:
                if not each.indent.startswith(statement.indent):
                    return False
                passed += id(each) in there
                if passed == len(there):
                    return True
        return False

    def replaced(self, earlier: Source) -> list[tuple[Statement, Statement]] | None:
        """The statements that differ from those of an earlier version, (earlier, now), where there are as many under
        the same keys, as after most edits; else None.
        """
        for known, found in self._replaced:
            if known() is earlier:
                return found
        found = None
        if len(self.statements) == len(earlier.statements):
            pairs = zip(earlier.statements, self.statements, strict=True)
            found = [(old, new) for (_, old), (_, new) in pairs if old is not new]
            if any(old.key != new.key for old, new in found):
                found = None
        self._replaced[:] = [_found(earlier, found)]
        return found


_Replaced = tuple["weakref.ref[Source]", "list[tuple[Statement, Statement]] | None"]


def _found(earlier: Source, found: list[tuple[Statement, Statement]] | None) -> _Replaced:
    return weakref.ref(earlier), found


def _has_lone_returns(text: str) -> bool:
    return "\r" in text and text.count("\r") != text.count("\r\n")


def _recover(text: str) -> list[ast.stmt]:
    """What parses of a run of statements of which one does not."""
    body: list[ast.stmt] = []
    found = starts(text)
    for start, end in zip(found, [*found[1:], len(text)]):
        try:
            part = parse(text[start:end])
        except SyntaxError:
            continue
        lines = count_lines(text, 0, start)
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
    old = previous.statements
    same = _unchanged(text, previous)
    if same is None:
        return Source(text, tuple(_named(pieces(text), previous.by_key)))
    edited = _edited_inside(text, previous, same)
    if edited is not None:
        line, before = old[same.first]
        moved = edited.change_since(before).moved
        below = _moved(old[same.last :], moved)
        following = Source(
            text,
            (*old[: same.first], (line, edited), *below),
            _replaced=[_found(previous, [(before, edited)])],
            _edited=(same.first, same.start),
        )
        following.__dict__["head"] = previous.head
        following._absent.update(word for word in previous._absent if not edited.says_anew(before, word))
        if not moved and "line_of" in previous.__dict__:
            following.__dict__["line_of"] = previous.line_of
        return following
    change = _cut_again(text, previous, same)
    if change is None:
        return Source(text, tuple(_named(pieces(text), previous.by_key)))
    first, cut, last, lines = change
    names = [name for _, name, _ in cut]
    if names != [_base(statement) for _, statement in old[first:last]]:
        whole = [*_as_pieces(old[:first]), *cut, *_as_pieces(_moved(old[last:], lines))]
        return Source(text, tuple(_named(whole, previous.by_key)))
    # As mostly in an edit, each statement stays what it was but for its text.
    there = [
        (line, statement if statement.text == piece else statement.changed(piece))
        for (line, _, piece), (_, statement) in zip(cut, old[first:last])
    ]
    return Source(text, (*old[:first], *there, *_moved(old[last:], lines)))


def _moved(placed: tuple[tuple[int, Statement], ...], lines: int) -> tuple[tuple[int, Statement], ...]:
    return tuple((line + lines, statement) for line, statement in placed) if lines else placed


def _as_pieces(placed: Iterable[tuple[int, Statement]]) -> Iterator[tuple[int, str, str]]:
    return ((line, _base(statement), statement.text) for line, statement in placed)


def _named(cut: Iterable[tuple[int, str, str]], known: Mapping[str, Statement]) -> Iterator[tuple[int, Statement]]:
    seen: dict[str, int] = {}
    for line, name, piece in cut:
        count = seen[name] = seen.get(name, 0) + 1
        key = name if count == 1 else f"{name}#{count}"
        statement = known.get(key)
        if statement is None:
            statement = Statement(key, piece)
        elif statement.text != piece:
            statement = statement.changed(piece)
        yield line, statement


class _Unchanged(NamedTuple):
    """What an edit left alone: the statements above `first` and from `last` on. Between them is the new text from
    `start` up to `end`.
    """

    first: int
    last: int
    start: int
    end: int


def _unchanged(text: str, previous: Source) -> _Unchanged | None:
    """None where an edit changed what stands above all statements."""
    old = previous.statements
    if previous._edited is not None:
        first, start = previous._edited
        below = previous.text[start + len(old[first][1].text) :]
        end = len(text) - len(below)
        if start < end and text.startswith(previous.text[:start]) and text.endswith(below):
            if text[start:end] != old[first][1].text:
                return _Unchanged(first, first + 1, start, end)
    start = previous.head
    if not old or not text.startswith(previous.text[:start]):
        return None
    first = 0
    for _, statement in old:
        if not text.startswith(statement.text, start):
            break
        start += len(statement.text)
        first += 1
    last, end = len(old), len(text)
    while last > first:
        piece = old[last - 1][1].text
        if end - len(piece) < start or not text.endswith(piece, 0, end):
            break
        last -= 1
        end -= len(piece)
    return _Unchanged(first, last, start, end)


def _edited_inside(text: str, previous: Source, same: _Unchanged) -> Statement | None:
    """The one statement that an edit changed, where it changed nothing of how the text is cut; else None."""
    if same.last != same.first + 1:
        return None
    old, first, last = previous.statements, same.first, same.last
    piece = text[same.start : same.end]
    if not _is_outer_definition(old[first][1]):
        above, below = _whole(old, first, last)
        if not all(balanced(each, 0, len(each)) for each in (piece, *(each.text for _, each in old[above:below]))):
            return None  # where one of them ends depends on the brackets in all
    if last < len(old) and not old[last][1].is_definition and not balanced(piece, 0, len(piece)):
        return None  # an open bracket reaches into what follows
    if first and not old[first][1].is_definition:
        code = old[first - 1][1].text
        if not balanced(code, 0, len(code)):
            return None  # and one above into this
    return old[first][1].edited_inside(piece)


def _is_outer_definition(statement: Statement) -> bool:
    return statement.is_definition and not statement.is_inner


def _whole(placed: tuple[tuple[int, Statement], ...], first: int, end: int) -> tuple[int, int]:
    """Some statements, from `first` up to `end`, with all around them as far as the next classes and functions at the
    top level: each of those is found by itself, what stands between them as a whole.
    """
    while first and not _is_outer_definition(placed[first][1]):
        first -= 1
    while end < len(placed) and not _is_outer_definition(placed[end][1]):
        end += 1
    return first, end


def _cut_again(
    text: str, previous: Source, same: _Unchanged
) -> tuple[int, list[tuple[int, str, str]], int, int] | None:
    """What an edit changed, found by cutting only that; None where it does not settle it.

    (first, pieces, last, lines): the pieces stand in place of the statements from `first` up to `last`; those below
    moved down by `lines`.
    """
    old = previous.statements
    # The neighbours are cut again too: the edit may have joined them to what changed.
    first, last = _whole(old, max(0, same.first - 2), min(len(old), same.last + 2))
    start = same.start - sum(len(each.text) for _, each in old[first : same.first])
    end = same.end + sum(len(each.text) for _, each in old[same.last : last])
    line = old[first][0] if first else 0
    if not first:
        start = 0
    middle = text[start:end]
    cut = list(pieces(middle))
    if last < len(old):
        if not cut:
            return None
        outer = next((place for place in reversed(range(len(cut))) if not is_inner(cut[place][2])), 0)
        tail = "".join(piece for _, _, piece in cut[outer:])
        if (tail.startswith("@") and cut[-1][1] == CODE) or tail.rstrip(" \t").endswith("\\\n"):
            return None
        if inside_string(middle, len(middle) - len(tail), len(middle)):
            return None
    if first and sum(len(piece) for _, _, piece in cut) != len(middle):
        return None
    lines = line + count_lines(middle, 0, len(middle)) - old[last][0] if last < len(old) else 0
    return first, [(line + offset, name, piece) for offset, name, piece in cut], last, lines


def _base(statement: Statement) -> str:
    return statement.key.partition("#")[0]
