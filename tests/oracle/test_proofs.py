"""What the last full proof showed, as the project promises it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import left
import models
import proofs

PROVEN = proofs.load()
CLASSIFICATION = [e.label for e in models.entries() if e.library == "torchvision" and e.kind == "plain"]


@pytest.mark.parametrize("kind", ["safe", "aimet"])
def test_repairs_change_nothing(kind: str) -> None:
    wrong = {}
    for label, shown in PROVEN.items():
        proof = proofs.of(shown, kind) if kind in shown else {}
        found = {k: v for k, v in proof.get("different", {}).items() if k not in proofs.EXCEPTED[kind]}
        if found or "failed" in proof:
            wrong[label] = found or proof["failed"]
    assert PROVEN and not wrong


def test_classification_is_proven_whole() -> None:
    partly = [label for label in CLASSIFICATION if set(PROVEN.get(label, ())) != {"raw", *proofs.KINDS}]
    assert not partly


def test_repairs_mend_what_prepare_model_mends() -> None:
    """Where AIMET's own tool leaves nothing, ours leave at most what tracing makes of sizes; with the same outputs."""
    for label in CLASSIFICATION:
        shown = PROVEN[label]
        after = proofs.of(shown, "unsafe")
        assert "eval" not in after.get("different", {}), label
        if proofs.prepared_clean(shown["raw"]):
            assert proofs.mended(after), label


def test_repairs_mend_more_of_timm_than_prepare_model() -> None:
    """Models that leave AIMET's validator nothing to say that the source could mend, with the same outputs."""
    shown = [PROVEN[e.label] for e in models.entries() if e.library == "timm" and "prepared" in PROVEN[e.label]["raw"]]
    prepared = sum(proofs.prepared_clean(each["raw"]) and each["raw"]["prepared"]["same"] for each in shown)
    for kind in ("aimet", "unsafe"):
        after = [proofs.of(each, kind) for each in shown]
        mended = sum(proofs.mended(each) and "eval" not in each["different"] for each in after)
        assert mended > prepared, kind


def test_simulation_and_equalization_lose_nothing() -> None:
    """At least twelve models; parameters keep their quantizers, no group of layers is lost, nothing begins to fail."""
    measured = {label: shown for label, shown in PROVEN.items() if "quantsim" in shown.get("raw", {})}
    assert len(measured) >= 12
    for label, shown in measured.items():
        raw, after = shown["raw"], proofs.of(shown, "aimet")
        if "failed" not in raw["quantsim"]:
            assert after["quantsim"].get("parameters") == raw["quantsim"]["parameters"], label
        if "failed" not in raw["equalization"]:
            assert after["equalization"].get("groups", -1) >= raw["equalization"]["groups"], label
            assert after["equalization"]["same"] >= raw["equalization"]["same"], label


def test_what_is_left_has_a_reviewed_reason() -> None:
    listed = left.reasons()
    places = {place for found in left.remaining(PROVEN).values() for place in found}
    assert not [place for place in sorted(places) if not any(each.fits(place) for each in listed)]
    # The first that fits is the reason: one that is never the first is stale.
    used = {next(each for each in listed if each.fits(place)) for place in places}
    assert not [each.text for each in listed if each not in used]


def test_every_file_and_kind_of_a_reason_occurs() -> None:
    places = {place for found in left.remaining(PROVEN).values() for place in found}
    for each in left.reasons():
        fitting = [place for place in places if each.fits(place)]
        for path in each.paths:
            assert any(place.startswith(path) for place in fitting), (path, each.text)
        assert each.kinds <= {place.partition(" ")[2] for place in fitting}, each.text
        assert len(each.text.split()) > 4
