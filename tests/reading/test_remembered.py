"""Calls that depend on plain values only are read once; what they do is the same as if each was read."""

from __future__ import annotations

from typing import Any

import pytest
from aimet_guidelines.engine import Project
from aimet_guidelines.reading import plain, remembered
from aimet_guidelines.reading.index import Index
from aimet_guidelines.reading.values import Const, Instance, Module, Sequence, Value

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


def _family(text: str, *names: str, project: Project | None = None) -> tuple[Project, list[dict[str, Value]]]:
    project = (project or Project.empty("/project")).updated({"/project/models.py": text})
    index, facts = Index(project), project.files["/project/models.py"]
    found = []
    for name in names:
        definition = facts.definition(facts.source.by_key[f"class {name}"])
        assert definition is not None
        found.append(index.attributes(definition))
    return project, found


def _attributes(body: str, second: str = "pass") -> tuple[dict[str, Value], dict[str, Value]]:
    text = _HEAD.replace("BODY", body.replace("\n", "\n        ")).replace("CLASS", second.replace("\n", "\n    "))
    _, found = _family(text, "First", "Second")
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
    known = [{k: plain.describe(v) for k, v in each.items()} for each in _attributes(body)]
    monkeypatch.setattr(remembered, "_key", lambda *_: None)
    read = [{k: plain.describe(v) for k, v in each.items()} for each in _attributes(body)]
    assert known == read
    assert len(known[1]) > 1


def test_a_call_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    repeated = _counted(monkeypatch)
    _attributes("self.size = 3")
    assert repeated  # the second class takes what reading the first one's set-up found


_OBJECTS = """
from torch import nn


class Settings:
    size: int
    part: Inner
    mode: str = "a"

    @property
    def kind(self):
        return KIND

    @kind.setter
    def kind(self, value):
        self._kind = value

    def inner(self):
        return Inner()


class FirstSettings(Settings):
    pass


class SecondSettings(Settings):
    OWN


class Inner:
    @property
    def sign(self):
        return 1


class Other:
    @property
    def sign(self):
        return -1


def look(settings, other):
    SHARED


class First(nn.Module):
    def __init__(self, settings: FirstSettings, other: FirstSettings):
        super().__init__()
        self.seen = look(settings, other)


class Second(nn.Module):
    def __init__(self, settings: SecondSettings, other: OTHER):
        super().__init__()
        self.seen = look(settings, other)
"""


def _seen(shared: str, own: str, other: str, kind: str) -> list[Value]:
    text = _OBJECTS.replace("SHARED", shared).replace("OWN", own).replace("OTHER", other).replace("KIND", kind)
    _, found = _family(text, "First", "Second")
    return [attributes["seen"] for attributes in found]


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The trees of the calls that are taken from memory from now on."""
    repeated: list[Any] = []
    repeat = remembered._repeat

    def counting(*given: Any) -> Any:
        found = repeat(*given)
        if found is not None:
            repeated.append(given[-1])
        return found

    monkeypatch.setattr(remembered, "_repeat", counting)
    return repeated


@pytest.mark.parametrize(
    "shared", ["return settings.kind", "return settings.inner().missing", "return settings.mode + settings.kind"]
)
def test_an_object_counts_by_what_is_read_of_it(shared: str, monkeypatch: pytest.MonkeyPatch) -> None:
    repeated = _counted(monkeypatch)
    first, second = _seen(shared, "pass", "SecondSettings", "'k'")
    assert any(isinstance(each.first, remembered._Branch) for each in repeated)
    assert plain.describe(first) == plain.describe(second)


@pytest.mark.parametrize(
    ("shared", "own"),
    [
        ("return settings.kind", "def kind(self): return 2"),
        ("return settings.kind", "@property\n    def kind(self): return 2"),
        ("return settings.inner()", "def inner(self): return self"),
        ("return settings.size", "size: str"),
        ("return (settings.size, settings.size)", "size: Inner"),
        ("settings.part\n    return settings.part.sign", "part: Other"),
    ],
)
def test_objects_that_differ_in_what_is_read_are_read_each(shared: str, own: str) -> None:
    first, second = _seen(shared, own, "SecondSettings", "1")
    assert plain.describe(first) != plain.describe(second)


def test_a_call_yields_the_object_that_it_got(monkeypatch: pytest.MonkeyPatch) -> None:
    repeated = _counted(monkeypatch)
    first, second = _seen("return other", "pass", "Inner", "1")
    assert repeated
    assert isinstance(first, Instance) and first.definition.name == "FirstSettings"
    assert isinstance(second, Instance) and second.definition.name == "Inner"


@pytest.mark.parametrize("shared", ["return [other]", "return other.inner", "return {'a': other}"])
def test_what_holds_an_object_is_read_each_time(shared: str) -> None:
    own = "def inner(self): return 1"
    first, second = _seen(shared, own, "SecondSettings", "1")
    assert plain.describe(first) != plain.describe(second)


def test_what_an_outer_call_reads_through_a_remembered_one_counts() -> None:
    shared = "return through(settings)\n\ndef through(settings):\n    return settings.kind"
    first, second = _seen(shared, "@property\n    def kind(self): return 2", "SecondSettings", "1")
    assert [plain.describe(first), plain.describe(second)] == [("constant", "int", 1), ("constant", "int", 2)]


def test_a_property_with_a_setter_is_what_its_getter_returns() -> None:
    first, _ = _seen("return settings.kind", "pass", "SecondSettings", "'k'")
    assert isinstance(first, Const) and first.value == "k"


_FAMILY = """
import torch
from torch import nn


