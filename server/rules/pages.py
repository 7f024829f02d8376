"""A rule's page: the docstring of its class, as Markdown."""

from __future__ import annotations

import inspect
import re

from .base import Rule


def page(rule: Rule) -> str:
    """The whole page, without a heading for the rule itself."""
    return inspect.cleandoc(rule.__doc__ or "")


def title(rule: Rule) -> str:
    """The page's first sentence, on one line, without a full stop."""
    first = page(rule).split("\n\n", 1)[0]
    return " ".join(first.split()).rstrip(".")


def section(rule: Rule, heading: str) -> str:
    """The text under `## heading`; empty where the page has none."""
    match = re.search(rf"^## {re.escape(heading)}[ \t]*\n(.*?)(?=^## |\Z)", page(rule), re.MULTILINE | re.DOTALL)
    return match[1].strip() if match else ""
