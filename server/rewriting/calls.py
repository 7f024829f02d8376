"""The argument list of a repaired call: what is kept, its layout and its comments."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from .source import SCAN, Range, Source
from .splice import Splice

Argument = ast.AST | str

_LINE_END = re.compile(r"[ \t\f]*(?:\r|\n|\Z)")


def place_of(source: Source, node: ast.AST) -> Range:
    """What a call written instead of `node` replaces: its grouping parentheses too, as they would be redundant."""
    start, end = source.range(node)
    first, last = source.grouped(node)
    around = source.text[max(first - 1, 0) : first] + " " + source.text[last : last + 1]
    if any(character.isalnum() or character == "_" for character in around):
        return start, end
    if source.comments(first, start) or source.comments(end, last):
        return start, end
    return first, last


def argument_text(source: Source, splice: Splice, argument: Argument) -> str:
    """An argument's repaired text, without parentheses that only group it."""
    if isinstance(argument, str):
        return argument
    if isinstance(argument, ast.expr):
        whole = source.grouped(argument)
        if splice.covers(whole):
            return splice.text(*whole)
    start, end = source.range(argument)
    text = splice.text(start, end)
    bare_tuple = isinstance(argument, ast.Tuple) and not source.is_wrapped(argument)
    if bare_tuple or isinstance(argument, (ast.Yield, ast.YieldFrom)):
        return f"({text})"
    return text


def write_arguments(source: Source, splice: Splice, node: ast.AST, arguments: Sequence[Argument]) -> str:
    """The arguments in parentheses, laid out like the call at `node` where they are that call's own."""
    if isinstance(node, ast.Call):
        own: list[ast.expr | ast.keyword] = sorted([*node.args, *node.keywords], key=source.range)
        opening = source.call_parentheses(node)[0]
        places = [_own_index(own, argument) for argument in arguments]
        kept = [index for index in places if index is not None]
        generator = len(own) == 1 and source.range(own[0])[0] == opening
        if kept and kept == sorted(set(kept)) and not generator:
            return _laid_out(source, splice, node, own, list(zip(places, arguments, strict=True)))
    return _joined(source, splice, node, arguments)


def _own_index(own: list[ast.expr | ast.keyword], argument: Argument) -> int | None:
    for index, candidate in enumerate(own):
        if argument is candidate or (isinstance(candidate, ast.keyword) and argument is candidate.value):
            return index
    return None


def _laid_out(
    source: Source,
    splice: Splice,
    call: ast.Call,
    own: list[ast.expr | ast.keyword],
    arguments: list[tuple[int | None, Argument]],
) -> str:
    opening, closing = source.call_parentheses(call)
    ranges = [source.grouped(node) for node in own]
    prefix: list[str] = []
    contents: dict[int, str] = {}
    latest: int | None = None
    for index, argument in arguments:
        text = argument_text(source, splice, argument)
        if index is not None:
            contents[index] = text
            latest = index
        elif latest is None:
            prefix.append(text)
        else:
            contents[latest] += f", {text}"

    head = source.text[opening + 1 : ranges[0][0]]
    kept = list(contents)
    written = ["(", head]
    for text in prefix:
        written += [text, f",{head}" if head.strip(" \t") and not source.comments(opening, ranges[0][0]) else ", "]
    if kept[0]:
        for start, end in source.comments(ranges[0][0], ranges[kept[0]][0]):
            indent = source.indent_at(ranges[kept[0]][0])
            written += [source.text[start:end], source.newline, indent]
    for index, following in zip(kept, [*kept[1:], None], strict=True):
        written.append(contents[index])
        end = ranges[index][1]
        if following is not None and following == index + 1:
            written.append(source.text[end : ranges[following][0]])
        elif following is not None:
            written.append("," + _gap(source, index, following, ranges, ranges[following][0]))
        elif index == len(own) - 1:
            written.append(source.text[end:closing])
        else:
            last = source.text[ranges[-1][1] : closing]
            comma = "," if any(m.lastgroup == "comma" for m in SCAN.finditer(last)) else ""
            lines = source.text[end:closing]
            if comma and "\n" not in last and "\r" not in last:
                comma = ""
            if source.comments(end, closing):
                written.append(comma + _gap(source, index, len(own), ranges, closing))
            elif lines.strip(" \t"):
                written.append(comma + last.replace(",", "", 1))
    text = "".join([*written, ")"])
    if len(kept) < len(own) and not source.comments(opening, closing):
        joined = f"({', '.join([*prefix, *contents.values()])})"
        around = source.text[source.line_start(opening) : opening] + source.text[closing + 1 : source.line_end(closing)]
        if not re.search(r"[\r\n]", joined) and len(around) + len(joined) <= _SHORT:
            # What was laid out over several lines fits on one now.
            return joined
    return text


# Shorter than any formatter's line, whose length is not known.
_SHORT = 79


def _gap(source: Source, index: int, following: int, ranges: list[Range], until: int) -> str:
    """What stands between two kept arguments when those between them go: white space, and every comment."""
    end = ranges[index][1]
    comments = source.comments(end, until)
    if not comments:
        after = source.text[end : ranges[index + 1][0]]
        return after.replace(",", "", 1)
    written = ""
    inner = source.indent_at(ranges[index][0])
    for number, (start, stop) in enumerate(comments):
        same_line = not number and not any(c in source.text[end:start] for c in "\r\n")
        written += "  " if same_line else source.newline + (source.indent_at(start) or inner)
        written += source.text[start:stop]
    return written + source.newline + source.indent_at(until)


def _joined(source: Source, splice: Splice, node: ast.AST, arguments: Sequence[Argument]) -> str:
    texts = [argument_text(source, splice, argument) for argument in arguments]
    ranges = [source.grouped(argument) for argument in arguments if not isinstance(argument, str)]
    start, end = source.range(node)
    lost = [
        comment
        for comment in source.comments(start, end)
        if not any(first <= comment[0] < last for first, last in ranges)
    ]
    if not lost:
        return f"({', '.join(texts)})"
    if len(lost) == 1 and not splice.nested and all(lost[0][0] >= last for _, last in ranges):
        after = place_of(source, node)[1]
        if _LINE_END.match(source.text, after):
            return f"({', '.join(texts)})  {source.text[slice(*lost[0])]}"
    indent = source.indent_at(end)
    in_order = ranges == sorted(ranges) and len(ranges) == len(texts)
    written = "("
    for number, text in enumerate(texts):
        last = number == len(texts) - 1
        written += text + ("" if last else ",")
        low = ranges[number][1] if in_order else start
        high = end if last else ranges[number + 1][0] if in_order else start
        if in_order and not number:
            low = start
        here = [source.text[a:b] for a, b in lost if low <= a < high]
        if here:
            written += "  " + (source.newline + indent).join(here) + source.newline + indent
        elif not last:
            written += " "
    return written + ")"
