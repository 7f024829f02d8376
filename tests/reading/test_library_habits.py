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
