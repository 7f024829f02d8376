"""Finding spans in a test's source by what stands there."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from aimet_guidelines.finding import NewModule, Step
from aimet_guidelines.positions import Span, code_point_column, split_lines
from aimet_guidelines.rewriting import Imports, Rewritten, rewrite

TORCH = Imports(
    {"nn": "torch.nn", "F": "torch.nn.functional", "torch": "torch"}, frozenset({"nn", "F", "torch", "Net"})
)
CUSTOM = "aimet_torch.nn.modules.custom"


def at(source: str, wanted: str, number: int = 0, *kinds: type[ast.AST]) -> Span:
    """The span of the `number`-th node, in the order of the text, whose source is `wanted`.

    Expressions and statements where no kind is given.
    """
    spans = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, kinds or (ast.expr, ast.stmt)):
            span = span_of(source, node)
            if segment(source, span) == wanted and span not in spans:
                spans.append(span)
    return sorted(spans)[number]


def span_of(source: str, node: Any) -> Span:
    """The span of a node that has a position."""
    lines = split_lines(source)
    return Span(
        node.lineno - 1,
        code_point_column(lines[node.lineno - 1], node.col_offset),
        node.end_lineno - 1,
        code_point_column(lines[node.end_lineno - 1], node.end_col_offset),
    )


def segment(source: str, span: Span) -> str:
    """The text of a span, lines joined by `\\n`."""
    lines = split_lines(source)[span.line : span.end_line + 1]
    lines[-1] = lines[-1][: span.end_column]
    lines[0] = lines[0][span.column :]
    return "\n".join(lines)


def module(name: str = "relu", cls: str = "torch.nn.ReLU", owner: str = "Net", **rest: object) -> NewModule:
    return NewModule(owner, name, cls, **rest)  # type: ignore[arg-type]


def run(source: str, *steps: Step, imports: Imports = TORCH) -> Rewritten:
    result = rewrite(source, steps, imports)
    ast.parse(result.text)
    return result


def repaired(source: str, steps: Sequence[Step], imports: Imports = TORCH) -> str:
    """The new text of a repair of which every step must succeed."""
    result = run(source, *steps, imports=imports)
    assert result.failed == ()
    return result.text
