"""The open notebooks: which cells they have, and where each stands in the module they are checked as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lsprotocol import types as lsp

from ..finding import Edit
from ..notebooks import join
from .documents import Documents
from .translate import changes_of, path_of


class Notebook:
    """An open notebook."""

    def __init__(self, notebook: lsp.NotebookDocument) -> None:
        self.uri = notebook.uri
        self.version = notebook.version
        self.cells = list(notebook.cells)
        self.module = join([])
        self._checked: list[str] = []

    @property
    def path(self) -> str:
        """The file's path; the URI of a notebook that is not saved yet."""
        return path_of(self.uri) or self.uri

    def text(self, documents: Documents) -> str:
        """Its Python cells as one module; remembers where each stands."""
        cells = [
            document
            for cell in self.cells
            if cell.kind == lsp.NotebookCellKind.Code
            and (document := documents.get(cell.document)) is not None
            and document.language == "python"
        ]
        self._checked = [cell.uri for cell in cells]
        self.module = join([cell.text for cell in cells])
        return self.module.text

    def cell_at(self, line: int) -> tuple[str, int] | None:
        """The URI of the cell with that line of the module, and the line it starts at."""
        if not self._checked:
            return None
        index, _ = self.module.cell_at(line)
        return self._checked[index], self.module.starts[index]

    def placed(self) -> Iterator[tuple[str, int]]:
        """Every checked cell and the line of the module it starts at."""
        return zip(self._checked, self.module.starts, strict=True)

    def spread(self, edits: Sequence[Edit]) -> Iterator[tuple[str, str, list[Edit]]]:
        """Edits of the module as (URI, text, edits) of each cell they fall into.

        Raises NotebookError for an edit that cannot be made in one cell.
        """
        for index, own in self.module.spread(edits).items():
            yield self._checked[index], self.module.cells[index], own


class Notebooks:
    """The open notebooks by URI, path and cell."""

    def __init__(self) -> None:
        self._by_uri: dict[str, Notebook] = {}
        self._of_cell: dict[str, Notebook] = {}

    def open(self, params: lsp.DidOpenNotebookDocumentParams, documents: Documents) -> Notebook:
        """Take the notebook and its cells in."""
        notebook = self._by_uri[params.notebook_document.uri] = Notebook(params.notebook_document)
        for item in params.cell_text_documents:
            documents.open(item)
        self._index(notebook)
        return notebook

    def change(self, params: lsp.DidChangeNotebookDocumentParams, documents: Documents) -> Notebook | None:
        """Apply a change of its cells or their text."""
        notebook = self._by_uri.get(params.notebook_document.uri)
        if notebook is None:
            return None
        notebook.version = params.notebook_document.version
        cells = params.change.cells
        if cells is None:
            return notebook
        if cells.structure is not None:
            array = cells.structure.array
            notebook.cells[array.start : array.start + array.delete_count] = array.cells or []
            for item in cells.structure.did_open or ():
                documents.open(item)
            for closed in cells.structure.did_close or ():
                documents.close(closed.uri)
                self._of_cell.pop(closed.uri, None)
            self._index(notebook)
        changed = {cell.document: cell for cell in cells.data or ()}
        notebook.cells = [changed.get(cell.document, cell) for cell in notebook.cells]
        for text in cells.text_content or ():
            document = documents.get(text.document.uri)
            if document is not None:
                document.change(text.document.version, changes_of(text.changes))
        return notebook

    def get(self, uri: str) -> Notebook | None:
        """The open notebook of this URI."""
        return self._by_uri.get(uri)

    def close(self, params: lsp.DidCloseNotebookDocumentParams, documents: Documents) -> Notebook | None:
        """Forget the notebook and its cells."""
        notebook = self._by_uri.pop(params.notebook_document.uri, None)
        for cell in params.cell_text_documents:
            documents.close(cell.uri)
            self._of_cell.pop(cell.uri, None)
        return notebook

    def of_cell(self, uri: str) -> Notebook | None:
        """The notebook that has the cell."""
        return self._of_cell.get(uri)

    def at(self, path: str) -> Notebook | None:
        """The open notebook of that path."""
        return next((notebook for notebook in self._by_uri.values() if notebook.path == path), None)

    def __iter__(self) -> Iterator[Notebook]:
        return iter(list(self._by_uri.values()))

    def _index(self, notebook: Notebook) -> None:
        for cell in notebook.cells:
            self._of_cell[cell.document] = notebook
