"""An editor for the tests: pygls' own client, talking to the real server over its standard input and output."""

from __future__ import annotations

import asyncio
import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

FAKE = Path(__file__).with_name("fake_engine.py")
PATIENCE = 20.0


def capabilities(**changes: Any) -> lsp.ClientCapabilities:
    """What VS Code says it can do, as far as the server asks."""
    return lsp.ClientCapabilities(
        workspace=lsp.WorkspaceClientCapabilities(
            apply_edit=True,
            configuration=True,
            workspace_folders=True,
            workspace_edit=lsp.WorkspaceEditClientCapabilities(
                document_changes=True,
                change_annotation_support=lsp.ChangeAnnotationsSupportOptions(),
            ),
            did_change_watched_files=lsp.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
            did_change_configuration=lsp.DidChangeConfigurationClientCapabilities(dynamic_registration=True),
        ),
        text_document=lsp.TextDocumentClientCapabilities(
            publish_diagnostics=lsp.PublishDiagnosticsClientCapabilities(related_information=True),
            code_action=lsp.CodeActionClientCapabilities(
                resolve_support=lsp.ClientCodeActionResolveOptions(properties=["edit"])
            ),
        ),
        notebook_document=lsp.NotebookDocumentClientCapabilities(
            synchronization=lsp.NotebookDocumentSyncClientCapabilities()
        ),
        window=lsp.WindowClientCapabilities(work_done_progress=changes.get("progress", True)),
    )


