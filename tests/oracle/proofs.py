"""What the last full proof showed of each model: the data that docs/agreement.md quotes and later runs hold to.

`proofs.json` has one model a line. Digests of outputs differ from machine to machine, so it keeps what came of
comparing them, never the digests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from recording import HERE

PATH = HERE / "proofs.json"
# How sources are repaired; see repair.py.
KINDS = ("safe", "aimet", "unsafe")
# AIMET's modules cannot be compiled by torch.jit.script.
EXCEPTED: Mapping[str, frozenset[str]] = {
    "safe": frozenset(),
    "aimet": frozenset({"script"}),
    "unsafe": frozenset({"script"}),
}
TOOLS = ("deepcopy", "pickle", "trace", "script", "fx", "onnx")

Proof = dict[str, Any]


def load() -> dict[str, dict[str, Proof]]:
    """label -> kind (`raw` too) -> what was shown."""
    found: dict[str, dict[str, Proof]] = _file().get("models", {})
    return found


def example() -> dict[str, str]:
    """graph: what prepare_model makes of one block; source: the block as a repair leaves it."""
    found: dict[str, str] = _file().get("example", {})
    return found


def save(proofs: Mapping[str, Mapping[str, Proof]], shown: Mapping[str, str]) -> None:
    """Write all of it."""
    rows = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in proofs.items())
    PATH.write_text(f'{{\n "example": {json.dumps(shown)},\n "models": {{\n{rows}\n }}\n}}\n', encoding="utf-8")


def _file() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    return found


def raw_proof(measured: Proof) -> Proof:
    """What is kept of a model as installed."""
    does = measured["does"]
    kept: Proof = {
        "key": measured["key"],
        "works": [tool for tool in TOOLS if works(does, tool)],
        "validator": _counted(measured["validator"]),
    }
    prepared = dict(measured["prepared"])
    if "failed" not in prepared:
        prepared["same"] = prepared.pop("eval") == does["eval"]
    return {**kept, "prepared": prepared, **_simulated(measured)}


def repaired_proof(before: Proof, after: Proof) -> Proof:
    """What is kept of a repaired model: how it differs from the same model as installed."""
    if "failed" in after:
        return {"key": after["key"], "failed": after["failed"]}
    return {
        "key": after["key"],
        "different": differences(before["does"], after["does"]),
        "validator": _counted(after["validator"], where=True),
        **_simulated(after),
    }


def differences(before: Proof, after: Proof) -> dict[str, str]:
    """What a repaired model does otherwise, and how."""
    found: dict[str, str] = {}
    for name in sorted({*before, *after}):
        old, new = str(before.get(name)), str(after.get(name))
        if old != new:
            found[name] = "other values" if _is_digest(old) and _is_digest(new) else f"{_told(old)}, now {_told(new)}"
    return found


def works(does: Proof, tool: str) -> bool:
    """Whether one of torch's tools takes the model: `onnx` exports, a copy or trace computes the same."""
    value = does.get(tool)
    return value == "ok" or (value is not None and value == does["eval"])


def clean(proof: Proof) -> bool:
    """Whether AIMET's validator passes the model."""
    said = proof.get("validator")
    return said is not None and not (
        said["problem"] or said["reused"] or said["source"] or said["artifact"] or said["torch"]
    )


def mended(proof: Proof) -> bool:
    """Whether nothing the validator reports could be mended in the source: it made it of sizes, or inside torch."""
    said = proof.get("validator")
    return said is not None and not (said["problem"] or said["reused"] or said["source"])


def prepared_clean(raw: Proof) -> bool:
    """Whether the validator passes what AIMET's `prepare_model` makes of the model."""
    prepared = raw["prepared"]
    return "failed" not in prepared and not (prepared["problem"] or prepared["reused"] or prepared["missing"])


def of(proofs: Mapping[str, Proof], kind: str) -> Proof:
    """The proof of one kind; sources that a kind of repairs leaves alone are those of an earlier one."""
    proof = proofs[kind]
    return proofs[proof["as"]] if "as" in proof else proof


def _counted(said: Proof, where: bool = False) -> Proof:
    counts = {kind: sum(said[kind].values()) for kind in ("source", "artifact", "torch")}
    kept: Proof = {"problem": said["problem"], "reused": said["reused"], **counts}
    return {**kept, "where": said["where"]} if where and said["where"] else kept


def _simulated(measured: Proof) -> Proof:
    return {name: measured[name] for name in ("quantsim", "equalization") if name in measured}


def _is_digest(text: str) -> bool:
    return len(text) == 20 and not text.endswith(("Error", "Exception"))


def _told(text: str) -> str:
    return "works" if text == "ok" or _is_digest(text) else text
