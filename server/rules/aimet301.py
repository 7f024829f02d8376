"""AIMET301 functional-op."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ..finding import CallModule, Change, Draft, InsertStatements, NewModule, Repair, Safety, Severity
from ..knowledge.aimet_modules import AimetModule, aimet_module, import_path
from ..knowledge.layers import layer
from ..knowledge.validator import flagged
from ..positions import Span
from ..reading.values import Const, Number, Sequence, Tensor, Value
from . import helpers, leaves, lists, own, respelling, stubs, support
from .aimet_forms import module_call
from .base import Case, Rule

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.facts import Operation, Unit

_HEAD = (
    "from torch import nn\n\n\nclass Block(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.conv = nn.Conv2d(8, 8, 1)\n"
)


class FunctionalOp(Rule):
    """A tensor operation in `forward` is not a module.

    ## What it does

    Reports tensor operations that `torch.nn` has no layer for and that AIMET's model validator asks a module for:
    `a + b`, `x * 0.5`, `torch.cat`, `torch.matmul`, `x.sum(1)`, `split([a, b])`, `for row in x`, tensors made in
    `forward`. Operations that only change the shape (`view`, `permute`, `flatten`, `chunk`), `mean` and `==` are fine
    for AIMET. So is the only operation of a module without submodules.

    ## Why AIMET needs it

    AIMET's documentation asks for modules instead of functionals wherever possible, and its model validator lists
    every operation it finds no module for. In quantization simulation such an operation gets no quantizer at all: the
    simulated accuracy is better than what the device computes.

    ## Example

    ```python
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(8, 8, 1)

        def forward(self, x):
            return x + self.conv(x)
    ```

    ## Use instead

    ```python
    from aimet_torch.nn.modules.custom import Add

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(8, 8, 1)
            self.add = Add()

        def forward(self, x):
            return self.add(x, self.conv(x))
    ```

    ## Fix safety

    AIMET's modules compute the same, but the model then imports `aimet_torch`: safe where the project depends on it
    already, unsafe elsewhere. They cannot be compiled by `torch.jit.script`. Fix-all applies these repairs only where
    this rule is selected by name, or with `--aimet-modules always`. In a function that models call, the module
    becomes a parameter and calls in models pass one of their own; other callers go on with the operation, which is
    the parameter's default. Unsafe: torch.jit.script cannot compile the function any more. An operation that has a
    module nowhere (`roll`, `var`, `clamp`, `arange`, ...) gets a class of one line in the file, which AIMET takes for
    the operation; it is registered with quantsim, with quantizers where it computes new values and without where it
    only moves them. Unsafe: torch.jit.script cannot compile it. AIMET has no module for `unbind`, `type_as`, `.mT`
    and `torch.stack`; they are spelled with what it passes or has: `q, k, v = qkv[0], qkv[1], qkv[2]`, `x.to(y)`,
    `x.transpose(-2, -1)`, and a `Concat` of `unsqueeze`. The values are the same bit for bit.
    `F.scaled_dot_product_attention` becomes `ScaledDotProductAttention`, which quantsim does not know by itself, so
    the repair also registers it in the file. A `torch.einsum` that is a matrix product becomes `MatMul`: unsafe,
    since it may round differently.
    """

    code = "AIMET301"
    name = "functional-op"
    fix_all_when_named = True
    repairs_with_aimet_modules = True
    severity = Severity.INFORMATION
    cases = (
        Case(
            "an addition",
            _HEAD + "\n    def forward(self, x):\n        return x + self.conv(x)\n",
            (10,),
            _HEAD.replace("nn\n", "nn\nfrom aimet_torch.nn.modules.custom import Add\n", 1)
            + "        self.add = Add()\n\n    def forward(self, x):\n        return self.add(x, self.conv(x))\n",
            unsafe=True,
        ),
        Case(
            "unpacking a tensor",
            _HEAD + "\n    def forward(self, x):\n        q, k = x.unbind(1)\n        return self.conv(q), k\n",
            (10,),
            _HEAD + "\n    def forward(self, x):\n        q, k = x.select(1, 0), x.select(1, 1)\n"
            "        return self.conv(q), k\n",
        ),
        Case(
            "transposed by an attribute",
            _HEAD + "\n    def forward(self, x):\n        return self.conv(x.mT)\n",
            (10,),
            _HEAD + "\n    def forward(self, x):\n        return self.conv(x.transpose(-2, -1))\n",
        ),
        Case(
            "tensors stacked",
            "import torch\n" + _HEAD + "\n    def forward(self, x):\n        y = self.conv(x)\n"
            "        return torch.stack([x, y], 1)\n",
            (12,),
            "import torch\n"
            + _HEAD.replace("nn\n", "nn\nfrom aimet_torch.nn.modules.custom import Concat\n", 1)
            + "        self.cat = Concat(1)\n\n    def forward(self, x):\n        y = self.conv(x)\n"
            "        return self.cat(x.unsqueeze(1), y.unsqueeze(1))\n",
            unsafe=True,
        ),
        Case(
            "arithmetic of sizes",
            _HEAD + "\n    def forward(self, x):\n        n = x.shape[1] // 2\n"
            "        return self.conv(x).view(x.shape[0], n, -1)\n",
        ),
    )

    def check(self, unit: Unit, config: Config) -> Iterator[Draft]:
        """The operations of one statement."""
        for operation in unit.operations:
            if layer(operation.symbol) is not None:
                continue
            key = verdict_key(operation)
            if not flagged(key) or not _takes_part(operation):
                continue
            if operation.site.owner is not None and support.registered_with_aimet(unit, operation.site.model):
                continue
            if leaves.is_the_operation(unit.index, operation):
                continue
            yield self._draft(unit, operation, config)

    def _draft(self, unit: Unit, operation: Operation, config: Config) -> Draft:
        module = aimet_module(operation.symbol)
        repairs, reason = _repairs(unit, operation, module, config)
        message = f"`{_spelling(unit, operation)}` is not a module: AIMET gives it no quantizer."
        if module is not None and repairs:
            message += f" AIMET has `{module.name}` for it."
        elif module is None:
            message += " AIMET has no module for it."
            message += f" No repair is offered: {reason}." if reason and not repairs else ""
        else:
            message += f" No repair is offered: {reason}."
        return Draft(
            self.code, operation.site.spot(operation.node)._replace(span=_range(operation)), message, self.severity,
            operation.symbol, repairs,
        )  # fmt: skip


def verdict_key(operation: Operation) -> str:
    """The key of the operation in the table of the validator's verdicts: the form its arguments choose."""
    symbol = operation.symbol
    name = symbol.rpartition(".")[2]
    chosen = _FORMS.get(name)
    form = chosen(operation) if chosen is not None else ""
    return f"{symbol}[{form}]" if form else symbol


