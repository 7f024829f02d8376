"""One statement's text with its syntax tree, addressed by offset.

Repairs are spliced into the text instead of printed from a tree, so every byte that is not replaced stays. `ast`
finds the nodes: for a class of 300 lines it takes 4 ms where libcst's parser with positions takes 80 ms (and 350 ms
to import).
"""

from __future__ import annotations

import ast
import bisect
import re
from collections import Counter
from collections.abc import Iterator

from ..positions import Span, code_point_column, split_lines
from ..reading.syntax import parse

Range = tuple[int, int]
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

SCAN = re.compile(
    r"(?P<string>\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|\"(?:\\.|[^\"\\\r\n])*\"|'(?:\\.|[^'\\\r\n])*')"
    r"|(?P<comment>\#[^\r\n]*)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<comma>,)"
    r"|(?P<continuation>\\(?:\r\n|\r|\n))|(?P<newline>\r\n|\r|\n)",
    re.DOTALL,
)
_SPACE = re.compile(r"(?:[ \t\f\r\n]|\\(?:\r\n|\r|\n)|\#[^\r\n]*)*")

_UNPLACED = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)


_SHORT_LINES, _LONG_LINES = 88, 120


class Source:
    """The text and tree of one statement of a file. Raises SyntaxError when it does not parse."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.Module(parse(text), [])
        self.newline = newline_of(text)
        self._lines = split_lines(text)
        self._starts = line_starts(text)
        self._ascii = text.isascii()
        self._parents: dict[ast.AST, ast.AST] = {}
        self._ranges: dict[ast.AST, Range] = {}
        self._by_range: dict[Range, list[ast.AST]] = {}
        self._index(self.tree)

    def _index(self, root: ast.AST) -> None:
        stack: list[ast.AST] = [root]
        while stack:
            node = stack.pop()
            for name in node._fields:
                value = getattr(node, name, None)
                for child in value if type(value) is list else (value,):
                    if not isinstance(child, ast.AST) or isinstance(child, _UNPLACED):
                        continue
                    self._parents[child] = node
                    if hasattr(child, "lineno"):
                        place = self._place(child)
                        self._ranges[child] = place
                        self._by_range.setdefault(place, []).append(child)
                    # Before Python 3.12 the positions of nodes within an f-string are not theirs.
                    if not isinstance(child, ast.JoinedStr):
                        stack.append(child)

    @property
    def width(self) -> int:
        """How long a new line may be: as long as the longest one here, within what formatters are set to."""
        return min(max(_SHORT_LINES, *map(len, self._lines)), _LONG_LINES)

    def range(self, node: ast.AST) -> Range:
        """The offsets of a node that has a position; enclosing parentheses are not part of it."""
        return self._ranges.get(node) or self._place(node)

    def _place(self, node: ast.AST) -> Range:
        return (
            self._offset(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            self._offset(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def _offset(self, line: int, column: int) -> int:
        if not self._ascii:
            column = code_point_column(self._lines[line - 1], column)
        return self._starts[line - 1] + column

    def offsets(self, span: Span) -> Range | None:
        """A span as offsets, or None where the text has no such place."""
        count = len(self._lines)
        if not (0 <= span.line < count and 0 <= span.end_line < count and min(span.column, span.end_column) >= 0):
            return None
        if span.column > len(self._lines[span.line]) or span.end_column > len(self._lines[span.end_line]):
            return None
        start, end = self._starts[span.line] + span.column, self._starts[span.end_line] + span.end_column
        return (start, end) if start <= end else None

    def find(self, span: Span, *kinds: type[ast.AST]) -> ast.AST | None:
        """The node at exactly this span; where several are, an expression before a statement."""
        place = self.offsets(span)
        nodes = self._by_range.get(place, []) if place else []
        if kinds:
            nodes = [node for node in nodes if isinstance(node, kinds)]
        return min(nodes, key=lambda node: not isinstance(node, ast.expr), default=None)

    def is_run(self, place: Range) -> bool:
        """Whether a range starts where a node starts and ends where one ends (a parameter with its default)."""
        starts = any(start == place[0] for start, _ in self._by_range)
        return starts and any(end == place[1] for _, end in self._by_range)

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self._parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around `node`, innermost first."""
        above = self._parents.get(node)
        while above is not None:
            yield above
            above = self._parents.get(above)

    def source(self, node: ast.AST) -> str:
        start, end = self.range(node)
        return self.text[start:end]

    def siblings(self, parent: ast.AST) -> list[Range]:
        """The ranges of a node's children in the order of the text."""
        found: list[Range] = []
        for child in ast.iter_child_nodes(parent):
            if hasattr(child, "lineno"):
                found.append(self.range(child))
            else:
                found.extend(self.siblings(child))
        return sorted(found)

    def grouped(self, node: ast.AST) -> Range:
        """The node's range with the parentheses that do nothing but group it."""
        start, end = self.range(node)
        parent = self._parents.get(node)
        while parent is not None and not hasattr(parent, "lineno") and self._parents.get(parent) is not None:
            parent = self._parents[parent]
        if parent is None or not isinstance(node, ast.expr):
            return start, end
        low, high = self.range(parent) if hasattr(parent, "lineno") else (0, len(self.text))
        neighbours = self.siblings(parent)
        if isinstance(parent, ast.Call):
            low, high = self.call_parentheses(parent)[0] + 1 if node is not parent.func else low, high - 1
        elif isinstance(parent, ast.ClassDef) and node in parent.bases:
            return start, end
        elif isinstance(parent, ast.GeneratorExp) or (isinstance(parent, ast.Tuple) and self.is_wrapped(parent)):
            low, high = low + 1, high - 1
        low = max([low, *(e for _, e in neighbours if e <= start)])
        high = min([high, *(s for s, _ in neighbours if s >= end)])
        opens = [m.start() for m in self._trailing_opens(low, start)]
        closes = [m.start() for m in self._leading_closes(end, high)]
        depth = min(len(opens), len(closes))
        if not depth:
            return start, end
        return opens[-depth], closes[depth - 1] + 1

    def is_wrapped(self, node: ast.Tuple) -> bool:
        """Whether a tuple's own first character is its parenthesis, not that of its first element."""
        start, end = self.range(node)
        if self.text[start] != "(" or self.text[end - 1] != ")":
            return False
        depth = 0
        for match in SCAN.finditer(self.text, start, end):
            depth += (match.lastgroup == "open") - (match.lastgroup == "close")
            if depth == 0 and match.lastgroup == "close":
                return match.end() == end
        return False

    def _trailing_opens(self, low: int, start: int) -> list[re.Match[str]]:
        found: list[re.Match[str]] = []
        position = low
        for match in SCAN.finditer(self.text, low, start):
            if self.text[position : match.start()].strip(" \t\f"):
                found.clear()
            position = match.end()
            if match.lastgroup == "open" and match.group() == "(":
                found.append(match)
            elif match.lastgroup in ("comma", "close", "string", "open"):
                found.clear()
        if self.text[position:start].strip(" \t\f"):
            found.clear()
        return found

    def _leading_closes(self, end: int, high: int) -> list[re.Match[str]]:
        found: list[re.Match[str]] = []
        position = end
        for match in SCAN.finditer(self.text, end, high):
            if self.text[position : match.start()].strip(" \t\f"):
                break
            if match.lastgroup == "close" and match.group() == ")":
                found.append(match)
            elif match.lastgroup in ("comma", "open", "string", "close"):
                break
            position = match.end()
        return found

    def call_parentheses(self, call: ast.Call) -> Range:
        """The offsets of a call's opening and closing parenthesis."""
        end = self.range(call)[1]
        position = self.grouped_end(call.func)
        space = _SPACE.match(self.text, position)
        return (space.end() if space else position), end - 1

    def grouped_end(self, node: ast.AST) -> int:
        """Where the parentheses around a call's function end: they can only close before its own open."""
        end = self.range(node)[1]
        while True:
            space = _SPACE.match(self.text, end)
            after = space.end() if space else end
            if self.text[after : after + 1] != ")":
                return end
            end = after + 1

    def comments(self, start: int, end: int) -> list[Range]:
        return [m.span() for m in SCAN.finditer(self.text, start, end) if m.lastgroup == "comment"]

    def indent_at(self, offset: int) -> str:
        """The white space that begins the line of `offset`."""
        start = self.line_start(offset)
        return self.text[start : start + len(self.text[start:]) - len(self.text[start:].lstrip(" \t\f"))]

    def line_start(self, offset: int) -> int:
        return self._starts[bisect.bisect_right(self._starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """The end of the line of `offset`, before its line break."""
        index = bisect.bisect_right(self._starts, offset) - 1
        return self._starts[index] + len(self._lines[index])

    def class_named(self, qualified: str, inside: ast.AST | None = None) -> ast.ClassDef | None:
        """The class with this qualified name; of several, the one around `inside`, else the last."""
        parts = [part for part in qualified.split(".") if part != "<locals>"]
        found: list[ast.ClassDef] = []

        def walk(body: list[ast.stmt], rest: list[str]) -> None:
            for statement in body:
                if isinstance(statement, (ast.ClassDef, *FUNCTIONS)):
                    if statement.name != rest[0]:
                        continue
                    if len(rest) > 1:
                        walk(statement.body, rest[1:])
                    elif isinstance(statement, ast.ClassDef):
                        found.append(statement)
                else:
                    for name in ("body", "orelse", "finalbody", "handlers"):
                        for child in getattr(statement, name, ()):
                            walk(child.body if isinstance(child, ast.ExceptHandler) else [child], rest)

        walk(self.tree.body, parts)
        around = set(self.ancestors(inside)) if inside is not None else set()
        return next((node for node in found if node in around), found[-1] if found else None)

    def method_around(self, node: ast.AST, owner: ast.ClassDef) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The method of `owner` that `node` lies in, however deeply."""
        below: ast.AST = node
        for above in self.ancestors(node):
            if above is owner:
                return below if isinstance(below, FUNCTIONS) else None
            # A method may stand under an `if` of the class body; the outermost function counts.
            if isinstance(above, FUNCTIONS) or not isinstance(below, FUNCTIONS):
                below = above
        return None


def self_name(method: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    """The name of the instance within a method, or None for a static or class method."""
    for decorator in method.decorator_list:
        if isinstance(decorator, ast.Name) and decorator.id in ("staticmethod", "classmethod"):
            return None
    parameters = [*method.args.posonlyargs, *method.args.args]
    return parameters[0].arg if parameters else None


def line_starts(text: str) -> list[int]:
    """The offset of each line, split where Python's own parser splits."""
    return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]


def newline_of(text: str) -> str:
    """The line break that most lines of the text end with, of equally many the first; `\\n` where it has none."""
    counted = Counter(re.findall(r"\r\n|\r|\n", text))
    return max(counted, key=counted.__getitem__, default="\n")