class Editor:
    """One server with one client. Answers of the server are kept; `until` waits for what a test expects."""

    def __init__(self) -> None:
        self.client = LanguageClient("tests", "1")
        self.published: list[lsp.PublishDiagnosticsParams] = []
        self.messages: list[str] = []
        self.shown: list[str] = []
        self.statuses: list[dict[str, Any]] = []
        self.progress: list[Any] = []
        self.applied: list[lsp.ApplyWorkspaceEditParams] = []
        self.watchers: list[Any] = []
        self.settings: dict[str | None, Any] = {}
        self.settings_answer = True  # else null
        self.files_exclude: dict[str, bool] = {}
        self.cancel_progress = False
        self.configuration_asked = 0
        self._versions: dict[str, int] = {}
        self._listen()

    async def start(
        self,
        *folders: Path,
        command: tuple[str, ...] = (str(FAKE),),
        client: lsp.ClientCapabilities | None = None,
        options: Any = None,
    ) -> lsp.InitializeResult:
        """Start the server on the folders."""
        await self.client.start_io(sys.executable, "-I", "-X", "utf8", *command)
        result = await self.client.initialize_async(
            lsp.InitializeParams(
                capabilities=client or capabilities(),
                workspace_folders=[lsp.WorkspaceFolder(folder.as_uri(), folder.name) for folder in folders],
                initialization_options=options,
            )
        )
        self.client.initialized(lsp.InitializedParams())
        return result

    async def stop(self) -> int:
        """Shut the server down; its exit status."""
        process = self.client._server
        if process.returncode is None:
            await asyncio.wait_for(self.client.shutdown_async(None), PATIENCE)
            self.client.exit(None)
        status = await asyncio.wait_for(process.wait(), PATIENCE)
        await self.client.stop()
        return status

    @property
    def process(self) -> Any:
        """The server's process."""
        return self.client._server

    # What a person does

    def open(self, path: Path | str, text: str, version: int = 1, language: str = "python") -> str:
        uri = path.as_uri() if isinstance(path, Path) else path
        self._versions[uri] = version
        item = lsp.TextDocumentItem(uri, language, version, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        return uri

    def type(self, uri: str, line: int, character: int, text: str, end: tuple[int, int] | None = None) -> int:
        """Replace a range (UTF-16) by `text`; the document's new version."""
        start = lsp.Position(line, character)
        self._versions[uri] += 1
        change = lsp.TextDocumentContentChangePartial(lsp.Range(start, lsp.Position(*end) if end else start), text)
        identifier = lsp.VersionedTextDocumentIdentifier(self._versions[uri], uri)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(identifier, [change]))
        return self._versions[uri]

    def close(self, uri: str) -> None:
        identifier = lsp.TextDocumentIdentifier(uri)
        self.client.text_document_did_close(lsp.DidCloseTextDocumentParams(identifier))

    def on_disk(self, *changes: tuple[Path, lsp.FileChangeType]) -> None:
        events = [lsp.FileEvent(path.as_uri(), kind) for path, kind in changes]
        self.client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams(events))

    async def actions(
        self,
        uri: str,
        line: int = 0,
        character: int = 0,
        *,
        end: tuple[int, int] | None = None,
        only: list[str] | None = None,
        automatic: bool = False,
    ) -> list[lsp.CodeAction]:
        start = lsp.Position(line, character)
        kind = lsp.CodeActionTriggerKind.Automatic if automatic else lsp.CodeActionTriggerKind.Invoked
        context = lsp.CodeActionContext([], only=only, trigger_kind=kind)
        range_ = lsp.Range(start, lsp.Position(*end) if end else start)
        params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), range_, context)
        answer = await asyncio.wait_for(self.client.text_document_code_action_async(params), PATIENCE)
        return [action for action in answer or () if isinstance(action, lsp.CodeAction)]

    async def resolve(self, action: lsp.CodeAction) -> lsp.CodeAction:
        return await asyncio.wait_for(self.client.code_action_resolve_async(action), PATIENCE)

    async def hover(self, uri: str, line: int, character: int) -> str:
        params = lsp.HoverParams(lsp.TextDocumentIdentifier(uri), lsp.Position(line, character))
        answer = await asyncio.wait_for(self.client.text_document_hover_async(params), PATIENCE)
        return answer.contents.value if answer is not None else ""

    async def command(self, name: str, *arguments: Any) -> Any:
        params = lsp.ExecuteCommandParams(name, list(arguments))
        return await asyncio.wait_for(self.client.workspace_execute_command_async(params), PATIENCE)

    # What a test looks at

    def of(self, uri: str) -> list[lsp.PublishDiagnosticsParams]:
        """Everything published for a document."""
        return [each for each in self.published if each.uri == uri]

    def now(self, uri: str) -> list[str] | None:
        """The document's findings at present as `line:column code`; None where nothing was published."""
        published = self.of(uri)
        if not published:
            return None
        return [f"{d.range.start.line}:{d.range.start.character} {d.code}" for d in published[-1].diagnostics]

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until the condition is true; its value. Fails when it never comes true."""
        deadline = time.monotonic() + PATIENCE
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise TimeoutError("what the test waits for never happened")
            await asyncio.sleep(0.005)
        return value

    async def shows(self, uri: str, *findings: str) -> None:
        """Wait until exactly these findings are shown, and say what was shown where they never are."""
        try:
            await self.until(lambda: self.now(uri) == list(findings))
        except TimeoutError:
            raise AssertionError(f"shown for {uri}: {self.now(uri)}, not {list(findings)}") from None

    async def quiet(self) -> None:
        """Wait until the server has handled everything sent so far and its pauses are over."""
        await self.actions("file:///nowhere.py")
        await asyncio.sleep(0.4)
        await self.actions("file:///nowhere.py")

    async def scanned(self) -> None:
        """Wait until a scan has ended."""
        await self.until(lambda: self.statuses and not self.statuses[-1]["scanning"])

    def _listen(self) -> None:
        feature = self.client.feature
        feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self.published.append(params))
        feature(lsp.WINDOW_LOG_MESSAGE)(lambda params: self.messages.append(params.message))
        feature(lsp.WINDOW_SHOW_MESSAGE)(lambda params: self.shown.append(params.message))
        feature("aimetGuidelines/status")(lambda params: self.statuses.append(params._asdict()))
        feature(lsp.CLIENT_REGISTER_CAPABILITY)(lambda params: self.watchers.extend(params.registrations))
        feature(lsp.WORKSPACE_CONFIGURATION)(functools.partial(self._configuration))
        feature(lsp.WORKSPACE_APPLY_EDIT)(functools.partial(self._apply))
        feature(lsp.WINDOW_WORK_DONE_PROGRESS_CREATE)(lambda params: None)
        feature(lsp.PROGRESS)(functools.partial(self._progress))

    def _configuration(self, params: lsp.ConfigurationParams) -> list[Any] | None:
        self.configuration_asked += 1
        if not self.settings_answer:
            return None
        default = self.settings.get(None)
        return [
            self.files_exclude if item.section == "files.exclude" else self.settings.get(item.scope_uri, default)
            for item in params.items
        ]

    def _apply(self, params: lsp.ApplyWorkspaceEditParams) -> lsp.ApplyWorkspaceEditResult:
        self.applied.append(params)
        return lsp.ApplyWorkspaceEditResult(True)

    def _progress(self, params: lsp.ProgressParams) -> None:
        self.progress.append(params.value)
        if self.cancel_progress:
            self.cancel_progress = False
            self.client.window_work_done_progress_cancel(lsp.WorkDoneProgressCancelParams(params.token))
