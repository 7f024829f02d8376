"""Runs the command line in this process, in a folder of its own."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aimet_guidelines.cli import main

FUNCTIONAL = """\
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, x):
        return F.relu(self.conv(x))
"""
REPAIRED = FUNCTIONAL.replace("3, 3, 3)\n", "3, 3, 3)\n        self.relu = nn.ReLU()\n").replace(
    "F.relu(", "self.relu("
)
CLEAN = "import os\n\nprint(os.sep)\n"


@dataclass
class Outcome:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


Runner = Callable[..., Outcome]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the command: a project of its own."""
    place = tmp_path / "work"
    place.mkdir()
    (place / ".git").mkdir()
    monkeypatch.chdir(place)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return place


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Runs `aimet-guidelines` with arguments, and standard input where given."""

    def runner(*arguments: str, stdin: bytes = b"") -> Outcome:
        out, err = io.BytesIO(), io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            patch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="utf-8", newline=""))
            patch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding="utf-8", newline=""))
            try:
                status = main(arguments)
            except SystemExit as error:
                status = int(error.code or 0)
            sys.stdout.flush()
            sys.stderr.flush()
            return Outcome(status, out.getvalue().decode(), err.getvalue().decode())

    return runner


@pytest.fixture
def write(folder: Path) -> Callable[..., Path]:
    """Writes a file below the working directory."""

    def writer(name: str, contents: str | bytes) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        return path

    return writer
