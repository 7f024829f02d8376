"""Reads the generated tables beside this file, each once and only when it is first asked for."""

from __future__ import annotations

import ast
import json
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple


class _Required:
    """Marks a parameter without a default."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()


class Parameter(NamedTuple):
    """One parameter of a callable: its name, default (a Python literal or REQUIRED), and how it may be passed.

    kind: "" for an ordinary one, "keyword" for keyword-only, "*" and "**" for the variadic ones.
    """

    name: str
    default: Any
    kind: str = ""


Signature = tuple[Parameter, ...]


@cache
def table(name: str) -> dict[str, Any]:
    """The generated table `name`.json. Written by the scripts named `scripts/generate_*.py`."""
    text = (Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@lru_cache(maxsize=512)
def parse_signature(text: str) -> Signature:
    """The parameters in `text`, a parameter list as it stands between the parentheses of a `def`."""
    function = ast.parse(f"def f({text}): ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    ordinary = [*arguments.posonlyargs, *arguments.args]
    missing = len(ordinary) - len(arguments.defaults)
    found = [
        Parameter(a.arg, REQUIRED if i < missing else ast.literal_eval(arguments.defaults[i - missing]))
        for i, a in enumerate(ordinary)
    ]
    if arguments.vararg:
        found.append(Parameter(arguments.vararg.arg, REQUIRED, "*"))
    found.extend(
        Parameter(a.arg, REQUIRED if d is None else ast.literal_eval(d), "keyword")
        for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    )
    if arguments.kwarg:
        found.append(Parameter(arguments.kwarg.arg, REQUIRED, "**"))
    return tuple(found)


def signature(symbol: str) -> Signature | None:
    """The parameters of a torch operation as its caller writes them, or None where torch does not tell.

    A method's first parameter is its receiver, called `input`. Of overloads it is the one torch lists first.
    """
    text = table("signatures").get(symbol)
    return None if text is None else parse_signature(text)


def words(text: str) -> frozenset[str]:
    """The names in `text`, separated by white space: tables of many names read better so than quoted one by one."""
    return frozenset(text.split())
