"""Hover: what a finding means, and what a code in an ignore comment stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lsprotocol import types as lsp

from ..finding import Finding
from ..positions import Span
from ..rules import RULES, by_code, pages
from ..rules.base import Rule
from ..rules.links import doc_url
from ..suppression import Code, directives
from .session import Session
from .subject import Subject, subject_of
from .translate import line_at, overlaps, to_range, to_span

EXPLAIN = "aimetGuidelines/explain"


def page(rule: Rule) -> str:
    """The rule's page, as Markdown."""
    url = doc_url(rule.code)
    link = f"\n\n[AIMET's documentation]({url})" if url else ""
    return f"# {rule.code} {rule.name}\n\n{pages.page(rule)}{link}"


def hover(session: Session, params: lsp.HoverParams) -> lsp.Hover | None:
    """What to show at a position: the findings there, or the rule whose code stands in an ignore comment."""
    subject = subject_of(session, params.text_document.uri)
    if subject is None:
        return None
    at = to_span(lsp.Range(params.position, params.position), subject.document.lines)
    code = _code_in_comment(subject, at)
    if code is not None:
        text = "\n\n---\n\n".join(page(rule) for rule in map(by_code, code.codes) if rule is not None)
        range_ = to_range(code.span.shifted(-subject.first), subject.document.lines)
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text), range_)
    found = [finding for finding in subject.findings() if overlaps(finding.span, at)]
    if not found:
        return None
    text = "\n\n---\n\n".join(_explained(found, subject))
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text), to_range(found[0].span, subject.document.lines))


def _explained(findings: Iterable[Finding], subject: Subject) -> list[str]:
    texts: list[str] = []
    explained: set[str] = set()
    for finding in findings:
        text = f"**{finding.code} {finding.name}**: {_escaped(finding.message)}"
        rule = by_code(finding.code)
        if rule is not None and rule.code not in explained:
            explained.add(rule.code)
            text += "\n\n" + page(rule).partition("\n\n")[2]
        texts.append(text)
    return texts


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
