"""AIMET103: what goes into and comes out of a module, how bad it is, and its repairs across files.

What torch.jit.trace and quantsim make of each kind was seen on torch 2.14 and AIMET 2.42.
"""

from __future__ import annotations

import pytest
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check, repair_edits
from aimet_guidelines.finding import Finding, Severity
from aimet_guidelines.rewriting import apply_edits

_PATH = "/project/model.py"
_IMPORTS = (
    "from collections import OrderedDict\nfrom dataclasses import dataclass\n"
    "from typing import NamedTuple, Optional\n\n"
    "import torch\nfrom torch import Tensor, nn\n\n\n"
)
_INIT = "    def __init__(self):\n        super().__init__()\n        self.a = nn.Linear(4, 4)\n\n"


def _config(version: str = "unknown") -> Config:
    return Config(root="/project", select=("AIMET103",), aimet_version=version)  # type: ignore[arg-type]


def _check(source: str, version: str = "unknown") -> list[Finding]:
    return check(_PATH, Project.empty("/project").updated({_PATH: _IMPORTS + source}), _config(version)).findings


def _net(body: str, signature: str = "self, x", name: str = "Net") -> str:
    return f"class {name}(nn.Module):\n{_INIT}    def forward({signature}):\n{body}"


def _holding(signature: str, body: str, call: str) -> str:
    holder = (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.block = Block()\n\n"
        f"    def forward(self, x):\n{call}"
    )
    return _net(body, signature, "Block") + "\n\n" + holder


@pytest.mark.parametrize(
    ("returned", "word"),
    [
        ('{"a": self.a(x)}', "a dict"),
        ("OrderedDict(a=self.a(x))", "a dict"),
        ('"done"', "a string"),
        ("None", "None"),
        ("(self.a(x), None)", "None in it"),
        ("(self.a(x), x.shape[0])", "a Python value in it"),
        ('(self.a(x), {"b": x})', "a dict in it"),
    ],
)
def test_what_torch_cannot_trace_out_of_the_outermost_model_is_an_error(returned: str, word: str) -> None:
    (finding,) = _check(_net(f"        return {returned}\n"))
    assert finding.severity is Severity.ERROR
    assert word in finding.message


def test_a_dataclass_is_an_error_and_a_named_tuple_is_fine() -> None:
    classes = "@dataclass\nclass Data:\n    a: Tensor\n\n\nclass Named(NamedTuple):\n    a: Tensor\n\n\n"
    assert [each.severity for each in _check(classes + _net("        return Data(self.a(x))\n"))] == [Severity.ERROR]
    assert _check(classes + _net("        return Named(self.a(x))\n")) == []


@pytest.mark.parametrize(
    ("version", "severity"), [("1.x", Severity.WARNING), ("unknown", Severity.WARNING), ("2.x", Severity.INFORMATION)]
)
def test_a_list_and_what_passes_between_submodules_is_graded_by_version(version: str, severity: Severity) -> None:
    assert [each.severity for each in _check(_net("        return [self.a(x), x]\n"), version)] == [severity]
    held = _holding("self, x", '        return {"a": self.a(x)}\n', '        return self.block(x)["a"]\n')
    assert [each.severity for each in _check(held, version)] == [severity]


_HOLDER = """class Holder(nn.Module):
    def __init__(self):
        super().__init__(){}
        self.block = {}

    def forward(self, x):
        return self.block(x)["a"]
"""


@pytest.mark.parametrize(
    "text",
    [
        "from .model import Net\n\n\n" + _HOLDER.format("", "Net()"),
        "from . import model\n\n\n" + _HOLDER.format("", "model.Net()"),
        "from .model import *\n\n\n" + _HOLDER.format("", "Net()"),
        "from .model import OTHER\n\n\n" + _HOLDER.format("\n        from .model import Net", "Net()"),
        'from .model import Net\n\nNETS = {"net": Net}\n',
        "from .model import Net\n\n\ndef make():\n    return nn.Sequential(nn.ReLU(), Wrapped(Net()))\n",
    ],
)
def test_a_model_that_another_file_may_make_a_part_of_one_is_held_however_it_is_named(text: str) -> None:
    net = _IMPORTS + "OTHER = 1\n\n\n" + _net('        return {"a": self.a(x)}\n')
    other = "from torch import nn\n" + text
    texts = {"/project/pkg/__init__.py": "", "/project/pkg/model.py": net, "/project/pkg/other.py": other}
    project = Project.empty("/project").updated(texts)
    (finding,) = check("/project/pkg/model.py", project, _config()).findings
    assert finding.severity is Severity.WARNING
    alone = Project.empty("/project").updated({**texts, "/project/pkg/other.py": other.replace("Net", "Another")})
    assert [each.severity for each in check("/project/pkg/model.py", alone, _config()).findings] == [Severity.ERROR]


