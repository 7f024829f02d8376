"""Code actions: what is offered, in which order, and the edits that resolving gives."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lsprotocol import types as lsp

from .editor import Editor, capabilities

NET = "class Net:\n    a = relu(1)\n    b = relu(2)\n    c = softmax(3)\n    d = plain(4)\n"


def new_texts(action: lsp.CodeAction) -> list[tuple[str, int | None, list[str]]]:
    """(name of the file, version, new texts) of each document that an action's edit changes."""
    assert action.edit is not None and action.edit.document_changes is not None
    changed = []
    for change in action.edit.document_changes:
        assert isinstance(change, lsp.TextDocumentEdit)
        document = change.text_document
        changed.append((document.uri.rsplit("/", 1)[-1], document.version, [edit.new_text for edit in change.edits]))
    return changed


async def net(editor: Editor, folder: Path, text: str = NET) -> str:
    """Start the server with `text` open."""
    await editor.start(folder)
    uri = editor.open(folder / "net.py", text)
    await editor.until(lambda: editor.of(uri))
    return uri


async def test_a_safe_repair_comes_first_and_is_preferred(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    actions = await editor.actions(uri, 1, 9)
    assert [action.title for action in actions] == [
        "Use a module for relu (safe)",
        "Fix all AIMET101 in this file (2 safe)",
        "Fix all safe AIMET findings in class Net (2)",
        "Fix all safe AIMET findings in this file (2)",
        "Ignore AIMET101 on this line",
        "Ignore AIMET101 in this file",
        "Fix all safe AIMET findings",
    ]
    assert [action.is_preferred for action in actions] == [True, *[None] * 6]
    assert {action.kind for action in actions[:-1]} == {"quickfix"}
    assert actions[-1].kind == "source.fixAll.aimet"
    assert actions[0].diagnostics is not None
    assert [(d.code, d.range.start) for d in actions[0].diagnostics] == [("AIMET101", lsp.Position(1, 8))]
    assert actions[0].data == {"uri": uri, "choice": "repair:0", "key": "relu:1"}
    assert all(action.edit is None for action in actions)


async def test_resolving_gives_the_edit_for_the_open_version(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    action = await editor.resolve((await editor.actions(uri, 2, 8))[0])
    assert new_texts(action) == [("net.py", 1, ["self.relu"])]
    assert action.edit is not None and action.edit.change_annotations is None


async def test_an_unsafe_repair_says_so_and_is_not_preferred(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    action = (await editor.actions(uri, 3, 8))[0]
    assert action.title == "Use a module for softmax (unsafe)"
    assert not action.is_preferred
    assert new_texts(await editor.resolve(action)) == [("net.py", 1, ["self.softmax"])]


async def test_a_repair_that_changes_how_a_module_is_called_is_previewed(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path, "a = called(1)\n")
    action = await editor.resolve((await editor.actions(uri, 0, 5))[0])
    assert action.edit is not None and action.edit.change_annotations is not None
    [annotation] = action.edit.change_annotations.values()
    assert annotation == lsp.ChangeAnnotation("Use a module for called", needs_confirmation=True)
    assert new_texts(action) == [("net.py", 1, ["self.called"])]


async def test_unsafe_repairs_can_be_hidden(editor: Editor, tmp_path: Path) -> None:
    editor.settings[None] = {"showUnsafeFixes": False}
    uri = await net(editor, tmp_path)
    titles = [action.title for action in await editor.actions(uri, 3, 8)]
    assert not any("softmax" in title for title in titles)
    assert "Ignore AIMET102 on this line" in titles


async def test_without_a_repair_only_ignoring_is_offered(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    titles = [action.title for action in await editor.actions(uri, 4, 8, only=["quickfix"])]
    assert titles == [
        "Fix all safe AIMET findings in class Net (2)",
        "Fix all safe AIMET findings in this file (2)",
        "Ignore AIMET204 on this line",
        "Ignore AIMET204 in this file",
    ]


async def test_nothing_is_offered_beside_a_finding(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    assert await editor.actions(uri, 0, 0, only=["quickfix"]) == []


async def test_only_is_respected(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    assert await editor.actions(uri, 1, 9, only=["refactor"]) == []
    assert [each.kind for each in await editor.actions(uri, 0, 0, only=["source"])] == ["source.fixAll.aimet"]
    assert [each.kind for each in await editor.actions(uri, 0, 0, only=["source.fixAll.ruff"])] == []
    assert {each.kind for each in await editor.actions(uri, 1, 9, only=["quickfix"])} == {"quickfix"}


async def test_fix_all_applies_the_safe_repairs(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    [action] = await editor.actions(uri, 0, 0, only=["source.fixAll.aimet"], automatic=True)
    assert new_texts(await editor.resolve(action)) == [("net.py", 1, ["self.relu", "self.relu"])]


async def test_a_generic_fix_all_on_save_needs_the_setting(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    assert await editor.actions(uri, 0, 0, only=["source.fixAll"], automatic=True) == []
    assert len(await editor.actions(uri, 0, 0, only=["source.fixAll"])) == 1
    editor.settings[None] = {"fixAll": True}
    editor.client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(None))
    await editor.until(lambda: editor.configuration_asked == 2)
    await editor.quiet()
    assert len(await editor.actions(uri, 0, 0, only=["source.fixAll"], automatic=True)) == 1


async def test_fix_all_in_a_class_leaves_the_others(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path, NET + "\nclass Other:\n    e = relu(5)\n    f = relu(6)\n")
    titles = [action.title for action in await editor.actions(uri, 7, 8)]
    assert "Fix all safe AIMET findings in class Other (2)" in titles


async def test_an_edit_for_an_old_version_is_made_for_the_new_one(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    action = (await editor.actions(uri, 1, 9))[0]
    version = editor.type(uri, 0, 0, "# a new line\n")
    resolved = await editor.resolve(action)
    assert new_texts(resolved) == [("net.py", version, ["self.relu"])]
    assert resolved.edit is not None and resolved.edit.document_changes is not None
    change = resolved.edit.document_changes[0]
    assert isinstance(change, lsp.TextDocumentEdit)
    assert change.edits[0].range.start == lsp.Position(2, 8)


async def test_an_edit_for_a_finding_that_is_gone_is_refused(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path, "c = softmax(3)\n")
    action = (await editor.actions(uri, 0, 5))[0]
    editor.type(uri, 0, 4, "x", end=(0, 14))
    assert (await editor.resolve(action)).edit is None
    await editor.until(lambda: any("nothing was changed" in message for message in editor.shown))


async def test_a_closed_document_gives_no_edit(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    action = (await editor.actions(uri, 1, 9))[0]
    editor.close(uri)
    assert (await editor.resolve(action)).edit is None


async def test_ignoring_on_a_line_and_in_a_file(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    actions = {action.title: action for action in await editor.actions(uri, 1, 9)}
    line = await editor.resolve(actions["Ignore AIMET101 on this line"])
    assert new_texts(line) == [("net.py", 1, ["  # aimet: ignore[AIMET101]"])]
    file = await editor.resolve(actions["Ignore AIMET101 in this file"])
    assert new_texts(file) == [("net.py", 1, ["# aimet: ignore-file[AIMET101]\n"])]


async def test_a_repair_of_other_files_is_previewed(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("x = 1\n")
    await editor.start(tmp_path)
    await editor.scanned()
    uri = editor.open(tmp_path / "net.py", "c = moved(3)\n")
    await editor.shows(uri, "0:4 AIMET103")
    action = await editor.resolve((await editor.actions(uri, 0, 5))[0])
    assert new_texts(action) == [("net.py", 1, ["self.moved"]), ("other.py", None, ["# moved\n"])]
    assert action.edit is not None and action.edit.change_annotations is not None
    [annotation] = action.edit.change_annotations.values()
    assert annotation.needs_confirmation


async def test_a_simple_client_gets_edits_at_once(editor: Editor, tmp_path: Path) -> None:
    client = capabilities()
    client.text_document = lsp.TextDocumentClientCapabilities()
    client.workspace = lsp.WorkspaceClientCapabilities()
    await editor.start(tmp_path, client=client)
    uri = editor.open(tmp_path / "net.py", NET)
    await editor.until(lambda: editor.of(uri))
    action = (await editor.actions(uri, 1, 9))[0]
    assert action.edit is not None and action.edit.document_changes is None and action.edit.changes is not None
    assert [edit.new_text for edit in action.edit.changes[uri]] == ["self.relu"]


async def test_fixing_a_file_by_command(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    assert await editor.command("aimetGuidelines.server.fixFile", uri) is True
    assert editor.applied[0].label == "Fix all safe AIMET findings"
    assert await editor.command("aimetGuidelines.server.fixFile", "file:///elsewhere.py") is False
    assert len(editor.applied) == 1


async def test_fixing_the_workspace_is_previewed(editor: Editor, tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(NET)
    (tmp_path / "broken.py").write_text(NET + "# CRASH\n")
    await editor.start(tmp_path)
    await editor.scanned()
    assert await editor.command("aimetGuidelines.server.fixWorkspace") is True
    edit = editor.applied[0].edit
    assert edit.document_changes is not None and len(edit.document_changes) == 2
    assert edit.change_annotations is not None
    assert all(annotation.needs_confirmation for annotation in edit.change_annotations.values())


async def test_what_is_typed_while_the_workspace_is_repaired_is_repaired_as_it_is(
    editor: Editor, tmp_path: Path
) -> None:
    texts = {"a.py": "relu(1)\n", **{f"b{number}.py": "relu(1)  # SLOW\n" for number in range(4)}}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    await editor.start(tmp_path)
    await editor.scanned()
    uri = editor.open(tmp_path / "a.py", texts["a.py"])
    await editor.shows(uri, "0:0 AIMET101")
    asked = asyncio.ensure_future(editor.command("aimetGuidelines.server.fixWorkspace"))
    await asyncio.sleep(0.7)  # by now the first file is done, and the others are not
    version = editor.type(uri, 0, 0, "\n\n")
    assert await asked
    documents = editor.applied[0].edit.document_changes or []
    [change] = [each for each in documents if isinstance(each, lsp.TextDocumentEdit) and each.text_document.uri == uri]
    assert change.text_document.version == version
    assert [edit.range.start.line for edit in change.edits if not isinstance(edit, lsp.SnippetTextEdit)] == [2]


async def test_code_lenses_count_per_class(editor: Editor, tmp_path: Path) -> None:
    editor.settings[None] = {"codeLens": True}
    uri = await net(editor, tmp_path)
    params = lsp.CodeLensParams(lsp.TextDocumentIdentifier(uri))
    [lens] = await editor.client.text_document_code_lens_async(params) or []
    assert lens.command is not None
    assert lens.command.title == "AIMET: 4 issues, 2 safe fixes"
    assert await editor.command(lens.command.command, *(lens.command.arguments or ())) is True


async def test_code_lenses_are_off_by_default(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    params = lsp.CodeLensParams(lsp.TextDocumentIdentifier(uri))
    assert not await editor.client.text_document_code_lens_async(params)


async def test_hover_explains_a_finding(editor: Editor, tmp_path: Path) -> None:
    uri = await net(editor, tmp_path)
    text = await editor.hover(uri, 1, 9)
    assert text.startswith("**AIMET101 functional-layer**: A layer is called as a function")
    assert 'The guideline says: "' in text and "```python" in text
    parts = [
        "\n\nQuick fix: Use a module for relu (safe)\n",
        "\n[AIMET's guideline](https://",
        "**Example**",
        "**Use instead**",
    ]
    assert sorted(parts, key=text.index) == parts
    assert "command:" not in text
    assert await editor.hover(uri, 0, 0) == ""


async def test_hover_leads_to_the_page_where_the_client_can_show_one(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path, options={"explainCommand": "show.page"})
    uri = editor.open(tmp_path / "net.py", NET)
    await editor.until(lambda: editor.of(uri))
    assert "[The whole page](command:show.page?%5B%22AIMET101%22%5D)" in await editor.hover(uri, 1, 9)


async def test_hover_names_no_repair_that_is_not_offered(editor: Editor, tmp_path: Path) -> None:
    editor.settings[None] = {"showUnsafeFixes": False}
    uri = await net(editor, tmp_path)
    assert "Quick fix" not in await editor.hover(uri, 3, 9)


async def test_hover_explains_the_code_in_an_ignore_comment(editor: Editor, tmp_path: Path) -> None:
    text = "x = 1  # aimet: ignore[AIMET001]\n"
    uri = await net(editor, tmp_path, text)
    assert (await editor.hover(uri, 0, text.index("AIMET001") + 2)).startswith("**AIMET001 unused-ignore**")
    assert await editor.hover(uri, 0, 1) == ""


async def test_explaining_a_rule(editor: Editor, tmp_path: Path) -> None:
    await editor.start(tmp_path)
    request = editor.client.protocol.send_request_async
    answer = await request("aimetGuidelines/explain", {"code": "unused-ignore"})
    assert answer.code == "AIMET001" and answer.markdown.startswith("# AIMET001")
    assert "no rule" in (await request("aimetGuidelines/explain", {"code": "AIMET999"})).markdown
    listed = await request("aimetGuidelines/explain", {})
    assert "AIMET001" in [rule.code for rule in listed.rules]
