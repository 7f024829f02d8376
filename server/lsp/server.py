"""The language server: which message goes where."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import InvalidStateError
from io import FileIO
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol

from .. import __version__
from . import actions, commands, files, hover, lens, settings
from .session import Session
from .status import METHOD as STATUS
from .sweeping import Sweeper
from .translate import changes_in
from .transport import Inbox, Outbox, take_over_stdio

__all__ = ["STATUS", "Server", "serve"]

_log = logging.getLogger(__name__)
_PARENT_CHECK = 3.0  # seconds between two looks at whether the editor still lives

# pygls keeps documents of its own for these. Ours cost less per edit and count lines as LSP does.
_OWN = (
    lsp.EXIT,
    lsp.TEXT_DOCUMENT_DID_OPEN,
    lsp.TEXT_DOCUMENT_DID_CHANGE,
    lsp.TEXT_DOCUMENT_DID_CLOSE,
    lsp.NOTEBOOK_DOCUMENT_DID_OPEN,
    lsp.NOTEBOOK_DOCUMENT_DID_CHANGE,
    lsp.NOTEBOOK_DOCUMENT_DID_CLOSE,
)

_NOTEBOOKS = lsp.NotebookDocumentSyncOptions(
    notebook_selector=[
        lsp.NotebookDocumentFilterWithCells(
            notebook=lsp.NotebookDocumentFilterNotebookType(notebook_type="jupyter-notebook"),
            cells=[lsp.NotebookCellLanguage(language="python")],
        )
    ],
    save=True,
)


class Protocol(LanguageServerProtocol):
    """pygls' protocol, with the document notifications left to the session."""

    _server: Server

    def _register_builtin_features(self) -> None:
        super()._register_builtin_features()  # type: ignore[no-untyped-call]
        for method in _OWN:
            self.fm.builtin_features.pop(method, None)

    def receive(self, body: bytes) -> None:
        """Handle one message. A malformed one is answered where it asks for an answer, else logged."""
        data: Any = None
        try:
            data = json.loads(body)
            if isinstance(data, dict) and data.get("method") == lsp.TEXT_DOCUMENT_DID_CHANGE and not self._shutdown:
                # The one message that somebody waits for at every keystroke takes the shortest way.
                params = data["params"]
                document = params["textDocument"]
                changes = changes_in(params["contentChanges"])
                self._server.session.change_document(document["uri"], document["version"], changes)
            else:
                self.handle_message(self.structure_message(data))
        except JsonRpcException as error:
            if isinstance(data, dict) and "id" in data and "method" in data:
                self._send_response(data["id"], error=error.to_response_error())
            else:
                _log.warning("passed over a message that does not follow the protocol: %s", error)
        except InvalidStateError:
            _log.debug("an answer came when nobody waited for it any more")
        except Exception:
            _log.exception("a message could not be handled")

    def end_with_request(self, task: asyncio.Task[Any]) -> None:
        """Have a task, which does what the request being handled asks for, end when that request is cancelled."""
        request = self._request_futures.get(self.msg_id) if self.msg_id is not None else None
        if request is None:  # it was before the task began
            task.cancel()
        else:
            request.add_done_callback(lambda done: task.cancel() if done.cancelled() else None)

    def cancel_requests(self) -> None:
        """End what is going on, but for the request being handled. pygls stumbles over those that end at once."""
        for number, future in list(self._request_futures.items()):
            if number != self.msg_id:
                future.cancel()

    @property
    def shutting_down(self) -> bool:
        """Whether the client has asked for the end."""
        return bool(self._shutdown)


