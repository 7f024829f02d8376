"""What callers pass decides what a model's forward does, also after an edit of the caller alone."""

from __future__ import annotations

from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check

_PART = (
    "import torch.nn.functional as F\nfrom torch import nn\n\n\nclass Part(nn.Module):\n"
    "    def __init__(self):\n        super().__init__()\n        self.fc = nn.Linear(4, 4)\n\n"
    "    def forward(self, x, mask=None):\n        x = self.fc(x)\n        if mask is not None:\n"
    "            x = F.relu(x)\n        return x\n"
)
_WHOLE = (
    "from torch import nn\n\nfrom part import Part\n\n\nclass Whole(nn.Module):\n"
    "    def __init__(self):\n        super().__init__()\n        self.part = Part()\n\n"
    "    def forward(self, x):\n        return self.part(x)\n"
)


def _lines(project: Project) -> list[int]:
    config = Config(root="/project", select=("AIMET101",))
    return [finding.span.line + 1 for finding in check("/project/part.py", project, config).findings]


def test_a_default_holds_until_a_caller_passes_another_value() -> None:
    project = Project.empty("/project").updated({"/project/part.py": _PART, "/project/whole.py": _WHOLE})
    assert _lines(project) == []
    project = project.updated({"/project/whole.py": _WHOLE.replace("self.part(x)", "self.part(x, mask=x)")})
    assert _lines(project) == [13]
    project = project.updated({"/project/whole.py": _WHOLE})
    assert _lines(project) == []


def test_the_elements_of_a_class_that_only_derives_from_another_are_none_of_it() -> None:
    more = (
        "from torch import nn\n\nfrom part import Part\n\n\nclass More(Part):\n    def __init__(self{}):\n"
        "        super().__init__()\n        self.layers = nn.ModuleList({})\n\n"
        "    def forward(self, x, mask=None):\n        for layer in self.layers:\n"
        "            x = layer(x, x)\n        return x\n"
    )
    files = {"/project/part.py": _PART, "/project/more.py": more.format(", n", "nn.Bilinear(4, 4, 4) for _ in n")}
    project = Project.empty("/project").updated(files)
    assert _lines(project) == []
    project = project.updated({"/project/more.py": more.format("", "Part() for _ in range(2)")})
    assert _lines(project) == [13]