@pytest.mark.parametrize(
    ("signature", "body"),
    [
        ("self, x", "        return self.a(x), (x, x)\n"),
        ("self, *xs", "        return self.a(xs[0])\n"),
        ("self, x, **kwargs", "        return self.a(x)\n"),
        ("self, x, mask: Optional[Tensor] = None", "        return self.a(x)\n"),
        ("self, x, flag: bool = False", "        return self.a(x)\n"),
        ("self, x, targets: Optional[list[dict[str, Tensor]]] = None", "        return self.a(x)\n"),
        ("self, x, state: tuple[Tensor, Tensor]", "        return self.a(x), state\n"),
        ("self, x", "        x = self.get(x)\n        return x['out']\n"),
        ("self, x", "        outs = [self.a(x)]\n        return torch.cat(outs)\n"),
        ("self, x", "        if self.training:\n            return {'a': x}\n        return self.a(x)\n"),
        ("self, output, target", "        return {'output': self.a(output), 'loss': (output - target).sum()}\n"),
    ],
)
def test_tensors_tuples_and_what_is_not_known_are_no_finding(signature: str, body: str) -> None:
    assert _check(_net(body, signature)) == []


@pytest.mark.parametrize(
    ("signature", "body", "word"),
    [
        ("self, x: dict[str, Tensor]", "        return self.a(x['a'])\n", "a dict as `x`"),
        ("self, batch", "        return self.a(batch['a'])\n", "a dict as `batch`"),
        ("self, batch", "        return sum(self.a(v) for v in batch.values() if batch.keys())\n", "a dict as `batch`"),
        ("self, xs: list[Tensor]", "        return self.a(xs[0])\n", "a list as `xs`"),
        ("self, x, h: int", "        return self.a(x).view(-1, h)\n", "a Python value as `h`"),
        ("self, x, mode: str", "        return self.a(x)\n", "a string as `mode`"),
        ("self, x, size: tuple[int, int]", "        return self.a(x)\n", "a tuple with a Python value in it as `size`"),
    ],
)
def test_a_parameter_that_takes_no_tensor(signature: str, body: str, word: str) -> None:
    (finding,) = _check(_net(body, signature))
    assert word in finding.message
    assert finding.severity is Severity.WARNING


def test_what_callers_pass_tells_what_a_parameter_takes() -> None:
    body = "        return self.a(x).view(-1, h)\n"
    (finding,) = _check(_holding("self, x, h", body, "        return self.block(x, x.shape[2])\n"))
    assert finding.symbol == "Block.forward.h"
    assert [related.message for related in finding.related] == ["`Block` is called here."]
    assert _check(_holding("self, x, h", body, "        return self.block(x, x)\n")) == []


@pytest.mark.parametrize(
    "made", ["list(self.net(x))", "list(self.net(x).values())", "[y for y in self.net(x).values()]"]
)
def test_a_list_of_whatever_a_model_gave_is_a_list(made: str) -> None:
    source = (
        "class Net(nn.Module):\n    def __init__(self, net):\n        super().__init__()\n        self.net = net\n\n"
    )
    source += f"    def forward(self, x):\n        return {made}\n"
    assert [f.symbol for f in _check(source)] == ["Net.forward"]
    assert _check(source.replace("list(", "tuple(").replace("[y", "tuple(y").replace("]", ")")) == []


