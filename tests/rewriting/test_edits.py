from __future__ import annotations

import itertools

import pytest
from aimet_guidelines.finding import Edit
from aimet_guidelines.positions import Span
from aimet_guidelines.rewriting import apply_edits, minimal_edits
from hypothesis import given, settings
from hypothesis import strategies as st

_TEXT = st.lists(
    st.tuples(
        st.sampled_from(["", "a", "ab", "é😀", "x = F.relu(x)", "\t# c ", "\f"]), st.sampled_from(["\n", "\r\n", "\r"])
    ),
    max_size=12,
).map(lambda lines: "".join(a + b for a, b in lines)) | st.text("ab\r\n😀", max_size=20)


@given(_TEXT, _TEXT)
@settings(max_examples=500, deadline=None)
def test_edits_turn_the_old_text_into_the_new(old: str, new: str) -> None:
    assert apply_edits(old, minimal_edits(old, new)) == new


@given(_TEXT, _TEXT)
@settings(max_examples=300, deadline=None)
def test_edits_are_disjoint_ordered_and_change_something(old: str, new: str) -> None:
    edits = minimal_edits(old, new)
    for before, after in itertools.pairwise(edits):
        assert before.span[2:] <= after.span[:2]
    assert all(edit.text or edit.span[:2] != edit.span[2:] for edit in edits)
    assert (edits == []) == (old == new)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4, unique=True))
def test_lines_that_stay_are_in_no_edit(changed: list[int]) -> None:
    lines = [f"line {number}\r\n" for number in range(31)]
    new = [line.replace("line", "row") if number in changed else line for number, line in enumerate(lines)]
    edits = minimal_edits("".join(lines), "".join(new))
    assert sorted({edit.span.line for edit in edits}) == sorted(changed)
    assert all(edit.span.line == edit.span.end_line for edit in edits)


@pytest.mark.parametrize(
    ("old", "new", "edits"),
    [
        ("x = F.relu(x)\n", "x = self.relu(x)\n", [Edit(Span(0, 4, 0, 5), "self")]),
        ('a = "é😀"; F.relu(x)\n', 'a = "é😀"; self.relu(x)\n', [Edit(Span(0, 10, 0, 11), "self")]),
        ("a\r\nc\r\n", "a\r\nb\r\nc\r\n", [Edit(Span(1, 0, 1, 0), "b\r\n")]),
        ("a\nb\nc\n", "a\nc\n", [Edit(Span(1, 0, 2, 0), "")]),
        ("a\nb\nc", "A\nb\nC", [Edit(Span(0, 0, 0, 1), "A"), Edit(Span(2, 0, 2, 1), "C")]),
        ("a", "a\n", [Edit(Span(0, 1, 0, 1), "\n")]),
        ("a\r\n", "a\n", [Edit(Span(0, 1, 1, 0), "\n")]),
    ],
)
def test_only_the_changed_characters_are_replaced(old: str, new: str, edits: list[Edit]) -> None:
    assert minimal_edits(old, new) == edits


def test_edits_at_one_place_keep_their_order() -> None:
    here = Span(0, 1, 0, 1)
    assert apply_edits("ad", [Edit(here, "b"), Edit(here, "c")]) == "abcd"


def test_overlapping_edits_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        apply_edits("abc", [Edit(Span(0, 0, 0, 2), ""), Edit(Span(0, 1, 0, 3), "")])
