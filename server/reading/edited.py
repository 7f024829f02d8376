"""Finds the one function of a class or function that an edit changed, and parses only that."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import compress
from operator import ne
from typing import NamedTuple, TypeVar

from .syntax import DefinedFunction, parse


class Change(NamedTuple):
    """The lines that an edit changed: from `first` up to `end`, which was `old_end`; below they only moved."""

    first: int
    old_end: int
    end: int

    @property
    def moved(self) -> int:
        """How many lines further down everything below stands now."""
        return self.end - self.old_end


class EditedMethod(NamedTuple):
    """A method whose body an edit changed: before and now. now: None where it does not parse; `error` says why."""

    before: DefinedFunction
    now: DefinedFunction | None
    error: SyntaxError | None = None


class EditedFunction(NamedTuple):
    """A function whose body an edit changed: before and now, and the lines it now extends over.

    head: where the members of its class begin; 0 where it is in none.
    """

    before: DefinedFunction
    now: DefinedFunction
    first: int
    end: int
    head: int = 0


def changed_lines(old: Sequence[str], new: Sequence[str]) -> Change:
    """The lines that differ."""
    most = min(len(old), len(new))
    first = _same(old, new, most)
    same = _same(reversed(old), reversed(new), most - first)
    return Change(first, len(old) - same, len(new) - same)


def _same(one: Iterable[str], other: Iterable[str], most: int) -> int:
    """How many lines are the same before the first that differ, up to `most`."""
    return next(compress(range(most), map(ne, one, other)), most)


def edited_method(owner: ast.ClassDef, change: Change, old: Sequence[str], new: Sequence[str]) -> EditedMethod | None:
    """The method that an edit of a class changed, parsed on its own.

    None where the edit is not inside one method's body, or where what it means is not settled by that method alone.
    """
    position = _member_at(owner, change, old)
    if position is None:
        return None
    before = owner.body[position]
    assert isinstance(before, DefinedFunction)
    end = (first_line(owner.body[position + 1]) if position + 1 < len(owner.body) else len(old)) + change.moved
    first = first_line(before)
    changed = (*old[change.first : change.old_end], *new[change.first : change.end])
    if any(map(_reaches_on, changed)) or new[end - 1].endswith("\\"):
        return None
    in_part = _parsed_in_part(before, change, old, new, end)
    if in_part is not None:
        return EditedMethod(before, in_part)
    try:
        block = _parsed_block(new, first, end)
    except SyntaxError as error:
        return EditedMethod(before, None, error)
    if block is None or len(block) != 1:
        return None
    now = block[0]
    if not isinstance(now, DefinedFunction) or type(now) is not type(before) or now.name != before.name:
        return None
    return EditedMethod(before, now)


def _parsed_in_part(
    function: DefinedFunction, change: Change, old: Sequence[str], new: Sequence[str], end: int
) -> DefinedFunction | None:
    """The function with only that statement of its body parsed again in which an edit lies; None where it does not
    lie in one, or what it means is not settled by that one alone.
    """
    position = bisect_right(function.body, change.first, key=first_line) - 1
    if position < 0 or change.moved:
        return None
    edited = function.body[position]
    first = first_line(edited)
    if position + 1 < len(function.body):
        end = first_line(function.body[position + 1])
    indentation = old[first][: edited.col_offset]
    inside = all(line.startswith(indentation) for line in new[change.first : change.end] if line.strip())
    if indentation.strip(" \t") or not inside or end < change.old_end or new[end - 1].endswith("\\"):
        return None
    try:
        block = _parsed_block(new, first, end)
    except SyntaxError:
        return None
    if block is None or any(each.col_offset != edited.col_offset for each in block):
        return None
    return _with_body(function, [*function.body[:position], *block, *function.body[position + 1 :]])


def _parsed_block(lines: Sequence[str], first: int, end: int) -> list[ast.stmt] | None:
    """The indented statements that some lines of a class are, with the lines they have in it; None where the lines are
    not that alone. Raises SyntaxError.
    """
    # The empty lines above give every node its line.
    tree = parse("\n" * (first - 1) + "if 1:\n" + "\n".join(lines[first:end]) + "\n")
    block = tree[0]
    return block.body if len(tree) == 1 and isinstance(block, ast.If) and not block.orelse else None


def _reaches_on(line: str) -> bool:
    """Whether what a line says may reach into what stands below: a long string's quotes, a decorator."""
    return '"""' in line or "'''" in line or line.lstrip().startswith("@")


