"""The workspace folders: each has its own index of files and its own settings."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Callable, Iterator, Mapping

from .. import engine
from ..config import Config
from ..engine import Project
from ..finding import Report
from ..reading.file_facts import FileFacts
from ..settings import Settings
from .settings import EditorSettings
from .translate import path_of

_log = logging.getLogger(__name__)
_LIBRARIES = ("/site-packages/", "/dist-packages/")
_AIMET = "aimet_torch"


class Folder:
    """A workspace folder, or the surroundings of a document that is in none.

    root: absolute POSIX path, empty for a document that is no file. uri: as the client wrote it.
    whole: whether it is indexed and reported as a whole; else only its open documents are.
    reports: the last report of each file. mistakes: those of the settings files met, by their path.
    shown: the files whose findings were looked at anew since the scan last began to check.
    """

    def __init__(self, root: str, uri: str, editor: EditorSettings, *, whole: bool) -> None:
        self.root = root
        self.uri = uri
        self.whole = whole
        self.project = Project.empty(root)
        self.reports: dict[str, Report] = {}
        self.shown: set[str] = set()
        self._before: dict[str, FileFacts | None] = {}
        # Before the first of the changes since then by which files came or went.
        self._earlier: Project | None = None
        self._importers: set[str] = set()
        self.use(editor)

    def use(self, editor: EditorSettings) -> None:
        """Take the editor's settings from now on."""
        self.editor = editor
        self.settings = Settings(editor=editor.layer, root=self.root, recheck=2.0)
        self.mistakes: dict[str, tuple[tuple[int, str], ...]] = {}

    def contains(self, path: str) -> bool:
        """Whether the file is somewhere in this folder."""
        return bool(self.root) and (path.startswith(self.root.rstrip("/") + "/") or path == self.root)

    def update(self, texts: Mapping[str, str | None]) -> None:
        """Take in the files' new texts; None for a file that is gone."""
        for path, text in texts.items():
            if text is None:
                self.reports.pop(path, None)
            self._before.setdefault(path, self.project.files.get(path))
        before = self.project
        if self._earlier is None and any((text is None) == (path in before.files) for path, text in texts.items()):
            self._earlier = before
        self.project = before.updated(texts)
        for path, text in texts.items():
            imports = text is not None and self.project.files[path].source.says(_AIMET)
            (self._importers.add if imports else self._importers.discard)(path)

    def take_dependents(self) -> set[str]:
        """The files that may read something else than when this was last asked, in files that changed since."""
        changed = {path for path, facts in self._before.items() if _differ(facts, self.project.files.get(path))}
        dependents = {user for path in changed for user in self.project.dependents(path, self._before[path])}
        if self._earlier is not None:
            dependents |= self.project.moved_since(self._earlier)
        self.forget_changes()
        return dependents - changed

    def forget_changes(self) -> None:
        """Everything is checked anew, so nobody needs to know who depends on what changed."""
        self._before.clear()
        self._earlier = None

    def config(self, path: str) -> Config:
        """What the file is checked with."""
        if not self.root:
            path = "/untitled.py"  # a document that is not saved yet lies below no settings file
        config = self.settings.config_for(path, imported=bool(self._importers), installed=self.editor.installed)
        if config.pyproject:
            self.mistakes[config.pyproject] = config.problems
        return config

    def forget_settings(self) -> None:
        """Read the settings files again at the next question."""
        self.settings.forget()
        self.mistakes.clear()

    def check(self, path: str, provisional: bool = False, urgent: Callable[[], bool] | None = None) -> Report | None:
        """The file's report; None where it is not in the index or the checker failed (which is logged)."""
        try:
            self.project.text(path)
        except KeyError:
            return None
        try:
            report = engine.check(path, self.project, self.config(path), provisional, urgent)
        except Exception:  # a bug in the checker must not cost the person the server
            _log.exception("%s could not be checked", path)
            return None
        self.reports[path] = report
        return report

    def reported(self, path: str) -> bool:
        """Whether findings in the open document `path` are shown at all."""
        below = path[len(self.root) :] if self.contains(path) else path
        return not any(part in below for part in _LIBRARIES) and not self.config(path).excluded(path)

    def shows_closed(self, path: str) -> bool:
        """Whether findings in a file that is not open are shown."""
        return self.whole and self.editor.diagnostic_mode == "workspace" and not path.endswith(".ipynb")


def _differ(old: FileFacts | None, new: FileFacts | None) -> bool:
    """Whether other files could read something else in a file now."""
    if old is None or new is None:
        return old is not new
    return bool(new.differences(old))


class Folders:
    """The folders of the workspace, and one more for each open document outside all of them."""

    def __init__(self) -> None:
        self._folders: dict[str, Folder] = {}
        self._loose: dict[str, Folder] = {}
        self.default = EditorSettings()

    def __iter__(self) -> Iterator[Folder]:
        """The workspace folders."""
        return iter(list(self._folders.values()))

    def everything(self) -> list[Folder]:
        """The workspace folders and the surroundings of documents outside them."""
        return [*self._folders.values(), *self._loose.values()]

    def add(self, uri: str) -> Folder | None:
        """Take in a workspace folder; None where it is no folder on disk."""
        root = path_of(uri)
        if root is None:
            return None
        folder = self._folders.get(root)
        if folder is None:
            folder = self._folders[root] = Folder(root, uri, self.default, whole=True)
            self._loose = {path: alone for path, alone in self._loose.items() if not folder.contains(path)}
        return folder

    def remove(self, uri: str) -> Folder | None:
        """Forget a workspace folder."""
        return self._folders.pop(path_of(uri) or "", None)

    def of(self, path: str) -> Folder | None:
        """The innermost workspace folder with the file, else the open document's own surroundings."""
        inside = [folder for folder in self._folders.values() if folder.contains(path)]
        if inside:
            return max(inside, key=lambda folder: len(folder.root))
        return self._loose.get(path)

    def welcome(self, path: str) -> Folder | None:
        """The folder of a document that was just opened.

        A file outside every workspace folder has none and is not reported. Where no folder is open at all, and
        for a document that is not saved yet, the document stands alone.
        """
        folder = self.of(path)
        is_file = path.startswith("/") or path[1:3] == ":/"
        if folder is None and not (is_file and self._folders):
            root = posixpath.dirname(path) if is_file else ""
            folder = self._loose[path] = Folder(root, path, self.default, whole=False)
        return folder

    def part(self, path: str) -> None:
        """The document was closed."""
        self._loose.pop(path, None)
