"""A loop over a ModuleList that walks a second one beside it."""

from __future__ import annotations

import ast

from .names import bound_names, first_free
from .source import FUNCTIONS, Source
from .splice import Splice, StepError

_NO_LOOP = "it is not in a loop of the form `for layer in self.{0}:`, with or without enumerate or zip"


class Loops:
    """Collects the attributes each loop has to walk in addition."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._added: dict[ast.For | ast.AsyncFor, list[tuple[str, str]]] = {}

    def check(self, node: ast.AST, receiver: str, attribute: str) -> None:
        """Raises StepError where `node` is in no loop over `<receiver>.<attribute>` that can be widened."""
        self._loop(node, f"{receiver}.{attribute}", attribute)

    def variable(self, node: ast.AST, receiver: str, attribute: str, name: str) -> str:
        """The loop variable that stands for the element of `<receiver>.<name>` at `node`."""
        loop = self._loop(node, f"{receiver}.{attribute}", attribute)
        walked = f"{receiver}.{name}"
        for known, given in self._added.get(loop, ()):
            if known == walked:
                return given
        used = {given for _, given in self._added.get(loop, ())}
        for scope in self._source.ancestors(node):
            if isinstance(scope, FUNCTIONS):
                used |= bound_names(scope)
        used |= {child.id for child in ast.walk(loop) if isinstance(child, ast.Name)}
        variable = first_free(name.removesuffix("s") or name, used)
        self._added.setdefault(loop, []).append((walked, variable))
        return variable

    def write(self, splice: Splice) -> None:
        """Replace the heads of the loops."""
        for loop, added in self._added.items():
            self._write(splice, loop, added)

    def _loop(self, node: ast.AST, walked: str, attribute: str) -> ast.For | ast.AsyncFor:
        below = node
        for above in self._source.ancestors(node):
            if isinstance(above, (ast.For, ast.AsyncFor)) and below in above.body:
                target, sequence = above.target, above.iter
                if _is_call(sequence, "enumerate"):
                    assert isinstance(sequence, ast.Call)
                    if not (isinstance(target, ast.Tuple) and len(target.elts) == 2):
                        raise StepError(_NO_LOOP.format(attribute))
                    target, sequence = target.elts[1], sequence.args[0]
                if _is_call(sequence, "zip"):
                    assert isinstance(sequence, ast.Call)
                    elements = sequence.args
                    if not isinstance(target, ast.Tuple) or len(target.elts) != len(elements):
                        raise StepError(_NO_LOOP.format(attribute))
                else:
                    elements = [sequence]
                if any(self._source.source(element) == walked for element in elements):
                    return above
            if isinstance(above, (ast.Lambda, ast.ClassDef, *FUNCTIONS)):
                break
            below = above
        raise StepError(_NO_LOOP.format(attribute))

    def _write(self, splice: Splice, loop: ast.For | ast.AsyncFor, added: list[tuple[str, str]]) -> None:
        source = self._source
        names = ", ".join(variable for _, variable in added)
        lists = ", ".join(attribute for attribute, _ in added)
        target, sequence, nested = loop.target, loop.iter, False
        if _is_call(sequence, "enumerate"):
            assert isinstance(sequence, ast.Call) and isinstance(target, ast.Tuple)
            target, sequence, nested = target.elts[1], sequence.args[0], True
        if _is_call(sequence, "zip"):
            assert isinstance(sequence, ast.Call) and isinstance(target, ast.Tuple)
            last_target, last_list = source.range(target.elts[-1]), source.range(sequence.args[-1])
            splice.replace(last_target, lambda: f"{splice.text(*last_target)}, {names}")
            splice.replace(last_list, lambda: f"{splice.text(*last_list)}, {lists}")
            return
        whole, walked = source.range(target), source.range(sequence)
        left, right = ("(", ")") if nested else ("", "")
        inner = ("(", ")") if isinstance(target, ast.Tuple) and not source.is_wrapped(target) else ("", "")
        splice.replace(whole, lambda: f"{left}{inner[0]}{splice.text(*whole)}{inner[1]}, {names}{right}")
        splice.replace(walked, lambda: f"zip({splice.text(*walked)}, {lists})")


def _is_call(node: ast.expr, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == name
        and bool(node.args)
        and not any(isinstance(argument, ast.Starred) for argument in node.args)
    )
