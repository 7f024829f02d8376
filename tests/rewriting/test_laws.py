"""What holds for every repair: it is whole or not there, and nothing else changes."""

from __future__ import annotations

import ast
import itertools

import pytest
from aimet_guidelines.finding import CallModule, InsertStatements, NewElement, ReplaceCallee, ReplaceText, Step
from aimet_guidelines.positions import Span, split_lines
from aimet_guidelines.rewriting import apply_edits, minimal_edits, rewrite
from hypothesis import given, settings
from hypothesis import strategies as st

from .marking import TORCH, at, module, run, span_of

SOURCE = (
    "@register  \n"
    "class Net(nn.Module):  # é😀\t\n"
    "\t'''Doc\n  with text.'''\n"
    "\n"
    "\tdef __init__(self):\n"
    "\t\tsuper().__init__()\n"
    "\t\tself.conv = c()   \n"
    "\n"
    "\tdef forward(self, x):  \n"
    "\t\tx = F.relu(x)\n"
    "\t\t# between\n"
    "\t\ty = '😀'; x = F.relu(x + F.relu(x))   # é\n"
    "\t\treturn f'{F.relu(x)}', [F.relu(x) for x in (x,)]   "
)


def relu_steps(source: str) -> list[Step]:
    """A step for each call of relu outside the f-string."""
    steps: list[Step] = []
    for number in range(2):
        place = at(source, "F.relu(x)", number)
        inner = place._replace(column=place.end_column - 2, end_column=place.end_column - 1)
        steps.append(CallModule(place, module(), (inner,)))
    outer = at(source, "F.relu(x + F.relu(x))")
    steps.append(CallModule(outer, module(), (at(source, "x + F.relu(x)"),)))
    return steps


@given(
    st.lists(st.sampled_from([0, 1, 2]), unique=True),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\n", "\n\n# after\n"]),
)
@settings(deadline=None)
def test_other_lines_stay(chosen: list[int], newline: str, end: str) -> None:
    source = (SOURCE + end).replace("\n", newline)
    steps = relu_steps(source)
    result = rewrite(source, [steps[number] for number in chosen], TORCH)
    assert result.failed == ()
    ast.parse(result.text)
    edits = minimal_edits(source, result.text)
    assert apply_edits(source, edits) == result.text
    repaired_lines = {10 if number == 0 else 12 for number in chosen}
    before, after = split_lines(source), split_lines(result.text)
    del after[8 : 8 + len(chosen)]
    assert len(before) == len(after)
    assert {line for line in range(len(before)) if before[line] != after[line]} == repaired_lines
    assert result.text.count(newline) == source.count(newline) + len(chosen)


SPANS = st.builds(Span, st.integers(-1, 15), st.integers(-1, 30), st.integers(-1, 15), st.integers(-1, 30))
PARTS = st.lists(SPANS, max_size=2).map(tuple)
STEPS = st.one_of(
    st.builds(CallModule, SPANS, st.just(module()), st.tuples(SPANS)),
    st.builds(ReplaceCallee, SPANS, st.builds(module, copy_of=SPANS)),
    st.builds(NewElement, SPANS, SPANS),
    st.builds(ReplaceText, SPANS, st.sampled_from(["f({0})", "{0}", "", "(", "{1}", "x"]), PARTS),
)


@given(st.lists(STEPS, max_size=3))
@settings(max_examples=300, deadline=None)
def test_wrong_places_are_reported_and_never_raise(steps: list[Step]) -> None:
    result = rewrite(SOURCE, [*steps, relu_steps(SOURCE)[0]], TORCH)
    ast.parse(result.text)
    assert all(reason and 0 <= index <= len(steps) for index, reason in result.failed)
    if len(result.failed) == len(steps) + 1:
        assert result.text == SOURCE


TEMPLATES = st.sampled_from(["f({0})", "", "{0}"])
NODES = [span_of(SOURCE, node) for node in ast.walk(ast.parse(SOURCE)) if hasattr(node, "lineno")]


@given(
    st.lists(
        st.one_of(
            st.builds(CallModule, st.sampled_from(NODES), st.just(module()), st.tuples(st.sampled_from(NODES))),
            st.builds(ReplaceCallee, st.sampled_from(NODES), st.just(module(beside="conv"))),
            st.builds(NewElement, st.sampled_from(NODES), st.sampled_from(NODES)),
            st.builds(
                ReplaceText,
                st.sampled_from(NODES),
                st.sampled_from(["f({0})", "", "{0}"]),
                st.tuples(st.sampled_from(NODES)),
            ),
        ),
        max_size=5,
    )
)
@settings(max_examples=400, deadline=None)
def test_any_steps_together_leave_valid_python(steps: list[Step]) -> None:
    result = rewrite(SOURCE, steps, TORCH)
    ast.parse(result.text)
    if len(result.failed) == len(steps):
        assert result.text == SOURCE


