"""A run that takes up what an earlier one kept finds exactly what a fresh one finds, whatever happened in between."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aimet_guidelines import jobs
from aimet_guidelines.engine import Project
from aimet_guidelines.finding import Report
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from .test_incremental import CHANGES, EDITS, START, Edit
from .workspace import CONFIG, ROOT, at

# Files that come and go: they make a package of the folder, use the others, and stand before them under their names.
_COMING = {
    "__init__.py": "from .helpers import *\n",
    "more/__init__.py": "",
    "more/blocks.py": "from torch import nn\n\n\nclass Block(nn.Module):\n    def forward(self, x):\n"
    "        return -x\n",
    "more/net.py": "import torch\nfrom blocks import Block, Head as Top\nfrom helpers import activate\n\n\n"
    "class Other(Block):\n    def __init__(self):\n        super().__init__()\n        self.head = Top()\n\n"
    "    def forward(self, x):\n        return torch.relu(self.head(activate(x), flag=True))\n",
    "a.py": "from aimet_torch.nn import QuantizationMixin\nimport blocks\n\nQuantizationMixin.ignore(blocks.Head)\n"
    "\n\ndef turn(x):\n    return blocks.activate(x)\n",
}


def _run(texts: Mapping[str, str], keep: bool) -> dict[str, Report]:
    project = Project.empty(ROOT).updated({at(name): text for name, text in texts.items()})
    tasks = [(path, project, CONFIG) for path in project.paths]
    return {report.path: report for report in jobs.check_each(tasks, 1, keep=keep)}


def _assert_same(texts: Mapping[str, str]) -> None:
    kept, fresh = _run(texts, True), _run(texts, False)
    if kept != fresh:
        for name, text in texts.items():
            note(f"---- {name}\n{text}")
    assert kept == fresh


@pytest.mark.parametrize(("name", "old", "new"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
def test_a_change_shows_everywhere_in_the_next_run(
    name: str, old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMET_GUIDELINES_CACHE_DIR", str(tmp_path))
    for texts in (START, {**START, name: START[name].replace(old, new)}, START):
        _assert_same(texts)


@st.composite
def _steps(draw: st.DrawFn) -> tuple[str, Edit | None]:
    """(file, edit): of one that comes or goes None; of an edited one, an edit or None for what it was at first."""
    name = draw(st.sampled_from([*START, *START, *_COMING]))
    return name, draw(st.one_of(EDITS, EDITS, EDITS, st.none())) if name in START else None


def _after(texts: dict[str, str], name: str, edit: Edit | None) -> dict[str, str]:
    if name in _COMING:
        return {each: text for each, text in {**_COMING, **texts}.items() if (each in texts) != (each == name)}
    return {**texts, name: START[name] if edit is None else edit.apply(texts[name])}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(_steps(), min_size=1, max_size=3), min_size=1, max_size=6))
def test_a_run_after_any_edits_finds_what_a_fresh_one_finds(runs: list[list[tuple[str, Edit | None]]]) -> None:
    with TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIMET_GUIDELINES_CACHE_DIR", place)
        texts = dict(START)
        _assert_same(texts)
        for steps in runs:
            for name, edit in steps:
                texts = _after(texts, name, edit)
            _assert_same(texts)
    gc.collect()  # a run leaves circles, and puts off looking for them
