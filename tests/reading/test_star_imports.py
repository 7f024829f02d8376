"""Star imports: what a name is that a file does not bind itself."""

from __future__ import annotations

import pytest
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check

ROOT = "/project"
_NET = """\


class Net(Module):
    def __init__(self):
        super().__init__()
        self.fc = Linear(3, 3)

    def forward(self, x):
        return relu(self.fc(x))
"""


@pytest.mark.parametrize(
    ("imports", "found"),
    [
        ("from torch.nn import *\nfrom torch.nn.functional import *\n", 1),
        ("from torch.nn import *\nfrom torch import *\n", 1),
        ("from torch.nn import *\n", 0),  # it has no `relu`
        ("from torch.nn import *\nfrom torch.nn.functional import *\n\n\ndef relu(x):\n    return x\n", 0),
        ("from torch.nn import *\nfrom torch.nn.functional import *\nfrom own import *\n", 0),
        ("from common import *\n", 1),
    ],
)
def test_names_of_torch(imports: str, found: int) -> None:
    texts = {
        "net.py": imports + _NET,
        "own.py": "def relu(x):\n    return x\n",
        "common.py": "from torch.nn import *\nfrom torch.nn.functional import *\n",
    }
    project = Project.empty(ROOT).updated({f"{ROOT}/{path}": text for path, text in texts.items()})
    findings = check(f"{ROOT}/net.py", project, Config(root=ROOT)).findings
    assert [finding.code for finding in findings if finding.code != "AIMET303"] == ["AIMET101"] * found