class Base(nn.Module):
    kind = 0

    def __init__(self):
        super().__init__()
        self.size = self.kind
        self.set_up()

    def set_up(self):
        BODY

    def width(self):
        return self.size


def helper():
    return 1


class Body(Base):
    kind = 7


class Other(Base):
    kind = 8
"""


def test_each_of_many_classes_that_differ_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{letter}{number}" for number in range(20) for letter in "AB"]
    classes = "".join(f"\n\nclass {name}(Base):\n    kind = {name[1:]}\n" for name in names)
    repeated = _counted(monkeypatch)
    _, found = _family(_FAMILY.replace("BODY", "pass") + classes, *names)
    assert [_constants(each)["size"] for each in found] == [int(name[1:]) for name in names]
    assert len(repeated) >= 20  # the second class of each kind


def test_another_module_is_asked_for_what_it_holds_itself() -> None:
    owner = """

class Owner(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.other = Body(), Other()
        self.one, self.two = self.body.width(), self.other.width()
"""
    _, (found,) = _family(_FAMILY.replace("BODY", "pass") + owner, "Owner")
    assert (_constants(found)["one"], _constants(found)["two"]) == (7, 8)


_HEADS = """

class First(Base):
    def __init__(self):
        nn.Module.__init__(self)
        self.body = Body()
        self.set_up()


class Second(Base):
    def __init__(self):
        nn.Module.__init__(self)
        self.body = MADE
        self.set_up()
"""


@pytest.mark.parametrize(
    ("body", "made", "same"),
    [
        ("self.wide = self.body.width()", "Body()", True),
        ("self.wide = self.body.width()", "Other()", False),
        ("self.wide = self.body is self.again", "Body()", True),
    ],
)
def test_a_submodule_counts_by_how_it_was_made(
    body: str, made: str, same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = _FAMILY.replace("BODY", body) + _HEADS.replace("MADE", made)
    _, known = _family(text, "First", "Second")
    first, second = (plain.describe(each["wide"]) for each in known)
    assert (first == second) is same
    monkeypatch.setattr(remembered, "_key", lambda *_: None)
    _, read = _family(text, "First", "Second")
    assert [plain.describe(each["wide"]) for each in read] == [first, second]


def test_a_call_that_yields_a_submodule_yields_that_of_its_own_class(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _FAMILY.replace("BODY", "self.alias = self.own()\n\n    def own(self):\n        return self.body")
    repeated = _counted(monkeypatch)
    _, found = _family(text + _HEADS.replace("MADE", "Body()"), "First", "Second")
    assert repeated
    for attributes in found:
        assert attributes["alias"] is attributes["body"]
    assert found[0]["alias"] is not found[1]["alias"]


def test_attributes_under_unknown_names_are_set_again(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _FAMILY.replace("BODY", "for name in open('names'):\n            setattr(self, name, 1)")
    repeated = _counted(monkeypatch)
    project = Project.empty("/project").updated({"/project/models.py": text})
    index, facts = Index(project), project.files["/project/models.py"]
    for name in ("Base", "Body"):
        definition = facts.definition(facts.source.by_key[f"class {name}"])
        assert definition is not None
        assert index.built(definition).dynamic
    assert repeated


def test_numbers_of_a_loop_that_is_done_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "self.names = {}\nfor name, _ in self.named_children():\n    self.names.update({name: f'{name}.x'})"
    repeated = _counted(monkeypatch)
    _, found = _family(_FAMILY.replace("BODY", body.replace("\n", "\n        ")), "Base", "Body")
    assert repeated
    assert [type(each["names"]).__name__ for each in found] == ["Dictionary", "Dictionary"]
    assert found[0]["names"] is not found[1]["names"]


def test_what_was_read_for_a_class_stays_when_that_class_is_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    classes = "\n\nclass First(Base):\n    kind = 1\n\n\nclass Second(Base):\n    kind = 2\n"
    text = _FAMILY.replace("BODY", "self.more = helper()") + classes
    project, _ = _family(text, "First")
    repeated = _counted(monkeypatch)
    edited = text.replace("    kind = 1\n", "    kind = 2\n\n    def extra(self):\n        pass\n")
    project, found = _family(edited.replace("kind = 8", "kind = 1"), "Other", project=project)
    assert repeated and _constants(found[0]) == {"size": 1, "more": 1}
    repeated.clear()
    project, found = _family(edited.replace("return 1", "return 3"), "First", "Second", project=project)
    assert [_constants(each)["more"] for each in found] == [3, 3]


_SHARED = """
import torch
from torch import nn


class Base(nn.Module):
    kind = None

    def __init__(self):
        super().__init__()
        self.seen = self.look()

    def look(self):
        return self.kind
"""


@pytest.mark.parametrize(("kind", "taken"), [("1", True), ("Own", False)])
def test_of_a_file_that_stays_calls_are_kept_that_found_nothing_of_others(
    kind: str, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: dict[str, str | None] = {"/project/shared.py": _SHARED}
    for name in ("First", "Second"):
        head = f"from shared import Base\n\n\nclass Own:\n    pass\n\n\nclass {name}(Base):\n    kind = "
        texts[f"/project/{name}.py"] = head + ("Own\n" if name == "First" else f"{kind}\n")
    texts["/project/Other.py"] = "from shared import Base\n\n\nclass Other(Base):\n    kind = 1\n"
    project = Project.empty("/project").updated(texts)

    def seen(project: Project, name: str) -> Value:
        facts = project.files[f"/project/{name}.py"]
        definition = facts.definition(facts.source.by_key[f"class {name}"])
        assert definition is not None
        return Index(project).attributes(definition)["seen"]

    seen(project, "First"), seen(project, "Other")
    kept = frozenset({"/project/shared.py"})
    following = project.unread(kept)
    project.let_go(kept)
    repeated = _counted(monkeypatch)
    found = seen(following, "Second")
    assert bool(repeated) is taken
    facts = following.files["/project/Second.py"]
    own = facts.definition(facts.source.by_key["class Own"])
    assert plain.describe(found) == (("constant", "int", 1) if taken else ("class", own))


def test_outcomes_that_take_the_place_of_others_do_not_fill_a_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_OUTCOMES", 3)
    text = _FAMILY.replace("BODY", "self.more = helper()")
    project, _ = _family(text, "Body")
    for number in range(5):
        text = text.replace(f"return {number + 1}", f"return {number + 2}")
        project, _ = _family(text, "Body", project=project)
    repeated = _counted(monkeypatch)
    text += "\n\nclass Last(Base):\n    kind = 7\n"
    _, (found,) = _family(text, "Last", project=project)
    assert "Base.set_up" in [tree.given[1].name for tree in repeated]
    assert _constants(found) == {"size": 7, "more": 6}
