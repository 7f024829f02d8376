"""Notebooks as one module: the code cells joined, positions mapped back, edits written into the right cells.

What only IPython understands is read as blank: `%magic` and `!command` lines, `pip install` and other magics that
need no `%`, `help?`, and whole cells that begin with `%%` (except those whose body is Python). Every line keeps its
place and its length.
"""

from __future__ import annotations

import ast
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .finding import Edit
from .lexing import logical_lines
from .positions import Span, split_lines

# Cell magics whose body is ordinary Python.
_PYTHON_MAGICS = frozenset({"time", "timeit", "capture", "prun"})
_MAGIC = re.compile(r"[ \t]*(?:[%!?]|[\w.]+\?{1,2}[ \t]*$|%*[\w.*]+\?{1,2}[ \t]*$)")
# IPython takes these for magics where no variable has the name and no operator follows.
_AUTOMAGIC = re.compile(
    r"^(?:pip|conda|mamba|micromamba|uv|cd|ls|ll|ldir|cat|cp|ln|mv|rm|mkdir|rmdir|less|more|man|env|set_env|pwd|who|whos|run|"
    r"load|load_ext|reload_ext|time|timeit|matplotlib|autoreload|config|pycat|history|reset)[ \t]+[^\s=].*$",
    re.MULTILINE,
)
_ASSIGNED_MAGIC = re.compile(r"([ \t]*[\w.\[\]\"', ()*]+=[ \t]*)([%!].*)")
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


class NotebookError(ValueError):
    """A file that is not a notebook this program reads, in words for the user; `line` is 0-based."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Module:
    """Cells as one module.

    text: the module; `starts`: the line of each cell's first line in it; `cells`: the cells' own texts.
    """

    text: str
    starts: tuple[int, ...]
    cells: tuple[str, ...]

    def cell_at(self, line: int) -> tuple[int, int]:
        """The index of the cell that holds the module's 0-based `line`, and the line within that cell."""
        index = max(0, bisect_right(self.starts, line) - 1)
        return index, line - self.starts[index]

    def spread(self, edits: Iterable[Edit]) -> dict[int, list[Edit]]:
        """Edits of the module as edits of its cells, by cell index.

        Raises NotebookError for an edit that reaches over two cells or into a cell that is not Python.
        """
        by_cell: dict[int, list[Edit]] = {}
        for edit in edits:
            span, text = edit.span, edit.text
            index, line = self.cell_at(span.line)
            end_index, end_line = self.cell_at(span.end_line)
            end_column = span.end_column
            if end_index == index + 1 and (end_line, end_column) == (0, 0) and text.endswith("\n"):
                # Whole lines up to the end of a cell: its last line has no line end to replace.
                last = split_lines(self.cells[index])
                end_index, end_line, end_column, text = index, len(last) - 1, len(last[-1]), text[:-1]
            if end_index != index:
                raise NotebookError("the repair reaches over two cells", span.line)
            if foreign(self.cells[index]):
                raise NotebookError("the repair would change a cell that is not Python", span.line)
            by_cell.setdefault(index, []).append(Edit(Span(line, span.column, end_line, end_column), text))
        return by_cell


def join(cells: Sequence[str]) -> Module:
    """The texts of code cells, in order, as one module."""
    starts, line = [], 0
    blanked = [blank_magics(cell) for cell in cells]
    for text in blanked:
        starts.append(line)
        line += len(split_lines(text))
    return Module("\n".join(blanked), tuple(starts), tuple(cells))


def foreign(cell: str) -> bool:
    """Whether the cell is not Python: it begins with a cell magic whose body is something else."""
    match = re.match(r"\s*%%(\w*)", cell)
    return match is not None and match[1] not in _PYTHON_MAGICS


def blank_magics(cell: str) -> str:
    """The cell as Python of the same shape: what only IPython understands becomes spaces.

    A magic on an indented line, or assigned to a name, leaves a `0` so that the block or the assignment holds.
    """
    if foreign(cell):
        return re.sub(r"[^\r\n]", " ", cell)
    if not any(mark in cell for mark in "%!?") and not _AUTOMAGIC.search(cell):
        return cell
    lines = split_lines(cell)
    ends = re.findall(r"\r\n|\r|\n", cell)
    number = 0
    while number < len(lines):
        joined = "\n".join(lines[number:])
        # What follows a magic is read afresh, since its quotes and brackets are not Python's.
        following = next((at for at, blank in _magics(joined) if blank is not None), None)
        if following is None:
            break
        number += following
        lines[number], continued = _blank(lines[number]), lines[number].endswith("\\")
        number += 1
        while continued and number < len(lines):
            lines[number], continued = " " * len(lines[number]), lines[number].endswith("\\")
            number += 1
    return "".join(line + end for line, end in zip(lines, [*ends, ""], strict=True))


def _magics(text: str) -> Iterator[tuple[int, str | None]]:
    lines = split_lines(text)
    for first, _, _ in logical_lines(text):
        line = lines[first]
        magic = _MAGIC.match(line) or _ASSIGNED_MAGIC.fullmatch(line) or _is_automagic(line)
        yield first, line if magic else None


def _is_automagic(line: str) -> bool:
    """`pip install torch`; not `ls -la`, which is a subtraction as far as anyone can tell without running it."""
    if not _AUTOMAGIC.match(line):
        return False
    try:
        ast.parse(line)
    except (SyntaxError, ValueError):
        return True
    return False


