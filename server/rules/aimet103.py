"""AIMET103 non-tensor-io."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..finding import Draft, Note, Severity
from ..reading import traced
from . import exchange, exchange_repairs, usage
from .base import Case, Rule

if TYPE_CHECKING:
    from ..config import Config
    from ..reading.definitions import Definition
    from ..reading.facts import Unit

_HEAD = "from torch import nn\n\n\n"
_TWO = (
    "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.a = nn.Linear(4, 4)\n        self.b = nn.Linear(4, 4)\n\n"
)
_BLOCK = _HEAD + _TWO.replace("Net", "Block")
_USER = (
    "\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.block = Block()\n\n"
    "    def forward(self, x):\n"
)

_WORDS = {
    "dict": "a dict",
    "list": "a list",
    "numbers": "a list of numbers",
    "object": "an object that is no tensor",
    "str": "a string",
    "number": "a Python value",
    "size": "a shape",
    "setting": "a dtype or device",
    "none": "None",
}


class NonTensorIo(Rule):
    """Something other than tensors goes into or comes out of a module.

    ## What it does

    Reports a parameter of a model's `forward` that takes a dict, list, string, number or other object, and a return
    of one of these or of None. What a parameter takes is told from its annotation, from what `forward` does with it
    (`inputs["image"]`, `inputs.items()`) and from what other models of the workspace pass. Tuples of tensors, nested
    tuples, named tuples, `*args`, and an optional tensor that is None are fine; so is a flag with a default that no
    one passes. Losses and data transforms that no model holds are not reported.

    ## Why AIMET needs it

    The guideline says: "Use only torch.Tensor or tuples of torch.Tensors as model/submodule inputs and outputs." AIMET
    builds its graph with `torch.jit.trace`, which fails on a dict, a dataclass, a string, a number or None that leaves
    the outermost model: that is an error. Between submodules AIMET 1.x fails on lists ("Expecting quantize activation
    input of type torch.Tensor but got ..."); AIMET 2.42 traces through them, so the finding is information there.

    ## Example

    ```python
    class Net(nn.Module):
        def forward(self, x):
            return {"mean": self.a(x), "scale": self.b(x)}
    ```

    ## Use instead

    ```python
    class Net(nn.Module):
        def forward(self, x):
            return self.a(x), self.b(x)
    ```

    ## Fix safety

    Every repair is unsafe: the way the module is called or its result is read changes. A dict becomes a tuple in the
    order of its keys, a list a tuple, and a dict parameter one parameter for each key read. Callers in the workspace
    are rewritten with it; the title says so, and says where others have to follow. There is none where code of the
    workspace could not follow: it changes the list, or reads the dict in other ways than by known keys.
    """

    code = "AIMET103"
    name = "non-tensor-io"
    cases = (
        Case(
            "a dict leaves the model",
            _HEAD + _TWO + '    def forward(self, x):\n        return {"mean": self.a(x), "scale": self.b(x)}\n',
            (11,),
            _HEAD + _TWO + "    def forward(self, x):\n        return self.a(x), self.b(x)\n",
            unsafe=True,
        ),
        Case(
            "a dict that is built step by step",
            _HEAD + _TWO + '    def forward(self, x):\n        out = {}\n        out["a"] = self.a(x)\n'
            '        out["b"] = self.b(x)\n        return out\n',
            (14,),
            _HEAD + _TWO + '    def forward(self, x):\n        out = {}\n        out["a"] = self.a(x)\n'
            '        out["b"] = self.b(x)\n        return tuple(out.values())\n',
            unsafe=True,
        ),
        Case(
            "the caller of a submodule reads a dict by key",
            _BLOCK
            + '    def forward(self, x):\n        return {"a": self.a(x), "b": self.b(x)}\n'
            + _USER
            + '        out = self.block(x)\n        return out["b"], out["a"]\n',
            (11,),
            _BLOCK
            + "    def forward(self, x):\n        return self.a(x), self.b(x)\n"
            + _USER
            + "        out = self.block(x)\n        return out[1], out[0]\n",
            unsafe=True,
        ),
        Case(
            "a list of tensors",
            _HEAD + _TWO + "    def forward(self, x):\n        return [self.a(x), self.b(x)]\n",
            (11,),
            _HEAD + _TWO + "    def forward(self, x):\n        return (self.a(x), self.b(x))\n",
            unsafe=True,
        ),
        Case(
            "a dict goes into a submodule",
            _BLOCK
            + '    def forward(self, inputs):\n        return self.a(inputs["x"]) + self.b(inputs["y"])\n'
            + _USER
            + '        return self.block({"x": x, "y": x})\n',
            (10,),
            _BLOCK
            + "    def forward(self, x, y):\n        return self.a(x) + self.b(y)\n"
            + _USER
            + "        return self.block(x, x)\n",
            unsafe=True,
        ),
        Case(
            "the parts of a dict are named first",
            _HEAD
            + _TWO
            + '    def forward(self, inputs):\n        a = inputs["a"]\n        b = inputs["b"]\n'
            + "        return self.a(a) + self.b(b)\n",
            (10,),
            _HEAD + _TWO + "    def forward(self, a, b):\n        return self.a(a) + self.b(b)\n",
            unsafe=True,
        ),
        Case(
            "sizes are passed to a submodule",
            _BLOCK
            + "    def forward(self, x, h, w):\n        return self.b(self.a(x).view(-1, h, w))\n"
            + _USER
            + "        h, w = x.shape[2:]\n        return self.block(x, h, w)\n",
            (10, 10),
        ),
        Case(
            "tuples, optional tensors and flags that no one passes",
            "import torch\n"
            + _HEAD
            + _TWO
            + "    def forward(self, x, mask: torch.Tensor | None = None, all: bool = False):\n"
            "        a = self.a(x)\n        return a, (a, self.b(a))\n",
        ),
    )

    def check(self, unit: Unit, config: Config) -> Iterator[Draft]:
        """What the models of one statement take and give."""
        for model in unit.models:
            definition = model.definition
            method = definition.methods.get("forward")
            if method is None or _is_abstract(unit, definition, method) or not traced.is_run(unit.index, definition):
                continue
            outputs, inputs = exchange.outputs(unit, definition), exchange.inputs(unit, definition)
            if not outputs and not inputs:
                continue
            held = usage.is_held(unit.index, definition)
            if not held and usage.is_beside_models(unit.index, definition):
                continue
            for each in inputs:
                yield _input_draft(unit, definition, each, held, config)
            for output in outputs:
                if not held and output.kind in ("none", "tuple of none") and _has_optional_inputs(method):
                    # Which of them are given decides what is None.
                    continue
                yield _output_draft(unit, definition, output, held, config)


def _is_abstract(unit: Unit, definition: Definition, forward: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a `forward` only stands for those of the classes that derive from its own."""
    decorators = (unit.index.dotted(each, definition.path) for each in forward.decorator_list)
    return any(each.startswith("abc.abstract") for each in decorators)


def _has_optional_inputs(forward: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a model can be called with more or fewer tensors than its first."""
    arguments = forward.args
    ordinary = [*arguments.posonlyargs, *arguments.args]
    pairs = [*zip(reversed(ordinary), reversed(arguments.defaults)), *zip(arguments.kwonlyargs, arguments.kw_defaults)]
    return any(
        parameter not in ordinary[:2]
        and isinstance(default, ast.Constant)
        and default.value is None
        and (parameter.annotation is None or "Tensor" in ast.unparse(parameter.annotation))
        for parameter, default in pairs
    )


def _output_draft(unit: Unit, definition: Definition, output: exchange.Output, held: bool, config: Config) -> Draft:
    name = definition.simple_name
    first = output.returns[0]
    what = _what(output.kind)
    fails = not held and output.kind not in ("list", "tuple of list", "size", "tuple of size")
    if fails:
        consequence = "AIMET traces the model with torch.jit.trace, which fails on it"
    elif held:
        consequence = "AIMET's guideline allows only tensors and tuples of tensors between submodules"
    else:
        consequence = "AIMET's guideline allows only tensors and tuples of tensors"
    if fails:
        severity = Severity.ERROR
    else:
        severity = Severity.INFORMATION if config.aimet_version == "2.x" else Severity.WARNING
    repair = exchange_repairs.for_output(unit, definition, output)
    advice = ""
    if isinstance(repair, str):
        advice = f" There is no repair: {repair}."
    if output.kind == "object" and _takes_return_dict(unit, definition, output):
        advice += " With `return_dict=False` it returns a tuple."
    notes = tuple(
        Note(unit.spot(each.node or each.statement), f"{what[0].upper()}{what[1:]} is returned here too.")
        for each in output.returns[1:]
    )
    return Draft(
        "AIMET103",
        unit.spot(first.node or first.statement),
        f"`{name}.forward` returns {what}: {consequence}.{advice}",
        severity,
        f"{definition.name}.forward",
        () if isinstance(repair, str) else (repair,),
        notes,
    )


def _input_draft(unit: Unit, definition: Definition, entry: exchange.Input, held: bool, config: Config) -> Draft:
    name = definition.simple_name
    parameter = entry.parameter.name
    consequence = "AIMET's guideline allows only tensors and tuples of tensors as inputs of a module"
    severity = Severity.INFORMATION if held and config.aimet_version == "2.x" else Severity.WARNING
    repair = exchange_repairs.for_input(unit, definition, entry)
    advice = f" There is no repair: {repair}." if isinstance(repair, str) else ""
    notes = tuple(
        Note(use.site.spot(use.node), f"`{name}` is called here.") for use in entry.uses if hasattr(use.node, "lineno")
    )
    return Draft(
        "AIMET103",
        unit.spot(entry.parameter.node),
        f"`{name}.forward` takes {_what(entry.kind)} as `{parameter}`: {consequence}.{advice}",
        severity,
        f"{definition.name}.forward.{parameter}",
        () if isinstance(repair, str) else (repair,),
        notes,
    )


def _what(kind: str) -> str:
    inner = kind.removeprefix("tuple of ")
    return _WORDS[inner] if inner == kind else f"a tuple with {_WORDS[inner]} in it"


def _takes_return_dict(unit: Unit, definition: Definition, output: exchange.Output) -> bool:
    """Whether a caller can ask for a tuple; transformers' decorators take the word out of `**kwargs`."""
    method = definition.methods["forward"]
    every = [*method.args.posonlyargs, *method.args.args, *method.args.kwonlyargs]
    return any(each.arg == "return_dict" for each in every) or (
        method.args.kwarg is not None and all(exchange.is_model_output(unit, each) for each in output.returns)
    )
