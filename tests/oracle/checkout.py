"""Makes this checkout's `server/` importable as `aimet_guidelines` in an environment it is not installed in."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def use() -> None:
    """Import the package from `server/`. Does nothing where it is imported already."""
    if "aimet_guidelines" in sys.modules:
        return
    folder = ROOT / "server"
    spec = importlib.util.spec_from_file_location(
        "aimet_guidelines", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["aimet_guidelines"] = module
    spec.loader.exec_module(module)
