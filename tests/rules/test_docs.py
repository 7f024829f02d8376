"""Every rule's page: its headings, and that its examples show what they claim."""

from __future__ import annotations

import re
import textwrap

import pytest
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check
from aimet_guidelines.finding import Finding
from aimet_guidelines.rules import RULES, Rule
from aimet_guidelines.rules.pages import page, section, title

_HEADINGS = ["What it does", "Why AIMET needs it", "Example", "Use instead", "Fix safety"]
_PATH = "/project/model.py"
_IMPORTS = """\
from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from aimet_torch.nn.modules import custom

"""
_CODES = [rule.code for rule in RULES]


def _code(text: str) -> str:
    found = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert found, "a section with an example has a block of Python"
    return _IMPORTS + "\n".join(textwrap.dedent(block) for block in found)


def _findings(rule: Rule, text: str) -> list[Finding]:
    project = Project.empty("/project").updated({_PATH: text})
    select = ("AIMET",) if rule.code == "AIMET001" else (rule.code,)
    report = check(_PATH, project, Config(root="/project", select=select))
    assert not report.problems
    return [finding for finding in report.findings if finding.code == rule.code]


@pytest.mark.parametrize("rule", RULES, ids=_CODES)
def test_a_page_has_the_five_headings_in_order(rule: Rule) -> None:
    assert re.findall(r"^## (.*)$", page(rule), re.MULTILINE) == _HEADINGS
    assert all(section(rule, heading) for heading in _HEADINGS)


@pytest.mark.parametrize("rule", RULES, ids=_CODES)
def test_a_page_begins_with_one_short_sentence(rule: Rule) -> None:
    assert page(rule).split("\n\n", 1)[0].endswith(".")
    assert 10 < len(title(rule)) <= 100


@pytest.mark.parametrize("rule", RULES, ids=_CODES)
def test_the_example_is_reported(rule: Rule) -> None:
    assert _findings(rule, _code(section(rule, "Example")))


@pytest.mark.parametrize("rule", RULES, ids=_CODES)
def test_what_to_use_instead_is_not_reported(rule: Rule) -> None:
    assert not _findings(rule, _code(section(rule, "Use instead")))