class Server(LanguageServer):
    """The server of one client."""

    protocol: Protocol

    def __init__(self) -> None:
        super().__init__(
            "aimet-guidelines",
            __version__,
            text_document_sync_kind=lsp.TextDocumentSyncKind.Incremental,
            notebook_document_sync=_NOTEBOOKS,
            protocol_cls=Protocol,
        )
        self.inbox = Inbox(self.protocol.receive, self._closed)
        self.options: Mapping[str, Any] = {}
        self.session = Session(self, self._send, lambda: self.inbox.pending)
        self._ended: asyncio.Future[int] | None = None
        self._outbox: Outbox | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._wire()

    # Wiring

    def _wire(self) -> None:
        session = self.session

        def feature(method: str, handler: Callable[..., Any], options: Any = None) -> None:
            # pygls marks what it registers, and a bound method cannot be marked.
            self.feature(method, options)(functools.partial(handler))

        feature(lsp.INITIALIZE, self._initialize)
        feature(lsp.INITIALIZED, self._initialized)
        feature(lsp.SHUTDOWN, self._shut_down)
        feature(lsp.EXIT, self._exit)
        feature(lsp.TEXT_DOCUMENT_DID_OPEN, lambda params: session.open_document(params.text_document))
        feature(lsp.TEXT_DOCUMENT_DID_SAVE, lambda params: session.save_document(params.text_document.uri))
        feature(lsp.TEXT_DOCUMENT_DID_CLOSE, lambda params: session.close_document(params.text_document.uri))
        feature(lsp.NOTEBOOK_DOCUMENT_DID_OPEN, session.open_notebook)
        feature(lsp.NOTEBOOK_DOCUMENT_DID_CHANGE, session.change_notebook)
        feature(lsp.NOTEBOOK_DOCUMENT_DID_SAVE, lambda params: session.save_notebook(params.notebook_document.uri))
        feature(lsp.NOTEBOOK_DOCUMENT_DID_CLOSE, session.close_notebook)
        feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, lambda params: session.files_changed(params.changes))
        feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION, self._configuration_changed)
        feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, self._folders_changed)
        feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lambda params: actions.offer(self, params), actions.OPTIONS)
        feature(lsp.CODE_ACTION_RESOLVE, lambda action: actions.resolve(self, action))
        feature(lsp.TEXT_DOCUMENT_HOVER, lambda params: hover.hover(session, params))
        feature(lsp.TEXT_DOCUMENT_CODE_LENS, lambda params: lens.lenses(session, params))
        feature(hover.EXPLAIN, hover.explain)
        for name, run in commands.COMMANDS.items():
            self.command(name)(commands.bind(self, run))

    # Life

    async def run(self, incoming: FileIO, outgoing: FileIO) -> int:
        """Serve until the client says `exit` or is gone; the process's exit status."""
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        self._outbox = Outbox(outgoing, self.inbox)
        self.protocol.set_writer(self._outbox)
        self.inbox.start(incoming, loop)
        status = await self._ended
        self.session.scanner.stop()
        return status

    def _send(self, body: bytes) -> None:
        if self._outbox is not None:
            self._outbox.send(body)

    def _closed(self) -> None:
        self._end(0 if self.protocol.shutting_down else 1)

    def _shut_down(self, _params: Any = None) -> None:
        self.session.scanner.stop()
        self.protocol.cancel_requests()

    def _exit(self, _params: Any = None) -> None:
        self._closed()

    def _end(self, status: int) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(status)

    def start_task(self, coroutine: Any) -> None:
        """Run a coroutine beside everything else."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _initialize(self, params: lsp.InitializeParams) -> None:
        options = params.initialization_options
        self.options = options if isinstance(options, Mapping) else {}
        folders = list(params.workspace_folders or [])
        if not folders and params.root_uri:
            folders = [lsp.WorkspaceFolder(params.root_uri, "")]
        self.session.set_folders(folders)
        self.session.meet(params.capabilities)
        self.session.explain_command = str(self.options.get("explainCommand", ""))
        if isinstance(self.options.get("settings"), Mapping):
            self.session.use_settings(settings.read(self.options["settings"]))
        elif self._pulls_settings:
            self.session.scheduler.hold()
        if params.process_id and os.name == "posix":
            self.start_task(self._watch_parent(params.process_id))

    async def _initialized(self, _params: lsp.InitializedParams) -> None:
        self._register()
        if self._pulls_settings:
            try:
                await self.session.pull_settings()
            finally:
                self.session.scheduler.release()
        self.session.scanner.start()

    async def _watch_parent(self, pid: int) -> None:
        """End when the editor's process is gone, even if something else still holds its end of the pipe."""
        while True:
            await asyncio.sleep(_PARENT_CHECK)
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                self._end(1)
                return
            except PermissionError:
                continue

    # Settings and folders

    @property
    def _pulls_settings(self) -> bool:
        workspace = self.client_capabilities.workspace
        return bool(workspace and workspace.configuration)

    def _register(self) -> None:
        """Ask the client to tell about changed files and settings."""
        workspace = self.client_capabilities.workspace
        registrations: list[lsp.Registration] = []
        watched = workspace and workspace.did_change_watched_files
        if watched and watched.dynamic_registration:
            watchers = [lsp.FileSystemWatcher(glob) for glob in files.WATCHED]
            # A deleted folder is told of by its own name only, and a new one often too.
            watchers.append(lsp.FileSystemWatcher("**/*", lsp.WatchKind.Create | lsp.WatchKind.Delete))
            options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
            registrations.append(lsp.Registration("watch", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options))
        configured = workspace and workspace.did_change_configuration
        if configured and configured.dynamic_registration:
            section = lsp.DidChangeConfigurationRegistrationOptions([settings.SECTION, "files.exclude"])
            registrations.append(lsp.Registration("settings", lsp.WORKSPACE_DID_CHANGE_CONFIGURATION, section))
        if registrations:
            self.client_register_capability(lsp.RegistrationParams(registrations))

    async def _configuration_changed(self, params: lsp.DidChangeConfigurationParams) -> None:
        if not self._pulls_settings and isinstance(params.settings, Mapping):
            self.session.use_settings(settings.read(params.settings.get(settings.SECTION, params.settings)))
        await self._start_over()
        workspace = self.client_capabilities.workspace
        if workspace and workspace.code_lens and workspace.code_lens.refresh_support:
            self.workspace_code_lens_refresh(None)

    async def _folders_changed(self, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        self.session.set_folders(params.event.added, params.event.removed)
        await self._start_over()

    async def _start_over(self) -> None:
        """Check everything with the settings of now; what is typed until they are here is answered by them too."""
        self.session.scheduler.hold()
        try:
            if self._pulls_settings:
                await self.session.pull_settings()
            self.session.start_over()
        finally:
            self.session.scheduler.release()

    # What people are told

    def tell(self, message: str, kind: lsp.MessageType, *, show: bool = False) -> None:
        """Write a message to the client's log; show: in a notification as well."""
        self.window_log_message(lsp.LogMessageParams(kind, message))
        if show:
            self.window_show_message(lsp.ShowMessageParams(kind, f"AIMET Model Guidelines: {message}"))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log what went wrong outside a request; pygls would put it before the person's eyes."""
        _log.error("%s: %s", getattr(source, "__name__", source), error)


def serve() -> int:
    """Serve one client over standard input and output; the exit status of the process."""
    incoming, outgoing = take_over_stdio()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(logging.ERROR)  # its warnings are about answers that came too late
    Sweeper.take_over()
    sys.setswitchinterval(0.001)  # a thread that reads messages must not wait long for a check to pause
    return asyncio.run(Server().run(incoming, outgoing))