def test_a_static_forward_has_no_self() -> None:
    block = _INIT.join(("class Block(nn.Module):\n", "    @staticmethod\n    def forward(x, dim):\n        return x\n"))
    holder = (
        "\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.block = Block()\n\n    def forward(self, x):\n        return self.block({})\n"
    )
    assert [f.symbol for f in _check(block + holder.format("x, 1"))] == ["Block.forward.dim"]
    assert [f.symbol for f in _check(block + holder.format("1, x"))] == ["Block.forward.x"]
    assert _check(block + holder.format("x, x")) == []


def test_a_sum_over_rounds_of_a_loop_is_no_python_value() -> None:
    source = (
        _IMPORTS + _net("        return self.a(x) + y\n", "self, x, y", "Block")
        + "\n\nclass User(nn.Module):\n    def __init__(self, names):\n        super().__init__()\n"
        "        self.names = names\n        self.a = nn.Linear(4, 4)\n        self.block = Block()\n\n"
        "    def forward(self, x):\n        total = 0.0\n        for _ in self.names:\n            total += self.a(x)\n"
        "        total /= len(self.names)\n        return self.block(total, x)\n"
    )  # fmt: skip
    assert _check(source) == []


def test_a_flag_is_reported_where_a_model_passes_it() -> None:
    body = "        return self.a(x)\n"
    assert _check(_holding("self, x, flag=False", body, "        return self.block(x)\n")) == []
    for value in (True, False):
        assert len(_check(_holding("self, x, flag=False", body, f"        return self.block(x, flag={value})\n"))) == 1


def test_a_parameter_that_is_told_apart_takes_what_callers_pass() -> None:
    body = "        xs = [x] if isinstance(x, torch.Tensor) else x\n        return self.a(xs[0])\n"
    told = _holding("self, x: torch.Tensor", body, "        return self.block([x, x])\n")
    (finding,) = _check(told)
    assert "takes a list as `x`" in finding.message
    assert _check(told.replace("isinstance(x, torch.Tensor)", "x.dim() == 2")) == []
    assert _check(told.replace("self.block([x, x])", "self.block(x)")) == []


def test_a_list_that_only_the_callers_caller_makes() -> None:
    body = "        return self.a(x[0])\n"
    outer = (
        "\n\nclass Outer(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.net = Net()\n\n"
        "    def forward(self, x):\n        return self.net([x, x])\n"
    )
    found = _check(_holding("self, x", body, "        return self.block(x)\n") + outer)
    assert sorted(each.symbol for each in found) == ["Block.forward.x", "Net.forward.x"]


@pytest.mark.parametrize(
    ("init", "forward", "expected"),
    [
        ("self.blocks = nn.ModuleList([kind(), kind()])", "for block in self.blocks:\n            x = block(x, 2)", 1),
        ("self.blocks = nn.ModuleList([kind(), kind()])", "for block in self.blocks:\n            x = block(x)", 0),
    ],
)
def test_a_list_of_either_of_two_classes(init: str, forward: str, expected: int) -> None:
    block = _holding(
        "self, x, scale: float = 1.0", "        return self.a(x) * scale\n", "        return self.block(x)\n"
    )
    holder = (
        "\n\nclass Other(nn.Module):\n    def forward(self, x, scale=1.0):\n        return x\n\n\n"
        "class Holder(nn.Module):\n    def __init__(self, other=False):\n        super().__init__()\n"
        f"        kind = Other if other else Block\n        {init}\n\n    def forward(self, x):\n        {forward}\n"
        "        return x\n"
    )
    found = [each for each in _check(block + holder) if each.symbol.startswith("Block.")]
    assert len(found) == expected


def test_children_that_are_added_by_name() -> None:
    source = _holding(
        "self, x, scale: float = 1.0", "        return self.a(x) * scale\n", "        return self.block(x)\n"
    )
    source += (
        "\n\nclass Blocks(nn.ModuleDict):\n    def __init__(self, n):\n        super().__init__()\n"
        "        for i in range(n):\n            self.add_module(f'block{i}', Block())\n\n"
        "    def forward(self, x):\n        for block in self.values():\n            x = block(x, 2)\n"
        "        return x\n"
    )
    (finding,) = _check(source)
    assert finding.symbol == "Block.forward.scale"


