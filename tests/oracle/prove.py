"""Proves on real networks that repairs change nothing: models from repaired sources beside the installed ones.

    python tests/oracle/prove.py [--all] [--only TEXT] [--keep FOLDER]

Without `--all` or `--only` the safe repairs alone, on a sample of the models that the date chooses. Writes
`proofs.json` with `--all`. Runs in the oracle's environment.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from models import entries
from recording import HERE

PROOFS = HERE / "proofs.json"
SAMPLE = 6
VARIANTS = {"safe": (), "safe, with AIMET's modules": ("--aimet",)}
# AIMET's modules cannot be compiled by torch.jit.script.
EXCEPTED = {"safe": frozenset[str](), "safe, with AIMET's modules": frozenset({"script"})}


def differences(before: dict[str, Any], after: dict[str, Any], excepted: frozenset[str]) -> list[str]:
    """What a repaired model does otherwise."""
    return [
        f"{key} ({after.get(key)})"
        if key in ("script", "fx", "onnx", "failed") or len(str(after.get(key))) < 20
        else key
        for key in sorted({*before, *after} - excepted)
        if before.get(key) != after.get(key)
    ]


def run(script: str, *arguments: str) -> None:
    """Run another of these scripts; its failure is ours."""
    subprocess.run([sys.executable, str(HERE / script), *arguments], check=True)


def prove(folder: Path, only: list[str], variants: list[str]) -> dict[str, Any]:
    """The chosen kinds of repairs on the chosen models."""
    chosen = [part for each in only for part in ("--only", each)]
    run("behaviour.py", str(folder / "raw.json"), *chosen)
    before = json.loads((folder / "raw.json").read_text(encoding="utf-8"))
    proofs: dict[str, Any] = {}
    for name in variants:
        flags = VARIANTS[name]
        copy = folder / name.replace(" ", "-").replace(",", "").replace("'", "")
        run("repair.py", str(copy), *flags)
        if flags:
            # aimet_torch imports torchvision itself, so a torchvision that imports aimet_torch cannot be imported.
            shutil.rmtree(copy / "torchvision")
        run("behaviour.py", str(folder / "repaired.json"), "--path", str(copy), *chosen)
        after = json.loads((folder / "repaired.json").read_text(encoding="utf-8"))
        found = {
            label: differences(before[label], after.get(label, {}), EXCEPTED[name])
            for label in before
            if not flags or label.startswith("timm/")
        }
        proofs[name] = {"models": len(found), "different": {k: v for k, v in found.items() if v}}
    return proofs


def sample() -> list[str]:
    """Today's models."""
    labels = sorted(each.label for each in entries() if each.kind != "detection")
    start = datetime.date.today().toordinal() * SAMPLE % len(labels)
    return [*labels, *labels][start : start + SAMPLE]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every listed model")
    parser.add_argument("--only", action="append", help="models with this in their name")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it there")
    options = parser.parse_args()
    only = [] if options.all else options.only or sample()
    variants = list(VARIANTS) if options.all or options.only else ["safe"]
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        proofs = prove(options.keep, only, variants)
    else:
        with tempfile.TemporaryDirectory() as folder:
            proofs = prove(Path(folder), only, variants)
    print(json.dumps(proofs, indent=1))
    if options.all:
        PROOFS.write_text(json.dumps(proofs, indent=1) + "\n", encoding="utf-8")
    return 1 if any(proof["different"] for proof in proofs.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
