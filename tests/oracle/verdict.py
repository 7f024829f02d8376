"""What AIMET's ModelValidator says of a model, with the source lines it says it of.

AIMET's two checks are `aimet_torch.utils.get_reused_modules` and
`aimet_torch.meta.connectedgraph_utils.get_ops_with_missing_modules`. The second builds a ConnectedGraph from a trace;
each node of a trace knows the Python stack it was made under.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from aimet_torch import utils
from aimet_torch.meta import connectedgraph, connectedgraph_utils
from probe import Library, Lines, Site

_FRAME = re.compile(r"^(.+)\((\d+)\): (.+)$", re.M)


@dataclass
class Verdict:
    """problem: why there is no graph, empty where there is one.

    reused: the modules AIMET reports as used more than once.
    missing: (site, operation type, torch's Python function that made it or "", class it resides in) of every
        operation it reports; site is None for what no line of the library made.
    whole: ids of childless modules AIMET takes for one operation.
    traced: lines that ran while torch traced.
    """

    problem: str = ""
    reused: list[torch.nn.Module] = field(default_factory=list)
    missing: list[tuple[Site | None, str, str, type]] = field(default_factory=list)
    whole: set[int] = field(default_factory=set)
    traced: dict[str, set[int]] = field(default_factory=dict)


def verdict(model: torch.nn.Module, inputs: tuple[torch.Tensor, ...], library: Library) -> Verdict:
    """Run both checks."""
    logging.disable(logging.CRITICAL)
    found = Verdict()
    found.reused = [module for _, module in utils.get_reused_modules(model, inputs)]
    lines = Lines(library)
    try:
        with _graph_class(_noting(found)), _tracing_under(lines):
            operations = connectedgraph_utils.get_ops_with_missing_modules(model, inputs)
    except Exception as error:
        cause = error.__context__ or error
        found.problem = f"{type(cause).__name__}: {cause}".splitlines()[0][:200]
        return found
    found.traced = lines.seen
    for operation in operations:
        stack = _Noting.stacks.get(operation.name, "")
        site, function = _innermost(stack, library)
        found.missing.append((site, operation.type, function, type(operation.residing_module)))
    return found


class _Noting(connectedgraph.ConnectedGraph):
    """AIMET's graph, noting which node of the trace made which operation."""

    stacks: ClassVar[dict[str, str]] = {}
    found: Verdict
    _node: Any = None

    def _create_new_multi_output_op(self, op_type: str, residing_module: Any, op_module: Any = None) -> Any:
        operation = super()._create_new_multi_output_op(op_type, residing_module, op_module)
        if self._node is not None:
            _Noting.stacks[operation.name] = self._node.sourceRange()
            _Noting._node = None
        return operation

    @staticmethod
    def _get_functional_node_type(node: Any) -> str:
        _Noting._node = node
        return connectedgraph.ConnectedGraph._get_functional_node_type(node)

    def _is_recursive_parsing_needed(self, module: torch.nn.Module, trace: Any) -> bool:
        needed = super()._is_recursive_parsing_needed(module, trace)
        if not needed:
            self.found.whole.add(id(module))
        return needed


def _noting(found: Verdict) -> type:
    _Noting.stacks, _Noting.found = {}, found
    return _Noting


@contextmanager
def _graph_class(cls: type) -> Iterator[None]:
    original = connectedgraph_utils.ConnectedGraph
    connectedgraph_utils.ConnectedGraph = cls
    try:
        yield
    finally:
        connectedgraph_utils.ConnectedGraph = original


@contextmanager
def _tracing_under(lines: Lines) -> Iterator[None]:
    original = torch.jit.trace

    def trace(*args: Any, **kwargs: Any) -> Any:
        with lines:
            return original(*args, **kwargs)

    torch.jit.trace = trace
    try:
        yield
    finally:
        torch.jit.trace = original


def _innermost(stack: str, library: Library) -> tuple[Site | None, str]:
    """The library's innermost line of a trace's stack, and torch's Python function nearest to that line."""
    function = ""
    for filename, line, name in _FRAME.findall(stack):
        relative = library.relative(filename)
        if relative is not None:
            return (relative, int(line)), function
        function = name if not name.startswith("_") and name != "forward" else function
    return None, function
