"""Code newer than the Python that runs the checker is told from code that is broken."""

from __future__ import annotations

import pytest
from aimet_guidelines.rewriting.syntax import is_newer_python

_NEWER = {
    "generic class": "class Net[T](nn.Module):\n    def forward(self, x):\n        return F.relu(x)\n",
    "nested quotes": 'def f(x):\n    return f"{x[\'a\' + f"{x}"]}"\n',
    "exception group": "def f(x):\n    try:\n        pass\n    except* ValueError:\n        pass\n",
}
_UNBEARABLE = {
    "brackets": "x = " + "(" * 5000 + "1" + ")" * 5000,
    "signs": "x = " + "-" * 100_000 + "1",
    "negations": "x = " + "not " * 20_000 + "1",
    "lambdas": "x = " + "lambda: " * 10_000 + "1",
    "a sum": "x = " + "a + " * 50_000 + "1",
}
_BROKEN = {"half a call": "def f(x):\n    return g(x,\n", "no body": "class Net:\n", "words": "class 1st:\n    pass\n"}


@pytest.mark.parametrize("text", _NEWER.values(), ids=_NEWER)
def test_newer_syntax_is_known(text: str) -> None:
    assert is_newer_python(text)


@pytest.mark.parametrize("text", _BROKEN.values(), ids=_BROKEN)
def test_broken_code_is_not_newer_syntax(text: str) -> None:
    assert not is_newer_python(text)


@pytest.mark.parametrize("text", _UNBEARABLE.values(), ids=_UNBEARABLE)
def test_code_nested_deeper_than_the_parser_bears_is_not_tried(text: str) -> None:
    assert not is_newer_python(text)
