"""AIMET001 unused-ignore."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..finding import Draft
from .base import Case, Rule

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Unit

_REPAIRED = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(x)
"""


class UnusedIgnore(Rule):
    """An ignore comment suppresses nothing.

    ## What it does

    Reports an `# aimet: ignore` or `# aimet: ignore-file` comment, or one code in its brackets, that silences no
    finding; and one that cannot silence any because it is misspelt: an unknown code, a bracket left open, a code
    outside the brackets. A comment about a rule that is switched off is not reported.

    ## Why AIMET needs it

    AIMET does not: this is about the comments themselves. One that is left behind after the model was repaired
    hides the next breach on that line, and one with a typing mistake looks as if it worked.

    ## Example

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(x)  # aimet: ignore[AIMET101]
    ```

    ## Use instead

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(x)
    ```

    ## Fix safety

    Safe: the repair removes the comment, or the one code from its brackets. Other comments on the line stay.
    A misspelt comment has no repair where it is not clear what was meant.
    """

    code = "AIMET001"
    name = "unused-ignore"
    cases = (
        Case(
            "a comment left behind after the repair",
            _REPAIRED.replace("self.relu(x)", "self.relu(x)  # aimet: ignore[AIMET101]"),
            lines=(10,),
            repaired=_REPAIRED,
        ),
        Case(
            "a code with a typing mistake",
            "from torch import nn\n\nnet = nn.ReLU()  # noqa  # aimet: ignore[AIMET1O1]\n",
            lines=(3,),
            repaired="from torch import nn\n\nnet = nn.ReLU()  # noqa\n",
        ),
        Case("text in a string is no comment", 'TEXT = "# aimet: ignore[AIMET1O1]"\n'),
    )

    def check(self, unit: Unit, config: Config) -> Iterator[Draft]:
        """Nothing: only the whole file's findings tell which comments are used, so `suppression` reports them."""
        yield from ()
