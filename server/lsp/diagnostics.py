"""Publishes findings, for open and closed files alike, each as often as it changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from ..finding import Finding, Report, Severity
from ..positions import Span
from . import wire
from .documents import Documents
from .folders import Folder, Folders
from .notebooks import Notebook, Notebooks
from .translate import uri_of
from .wire import Columns, Place, Texts


class Publisher:
    """Sends diagnostics, and knows what each document was last shown."""

    def __init__(
        self, documents: Documents, notebooks: Notebooks, folders: Folders, send: Callable[[bytes], None]
    ) -> None:
        self._documents = documents
        self._notebooks = notebooks
        self._folders = folders
        self._send = send
        self._shown: dict[str, str] = {}
        self._texts: dict[str, Texts] = {}  # of the open documents
        self._mistakes: dict[str, object] = {}
        self._counts: dict[str, Counter[Severity]] = {}
        self._uncounted: dict[str, list[Finding]] = {}  # what is shown since, for when somebody asks for the counts
        self.related = True

    @property
    def counts(self) -> Mapping[str, Counter[Severity]]:
        """How many findings of which severity each file shows, where it shows any."""
        for path, findings in self._uncounted.items():
            if findings:
                self._counts[path] = Counter(finding.severity for finding in findings)
            else:
                self._counts.pop(path, None)
        self._uncounted.clear()
        return self._counts

    def show(self, path: str, report: Report, *, answer: bool = False) -> None:
        """Publish the report of a file, wherever the editor shows it, if it differs from what is shown.

        answer: an editor waits for the open document's new version, so send it in any case.
        """
        folder = self._folders.of(path)
        if folder is None:
            return
        if (notebook := self._notebooks.at(path)) is not None:
            self._show_notebook(notebook, folder, report, answer)
        elif (document := self._documents.at(path)) is not None:
            place = Place(document.uri, Columns(document.text))
            self._publish(place, folder, report.findings, document.version, answer)
            self._count(path, report.findings)
        elif folder.shows_closed(path) and path in folder.project.files:
            place = Place(uri_of(path), Columns(folder.project.text(path)))
            self._publish(place, folder, report.findings, None, answer)
            self._count(path, report.findings)

    def clear(self, path: str, uris: Iterable[str] = ()) -> None:
        """Take every finding of a file away. uris: of documents that showed it and are closed by now."""
        self._uncounted[path] = []
        notebook, document = self._notebooks.at(path), self._documents.at(path)
        own = {uri_of(path), *uris}
        if document is not None:
            own.add(document.uri)
        if notebook is not None:
            own.update(cell.document for cell in notebook.cells)
        for uri in sorted(own):
            self._empty(uri)

    def leave(self, path: str, uris: Iterable[str]) -> None:
        """Documents of a file were closed: from now on it is shown under the URI that is made of its path."""
        for uri in uris:
            if uri != uri_of(path):
                self._empty(uri)

    def mistakes(self, found: Mapping[str, tuple[tuple[int, str], ...]]) -> None:
        """Show mistakes in settings files, as (0-based line, message) by path; others' are taken away."""
        for path in {*self._mistakes, *found}:
            problems = found.get(path, ())
            if problems == self._mistakes.get(path, ()):
                continue
            self._mistakes[path] = problems
            try:
                with open(path, encoding="utf-8", errors="replace") as stream:
                    text = stream.read()
            except OSError:
                text = ""
            self._send(wire.message(uri_of(path), None, wire.mistakes(problems, Columns(text))))

    def _show_notebook(self, notebook: Notebook, folder: Folder, report: Report, answer: bool) -> None:
        columns = Columns(folder.project.text(report.path))
        by_cell: dict[str, list[Finding]] = {}
        for finding in report.findings:
            cell = notebook.cell_at(finding.span.line)
            if cell is not None:
                by_cell.setdefault(cell[0], []).append(finding)
        placed = dict(notebook.placed())
        for uri, first in placed.items():
            document = self._documents.get(uri)
            version = document.version if document is not None else None
            self._publish(Place(uri, columns, first, whole=False), folder, by_cell.get(uri, []), version, answer)
        for cell_ in notebook.cells:
            if cell_.document not in placed:
                self._empty(cell_.document)
        self._count(report.path, report.findings)

    def place_of(self, folder: Folder, path: str, span: Span) -> Place:
        """The document that shows the range `span` of a file."""
        try:
            columns = Columns(folder.project.text(path))
        except KeyError:
            columns = Columns("")
        if (notebook := self._notebooks.at(path)) is not None and (cell := notebook.cell_at(span.line)) is not None:
            return Place(cell[0], columns, cell[1], whole=False)
        document = self._documents.at(path)
        return Place(document.uri if document is not None else uri_of(path), columns)

    def _publish(
        self, place: Place, folder: Folder, findings: list[Finding], version: int | None, answer: bool
    ) -> None:
        if version is None:
            self._texts.pop(place.uri, None)
            texts = Texts()
        else:
            texts = self._texts.setdefault(place.uri, Texts())
        array = texts.array(findings, place, lambda path, span: self.place_of(folder, path, span), related=self.related)
        if not answer and self._shown.get(place.uri, "[]") == array:
            return
        if findings:
            self._shown[place.uri] = array
        else:
            self._shown.pop(place.uri, None)
        self._send(wire.message(place.uri, version, array))

    def _empty(self, uri: str) -> None:
        self._texts.pop(uri, None)
        if self._shown.pop(uri, None) is not None:
            self._send(wire.message(uri, None, "[]"))

    def _count(self, path: str, findings: list[Finding]) -> None:
        self._uncounted[path] = findings
