"""A copy of a library's sources with every repair that fix-all makes.

    python tests/oracle/repair.py FOLDER [--aimet]

Writes the repaired `torchvision` and `timm` below FOLDER. Runs in the oracle's environment.
"""

from __future__ import annotations

import argparse
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

# `fix` leaves these to those who select them by name; `--aimet-modules always` selects AIMET301.
_BY_NAME = frozenset({"AIMET301", "AIMET304"})


def repaired(library: str, folder: Path, aimet: bool) -> Counter[str]:
    """Copy a library below `folder` and repair it there; how many repairs of each rule were applied."""
    source = site_packages()
    shutil.copytree(source / library, folder / library, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
    for extra in source.glob(f"{library}.libs"):
        shutil.copytree(extra, folder / extra.name, symlinks=True)
    config = Config(aimet_available=aimet, aimet_modules="always" if aimet else "never", aimet_version="2.x")
    allowed_by_name = frozenset({"AIMET301"}) if aimet else frozenset()

    def allowed(finding: Finding, repair: Repair) -> bool:
        return repair.safety is Safety.SAFE and (finding.code not in _BY_NAME or finding.code in allowed_by_name)

    project = _moved(project_of(library, source), source, folder)
    applied: Counter[str] = Counter()
    for path in sorted(project.paths):
        if not any(repair for finding in check(path, project, config).findings for repair in finding.repairs):
            continue
        fixed = fix_all(path, project, config, allowed)
        applied.update(finding.code for finding, _ in fixed.applied)
        texts = {each: apply_edits(project.text(each), edits) for each, edits in fixed.edits.items() if edits}
        for each, text in texts.items():
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
    parser.add_argument("--aimet", action="store_true", help="with AIMET's own modules, as `--aimet-modules always`")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for library in ("torchvision", "timm"):
        applied = repaired(library, options.folder.resolve(), options.aimet)
        print(f"{library}: " + ", ".join(f"{count} {code}" for code, count in sorted(applied.items())))
        for path in sorted((options.folder / library).rglob("*.py")):
            compile(path.read_text(encoding="utf-8"), str(path), "exec")
    return 0


if __name__ == "__main__":
    sys.exit(main())
