"""The workspace: scan, progress, files that change on disk, folders, settings, notebooks, status."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest
from lsprotocol import types as lsp

from .editor import Editor, capabilities

CREATED, CHANGED, DELETED = lsp.FileChangeType.Created, lsp.FileChangeType.Changed, lsp.FileChangeType.Deleted


def write(path: Path, text: str) -> str:
    """Write a file; its URI."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path.as_uri()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
async def test_a_name_that_is_no_unicode_costs_no_other_file(editor: Editor, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.py")).write_text("relu(1)\n")
    uri = write(tmp_path / "net.py", "relu(1)\n")
    await editor.start(tmp_path)
    await editor.shows(uri, "0:0 AIMET101")
    await editor.shows(f"{tmp_path.as_uri()}/bad%FF.py", "0:0 AIMET101")


async def test_files_that_were_never_opened_are_shown(editor: Editor, tmp_path: Path) -> None:
    uris = [write(tmp_path / f"pkg/net{number}.py", "relu(1)\n") for number in range(30)]
    ignored = write(tmp_path / "build/net.py", "relu(1)\n")
    environment = write(tmp_path / "env/lib/net.py", "relu(1)\n")
    write(tmp_path / "env/pyvenv.cfg", "")
    hidden = write(tmp_path / "generated/net.py", "relu(1)\n")
    write(tmp_path / ".gitignore", "build/\n")
    (tmp_path / ".git").mkdir()
    editor.files_exclude = {"**/generated": True, "pkg": False}
    await editor.start(tmp_path)
    for uri in uris:
        await editor.shows(uri, "0:0 AIMET101")
        assert editor.of(uri)[0].version is None
    await editor.scanned()
    assert not editor.of(ignored) and not editor.of(environment) and not editor.of(hidden)
    assert editor.statuses[-1]["findings"] == 30
    assert editor.statuses[-1]["warnings"] == 30
    assert editor.statuses[-1]["files"] == 30


async def test_the_scan_shows_progress(editor: Editor, tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path / f"net{number}.py", "relu(1)\n")
    await editor.start(tmp_path)
    await editor.scanned()
    await editor.until(lambda: editor.progress and editor.progress[-1]["kind"] == "end")
    assert editor.progress[0]["kind"] == "begin" and editor.progress[0]["cancellable"]


async def test_when_the_scan_s_process_fails_the_server_does_its_work(editor: Editor, tmp_path: Path) -> None:
    uris = [write(tmp_path / f"net{number:02}.py", "relu(1)\n") for number in range(40)]
    write(tmp_path / "net20_bad.py", "relu(1)  # CRASH\n")
    await editor.start(tmp_path)
    await editor.shows(uris[-1], "0:0 AIMET101")
    for uri in uris:
        await editor.shows(uri, "0:0 AIMET101")


async def test_a_keystroke_does_not_wait_for_the_scan(editor: Editor, tmp_path: Path) -> None:
    for number in range(8):
        write(tmp_path / f"net{number}.py", "relu(1)  # SLOW\n")
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "open.py", "relu(1)\n")
    await editor.shows(uri, "0:0 AIMET101")
    began = time.monotonic()
    editor.type(uri, 0, 0, "\n")
    await editor.shows(uri, "1:0 AIMET101")
    assert time.monotonic() - began < 2, "the answer came after the whole scan"
    assert not editor.statuses or editor.statuses[-1]["scanning"]


async def test_a_client_without_progress_is_scanned_too(editor: Editor, tmp_path: Path) -> None:
    uri = write(tmp_path / "net.py", "relu(1)\n")
    await editor.start(tmp_path, client=capabilities(progress=False))
    await editor.shows(uri, "0:0 AIMET101")
    assert not editor.progress


async def test_open_files_only(editor: Editor, tmp_path: Path) -> None:
    closed = write(tmp_path / "closed.py", "relu(1)\n")
    editor.settings[None] = {"diagnosticMode": "openFilesOnly"}
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", "relu(1)\n")
    await editor.shows(uri, "0:0 AIMET101")
    await editor.scanned()
    assert not editor.of(closed)
    assert "Only open files are reported" in editor.statuses[-1]["notes"]
    editor.settings[None] = {}
    editor.client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(None))
    await editor.shows(closed, "0:0 AIMET101")
    editor.settings[None] = {"diagnosticMode": "openFilesOnly"}
    editor.client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(None))
    await editor.shows(closed)
    assert editor.now(uri) == ["0:0 AIMET101"]


