"""Where new import lines go."""

from __future__ import annotations

import ast
import time

import pytest
from aimet_guidelines.rewriting import ImportLine, apply_edits, import_edit

NN = ImportLine("torch", "nn")
CUSTOM = "aimet_torch.nn.modules.custom"
ADD = ImportLine(CUSTOM, "Add")

CASES = {
    "empty file": ("", [NN], "from torch import nn\n"),
    "no imports": ("class A: pass\n", [NN], "from torch import nn\n\n\nclass A: pass\n"),
    "comment above the first class": ("# c\nclass A: pass\n", [NN], "from torch import nn\n\n# c\nclass A: pass\n"),
    "licence": ("# c\n\nclass A: pass\n", [NN], "# c\n\nfrom torch import nn\n\n\nclass A: pass\n"),
    "shebang and encoding": (
        "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\nx = 1\n",
        [NN],
        "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n\nfrom torch import nn\n\nx = 1\n",
    ),
    "docstring": ('"""Doc\nimport x\n"""\n\nx = 1\n', [NN], '"""Doc\nimport x\n"""\n\nfrom torch import nn\n\nx = 1\n'),
    "future import": (
        "from __future__ import annotations\n\nx = 1\n",
        [NN, ADD],
        f"from __future__ import annotations\n\nfrom torch import nn\nfrom {CUSTOM} import Add\n\nx = 1\n",
    ),
    "after the same package": (
        "import os\nimport torch\nimport sys\n",
        [NN],
        "import os\nimport torch\nfrom torch import nn\nimport sys\n",
    ),
    "before relative imports": (
        "import os\nfrom .a import b\n",
        [ADD],
        f"import os\nfrom {CUSTOM} import Add\nfrom .a import b\n",
    ),
    "only relative imports": ("from .a import b\n", [NN], "from .a import b\nfrom torch import nn\n"),
    "not inside blocks": (
        "import os\nif TYPE_CHECKING:\n    import torch\ntry:\n    import z\nexcept ImportError:\n    pass\n",
        [NN],
        "import os\nfrom torch import nn\n"
        "if TYPE_CHECKING:\n    import torch\ntry:\n    import z\nexcept ImportError:\n    pass\n",
    ),
    "beside torch where that is imported under a condition": (
        "import os\ntry:\n    import z\n    from torch import (\n        nn,\n    )\n"
        "except ImportError:\n    nn = None\n",
        [ADD],
        "import os\ntry:\n    import z\n    from torch import (\n        nn,\n    )\n"
        f"    from {CUSTOM} import Add\nexcept ImportError:\n    nn = None\n",
    ),
    "there already under a condition": (
        f"if a:\n  if b:\n    import torch\n    from {CUSTOM} import Add\n",
        [ADD],
        f"if a:\n  if b:\n    import torch\n    from {CUSTOM} import Add\n",
    ),
    "not beside an import for types": (
        "import os\nif TYPE_CHECKING:\n    import torch\n",
        [ADD],
        f"import os\nfrom {CUSTOM} import Add\nif TYPE_CHECKING:\n    import torch\n",
    ),
    "not behind a class": (
        "import os\n@d\nclass A: pass\nimport torch\n",
        [NN],
        "import os\nfrom torch import nn\n@d\nclass A: pass\nimport torch\n",
    ),
    "before its first use": (
        '"""About Add."""\nimport os\nACTS = {"add": Add}\nimport sys\n',
        [ADD],
        f'"""About Add."""\nimport os\nfrom {CUSTOM} import Add\nACTS = {{"add": Add}}\nimport sys\n',
    ),
    "two imports on a line": ("import os; import sys\n", [NN], "import os; import sys\nfrom torch import nn\n"),
    "continued line, CRLF, no final newline": (
        "import a, \\\r\n  b",
        [NN],
        "import a, \\\r\n  b\r\nfrom torch import nn",
    ),
    "one line ends otherwise than the rest": (
        "# a\nimport a\r\nimport b\r\n",
        [NN],
        "# a\nimport a\r\nimport b\r\nfrom torch import nn\r\n",
    ),
    "merged": ("from torch import Tensor  # t\n", [NN], "from torch import Tensor, nn  # t\n"),
    "merged first": (f"from {CUSTOM} import MatMul\n", [ADD], f"from {CUSTOM} import Add, MatMul\n"),
    "merged into unsorted names": (f"from {CUSTOM} import B, A\n", [ADD], f"from {CUSTOM} import B, A, Add\n"),
    "merged into parentheses": (f"from {CUSTOM} import (MatMul)\n", [ADD], f"from {CUSTOM} import (Add, MatMul)\n"),
    "merged, a name a line": (
        f"from {CUSTOM} import (\n    Abs,  # a\n    MatMul,  # m\n)\n",
        [ADD, ImportLine(CUSTOM, "Split")],
        f"from {CUSTOM} import (\n    Abs,  # a\n    Add,\n    MatMul,  # m\n    Split,\n)\n",
    ),
    "merged, no trailing comma": (
        f"from {CUSTOM} import (\n    Abs  # a\n)\n",
        [ADD],
        f"from {CUSTOM} import (\n    Abs,  # a\n    Add\n)\n",
    ),
    "alias": (
        f"from {CUSTOM} import MatMul\n",
        [ImportLine(CUSTOM, "Add", "AimetAdd")],
        f"from {CUSTOM} import Add as AimetAdd, MatMul\n",
    ),
    "there already": (f"from {CUSTOM} import Add, MatMul\n", [ADD], f"from {CUSTOM} import Add, MatMul\n"),
    "star import is no place to merge": (
        f"from {CUSTOM} import *\n",
        [ADD],
        f"from {CUSTOM} import *\nfrom {CUSTOM} import Add\n",
    ),
    "functional": (
        "import torch\n",
        [ImportLine("torch.nn.functional", alias="F")],
        "import torch\nimport torch.nn.functional as F\n",
    ),
    "several at once": (
        "import torch\n",
        [ADD, NN, ImportLine(CUSTOM, "Concat")],
        f"import torch\nfrom torch import nn\nfrom {CUSTOM} import Add, Concat\n",
    ),
}


