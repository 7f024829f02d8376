"""Which classes AIMET would trace, and which of their methods: not losses, their helpers, transforms of data, and
wrappers for several devices.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from ..knowledge.data import words
from . import callers
from .definitions import Definition, given_parameters, is_static
from .file_facts import FileFacts
from .source import Statement
from .syntax import DefinedFunction, walk

if TYPE_CHECKING:
    from .index import Index

_LOSS = re.compile(r"(?:Loss|Losses|Criterion|CrossEntropy)(?:V?\d+)?$|^_(?:Weighted)?Loss$")
_TRANSFORM = re.compile(r"Transform$|Augment|^Random[A-Z]")
# What the expected result is called among the parameters of a loss.
TARGETS = words("target targets label labels gt gts y_true truth ground_truth true")
_TRANSFORM_FILE = re.compile(r"transforms?\.py$|augment", re.IGNORECASE)
_FOLDERS = frozenset({"transforms", "losses", "loss"})

# Methods that set a model up, or belong to training: never part of what AIMET traces.
_NOT_FORWARD = frozenset(
    "init_weights reset_parameters reset_classifier get_classifier group_matcher no_weight_decay load_pretrained "
    "set_grad_checkpointing set_input_size extra_repr loss step training_step validation_step test_step "
    "configure_optimizers train eval fuse reparameterize load load_state_dict state_dict from_pretrained generate "
    "fit compile serialize "
    # Methods of tensors, lists and dicts: a call by such a name is hardly a model's.
    "add append clear copy extend get index insert items keys pop remove reset reverse sort update values".split()
)
_SETS_UP = (
    *("set_", "reset_", "init_", "initialize_", "load_", "register_", "remove_", "fuse_", "prune_"),
    *("is_", "num_", "plot_"),
)
# What trains a model, and what counts its parts.
_ASIDE = re.compile(r"loss|(?:^|_)(?:init|flops|macs|parameters)(?:_|$)|num_params|_(?:size|shape|memory)$")


def is_met(index: Index, definition: Definition) -> bool:
    """Whether AIMET meets modules of a class.

    Not a loss or a transform of data, unless a model holds it; nor what only losses use (the matcher of a detection
    loss).
    """
    users = _users(index, definition)
    if _is_auxiliary(index, definition):
        return any(_model(index, facts, user) is not None for facts, user in users)
    is_used = False
    for facts, user in users:
        if not _is_loss(index, facts, user):
            return True
        is_used = True
    return not is_used


def _uses(statement: Statement, definition: Definition) -> bool:
    return definition.simple_name in callers.names_used(statement)


def is_run(index: Index, definition: Definition) -> bool:
    """Whether tracing runs modules of a class that AIMET meets: a loss only where a model's `forward` calls it."""
    if _trains(index, definition):
        return False
    if not _is_auxiliary(index, definition) and not _compares(index, definition):
        return True
    models = (_model(index, facts, user) for facts, user in _users(index, definition))
    return any(_calls(index, model, definition) for model in models if model is not None)


def _users(index: Index, definition: Definition) -> Iterator[tuple[FileFacts, Statement]]:
    """The statements that use a class; each is read only when it is asked for."""
    return ((facts, each) for facts, each in index.placed_mentions(definition) if _uses(each, definition))


def _model(index: Index, facts: FileFacts, statement: Statement) -> Definition | None:
    """The model that a statement is, if it is no loss or transform itself."""
    user = facts.definition(statement)
    if user is None or not isinstance(user.node, ast.ClassDef) or not index.is_model(user):
        return None
    return None if _is_auxiliary(index, user) or _trains(index, user) else user


def _trains(index: Index, definition: Definition) -> bool:
    """Whether the `forward` of a class trains (it calibrates another model on a data loader): nobody traces that."""
    found = index.method(definition, "forward")
    if found is None or "backward(" not in found[1].statement.text:
        return False
    calls = found[1].parts.of(ast.Call)
    return any(isinstance(each.func, ast.Attribute) and each.func.attr == "backward" for each in calls)


def _calls(index: Index, model: Definition, definition: Definition) -> bool:
    trace = index.trace(model)
    used = [use.module.definition for use in trace.uses] if trace is not None else []
    return any(each is not None and definition in index.order(each) for each in used)


def _is_loss(index: Index, facts: FileFacts, statement: Statement) -> bool:
    user = facts.definition(statement)
    return user is not None and isinstance(user.node, ast.ClassDef) and _is_auxiliary(index, user)


def _is_auxiliary(index: Index, definition: Definition) -> bool:
    """Whether a class is a loss, a transform or a wrapper, by its name, its bases or its file."""
    for each in index.order(definition):
        if _is_aside(each.simple_name if isinstance(each, Definition) else each.rpartition(".")[2]):
            return True
    *folders, file = definition.path.removeprefix(index.project.root).split("/")
    return bool(_TRANSFORM_FILE.search(file)) or any(
        each in _FOLDERS or each.startswith("augment") or each.endswith(("_losses", "_loss")) for each in folders
    )


