"""Classes and functions in compound statements at the top level of a file: read as those of the top level are."""

from __future__ import annotations

import pytest
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check, fix_all

ROOT = "/project"
_HEAD = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n\n"


def _found(texts: dict[str, str], *codes: str) -> list[str]:
    """`file:line code symbol` of each finding; files start with imports of torch, lines count below those."""
    project = Project.empty(ROOT).updated({f"{ROOT}/{name}.py": _HEAD + text for name, text in texts.items()})
    found = []
    for name in texts:
        report = check(f"{ROOT}/{name}.py", project, Config(root=ROOT, select=codes))
        assert not report.problems
        found.extend(
            f"{name}:{each.span.line - _HEAD.count(chr(10)) + 1} {each.code} {each.symbol}" for each in report.findings
        )
    return found


_NET = """\
class Net(nn.Module):
    def forward(self, x):
        return F.relu(x)
"""


def _block(head: str, body: str = _NET) -> str:
    return head + "\n" + "".join(f"    {line}\n" for line in body.splitlines())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (_block("if a:"), 4),
        (_block("if a:\n    pass\nelif b:\n    pass\nelse:"), 8),
        (_block("try:") + "except ImportError:\n    pass\n", 4),
        (_block("try:\n    import b\nexcept ImportError:"), 6),
        (_block("try:\n    import b\nexcept ImportError: pass\nelse:"), 7),
        (_block("with a as b:"), 4),
        (_block("for a in b:"), 4),
        (_block("while a:"), 4),
        (_block("if a:", _block("try:") + "finally:\n    pass\n"), 5),
        (_block("if a:").replace("\n", "\r\n"), 4),
        (_block("if a:").replace("    ", "\t"), 4),
    ],
)
def test_a_class_in_a_block_is_read(text: str, line: int) -> None:
    assert _found({"net": text}, "AIMET101") == [f"net:{line} AIMET101 torch.nn.functional.relu"]


def test_comments_in_a_block_count() -> None:
    text = _block("if a:", _NET.replace("F.relu(x)", "F.relu(x)  # aimet: ignore[AIMET101]"))
    assert _found({"net": text}) == _found({"net": text.replace(" and", "")}) == []


def test_findings_stand_where_they_are_and_are_repaired_there() -> None:
    text = _HEAD + _block("try:", _NET.replace("x)\n", "x)  # é\n")) + "except ImportError:\n    Net = None\n"
    project = Project.empty(ROOT).updated({f"{ROOT}/net.py": text})
    config = Config(root=ROOT, select=("AIMET101",))
    (finding,) = check(f"{ROOT}/net.py", project, config).findings
    assert finding.span == (7, 19, 7, 25)
    fixed = fix_all(f"{ROOT}/net.py", project, config, lambda finding, repair: True)
    assert fixed.text == text.replace(
        "        def forward",
        "        def __init__(self):\n            super().__init__()\n"
        "            self.relu = nn.ReLU()\n\n        def forward",
    ).replace("F.relu(x)", "self.relu(x)")


def test_what_does_not_parse_in_a_block_is_told_where_it_stands() -> None:
    text = _HEAD + _block("if a:", _NET.replace("return F.relu(x)", "return F.relu(") + "def f():\n    return 1\n")
    project = Project.empty(ROOT).updated({f"{ROOT}/net.py": text})
    (problem,) = check(f"{ROOT}/net.py", project, Config(root=ROOT)).problems
    assert problem.line == 7


_ACT = "def act(x):\n    return torch.relu(x)\n"
_USES = "from acts import act\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n        return act(x)\n"
_RELU = "AIMET101 torch.relu"
_OTHER = "AIMET101 torch.sigmoid"


