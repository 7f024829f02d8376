"""AIMET303 unregistered-module."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..finding import Change, Draft, InsertStatements, Repair, Safety, Severity, Spot
from ..knowledge import modules, tensors
from ..knowledge.layers import layer
from ..positions import Span, code_point_column
from ..reading.definitions import Definition
from ..reading.memory import SAID
from ..reading.syntax import walk
from ..reading.values import Tensor
from . import leaves, state, stubs, support, usage
from .base import Case, Rule

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Unit
    from ..reading.index import Index

_HEAD = "import torch\nfrom aimet_torch.nn import QuantizationMixin\nfrom torch import nn\n\n\n"
_SCALE = (
    "class Scale(nn.Module):\n    def __init__(self, channels):\n        super().__init__()\n"
    "        self.gamma = nn.Parameter(torch.ones(channels))\n\n    def forward(self, x):\n"
    "        return x * self.gamma + x\n"
)
_STUB = (
    "\n\n@QuantizationMixin.implements(Scale)\nclass QuantizedScale(QuantizationMixin, Scale):\n"
    "    def __quant_init__(self):\n        super().__quant_init__()\n"
    "        self.input_quantizers = nn.ModuleList([None])\n"
    "        self.output_quantizers = nn.ModuleList([None])\n\n    def forward(self, x):\n"
    "        if self.input_quantizers[0] is not None:\n            x = self.input_quantizers[0](x)\n"
    "        with self._patch_quantized_parameters():\n            output = super().forward(x)\n"
    "        if self.output_quantizers[0] is not None:\n            output = self.output_quantizers[0](output)\n"
    "        return output\n"
)
_FLATTEN = "class ToTokens(nn.Module):\n    def forward(self, x):\n        return x.flatten(2).transpose(1, 2)\n"


class UnregisteredModule(Rule):
    """A module class of your own has no submodules and is not registered with AIMET.

    ## What it does

    Reports a class derived from `nn.Module` that holds no submodule and has a `forward`: one that computes something
    over its own parameters, one that only changes shapes, a bare subclass of a torch layer. A class that the
    workspace registers with `QuantizationMixin.implements` or `QuantizationMixin.ignore` is not reported, nor are
    classes that only serve as bases, losses that no model holds, and subclasses of `nn.Identity` and of containers.
    A loss that a model holds is: quantsim asks for every module it holds, called or not.
    A library's layer that AIMET does not know either (`nn.RMSNorm`, torchvision's `StochasticDepth`, timm's `DropPath`,
    `QuantStub`) is reported where it is made.

    ## Why AIMET needs it

    AIMET's `QuantizationSimModel` replaces every module without children by its quantized definition, and looks it
    up by the exact class: a subclass of `nn.Conv2d` is another class. For a class it does not know it raises
    `UnknownModuleError: The quantized module definition of ... is not registered`. This is so in AIMET 2.x; AIMET 1.x
    wraps every module as it is.

    ## Example

    ```python
    class Scale(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.gamma = nn.Parameter(torch.ones(channels))

        def forward(self, x):
            return x * self.gamma + x
    ```

    ## Use instead

    ```python
    @QuantizationMixin.implements(Scale)
    class QuantizedScale(QuantizationMixin, Scale):
        def __quant_init__(self):
            super().__quant_init__()
            self.input_quantizers = nn.ModuleList([None])
            self.output_quantizers = nn.ModuleList([None])

        def forward(self, x):
            if self.input_quantizers[0] is not None:
                x = self.input_quantizers[0](x)
            with self._patch_quantized_parameters():
                output = super().forward(x)
            if self.output_quantizers[0] is not None:
                output = self.output_quantizers[0](output)
            return output
    ```

    Where the module need not be quantized, `QuantizationMixin.ignore(Scale)` after the class is enough. Where its
    forward is one operation for which `torch.nn` has a class, use that class.

    ## Fix safety

    Unsafe: both repairs make the file import aimet_torch, and they decide how the class is quantized. The
    registration gives each tensor that goes in or comes out, and each parameter, a place for a quantizer; check that
    an input such as a mask is not quantized. The other repair leaves the class without any quantizer. Neither
    changes the class itself.
    """

    code = "AIMET303"
    name = "unregistered-module"
    cases = (
        Case("a module over its own parameter", _HEAD + _SCALE, (6,), _HEAD + _SCALE + _STUB, unsafe=True),
        Case(
            "a module that only changes shapes is left out of quantization",
            "from torch import nn\n\n\n" + _FLATTEN,
            (4,),
            "from torch import nn\nfrom aimet_torch.nn import QuantizationMixin\n\n\n"
            + _FLATTEN
            + "\n\nQuantizationMixin.ignore(ToTokens)\n",
            unsafe=True,
        ),
        Case(
            "a bare subclass of a torch layer is another class to AIMET",
            "from torch import nn\n\n\nclass Conv(nn.Conv2d):\n    pass\n",
            (4,),
        ),
        Case(
            "a layer of torch's that AIMET does not know",
            "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            "        self.fc = nn.Linear(4, 4)\n        self.norm = nn.RMSNorm(4)\n\n"
            "    def forward(self, x):\n        return self.norm(self.fc(x))\n",
            (8,),
        ),
        Case("a registered module", _HEAD + _SCALE + _STUB),
        Case("an ignored module", _HEAD + _SCALE + "\n\nQuantizationMixin.ignore(Scale)\n"),
        Case(
            "a module with a submodule is a container",
            "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            "        self.fc = nn.Linear(4, 4)\n\n    def forward(self, x):\n        return self.fc(x) * 2\n",
        ),
        Case(
            "nobody makes an object of an abstract class",
            "from abc import ABC, abstractmethod\n\nfrom torch import nn\n\n\nclass Scale(ABC, nn.Module):\n"
            "    @abstractmethod\n    def forward(self, x):\n        return x * 2\n",
        ),
        Case(
            "a loss is no part of the model",
            "import torch\nfrom torch import nn\n\n\nclass DiceLoss(nn.Module):\n    def forward(self, x, target):\n"
            "        return 1 - 2 * (x * target).sum() / (x + target).sum()\n",
        ),
    )

    def check(self, unit: Unit, config: Config) -> Iterator[Draft]:
        """The childless classes of one statement."""
        for model in unit.models:
            definition = model.definition
            if _is_unknown_to_quantsim(unit, definition) and not _all_ignored(unit.index):
                yield _draft(unit, definition, config)
            for node, cls in _unknown_layers(unit, definition):
                if not _all_ignored(unit.index):
                    yield _layer_draft(unit, node, cls, config)


def _draft(unit: Unit, definition: Definition, config: Config) -> Draft:
    name = definition.simple_name
    repairs, why = _repairs(unit, definition, config)
    message = (
        f"`{name}` has no submodules and is not registered with AIMET: AIMET 2's QuantizationSimModel raises "
        f"UnknownModuleError for it{_where(unit, definition)}.{_hint(unit, definition)}{why}"
    )
    severity = Severity.ERROR if config.aimet_version == "2.x" else Severity.WARNING
    return Draft("AIMET303", _name_spot(unit, definition), message, severity, definition.name, repairs)


def _unknown_layers(unit: Unit, definition: Definition) -> Iterator[tuple[ast.Call, str]]:
    """Where a model makes layers of a library that quantsim does not know and nobody registers: (call, class)."""
    built = unit.index.built(definition)
    calls: dict[ast.Call, str] = {}
    for module in built.made if built is not None else ():
        origin, cls = module.origin, module.cls
        if cls is None or origin is None or (origin.path, origin.key) != (unit.path, unit.statement.key):
            continue
        # A class that is passed or chosen may be another one.
        if isinstance(origin.node, ast.Call) and unit.index.dotted(origin.node.func, unit.path) == cls:
            if modules.unknown_to_quantsim(cls) is not None:
                calls[origin.node] = cls
    for node, cls in calls.items():
        if not support.registers_library(unit, cls.rpartition(".")[2]):
            yield node, cls


def _layer_draft(unit: Unit, node: ast.Call, cls: str, config: Config) -> Draft:
    written = ast.unparse(node.func)
    message = (
        f"`{written}` is not registered with AIMET: AIMET 2's QuantizationSimModel raises UnknownModuleError for it."
    )
    severity = Severity.ERROR if config.aimet_version == "2.x" else Severity.WARNING
    repairs: list[Repair] = []
    if config.aimet_version == "1.x":
        message += " There is no repair for AIMET 1.x, which wraps it as it is."
    else:
        name, tensors_in = cls.rpartition(".")[2], modules.unknown_to_quantsim(cls)
        doubt = "unsafe: imports aimet_torch; "
        steps = [(f"Leave `{name}` out of quantization ({doubt}it gets no quantizer)", stubs.ignored_library(cls))]
        if tensors_in:
            title = f"Register a quantized `{name}` with AIMET ({doubt}check how it is quantized)"
            steps.insert(0, (title, stubs.registered_library(unit, cls, tensors_in)))
        repairs = [
            Repair(title, Safety.UNSAFE, (Change(unit.path, unit.statement.key, (step,)),)) for title, step in steps
        ]
    return Draft("AIMET303", unit.spot(node.func), message, severity, written, tuple(repairs))


def _repairs(unit: Unit, definition: Definition, config: Config) -> tuple[tuple[Repair, ...], str]:
    name = definition.simple_name
    if definition.parent is not None:
        return (), " There is no repair: register it where it can be named, at the top level of a file."
    if config.aimet_version == "1.x":
        return (), " There is no repair for AIMET 1.x, which wraps it as it is."
    doubt = "unsafe: imports aimet_torch; "
    chosen: list[tuple[str, InsertStatements]] = []
    stub = stubs.registered(unit, definition)
    if stub is not None:
        chosen.append((f"Register a quantized `{name}` with AIMET ({doubt}check which inputs to quantize)", stub))
    leave_out = (f"Leave `{name}` out of quantization ({doubt}it gets no quantizer)", stubs.ignored(name))
    if _only_moves_data(unit.index, definition) or usage.is_loss(unit.index, definition):
        chosen.insert(0, leave_out)
    else:
        chosen.append(leave_out)
    return tuple(
        Repair(title, Safety.UNSAFE, (Change(unit.path, unit.statement.key, (step,)),)) for title, step in chosen
    ), ""


def _where(unit: Unit, definition: Definition) -> str:
    """What a reader who knows that it is only called in training might object."""
    is_loss = usage.is_loss(unit.index, definition)
    return ", whether or not `forward` calls it" if is_loss else ""


def _hint(unit: Unit, definition: Definition) -> str:
    base = unit.index.external_base(definition)
    methods = [each for each in unit.index.order(definition) if isinstance(each, Definition) and each.methods]
    if base != "torch.nn.Module" and not methods and len(unit.index.order(definition)) > 1:
        return f" It adds nothing to `{_short(base)}`, which AIMET knows."
    if leaves.is_single_operation(unit.index, definition):
        trace = unit.index.trace(definition)
        for operation in trace.operations:
            known = layer(operation.symbol)
            if known is not None and not known.parametric and known.kind != "loss" and known.module:
                return f" Its forward is one operation: use `{_short(known.module)}` where that is what it computes."
    return ""


def _short(path: str | None) -> str:
    return (path or "").replace("torch.nn.", "nn.")


def _name_spot(unit: Unit, definition: Definition) -> Spot:
    """The class's name in its header."""
    node = definition.node
    line = unit.statement.lines[node.lineno - 1]
    found = re.compile(r"class\s+").match(line, code_point_column(line, node.col_offset))
    start = found.end() if found else code_point_column(line, node.col_offset)
    return Spot(
        unit.path,
        unit.statement.key,
        Span(node.lineno - 1, start, node.lineno - 1, start + len(definition.simple_name)),
    )


