"""Where new import lines go in a file. Only the file's head is read."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from ..finding import Edit
from .edits import minimal_edits
from .imports import ImportLine
from .source import SCAN, line_starts, newline_of

_LINE_LENGTH = 120
_IMPORT = re.compile(r"(?:import|from)\b")
_DEFINITION = re.compile(r"(?:class|def|async|@)")


@dataclass(frozen=True, slots=True)
class _Statement:
    start: int
    end: int
    text: str

    @property
    def node(self) -> ast.Import | ast.ImportFrom | None:
        if not _IMPORT.match(self.text):
            return None
        try:
            nodes = ast.parse(self.text).body
        except (SyntaxError, ValueError):
            return None
        node = nodes[-1] if nodes else None
        return node if isinstance(node, (ast.Import, ast.ImportFrom)) else None


def _as_written(node: ast.ImportFrom) -> str:
    return node.module or "" if not node.level else ""


def import_edit(
    text: str, lines: Sequence[ImportLine], absolute: Callable[[ast.ImportFrom], str] = _as_written
) -> list[Edit]:
    """The edits that add `lines` to a whole file's imports; lines that are there already add nothing.

    A name joins an existing `from` import of its module; a new line follows the last import of its package, else
    the last import, else the docstring and `from __future__` imports. Where torch is only imported under a condition
    (`try: import torch`), a new line stands beside that: the file can be imported without torch as before. absolute:
    the module that a `from` import of the file names, so that a relative import is told to be one of it.
    """
    new = text
    for line in dict.fromkeys(lines):
        new = _with_line(new, line, absolute)
    return minimal_edits(text, new)


def _with_line(text: str, line: ImportLine, absolute_of: Callable[[ast.ImportFrom], str]) -> str:
    head = _before_use(list(_head(text)), line.bound)
    imports = [(statement, node) for statement in head if (node := statement.node) is not None]
    if any(_provides(node, line, absolute_of) for _, node in imports):
        return text
    for statement, node in imports:
        if line.name and isinstance(node, ast.ImportFrom) and absolute_of(node) == line.module:
            merged = _merged(statement.text, node, line, newline_of(text))
            if merged is not None:
                return text[: statement.start] + merged + text[statement.end :]
            if node.level:
                # Under its absolute name the module may not be found: a folder need not be a package.
                end = _line_end(text, statement.end)
                relative = line._replace(module="." * node.level + (node.module or ""))
                return text[:end] + newline_of(text) + str(relative) + text[end:]
    newline = newline_of(text)
    # `from __future__` stays first, but nothing is sorted beside it.
    others = [(s, n) for s, n in imports if not (isinstance(n, ast.ImportFrom) and n.module == "__future__")]
    root = line.module.partition(".")[0]
    same = [s for s, n in others if root in _roots(n)]
    absolute = [s for s, n in others if not (isinstance(n, ast.ImportFrom) and n.level)]
    if not same and not any("torch" in _roots(n) for _, n in others):
        beside = _conditional(text, {root, "torch"})
        if any(_provides(node, line, absolute_of) for node in beside):
            return text
        if beside:
            starts = line_starts(text)
            node = beside[-1]
            indent = text[starts[node.lineno - 1] :][: node.col_offset]
            end = _line_end(text, starts[(node.end_lineno or node.lineno) - 1])
            return text[:end] + newline + indent + str(line) + text[end:]
    chosen = (same or absolute or [s for s, _ in others])[-1:]
    if chosen:
        end = _line_end(text, chosen[0].end)
        return text[:end] + newline + str(line) + text[end:]
    future = [s for s, _ in imports]
    docstring = [s for s in head[:1] if re.match(r"[rRuU]?(?:\"|')", s.text)]
    before = (future or docstring)[-1:]
    if before:
        end = _line_end(text, before[0].end)
        return text[:end] + newline * 2 + str(line) + _gap_after(text, end, newline) + text[end:]
    start = _after_leading_comments(text)
    blank = newline * 2 if start and text[start - 1 : start] in "\r\n" and _needs_blank(text, start) else ""
    rest = text[start:]
    gap = newline if not rest.strip() else newline * (3 if _DEFINITION.match(rest.lstrip("\r\n")) else 2)
    return text[:start] + blank[: len(newline)] + str(line) + gap + rest.lstrip("\r\n")


def _conditional(text: str, roots: set[str]) -> list[ast.Import | ast.ImportFrom]:
    """The imports of packages in the first of the file's `if` and `try` blocks that has any."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    for statement in body:
        found: list[ast.Import | ast.ImportFrom] = []
        pending = [statement]
        for each in pending:  # grows while it is walked
            if isinstance(each, (ast.If, ast.Try)) and not _is_for_types(each):
                pending.extend(each.body)
            elif isinstance(each, (ast.Import, ast.ImportFrom)) and each is not statement and _roots(each) & roots:
                found.append(each)
        if found:
            return found
    return []


