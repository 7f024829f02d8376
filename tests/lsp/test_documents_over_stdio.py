"""Opening, typing, closing: what the server publishes for open documents."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types as lsp

from .editor import Editor

NET = "import torch\n\nclass Net:\n    x = relu(1)\n"


async def test_opening_a_file_shows_its_findings(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", NET)
    await editor.shows(uri, "3:8 AIMET101")
    published = editor.of(uri)[-1]
    diagnostic = published.diagnostics[0]
    assert published.version == 1
    assert diagnostic.source == "AIMET"
    assert diagnostic.severity == lsp.DiagnosticSeverity.Warning
    assert diagnostic.message == "relu is a functional"
    assert diagnostic.range.end == lsp.Position(3, 12)
    assert diagnostic.code_description is not None
    assert diagnostic.code_description.href.startswith("https://quic.github.io/aimet-pages/")
    assert not diagnostic.tags


async def test_a_file_without_findings_is_answered_too(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", "x = 1\n")
    await editor.shows(uri)


async def test_typing_moves_and_clears_findings(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", NET)
    version = editor.type(uri, 0, 0, "\n\n")
    await editor.shows(uri, "5:8 AIMET101")
    assert editor.of(uri)[-1].version == version
    editor.type(uri, 5, 8, "", end=(5, 13))
    await editor.shows(uri)


async def test_a_burst_of_keystrokes_is_answered_once(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", "# SLOW\n" + NET)
    await editor.until(lambda: editor.of(uri))
    for _ in range(20):
        last = editor.type(uri, 1, 0, "\n")
    await editor.until(lambda: editor.of(uri)[-1].version == last)
    await editor.shows(uri, "24:8 AIMET101")
    assert len(editor.of(uri)) <= 4, "each of 20 keystrokes was answered on its own"


async def test_results_of_an_old_version_are_dropped(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", NET)
    await editor.shows(uri, "3:8 AIMET101")
    for _ in range(50):
        last = editor.type(uri, 0, 0, "\n")
    await editor.until(lambda: editor.of(uri)[-1].version == last)
    versions = [each.version for each in editor.of(uri)]
    assert versions == sorted(versions)
    await editor.shows(uri, "53:8 AIMET101")


async def test_columns_are_utf_16(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", 'x = "é😀"; relu(1)\n')
    await editor.shows(uri, "0:11 AIMET101")
    editor.type(uri, 0, 5, "😀😀")
    await editor.shows(uri, "0:15 AIMET101")
    action = next(each for each in await editor.actions(uri, 0, 16) if each.is_preferred)
    edit = (await editor.resolve(action)).edit
    assert edit is not None and edit.document_changes
    change = edit.document_changes[0]
    assert isinstance(change, lsp.TextDocumentEdit)
    assert change.edits[0].range == lsp.Range(lsp.Position(0, 15), lsp.Position(0, 19))


async def test_form_feeds_and_unicode_separators_end_no_line(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", "a = 1\x0c\n# \u2028 here\r\nb = 2\r\nc = relu(1)\n")
    await editor.shows(uri, "3:4 AIMET101")
    editor.type(uri, 2, 0, "z = relu(1)\r\n")
    await editor.shows(uri, "2:4 AIMET101", "4:4 AIMET101")


async def test_closing_shows_what_is_on_disk(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("relu(1)\nrelu(2)\n")
    await editor.start(tmp_path)
    uri = editor.open(path, "x = 1\n")
    await editor.shows(uri)
    editor.close(uri)
    await editor.shows(uri, "0:0 AIMET101", "1:0 AIMET101")
    assert editor.of(uri)[-1].version is None


async def test_closing_a_file_that_was_never_saved_clears_it(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "net.py", NET)
    await editor.shows(uri, "3:8 AIMET101")
    editor.close(uri)
    await editor.shows(uri)


async def test_an_untitled_document_is_checked_alone(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    uri = editor.open("untitled:Untitled-1", NET)
    await editor.shows(uri, "3:8 AIMET101")
    editor.close(uri)
    await editor.shows(uri)


async def test_other_schemes_and_languages_are_passed_over(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    git = editor.open("git:/net.py?ref", NET)
    text = editor.open((tmp_path / "net.txt").as_uri(), NET, language="plaintext")
    ours = editor.open(tmp_path / "net.py", NET)
    await editor.shows(ours, "3:8 AIMET101")
    assert not editor.of(git) and not editor.of(text)


async def test_malformed_uris_and_messages_are_passed_over(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    for uri in ("", "file://[", "file:relative.py", "%%%", "file:///a\x00b.py"):
        editor.open(uri, NET)
        editor.type(uri, 0, 0, "x")
        editor.close(uri)
    editor.client.protocol.notify("textDocument/didOpen", {"nonsense": True})
    editor.client.protocol.notify("no/such/thing", {"x": 1})
    uri = editor.open(tmp_path / "net.py", NET)
    await editor.shows(uri, "3:8 AIMET101")


async def test_a_file_outside_every_folder_is_not_reported(editor: Editor, tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir(), outside.mkdir()
    await editor.start(inside)
    strange = editor.open(outside / "net.py", NET)
    library = editor.open(inside / "lib" / "site-packages" / "net.py", NET)
    ours = editor.open(inside / "net.py", NET)
    await editor.shows(ours, "3:8 AIMET101")
    assert not editor.now(strange) and not editor.now(library)


async def test_without_folders_a_single_file_is_checked(editor: Editor, tmp_path: Path) -> None:
    await editor.start()
    uri = editor.open(tmp_path / "net.py", NET)
    await editor.shows(uri, "3:8 AIMET101")


async def test_a_crash_costs_one_file_only(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    bad = editor.open(tmp_path / "bad.py", NET + "# CRASH\n")
    good = editor.open(tmp_path / "good.py", NET)
    await editor.shows(good, "3:8 AIMET101")
    editor.type(bad, 4, 0, "", end=(4, 7))
    await editor.shows(bad, "3:8 AIMET101")


async def test_shutdown_and_exit(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    editor.open(tmp_path / "net.py", NET)
    assert await editor.stop() == 0


async def test_the_server_ends_with_its_client(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    editor.process.stdin.close()
    assert await editor.process.wait() == 1