@lru_cache(maxsize=16_384)
def _is_aside(name: str) -> bool:
    """Whether a class of this name is a loss, a transform or a wrapper."""
    return _LOSS.search(name) is not None or _TRANSFORM.search(name) is not None or is_wrapper(name)


def is_wrapper(name: str) -> bool:
    """Whether a class of this name runs a model on several devices: AIMET is given the model itself."""
    return name.endswith("DataParallel")


def takes_target(index: Index, definition: Definition) -> bool:
    """Whether `forward` is given what its result should be, beside what it is compared with."""
    forward = _forward(index, definition)
    return forward is not None and any(each.arg in TARGETS for each in given_parameters(forward)[1:])


def _compares(index: Index, definition: Definition) -> bool:
    """Whether a class without layers always needs a target: whatever it is called, it is a loss."""
    forward = _forward(index, definition)
    if forward is None:
        return False
    optional = {name for name, _ in callers.defaults(forward.args)}
    required = {each.arg for each in given_parameters(forward)[1:]} - optional
    return not required.isdisjoint(TARGETS) and not _holds_modules(index, definition)


def _forward(index: Index, definition: Definition) -> ast.FunctionDef | None:
    found = index.method(definition, "forward")
    return found[1].node if found is not None and isinstance(found[1].node, ast.FunctionDef) else None


# What is made and kept, and what is called of the object itself.
_KEEPS_OBJECTS = re.compile(r"\bself\.\w+\s*(?::[^=\n]+)?=\s*(?:\w+\.)*[A-Z]\w*\(|\badd_module\(|\bModuleList\b")
_CALLS_OWN = re.compile(r"\bself\.(?!register_)(\w+)\(")


def _holds_modules(index: Index, definition: Definition) -> bool:
    """Whether a class, or one it derives from in the workspace, seems to keep objects or calls some that it keeps."""
    classes = [each for each in index.order(definition) if isinstance(each, Definition)]
    if any(_KEEPS_OBJECTS.search(each.source) for each in classes):
        return True
    called = {name for each in classes for name in _CALLS_OWN.findall(each.source)}
    return any(index.method(definition, name) is None for name in called)


def entries(index: Index, definition: Definition) -> list[str]:
    """Public methods beside `forward` that other classes and functions call on a model, as part of what it computes."""
    public = (name for name in definition.methods if not name.startswith("_") and name != "forward")
    names = (name for name in public if _runs_in_forward(name) and _may_compute(definition, definition.methods[name]))
    called = [name for name in names if index.calls(definition, name)]
    return [name for name in called if not _drives(definition, name) or _is_called_by_model(index, definition, name)]


def _is_called_by_model(index: Index, definition: Definition, name: str) -> bool:
    for facts, user in index.placed_mentions(definition):
        if _model(index, facts, user) is not None:
            index.depend(facts.path, user.name)
            if callers.calls(user, name):
                return True
    return False


def _drives(definition: Definition, name: str) -> bool:
    """Whether a method runs the whole model, as what predicts, samples or decodes step by step does.

    AIMET traces what is run, not what runs it, unless that is a model again.
    """
    waiting, seen = [name], {name}
    while waiting:
        method = definition.method(waiting.pop())
        for call in method.parts.of(ast.Call) if method is not None else ():
            if isinstance(call.func, ast.Name) and call.func.id == "self":
                return True
            if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
                if call.func.value.id == "self" and call.func.attr not in seen:
                    seen.add(call.func.attr)
                    waiting.append(call.func.attr)
    return "forward" in seen


def _runs_in_forward(name: str) -> bool:
    return name not in _NOT_FORWARD and not name.startswith(_SETS_UP) and not _ASIDE.search(name)


def _may_compute(definition: Definition, method: DefinedFunction) -> bool:
    """Whether a method may compute something of what it is given.

    Not one that makes objects of its class (`Net.from_config(...)`), nor one that is given switches and numbers alone
    (`net.get_quantsim(quantized=False)`).
    """
    if any(isinstance(each, ast.Name) and each.id == "classmethod" for each in method.decorator_list):
        return False
    if is_static(method) and any(_makes(each, definition.simple_name) for each in walk(method)):
        return False
    arguments = method.args
    given = dict(callers.defaults(arguments))
    every = [*given_parameters(method), *arguments.kwonlyargs]
    return arguments.vararg is not None or any(_may_be_tensor(given.get(each.arg)) for each in every)


def _makes(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _may_be_tensor(default: ast.expr | None) -> bool:
    """Whether a parameter with this default, or with none, may be given a tensor."""
    return default is None or not isinstance(default, ast.Constant) or default.value is None
