"""Comments that silence findings: `# aimet: ignore`, `# aimet: ignore[CODES]`, `# aimet: ignore-file[CODES]`.

A comment on a finding's first line or on the last line of its statement silences it; one with `-file` does so
anywhere. Comments that silence nothing, or that say something else than they seem to, become findings of the rule
`unused-ignore`.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from .finding import Edit, Finding, Repair, Safety, Severity
from .layers import unknown_rule
from .lexing import comments, logical_lines
from .positions import Span, split_lines
from .rules import RULES, by_code, resolve

UNUSED = "AIMET001"
REMOVE_COMMENT = Repair("Remove the ignore comment", Safety.SAFE, ())
REMOVE_CODE = Repair("Remove the code from the ignore comment", Safety.SAFE, ())

_MARK = re.compile(r"#\s*aimet:", re.IGNORECASE)
_DIRECTIVE = re.compile(
    r"#[ \t]*aimet:[ \t]*(?P<word>[\w-]*)[ \t]*(?:(?P<open>\[)(?P<codes>[^\]#]*)(?P<close>\])?)?", re.IGNORECASE
)
_BARE_CODE = re.compile(r"[ \t,:=(]*(?P<code>AIMET\w+)", re.IGNORECASE)
_HEADER = re.compile(r"#!|[ \t\f]*#.*?coding[:=]")


@dataclass(frozen=True, slots=True)
class Code:
    """One item in the brackets of an ignore comment: its text, its range, and the rules it stands for."""

    text: str
    span: Span
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Directive:
    """One ignore comment.

    span: from its `#` to its bracket or word. codes: None for all rules. mistake: why it silences nothing.
    """

    line: int
    span: Span
    whole_file: bool
    codes: tuple[Code, ...] | None
    mistake: str = ""


@dataclass(frozen=True, slots=True)
class Directives:
    """The ignore comments of a file, in order."""

    all: tuple[Directive, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.all)


NO_DIRECTIVES = Directives()


def directives(text: str) -> Directives:
    """The ignore comments of `text`; what stands inside a string is not a comment."""
    if not _MARK.search(text):
        return NO_DIRECTIVES
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]
    found: list[Directive] = []
    for offset, comment in comments(text):
        line = bisect_right(starts, offset) - 1
        for match in _DIRECTIVE.finditer(comment):
            directive = _read(line, offset - starts[line], comment, match)
            if directive is not None:
                found.append(directive)
    return Directives(tuple(found))


def _read(line: int, column: int, comment: str, match: re.Match[str]) -> Directive | None:
    word = match["word"].lower()
    end = match.end() if match["open"] else match.end("word")
    span = Span(line, column + match.start(), line, column + end)
    if word not in ("ignore", "ignore-file"):
        # Other notes about AIMET are nobody's business; a near miss would silently silence nothing.
        near = difflib.get_close_matches(word.replace("_", "-"), ("ignore", "ignore-file"), n=1, cutoff=0.75)
        mistake = f'"{match["word"]}" is not known; did you mean "{near[0]}"?' if near else ""
        return Directive(line, span, False, (), mistake) if near else None
    if match["open"] is None:
        bare = _BARE_CODE.match(comment, match.end("word"))
        if bare:
            mistake = f'codes go in brackets: "# aimet: {word}[{bare["code"]}]"'
            return Directive(line, span, word == "ignore-file", (), mistake)
        return Directive(line, span, word == "ignore-file", None)
    items = []
    for item in re.finditer(r"[^,\s][^,]*", match["codes"]):
        code = item[0].rstrip()
        start = column + match.start("codes") + item.start()
        items.append(Code(code, Span(line, start, line, start + len(code)), resolve(code)))
    mistake = ""
    if match["close"] is None:
        mistake = 'the bracket after "ignore" is not closed'
    elif not items:
        mistake = f'no code in the brackets: write "# aimet: {word}" to ignore every rule'
    return Directive(line, span, word == "ignore-file", tuple(items), mistake)


def apply(
    findings: Sequence[Finding],
    found: Directives,
    active: Collection[str],
    path: str,
    *,
    severity: Severity = Severity.WARNING,
    unread: Sequence[tuple[int, int]] = (),
) -> tuple[list[Finding], list[Finding]]:
    """The findings that no comment silences, and a finding for each comment or code that silences none.

    active: the codes of the rules that ran; what a comment says about others is not judged, and a comment for
        all rules only where all ran. Nothing is said about comments where AIMET001 itself is not active.
    severity: that of the new findings.
    unread: lines (0-based, inclusive) that could not be checked; comments there are not judged.
    """
    if not found:
        return list(findings), []
    used: set[tuple[int, str]] = set()
    by_line: dict[int, list[int]] = {}
    for index, directive in enumerate(found.all):
        if not directive.mistake:
            by_line.setdefault(-1 if directive.whole_file else directive.line, []).append(index)
    kept = [finding for finding in findings if not _silenced(finding, found.all, by_line, used)]
    if UNUSED not in active:
        return kept, []
    everything = set(active) >= {rule.code for rule in RULES}
    unused: list[Finding] = []
    for index, directive in enumerate(found.all):
        place = () if directive.whole_file else unread
        judged = not any(first <= directive.line <= last for first, last in place) and not (
            directive.whole_file and unread
        )
        used_here = {code for at, code in used if at == index}
        unused.extend(_complaints(path, directive, used_here, set(active), severity, judged, everything))
    # An ignore comment may silence these findings too, where it names them or covers the file.
    return kept, [finding for finding in unused if not _silenced(finding, found.all, by_line, set(), by_name=True)]


def _silenced(
    finding: Finding,
    found: Sequence[Directive],
    by_line: dict[int, list[int]],
    used: set[tuple[int, str]],
    *,
    by_name: bool = False,
) -> bool:
    silenced = False
    for line in {-1, finding.span.line, finding.statement[1]}:
        for index in by_line.get(line, ()):
            codes = found[index].codes
            if codes is None:
                if not by_name or (found[index].whole_file and found[index].line != finding.span.line):
                    used.add((index, ""))
                    silenced = True
                continue
            for code in codes:
                if finding.code in code.codes:
                    used.add((index, code.text))
                    silenced = True
    return silenced


def _complaints(
    path: str,
    directive: Directive,
    used: set[str],
    active: set[str],
    severity: Severity,
    judged: bool,
    everything: bool,
) -> Iterable[Finding]:
    where = "in this file" if directive.whole_file else "here"

    def finding(span: Span, message: str, repairs: tuple[Repair, ...]) -> Finding:
        rule = by_code(UNUSED)
        name = rule.name if rule else "unused-ignore"
        lines = (directive.line, directive.line)
        return Finding(UNUSED, name, path, span, message, severity, "", repairs, statement=lines)

    if directive.mistake:
        yield finding(directive.span, f"This comment silences nothing: {directive.mistake}", ())
        return
    if directive.codes is None:
        if judged and everything and not used:
            yield finding(
                directive.span, f"Nothing is found {where}, so this comment silences nothing", (REMOVE_COMMENT,)
            )
        return
    unused: list[tuple[Code, str]] = []
    seen: set[str] = set()
    for code in directive.codes:
        if not code.codes:
            unused.append((code, f"This comment silences nothing: {unknown_rule(code.text)}"))
        elif code.text.upper() in seen:
            unused.append((code, f"{code.text} is named twice in this comment"))
        elif judged and code.text not in used and set(code.codes) <= active and code.codes != (UNUSED,):
            unused.append((code, f"{code.text} is not found {where}, so ignoring it has no effect"))
        seen.add(code.text.upper())
    if unused and len(unused) == len(directive.codes):
        messages = list(dict.fromkeys(message for _, message in unused))
        yield finding(directive.span, "; ".join(messages), (REMOVE_COMMENT,))
        return
    for code, message in unused:
        yield finding(code.span, message, (REMOVE_CODE,))


def removal_edits(text: str, span: Span) -> list[Edit]:
    """The edits that remove the ignore comment, or the one code of it, that an AIMET001 finding at `span` is about.

    Other comments on the line stay; a line that held nothing else goes with its line end.
    """
    lines = split_lines(text)
    for directive in directives(text).all:
        if directive.span == span:
            return [_without_comment(lines, directive.span)]
        for index, code in enumerate(directive.codes or ()):
            if code.span == span and directive.codes:
                if len(directive.codes) == 1:
                    return [_without_comment(lines, directive.span)]
                if index:
                    previous = directive.codes[index - 1].span
                    return [Edit(Span(span.line, previous.end_column, span.line, span.end_column), "")]
                return [Edit(Span(span.line, span.column, span.line, directive.codes[1].span.column), "")]
    return []


def _without_comment(lines: Sequence[str], span: Span) -> Edit:
    line = lines[span.line]
    before, after = line[: span.column], line[span.end_column :]
    following = re.match(r"[ \t]*(?=#)", after)
    if following:  # the next comment takes its place
        return Edit(Span(span.line, span.column, span.line, span.end_column + following.end()), "")
    start = len(before.rstrip(" \t"))
    if before.strip() or span.line + 1 >= len(lines):  # a reason after the comment goes with it
        return Edit(Span(span.line, start, span.line, len(line)), "")
    return Edit(Span(span.line, 0, span.line + 1, 0), "")


def ignore_edit(text: str, line: int, code: str, last_line: int | None = None) -> Edit | None:
    """The edit that silences `code` for a finding on the 0-based `line` whose statement ends on `last_line`.

    A comment that already ignores something there takes the code in; otherwise one is put at the end of the line,
    or of the statement's last line where the finding's line ends in a backslash or inside a string. Without
    `last_line` the end of the logical line is taken. None where neither line can end in a comment.
    """
    lines = split_lines(text)
    closed: frozenset[int] = frozenset()
    for first, last, without_comment in logical_lines(text):
        if first <= line <= last:
            closed, last_line = without_comment, last if last_line is None else last_line
        elif last_line is not None and first <= last_line <= last:
            closed |= without_comment
    places = [place for place in dict.fromkeys((line, line if last_line is None else last_line)) if place not in closed]
    existing = {directive.line: directive for directive in directives(text).all if not directive.whole_file}
    for place in places:
        directive = existing.get(place)
        if directive is not None and directive.codes and not directive.mistake:
            end = directive.codes[-1].span
            return Edit(Span(place, end.end_column, place, end.end_column), f", {code}")
    for place in places:
        stripped = lines[place].rstrip(" \t")
        return Edit(Span(place, len(stripped), place, len(lines[place])), f"  # aimet: ignore[{code}]")
    return None


def ignore_file_edit(text: str, codes: Sequence[str]) -> Edit:
    """The edit that silences `codes` (every rule where empty) in the whole file.

    The comment goes on the first line, below a `#!` line and a declaration of the encoding.
    """
    for directive in directives(text).all:
        if directive.whole_file and directive.codes and not directive.mistake and codes:
            end = directive.codes[-1].span
            return Edit(
                Span(end.line, end.end_column, end.line, end.end_column), "".join(f", {code}" for code in codes)
            )
    lines = split_lines(text)
    line = 0
    while line < min(2, len(lines)) and _HEADER.match(lines[line]):
        line += 1
    newline = "\r\n" if "\r\n" in text else "\n"
    listed = f"[{', '.join(codes)}]" if codes else ""
    comment = f"# aimet: ignore-file{listed}"
    if line >= len(lines):
        column = len(lines[-1])
        return Edit(Span(line - 1, column, line - 1, column), f"{newline}{comment}")
    return Edit(Span(line, 0, line, 0), f"{comment}{newline}")
