"""Ways of writing models that real libraries have, each seen where the checker and AIMET disagreed."""

from __future__ import annotations

from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check


def found(files: dict[str, str], name: str, code: str) -> list[int]:
    """The 1-based lines of one rule's findings in one of the files."""
    project = Project.empty("/w").updated({f"/w/{path}": text for path, text in files.items()})
    return [each.span.line + 1 for each in check(f"/w/{name}", project, Config()).findings if each.code == code]


HEAD = "import torch\nfrom torch import nn\n\n\n"


def test_methods_of_a_plain_class_that_a_model_holds() -> None:
    coder = (
        "import torch\n\n\nclass Coder:\n    def __init__(self, weight):\n        self.weight = weight\n\n"
        "    def decode(self, boxes):\n        return torch.exp(boxes) * self.weight\n"
    )
    model = (
        "from torch import nn\nfrom . import coders as c\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.fc = nn.Linear(4, 4)\n        self.coder = c.Coder(2.0)\n\n"
        "    def forward(self, x):\n        return self.coder.decode(self.fc(x))\n"
    )
    files = {"p/__init__.py": "", "p/coders.py": coder, "p/net.py": model}
    assert found(files, "p/coders.py", "AIMET301") == [9, 9]


def test_a_loop_that_picks_the_module_another_loop_asks_for() -> None:
    source = HEAD + (
        "class Heads(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.heads = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])\n\n"
        "    def pick(self, x, idx: int):\n        out = x\n        for i, head in enumerate(self.heads):\n"
        "            if i == idx:\n                out = head(x)\n        return out\n\n"
        "    def forward(self, xs: list[torch.Tensor]):\n        results = []\n"
        "        for i, x in enumerate(xs):\n            results.append(self.pick(x, i))\n        return results\n"
    )
    assert found({"a.py": source}, "a.py", "AIMET102") == []
    every = source.replace("            if i == idx:\n                out = head(x)\n", "            out = head(out)\n")
    assert found({"a.py": every}, "a.py", "AIMET102") == [13]


def test_a_helper_that_picks_a_module_by_its_argument() -> None:
    source = HEAD + (
        "class Pyramid(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])\n\n"
        "    def pick(self, x, idx: int):\n        if idx < 0:\n            idx += len(self.blocks)\n        out = x\n"
        "        for i, block in enumerate(self.blocks):\n            if i == idx:\n                out = block(x)\n"
        "        return out\n\n"
        "    def forward(self, x):\n        return self.pick(x, 0) + self.pick(x, -1)\n"
    )
    assert found({"a.py": source}, "a.py", "AIMET102") == []


def test_a_parameter_passed_to_a_module_whose_class_is_chosen_in_a_variable() -> None:
    source = HEAD + (
        "class Attention(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(4, 4)\n\n    def forward(self, x, rope=None):\n        x = self.fc(x)\n"
        "        if rope is not None:\n            x = torch.cat([x, rope], 1)\n        return x\n\n\n"
        "class Block(nn.Module):\n    def __init__(self, other=None):\n        super().__init__()\n"
        "        attn_cls = other or Attention\n        self.attn = attn_cls()\n\n"
        "    def forward(self, x, rope):\n        return self.attn(x, rope=rope)\n"
    )
    assert found({"a.py": source}, "a.py", "AIMET301") == [13]
    assert found({"a.py": source.replace(", rope=rope", "")}, "a.py", "AIMET301") == []


def test_a_number_assigned_to_a_part_of_a_tensor() -> None:
    source = HEAD + (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(4, 4)\n\n    def forward(self, x):\n        y = self.fc(x)\n        y[:, 0] = 1\n"
        "        y[:, 1] = x[:, 0]\n        return y\n"
    )
    assert found({"a.py": source}, "a.py", "AIMET301") == [12]


def test_an_object_that_is_called_and_a_library_s_own_operator() -> None:
    source = HEAD + (
        "def area(boxes):\n    return boxes[:, 0] * boxes[:, 1]\n\n\n"
        "class Mapper:\n    def __call__(self, boxes):\n        return torch.sqrt(area(boxes))\n\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(4, 4)\n        self.mapper = Mapper()\n\n"
        "    def forward(self, x):\n        return torch.ops.torchvision.nms(self.mapper(self.fc(x)), x, 0.5)\n"
    )
    assert found({"a.py": source}, "a.py", "AIMET301") == [6, 11, 21]