def _is_for_types(node: ast.If | ast.Try) -> bool:
    """Whether a block is not run (`if TYPE_CHECKING:`)."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def _before_use(head: list[_Statement], name: str) -> list[_Statement]:
    """The statements before the first that is no import and reads `name`."""
    uses = re.compile(rf"\b{re.escape(name)}\b")
    for index, statement in enumerate(head):
        docstring = index == 0 and statement.text[:1] in "'\""
        if not docstring and not _IMPORT.match(statement.text) and uses.search(statement.text):
            return head[:index]
    return head


def _gap_after(text: str, end: int, newline: str) -> str:
    """A blank line where the next statement follows at once."""
    rest = text[end:]
    lines = re.split(r"\r\n|\r|\n", rest)
    return newline if len(lines) > 1 and lines[1].strip() else ""


def _needs_blank(text: str, start: int) -> bool:
    lines = re.split(r"\r\n|\r|\n", text[:start])
    return bool(lines[-2].strip()) if len(lines) > 1 else False


def _after_leading_comments(text: str) -> int:
    """Past the shebang, the encoding comment and a licence: comments that a blank line, or nothing, follows."""
    match = re.match(r"(?:\#[^\r\n]*(?:\r\n|\r|\n|\Z))*", text)
    end = match.end() if match else 0
    if re.match(r"\s*(?:\r|\n|\Z)", text[end:]):
        return end
    match = re.match(r"(?:\#(?:!|[^\r\n]*coding[:=])[^\r\n]*(?:\r\n|\r|\n|\Z))*", text)
    return match.end() if match else 0


def _line_end(text: str, offset: int) -> int:
    match = re.compile(r"[^\r\n]*").match(text, offset)
    return match.end() if match else offset


def _roots(node: ast.Import | ast.ImportFrom) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return set() if node.level else {(node.module or "").partition(".")[0]}


def _provides(
    node: ast.Import | ast.ImportFrom, line: ImportLine, absolute_of: Callable[[ast.ImportFrom], str]
) -> bool:
    if isinstance(node, ast.ImportFrom) != bool(line.name):
        return False
    if isinstance(node, ast.ImportFrom):
        if absolute_of(node) != line.module:
            return False
        return any(alias.name == line.name and (alias.asname or alias.name) == line.bound for alias in node.names)
    return any(alias.name == line.module and (alias.asname or "") == line.alias for alias in node.names)


def _merged(text: str, node: ast.ImportFrom, line: ImportLine, newline: str) -> str | None:
    """The `from` import with one more name, or None where it cannot take one."""
    if any(alias.name == "*" for alias in node.names) or "\\" in text or ";" in text:
        return None
    entry = f"{line.name} as {line.alias}" if line.alias else line.name
    names = [alias.name for alias in node.names]
    after = len(names) - 1
    if sorted(names, key=_order) == names:
        after = sum(_order(name) < _order(line.name) for name in names) - 1
    lines = re.split(r"\r\n|\r|\n", text)
    if len(lines) == 1 and len(text) + len(entry) + 2 > _LINE_LENGTH:
        return None
    starts = list(_entries(text))
    if len(starts) != len(names):
        return None
    separator = _separator(text, starts, newline)
    if after + 1 < len(starts):
        start = starts[after + 1][0]
        return text[:start] + entry + "," + separator + text[start:]
    # A comment at the end of the last name's line stays there.
    end = starts[-1][1]
    tail = re.compile(r"(\s*,)?([ \t]*\#[^\r\n]*)?").match(text, end)
    assert tail is not None
    comma = "," if tail.group(1) else ""
    if separator == " " and not tail.group(2):
        return text[:end] + ", " + entry + text[end:]
    return text[:end] + "," + (tail.group(2) or "") + separator + entry + comma + text[tail.end() :]


def _separator(text: str, entries: list[tuple[int, int]], newline: str) -> str:
    """A new line with the names' own indentation where each name has its line, else a space."""
    if len(entries) > 1 and not re.search(r"[\r\n]", text[entries[0][1] : entries[1][0]]):
        return " "
    before = re.search(r"(?:\r|\n)([ \t]*)\Z", text[: entries[0][0]])
    return newline + before.group(1) if before else " "


def _entries(text: str) -> Iterator[tuple[int, int]]:
    """The ranges of `name [as alias]` in a `from` import."""
    begin = re.compile(r"from\s+[\w.]+\s+import\s*\(?").match(text)
    position = begin.end() if begin else 0
    while True:
        skipped = re.compile(r"(?:\s|,|\#[^\r\n]*)*").match(text, position)
        position = skipped.end() if skipped else position
        match = re.compile(r"\w+(?:\s+as\s+\w+)?").match(text, position)
        if match is None:
            return
        yield match.span()
        position = match.end()


def _order(name: str) -> tuple[int, str]:
    """Constants, classes, then the rest, as import sorters have it."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name


def _head(text: str) -> Iterator[_Statement]:
    """The simple statements at column 0 before the file's first function or class."""
    depth = 0
    start: int | None = None
    position = 0
    fresh = True
    for match in chain(SCAN.finditer(text), [None]):
        until = match.start() if match else len(text)
        between = text[position:until]
        if fresh and depth == 0 and start is None and between[:1] not in ("", " ", "\t", "\f"):
            start = position
            if _DEFINITION.match(text, start):
                return
        kind = match.lastgroup if match else "newline"
        if fresh and kind == "string" and start is None and not between and match is not None:
            start = match.start()
        if between or kind not in ("newline", "comment"):
            fresh = False
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(depth - 1, 0)
        elif kind in ("newline", "comment") and depth == 0:
            if start is not None:
                code = text[start:until].rstrip()
                yield _Statement(start, start + len(code), code)
                start = None
            fresh = kind == "newline"
        position = match.end() if match else until