@pytest.mark.parametrize(
    ("acts", "found"),
    [
        (_block("if a:", _ACT), [f"acts:3 {_RELU}"]),
        (_block("if a:", _ACT) + "else:\n    act = None\n", [f"acts:3 {_RELU}"]),
        # Which of the two it is, a condition decides.
        (
            _block("if a:", _ACT) + _block("else:", _ACT.replace("relu", "sigmoid")),
            [f"acts:3 {_RELU}", f"acts:6 {_OTHER}"],
        ),
        (
            _ACT.replace("relu", "sigmoid") + _block("try:\n    import b", _ACT) + "except ImportError:\n    pass\n",
            [f"acts:2 {_OTHER}", f"acts:6 {_RELU}"],
        ),
        # The last one counts where both are run.
        (_block("if a:", _ACT) + _ACT.replace("relu", "sigmoid"), [f"acts:5 {_OTHER}"]),
        (_block("with a:", _ACT.replace("relu", "sigmoid") + _ACT), [f"acts:5 {_RELU}"]),
        (
            "try:\n    import b\nexcept ImportError:\n    pass\n" + _block("else:", _ACT) + _block("finally:", _ACT),
            [f"acts:10 {_RELU}"],
        ),
        (_block("try:\n    from torch import sigmoid as act\nexcept ImportError:", _ACT), [f"net:6 {_OTHER}"]),
        # What a loop leaves behind is a function, not a value.
        (_block("for a in b:", f"act = torch.relu\n{_ACT}"), [f"acts:4 {_RELU}"]),
        # What a value is in its last round, the text does not tell.
        (_block("for a in b:", f"act = torch.sigmoid\n{_ACT.replace('act', 'other')}"), []),
    ],
)
def test_what_a_name_means_that_a_block_defines(acts: str, found: list[str]) -> None:
    assert _found({"acts": acts, "net": _USES}, "AIMET101") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # A library's function where there is one, else an own one that its clause uses.
        (
            "if a:\n    from fast import act\n" + _block("else:", _ACT + _NET.replace("F.relu", "act")),
            [f"net:5 {_RELU}"],
        ),
        (
            _block("if a:", _ACT + _NET.replace("F.relu", "act")) + _block("else:", _ACT.replace("relu", "sigmoid")),
            [f"net:3 {_RELU}"],
        ),
        (
            _block("try:\n    import b", "class Base(nn.Module):\n    pass\n" + _NET.replace("nn.Module", "Base"))
            + _block("except ImportError:", "class Base:\n    pass\n"),
            ["net:7 AIMET101 torch.nn.functional.relu"],
        ),
        # What is bound below counts for all.
        (
            _block("if a:", _ACT + _NET.replace("F.relu", "act"))
            + "else:\n    act = torch.tanh\nact = torch.sigmoid\n",
            [f"net:6 {_OTHER}"],
        ),
    ],
)
def test_what_a_name_means_in_the_clause_that_binds_it(text: str, found: list[str]) -> None:
    assert _found({"net": text}, "AIMET101") == found


def test_a_repair_changes_no_call_of_what_may_be_another_function() -> None:
    acts = _block("if a:", _ACT) + _block("else:", _ACT.replace("relu", "sigmoid"))
    texts = {f"{ROOT}/acts.py": _HEAD + acts, f"{ROOT}/net.py": _HEAD + _USES}
    project = Project.empty(ROOT).updated(texts)
    for path in texts:
        assert not fix_all(path, project, Config(root=ROOT, select=("AIMET101",)), lambda *_: True).edits


def test_a_class_whose_base_may_be_no_module_is_none() -> None:
    base = "class Base(nn.Module):\n    pass\n"
    net = _NET.replace("nn.Module", "Base")
    assert _found({"net": _block("if a:", base) + net}, "AIMET101") == ["net:6 AIMET101 torch.nn.functional.relu"]
    other = _block("else:", base.replace("nn.Module", "object"))
    assert _found({"net": _block("if a:", base) + other + net}, "AIMET101") == []


def test_of_two_bases_only_counts_what_both_have() -> None:
    root = "class Root(nn.Module):\n    def run(self, x):\n        return x\n"
    base = "class Base(Root):\n    def body(self, x):\n        return x\n"
    net = "class Net(Base):\n    def forward(self, x):\n        y = F.relu(x)\n"
    net += "        return self.run(y) + 1, self.body(1) + 1\n"
    other = _block("else:", base.replace("return x", "return torch.tanh(x)"))
    assert _found({"net": root + _block("if a:", base) + other + net}, "AIMET101", "AIMET301") == [
        "net:14 AIMET101 torch.nn.functional.relu",
        "net:15 AIMET301 Tensor.__add__",
    ]


def test_a_module_that_may_be_one_of_two_classes_is_used_once() -> None:
    norm = "class Norm(nn.Module):\n    def forward(self, x):\n        return x\n"
    net = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = Norm()

    def forward(self, x):
        return self.norm(self.norm(x))
"""
    assert _found({"net": _block("if a:", norm) + _block("else:", norm) + net}, "AIMET102") == [
        "net:15 AIMET102 self.norm"
    ]


def test_callers_in_a_block_count() -> None:
    head = "class Head(nn.Module):\n    def forward(self, x, flag=None):\n        return x + 1 if flag else x\n"
    net = """\
from head import Head


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = Head()

    def forward(self, x):
        return self.head(x, flag=True)
"""
    for said in (net, net.replace("flag=True", "")):
        assert _found({"head": head, "net": _block("if a:", said)}) == [
            each.replace(":4", ":3") for each in _found({"head": head, "net": said})
        ]


def test_star_imports_in_a_block_count() -> None:
    base = "class Base(nn.Module):\n    pass\n"
    stars = "try:\n    from base import *\nexcept ImportError:\n    from other import *\n\n"
    texts = {
        "base": base,
        "other": base.replace("nn.Module", "object"),
        "net": stars + _NET.replace("nn.Module", "Base"),
    }
    assert _found(texts, "AIMET101") == ["net:8 AIMET101 torch.nn.functional.relu"]
    texts["net"] = texts["net"].replace("try:", "if TYPE_CHECKING:").replace("except ImportError:", "else:")
    assert _found(texts, "AIMET101") == []