def _member_at(owner: ast.ClassDef, change: Change, old: Sequence[str]) -> int | None:
    """The position of the method in whose body all changed lines lie."""
    position = bisect_right(owner.body, change.first, key=first_line) - 1
    member = owner.body[position]
    below = owner.body[position + 1] if position + 1 < len(owner.body) else None
    if position < 0 or not isinstance(member, DefinedFunction):
        return None
    if below is not None and first_line(below) < change.old_end:
        return None
    body = member.body[0]
    return position if change.first >= first_line(body) and _begins_line(body, old) else None


def _begins_line(statement: ast.stmt, lines: Sequence[str]) -> bool:
    """Whether nothing stands before a statement on its line."""
    return not lines[first_line(statement)].encode()[: statement.col_offset].strip(b" \t")


def first_line(node: ast.stmt) -> int:
    """The 0-based line a statement starts on, that of its decorators included."""
    first: int = min((node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))))
    return first - 1


def changed_function(
    old: Sequence[ast.stmt], new: Sequence[ast.stmt], change: Change, lines: Sequence[str]
) -> EditedFunction | None:
    """The one function, or method of a class, whose body an edit changed, given the trees before and after it.

    lines: of the text before.
    """
    if len(old) != 1 or len(new) != 1 or type(old[0]) is not type(new[0]):
        return None
    one, two = old[0], new[0]
    end, head = max(change.end, two.end_lineno or 0), 0
    if isinstance(one, ast.ClassDef):
        assert isinstance(two, ast.ClassDef)
        if len(one.body) != len(two.body):
            return None
        position = bisect_right(one.body, change.first, key=first_line) - 1
        below = first_line(one.body[position + 1]) if position + 1 < len(one.body) else None
        if position < 0 or (below is not None and below < change.old_end):
            return None
        head = first_line(one.body[0])
        end = below + change.moved if below is not None else end
        one, two = one.body[position], two.body[position]
    if not isinstance(one, DefinedFunction) or change.first < first_line(one.body[0]):
        return None
    if not isinstance(two, DefinedFunction) or not _same_head(one, two, lines):
        return None
    return EditedFunction(one, two, first_line(one), end, head)


def with_method(owner: ast.ClassDef, before: DefinedFunction, now: DefinedFunction) -> ast.ClassDef:
    """The class with another method in the place of one; both share the other members."""
    return _with_body(owner, [now if each is before else each for each in owner.body])


_Block = TypeVar("_Block", ast.ClassDef, DefinedFunction)


def _with_body(owner: _Block, body: list[ast.stmt]) -> _Block:
    """The class or function with another body; both share the rest."""
    fields = {name: getattr(owner, name) for name in (*owner._fields, *owner._attributes)}
    fields.update(body=body, end_lineno=body[-1].end_lineno, end_col_offset=body[-1].end_col_offset)
    return type(owner)(**fields)


def same_code(one: DefinedFunction, two: DefinedFunction, change: Change) -> bool:
    """Whether an edit of a function's body left its code as it was, but for where it stands."""
    if len(one.body) != len(two.body):
        return False
    for old, new in zip(one.body, two.body):
        above = (old.end_lineno or 0) <= change.first and (new.end_lineno or 0) <= change.first
        below = first_line(old) >= change.old_end and first_line(new) >= change.end
        if not above and not below and not _same_tree(old, new):
            return False
    return True


def _same_head(one: DefinedFunction, two: DefinedFunction, lines: Sequence[str]) -> bool:
    """Whether two functions differ in their bodies at most, where lines in or below the body of the first changed."""
    if first_line(one) == first_line(two) and _begins_line(one.body[0], lines):
        return type(one) is type(two)
    fields = (name for name in one._fields if name != "body")
    return type(one) is type(two) and all(_same_tree(getattr(one, name), getattr(two, name)) for name in fields)


def _same_tree(one: object, two: object) -> bool:
    if one is two:
        return True
    if type(one) is not type(two):
        return False
    if isinstance(one, ast.AST):
        return all(_same_tree(getattr(one, name, None), getattr(two, name, None)) for name in one._fields)
    if isinstance(one, list):
        return isinstance(two, list) and len(one) == len(two) and all(map(_same_tree, one, two))
    return one == two
