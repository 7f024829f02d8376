"""Text given by a rule with places to fill in."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from .calls import argument_text
from .imports import Speller
from .names import shadowing
from .source import Range, Source
from .splice import Splice, StepError

_ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.List, ast.Dict, ast.Set, ast.GeneratorExp, ast.keyword)


def spelt(text: str, imports: Sequence[str], speller: Speller, shadowed: set[str], first: int) -> tuple[str, list[str]]:
    """The names that fill `{first}`, `{first + 1}`, ...; where `text` has no such place, its dotted name is respelt."""
    names: list[str] = []
    for number, dotted in enumerate(imports):
        name = speller.spell(dotted, shadowed)
        names.append(name)
        if f"{{{first + number}}}" not in text:
            text = re.sub(rf"(?<![\w.]){re.escape(dotted)}(?!\w)", name.replace("\\", r"\\"), text)
    return text, names


def filled(text: str, values: Sequence[str]) -> str:
    """`str.format` with errors told as StepError."""
    try:
        return text.format(*values)
    except (IndexError, KeyError, ValueError, AttributeError) as error:
        raise StepError(f"the text of the repair cannot be filled in: {error}") from None


def replacement_text(
    source: Source,
    splice: Splice,
    node: ast.AST | None,
    text: str,
    parts: Sequence[ast.AST],
    imports: Sequence[str],
    speller: Speller,
    indent: str,
    callees: Sequence[str] = (),
) -> str:
    """`text` with the repaired source of `parts`; parentheses are added only where they are needed.

    callees: how new modules are called; they come after parts and imports. indent: what the lines of `text` after the
    first begin with.
    """
    shadowed = shadowing(source, node) if node is not None else set()
    text, names = spelt(text, imports, speller, shadowed, len(parts))
    names = [*names, *callees]
    bare = [argument_text(source, splice, part) for part in parts]
    wrapped = [_grouped(part, bit) for part, bit in zip(parts, bare, strict=True)]
    chosen = bare
    if bare != wrapped and _meaning(filled(text, [*bare, *names])) != _meaning(filled(text, [*wrapped, *names])):
        chosen = wrapped
    # Where only a part stays, it keeps the parentheses it has.
    if parts and text == "{0}" and isinstance(node, ast.expr) and source.grouped(parts[0]) != source.range(parts[0]):
        chosen = wrapped
    text = re.sub(r"\r\n|\r|\n", lambda _: source.newline + indent, text)
    return filled(text, [*chosen, *names])


def _grouped(part: ast.AST, text: str) -> str:
    return text if isinstance(part, _ATOMS) or (isinstance(part, ast.Tuple) and text[:1] == "(") else f"({text})"


def _meaning(text: str) -> str | None:
    for form in (text, f"f({text})"):
        try:
            return ast.dump(ast.parse(form))
        except (SyntaxError, ValueError):
            continue
    return None


def removal(source: Source, node: ast.AST | None, place: Range) -> tuple[Range, str]:
    """What goes when an argument or statement is removed: its comma, its line. Returns the range and what stays."""
    start, end = place
    text = source.text
    if isinstance(node, ast.stmt):
        parent = source.parent(node)
        bodies = [getattr(parent, name, []) for name in ("body", "orelse", "finalbody")]
        if any(body == [node] for body in bodies if isinstance(body, list)) and not isinstance(parent, ast.Module):
            return place, "pass"
        first, last = source.line_start(start), source.line_end(end)
        if text[first:start].strip() or text[end:last].strip():
            return place, "pass"
        following = re.compile(r"\r\n|\r|\n|\Z").match(text, last)
        return (first, following.end() if following else last), ""
    if isinstance(node, ast.arg) and re.match(r"\s*=", text[end:]):
        raise StepError("a parameter is removed with its default, and this range ends before it")
    after = re.compile(r"\s*,[ \t]*").match(text, end)
    before = re.compile(r"\s*,\s*\Z").search(text[:start])
    if after and not (before and text[after.end() : after.end() + 1] in ("\n", "\r")):
        return (start, after.end()), ""
    if before:
        return (before.start(), end), ""
    return place, ""
