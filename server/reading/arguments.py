"""The arguments of a call as the interpreter passes them."""

from __future__ import annotations

import ast

from .values import Value

Operand = tuple["ast.expr | None", Value]


class Arguments:
    """The arguments of one call.

    starred: some are hidden behind `*` or `**`. passed_on: these are what `forward` is given beside its parameters.
    """

    __slots__ = ("keywords", "passed_on", "positional", "starred")

    def __init__(
        self,
        positional: list[Operand],
        keywords: dict[str, Operand],
        starred: bool = False,
        passed_on: bool = False,
    ) -> None:
        self.positional = positional
        self.keywords = keywords
        self.starred = starred
        self.passed_on = passed_on

    def get(self, index: int, name: str) -> Value | None:
        """The value of a parameter by position or name, None where it is not given."""
        if name in self.keywords:
            return self.keywords[name][1]
        return self.positional[index][1] if index < len(self.positional) else None

    def values(self) -> list[Value]:
        """Every value passed."""
        return [value for _, value in self.positional] + [value for _, value in self.keywords.values()]

    def with_first(self, *operands: Operand) -> Arguments:
        """The same call with more arguments in front."""
        return Arguments([*operands, *self.positional], self.keywords, self.starred, self.passed_on)