def test_a_module_that_is_passed_on_to_submodules_of_several_submodules() -> None:
    source = HEAD + (
        "class Inner(nn.Module):\n    def __init__(self, shared=None):\n        super().__init__()\n"
        "        self.shared = shared\n\n    def forward(self, x):\n        return self.shared(x)\n\n\n"
        "class Outer(nn.Module):\n    def __init__(self, given=None):\n        super().__init__()\n"
        "        self.inner = Inner(shared=given)\n\n    def forward(self, x):\n        return self.inner(x)\n\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.conv = nn.Conv2d(4, 4, 1)\n"
        "        self.a = Outer(given=self.conv)\n        self.b = Outer(given=self.conv)\n\n"
        "    def forward(self, x):\n        return self.b(self.a(x))\n"
    )
    assert found({"a.py": source}, "a.py", "AIMET102") == [28]


def test_a_method_that_init_assigns_to_forward() -> None:
    source = HEAD + (
        "class Part(nn.Module):\n    def __init__(self, fast: bool):\n        super().__init__()\n"
        "        self.conv = nn.Conv2d(4, 4, 1)\n        if fast:\n            self.forward = self.one\n"
        "        else:\n            self.forward = self.two\n\n"
        "    def one(self, x):\n        return self.conv(x) + x\n\n"
        "    def two(self, x):\n        return torch.cat((self.conv(x), x), 1)\n"
    )
    assert found({"a.py": source}, "a.py", "AIMET301") == [15, 18]
    assert found({"a.py": source}, "a.py", "AIMET102") == []


def test_a_method_that_is_not_called_makes_no_tensor_of_what_holds_it() -> None:
    # `norm` and `stride` are attributes of modules as well as methods of tensors.
    source = HEAD + (
        "class Wrap(nn.Module):\n    def __init__(self, layer):\n        super().__init__()\n"
        "        assert not layer.norm\n        self.layers = nn.ModuleList([layer])\n\n"
        "    def forward(self, x):\n        for layer in self.layers:\n"
        "            pad = layer.kernel_size // 4\n            x = layer(x)[pad:]\n        return x\n"
    )
    assert found({"a.py": source}, "a.py", "AIMET301") == []


def test_the_methods_of_a_float_functional_are_operations() -> None:
    source = HEAD + (
        "from torch.ao.nn.quantized import FloatFunctional\n\n\n"
        "class Block(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(4, 4)\n        self.skip = torch.nn.quantized.FloatFunctional()\n"
        "        self.cat = FloatFunctional()\n\n"
        "    def forward(self, x):\n        y = self.skip.add(x, self.fc(x))\n"
        "        y = self.skip.mul_scalar(y, 0.5)\n        return self.cat.cat([x, y], dim=1)\n\n\n"
        "class Add(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.skip = FloatFunctional()\n\n"
        "    def forward(self, x, y):\n        return self.skip.add_relu(x, y)\n"
    )
    assert found({"a.py": source}, "a.py", "AIMET301") == [16, 17, 18, 27]
    project = Project.empty("/w").updated({"/w/a.py": source})
    combined = check("/w/a.py", project, Config()).findings[-1]
    assert not combined.repairs and "one call computes several operations" in combined.message
    assert found({"a.py": source}, "a.py", "AIMET303") == []


def test_modules_in_a_plain_list_are_others_in_other_places() -> None:
    source = HEAD + (
        "class Net(nn.Module):\n    def __init__(self, dims):\n        super().__init__()\n        self.embed = []\n"
        "        for i in range(len(dims)):\n            self.embed.append(nn.Linear(dims[i], 4))\n"
        "            self.add_module(f'embed{i}', self.embed[i])\n        self.same = [nn.Tanh()] * 3\n\n"
        "    def forward(self, x):\n        for i in range(len(self.embed)):\n            x = self.embed[i](x)\n"
        "        for i in range(3):\n            x = self.same[i](x)\n        return x\n"
    )
    assert found({"a.py": source}, "a.py", "AIMET102") == [18]
    every = source.replace("self.embed[i](x)", "self.embed[0](x)")
    assert found({"a.py": every}, "a.py", "AIMET102") == [16, 18]
    two = source.replace("x = self.embed[i](x)", "x = self.embed[i](self.embed[i](x))")
    assert found({"a.py": two}, "a.py", "AIMET102") == [16, 18]