def test_a_model_that_runs_itself() -> None:
    source = (
        "import torch\nfrom torch import nn\n\n\nclass Tree(nn.Module):\n    def __init__(self, depth):\n"
        "        super().__init__()\n        self.a = nn.Linear(2, 2)\n"
        "        self.inner = Tree(depth - 1) if depth else None\n\n    def forward(self, x, level: int = 0):\n"
        "        if self.inner is not None:\n            return self.inner(self.a(x), level + 1)\n        return x\n"
    )
    (finding,) = _check(source)
    assert finding.symbol == "Tree.forward.level"


def test_several_returns_of_a_kind_are_one_finding() -> None:
    body = '        if x.shape[0] > 1:\n            return {"a": x}\n        return {"a": self.a(x)}\n'
    (finding,) = _check(_net(body))
    assert len(finding.related) == 1


def test_a_model_made_by_a_factory_for_another_model_is_not_outermost() -> None:
    source = (
        _net('        return {"a": self.a(x)}\n', name="Backbone")
        + "\n\ndef backbone():\n    return Backbone()\n\n\n"
        + "class Net(nn.Module):\n    def __init__(self, body):\n        super().__init__()\n"
        + "        self.body = body\n\n"
        + "    def forward(self, x):\n        return self.body(x)\n\n\ndef net():\n    return Net(backbone())\n"
    )
    assert [each.severity for each in _check(source)] == [Severity.WARNING]


def _check_all(files: dict[str, str]) -> list[Finding]:
    return check(_PATH, Project.empty("/project").updated(files), _config()).findings


def _repair(texts: dict[str, str]) -> dict[str, str]:
    project = Project.empty("/project").updated(texts)
    (finding,) = check(_PATH, project, _config()).findings
    edits = repair_edits(_PATH, project, _config(), finding, finding.repairs[0])
    return {path: apply_edits(texts[path], each) for path, each in edits.items()}


_USER = (
    "from model import Block\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
    "        super().__init__()\n        self.block = Block()\n\n    def forward(self, x):\n"
)


def test_callers_in_other_files_are_rewritten_with_a_returned_dict() -> None:
    block = _IMPORTS + _net('        return {"a": self.a(x), "b": x}\n', name="Block")
    user = _USER + '        first = self.block(x)\n        return first["b"] + self.block(x)["a"]\n'
    fixed = _repair({_PATH: block, "/project/user.py": user})
    assert fixed[_PATH].endswith("        return self.a(x), x\n")
    assert (
        fixed["/project/user.py"]
        == _USER + "        first = self.block(x)\n        return first[1] + self.block(x)[0]\n"
    )


def test_a_model_that_a_function_makes_is_followed() -> None:
    make = "\n\ndef make(pretrained=False):\n    model = Block()\n    return model\n"
    block = _IMPORTS + _net('        return {"a": self.a(x), "b": x}\n', name="Block") + make
    user = _USER.replace("Block", "make") + '        out = self.block(x)\n        return out["b"]\n'
    fixed = _repair({_PATH: block, "/project/user.py": user})
    assert fixed["/project/user.py"].endswith("        return out[1]\n")


def test_there_is_no_repair_where_one_cannot_be_followed() -> None:
    block = _IMPORTS + _net('        return {"a": self.a(x), "b": x}\n', name="Block")
    user = _USER + '        first = self.block(x)\n        return sum(first.values()) + first["a"]\n'
    project = Project.empty("/project").updated({_PATH: block, "/project/user.py": user})
    (finding,) = check(_PATH, project, _config()).findings
    assert not finding.repairs
    assert "in other ways than by reading known keys" in finding.message


@pytest.mark.parametrize(
    ("above", "more"),
    [
        ("    def step(self, batch):\n        return self(batch)\n", ""),
        ("    def step(self, batch):\n        return self.forward(batch)\n", ""),
        ("    pass\n", "    def step(self, batch):\n        return self(batch)\n"),
    ],
)
def test_there_is_no_repair_where_a_base_or_the_class_runs_itself(above: str, more: str) -> None:
    base = f"class Base(nn.Module):\n{above}\n\n"
    takes = _net('        return self.a(inputs["a"]) + inputs["b"]\n', "self, inputs", "Block")
    gives = _net('        return {"a": self.a(x), "b": x}\n', name="Block")
    for body in (takes, gives):
        source = _IMPORTS + base + body.replace("(nn.Module)", "(Base)") + "\n" + more
        (finding,) = (each for each in _check_all({_PATH: source}) if each.symbol.startswith("Block."))
        assert not finding.repairs
        assert "as `self(...)`" in finding.message
        (finding,) = _check_all({_PATH: source.replace("self(", "other(").replace("self.forward(", "other(")})
        assert finding.repairs


