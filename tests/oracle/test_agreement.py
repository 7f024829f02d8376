"""The checker agrees with AIMET, line by line, on every recorded model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import compare
import models
import recording


@pytest.fixture(scope="module")
def result() -> compare.Result:
    """All findings against all recordings."""
    return compare.compare(("torchvision", "timm"))


def test_recordings_are_of_this_environment() -> None:
    paths = [str(each.path) for each in recording.load_all() if each.lock != recording.lock_key()]
    assert not paths, "recorded under another lock file; run `npm run test:oracle -- --all`"


def test_every_listed_model_is_recorded() -> None:
    recorded = {(each.library, each.family, model.name) for each in recording.load_all() for model in each.models}
    assert recorded == {(each.library, each.family, each.name) for each in models.entries()}


@pytest.mark.parametrize("rule", sorted(compare.GOALS))
def test_precision_and_recall(result: compare.Result, rule: str) -> None:
    precision, recall = compare.GOALS[rule]
    score = result.scores[rule]
    rows = [each for each in result.disagreements if each.rule == rule]
    assert score.precision >= precision and score.recall >= recall, rows


def test_every_report_of_aimet_is_explained(result: compare.Result) -> None:
    assert not result.unexplained


def test_disagreements_are_the_reviewed_ones(result: compare.Result) -> None:
    found = {each for each in result.disagreements if each.rule in compare.GOALS}
    known = {each for each, _ in compare.listed()}
    assert found - known == set(), "mend the cause, or list it with its reason in disagreements.toml"
    assert known - found == set(), "listed, but it no longer occurs: remove it from disagreements.toml"


def test_every_listed_disagreement_has_a_reason() -> None:
    assert all(len(reason.split()) > 5 for _, reason in compare.listed())
