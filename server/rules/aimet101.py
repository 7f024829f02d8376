"""AIMET101 functional-layer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..finding import CallModule, Change, Draft, NewModule, Repair, ReplaceCallee, Safety, Severity
from ..knowledge import aimet_modules
from ..knowledge.data import REQUIRED
from ..knowledge.layers import RECEIVER, Layer, bind, layer, layer_of_class, padding_module
from ..knowledge.modules import ModuleClass
from ..positions import Span
from ..reading.values import Const, Sequence, Tensor
from . import carrying, held, helpers, leaves, lists, owned, passing, storage, stored, support
from .advice import advice
from .aimet_forms import as_written
from .base import Case, Rule
from .substitutes import is_literal, kept_parameters

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Operation, Unit

_CONSEQUENCE = {
    "activation": "AIMET gives it no quantizer of its own, and cross-layer equalization and batch-norm folding do not "
    "see through it",
    "pooling": "AIMET does not see it as a layer and gives its output no quantizer",
    "parametric": "AIMET does not see its weights, so they are neither quantized nor equalized",
    "normalization": "AIMET does not see it as a layer, so its weights and its output are not quantized",
    "dropout": "AIMET's model validator reports it",
}
_DEFAULT = "AIMET does not see it as a layer and gives its output no quantizer"


class FunctionalLayer(Rule):
    """A layer is called as a function in `forward`.

    ## What it does

    Reports a call of a functional (`F.relu(x)`, `torch.sigmoid(x)`, `x.softmax(-1)`) for which `torch.nn` has a
    module, in code that a model's `forward` reaches. It follows every spelling: import aliases, tensor methods,
    in-place forms, functions stored in an attribute or handed to another function. A module that `forward` makes anew
    for a single call (`nn.ReLU()(x)`) is a functional in other words, and is reported too.

    ## Why AIMET needs it

    The guideline says: "Define modules using class definitions instead of as functionals in the forward pass." AIMET
    attaches quantizers to modules. A functional gets none, and it hides what lies around it: after
    `F.relu(self.conv(x))` the convolution gets a quantizer too many, and cross-layer equalization finds no pair of
    convolutions to equalize.

    ## Example

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)

        def forward(self, x):
            return F.relu(self.conv(x))
    ```

    ## Use instead

    ```python
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(self.conv(x))
    ```

    ## Fix safety

    Safe where the arguments are constants and the class can take one more submodule: outputs and `state_dict` stay
    the same. Code outside that depends on the order or number of `children()`, on hook names, or on whole models
    pickled before the change will notice the new submodule. Unsafe, with the reason in the title, where `F.dropout`
    always drops, where a base class cannot be read, or where weights would be left unquantized. A functional over
    weights that the class owns (`F.layer_norm(x, shape, self.weight, self.bias)`) becomes a layer that holds the same
    parameters, which adds names to the `state_dict`, or AIMET's module that takes the weights with each call: unsafe,
    but for `F.batch_norm` in a class that holds other modules already, for quantsim quantizes what AIMET's
    `BatchNorm` is given. In a function that models call, the module becomes a parameter and calls in models pass one
    of their own; other callers go on with the functional, which is the parameter's default. Unsafe: torch.jit.script
    cannot compile the function any more, and where the default would need values of the function there is none, so
    that callers elsewhere must follow. Where the weights are those of a layer that the model holds (`F.linear(x,
    self.fc.weight, self.fc.bias)`, also by way of such a function), that layer is called: unsafe, since its hooks
    then run. A class whose `forward` walks over its own children leaves the new one out of the walk: unsafe, since
    code elsewhere may walk too. There is no repair where the arguments are only known at run time and AIMET has no
    module that takes them.
    """

    code = "AIMET101"
    name = "functional-layer"
    cases = (
        Case(
            "an activation",
            "import torch.nn as nn\nimport torch.nn.functional as F\n\n\n"
            "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            "        self.conv = nn.Conv2d(3, 8, 3)\n\n    def forward(self, x):\n"
            "        return F.relu(self.conv(x))\n",
            (11,),
            "import torch.nn as nn\nimport torch.nn.functional as F\n\n\n"
            "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            "        self.conv = nn.Conv2d(3, 8, 3)\n        self.relu = nn.ReLU()\n\n    def forward(self, x):\n"
            "        return self.relu(self.conv(x))\n",
        ),
        Case(
            "a tensor method and its argument",
            "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            "        self.fc = nn.Linear(4, 4)\n\n    def forward(self, x):\n"
            "        return self.fc(x).softmax(dim=-1)\n",
            (10,),
            "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            "        self.fc = nn.Linear(4, 4)\n        self.softmax = nn.Softmax(dim=-1)\n\n"
            "    def forward(self, x):\n"
            "        return self.softmax(self.fc(x))\n",
        ),
        Case(
            "a functional over the class's own weights",
            "import torch.nn as nn\nimport torch.nn.functional as F\n\n\n"
            "class ChannelNorm(nn.LayerNorm):\n    def forward(self, x):\n"
            "        x = F.layer_norm(x.mT, self.normalized_shape, self.weight, self.bias, self.eps)\n"
            "        return x.mT\n",
            (7,),
            "import torch.nn as nn\nimport torch.nn.functional as F\n\n\n"
            "class ChannelNorm(nn.LayerNorm):\n    def __init__(self, *args, **kwargs):\n"
            "        super().__init__(*args, **kwargs)\n"
            "        self.layer_norm = nn.LayerNorm(self.normalized_shape, eps=self.eps)\n"
            "        self.layer_norm.weight = self.weight\n        self.layer_norm.bias = self.bias\n\n"
            "    def forward(self, x):\n        x = self.layer_norm(x.mT)\n        return x.mT\n",
            unsafe=True,
        ),
        Case(
            "a shape operation is no layer",
            "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n"
            "        return torch.flatten(x, 1)\n",
        ),
    )

    def check(self, unit: Unit, config: Config) -> Iterator[Draft]:
        """The functionals of one statement."""
        for operation in unit.operations:
            known = passing.made_class(operation)
            if known is not None and not support.registered_with_aimet(unit, operation.site.model):
                yield self._passing_draft(unit, operation, known)
            found = layer(operation.symbol)
            if found is None or found.kind == "loss" or operation.via == "operator":
                continue
            if operation.site.owner is not None and support.registered_with_aimet(unit, operation.site.model):
                continue
            if not _on_tensors(operation):
                continue
            yield self._draft(unit, operation, found, config)

    def _passing_draft(self, unit: Unit, operation: Operation, known: ModuleClass) -> Draft:
        found = layer_of_class(known.path)
        repairs, reason = passing.repairs(unit, operation, known)
        consequence = _CONSEQUENCE.get(found.kind, _DEFAULT) if found is not None else _DEFAULT
        message = f"`{_spelling(operation)}` is made while `forward` runs: {consequence}. {passing.advice(known)}"
        if reason and not repairs:
            message = f"{message} No repair is offered: {reason}."
        return Draft(
            self.code, operation.site.spot(operation.node)._replace(span=_range(unit, operation)), message,
            self.severity, found.functional if found is not None else operation.symbol, repairs,
        )  # fmt: skip

    def _draft(self, unit: Unit, operation: Operation, found: Layer, config: Config) -> Draft:
        severity, alone = self.severity, leaves.is_the_operation(unit.index, operation)
        kind = found.module.rpartition(".")[2]
        written = _spelling(operation)
        repairs, reason = _repairs(unit, operation, found, config)
        if alone and support.is_leaf_with_weights(unit.index, operation.site.model):
            # A submodule would make it a container, whose own weights quantsim does not look at.
            repairs, reason = (), "the class holds the weights, so register it with quantsim (AIMET303)"
        if alone:
            severity = Severity.INFORMATION
            message = (
                f"`{written}` is all that `{operation.site.model.simple_name}` does, so AIMET takes the class for the "
                f"operation itself; `nn.{kind}` does the same and AIMET knows it."
            )
        else:
            consequence = _CONSEQUENCE.get(found.kind, _DEFAULT)
            message = f"`{written}` is a function: {consequence}. {advice(operation, found, repairs, reason)}"
        if reason and not repairs:
            message = f"{message} No repair is offered: {reason}."
        return Draft(
            self.code, operation.site.spot(operation.node)._replace(span=_range(unit, operation)), message, severity,
            operation.symbol, repairs,
        )  # fmt: skip


def _on_tensors(operation: Operation) -> bool:
    """Whether a method is called on what is a tensor for sure."""
    if not operation.symbol.startswith("Tensor."):
        return True
    value = operation.operands[0][1] if operation.operands else None
    return isinstance(value, Tensor)


def _spelling(operation: Operation) -> str:
    callee = operation.callee
    if operation.symbol.startswith("Tensor."):
        return f".{operation.symbol[7:]}()"
    if callee is None:
        return operation.symbol
    text = ast.unparse(callee)
    return text if len(text) < 40 else operation.symbol.rpartition(".")[2]


def _range(unit: Unit, operation: Operation) -> Span:
    """The callee; of a method call only the method's name, for the receiver may span lines."""
    callee = operation.callee if operation.callee is not None else operation.node
    span = operation.site.statement.span(callee)
    if isinstance(callee, ast.Attribute) and not isinstance(callee.value, (ast.Name, ast.Attribute)):
        return Span(span.end_line, span.end_column - len(callee.attr), span.end_line, span.end_column)
    return span


def _repairs(unit: Unit, operation: Operation, found: Layer, config: Config) -> tuple[tuple[Repair, ...], str]:
    """The repairs of one functional, and why there is none."""
    if operation.starred:
        return (), "its arguments are hidden behind `*`"
    owner = operation.site.owner
    if owner is not None and unit.model_of(owner) is None and unit.index.is_model(owner):
        return (), "it stands in a class of another file"
    place = support.place_for(unit, operation, found.module, leaving_out=operation.via == "direct")
    if place.owner is None:
        passed = _passed(unit, operation, found, config)
        return ((passed,), "") if passed is not None else ((), place.reason)
    if operation.via != "stored" and (
        operation.repeated or (operation.loops and not lists.walked_around(unit, operation))
    ):
        return (), "it runs several times, so one module would be reused; use one module for each run"
    if operation.via == "stored" and not found.parametric:
        return stored.repairs(unit, operation, found, place)
    layer_held = held.repair(unit, operation, found) if found.parametric else None
    if layer_held is not None:
        return (layer_held,), ""
    own = owned.repair(unit, operation, found, place, config) if not place.walks else None
    if found.parametric or own is not None:
        kind = found.module.rpartition(".")[2]
        return ((own,) if own is not None else ()), f"the class owns the weights; make them an `nn.{kind}`"
    made = _module_form(unit, operation, found)
    if isinstance(made, str):
        return _aimet_form(unit, operation, found, place, config, made)
    cls, arguments, kept, doubt = made
    changing = _inplace_doubt(unit, operation, found)
    doubts = [
        each
        for each in (place.reason, changing, doubt, found.note if found.kind == "dropout" and doubt else "")
        if each
    ]
    module = NewModule(
        place.owner,
        found.attribute,
        cls,
        arguments,
        beside=support.beside(operation),
        taken=support.taken_names(unit.index, operation.site.owner),  # type: ignore[arg-type]
        each_of=lists.walked_around(unit, operation),
    )
    module = place.placed(unit, module, operation.node)
    written = f"self.{found.attribute} = nn.{cls.rpartition('.')[2]}({', '.join(arguments)})"
    title = f"Define `{written}` and call it"
    safety = Safety.UNSAFE if doubts else Safety.SAFE
    if doubts:
        title = f"{title} (unsafe: {doubts[0]})"
    step = _step(unit, operation, found, module, kept)
    if step is None:
        return (), "what it changes in place is not a name"
    steps = place.steps(unit, module, step)
    return (Repair(title, safety, (Change(unit.path, unit.statement.key, steps),)),), ""


def _inplace_doubt(unit: Unit, operation: Operation, found: Layer) -> str:
    """Why a module that leaves its input as it is may not do for a functional that changes it."""
    if not found.mutates or "inplace" in found.fixed:
        return ""
    changed = operation.operands[0][0] if operation.operands else None
    if changed is not None and isinstance(operation.node, ast.expr):
        if storage.is_changed_alone(unit, operation.site.function.node, operation.node, changed):
            return ""
    return "what it is given no longer changes, and other code may hold it"


def _passed(unit: Unit, operation: Operation, found: Layer, config: Config) -> Repair | None:
    """The repair in a function that models call."""
    if operation.site.owner is not None or operation.starred or found.mutates:
        return None
    if found.parametric:
        return held.passed(unit, operation, found) or owned.passed(unit, operation, found, config)
    made = _module_form(unit, operation, found)
    passed = None
    if not isinstance(made, str):
        training = _training_argument(operation, found)
        if made[3] and not (isinstance(training, ast.Name) and training.id in kept_parameters(operation.site.function)):
            return None
        passed = helpers.repair(
            unit, operation, found.attribute, made[0], made[1], made[2], training=training if made[3] else None
        )
    if passed is not None or found.aimet is None or operation.via != "direct":
        return passed
    # AIMET's own takes the call's arguments as they are, where not every caller can tell its constructor.
    kept = as_written(operation)
    cls = f"{aimet_modules.import_path(config.aimet_version)}.{found.aimet}"
    return helpers.repair(unit, operation, found.attribute, cls, (), kept) if kept is not None else None


def _training_argument(operation: Operation, found: Layer) -> ast.expr | None:
    """What a call gives for whether it trains."""
    if found.training is None:
        return None
    bound = bind(found, len(operation.operands), operation.keywords) or {}
    where = bound.get(found.training[0])
    if where is None or where == RECEIVER:
        return None
    return operation.operands[where][0] if isinstance(where, int) else operation.keywords[where][0]


def _step(
    unit: Unit, operation: Operation, found: Layer, module: NewModule, kept: tuple[Span | str, ...]
) -> CallModule | ReplaceCallee | None:
    if operation.via == "passed" and operation.callee is not None:
        return ReplaceCallee(operation.site.statement.span(operation.callee), module)
    assign_to = None
    if found.mutates:
        parent = support.parents(unit.statement).get(operation.node)
        if isinstance(parent, ast.Expr):
            changed = operation.operands[0][0]
            if not isinstance(changed, ast.Name):
                return None
            assign_to = changed.id
    return CallModule(operation.site.statement.span(operation.node), module, kept, assign_to)


def _module_form(
    unit: Unit, operation: Operation, found: Layer
) -> tuple[str, tuple[str, ...], tuple[Span | str, ...], str] | str:
    """(class, constructor arguments, arguments of the call, what may change), or why there is no module form."""
    offset = 1 if found.symbol.startswith("Tensor.") else 0
    bound = bind(found, len(operation.operands) - offset, operation.keywords)
    if bound is None:
        return "its arguments do not fit the function's signature"

    def argument(parameter: str) -> ast.expr | None:
        where = bound[parameter]
        if where == RECEIVER:
            return operation.operands[0][0]
        if isinstance(where, int):
            return operation.operands[where + offset][0]
        return operation.keywords[where][0]

    def value(parameter: str) -> object:
        where = bound[parameter]
        if isinstance(where, int):
            return operation.operands[where + offset][1] if where != RECEIVER else operation.operands[0][1]
        return operation.keywords[where][1]

    def decides(parameter: str) -> bool:
        """Whether the value read is that of every call: in a function, other callers may pass another."""
        node = argument(parameter)
        return operation.site.owner is not None or node is None or is_literal(node)

    for parameter, allowed in found.inexpressible.items():
        if parameter in bound:
            given = value(parameter)
            told = isinstance(given, Const) and decides(parameter)
            if not told or not any(given.value is each or given.value == each for each in allowed):  # type: ignore[attr-defined]
                return f"`nn.{found.module.rpartition('.')[2]}` has no `{parameter}`"
    if found.missing:
        return f"`nn.{found.module.rpartition('.')[2]}` needs `{found.missing[0]}`, which the call does not tell"
    doubt = _training_doubt(unit, operation, found, bound, argument)
    if found.functional == "torch.nn.functional.pad":
        return _padding(unit, operation, bound, argument, doubt)
    arguments: list[str] = []
    for parameter, target in found.carried.items():
        if parameter in bound:
            given = value(parameter)
            same = isinstance(given, Const) and target.default is not REQUIRED and given.value == target.default
            if isinstance(given, Const) and same and decides(parameter):
                if type(given.value) is type(target.default):
                    continue
            text = carrying.carried(unit, operation, argument(parameter))
            if text is None:
                return f"`{parameter}` is only known at run time"
            if target.parameter == "scale_factor" and isinstance(given, Sequence) and given.kind == "list":
                # The function takes a list, the module makes a float of all but tuples.
                listed = argument(parameter)
                if not isinstance(listed, ast.List):
                    return f"`nn.{found.module.rpartition('.')[2]}` takes no list as `scale_factor`"
                text = ast.unparse(ast.Tuple(listed.elts, ast.Load()))
            positional = target.default is REQUIRED and len(arguments) == 0
            arguments.append(text if positional else f"{target.parameter}={text}")
        else:
            default = next((p.default for p in found.signature if p.name == parameter), REQUIRED)
            if default is not REQUIRED and target.default is not REQUIRED and default != target.default:
                arguments.append(f"{target.parameter}={default!r}")
            elif default is not REQUIRED and target.default is REQUIRED:
                arguments.append(f"{target.parameter}={default!r}")
    arguments.extend(f"{name}={fixed!r}" for name, fixed in found.fixed.items())
    kept: list[Span | str] = []
    for parameter in found.inputs:
        if parameter in bound:
            node = argument(parameter)
            if node is None and operation.via != "passed":
                return "its arguments are not written at the call"
            if node is not None:
                kept.append(operation.site.statement.span(node))
    return found.module, tuple(arguments), tuple(kept), doubt


def _training_doubt(
    unit: Unit, operation: Operation, found: Layer, bound: dict[str, int | str], argument: object
) -> str:
    if found.training is None:
        return ""
    parameter, _ = found.training
    if parameter not in bound:
        return "the function always drops, the module only in training"
    node = argument(parameter)  # type: ignore[operator]
    if isinstance(node, ast.Attribute) and node.attr == "training" and isinstance(node.value, ast.Name):
        if node.value.id != "self" or operation.site.owner is None:
            return "`training` is another object's"
        return support.training_doubt(unit.index, operation.site.owner)
    return "the module follows `self.training` instead of the argument"


def _padding(
    unit: Unit, operation: Operation, bound: dict[str, int | str], argument: object, doubt: str
) -> tuple[str, tuple[str, ...], tuple[Span | str, ...], str] | str:
    pad = argument("pad") if "pad" in bound else None  # type: ignore[operator]
    mode = argument("mode") if "mode" in bound else None  # type: ignore[operator]
    fill = argument("value") if "value" in bound else None  # type: ignore[operator]
    text = carrying.carried(unit, operation, pad)
    if text is None or not isinstance(pad, (ast.Tuple, ast.List)):
        return "the padding is only known at run time"
    word = mode.value if isinstance(mode, ast.Constant) else "constant" if mode is None else None
    constant = fill is not None and not (isinstance(fill, ast.Constant) and fill.value in (None, 0))
    cls = padding_module(str(word), len(pad.elts), constant)
    if word is None or cls is None:
        return "`torch.nn` has no padding module for this"
    arguments = [text]
    if constant:
        filled = carrying.carried(unit, operation, fill)
        if filled is None:
            return "the padding value is only known at run time"
        arguments.append(filled)
    node = argument("input")  # type: ignore[operator]
    return cls, tuple(arguments), (operation.site.statement.span(node),), doubt


def _aimet_form(
    unit: Unit, operation: Operation, found: Layer, place: support.Place, config: Config, reason: str
) -> tuple[tuple[Repair, ...], str]:
    """AIMET's own functional module, which takes the call's arguments as they are."""
    if found.aimet is None or operation.via != "direct":
        return (), reason
    kept = as_written(operation)
    if kept is None:
        return (), reason
    path = aimet_modules.import_path(config.aimet_version)
    module = NewModule(
        place.owner or "",
        found.attribute,
        f"{path}.{found.aimet}",
        beside=support.beside(operation),
        taken=support.taken_names(unit.index, operation.site.owner),  # type: ignore[arg-type]
        each_of=lists.walked_around(unit, operation),
    )
    module = place.placed(unit, module, operation.node)
    scripted = support.scripting_doubt(unit.index, operation.site.owner) if operation.site.owner else ""
    doubt = place.reason or scripted or ("" if config.aimet_available else "the model then imports aimet_torch")
    title = f"Define `self.{found.attribute} = {found.aimet}()` of AIMET's own modules and call it, since {reason}"
    step = CallModule(operation.site.statement.span(operation.node), module, kept)
    safety = Safety.UNSAFE if doubt else Safety.SAFE
    if doubt:
        title = f"{title} (unsafe: {doubt})"
    steps = place.steps(unit, module, step)
    return (Repair(title, safety, (Change(unit.path, unit.statement.key, steps),)),), reason
