"""Small sources in which each line says, in a comment, what the reader finds on it.

`# = torch.relu Tensor.__add__` names the operations on the line, `# 2 call` the ways in which a module is used again.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Mapping

from aimet_guidelines.reading.index import Index
from aimet_guidelines.reading.project import Project
from aimet_guidelines.reading.units import unit

_MARK = re.compile(r"# (=|2) ([^#\n]*)")
Found = Counter[tuple[str, int, str, str]]

# What only asks for a tensor's shape.
_QUESTIONS = {"Tensor.size", "Tensor.dim", "Tensor.numel"}

HEAD = """\
import torch
import torch.nn as nn
import torch.nn.functional as F
"""


def model(forward: str, init: str = "", before: str = "", signature: str = "x", base: str = "nn.Module") -> str:
    """A source with one class `Net`, given what stands in its methods."""
    lines = [HEAD, textwrap.dedent(before), f"class Net({base}):", "    def __init__(self, width=8):"]
    lines += ["        super().__init__()", _indented(init), f"    def forward(self, {signature}):", _indented(forward)]
    return "\n".join(lines) + "\n"


def _indented(text: str) -> str:
    return textwrap.indent(textwrap.dedent(text).strip("\n"), " " * 8)


def expected(files: Mapping[str, str]) -> Found:
    """What the comments say: (file, 0-based line, `=` or `2`, word), counted."""
    found: Found = Counter()
    for name, text in files.items():
        for number, line in enumerate(text.split("\n")):
            for kind, words in _MARK.findall(line):
                found.update((name, number, kind, word) for word in words.split())
    return found


def read(files: Mapping[str, str]) -> Found:
    """What the reader finds, in the same form."""
    root = "/project"
    project = Project.empty(root).updated({f"{root}/{name}": text for name, text in files.items()})
    index = Index(project)
    found: Found = Counter()
    for path, facts in project.files.items():
        name = path[len(root) + 1 :]
        for first, statement in facts.source.statements:
            if not statement.is_definition:
                continue
            result = unit(index, facts, statement)
            for operation in result.operations:
                if operation.symbol in _QUESTIONS:
                    continue
                found[name, first + operation.node.lineno - 1, "=", operation.symbol] += 1
            for reuse in result.reuses:
                found[name, first + reuse.second.callee.lineno - 1, "2", reuse.how] += 1
    return found
