"""Which statement a line of a file belongs to."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """First and last line, 1-based, of a statement; of a compound one, of its header."""

    first: int
    last: int


class Statements:
    """The statements, classes and conditional expressions of one file."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self._by_line: dict[int, Span] = {}
        self._classes: list[tuple[int, int, str]] = []
        self._conditional: list[ast.expr] = []
        self._headers: dict[int, int] = {}
        self._visit(ast.parse(text), "")

    def span(self, line: int) -> Span:
        """The innermost statement on a line; the line itself where there is none."""
        return self._by_line.get(line, Span(line, line))

    def text(self, line: int) -> str:
        """One line, for people."""
        return self.lines[line - 1].strip() if 0 < line <= len(self.lines) else ""

    def class_at(self, line: int) -> str:
        """The qualified name of the innermost class around a line, empty outside classes."""
        best = (0, "")
        for first, last, name in self._classes:
            if first <= line <= last and first >= best[0]:
                best = (first, name)
        return best[1]

    def is_conditional(self, line: int, column: int) -> bool:
        """Whether the expression there may be skipped though its statement runs (`a if b else c`, `a and b`)."""
        return any(
            (node.lineno, node.col_offset) <= (line, column) < (node.end_lineno or 0, node.end_col_offset or 0)
            for node in self._conditional
        )

    def _visit(self, node: ast.AST, scope: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                body = getattr(child, "body", None)
                last = child.end_lineno or child.lineno
                if isinstance(body, list) and body:
                    last = max(child.lineno, body[0].lineno - 1)
                span = Span(child.lineno, last)
                for line in range(child.lineno, last + 1):
                    self._by_line[line] = span
            inner = scope
            if isinstance(child, ast.ClassDef):
                inner = f"{scope}.{child.name}" if scope else child.name
                self._classes.append((child.lineno, child.end_lineno or child.lineno, inner))
            elif isinstance(child, ast.IfExp):
                self._conditional.extend((child.body, child.orelse))
            elif isinstance(child, ast.BoolOp):
                self._conditional.extend(child.values[1:])
            elif isinstance(child, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
                self._conditional.append(child)
            self._visit(child, inner)