def _blank(line: str) -> str:
    assigned = _ASSIGNED_MAGIC.fullmatch(line)
    if assigned and not _MAGIC.match(line):
        return assigned[1] + "0" + " " * (len(assigned[2]) - 1)
    indent = len(line) - len(line.lstrip(" \t"))
    if indent and not line.startswith("%%", indent):
        return line[:indent] + "0" + " " * (len(line) - indent - 1)
    return " " * len(line)


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook file: its code cells as a module, and where each stands in the file.

    numbers: the 1-based position of each code cell among all cells of the notebook.
    sources: the range of each code cell's `source` value in `raw`.
    """

    raw: str
    module: Module
    numbers: tuple[int, ...]
    sources: tuple[tuple[int, int], ...]

    def place(self, line: int) -> tuple[int | None, int]:
        """The number of the cell that holds the module's 0-based `line` (None without cells), the line within it."""
        if not self.numbers:
            return None, line
        index, within = self.module.cell_at(line)
        return self.numbers[index], within

    def with_cells(self, texts: dict[int, str]) -> str:
        """The file with new texts for the code cells at those indexes; everything else stays byte for byte."""
        pieces, position = [], 0
        escape = not re.search(r"[^\x00-\x7f]", self.raw) and "\\u" in self.raw
        for index, text in sorted(texts.items()):
            start, end = self.sources[index]
            pieces += [self.raw[position:start], _encode_source(self.raw[start:end], text, escape)]
            position = end
        return "".join([*pieces, self.raw[position:]])


def read_notebook(raw: str) -> Notebook:
    """The notebook in the text of an .ipynb file.

    A notebook in another language than Python has no code cells here. Raises NotebookError for what is not a
    notebook of format 4.
    """
    try:
        document = json.loads(raw)
    except json.JSONDecodeError as error:
        raise NotebookError(f"is not JSON, so not a notebook: {error.msg}", error.lineno - 1) from None
    except RecursionError:
        raise NotebookError("is nested too deeply to be a notebook") from None
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise NotebookError("is not a notebook of format 4 (it has no list of cells): save it again in Jupyter")
    texts, numbers, sources = [], [], []
    spans = _source_spans(raw) if _is_python(document) else []
    for number, (cell, span) in enumerate(zip(document["cells"], spans, strict=False), start=1):
        source = cell.get("source") if isinstance(cell, dict) else None
        if not isinstance(cell, dict) or cell.get("cell_type") != "code" or span is None or not _is_python_cell(cell):
            continue
        if isinstance(source, list) and all(isinstance(piece, str) for piece in source):
            source = "".join(source)
        if isinstance(source, str):
            texts.append(source)
            numbers.append(number)
            sources.append(span)
    return Notebook(raw, join(texts), tuple(numbers), tuple(sources))


def _is_python(document: dict[str, object]) -> bool:
    metadata = document.get("metadata")
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        entry = metadata.get(key) if isinstance(metadata, dict) else None
        if isinstance(entry, dict) and isinstance(entry.get(name), str):
            return "python" in str(entry[name]).lower()
    return True


def _is_python_cell(cell: dict[str, object]) -> bool:
    metadata = cell.get("metadata")
    vscode = metadata.get("vscode") if isinstance(metadata, dict) else None
    language = vscode.get("languageId") if isinstance(vscode, dict) else None
    return language in (None, "python")


def _source_spans(raw: str) -> list[tuple[int, int] | None]:
    """The range in `raw` of each cell's `source` value; `raw` is known to be a JSON object with a list of cells."""
    cells = dict(_members(raw, 0))["cells"][0]
    return [
        dict(_members(raw, start)).get("source") if raw[start] == "{" else None for start, _ in _elements(raw, cells)
    ]


def _skip(raw: str, at: int) -> int:
    match = _SPACE.match(raw, at)
    return match.end() if match else at


def _members(raw: str, at: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """The keys of the JSON object at `at`, and the ranges of their values."""
    at = _skip(raw, _skip(raw, at) + 1)
    while raw[at] != "}":
        key, at = _DECODER.raw_decode(raw, at)
        start = _skip(raw, _skip(raw, at) + 1)
        _, end = _DECODER.raw_decode(raw, start)
        yield key, (start, end)
        at = _skip(raw, end)
        at = _skip(raw, at + 1) if raw[at] == "," else at


def _elements(raw: str, at: int) -> Iterator[tuple[int, int]]:
    """The ranges of the elements of the JSON array at `at`."""
    at = _skip(raw, at + 1)
    while raw[at] != "]":
        _, end = _DECODER.raw_decode(raw, at)
        yield at, end
        at = _skip(raw, end)
        at = _skip(raw, at + 1) if raw[at] == "," else at


def _encode_source(old: str, text: str, escape: bool) -> str:
    """`text` as a JSON value written the way `old` is: one string, or a list of lines with its layout."""
    if not old.startswith("["):
        return json.dumps(text, ensure_ascii=escape)
    spans = list(_elements(old, 0))
    known = {json.loads(old[start:end]): old[start:end] for start, end in spans}
    before = old[1 : spans[0][0]] if spans else ""
    after = old[spans[-1][1] : -1] if spans else ""
    between = old[spans[0][1] : spans[1][0]] if len(spans) > 1 else "," + (before or " ")
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    encoded = [known.get(line) or json.dumps(line, ensure_ascii=escape) for line in lines]
    return f"[{before}{between.join(encoded)}{after}]" if encoded else "[]"
