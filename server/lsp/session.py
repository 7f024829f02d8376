"""What the server knows between messages, and how it changes: documents, folders, their findings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from ..finding import Report
from ..reading.index import Interrupted
from . import files, settings
from .diagnostics import Publisher
from .documents import Documents
from .folders import Folder, Folders
from .intake import Intake
from .notebooks import Notebooks
from .scan import Scanner
from .schedule import Scheduler
from .status import Status
from .sweeping import Sweeper
from .translate import TextChange, path_of

if TYPE_CHECKING:
    from .server import Server

_log = logging.getLogger(__name__)
_RIPPLE = 0.15  # seconds without a change, after which what an edit may have changed elsewhere is looked at


class Session:
    """The state of one client's session; its methods are called with what the client tells."""

    def __init__(self, server: Server, send: Callable[[bytes], None], pending: Callable[[], bool]) -> None:
        self.server = server
        self.documents = Documents()
        self.notebooks = Notebooks()
        self.folders = Folders()
        self.publisher = Publisher(self.documents, self.notebooks, self.folders, send)
        self.scheduler = Scheduler(self._answer, self.refresh, pending)
        self.scanner = Scanner(self)
        self.intake = Intake(self)
        self.status = Status(self)
        self.sweeper = Sweeper(lambda: self.scheduler.busy, lambda: self.scanner.running)
        self.edit_support = lsp.WorkspaceEditClientCapabilities()
        self.resolves_edits = False
        self.explain_command = ""  # of the client, for links
        self._pending = pending
        self._stale: set[str] = set()
        self._unsaved: set[str] = set()  # edited since they were last answered or saved
        self._in_pause: set[str] = set()  # to be checked once the person pauses
        self._ripple: asyncio.TimerHandle | None = None
        self._rescan: asyncio.TimerHandle | None = None
        self._told: set[str] = set()

    def meet(self, capabilities: lsp.ClientCapabilities) -> None:
        """Learn what the client can show and do."""
        workspace, documents = capabilities.workspace, capabilities.text_document
        if workspace is not None and workspace.workspace_edit is not None:
            self.edit_support = workspace.workspace_edit
        if documents is not None:
            shown, actions = documents.publish_diagnostics, documents.code_action
            self.publisher.related = bool(shown and shown.related_information)
            support = actions.resolve_support if actions else None
            self.resolves_edits = support is not None and "edit" in support.properties

    # Documents

    def open_document(self, item: lsp.TextDocumentItem) -> None:
        """A document was opened."""
        if item.language_id != "python" or (document := self.documents.open(item)) is None:
            return
        self._take_in(document.path)

    def change_document(self, uri: str, version: int, changes: Iterable[TextChange]) -> None:
        """A document was edited."""
        document = self.documents.get(uri)
        if document is None:
            return
        document.change(version, changes)
        self._touch(document.path)

    def save_document(self, uri: str) -> None:
        """A document was saved."""
        document = self.documents.get(uri)
        if document is not None:
            self._saved(document.path)

    def close_document(self, uri: str) -> None:
        """A document was closed; what is on disk counts again."""
        document = self.documents.close(uri)
        if document is not None:
            self._let_go(document.path, [uri])

    def open_notebook(self, params: lsp.DidOpenNotebookDocumentParams) -> None:
        """A notebook was opened."""
        notebook = self.notebooks.open(params, self.documents)
        self._take_in(notebook.path)

    def change_notebook(self, params: lsp.DidChangeNotebookDocumentParams) -> None:
        """A notebook's cells, or text in them, changed."""
        notebook = self.notebooks.change(params, self.documents)
        if notebook is None:
            return
        structure = params.change.cells.structure if params.change.cells else None
        for closed in (structure.did_close if structure else None) or ():
            self.publisher.clear(closed.uri, [closed.uri])
        self._touch(notebook.path)

    def save_notebook(self, uri: str) -> None:
        """A notebook was saved."""
        notebook = self.notebooks.get(uri)
        if notebook is not None:
            self._saved(notebook.path)

    def close_notebook(self, params: lsp.DidCloseNotebookDocumentParams) -> None:
        """A notebook was closed."""
        notebook = self.notebooks.close(params, self.documents)
        if notebook is not None:
            self._let_go(notebook.path, [cell.uri for cell in params.cell_text_documents])

    def _take_in(self, path: str) -> None:
        folder = self.folders.welcome(path)
        if folder is not None:
            folder.project.watch(path)
            self._stale.add(path)
            self.scheduler.now(path)

    def _touch(self, path: str) -> None:
        if self.folders.of(path) is not None:
            self._stale.add(path)
            self._unsaved.add(path)
            self.scheduler.now(path)

    def _saved(self, path: str) -> None:
        if path in self._unsaved:
            self._unsaved.discard(path)
            self.scheduler.now(path)

    def _let_go(self, path: str, uris: list[str]) -> None:
        self._stale.discard(path)
        self._unsaved.discard(path)
        self.scheduler.drop(path)
        folder = self.folders.of(path)
        if folder is not None:
            folder.project.unwatch(path)
        if folder is None or not folder.whole:
            self.publisher.clear(path, uris)
            self.folders.part(path)
            return
        self.intake.take(folder, [path])
        if folder.shows_closed(path):
            self.refresh(path)
            self.publisher.leave(path, uris)
        else:
            self.publisher.clear(path, uris)
        self.status.changed()

    # Checking

    def current(self, path: str, provisional: bool = False, urgent: Callable[[], bool] | None = None) -> Report | None:
        """The report of a file's present text; None where it is not checked.

        provisional: at once, with the findings of code that only may depend on an edit as they were before it.
        urgent: where it comes to say so, Interrupted is raised.
        """
        folder = self.folders.of(path)
        if folder is None or not folder.reported(path):
            return None
        self._sync(path, folder)
        return folder.check(path, provisional, urgent)

    def refresh(self, path: str) -> None:
        """Check a file nobody waits for, and publish what changed."""
        folder = self.folders.of(path)
        if folder is None or self._awaits_save(path, folder):
            return
        if not self.is_open(path) and not folder.shows_closed(path):
            return  # nobody sees what is found there
        try:
            report = self.current(path, urgent=self._pending)
        except Interrupted:
            # Somebody types: it goes on from what was read until now once there is a pause.
            self._in_pause.add(path)
            self.ripple()
            return
        if report is not None:
            self.show(path, report)

    def show(self, path: str, report: Report) -> None:
        """Publish a report that nobody waits for, where it differs from what is shown."""
        self.publisher.show(path, report)
        self._after(path, report)

    def _answer(self, path: str, overdue: bool) -> bool:
        folder = self.folders.of(path)
        if folder is None or self._awaits_save(path, folder):
            return True
        self._unsaved.discard(path)
        report = self.current(path, provisional=True)
        if self._pending() and not overdue:
            return False
        if report is None:
            if not folder.reported(path):
                self.publisher.show(path, Report(path), answer=True)
            return True
        self.publisher.show(path, report, answer=True)
        self._after(path, report)
        if report.provisional:
            self._in_pause.add(path)
        self.ripple()
        self.sweeper.answered()
        return True

    def _awaits_save(self, path: str, folder: Folder) -> bool:
        """Whether what was typed is looked at when the person saves it, as the settings say by now."""
        return path in self._unsaved and folder.editor.run == "onSave"

    def _after(self, path: str, report: Report) -> None:
        self.status.changed()
        if (folder := self.folders.of(path)) is not None:
            folder.shown.add(path)
        for problem in report.problems:
            self.tell_once(f"{path}:{problem.line + 1}: {problem.message}", lsp.MessageType.Log)
        self.show_mistakes()

    def show_mistakes(self) -> None:
        """Publish the mistakes in the settings files that were met, and take away those of others."""
        self.publisher.mistakes({k: v for each in self.folders.everything() for k, v in each.mistakes.items()})

    def _sync(self, path: str, folder: Folder) -> None:
        """Bring the index up to the open document's text."""
        if path not in self._stale:
            return
        self._stale.discard(path)
        if (notebook := self.notebooks.at(path)) is not None:
            folder.update({path: notebook.text(self.documents)})
        elif (document := self.documents.at(path)) is not None:
            folder.update({path: document.text})

    def ripple(self) -> None:
        """Check what waits for it, and the files that depend on changed ones, once the person pauses."""
        if self._ripple is not None:
            self._ripple.cancel()
        self._ripple = asyncio.get_running_loop().call_later(_RIPPLE, self._check_dependents)

    def _check_dependents(self) -> None:
        self._ripple = None
        if self.scheduler.busy or self.scanner.indexing:
            self.ripple()
            return
        waiting, self._in_pause = self._in_pause, set()
        for path in sorted(waiting):
            self.scheduler.later(path)
        for folder in self.folders:
            for user in sorted(folder.take_dependents()):
                self.scheduler.later(user)

    # Files on disk

    def files_changed(self, changes: Iterable[lsp.FileEvent]) -> None:
        """Files were made, changed or deleted on disk; what is open in the editor stays as it is there."""
        by_folder: dict[Folder, set[str]] = {}
        for change in changes:
            path = path_of(change.uri)
            folder = self.folders.of(path) if path else None
            if path is None or folder is None:
                continue
            if files.is_settings(path):
                self.settings_files_changed()
            elif change.type == lsp.FileChangeType.Deleted:
                # An editor reports a deleted folder once, not file by file.
                gone = {known for known in folder.project.paths if known == path or known.startswith(f"{path}/")}
                by_folder.setdefault(folder, set()).update(gone)
            elif files.is_checked(path):
                by_folder.setdefault(folder, set()).add(path)
            elif change.type == lsp.FileChangeType.Created:
                self.intake.take_below(folder, path)
        for folder, paths in by_folder.items():
            self.intake.take(folder, (path for path in paths if not self.is_open(path)))

    def is_open(self, path: str) -> bool:
        """Whether the file is open in the editor."""
        return self.documents.at(path) is not None or self.notebooks.at(path) is not None

    def settings_files_changed(self) -> None:
        """A pyproject.toml, a requirements file or a .gitignore changed: read them and check everything again."""
        if self._rescan is None:
            self._rescan = asyncio.get_running_loop().call_later(0.1, self.start_over)

    def start_over(self) -> None:
        """Check everything again with the settings as they are now."""
        self._rescan = None
        for folder in self.folders.everything():
            folder.forget_settings()
        for path in self.open_paths():
            self._take_in(path)
        self.scanner.start()

    def open_paths(self) -> list[str]:
        """The open files and notebooks."""
        cells = {cell.document for notebook in self.notebooks for cell in notebook.cells}
        texts = [document.path for document in self.documents if document.uri not in cells]
        return [*texts, *(notebook.path for notebook in self.notebooks)]

    # Folders and settings

    def set_folders(self, added: Iterable[lsp.WorkspaceFolder], removed: Iterable[lsp.WorkspaceFolder] = ()) -> None:
        """Folders were added to the workspace or removed from it. A file belongs to the innermost one it is in."""
        before = self.folders.everything()
        for each in removed:
            self.folders.remove(each.uri)
        for each in added:
            self.folders.add(each.uri)
        for folder in before:
            left = [path for path in folder.project.paths if self.folders.of(path) is not folder]
            folder.update(dict.fromkeys(left))
            for path in left:
                if not self.is_open(path) or self.folders.of(path) is None:
                    self.publisher.clear(path)

    async def pull_settings(self) -> None:
        """Ask the editor for its settings, folder by folder; keep what is known where it does not answer."""
        folders = list(self.folders)
        scopes = [None, *(folder.uri for folder in folders)]
        items = [
            lsp.ConfigurationItem(scope_uri=scope, section=section)
            for scope in scopes
            for section in (settings.SECTION, "files.exclude")
        ]
        try:
            answer: Any = await asyncio.wait_for(
                self.server.workspace_configuration_async(lsp.ConfigurationParams(items)), timeout=5
            )
            answers: list[Any] = [*answer, *[None] * (len(items) - len(answer))]
        except Exception as error:  # a client without settings still gets its files checked
            self.server.tell(f"the editor did not answer with its settings: {error}", lsp.MessageType.Warning)
            return
        pairs = [settings.read(answers[at], answers[at + 1]) for at in range(0, len(items), 2)]
        self.use_settings(pairs[0], list(zip(folders, pairs[1:], strict=True)))

    def use_settings(
        self, default: settings.EditorSettings, by_folder: Iterable[tuple[Folder, settings.EditorSettings]] = ()
    ) -> None:
        """Take the editor's settings from now on and name each that cannot be taken, once."""
        self.folders.default = default
        given = dict(by_folder)
        for folder in self.folders.everything():
            folder.use(given.get(folder, default))
        for editor in (default, *given.values()):
            for problem in editor.problems:
                self.tell_once(problem, lsp.MessageType.Warning, show=True)
        logging.getLogger(__package__).setLevel(default.log_level.upper())
        if any(each.editor.diagnostic_mode == "openFilesOnly" for each in self.folders):
            for path in list(self.publisher.counts):
                owner = self.folders.of(path)
                if owner and owner.editor.diagnostic_mode == "openFilesOnly" and not self.is_open(path):
                    self.publisher.clear(path)

    def tell_once(self, message: str, kind: lsp.MessageType, *, show: bool = False) -> None:
        """Log a message the first time it comes up; show: to the person as well."""
        if message not in self._told:
            self._told.add(message)
            self.server.tell(message, kind, show=show)
