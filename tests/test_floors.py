"""The house's order: a file imports only from lower floors, and each heavy library stays in its own room."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
SERVER = ROOT / "server"

# From the lowest floor up. Names on one floor may use each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("__init__", "positions", "finding", "lexing", "sharing"),
    ("config", "requirements", "knowledge", "reading", "notebooks", "sources", "discovery"),
    ("rewriting",),
    ("rules",),
    ("layers", "settings", "suppression", "judging", "placing", "changes"),
    ("engine",),
    ("jobs", "reporters", "lsp", "verify", "cache"),
    ("runs",),
    ("cli",),
    ("__main__",),
)
HEIGHT = {name: height for height, names in enumerate(FLOORS) for name in names}
# Same height, but one room does not open into another: shown and served results know nothing of each other.
SEPARATE = ("reporters", "lsp", "verify")
ROOMS = {"libcst": "rewriting", "pygls": "lsp", "lsprotocol": "lsp"}
TORCH = ("torch", "torchvision", "aimet_torch", "numpy", "onnx")

FILES = sorted(SERVER.rglob("*.py"))


def room(path: Path) -> str:
    """The top-level module or subpackage that a file of the package belongs to."""
    return path.relative_to(SERVER).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Each import as (line, dotted name from the package's root or absolute, whether it is ours).

    Imports for type checkers alone count too, but for those of a rule's `Config` and `Unit`, which lie lower anyway.
    """
    package = ["aimet_guidelines", *path.relative_to(SERVER).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, alias.name.split(".")[0] == "aimet_guidelines"
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            for alias in node.names:
                parts = [*base, *(node.module.split(".") if node.module else [alias.name])]
                yield node.lineno, ".".join(parts[1:]) or "__init__", True
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or "", (node.module or "").split(".")[0] == "aimet_guidelines"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SERVER).as_posix())
def test_imports_point_downwards(path: Path) -> None:
    own = room(path)
    assert own in HEIGHT, f"{own} has no floor: give it one in FLOORS"
    for line, name, ours in imports(path):
        if not ours:
            continue
        assert not name.startswith("aimet_guidelines"), f"line {line}: imports inside the package are relative"
        target = name.split(".")[0]
        target = "__init__" if target in ("__version__",) else target
        assert target in HEIGHT, f"line {line}: {target} has no floor"
        assert HEIGHT[target] <= HEIGHT[own], f"line {line}: {own} imports {name}, which lies above it"
        assert not (own in SEPARATE and target in SEPARATE and own != target), f"line {line}: {own} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SERVER).as_posix())
def test_heavy_libraries_stay_in_their_rooms(path: Path) -> None:
    for line, name, _ in imports(path):
        top = name.split(".")[0]
        if top in ROOMS:
            assert room(path) == ROOMS[top], f"line {line}: {top} belongs in {ROOMS[top]}/"
        if top in TORCH:
            runner = room(path) == "verify" and "runner" in path.stem
            assert runner, f"line {line}: {top} is imported only by verify's runner, in the user's interpreter"


def test_the_list_of_subpackages_is_complete() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(SERVER) for path in SERVER.rglob("__init__.py")}
    assert sorted(listed) == sorted(".".join(("aimet_guidelines", *folder.parts)) for folder in folders)


def test_every_folder_with_code_is_a_package() -> None:
    assert {path.parent for path in FILES} == {path.parent for path in SERVER.rglob("__init__.py")}
