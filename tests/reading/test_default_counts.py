# ruff: noqa: E501  a table is read more easily with a case on a line
"""A loop whose count a default says has one round where the default is one and nobody passes more."""

from __future__ import annotations

import pytest

from .marked import HEAD, expected, read
from .workspace import Workspace, afresh

_NET = """
class Net(nn.Module):
    def __init__(self, {signature}):
        super().__init__()
        self.act = nn.ReLU()
        {init}

    def forward(self, x):
        for i in {loop}:
            x = self.act(x)  {mark}
        return x
"""


def _net(
    signature: str = "rounds: int = 1",
    loop: str = "range(self.rounds)",
    init: str = "self.rounds = rounds",
    again: bool = False,
    others: str = "",
) -> str:
    mark = "# 2 loop" if again else ""
    return HEAD + _NET.format(signature=signature, loop=loop, init=init, mark=mark) + others


_BASE = """
class Base(nn.Module):
    def __init__(self, *, rounds: int = 1):
        super().__init__()
        self.rounds = rounds
        self.act = nn.ReLU()

    @property
    def rounds(self):
        return self._rounds

    @rounds.setter
    def rounds(self, value):
        self._rounds = value

    def forward(self, x):
        for i in range(self.rounds):
            x = self.act(x)
        return x


class Net(Base):
    def __init__(self, **options):
        super().__init__(**options)
"""
_CONFIG = """
class Settings:
    def __init__(self, rounds={default}):
        self.rounds = rounds
"""
_DATA = """
@dataclass
class Settings:
    rounds: int = {default}
"""

_ONCE = {
    "one by default": _net(),
    "without an annotation": _net("rounds=1"),
    "none by default": _net("rounds=0"),
    "one fewer than two": _net("layers=2", "range(self.layers - 1)", "self.layers = layers"),
    "counted from one": _net("layers: int = 2", "range(1, self.layers)", "self.layers = layers"),
    "numbered": _net(loop="enumerate(range(self.rounds))"),
    "one, or as many": _net(loop="range(1 if self.training_only else self.rounds)"),
    "passed on to a base": HEAD + _BASE,
    "a caller that passes one": _net(others="\n\ndef make():\n    return Net(rounds=1)\n"),
    "a caller whose number is not known": _net(others="\n\ndef make(n):\n    return Net(rounds=n)\n"),
    "another class that is given more": _net(others="\n\ndef make():\n    return Net(), Other(rounds=3)\n"),
    "a setting": HEAD + _CONFIG.format(default=1) + _net("settings: Settings", init="self.rounds = settings.rounds"),
    "a declared setting": HEAD + _DATA.format(default=1) + _net("settings: Settings", "range(self.settings.rounds)", "self.settings = settings"),
}  # fmt: skip

_AGAIN = {
    "no default": _net("rounds: int", again=True),
    "more by default": _net("rounds: int = 2", again=True),
    "one more than one": _net(loop="range(self.rounds + 1)", again=True),
    "one, or more": _net(loop="range(3 if self.wide else self.rounds)", again=True),
    "a caller that passes more": _net(again=True, others="\n\ndef make():\n    return Net(rounds=3)\n"),
    "passed by place": _net(again=True, others="\n\ndef make():\n    return Net(2)\n"),
    "a caller with a default": _net(again=True, others="\n\ndef make(n=4):\n    return Net(rounds=n)\n"),
    "a constant of the file": _net(again=True, others="\n\nROUNDS = 4\n\n\ndef make():\n    return Net(rounds=ROUNDS)\n"),
    "called through a name": _net(again=True, others="\n\ndef make(cls=Net):\n    return cls(rounds=4)\n"),
    "made by a script": _net(again=True, others="\n\nnet = Net(rounds=3)\n"),
    "a setting": HEAD
    + _CONFIG.format(default=2)
    + _net("settings: Settings", init="self.rounds = settings.rounds", again=True),
    "a setting that somebody passes": HEAD
    + _CONFIG.format(default=1)
    + _net("settings: Settings", init="self.rounds = settings.rounds", again=True)
    + "\n\ndef make():\n    return Net(Settings(rounds=3))\n",
}  # fmt: skip


@pytest.mark.parametrize("name", _ONCE)
def test_one_round(name: str) -> None:
    assert read({"m.py": _ONCE[name]}) == expected({"m.py": _ONCE[name]})


@pytest.mark.parametrize("name", _AGAIN)
def test_more_rounds(name: str) -> None:
    assert read({"m.py": _AGAIN[name]}) == expected({"m.py": _AGAIN[name]})


def test_one_instance_put_into_a_list_as_often_as_a_default_says() -> None:
    body = "act = nn.ReLU()\n        self.s = nn.ModuleList()\n        for _ in range({0}):\n            self.s.append(act)"
    once = _net(init=body.format("rounds"), loop="()")
    more = _net("rounds: int = 2", init=body.format("rounds") + "  # 2 container", loop="()")
    for text in (once, more):
        assert read({"m.py": text}) == expected({"m.py": text})


@pytest.mark.parametrize("how", ["rounds={}", "{}"])
def test_a_caller_in_another_file_that_starts_to_pass_more(how: str) -> None:
    caller = "from m import Net\n\n\ndef make():\n    return Net({})\n"
    workspace = Workspace({"m.py": _net(), "n.py": caller.format(how.format(1))})
    for number in (3, 1, 2):
        workspace.edit("n.py", caller.format(how.format(number)))
        assert workspace.check(["m.py"]) == {"m.py": afresh(workspace.texts)["m.py"]}
        assert bool(workspace.check(["m.py"])["m.py"]) is (number > 1)


def test_a_script_in_another_file_that_starts_to_pass_more() -> None:
    workspace = Workspace({"m.py": _net(), "n.py": "from m import Net\n\nnet = Net()\n"})
    assert not workspace.check(["m.py"])["m.py"]
    workspace.edit("n.py", "from m import Net\n\nnet = Net(rounds=2)\n")
    assert [finding.code for finding in workspace.check(["m.py"])["m.py"]] == ["AIMET102"]
