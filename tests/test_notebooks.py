"""Notebooks: cells as one module, magics as blanks, edits back into the right cell, the file's own layout."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
from aimet_guidelines.finding import Edit
from aimet_guidelines.notebooks import NotebookError, blank_magics, join, read_notebook
from aimet_guidelines.positions import Span


def notebook(*cells: tuple[str, object], language: str = "python", **dump: Any) -> str:
    document = {
        "cells": [{"cell_type": kind, "metadata": {}, "source": source} for kind, source in cells],
        "metadata": {"language_info": {"name": language}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, **{"indent": 1, "ensure_ascii": False, **dump}) + "\n"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%matplotlib inline\nx = 1", "                  \nx = 1"),
        ("!pip install x\nx = 1", "              \nx = 1"),
        ("x = 1\n?x\nx?\nx.y??", "x = 1\n  \n  \n     "),
        ("!a 'b \\\n  c\nx = 1", "       \n   \nx = 1"),
        ("for a in b:\n    !ls\n", "for a in b:\n    0  \n"),
        ("files = !ls *.py\n", "files = 0       \n"),
        ("t = %timeit -o f()\n", "t = 0             \n"),
        ("%%bash\nls 'x\n", "      \n     \n"),
        ("%%time\nx = 1", "      \nx = 1"),
        ("x = (a\n% b)", "x = (a\n% b)"),
        ('x = """\n%d\n!\n"""', 'x = """\n%d\n!\n"""'),
        ("x = a \\\n% b", "x = a \\\n% b"),
        ("x = a % b != c", "x = a % b != c"),
        ("x %= 2", "x %= 2"),
        ("%cd a\r\nx = 1\r\n", "     \r\nx = 1\r\n"),
        ("pip install 'x>1'\ncd ..\nx = 1", "                 \n     \nx = 1"),
        ("time = 3\ntime -4\ncat[1]\nrun (2)", "time = 3\ntime -4\ncat[1]\nrun (2)"),
        (" %%capture\nx = 1", "          \nx = 1"),
    ],
)
def test_magics_become_blanks_of_the_same_shape(cell: str, expected: str) -> None:
    assert blank_magics(cell) == expected
    ast.parse(expected)


def test_positions_map_back_to_cells() -> None:
    text = notebook(("markdown", "# A"), ("code", ["a = 1\n", "b = 2"]), ("code", ""), ("code", "c = 3\n"))
    read = read_notebook(text)
    assert read.module.text == "a = 1\nb = 2\n\nc = 3\n"
    assert [read.place(line) for line in range(5)] == [(2, 0), (2, 1), (3, 0), (4, 0), (4, 1)]


def test_edits_go_to_their_cells() -> None:
    module = join(["a = 1\nb = 2", "c = 3"])
    edits = [Edit(Span(1, 4, 1, 5), "22"), Edit(Span(2, 0, 2, 1), "d"), Edit(Span(1, 0, 2, 0), "b = 0\n")]
    assert module.spread(edits) == {
        0: [Edit(Span(1, 4, 1, 5), "22"), Edit(Span(1, 0, 1, 5), "b = 0")],
        1: [Edit(Span(0, 0, 0, 1), "d")],
    }


@pytest.mark.parametrize(
    ("edit", "expected"),
    [(Edit(Span(0, 0, 1, 2), "x"), "over two cells"), (Edit(Span(2, 0, 2, 0), "import x\n"), "not Python")],
)
def test_edits_that_must_not_be(edit: Edit, expected: str) -> None:
    with pytest.raises(NotebookError, match=expected):
        join(["a = 1", "b = 2", "%%bash\nls"]).spread([edit])


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"indent": 2},
        {"indent": None},
        {"indent": None, "separators": (",", ":")},
        {"ensure_ascii": True},
        {"indent": "\t"},
    ],
)
@pytest.mark.parametrize("source", ["a = 1\nb = 'é 😀'\n", ["a = 1\n", "b = 'é 😀'\n"]])
def test_everything_but_the_cell_stays_byte_for_byte(layout: dict[str, Any], source: object) -> None:
    before = notebook(("markdown", "é"), ("code", source), ("code", "c = 3"), **layout)
    read = read_notebook(before)
    assert read.with_cells({0: read.module.cells[0]}) == before
    after = read.with_cells({0: "a = 10\nb = 'é 😀'\nz = 'ü'\n"})
    changed = ["a = 10\n", "b = 'é 😀'\n", "z = 'ü'\n"]
    expected = changed if isinstance(source, list) else "".join(changed)
    assert after == notebook(("markdown", "é"), ("code", expected), ("code", "c = 3"), **layout)


def test_a_notebook_in_another_language_has_no_cells() -> None:
    assert read_notebook(notebook(("code", "x <- 1"), language="R")).module.text == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{", "not JSON"), ("[]", "format 4"), ('{"worksheets": []}', "format 4"), ("", "not JSON")],
)
def test_what_is_no_notebook(text: str, expected: str) -> None:
    with pytest.raises(NotebookError, match=expected):
        read_notebook(text)


def test_odd_cells_are_passed_over() -> None:
    document = {
        "cells": [
            1,
            {},
            {"cell_type": "code"},
            {"cell_type": "code", "source": 5},
            {"cell_type": "code", "source": "x"},
        ]
    }
    assert read_notebook(json.dumps(document)).numbers == (5,)
