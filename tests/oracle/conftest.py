"""Collects these tests only where torch is installed, and makes the package importable there without installing it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["test_*.py"]

if importlib.util.find_spec("torch"):
    sys.path.insert(0, str(ROOT / "scripts"))
    if importlib.util.find_spec("aimet_guidelines") is None:
        # The folder server/ is the package; see pyproject.toml.
        package = importlib.util.spec_from_file_location(
            "aimet_guidelines", ROOT / "server" / "__init__.py", submodule_search_locations=[str(ROOT / "server")]
        )
        assert package is not None and package.loader is not None
        module = importlib.util.module_from_spec(package)
        sys.modules["aimet_guidelines"] = module
        package.loader.exec_module(module)
