"""Whether a class walks over its own children, so that a new one would take part in what it does."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ..knowledge.modules import module_attributes, module_class
from ..reading.definitions import Definition
from ..reading.syntax import statements_below, walk

if TYPE_CHECKING:
    from ..reading.index import Index

# Apart from each other, and behind a word that stands in every text that they match: both are found much faster.
_ITERATES = {
    hint: re.compile(pattern)
    for hint, pattern in {
        "in self": r"in self(?<!\win self)\b(?!\.)",
        "enumerate(self)": r"enumerate\(self\)",
        "children()": r"self\.(?:named_)?children\(\)",
        "modules()": r"self\.(?:named_)?modules\(\)",
        "self._modules": r"self\._modules\b",
        "*self": r"\*self\b(?!\.)",
    }.items()
}
_NAMED = frozenset({"named_children", "named_modules"})
_ALL = frozenset({"children", "modules"}) | _NAMED


def walks_children(index: Index, definition: Definition, new: str) -> bool:
    """Whether code of the class meets every child, and a new one of class `new` too (torch's, or empty for AIMET's)."""
    iterates = definition.memo.get("iterates")
    if iterates is None:
        iterates = definition.memo["iterates"] = _iterates(definition.source)
    if not iterates:
        return False
    key = ("walks", definition, new)
    return bool(index.remember(key, lambda: _meets_every_child(index, definition, new)))


def _iterates(source: str) -> bool:
    """Whether code walks over `self` or its children."""
    return any(hint in source and pattern.search(source) is not None for hint, pattern in _ITERATES.items())


def _meets_every_child(index: Index, definition: Definition, new: str) -> bool:
    kept = definition.source.splitlines()
    first = definition.node.lineno
    for node in statements_below([definition.node]):
        if isinstance(node, ast.For) and _passes_over(index, definition, node, new):
            for line in range(node.lineno - first, (node.end_lineno or node.lineno) - first + 1):
                kept[line] = ""
    return _iterates("\n".join(kept))


def _passes_over(index: Index, definition: Definition, loop: ast.For, new: str) -> bool:
    """Whether a loop asks of each child what it is, and does nothing with a new one.

    It is how weights are given their first values: `for m in self.modules(): if isinstance(m, nn.Conv2d): ...`.
    """
    call, target = loop.iter, loop.target
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _ALL):
        return False
    if not (isinstance(call.func.value, ast.Name) and call.func.value.id == "self") or loop.orelse:
        return False
    if call.func.attr in _NAMED and isinstance(target, ast.Tuple) and len(target.elts) == 2:
        target = target.elts[1]
    if not isinstance(target, ast.Name):
        return False
    return all(_asks(index, definition, each, target.id, new) for each in loop.body)


def _asks(index: Index, definition: Definition, statement: ast.stmt, name: str, new: str) -> bool:
    while isinstance(statement, ast.If):
        test = statement.test
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            test = test.values[0]
        if not (
            isinstance(test, ast.Call)
            and isinstance(test.func, ast.Name)
            and len(test.args) == 2
            and isinstance(test.args[0], ast.Name)
            and test.args[0].id == name
        ):
            return False
        if test.func.id == "hasattr":
            if not _lacks(new, test.args[1]):
                return False
        elif test.func.id == "isinstance":
            kinds = test.args[1].elts if isinstance(test.args[1], ast.Tuple) else [test.args[1]]
            if not all(_another_kind(index, definition, each, new) for each in kinds):
                return False
        else:
            return False
        if not statement.orelse:
            return True
        if len(statement.orelse) != 1:
            return False
        statement = statement.orelse[0]
    return False


def _another_kind(index: Index, definition: Definition, kind: ast.expr, new: str) -> bool:
    """Whether a new module is no instance of a class for sure: that one owns weights, or is the workspace's own."""
    found = index.named(kind, definition.path, definition.parent)
    if isinstance(found, Definition):
        return True
    known = module_class(found) if isinstance(found, str) else None
    if known is None or not known.parametric:
        return False
    made = module_class(new)
    return made is None or known.path not in (made.path, *made.bases)


# What AIMET's modules keep of their constructors' arguments, and layers with weights have.
_COMMON = frozenset({"weight", "bias", "reset_parameters", "axis", "dim", "dtype", "stride", "padding", "dilation",
                     "groups", "reduce"})  # fmt: skip


def _lacks(new: str, attribute: ast.expr) -> bool:
    """Whether a new module has no attribute of a name for sure."""
    if not isinstance(attribute, ast.Constant):
        return False
    made = module_class(new)
    kept = {each.name for each in made.signature} if made is not None else set()
    return attribute.value not in _COMMON | module_attributes() | kept


_PAIRS = frozenset({"items", "named_children"})
_ALONE = frozenset({"values", "children"})
# The members with which a class walks over its children; none where it is walked over itself.
_WALKERS = _ALL | _PAIRS | _ALONE | {"keys", None}


def walks_of_forward(definition: Definition) -> list[tuple[ast.expr, str]] | None:
    """The walks over the class's own children in `forward`, with the text that leaves one child out of each.

    In the text `{0}` stands for what is walked and `{1}` for the child. None where the class walks in any other way, so
    that a child cannot be kept out; a class that does not walk at all runs its children by inheritance.
    """
    forward = definition.methods.get("forward")
    if forward is None or not isinstance(definition.node, ast.ClassDef):
        return None
    found: list[tuple[ast.expr, str]] = []
    readers: set[ast.AST] = set()
    for node in walk(forward):
        if isinstance(node, (ast.For, ast.comprehension)):
            walked = node.iter
            if isinstance(walked, ast.Call) and isinstance(walked.func, ast.Name) and walked.func.id == "enumerate":
                walked = walked.args[0]
            text = _left_out(walked)
            if text is None:
                continue
            if isinstance(node, ast.comprehension) and node.ifs and _leaves_out(node.ifs[-1]):
                found.append((node.ifs[-1], "{0} and each is not {1}"))
            else:
                found.append((walked, text))
            readers.update(walk(walked))
    for method in definition.methods.values():
        parts = definition.inner(method).parts
        members = {node.value: node.attr for node in parts.of(ast.Attribute)}
        if any(name in ("forward", "_modules") and _is_super_or_self(of) for of, name in members.items()):
            return None
        # Where `self` is more than asked for a member that walks over nothing.
        walkers = [each for each in parts.names.get("self", ()) if members.get(each) in _WALKERS]
        if any(each not in readers for each in walkers):
            return None
    return found or None


def _left_out(walked: ast.expr) -> str | None:
    if isinstance(walked, ast.Name) and walked.id == "self":
        return "[each for each in {0} if each is not {1}]"
    if not (isinstance(walked, ast.Call) and isinstance(walked.func, ast.Attribute) and not walked.args):
        return None
    if not (isinstance(walked.func.value, ast.Name) and walked.func.value.id == "self"):
        return None
    if walked.func.attr in _PAIRS:
        return "[(key, each) for key, each in {0} if each is not {1}]"
    return "[each for each in {0} if each is not {1}]" if walked.func.attr in _ALONE else None


def _leaves_out(condition: ast.expr) -> bool:
    """Whether a condition is what an earlier repair wrote: `each is not self.relu`."""
    first = condition.values[0] if isinstance(condition, ast.BoolOp) else condition
    return (
        isinstance(first, ast.Compare)
        and isinstance(first.ops[0], ast.IsNot)
        and isinstance(first.left, ast.Name)
        and first.left.id == "each"
    )


def _is_super_or_self(node: ast.expr) -> bool:
    return (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super") or (
        isinstance(node, ast.Name) and node.id == "self"
    )
