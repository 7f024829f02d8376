"""An edited class is parsed in part, and its tree is the one that parsing it whole gives."""

from __future__ import annotations

import ast

import pytest
from aimet_guidelines.reading.file_facts import FileFacts
from aimet_guidelines.reading.source import Source, Statement, read
from hypothesis import given, settings
from hypothesis import strategies as st

CLASS = '''\
import torch

@decorated
class Net(nn.Module):
    """What it
    is."""

    width = 8

    def __init__(self, act=nn.ReLU):
        super().__init__()
        self.act = act()
        text = """
    def inside(self): ...
    """

    @torch.no_grad()
    # about the method below
    @property
    def long(
        self, é="é",
    ):
        x = (self.width,
             2)

        return x  # done

    def one_line(self): return self.width

    if torch:
        def hidden(self):
            return 1
    async def waits(self):
        await self

    def forward(self, x, *, y: int = 3) -> torch.Tensor:
        if x:
            x = f"""{x}
            """
        else:
            def inner():
                return 'a'
        return x


def other(x):
    return x
'''

_LINES = [
    "",
    "x = 1",
    "    y = 2",
    "        z = 3",
    "        return x",
    "    @property",
    "@property",
    "else:",
    "    else:",
]
_NAMES = ["other", "Net", "torch.nn", "Net.forward", "torch", "nn", " other(x) "]
_PIECES = [
    *"\n\t\f ()['\"#\\:é𝛼\0",
    *["", "\r\n", "    ", '"""', "'''", "\\\n", "if x:", "lambda: 0", "; b = 2", "async ", "except X:\n"],
    *(f"{line}\n" for line in _LINES),
    "    def more(self):\n        pass\n",
    "class Inner:\n        a = 1\n",
]


def trees(source: Source) -> list[tuple[str, list[str] | None]]:
    """Each statement with the dump of its tree, None where it does not parse."""
    return [(each.key, _dump(each)) for _, each in source.statements]


def _dump(statement: Statement) -> list[str] | None:
    body = statement.body
    if statement.error is not None and statement.is_definition:
        return None
    return [ast.dump(node, include_attributes=True) for node in body]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), st.sampled_from(_PIECES)), min_size=1, max_size=6))
def test_an_edited_class_has_the_tree_of_its_text(edits: list[tuple[float, int, str]]) -> None:
    text = CLASS
    source = read(text)
    trees(source)
    for where, deleted, piece in edits:
        at = int(where * len(text))
        text = text[:at] + piece + text[at + deleted :]
        source = read(text, source)
        if len(piece) % 2:  # some versions nobody looks at
            assert trees(source) == trees(read(text))
    assert trees(source) == trees(read(text))


@pytest.mark.parametrize(
    "old, new", [("return x\n\n\ndef", "return -x\n\n\ndef"), ("             2)", "             3)")]
)
def test_an_edited_method_leaves_the_others_alone(old: str, new: str) -> None:
    source = read(CLASS)
    before = source.by_key["class Net"].body[0]
    after = read(CLASS.replace(old, new), source).by_key["class Net"].body[0]
    assert isinstance(before, ast.ClassDef)
    assert isinstance(after, ast.ClassDef)
    shared = [one is two for one, two in zip(before.body, after.body, strict=True)]
    assert shared.count(False) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("        return x  # done\n\n", "        return x  # done\n    @property\n"),
        ("        return x  # done\n", '        return x  # done """\n'),
        ("        return x  # done\n", "        return x + \\\n"),
        ("        await self\n", "        await self\n    else:\n"),
        ("        return x  # done\n", "        return x  # done\n    y = 2\n"),
        ("        x = (self.width", "         x = (self.width"),
        ("             2)", "             2"),
    ],
)
def test_what_reaches_into_the_code_below_is_parsed_whole(old: str, new: str) -> None:
    source = read(CLASS)
    trees(source)
    text = CLASS.replace(old, new)
    assert text != CLASS
    assert trees(read(text, source)) == trees(read(text))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), st.sampled_from([*_PIECES, *_NAMES])), max_size=6))
def test_an_edited_file_mentions_what_its_text_does(edits: list[tuple[float, int, str]]) -> None:
    text = CLASS
    facts = FileFacts("/project/net.py", "net", read(text))
    for where, deleted, piece in edits:
        at = int(where * len(text))
        text = text[:at] + piece + text[at + deleted :]
        before, facts = facts, facts.after(read(text, facts.source))
        fresh = FileFacts("/project/net.py", "net", read(text))
        for name in before.mentioned | facts.mentioned | fresh.mentioned:
            assert [each.key for each in facts.mentioning(name)] == [each.key for each in fresh.mentioning(name)]
        assert facts.mentions_changed(before) == before.mentioned ^ fresh.mentioned
