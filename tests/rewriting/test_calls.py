"""Calls and operations become module calls; everything around them stays."""

from __future__ import annotations

import ast
import textwrap

import pytest
from aimet_guidelines.finding import CallModule, NewElement, NewModule, ReplaceCallee, ReplaceText, Step

from .marking import CUSTOM, at, module, repaired, run

HEAD = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
"""
ADD, MUL = module("add", CUSTOM + ".Add"), module("mul", CUSTOM + ".Multiply")


def net(body: str) -> str:
    return HEAD + textwrap.indent(textwrap.dedent(body), " " * 8)


def forward(text: str) -> str:
    """The body of `forward` of a repaired class."""
    return textwrap.dedent(text[text.index("def forward(self, x):\n") + len("def forward(self, x):\n") :])


def call(source: str, wanted: str, *kept: str | tuple[str, int], new: NewModule | None = None, **rest: object) -> Step:
    """A CallModule on the node `wanted`; what is kept is looked for by its text within it."""
    spans = []
    outer = at(source, wanted)
    for item in kept:
        text, number = item if isinstance(item, tuple) else (item, 0)
        found, index = None, 0
        while found is None or not outer.contains(found):
            found = at(source, text, index, ast.expr, ast.keyword)
            index += 1
        spans.append(at(source, text, index - 1 + number, ast.expr, ast.keyword))
    return CallModule(outer, new or module(), tuple(spans), **rest)  # type: ignore[arg-type]


SIMPLE = {
    "functional": ("y = F.relu(x)\n", "F.relu(x)", ["x"], "y = self.relu(x)\n"),
    "method": ("y = x.relu()\n", "x.relu()", ["x"], "y = self.relu(x)\n"),
    "argument dropped": ("y = F.elu(x, 0.5)\n", "F.elu(x, 0.5)", ["x"], "y = self.relu(x)\n"),
    "first argument dropped": ("y = f(0.5, x)\n", "f(0.5, x)", ["x"], "y = self.relu(x)\n"),
    "middle argument dropped": ("y = f(x, 1, k=z)\n", "f(x, 1, k=z)", ["x", "k=z"], "y = self.relu(x, k=z)\n"),
    "keyword spelling kept": (
        "y = F.relu(input = x)\n",
        "F.relu(input = x)",
        ["input = x"],
        "y = self.relu(input = x)\n",
    ),
    "keyword's value only": ("y = F.relu(input=x)\n", "F.relu(input=x)", ["x"], "y = self.relu(x)\n"),
    "inner spaces": ("y = F.relu( x )\n", "F.relu( x )", ["x"], "y = self.relu( x )\n"),
    "trailing comma kept": ("y = F.relu(x,)\n", "F.relu(x,)", ["x"], "y = self.relu(x,)\n"),
    "trailing comma dropped": ("y = F.elu(x, 1,)\n", "F.elu(x, 1,)", ["x"], "y = self.relu(x)\n"),
    "parenthesised argument": ("y = F.relu((x))\n", "F.relu((x))", ["x"], "y = self.relu(x)\n"),
    "parenthesised operand": ("y = (a + b) * c\n", "(a + b) * c", ["a + b", "c"], "y = self.relu(a + b, c)\n"),
    "parenthesised operation": ("y = (a + b).t()\n", "a + b", ["a", "b"], "y = self.relu(a, b).t()\n"),
    "parentheses needed as a space": ("return(a + b)\n", "a + b", ["a", "b"], "return(self.relu(a, b))\n"),
    "two operands in parentheses": ("y = (a) + ((b))\n", "(a) + ((b))", ["a", "b"], "y = self.relu(a, b)\n"),
    "unary": ("y = -x\n", "-x", ["x"], "y = self.relu(x)\n"),
    "call of a call": ("y = f()(x)\n", "f()(x)", ["x"], "y = self.relu(x)\n"),
    "parenthesised function": ("y = (f)(x, 1)\n", "(f)(x, 1)", ["x"], "y = self.relu(x)\n"),
    "starred": ("y = f(*xs, dim=1)\n", "f(*xs, dim=1)", ["*xs"], "y = self.relu(*xs)\n"),
    "spread list": ("y = torch.cat([x, z], 1)\n", "torch.cat([x, z], 1)", ["x", "z"], "y = self.relu(x, z)\n"),
    "generator": (
        "y = sum(a for a in x)\n",
        "sum(a for a in x)",
        ["(a for a in x)"],
        "y = self.relu((a for a in x))\n",
    ),
    "string with a comma and a hash": (
        'y = f(x, "a,#)", z)\n',
        'f(x, "a,#)", z)',
        ["x", "z"],
        "y = self.relu(x, z)\n",
    ),
    "accent and emoji before": ('a = "é😀"; y = F.relu(x)\n', "F.relu(x)", ["x"], 'a = "é😀"; y = self.relu(x)\n'),
    "in a comprehension": ("y = [F.relu(x) for x in xs]\n", "F.relu(x)", ["x"], "y = [self.relu(x) for x in xs]\n"),
    "nested function": (
        "def f(y):\n    return F.relu(y)\nreturn f(x)\n",
        "F.relu(y)",
        ["y"],
        "def f(y):\n    return self.relu(y)\nreturn f(x)\n",
    ),
    "walrus": ("if (y := F.relu(x)) is None: pass\n", "F.relu(x)", ["x"], "if (y := self.relu(x)) is None: pass\n"),
    "several lines": (
        "y = F.elu(\n    x,  # input\n    0.5,  # alpha\n    inplace=True,\n)  # end\n",
        "F.elu(\n            x,  # input\n            0.5,  # alpha\n            inplace=True,\n        )",
        ["x", "inplace=True"],
        "y = self.relu(\n    x,  # input\n    # alpha\n    inplace=True,\n)  # end\n",
    ),
    "several lines, the rest dropped": (
        "y = F.elu(\n    x,\n    # alpha\n    0.5,\n)\n",
        "F.elu(\n            x,\n            # alpha\n            0.5,\n        )",
        ["x"],
        "y = self.relu(\n    x,\n    # alpha\n)\n",
    ),
    "several lines, hanging": (
        "y = F.elu(x,\n          0.5)\n",
        "F.elu(x,\n                  0.5)",
        ["x"],
        "y = self.relu(x)\n",
    ),
    "several lines of which one is left": (
        "y = F.elu(\n    x,\n    alpha=0.5,\n    inplace=True,\n)\n",
        "F.elu(\n            x,\n            alpha=0.5,\n            inplace=True,\n        )",
        ["x"],
        "y = self.relu(x)\n",
    ),
    "several lines, too long for one": (
        f"y = F.elu(\n    {'x' * 70},\n    alpha=0.5,\n)\n",
        f"F.elu(\n            {'x' * 70},\n            alpha=0.5,\n        )",
        ["x" * 70],
        f"y = self.relu(\n    {'x' * 70},\n)\n",
    ),
    "chain over lines": (
        "y = (\n    self.conv(x)  # conv\n    .relu()  # act\n    .t()\n)\n",
        "self.conv(x)  # conv\n            .relu()",
        ["self.conv(x)"],
        "y = (\n    self.relu(self.conv(x)  # conv\n    )  # act\n    .t()\n)\n",
    ),
    "chain that ends with the call": (
        "y = (\n    x  # in\n    .relu()\n)\n",
        "x  # in\n            .relu()",
        ["x"],
        "y = self.relu(x)  # in\n",
    ),
    "comment of an argument that goes": (
        "y = F.elu(x, 1,\n    inplace=True,  # why\n    )\n",
        "F.elu(x, 1,\n            inplace=True,  # why\n            )",
        ["x"],
        "y = self.relu(x,\n    # why\n    )\n",
    ),
    "comment between operands": (
        "y = (a  # first\n     + b)\n",
        "a  # first\n             + b",
        ["a", "b"],
        "y = self.relu(a,  # first\n     b)\n",
    ),
    "continued line": ("y = a + \\\n    b\n", "a + \\\n            b", ["a", "b"], "y = self.relu(a, b)\n"),
}


@pytest.mark.parametrize(("body", "wanted", "kept", "expected"), SIMPLE.values(), ids=SIMPLE)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_one_call(body: str, wanted: str, kept: list[str], expected: str, newline: str) -> None:
    source = net(body).replace("\n", newline)
    text = repaired(source, [call(source, wanted, *kept)])
    assert text.count(newline) == text.count("\n")
    assert forward(text.replace(newline, "\n")) == expected
    assert f"        self.conv = nn.Conv2d(3, 3, 1){newline}        self.relu = nn.ReLU(){newline}{newline}" in text


def test_nested_calls_get_two_modules_the_inner_one_first() -> None:
    source = net("return F.relu(F.relu(x))\n")
    steps = [call(source, "F.relu(F.relu(x))", "F.relu(x)"), call(source, "F.relu(x)", "x")]
    for order in (steps, steps[::-1]):
        text = repaired(source, order)
        assert forward(text) == "return self.relu2(self.relu(x))\n"
        assert "self.relu = nn.ReLU()\n        self.relu2 = nn.ReLU()\n" in text


def test_method_chain_is_numbered_in_evaluation_order() -> None:
    source = net("return x.relu().relu()\n")
    steps = [call(source, "x.relu().relu()", "x.relu()"), call(source, "x.relu()", "x")]
    assert forward(repaired(source, steps)) == "return self.relu2(self.relu(x))\n"


def test_operations_nest() -> None:
    source = net("x = a + b + c\nreturn self.act(x * (a - b))\n")
    steps = [
        call(source, "a + b + c", "a + b", "c", new=ADD),
        call(source, "a + b", "a", "b", new=ADD),
        call(source, "x * (a - b)", "x", "a - b", new=MUL),
        call(source, "a - b", "a", "b", new=module("sub", CUSTOM + ".Subtract")),
    ]
    expected = "x = self.add2(self.add(a, b), c)\nreturn self.act(self.mul(x, self.sub(a, b)))\n"
    assert forward(repaired(source, steps)) == expected


@pytest.mark.parametrize(
    ("body", "wanted", "kept", "expected"),
    [
        ("x += y\n", "x += y", ["x", "y"], "x = self.add(x, y)\n"),
        ("x += (y * 2)  # c\n", "x += (y * 2)", ["x", "y * 2"], "x = self.add(x, y * 2)  # c\n"),
        ("x += y, z\n", "x += y, z", ["x", "y, z"], "x = self.add(x, (y, z))\n"),
        ("x.add_(y)\n", "x.add_(y)", ["x", "y"], "x = self.add(x, y)\n"),
        ("if y: x += y; z = 1\n", "x += y", ["x", "y"], "if y: x = self.add(x, y); z = 1\n"),
    ],
)
def test_in_place_statements(body: str, wanted: str, kept: list[str], expected: str) -> None:
    source = net(body)
    assert forward(repaired(source, [call(source, wanted, *kept, new=ADD, assign_to="x")])) == expected


def test_in_place_call_within_an_expression_is_refused() -> None:
    source = net("y = x.relu_()\n")
    result = run(source, call(source, "x.relu_()", "x", assign_to="x"))
    assert result == (source, (), ((0, "it is not a statement of its own"),), "")


def test_source_text_as_argument() -> None:
    source = net("return torch.cat(xs, 1)\n")
    step = CallModule(at(source, "torch.cat(xs, 1)"), module("cat", CUSTOM + ".Concat", args=("1",)), ("*xs", "k=2"))
    text = repaired(source, [step])
    assert forward(text) == "return self.cat(*xs, k=2)\n"
    assert "self.cat = Concat(1)\n" in text


def test_text_follows_the_kept_argument_before_it() -> None:
    source = net("return f(x, 1)\n")
    step = CallModule(at(source, "f(x, 1)"), module(), ("a", at(source, "x", 0, ast.Name), "b=1"))
    assert forward(repaired(source, [step])) == "return self.relu(a, x, b=1)\n"


def test_callee_is_replaced_anywhere() -> None:
    source = net("x = checkpoint(self.b, x)\nx = self.b(x)\nreturn self.layers[0](self.b(x))\n")
    copy = module("b", cls="", copy_of=at(source, "nn.Conv2d(3, 3, 1)"))
    steps = [ReplaceCallee(at(source, "self.b", number), copy) for number in (1, 2)]
    text = repaired(source, [*steps, ReplaceCallee(at(source, "self.layers[0]"), module("act"))])
    assert forward(text) == "x = checkpoint(self.b, x)\nx = self.b2(x)\nreturn self.act(self.b3(x))\n"
    assert "self.b2 = nn.Conv2d(3, 3, 1)\n" in text


def test_receiver_follows_the_method() -> None:
    source = "class Net(nn.Module):\n    def forward(this, x):\n        return F.relu(x)\n"
    text = repaired(source, [call(source, "F.relu(x)", "x")])
    assert text.endswith("    def forward(this, x):\n        return this.relu(x)\n")


def test_new_elements() -> None:
    source = (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        act = nn.ReLU(\n"
        "            inplace=True,\n        )\n        self.b = self.a\n"
        "        self.seq = nn.Sequential(act, conv, act)\n"
    )
    original = at(source, "nn.ReLU(\n            inplace=True,\n        )")
    steps = [NewElement(at(source, "act", 2), original), NewElement(at(source, "self.a"), original)]
    text = repaired(source, steps)
    made = "nn.ReLU(\n            inplace=True,\n        )"
    assert f"self.b = {made}\n" in text
    assert f"self.seq = nn.Sequential(act, conv, {made})\n" in text


TEXTS = {
    "expression": (
        "y = x.view(-1, 4)\n",
        "x.view(-1, 4)",
        "{0}.view({0}.size(0), -1)",
        ["x"],
        "y = x.view(x.size(0), -1)\n",
    ),
    "needs parentheses": ("y = (a + b).t()\n", "(a + b).t()", "{0}.mT", ["a + b"], "y = (a + b).mT\n"),
    "as an argument": ("y = g(a + b)\n", "g(a + b)", "f({0})", ["a + b"], "y = f(a + b)\n"),
    "statement": ("x += a * b\n", "x += a * b", "x = x + {0}", ["a * b"], "x = x + a * b\n"),
    "statement, loose operand": ("x *= a + b\n", "x *= a + b", "x = x * {0}", ["a + b"], "x = x * (a + b)\n"),
    "several lines": ("return x\n", "return x", "y = {0}\nreturn y", ["x"], "y = x\nreturn y\n"),
    "several lines, a part over lines": (
        "return f(x,\n         y)\n",
        "return f(x,\n                 y)",
        "z = {0}\nreturn z",
        ["f(x,\n                 y)"],
        "z = f(x,\n         y)\nreturn z\n",
    ),
    "braces": ("y = f(x)\n", "f(x)", "{{'a': {0}}}", ["x"], "y = {'a': x}\n"),
    "wrapped in itself": ("y = x\n", "x", "f({0})", ["x"], "y = f(x)\n"),
    "only a part stays": ("y = (a + b).c() * 2\n", "(a + b).c()", "{0}", ["a + b"], "y = (a + b) * 2\n"),
    "statement removed": ("y = 1\nassert x\nreturn x\n", "assert x", "", [], "y = 1\nreturn x\n"),
    "only statement removed": ("if x:\n    assert x\n", "assert x", "", [], "if x:\n    pass\n"),
    "argument removed": ("y = f(x, 1, 2)\n", "1", "", [], "y = f(x, 2)\n"),
    "last argument removed": ("y = f(x, 1)\n", "1", "", [], "y = f(x)\n"),
}


@pytest.mark.parametrize(("body", "wanted", "text", "parts", "expected"), TEXTS.values(), ids=TEXTS)
def test_replace_text(body: str, wanted: str, text: str, parts: list[str], expected: str) -> None:
    source = net(body)
    span = at(source, wanted, -1)
    inside = []
    for part in parts:
        index = 0
        while not span.contains(at(source, part, index)):
            index += 1
        inside.append(at(source, part, index))
    assert forward(repaired(source, [ReplaceText(span, text, tuple(inside))])) == expected


def test_replace_a_parameter() -> None:
    source = net("return x\n")
    assert "def forward(self, x: Tensor):" in repaired(source, [ReplaceText(at(source, "x", 0, ast.arg), "x: Tensor")])


def test_one_line_body_takes_several_statements() -> None:
    source = "class Net(nn.Module):\n  def forward(self, x): return x  # c\n"
    text = repaired(source, [ReplaceText(at(source, "return x"), "y = {0}\nreturn y", (at(source, "x"),))])
    assert text == "class Net(nn.Module):\n  def forward(self, x):\n    y = x\n    return y  # c\n"


def test_a_reference_becomes_a_class() -> None:
    source = "ACTS = {'relu': F.relu, 'gelu': F.gelu}\n"
    steps = [
        ReplaceText(at(source, "F.relu"), "{0}", (), ("torch.nn.ReLU",)),
        ReplaceText(at(source, "F.gelu"), "torch.nn.GELU", (), ("torch.nn.GELU",)),
    ]
    assert repaired(source, steps) == "ACTS = {'relu': nn.ReLU, 'gelu': nn.GELU}\n"


def test_replaced_text_takes_repaired_parts() -> None:
    source = net("return x.view(-1, 4).relu()\n".replace("x.view", "F.relu(x).view"))
    steps: list[Step] = [
        ReplaceText(at(source, "F.relu(x).view(-1, 4)"), "{0}.flatten(1)", (at(source, "F.relu(x)"),)),
        call(source, "F.relu(x)", "x"),
    ]
    assert forward(repaired(source, steps)) == "return self.relu(x).flatten(1).relu()\n"


def test_replaced_text_is_spelt_in_the_files_style() -> None:
    source = net("return x.t()\n")
    step = ReplaceText(at(source, "x.t()"), "torch.flatten({0}, {1}.x)", (at(source, "x"),), ("aimet_torch.onnx",))
    result = run(source, step)
    assert forward(result.text) == "return torch.flatten(x, onnx.x)\n"
    assert [str(line) for line in result.imports] == ["from aimet_torch import onnx"]