# Which classes

_IGNORES_ALL = "QuantizationMixin.ignore_unknown_modules("


def _is_unknown_to_quantsim(unit: Unit, definition: Definition) -> bool:
    index = unit.index
    base = index.external_base(definition)
    if base is None or not _leaf_base(index, definition) or not _surely_childless(index, definition):
        return False
    if support.unreadable_base(index, definition) or support.registered_with_aimet(unit, definition):
        return False
    if base == "torch.nn.Module" and not _runs(index, definition):
        return False
    if usage.only_a_base(index, definition) or _is_abstract(index, definition):
        return False
    return not usage.is_beside_models(index, definition) or usage.is_held(index, definition)


def _leaf_base(index: Index, definition: Definition) -> bool:
    """Whether every library class it derives from has no submodules and is not one quantsim steps over."""
    for each in index.order(definition)[1:]:
        if isinstance(each, str) and modules.is_module_base(each) and each != "torch.nn.Module":
            known = modules.module_class(each)
            if known is None or known.container or known.identity or not known.childless:
                return False
    return True


def _runs(index: Index, definition: Definition) -> bool:
    """Whether it has a `forward` that can return something."""
    trace = index.trace(definition)
    return trace is not None and any(each.node is not None for each in trace.returns)


def _is_abstract(index: Index, definition: Definition) -> bool:
    """Whether Python makes no object of a class, since a method of it is abstract."""
    seen: set[str] = set()
    for each in index.order(definition):
        if isinstance(each, Definition):
            for name, method in each.methods.items():
                decorators = (index.dotted(decorator, each.path) for decorator in method.decorator_list)
                if name not in seen and any(decorator.startswith("abc.abstract") for decorator in decorators):
                    return True
                seen.add(name)
    return False