def test_callers_in_other_files_are_rewritten_with_a_dict_parameter() -> None:
    block = _IMPORTS + _net('        return self.a(inputs["a"]) + inputs["b"]\n', "self, inputs", "Block")
    user = _USER + '        return self.block(inputs={"b": x, "a": x + 1})\n'
    fixed = _repair({_PATH: block, "/project/user.py": user})
    assert "    def forward(self, a, b):\n        return self.a(a) + b\n" in fixed[_PATH]
    assert fixed["/project/user.py"] == _USER + "        return self.block(a=x + 1, b=x)\n"


def test_a_dict_parameter_that_a_caller_passes_another_s_result_has_no_repair() -> None:
    block = _IMPORTS + _net('        return self.a(inputs["a"]) + inputs["b"]\n', "self, inputs", "Block")
    user = _USER + "        return self.block(self.fill({'a': x, 'b': x}))\n"
    project = Project.empty("/project").updated({_PATH: block, "/project/user.py": user})
    (finding,) = check(_PATH, project, _config()).findings
    assert not finding.repairs
    assert "a dict whose tensors cannot be told" in finding.message


def test_a_dict_parameter_used_as_a_whole_has_no_repair() -> None:
    (finding,) = _check(_net("        return self.a(inputs['a']) + len(inputs)\n", "self, inputs"))
    assert finding.repairs == ()
    assert "no repair" in finding.message


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ("[self.a(x)]", "(self.a(x),)"),
        ("[self.a(x) for _ in range(2)]", "tuple([self.a(x) for _ in range(2)])"),
        ("list(self.a(x).unbind())", "tuple(self.a(x).unbind())"),
        ("dict(a=self.a(x), b=x)", "self.a(x), x"),
        ("{'a': self.a(x)}", "(self.a(x),)"),
        (
            '{\n            "a": self.a(x),  # first\n            "b": x,\n        }',
            "(\n            self.a(x),  # first\n            x,\n        )",
        ),
    ],
)
def test_a_return_becomes_a_tuple(returned: str, expected: str) -> None:
    source = _IMPORTS + _net(f"        return {returned}\n")
    assert _repair({_PATH: source}) == {_PATH: _IMPORTS + _net(f"        return {expected}\n")}


def _two_outputs() -> str:
    return _IMPORTS + _net('        return {"a": self.a(x), "b": x}\n', name="Block")


def _one_dict() -> str:
    return _IMPORTS + _net('        return self.a(inputs["a"]) + inputs["b"]\n', "self, inputs", "Block")


def test_ordinary_code_that_reads_the_result_follows() -> None:
    script = (
        "import torch\nfrom model import Block\n\n\n"
        "def train(block: Block, other):\n"
        "    for batch in range(3):\n"
        "        out = block(batch)\n"
        '        loss = out["b"].sum() + other(batch)["a"]\n'
        "    return loss\n\n\n"
        "class Trainer:\n    def __init__(self):\n        self.model = Block()\n\n"
        '    def step(self, x):\n        return self.model(x)["a"]\n\n\n'
        'model = Block().to("cpu").eval()\n'
        "result = model(torch.ones(4))\n\n\n"
        'def show(x):\n    return model(x)["b"]\n\n\n'
        'print(result["a"], result["b"], {"a": 1}["a"])\n'
    )
    fixed = _repair({_PATH: _two_outputs(), "/project/script.py": script})
    expected = script.replace('out["b"]', "out[1]").replace('self.model(x)["a"]', "self.model(x)[0]")
    expected = expected.replace('model(x)["b"]', "model(x)[1]")
    expected = expected.replace('result["a"]', "result[0]").replace('result["b"]', "result[1]")
    assert fixed["/project/script.py"] == expected


