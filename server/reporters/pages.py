"""A rule's page, and the list of rules, for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..rules import Rule
from ..rules.links import doc_url
from ..rules.pages import page, title


def listing(rules: Sequence[Rule]) -> Iterator[str]:
    """One line for each rule: code, name, what it reports."""
    widest = max((len(rule.name) for rule in rules), default=0)
    for rule in rules:
        yield f"{rule.code}  {rule.name:<{widest}}  {title(rule)}"


def explain(rule: Rule, *, colour: bool = False) -> Iterator[str]:
    """The page line by line: headings marked, code indented, Markdown's own marks left out."""

    def paint(text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if colour else text

    yield paint(f"{rule.code} {rule.name}", "1")
    yield ""
    in_code = False
    for line in page(rule).split("\n"):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif in_code:
            yield f"    {line}" if line else ""
        elif line.startswith("#"):
            yield paint(line.lstrip("# "), "1;4") if colour else line.lstrip("# ").upper()
        else:
            yield re.sub(r"`([^`]+)`", lambda match: paint(match[1], "36") if colour else match[0], line)
    address = doc_url(rule.code)
    if address:
        yield ""
        yield f"AIMET's page: {address}"