def _surely_childless(index: Index, definition: Definition) -> bool:
    built = index.built(definition)
    trace = index.trace(definition)
    if built is None or built.dynamic or not support.is_childless(index, definition):
        return False
    classes = [each for each in index.order(definition) if isinstance(each, Definition)]
    # A list or dict of parameters is a submodule, so quantsim takes the class for a container.
    if any(_holds_parameters(each) for each in classes):
        return False
    if state.unknown_modules(index, classes, built.attributes):
        return False
    if trace is not None and any(use.module.cls is None and use.module.definition is None for use in trace.uses):
        return False
    return not any(map(_sets_modules_later, classes))


_PARAMETERS = re.compile(r"\bParameter(?:List|Dict)\(")


def _holds_parameters(definition: Definition) -> bool:
    """Whether a class makes a list or dict of parameters."""
    known = definition.memo.get("holds parameters")
    if known is None:
        known = definition.memo["holds parameters"] = _PARAMETERS.search(definition.source) is not None
    return bool(known)


def _sets_modules_later(definition: Definition) -> bool:
    """Whether a method other than `__init__` sets an attribute to what may be a module."""
    known = definition.memo.get("sets modules later")
    if known is None:
        methods = (method for name, method in definition.methods.items() if name != "__init__")
        nodes = (node for method in methods for node in walk(method) if isinstance(node, ast.Assign))
        known = definition.memo["sets modules later"] = any(map(_sets_module, nodes))
    return bool(known)


