"""Top-level values are read once for all models; each gets lists, dicts and modules of its own."""

from __future__ import annotations

import pytest
from aimet_guidelines.engine import Project
from aimet_guidelines.reading import plain
from aimet_guidelines.reading.definitions import Assigned
from aimet_guidelines.reading.index import Index
from aimet_guidelines.reading.machine import Machine
from aimet_guidelines.reading.values import Module, Sequence, Value

_MODELS = """
from torch import nn


class First(nn.Module):
    def __init__(self):
        super().__init__()
        FIRST


class Second(nn.Module):
    def __init__(self):
        super().__init__()
        SECOND
"""


def _built(table: str, first: str, second: str, order: tuple[str, ...] = ("First", "Second")) -> list[dict[str, Value]]:
    text = _MODELS.replace("FIRST", first).replace("SECOND", second) + table
    project = Project.empty("/project").updated({"/project/models.py": text})
    index, facts = Index(project), project.files["/project/models.py"]
    found = {}
    for name in order:
        definition = facts.definition(facts.source.by_key[f"class {name}"])
        assert definition is not None
        found[name] = index.attributes(definition)
    return [found["First"], found["Second"]]


def test_a_table_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Assigned] = []
    run = Machine.run_at_module_level

    def noting(machine: Machine, assigned: Assigned) -> Value:
        read.append(assigned)
        return run(machine, assigned)

    monkeypatch.setattr(Machine, "run_at_module_level", noting)
    found = _built("\n\nSIZES = {'a': 1, 'b': [2, 3]}\n", "self.size = SIZES['a']", "self.size = SIZES['b']")
    assert [plain.describe(each["size"]) for each in found] == [
        ("constant", "int", 1),
        ("list", False, ("constant", "int", 2), ("constant", "int", 3)),
    ]
    assert len(read) == 1


def test_what_one_model_adds_to_a_list_another_does_not_see() -> None:
    found = _built("\n\nNAMES = ['x']\n", "NAMES.append('y')\n        self.names = NAMES", "self.names = NAMES")
    counts = [len(each["names"].items or ()) for each in found if isinstance(each["names"], Sequence)]
    assert counts == [2, 1]


def test_a_module_is_one_object_for_each_model() -> None:
    use = "self.one = ACT\n        self.two = ACT"
    found = _built("\n\nACT = nn.ReLU()\n", use, use)
    for attributes in found:
        one, two = attributes["one"], attributes["two"]
        assert isinstance(one, Module) and isinstance(two, Module)
        assert one.identity == two.identity
    assert found[0]["one"] is not found[1]["one"]


@pytest.mark.parametrize("order", [("First", "Second"), ("Second", "First")])
def test_in_a_circle_it_does_not_matter_who_asks_first(order: tuple[str, ...]) -> None:
    table = "\n\ndef one():\n    return [B]\n\n\ndef two():\n    return [A]\n\n\nA = one()\nB = two()\n"
    found = _built(table, "self.size = A", "self.size = B", order)
    alone = [
        _built(table, "self.size = A", "self.size = 0")[0],
        _built(table, "self.size = 0", "self.size = B", ("Second", "First"))[1],
    ]
    assert [plain.describe(each["size"]) for each in found] == [plain.describe(each["size"]) for each in alone]