async def test_files_changed_outside_the_editor(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    uri = write(path, "relu(1)\n")
    await editor.start(tmp_path)
    await editor.shows(uri, "0:0 AIMET101")
    write(path, "\nrelu(1)\n")
    editor.on_disk((path, CHANGED))
    await editor.shows(uri, "1:0 AIMET101")
    fresh = write(tmp_path / "new" / "net.py", "relu(1)\n")
    editor.on_disk((tmp_path / "new" / "net.py", CREATED))
    await editor.shows(fresh, "0:0 AIMET101")
    path.unlink()
    editor.on_disk((path, DELETED))
    await editor.shows(uri)


async def test_a_deleted_folder_takes_its_findings_along(editor: Editor, tmp_path: Path) -> None:
    uri = write(tmp_path / "pkg" / "net.py", "relu(1)\n")
    await editor.start(tmp_path)
    await editor.shows(uri, "0:0 AIMET101")
    (tmp_path / "pkg" / "net.py").unlink()
    (tmp_path / "pkg").rmdir()
    editor.on_disk((tmp_path / "pkg", DELETED))
    await editor.shows(uri)


async def test_the_buffer_of_an_open_file_wins_over_the_disk(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    write(path, "relu(1)\n")
    await editor.start(tmp_path)
    uri = editor.open(path, "\n\nrelu(1)\n")
    await editor.shows(uri, "2:0 AIMET101")
    write(path, "x = 1\n")
    editor.on_disk((path, CHANGED))
    await editor.quiet()
    assert editor.now(uri) == ["2:0 AIMET101"]


async def test_changes_in_places_that_are_not_scanned_are_passed_over(editor: Editor, tmp_path: Path) -> None:
    write(tmp_path / ".gitignore", "build/\n")
    write(tmp_path / "pkg" / ".gitignore", "*_pb2.py\n")
    await editor.start(tmp_path)
    await editor.scanned()
    places = ("pkg/net_pb2.py", "build/net.py", "site-packages/net.py", ".hidden/net.py", "env/lib/net.py")
    uris = [write(tmp_path / place, "relu(1)\n") for place in places]
    write(tmp_path / "env/pyvenv.cfg", "")
    editor.on_disk(*((tmp_path / place, CREATED) for place in places))
    await editor.quiet()
    assert [place for place, uri in zip(places, uris, strict=True) if editor.now(uri)] == []


async def test_watchers_are_registered(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    await editor.until(lambda: editor.watchers)
    watched = next(each for each in editor.watchers if each.method == "workspace/didChangeWatchedFiles")
    options = json.loads(json.dumps(watched.register_options, default=lambda each: each.__dict__))
    globs = {watcher.get("globPattern") or watcher.get("glob_pattern") for watcher in options["watchers"]}
    assert {"**/*.py", "**/*.ipynb", "**/pyproject.toml", "**/.gitignore"} <= globs


async def test_a_change_is_seen_in_the_files_that_depend_on_it(editor: Editor, tmp_path: Path) -> None:
    write(tmp_path / "base.py", "class Base: ...\n")
    user = write(tmp_path / "user.py", "from base import Base\nrelu(1)\n")
    await editor.start(tmp_path)
    await editor.shows(user, "1:0 AIMET101")
    base = editor.open(tmp_path / "base.py", "class Base: ...\n")
    await editor.shows(base)
    editor.type(base, 0, 12, "x = 1", end=(0, 15))

    def message() -> str:
        related = editor.of(user)[-1].diagnostics[0].related_information
        return related[0].message if related else ""

    await editor.until(lambda: message() == "class Base: x = 1")
    related = editor.of(user)[-1].diagnostics[0].related_information
    assert related is not None and related[0].location.uri == base


async def test_what_nobody_sees_is_not_checked(editor: Editor, tmp_path: Path) -> None:
    write(tmp_path / "base.py", "class Base: ...\n")
    write(tmp_path / "user.py", "from base import Base\nrelu(1)\n")
    editor.settings[None] = {"diagnosticMode": "openFilesOnly"}
    await editor.start(tmp_path)
    base = editor.open(tmp_path / "base.py", "class Base: ...\n")
    await editor.shows(base)
    await editor.scanned()
    editor.type(base, 0, 0, "relu(1)\n")
    await editor.shows(base, "0:0 AIMET101")
    await editor.quiet()
    assert editor.statuses[-1]["findings"] == 1
    assert editor.statuses[-1]["files"] == 1


@pytest.mark.parametrize("inner_first", [False, True])
async def test_a_folder_inside_another_has_its_files_alone(editor: Editor, tmp_path: Path, inner_first: bool) -> None:
    inner = tmp_path / "inner"
    uris = [write(inner / f"net{number:02}.py", "relu(1)\nplain(1)\n") for number in range(30)]
    own = write(tmp_path / "net.py", "relu(1)\nplain(1)\n")
    editor.settings[inner.as_uri()] = {"ignore": ["AIMET101"]}
    await editor.start(*((inner, tmp_path) if inner_first else (tmp_path, inner)))
    await editor.shows(own, "0:0 AIMET101", "1:0 AIMET204")
    await editor.scanned()
    for uri in uris:
        assert [len(each.diagnostics) for each in editor.of(uri)] == [1]
    assert editor.statuses[-1]["files"] == 31


async def test_two_folders_have_their_own_settings(editor: Editor, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    first, second = write(one / "net.py", "relu(1)\nplain(1)\n"), write(two / "net.py", "relu(1)\nplain(1)\n")
    editor.settings[two.as_uri()] = {"ignore": ["AIMET001"], "severity": {}, "select": ["AIMET001"]}
    await editor.start(one, two)
    await editor.shows(first, "0:0 AIMET101", "1:0 AIMET204")
    await editor.scanned()
    assert not editor.now(second)


async def test_folders_come_and_go(editor: Editor, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    first, second = write(one / "net.py", "relu(1)\n"), write(two / "net.py", "relu(1)\n")
    await editor.start(one)
    await editor.shows(first, "0:0 AIMET101")
    event = lsp.WorkspaceFoldersChangeEvent(
        added=[lsp.WorkspaceFolder(two.as_uri(), "two")], removed=[lsp.WorkspaceFolder(one.as_uri(), "one")]
    )
    editor.client.workspace_did_change_workspace_folders(lsp.DidChangeWorkspaceFoldersParams(event))
    await editor.shows(second, "0:0 AIMET101")
    await editor.shows(first)


async def test_settings_are_pulled_and_mistakes_named_once(editor: Editor, tmp_path: Path) -> None:
    editor.settings[None] = {"run": "sometimes", "codeLens": "yes", "fixAll": 3}
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", "relu(1)\n")
    await editor.shows(uri, "0:0 AIMET101")
    for name in ("run", "codeLens", "fixAll"):
        assert len([message for message in editor.shown if f"aimetGuidelines.{name}" in message]) == 1


async def test_settings_that_are_no_object_do_no_harm(editor: Editor, tmp_path: Path) -> None:
    editor.settings[None] = ["nonsense"]
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", "relu(1)\n")
    await editor.shows(uri, "0:0 AIMET101")


async def test_an_editor_that_answers_without_settings_is_answered(editor: Editor, tmp_path: Path) -> None:
    editor.settings_answer = False
    closed = write(tmp_path / "closed.py", "relu(1)\n")
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", "relu(1)\n")
    await editor.shows(uri, "0:0 AIMET101")
    await editor.shows(closed, "0:0 AIMET101")


async def test_run_on_save(editor: Editor, tmp_path: Path) -> None:
    editor.settings[None] = {"run": "onSave"}
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", "relu(1)\n")
    await editor.shows(uri, "0:0 AIMET101")
    editor.type(uri, 0, 0, "\n")
    await editor.quiet()
    assert editor.now(uri) == ["0:0 AIMET101"]
    editor.client.text_document_did_save(lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(uri)))
    await editor.shows(uri, "1:0 AIMET101")


async def test_what_is_asked_while_typing_does_not_stand_for_the_save(editor: Editor, tmp_path: Path) -> None:
    editor.settings[None] = {"run": "onSave"}
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", "relu(1)\n")
    await editor.shows(uri, "0:0 AIMET101")
    editor.type(uri, 0, 0, "\n")
    assert len(await editor.actions(uri, 1, 0)) > 1  # as for a light bulb
    await editor.quiet()
    assert editor.now(uri) == ["0:0 AIMET101"]
    editor.client.text_document_did_save(lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(uri)))
    await editor.shows(uri, "1:0 AIMET101")


async def test_what_is_typed_while_settings_come_is_answered_by_them(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", "relu(1)\n")
    await editor.shows(uri, "0:0 AIMET101")
    editor.settings[None] = {"run": "onSave"}
    editor.client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(None))
    editor.type(uri, 0, 0, "\n")  # the server has not asked for its settings yet
    await editor.quiet()
    assert editor.now(uri) == ["0:0 AIMET101"]
    editor.settings[None] = {"run": "onType"}
    editor.client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(None))
    await editor.shows(uri, "1:0 AIMET101")


async def test_a_new_folder_brings_its_files(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    net = write(tmp_path / "new" / "deep" / "net.py", "relu(1)\n")
    hidden = write(tmp_path / "new" / ".hidden" / "net.py", "relu(1)\n")
    ignored = write(tmp_path / "new" / "out" / "net.py", "relu(1)\n")
    write(tmp_path / "new" / ".gitignore", "out/\n")
    (tmp_path / ".git").mkdir()
    editor.on_disk((tmp_path / "new", CREATED), (tmp_path / "new" / "notes.txt", CREATED))
    await editor.shows(net, "0:0 AIMET101")
    await editor.quiet()
    assert not editor.of(hidden) and not editor.of(ignored)


async def test_hundreds_of_files_come_and_go_while_a_person_types(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "open.py", "relu(1)\n")
    await editor.shows(uri, "0:0 AIMET101")
    paths = [tmp_path / f"part{number % 7}" / f"net{number}.py" for number in range(200)]
    uris = [write(path, "relu(1)\n") for path in paths]
    write(tmp_path / "open.py", "plain(1)\n")
    editor.on_disk(*((path, CREATED) for path in paths), (tmp_path / "open.py", CHANGED))
    version = editor.type(uri, 0, 0, "\n")
    await editor.until(lambda: editor.of(uri)[-1].version == version)
    for each in uris:
        await editor.shows(each, "0:0 AIMET101")
    assert editor.now(uri) == ["1:0 AIMET101"]
    for path in paths:
        path.unlink()
    editor.on_disk(*((path, DELETED) for path in paths))
    for each in uris:
        await editor.shows(each)


async def test_mistakes_in_pyproject_are_shown_on_their_line(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    write(path, '[tool.aimet-guidelines]\nfix-all = false\nselekt = ["AIMET"]\n')
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", "relu(1)\n")
    await editor.shows(uri, "0:0 AIMET101")
    [mistake] = (await editor.until(lambda: editor.of(path.as_uri())))[-1].diagnostics
    assert mistake.range.start.line == 2 and mistake.source == "AIMET"
    assert "select" in mistake.message
    write(path, "[tool.aimet-guidelines]\nfix-all = false\n")
    editor.on_disk((path, CHANGED))
    await editor.shows(path.as_uri())


async def test_a_changed_pyproject_changes_the_findings(editor: Editor, tmp_path: Path) -> None:
    closed = write(tmp_path / "closed.py", "relu(1)\n")
    excluded = write(tmp_path / "old" / "net.py", "relu(1)\n")
    await editor.start(tmp_path)
    await editor.shows(closed, "0:0 AIMET101")
    await editor.shows(excluded, "0:0 AIMET101")
    write(tmp_path / "pyproject.toml", '[tool.aimet-guidelines]\nexclude = ["old"]\n')
    editor.on_disk((tmp_path / "pyproject.toml", CREATED))
    await editor.shows(excluded)
    assert editor.now(closed) == ["0:0 AIMET101"]


def cell(name: str, text: str) -> lsp.TextDocumentItem:
    return lsp.TextDocumentItem(f"vscode-notebook-cell:/nb.ipynb#{name}", "python", 1, text)


async def test_on_save_the_first_cell_answers_for_the_notebook(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    items = [cell("a", "relu(1)\n"), cell("b", "relu(2)\n")]
    cells = [lsp.NotebookCell(lsp.NotebookCellKind.Code, item.uri) for item in items]
    notebook = lsp.NotebookDocument((tmp_path / "nb.ipynb").as_uri(), "jupyter-notebook", 1, cells)
    editor.client.notebook_document_did_open(lsp.DidOpenNotebookDocumentParams(notebook, items))
    await editor.shows(items[1].uri, "0:0 AIMET101")
    # VS Code does not say that it asks on its own, as it does for text files.
    [action] = await editor.actions(items[0].uri, only=["source.fixAll.aimet"])
    assert await editor.actions(items[1].uri, only=["source.fixAll.aimet"]) == []
    resolved = await editor.resolve(action)
    assert resolved.edit is not None and resolved.edit.document_changes is not None
    changed = [change for change in resolved.edit.document_changes if isinstance(change, lsp.TextDocumentEdit)]
    assert [change.text_document.uri for change in changed] == [item.uri for item in items]


async def test_a_notebook_is_checked_when_it_is_saved_where_that_is_set(editor: Editor, tmp_path: Path) -> None:
    editor.settings[None] = {"run": "onSave"}
    result = await editor.start(tmp_path)
    sync = result.capabilities.notebook_document_sync
    assert isinstance(sync, lsp.NotebookDocumentSyncOptions) and sync.save
    item = cell("a", "relu(1)\n")
    uri = (tmp_path / "nb.ipynb").as_uri()
    notebook = lsp.NotebookDocument(uri, "jupyter-notebook", 1, [lsp.NotebookCell(lsp.NotebookCellKind.Code, item.uri)])
    editor.client.notebook_document_did_open(lsp.DidOpenNotebookDocumentParams(notebook, [item]))
    await editor.shows(item.uri, "0:0 AIMET101")
    content = lsp.NotebookDocumentCellContentChanges(
        lsp.VersionedTextDocumentIdentifier(2, item.uri), [lsp.TextDocumentContentChangeWholeDocument("\nrelu(1)\n")]
    )
    changes = lsp.NotebookDocumentChangeEvent(cells=lsp.NotebookDocumentCellChanges(text_content=[content]))
    version = lsp.VersionedNotebookDocumentIdentifier(2, uri)
    editor.client.notebook_document_did_change(lsp.DidChangeNotebookDocumentParams(version, changes))
    await editor.quiet()
    assert editor.now(item.uri) == ["0:0 AIMET101"]
    editor.client.notebook_document_did_save(lsp.DidSaveNotebookDocumentParams(lsp.NotebookDocumentIdentifier(uri)))
    await editor.shows(item.uri, "1:0 AIMET101")


async def test_a_notebook_is_checked_as_one_module(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    items = [cell("a", "%matplotlib inline\nrelu(1)"), cell("b", "x = 1\n\nplain(1); relu(2)\n")]
    cells = [lsp.NotebookCell(lsp.NotebookCellKind.Code, item.uri) for item in items]
    notebook = lsp.NotebookDocument((tmp_path / "nb.ipynb").as_uri(), "jupyter-notebook", 1, cells)
    editor.client.notebook_document_did_open(lsp.DidOpenNotebookDocumentParams(notebook, items))
    await editor.shows(items[0].uri, "1:0 AIMET101")
    await editor.shows(items[1].uri, "2:0 AIMET204", "2:10 AIMET101")
    action = next(each for each in await editor.actions(items[1].uri, 2, 11) if each.is_preferred)
    edit = (await editor.resolve(action)).edit
    assert edit is not None and edit.document_changes
    change = edit.document_changes[0]
    assert isinstance(change, lsp.TextDocumentEdit)
    assert change.text_document.uri == items[1].uri
    assert change.edits[0].range.start == lsp.Position(2, 10)
    # A cell is put between the two.
    fresh = cell("c", "relu(3)\n")
    structure = lsp.NotebookDocumentCellChangeStructure(
        lsp.NotebookCellArrayChange(1, 0, [lsp.NotebookCell(lsp.NotebookCellKind.Code, fresh.uri)]), [fresh]
    )
    version = lsp.VersionedNotebookDocumentIdentifier(2, notebook.uri)
    changes = lsp.NotebookDocumentChangeEvent(cells=lsp.NotebookDocumentCellChanges(structure=structure))
    editor.client.notebook_document_did_change(lsp.DidChangeNotebookDocumentParams(version, changes))
    await editor.shows(fresh.uri, "0:0 AIMET101")
    # A cell is edited.
    start = lsp.Position(0, 0)
    content = lsp.NotebookDocumentCellContentChanges(
        lsp.VersionedTextDocumentIdentifier(2, items[1].uri),
        [lsp.TextDocumentContentChangePartial(lsp.Range(start, start), "\n")],
    )
    changes = lsp.NotebookDocumentChangeEvent(cells=lsp.NotebookDocumentCellChanges(text_content=[content]))
    version = lsp.VersionedNotebookDocumentIdentifier(3, notebook.uri)
    editor.client.notebook_document_did_change(lsp.DidChangeNotebookDocumentParams(version, changes))
    await editor.shows(items[1].uri, "3:0 AIMET204", "3:10 AIMET101")
    assert editor.now(items[0].uri) == ["1:0 AIMET101"]
    closing = lsp.DidCloseNotebookDocumentParams(
        lsp.NotebookDocumentIdentifier(notebook.uri), [lsp.TextDocumentIdentifier(item.uri) for item in items]
    )
    editor.client.notebook_document_did_close(closing)
    await editor.shows(items[0].uri)
    await editor.shows(items[1].uri)


async def test_the_status_names_what_is_switched_off(editor: Editor, tmp_path: Path) -> None:
    editor.settings[None] = {"ignore": ["AIMET001"]}
    await editor.start(tmp_path)
    await editor.scanned()
    await editor.until(lambda: any("AIMET001" in note for note in editor.statuses[-1]["notes"]))