def _sets_module(node: ast.Assign) -> bool:
    return any(map(_is_attribute_of_self, node.targets)) and any(
        isinstance(part, ast.Call) and _makes_object(part) for part in walk(node.value)
    )


def _is_attribute_of_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def _makes_object(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return name[:1].isupper() and name not in ("Parameter", "Tensor", "Buffer")


def _only_moves_data(index: Index, definition: Definition) -> bool:
    """Whether its forward only views, permutes or returns what goes in."""
    trace = index.trace(definition)
    if trace is None or trace.uses or index.external_base(definition) != "torch.nn.Module":
        return False
    if not trace.operations:
        return all(isinstance(each.value, Tensor) and each.value.origin == "input" for each in trace.returns)
    return all(
        tensors.is_view(operation.symbol) or tensors.result(operation.symbol) in ("size", "int")
        for operation in trace.operations
    )


def _all_ignored(index: Index) -> bool:
    """Whether the workspace tells AIMET to ignore every unknown module."""
    key = ("ignores unknown modules",)
    dependency = ("calls", "ignore_unknown_modules")
    index.depend_on_workspace(SAID, _IGNORES_ALL, "ignore_unknown_modules")
    known = index.memory.entries.get(key)
    if known is None:
        known = index.project.says(_IGNORES_ALL)
        index.memory.keep(key, known, frozenset({dependency}))
    return bool(known)