def test_ordinary_code_that_cannot_be_followed_is_left_alone() -> None:
    script = (
        "from model import Block\n\n\n"
        'def one(block):\n    return block(1)["a"]\n\n\n'
        'def two():\n    block = Block()\n    block = wrap(block)\n    return block(1)["a"]\n\n\n'
        'def three():\n    block = Block()\n    out = block(1)\n    return sum(out.values()), out["a"]\n\n\n'
        'def four():\n    block = Block()\n    out = block(1)\n    out = {"a": 2}\n    return out["a"]\n'
    )
    project = Project.empty("/project").updated({_PATH: _two_outputs(), "/project/script.py": script})
    (finding,) = check(_PATH, project, _config()).findings
    assert set(repair_edits(_PATH, project, _config(), finding, finding.repairs[0])) == {_PATH}


def test_ordinary_code_passes_each_tensor() -> None:
    script = (
        "from model import Block\n\n"
        "block = Block()\n"
        'batch = {"a": 1, "b": 2}\n'
        'print(block({"b": 1, "a": 2}), block(batch), block(inputs=batch), block(load()))\n'
    )
    fixed = _repair({_PATH: _one_dict(), "/project/script.py": script})
    passed = 'block(2, 1), block(batch["a"], batch["b"]), block(a=batch["a"], b=batch["b"]), block(load())'
    assert fixed["/project/script.py"].endswith(f"print({passed})\n")


def test_an_edit_of_ordinary_code_is_seen_by_the_next_repair() -> None:
    script = 'from model import Block\n\nblock = Block()\nout = block(1)\nprint(out["b"])\n'
    project = Project.empty("/project").updated({_PATH: _two_outputs(), "/project/script.py": script})
    check(_PATH, project, _config())
    project = project.updated({"/project/script.py": script.replace("print(", 'print("the result", ')})
    (finding,) = check(_PATH, project, _config()).findings
    edits = repair_edits(_PATH, project, _config(), finding, finding.repairs[0])
    assert apply_edits(project.text("/project/script.py"), edits["/project/script.py"]).endswith(
        '"the result", out[1])\n'
    )


def test_none_where_an_input_is_left_out() -> None:
    source = (
        "class Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.a = nn.Linear(4, 4)\n\n"
        "    def forward(self, image: torch.Tensor | None = None, text: torch.Tensor | None = None):\n"
        "        one = self.a(image) if image is not None else None\n"
        "        other = self.a(text) if text is not None else None\n        return one, other\n"
    )
    assert _check(source) == []
    always = source.replace(", text: torch.Tensor | None = None", "").replace("text is not None", "False")
    assert [each.severity for each in _check(always)] == [Severity.ERROR]


_CHANGES = {
    "appends": ("        y = self.block(x)\n        y.append(x)\n        return y[0]\n", False),
    "puts one in": ("        y = self.block(x)\n        y[0] = x\n        return y[0]\n", False),
    "adds a list": ("        return (self.block(x) + [x])[0]\n", False),
    "adds to it": ("        y = self.block(x)\n        y += [x]\n        return y[0]\n", False),
    "asks for a list": ("        y = self.block(x)\n        return y[0] if isinstance(y, list) else y\n", False),
    "makes its own": ("        y = list(self.block(x))\n        y.append(x)\n        return y[0]\n", True),
    "makes it its own": ("        y = self.block(x)\n        y = [*y]\n        y += [x]\n        return y[0]\n", True),
    "changes what had its name": ("        x = x + 1\n        x = self.block(x)\n        return x[0]\n", True),
    "reads it": ("        y = self.block(x)\n        return y[0] + y[-1]\n", True),
    "adds to what is in it": ("        y = self.block(x)\n        y[0].add_(x)\n        return y[0]\n", True),
}  # fmt: skip


@pytest.mark.parametrize("name", _CHANGES)
def test_a_list_that_a_caller_changes_stays_one(name: str) -> None:
    call, repaired = _CHANGES[name]
    (finding,) = _check(_holding("self, x", "        return [self.a(x), x]\n", call))
    assert bool(finding.repairs) is repaired
    assert ("changes the list" in finding.message) is not repaired


_NEXT = "class Next(nn.Module):\n    def forward(self, xs):\n{}\n\n"
_OUTER = (
    "class Outer(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.net = {}\n        self.next = Next()\n\n    def forward(self, x):\n{}\n\n\n"
)