@pytest.mark.parametrize(("text", "lines", "expected"), CASES.values(), ids=CASES)
def test_import_lines_are_placed(text: str, lines: list[ImportLine], expected: str) -> None:
    assert apply_edits(text, import_edit(text, lines)) == expected


@pytest.mark.parametrize(("text", "lines", "expected"), CASES.values(), ids=CASES)
def test_placing_them_again_changes_nothing(text: str, lines: list[ImportLine], expected: str) -> None:
    assert import_edit(expected, lines) == []


def test_the_rest_of_a_file_may_be_broken() -> None:
    text = "import torch\n\nclass A(:\n    '''"
    assert apply_edits(text, import_edit(text, [NN])) == text.replace("torch\n", "torch\nfrom torch import nn\n", 1)


def test_a_long_file_costs_no_more_than_its_head() -> None:
    text = "import torch\n\n\n" + "class A:\n    x = 'a'\n" * 20_000
    start = time.perf_counter()
    import_edit(text, [NN])
    assert time.perf_counter() - start < 0.5


def test_a_relative_import_of_the_module_counts() -> None:
    def absolute(node: ast.ImportFrom) -> str:
        return "pack." * bool(node.level) + (node.module or "")

    lines = [ImportLine("pack.ops", "Roll")]
    for text, expected in {
        "from .ops import turn\n": "from .ops import Roll, turn\n",
        "from .ops import *\n": "from .ops import *\nfrom .ops import Roll\n",
        "from ops import turn\n": "from ops import turn\nfrom pack.ops import Roll\n",
    }.items():
        assert apply_edits(text, import_edit(text, lines, absolute)) == expected
        assert import_edit(expected, lines, absolute) == []