def _argument(operation: Operation, index: int, name: str) -> Value | None:
    if name in operation.keywords:
        return operation.keywords[name][1]
    return operation.operands[index][1] if index < len(operation.operands) else None


def _split_form(operation: Operation) -> str:
    for name in ("split_size_or_sections", "split_size"):
        if name in operation.keywords:
            return "sizes" if isinstance(operation.keywords[name][1], Sequence) else ""
    return "sizes" if isinstance(_argument(operation, 1, "split_sizes"), Sequence) else ""


def _dimension_form(operation: Operation) -> str:
    if "dim" in operation.keywords:
        return "dim"
    second = _argument(operation, 1, "other")
    if second is None:
        return ""
    return "other" if isinstance(second, Tensor) else "dim"


def _where_form(operation: Operation) -> str:
    return "condition" if len(operation.operands) + len(operation.keywords) == 1 else ""


def _to_form(operation: Operation) -> str:
    values = [value for _, value in (*operation.operands[1:], *operation.keywords.values())]
    return "dtype" if any(isinstance(value, Number) and value.kind == "dtype" for value in values) else ""


def _set_form(operation: Operation) -> str:
    assigned = operation.operands[-1][1] if operation.operands else None
    return "number" if isinstance(assigned, (Const, Number)) else ""


_FORMS = {
    "split": _split_form,
    "max": _dimension_form,
    "min": _dimension_form,
    "median": _dimension_form,
    "where": _where_form,
    "to": _to_form,
    "__setitem__": _set_form,
}


def _takes_part(operation: Operation) -> bool:
    """Whether a tensor takes part for sure."""
    if operation.symbol.startswith("Tensor."):
        return any(isinstance(value, Tensor) for _, value in operation.operands)
    return True


_SIGNS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "ne": "!=", "eq": "==", "neg": "-", "and": "&", "or": "|", "xor": "^",
    "invert": "~", "abs": "abs", "lshift": "<<", "rshift": ">>",
}  # fmt: skip


def _spelling(unit: Unit, operation: Operation) -> str:
    text = " ".join(operation.site.statement.source(operation.node).split())
    if operation.symbol == "Tensor.__iter__":
        return f"unpacking {text}" if len(text) <= 32 else "unpacking a tensor"
    if len(text) <= 32:
        return text
    if operation.symbol == "Tensor.__setitem__":
        return "x[...] = ..."
    if operation.symbol.startswith("Tensor.__"):
        name = operation.symbol[9:-2]
        plain = name if name in _SIGNS else name[1:]
        return _SIGNS.get(plain, plain) + ("=" if name.startswith("i") and plain != name else "")
    if operation.symbol.startswith("Tensor."):
        return f".{operation.symbol[7:]}" + ("()" if operation.callee is not None else "")
    return ast.unparse(operation.callee) if operation.callee is not None else operation.symbol


def _range(operation: Operation) -> Span:
    """A call's callee, the operator's whole expression otherwise."""
    statement = operation.site.statement
    callee = operation.callee
    if callee is None:
        return statement.span(operation.node)
    span = statement.span(callee)
    if isinstance(callee, ast.Attribute) and not isinstance(callee.value, (ast.Name, ast.Attribute)):
        return Span(span.end_line, span.end_column - len(callee.attr), span.end_line, span.end_column)
    return span


