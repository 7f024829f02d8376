"""Proves on real networks that repairs change nothing: models from repaired sources beside the installed ones.

    python tests/oracle/prove.py [--all] [--only TEXT] [--kept] [--minutes N] [--folder FOLDER]

Without `--all` or `--only`: a sample of the models that the date chooses, and those whose repaired sources are no
longer the ones that the last full proof saw, as far as the minutes last. `--all` proves every model and writes
`proofs.json`. Every measurement is kept in FOLDER, so that an interrupted run goes on where it stopped; `--kept` writes
`proofs.json` from what lies there and measures nothing. Runs in the oracle's environment; fails where a safe repair
changes what a model does, or the validator reports more than before.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import checkout
import measure
import proofs
from models import Entry, entries
from recording import lock_key

SAMPLE = 4
# The continuous integration's share; four models take one to three minutes.
MINUTES = 10


def copies(folder: Path) -> dict[str, Path]:
    """The repaired copies of the libraries by kind, made anew where the packages or our sources are others."""
    found = hashlib.sha256(lock_key().encode())
    for path in sorted((checkout.ROOT / "server").rglob("*")):
        if path.suffix in (".py", ".json"):
            found.update(path.read_bytes())
    made_by, made = found.hexdigest(), {}
    for kind in proofs.KINDS:
        copy = made[kind] = folder / "sources" / kind
        stamp = copy / "made-by"
        if not stamp.exists() or stamp.read_text() != made_by:
            shutil.rmtree(copy, ignore_errors=True)
            _run("repair.py", str(copy), "--kind", kind)
            stamp.write_text(made_by)
    return made


def prove(folder: Path, wanted: list[Entry], baseline: bool) -> dict[str, dict[str, proofs.Proof]]:
    """Measure some models as they are and from every copy, and compare."""
    roots = {"raw": measure.installed(), **copies(folder)}
    for kind, root in roots.items():
        own = [each for each in wanted if _same_as(each, kind, roots) is None]
        flags = (["--baseline"] if baseline else []) if kind == "raw" else ["--sources", str(root)]
        if own:
            _run("measure.py", str(folder / kind), *flags, *(part for each in own for part in ("--only", each.label)))
    return compared(folder, wanted, roots, baseline)


def compared(
    folder: Path, wanted: list[Entry], roots: dict[str, Path], baseline: bool
) -> dict[str, dict[str, proofs.Proof]]:
    """What was measured of some models; what was not, or of other sources, is left out."""
    found: dict[str, dict[str, proofs.Proof]] = {}
    for each in wanted:
        before = _measured(folder, "raw", each, roots)
        if before is None or (baseline and "prepared" not in before and "failed" not in before):
            continue
        if "failed" in before:
            found[each.label] = {"raw": {"key": before["key"], "failed": before["failed"]}}
            continue
        shown = found[each.label] = {"raw": proofs.raw_proof(before) if baseline else {"key": before["key"]}}
        for kind in proofs.KINDS:
            same = _same_as(each, kind, roots)
            after = _measured(folder, kind, each, roots)
            if same is not None and same in shown:
                shown[kind] = {"as": same}
            elif after is not None:
                shown[kind] = proofs.repaired_proof(before, after)
    return found


def _example(copy: Path) -> dict[str, str]:
    """One block of torchvision's resnet18 as prepare_model makes it, and as the repairs leave it."""
    from aimet_torch.model_preparer import prepare_model
    from torchvision.models import resnet18

    text = (copy / "torchvision" / "models" / "resnet.py").read_text(encoding="utf-8")
    (block,) = [each for each in ast.parse(text).body if getattr(each, "name", "") == "BasicBlock"]
    return {
        "graph": prepare_model(resnet18().eval().layer1[0]).code.strip(),
        "source": ast.get_source_segment(text, block) or "",
    }


def _same_as(entry: Entry, kind: str, roots: dict[str, Path]) -> str | None:
    """The first kind whose repaired sources of this model are the same, None where that is this one."""
    mine = measure.key(entry, roots[kind])
    first = next(each for each, root in roots.items() if measure.key(entry, root) == mine)
    return None if first == kind else first


def _measured(folder: Path, kind: str, entry: Entry, roots: dict[str, Path]) -> dict[str, Any] | None:
    path = measure.place(folder / kind, entry)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found if found.get("key") == measure.key(entry, roots[kind]) else None


def _run(script: str, *arguments: str) -> None:
    """Run another of these scripts, in a process of its own."""
    subprocess.run([sys.executable, str(Path(__file__).with_name(script)), *arguments], check=True)


def sample(folder: Path) -> list[Entry]:
    """Today's models, and then those whose proof is of other sources than ours are now."""
    listed = sorted((each for each in entries() if each.kind != "detection"), key=lambda each: each.label)
    start = datetime.date.today().toordinal() * SAMPLE % len(listed)
    today = [*listed, *listed][start : start + SAMPLE]
    known, roots = proofs.load(), {"raw": measure.installed(), **copies(folder)}

    def stale(entry: Entry) -> bool:
        shown = known.get(entry.label, {})
        return any(proofs.of(shown, kind)["key"] != measure.key(entry, roots[kind]) for kind in shown)

    return [*today, *(each for each in listed if each not in today and stale(each))]


def failures(found: dict[str, dict[str, proofs.Proof]]) -> Iterable[str]:
    """What must not be."""
    known = proofs.load()
    for label, shown in found.items():
        for kind in ("raw", "safe", "aimet"):
            proof = proofs.of(shown, kind) if kind in shown else {}
            if "failed" in proof:
                yield f"{label} ({kind}): {proof['failed']}"
            for name, how in proof.get("different", {}).items():
                if name not in proofs.EXCEPTED[kind]:
                    yield f"{label} ({kind}): {name} {how}"
            earlier = proofs.of(known[label], kind) if kind in known.get(label, {}) else {}
            for what in ("reused", "source"):
                now, before = proof.get("validator", {}).get(what, 0), earlier.get("validator", {}).get(what)
                if kind != "raw" and before is not None and now > before:
                    yield f"{label} ({kind}): the validator reports {now} ({what}) where it reported {before}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every listed model")
    parser.add_argument("--kept", action="store_true", help="what was measured already")
    parser.add_argument("--only", action="append", help="models with this in their name")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="begin no other model after this time")
    parser.add_argument("--folder", type=Path, default=Path(sys.prefix).with_name(f"proofs-{lock_key()}"))
    options = parser.parse_args()
    folder, started = options.folder.resolve(), time.monotonic()
    left: list[Entry] = []
    if options.kept:
        roots = {"raw": measure.installed(), **{kind: folder / "sources" / kind for kind in proofs.KINDS}}
        found = compared(folder, list(entries()), roots, baseline=True)
        proofs.save(found, _example(roots["aimet"]))
    elif options.all or options.only:
        found = prove(folder, measure.chosen(options.only), baseline=True)
        proofs.save(found if options.all else {**proofs.load(), **found}, _example(copies(folder)["aimet"]))
    else:
        left, found = sample(folder), {}
        while left and time.monotonic() - started < options.minutes * 60:
            now, left = left[:SAMPLE], left[SAMPLE:]
            found.update(prove(folder, now, baseline=False))
    for label, shown in found.items():
        print(label, json.dumps(shown))
    if left:
        print(f"Not proven again for want of time: {', '.join(each.label for each in left)}")
    wrong = list(failures(found))
    print("\n".join(wrong) or f"{len(found)} models proven.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
