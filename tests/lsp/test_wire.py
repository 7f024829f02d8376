"""The JSON of diagnostics is made once for what stays as it is."""

from __future__ import annotations

import json

from aimet_guidelines.finding import Finding, Location, Related, Severity
from aimet_guidelines.lsp.wire import Columns, Place, Texts
from aimet_guidelines.positions import Span


def _finding(line: int, related: tuple[Related, ...] = ()) -> Finding:
    return Finding(
        "AIMET101", "functional-layer", "/p.py", Span(line, 1, line, 4), "Say", Severity.WARNING, "x", (), related
    )


def _lines(texts: Texts, findings: list[Finding], first: int = 0) -> list[int]:
    place = Place("file:///p.py", Columns("\n" * 9), first)
    return [each["range"]["start"]["line"] for each in json.loads(texts.array(findings, place, lambda *_: place))]


def test_a_finding_that_stays_is_written_as_before() -> None:
    texts, finding = Texts(), _finding(3)
    assert _lines(texts, [finding]) == _lines(texts, [finding]) == [3]
    assert _lines(texts, [_finding(4), finding]) == [4, 3]


def test_a_finding_whose_cell_begins_elsewhere_is_written_anew() -> None:
    texts, finding = Texts(), _finding(3)
    assert _lines(texts, [finding]) == [3]
    assert _lines(texts, [finding], first=2) == [1]


def test_a_related_place_is_where_it_is_now() -> None:
    texts = Texts()
    finding = _finding(3, (Related(Location("/q.py", Span(5, 0, 5, 1)), "here"),))
    here = Place("file:///p.py", Columns(""))
    for first in (0, 2):
        there = Place("file:///q.py", Columns(""), first)
        (shown,) = json.loads(texts.array([finding], here, lambda *_, there=there: there))
        assert shown["relatedInformation"][0]["location"]["range"]["start"]["line"] == 5 - first


def _related_column(texts: Texts, finding: Finding, text: str, cell: bool = False, first: int = 0) -> tuple[int, int]:
    here = Place("file:///p.py", Columns(text), whole=not cell)
    there = Place("file:///p.py", Columns(text), first, whole=not cell)
    (shown,) = json.loads(texts.array([finding], here, lambda *_: there))
    start = shown["relatedInformation"][0]["location"]["range"]["start"]
    return start["line"], start["character"]


def test_a_related_place_in_the_same_file_counts_in_the_text_as_it_is_now() -> None:
    texts = Texts()
    finding = _finding(0, (Related(Location("/p.py", Span(1, 2, 1, 3)), "here"),))
    assert _related_column(texts, finding, "x = 1\nabc") == (1, 2)
    assert _related_column(texts, finding, "x = 1\n😀bc") == (1, 3)
    assert _related_column(texts, finding, "x = 1\nabc") == (1, 2)


def test_a_related_place_in_another_cell_is_where_that_begins() -> None:
    texts = Texts()
    finding = _finding(0, (Related(Location("/p.py", Span(5, 0, 5, 1)), "here"),))
    assert _related_column(texts, finding, "x", cell=True, first=4) == (1, 0)
    assert _related_column(texts, finding, "x", cell=True, first=3) == (2, 0)