class _Form(NamedTuple):
    """How an operation is written as a module: the class and its constructor's arguments, what stays in the call, the
    name that a bare in-place form assigns to. before: statements that the file needs first. told: of the class, for
    the title. doubt: what may change."""

    attribute: str
    cls: str
    arguments: tuple[str, ...]
    kept: tuple[Span | str, ...]
    assign_to: str | None = None
    before: tuple[InsertStatements, ...] = ()
    told: str = ""
    doubt: str = ""


def _repairs(
    unit: Unit, operation: Operation, module: AimetModule | None, config: Config
) -> tuple[tuple[Repair, ...], str]:
    owner = operation.site.owner
    if owner is not None and unit.model_of(owner) is None and unit.index.is_model(owner):
        return (), "it stands in a class of another file"
    form: _Form | str | None
    if module is None:
        respelled, reason = respelling.repair(unit, operation, config)
        if respelled is not None:
            return (respelled,), ""
        form = _own_form(unit, operation, config)
        if form is None:
            return (), reason
    elif module.tensors and config.aimet_version == "1.x":
        return (), f"AIMET 1.x has no `{module.name}`"
    else:
        form = None
    place = support.place_for(unit, operation, leaving_out=True)
    if place.owner is not None:
        if operation.via in ("stored", "passed", "operator function"):
            return (), "the function is handed on and called elsewhere"
        if operation.via == "combined":
            return (), "one call computes several operations; write a module for each"
        if operation.repeated or (operation.loops and not lists.walked_around(unit, operation)):
            return (), "it runs several times, so one module would be reused; use one module for each run"
    if form is None and module is not None:
        form = _aimet_form(unit, operation, module, config)
    if place.owner is None:
        passed = _passed(unit, operation, form) if isinstance(form, _Form) and not _registered(module) else None
        return ((passed,), "") if passed is not None else ((), place.reason)
    if not isinstance(form, _Form):
        return (), form or ""
    return (_called(unit, operation, place, form, config),), ""


def _aimet_form(unit: Unit, operation: Operation, module: AimetModule, config: Config) -> _Form | str:
    call = module_call(unit, operation, module)
    if isinstance(call, str):
        return call
    arguments, kept, assign_to = call
    cls = f"{import_path(config.aimet_version)}.{module.name}"
    registration = _registration(unit, module, config)
    told = " of AIMET's own modules and call it" + (", registered with quantsim" if registration else "")
    return _Form(module.attribute, cls, arguments, kept, assign_to, registration, told, module.caveat)


def _own_form(unit: Unit, operation: Operation, config: Config) -> _Form | None:
    found = own.own(unit, operation, config)
    if found is None:
        return None
    what = "left out of quantization, since it makes no new values" if found.left_out else "registered with quantsim"
    told = f", a class of its own in this file, {what}, and call it"
    doubt = "torch.jit.script cannot compile it"
    return _Form(found.attribute, f".{found.name}", (), found.kept, None, found.made, told, doubt)


def _called(unit: Unit, operation: Operation, place: support.Place, form: _Form, config: Config) -> Repair:
    """The repair in a method of a model."""
    new = NewModule(
        place.owner or "",
        form.attribute,
        form.cls,
        form.arguments,
        beside=support.beside(operation),
        taken=support.taken_names(unit.index, operation.site.owner),  # type: ignore[arg-type]
        each_of=lists.walked_around(unit, operation),
    )
    new = place.placed(unit, new, operation.node)
    scripted = support.scripting_doubt(unit.index, operation.site.owner) if operation.site.owner else ""
    missing = "" if config.aimet_available or form.cls.startswith(".") else "the model then imports aimet_torch"
    doubt = next((each for each in (place.reason, form.doubt, scripted, missing) if each), "")
    made = f"{form.cls.rpartition('.')[2]}({', '.join(form.arguments)})"
    title = f"Define `self.{form.attribute} = {made}`{form.told}"
    if doubt:
        title += f" (unsafe: {doubt})"
    step = CallModule(operation.site.statement.span(operation.node), new, form.kept, form.assign_to)
    steps = (*place.steps(unit, new, step), *form.before)
    return Repair(title, Safety.UNSAFE if doubt else Safety.SAFE, (Change(unit.path, unit.statement.key, steps),))


def _registration(unit: Unit, module: AimetModule, config: Config) -> tuple[InsertStatements, ...]:
    """What makes a module known to quantsim, which fails on those it does not know."""
    if not module.tensors or support.knows_registration(unit, module.name):
        return ()
    cls = f"{import_path(config.aimet_version)}.{module.name}"
    return (stubs.registered_library(unit, cls, module.tensors),)


def _registered(module: AimetModule | None) -> bool:
    """Whether every file that makes one of AIMET's modules has to register it."""
    return module is not None and bool(module.tensors)


def _passed(unit: Unit, operation: Operation, form: _Form) -> Repair | None:
    """The repair in a function that models call."""
    if operation.site.owner is not None or form.assign_to is not None:
        return None
    return helpers.repair(unit, operation, form.attribute, form.cls, form.arguments, form.kept, form.before)
