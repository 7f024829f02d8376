"""What a request about a document is about: the file it belongs to, and the part of it that it shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..finding import Finding, Report
from ..positions import Span
from .documents import Document
from .folders import Folder
from .notebooks import Notebook
from .session import Session


@dataclass(frozen=True, slots=True)
class Subject:
    """An open document or cell, checked as it is now.

    path: of the file (of a cell: of its notebook). first: the line of the file that is the document's line 0.
    """

    document: Document
    folder: Folder
    report: Report
    path: str
    first: int = 0
    notebook: Notebook | None = None

    def findings(self) -> list[Finding]:
        """The findings in this document, in its own lines."""
        if self.notebook is None:
            return self.report.findings
        return [
            replace(finding, span=finding.span.shifted(-self.first))
            for finding in self.report.findings
            if self.notebook.cell_at(finding.span.line) == (self.document.uri, self.first)
        ]

    def by_key(self, key: str) -> Finding | None:
        """The finding of that key, in the lines of the file."""
        return next((finding for finding in self.report.findings if finding.key == key), None)

    def in_file(self, span: Span) -> Span:
        """A range of the document in the lines of the file."""
        return span.shifted(self.first)


def subject_of(session: Session, uri: str) -> Subject | None:
    """The open document of that URI with its present report; None where it is not open or not checked."""
    document = session.documents.get(uri)
    if document is None:
        return None
    notebook = session.notebooks.of_cell(uri)
    path = document.path if notebook is None else notebook.path
    folder, report = session.folders.of(path), session.current(path)
    if folder is None or report is None:
        return None
    first = dict(notebook.placed()).get(uri) if notebook is not None else 0
    return None if first is None else Subject(document, folder, report, path, first, notebook)