def failing(source: str, step: Step) -> str:
    """The reason for which a step that must fail leaves everything as it is."""
    result = run(source, step)
    assert result.text == source
    assert result.imports == ()
    ((index, reason),) = result.failed
    assert index == 0
    return reason


NET = (
    "class Net(nn.Module):\n    @staticmethod\n    def f(x):\n        return g(x), f'{h(x)}'\n\n\n"
    "def g(x):\n    return x\n"
)
X = at(NET, "x", 0)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (CallModule(at(NET, "g(x)"), module(owner="Other"), (X,)), "there is no class Other"),
        (CallModule(at(NET, "g(x)"), module(), (X,)), "not inside a method of Net"),
        (CallModule(at(NET, "x", 2), module(), ()), "not inside a method of Net"),
        (CallModule(at(NET, "g(x)"), module(), (at(NET, "x", 2),)), "lies outside the call"),
        (CallModule(Span(3, 15, 3, 18), module(), ()), "no expression at the given place"),
        (ReplaceText(at(NET, "g(x)"), "{1}", (X,)), "cannot be filled in"),
        (ReplaceText(at(NET, "g(x)"), "f("), "not be valid Python"),
        (ReplaceText(Span(3, 17, 3, 17), "f"), "no expression or statement at the given place"),
    ],
)
def test_reasons(step: Step, reason: str) -> None:
    assert reason in failing(NET, step)


def test_a_parameter_is_removed_with_its_default() -> None:
    source = "def f(x, y=1):\n    return x\n"
    name, default = at(source, "y", 0, ast.arg), at(source, "1")
    assert "with its default" in failing(source, ReplaceText(name, ""))
    whole = name._replace(end_line=default.end_line, end_column=default.end_column)
    assert run(source, ReplaceText(whole, "")).text == "def f(x):\n    return x\n"


def test_bad_module_arguments() -> None:
    step = relu_steps(SOURCE)[0]
    assert isinstance(step, CallModule)
    bad = CallModule(step.span, module(args=("1, (",)), step.arguments)
    assert "not valid Python" in failing(SOURCE, bad)
    unknown = CallModule(step.span, module(cls="a.B", args=("1, (",)), step.arguments)
    assert "not valid Python" in failing(SOURCE, unknown)
    named = CallModule(step.span, module("for"), step.arguments)
    assert "cannot be the name of an attribute" in failing(SOURCE, named)


def test_a_step_that_breaks_the_code_is_left_out_and_the_others_go_on() -> None:
    steps = [*relu_steps(SOURCE)[:1], ReplaceText(at(SOURCE, "c()"), "c("), *relu_steps(SOURCE)[2:]]
    result = run(SOURCE, *steps)
    assert result.failed == ((1, "the result would not be valid Python"),)
    assert "self.relu2(x + F.relu(x))" in result.text


def test_code_nested_too_deeply_is_left_alone() -> None:
    depth = 400
    source = f"class Net(nn.Module):\n    def f(self, x):\n        return x{' + x' * depth}\n"
    places = [Span(2, 15, 2, 16 + 4 * number) for number in range(depth + 1)]
    steps = [
        CallModule(place, module("add"), (before, Span(2, place.end_column - 1, 2, place.end_column)))
        for before, place in itertools.pairwise(places)
    ]
    result = run(source, *steps)
    assert result.text == source
    assert result.failed == tuple((index, "the code is nested too deeply") for index in range(depth))


def test_equal_steps_are_one() -> None:
    step = relu_steps(SOURCE)[0]
    assert run(SOURCE, step, step) == run(SOURCE, step)


def test_two_repairs_of_one_place() -> None:
    step = relu_steps(SOURCE)[0]
    assert isinstance(step, CallModule)
    result = run(SOURCE, step, ReplaceText(step.span, "g(x)"))
    assert result == run(SOURCE, step)._replace(failed=((1, "another repair replaces the same code"),))


def test_repair_within_replaced_code() -> None:
    inner = relu_steps(SOURCE)[1]
    result = run(SOURCE, inner, ReplaceText(at(SOURCE, "x + F.relu(x)"), "z"))
    assert result.failed == ((0, "another repair replaces the code around it"),)
    assert "nn.ReLU" not in result.text
    assert "F.relu(z)" in result.text


def test_code_that_does_not_parse_takes_only_insertions() -> None:
    source = "class Net(:\n    pass\n"
    result = rewrite(source, [ReplaceText(Span(0, 0, 0, 5), "x"), InsertStatements("y = 1")], TORCH)
    assert result == (source + "\n\ny = 1\n", (), ((0, "the code does not parse"),), "")
