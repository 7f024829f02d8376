"""Hover: what a finding means, and what a code in an ignore comment stands for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lsprotocol import types as lsp

from ..positions import Span
from ..rules import RULES, by_code, pages
from ..rules.base import Rule
from ..rules.links import doc_url
from ..suppression import Code, directives
from .bulk import is_safe, shown_title
from .session import Session
from .subject import Subject, subject_of
from .translate import line_at, overlaps, to_range, to_span

EXPLAIN = "aimetGuidelines/explain"
_PARAGRAPH = "\n\n"


def page(rule: Rule) -> str:
    """The rule's page, as Markdown."""
    url = doc_url(rule.code)
    link = f"\n\n[AIMET's documentation]({url})" if url else ""
    return f"# {rule.code} {rule.name}\n\n{pages.page(rule)}{link}"


def summary(rule: Rule, command: str = "", repair: str = "") -> str:
    """What a hover says of a rule: what it is about, why, where to read on, an example and what to write instead.

    A hover is low: what helps most stands first. command: the client's command that opens a rule's page; empty where
    it has none. repair: the title of the best repair, as plain text.
    """
    texts = [f"**{rule.code} {rule.name}**: {pages.page(rule).partition(_PARAGRAPH)[0]}"]
    texts.append(pages.section(rule, "Why AIMET needs it"))
    if repair:
        texts.append(f"Quick fix: {_escaped(repair)}")
    links = []
    if command:
        links.append(f"[The whole page]({_link(command, rule.code)})")
    if url := doc_url(rule.code):
        links.append(f"[AIMET's guideline]({url})")
    texts.append(" | ".join(links))
    for heading in ("Example", "Use instead"):
        if text := pages.section(rule, heading):
            texts.append(f"**{heading}**\n\n{text}")
    return _PARAGRAPH.join(filter(None, texts))


def _link(command: str, argument: str) -> str:
    return f"command:{command}?{quote(json.dumps([argument]))}"


def hover(session: Session, params: lsp.HoverParams) -> lsp.Hover | None:
    """What to show at a position: the rules broken there, or the rule whose code stands in an ignore comment.

    The findings' messages are left out: an editor shows them itself.
    """
    subject = subject_of(session, params.text_document.uri)
    if subject is None:
        return None
    at = to_span(lsp.Range(params.position, params.position), subject.document.lines)
    code = _code_in_comment(subject, at)
    if code is not None:
        span, codes, repairs = code.span.shifted(-subject.first), list(code.codes), {}
    else:
        found = [finding for finding in subject.findings() if overlaps(finding.span, at)]
        if not found:
            return None
        span, codes = found[0].span, [finding.code for finding in found]
        unsafe = subject.folder.editor.show_unsafe_fixes
        best = ((each.code, repair) for each in found for repair in each.repairs if unsafe or is_safe(repair))
        repairs = {code: shown_title(repair) for code, repair in reversed(list(best))}
    rules = filter(None, map(by_code, dict.fromkeys(codes)))
    texts = [summary(rule, session.explain_command, repairs.get(rule.code, "")) for rule in rules]
    text = f"{_PARAGRAPH}---{_PARAGRAPH}".join(texts)
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text), to_range(span, subject.document.lines))


def _escaped(text: str) -> str:
    """Plain text as Markdown; what stands in backquotes stays code."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_{}\[\]<>#|])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def _code_in_comment(subject: Subject, at: Span) -> Code | None:
    """The code of an ignore comment at that position of the document."""
    if "aimet" not in line_at(subject.document.lines, at.line).lower():
        return None
    place = subject.in_file(at)
    for directive in directives(subject.folder.project.text(subject.path)).all:
        for code in directive.codes or ():
            if code.codes and overlaps(code.span, place):
                return code
    return None


def explain(params: Any) -> dict[str, Any]:
    """The request `aimetGuidelines/explain`: with `code`, `{code, name, markdown}`; without, `{rules: [...]}`."""
    code = params.get("code") if isinstance(params, Mapping) else getattr(params, "code", None)
    if code:
        wanted = str(code)
        rule = by_code(wanted.upper()) or next((each for each in RULES if each.name == wanted.lower()), None)
        if rule is None:
            return {"code": wanted, "name": "", "markdown": f"There is no rule `{wanted}`."}
        return {"code": rule.code, "name": rule.name, "markdown": page(rule)}
    return {"rules": [{"code": rule.code, "name": rule.name, "summary": pages.title(rule)} for rule in RULES]}
