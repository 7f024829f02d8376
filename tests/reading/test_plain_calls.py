"""Calls that depend on plain values only are read once; what they do is the same as if each was read."""

from __future__ import annotations

import pytest
from aimet_guidelines.engine import Project
from aimet_guidelines.reading import plain
from aimet_guidelines.reading.index import Index
from aimet_guidelines.reading.values import Const, Module, Sequence, Value

_HEAD = """
import torch
from torch import nn


class Base(nn.Module):
    kind = "a"

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.set_up()

    def set_up(self):
        BODY

    def hook(self):
        return 1

    def grow(self, names):
        names.append("y")


def helper(n):
    return n * 2


def again(n):
    return again(n - 1) if n else helper(1)


class First(Base):
    def __init__(self, config):
        super().__init__(config)


class Second(Base):
    CLASS

    def __init__(self, config):
        super().__init__(config)
"""


def _attributes(body: str, second: str = "pass") -> tuple[dict[str, Value], dict[str, Value]]:
    text = _HEAD.replace("BODY", body.replace("\n", "\n        ")).replace("CLASS", second.replace("\n", "\n    "))
    project = Project.empty("/project").updated({"/project/models.py": text})
    index, facts = Index(project), project.files["/project/models.py"]
    found = []
    for name in ("First", "Second"):
        definition = facts.definition(facts.source.by_key[f"class {name}"])
        assert definition is not None
        found.append(index.attributes(definition))
    return found[0], found[1]


def _constants(attributes: dict[str, Value]) -> dict[str, object]:
    return {name: value.value for name, value in attributes.items() if isinstance(value, Const)}


def test_a_set_up_that_is_the_same_gives_every_class_its_attributes() -> None:
    first, second = _attributes("self.size = 3\nself.half = self.size")
    assert _constants(first) == _constants(second) == {"size": 3, "half": 3}


def test_a_set_up_follows_what_a_class_says_of_itself() -> None:
    first, second = _attributes("self.size = 3 if self.kind == 'a' else 5", "kind = 'b'")
    assert (_constants(first)["size"], _constants(second)["size"]) == (3, 5)


def test_a_set_up_follows_methods_that_a_class_overrides() -> None:
    first, second = _attributes("self.size = self.hook()", "def hook(self):\n    return 2")
    assert (_constants(first)["size"], _constants(second)["size"]) == (1, 2)


def test_a_set_up_follows_super() -> None:
    middle = "def hook(self):\n    return super().hook()"
    first, second = _attributes("self.size = self.hook()", middle)
    assert (_constants(first)["size"], _constants(second)["size"]) == (1, 1)


def test_modules_belong_to_the_class_that_makes_them() -> None:
    first, second = _attributes("self.layer = nn.Linear(2, 2)")
    one, other = first["layer"], second["layer"]
    assert isinstance(one, Module) and isinstance(other, Module)
    assert one.identity != other.identity


def test_lists_are_not_shared() -> None:
    first, second = _attributes("self.names = ['x']")
    one, other = first["names"], second["names"]
    assert isinstance(one, Sequence) and isinstance(other, Sequence)
    assert one is not other and one.items is not other.items
    assert one.items is not None and [getattr(each, "value", None) for each in one.items] == ["x"]


def test_a_list_that_a_call_changes_is_changed_for_every_class() -> None:
    body = "self.names = ['x']\nself.grow(self.names)\nself.others = ['x']\nself.grow(self.others)"
    for attributes in _attributes(body):
        for name in ("names", "others"):
            held = attributes[name]
            assert isinstance(held, Sequence) and held.items is not None
            assert [getattr(each, "value", None) for each in held.items] == ["x", "y"]


_BODIES = {
    "constants": "self.size = 3",
    "branch": "if self.config.deep:\n    self.size = 4\nelse:\n    self.other = 2",
    "loop": "for name in ('a', 'b'):\n    self.last = name",
    "given": "self.names = ['x']\nself.grow(self.names)",
    "joined": "self.size = 1\nif self.config.deep:\n    self.size = 2",
    "nested": "self.size = self.hook() + helper(2)",
    "recursive": "self.size = again(3)",
    "buffer": "self.register_buffer('table', torch.zeros(3))\nself.size = 1",
}


@pytest.mark.parametrize("body", _BODIES.values(), ids=_BODIES.keys())
def test_remembered_calls_do_what_reading_them_does(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    remembered = [{k: plain.describe(v) for k, v in each.items()} for each in _attributes(body)]
    monkeypatch.setattr(plain, "_key", lambda *_: None)
    read = [{k: plain.describe(v) for k, v in each.items()} for each in _attributes(body)]
    assert remembered == read
    assert len(remembered[1]) > 1


def test_a_call_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    repeated: list[str] = []
    repeat = plain._repeat

    def counting(m: object, owner: object, known: plain.Outcome) -> Value:
        repeated.append("call")
        return repeat(m, owner, known)  # type: ignore[arg-type]

    monkeypatch.setattr(plain, "_repeat", counting)
    _attributes("self.size = 3")
    assert repeated  # the second class takes what reading the first one's set-up found
