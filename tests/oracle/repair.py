"""Copies of the libraries' sources, repaired as users repair theirs.

    python tests/oracle/repair.py FOLDER [--kind KIND]

Writes the repaired `torchvision` and `timm` below FOLDER. Runs in the oracle's environment. The kinds:
    safe     what `fix` does.
    aimet    what `fix --aimet-modules always` does.
    unsafe   that, and the unsafe repairs of functionals, operations and reuse too.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from pathlib import Path

import checkout
from compare import project_of, site_packages

checkout.use()

from aimet_guidelines.config import Config  # noqa: E402
from aimet_guidelines.engine import Project, check, fix_all  # noqa: E402
from aimet_guidelines.finding import Finding, Repair, Safety  # noqa: E402
from aimet_guidelines.rewriting import apply_edits  # noqa: E402

KINDS = ("safe", "aimet", "unsafe")
# `fix` leaves these to those who select them by name; `--aimet-modules always` selects AIMET301.
_BY_NAME = frozenset({"AIMET301", "AIMET304"})
_UNSAFE_TOO = frozenset({"AIMET101", "AIMET102", "AIMET301"})


def allowed(finding: Finding, repair: Repair, kind: str) -> bool:
    """Whether this kind of run applies a repair."""
    if finding.code in _BY_NAME and (kind == "safe" or finding.code != "AIMET301"):
        return False
    return repair.safety is Safety.SAFE or (kind == "unsafe" and finding.code in _UNSAFE_TOO)


def repaired(library: str, folder: Path, kind: str) -> Counter[str]:
    """Copy a library below `folder` and repair it there; how many repairs of each rule were applied."""
    source = site_packages()
    shutil.copytree(source / library, folder / library, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
    for extra in source.glob(f"{library}.libs"):
        shutil.copytree(extra, folder / extra.name, symlinks=True)
    aimet = kind != "safe"
    config = Config(aimet_available=aimet, aimet_modules="always" if aimet else "never", aimet_version="2.x")
    project = _moved(project_of(library, source), source, folder)
    applied: Counter[str] = Counter()
    for path in sorted(project.paths):
        if not any(repair for finding in check(path, project, config).findings for repair in finding.repairs):
            continue
        fixed = fix_all(path, project, config, lambda finding, repair: allowed(finding, repair, kind))
        applied.update(finding.code for finding, _ in fixed.applied)
        texts = {each: apply_edits(project.text(each), edits) for each, edits in fixed.edits.items() if edits}
        for each, text in texts.items():
            compile(text, each, "exec")
            Path(each).write_text(text, encoding="utf-8", newline="")
        if texts:
            project = project.updated(dict(texts))
    return applied


def _moved(project: Project, source: Path, folder: Path) -> Project:
    texts = {path.replace(source.as_posix(), folder.as_posix(), 1): project.text(path) for path in project.paths}
    return Project.empty(folder.as_posix()).updated(dict(texts))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", choices=KINDS, default="safe")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    counts: dict[str, dict[str, int]] = {}
    for library in ("torchvision", "timm"):
        counts[library] = dict(sorted(repaired(library, folder, options.kind).items()))
        print(f"{library}: " + ", ".join(f"{count} {code}" for code, count in counts[library].items()))
    (folder / "repairs.json").write_text(json.dumps(counts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
