"""The whole server, started as an editor starts it, on a real model."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types as lsp

from .editor import Editor

COMMAND = ("-m", "aimet_guidelines", "lsp")
MODEL = """\
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        x = self.conv(x)
        return F.relu(x)
"""
REPAIRED = """\
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.conv(x)
        return self.relu(x)
"""


def apply(text: str, edits: list[lsp.TextEdit]) -> str:
    """`text` with the edits applied, as an editor does it."""
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    for edit in sorted(edits, key=lambda each: (each.range.start.line, each.range.start.character), reverse=True):
        start = starts[edit.range.start.line] + edit.range.start.character
        end = starts[edit.range.end.line] + edit.range.end.character
        text = text[:start] + edit.new_text + text[end:]
    return text


def edits_of(action: lsp.CodeAction) -> list[lsp.TextEdit]:
    """The edits of an action that changes one document."""
    assert action.edit is not None and action.edit.document_changes is not None
    [change] = action.edit.document_changes
    assert isinstance(change, lsp.TextDocumentEdit)
    return [edit for edit in change.edits if isinstance(edit, lsp.TextEdit)]


async def test_a_functional_is_found_and_repaired(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path, command=COMMAND)
    uri = editor.open(tmp_path / "net.py", MODEL)
    await editor.until(lambda: "11:15 AIMET101" in (editor.now(uri) or ()))
    action = next(each for each in await editor.actions(uri, 11, 17, only=["quickfix"]) if each.is_preferred)
    assert apply(MODEL, edits_of(await editor.resolve(action))) == REPAIRED
    [everything] = await editor.actions(uri, 0, 0, only=["source.fixAll.aimet"])
    assert apply(MODEL, edits_of(await editor.resolve(everything))) == REPAIRED


async def test_a_finding_is_explained_where_it_stands(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path, command=COMMAND)
    uri = editor.open(tmp_path / "net.py", MODEL)
    await editor.until(lambda: editor.now(uri))
    text = await editor.hover(uri, 11, 17)
    assert text.startswith("**AIMET101 functional-layer**")
    assert "\n\nQuick fix: Define `self.relu = nn.ReLU()` and call it (safe)\n" in text


async def test_what_is_being_typed_keeps_its_findings(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path, command=COMMAND)
    uri = editor.open(tmp_path / "net.py", MODEL)
    await editor.until(lambda: "11:15 AIMET101" in (editor.now(uri) or ()))
    version = editor.type(uri, 10, 24, "\n        y = (")
    await editor.until(lambda: editor.of(uri)[-1].version == version)
    assert "12:15 AIMET101" in (editor.now(uri) or ())


async def test_the_workspace_is_checked_and_followed(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(MODEL)
    await editor.start(tmp_path, command=COMMAND)
    await editor.until(lambda: "11:15 AIMET101" in (editor.now(path.as_uri()) or ()))
    path.write_text(REPAIRED)
    editor.on_disk((path, lsp.FileChangeType.Changed))
    await editor.shows(path.as_uri())


async def test_a_package_that_comes_changes_what_relative_imports_below_it_mean(editor: Editor, tmp_path: Path) -> None:
    folder = tmp_path / "pkg" / "sub"
    folder.mkdir(parents=True)
    (folder / "base.py").write_text("class Base:\n    pass\n")
    (tmp_path / "pkg" / "base.py").write_text("import torch.nn as nn\n\n\nclass Base(nn.Module):\n    pass\n")
    path = folder / "net.py"
    text = MODEL.replace("import torch.nn as nn\n", "import torch.nn as nn\nfrom ..base import Base\n")
    path.write_text(text.replace("(nn.Module)", "(Base)"))
    await editor.start(tmp_path, command=COMMAND)
    await editor.scanned()
    assert not editor.now(path.as_uri())
    packages = [tmp_path / "pkg" / "__init__.py", folder / "__init__.py"]
    for package in packages:
        package.write_text("")
        editor.on_disk((package, lsp.FileChangeType.Created))
    await editor.until(lambda: "12:15 AIMET101" in (editor.now(path.as_uri()) or ()))
    for package in packages:
        package.unlink()
        editor.on_disk((package, lsp.FileChangeType.Deleted))
    await editor.shows(path.as_uri())


async def test_a_module_that_comes_takes_an_importer_from_another_of_its_name(editor: Editor, tmp_path: Path) -> None:
    leaf = tmp_path / "leaf.py"
    leaf.write_text(
        "from torch import nn\n\n\nclass Leaf(nn.Module):\n    def forward(self, x):\n        return x + x\n"
    )
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "says.py").write_text(
        "from aimet_torch.nn import QuantizationMixin\nfrom leaf import Leaf\n\nQuantizationMixin.ignore(Leaf)\n"
    )
    await editor.start(tmp_path, command=COMMAND)
    await editor.scanned()
    assert not editor.now(leaf.as_uri())
    (folder / "leaf.py").write_text("class Leaf: ...\n")
    editor.on_disk((folder / "leaf.py", lsp.FileChangeType.Created))
    await editor.until(lambda: "3:6 AIMET303" in (editor.now(leaf.as_uri()) or ()))
    (folder / "leaf.py").unlink()
    editor.on_disk((folder / "leaf.py", lsp.FileChangeType.Deleted))
    await editor.shows(leaf.as_uri())


async def test_what_is_called_through_its_module_is_checked_with_its_caller(editor: Editor, tmp_path: Path) -> None:
    part = tmp_path / "part.py"
    part.write_text(
        MODEL.replace("forward(self, x)", "forward(self, x, mask=None)").replace(
            "return F", "return x if mask is None else F"
        )
    )
    text = (
        "import part\nfrom torch import nn\n\n\nclass Whole(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.part = part.Net()\n\n    def forward(self, x):\n"
        "        return self.part(x)\n"
    )
    (tmp_path / "whole.py").write_text(text)
    await editor.start(tmp_path, command=COMMAND)
    await editor.scanned()
    assert not editor.now(part.as_uri())
    uri = editor.open(tmp_path / "whole.py", text)
    editor.type(uri, 10, 26, ", x")
    await editor.until(lambda: [each[-8:] for each in editor.now(part.as_uri()) or ()] == ["AIMET101"])
    editor.type(uri, 0, 0, "", end=(10, 0))  # the import, and all else that names it
    await editor.shows(part.as_uri())


async def test_a_base_class_in_another_file_makes_a_model(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text("import torch.nn as nn\n\n\nclass Base(nn.Module):\n    pass\n")
    text = MODEL.replace("import torch.nn as nn\n", "import torch.nn as nn\nfrom base import Base\n")
    text = text.replace("(nn.Module)", "(Base)")
    await editor.start(tmp_path, command=COMMAND)
    uri = editor.open(tmp_path / "net.py", text)
    await editor.until(lambda: "12:15 AIMET101" in (editor.now(uri) or ()))
    base = editor.open(tmp_path / "base.py", "class Base:\n    pass\n")
    await editor.shows(uri)
    editor.close(base)
    await editor.until(lambda: "12:15 AIMET101" in (editor.now(uri) or ()))