@pytest.mark.parametrize(
    ("source", "repaired"),
    [
        # The next module appends to it.
        (
            _net("        return [self.a(x), x]\n")
            + "\n\n"
            + _NEXT.format("        xs.append(xs[0])\n        return xs[-1]\n")
            + _OUTER.format("Net()", "        return self.next(xs=self.net(x))"),
            False,
        ),
        (
            _net("        return [self.a(x), x]\n")
            + "\n\n"
            + _NEXT.format("        return xs[-1]\n")
            + _OUTER.format("Net()", "        return self.next(self.net(x))"),
            True,
        ),
        # The model around it returns it to one that appends.
        (
            _holding("self, x", "        return [self.a(x), x]\n", "        return self.block(x)\n")
            + "\n\n"
            + _NEXT.format("        return xs[-1]\n")
            + _OUTER.format("Net()", "        y = self.net(x)\n        y.append(x)\n        return y[-1]"),
            False,
        ),
        # It appends to what it is given: the one before it in a row returns that.
        (_net("        x.append(self.a(x[0]))\n        return x[1:]\n", "self, x: list[Tensor]"), False),
        # A tensor that is added to is no list.
        (_net("        x = x + 1\n        return [self.a(x), x]\n"), True),
    ],
)
def test_a_list_is_followed_through_the_modules_that_get_it(source: str, repaired: bool) -> None:
    found = [each for each in _check(source) if "returns a list" in each.message]
    assert bool(found[0].repairs) is repaired


@pytest.mark.parametrize(("start", "reported"), [("0.0", False), ("x", False), ("[x]", True), ("1", True)])
def test_what_only_the_first_round_of_a_loop_passes(start: str, reported: bool) -> None:
    step = "y" if start == "1" else "self.block(x, y)"
    loop = f"        for _ in range(3):\n            z = self.block(x, y)\n            y = {step}\n"
    call = f"        y = {start}\n{loop}        return z\n"
    found = _check(_holding("self, x, y", "        return self.a(x)\n", call))
    assert bool(found) is reported


@pytest.mark.parametrize(
    ("result", "signature", "said"),
    [
        ("Result(self.a(x))", "self, x, **kwargs", False),
        ("Result(self.a(x))", "self, x, return_dict=True", True),
        ("Other(last=self.a(x))", "self, x, **kwargs", True),
        ("BaseModelOutput(self.a(x))", "self, x, **kwargs", True),
        ("BaseModelOutput(self.a(x))", "self, x", False),
    ],
)
def test_a_tuple_can_be_asked_for_where_the_word_is_known(result: str, signature: str, said: bool) -> None:
    head = (
        "from transformers.modeling_outputs import BaseModelOutput\nfrom transformers.utils import ModelOutput\n\n\n"
        "@dataclass\nclass Result:\n    last: Tensor\n\n\nclass Other(ModelOutput):\n    last: Tensor\n\n\n"
    )
    (finding,) = _check(head + _net(f"        return {result}\n", signature))
    assert ("With `return_dict=False`" in finding.message) is said


def test_a_forward_that_only_stands_for_others_is_not_reported() -> None:
    head = "from abc import ABC, abstractmethod\n\n\n"
    source = "class Part(nn.Module, ABC):\n    @abstractmethod\n    def forward(self, features: dict) -> dict:\n{}"
    for body in ('        """Run it."""\n', "        return features\n"):
        assert not _check(head + source.format(body))


def test_a_transformer_is_no_transform() -> None:
    source = _IMPORTS + _holding("self, x", "        return {'x': self.a(x)}\n", "        return self.block(x)['x']\n")
    alone = _IMPORTS + _net("        return {'x': self.a(x)}\n")
    for path, found in (("transformer.py", 1), ("my_transformers/model.py", 1), ("transforms.py", 0)):
        project = Project.empty("/project").updated({f"/project/{path}": alone})
        assert len(check(f"/project/{path}", project, _config()).findings) == found
    path = "/project/transformer.py"
    (finding,) = check(path, Project.empty("/project").updated({path: source}), _config()).findings
    assert "between submodules" in finding.message
