"""The text that registers a module class with AIMET's quantsim.

The form is that of `QuantizationMixin.implements` in AIMET's documentation and of the example in its own
`UnknownModuleError`; each shape of it was run through QuantizationSimModel (AIMET 2.42).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from ..finding import InsertStatements
from ..knowledge import modules
from ..reading.definitions import given_parameters
from ..reading.model import kind_of
from ..reading.parameters import default_of
from ..reading.syntax import walk
from ..reading.values import Choice, Const, Sequence, Tensor, Unknown, Value, join_all

if TYPE_CHECKING:
    from ..reading.definitions import Definition
    from ..reading.facts import Trace, Unit

MIXIN = "aimet_torch.nn.QuantizationMixin"
LIST = "torch.nn.ModuleList"
_NEVER_TENSORS = frozenset({"str", "number", "dict", "object", "list", "tensors"})


class Input(NamedTuple):
    """A parameter of `forward`. quantized: `always`, `given` (where it is not None), `float` (a float tensor), `no`."""

    name: str
    default: str | None
    keyword_only: bool
    quantized: str


def ignored(name: str) -> InsertStatements:
    """Excludes a class from quantization."""
    return InsertStatements(f"{{0}}.ignore({name})", (MIXIN,))


def registered(unit: Unit, definition: Definition) -> InsertStatements | None:
    """A quantized definition of a class; None where the number of its inputs or outputs cannot be told."""
    inputs = _inputs(unit, definition)
    outputs = _outputs(unit, definition)
    if inputs is None or outputs is None:
        return None
    name = definition.simple_name
    made = _free(unit, f"Quantized{name.lstrip('_')}", "_" if name.startswith("_") else "")
    return InsertStatements(_text(name, made, inputs, outputs), (MIXIN, LIST))


def ignored_library(cls: str) -> InsertStatements:
    """Excludes a library's class from quantization. cls: its dotted path."""
    return InsertStatements("{0}.ignore({1})", (MIXIN, cls))


def registered_library(unit: Unit, cls: str, tensors: Iterable[str]) -> InsertStatements:
    """A quantized definition of a library's module, or of one of AIMET's, that quantsim does not know.

    cls: its dotted path. tensors: the parameters of its `forward` to quantize, which come first.
    """
    inputs = [Input(each, None, False, "always") for each in tensors]
    made = _free(unit, f"Quantized{cls.rpartition('.')[2]}", "")
    return InsertStatements(_text("{2}", made, inputs, 0, ", *args, **kwargs"), (MIXIN, LIST, cls))


def registration_text(unit: Unit, name: str, tensors: int | None) -> str:
    """What registers a class whose `forward` takes `tensors` tensors to quantize first; None: nothing is quantized.

    `{0}` stands for QuantizationMixin, `{1}` for ModuleList.
    """
    if tensors is None:
        return f"{{0}}.ignore({name})"
    inputs = [Input(each, None, False, "always") for each in ("input", "other", "third")[:tensors]]
    return _text(name, _free(unit, f"Quantized{name}", ""), inputs, 0, ", *args, **kwargs")


def _free(unit: Unit, name: str, prefix: str) -> str:
    made, number = prefix + name, 2
    while made in unit.file.scope:
        made, number = f"{name}{number}", number + 1
    return made


def _text(name: str, made: str, inputs: list[Input], outputs: int, rest: str = "") -> str:
    slots = ", ".join(["None"] * len(inputs))
    taken = _signature(inputs) + rest
    passed = (_arguments(inputs) + rest).removeprefix(", ")
    lines = [
        f"@{{0}}.implements({name})",
        f"class {made}({{0}}, {name}):",
        "    def __quant_init__(self):",
        "        super().__quant_init__()",
        f"        self.input_quantizers = {{1}}([{slots}])",
        f"        self.output_quantizers = {{1}}([{', '.join(['None'] * max(outputs, 1))}])",
        "",
        f"    def forward({taken}):",
        *_quantized_inputs(inputs),
        "        with self._patch_quantized_parameters():",
        f"            {'outputs' if outputs else 'output'} = super().forward({passed})",
        *_quantized_outputs(outputs),
    ]
    return "\n".join(lines)


def _inputs(unit: Unit, definition: Definition) -> list[Input] | None:
    found = unit.index.method(definition, "forward")
    if found is None:
        base = unit.index.external_base(definition)
        known = modules.module_class(base) if base is not None else None
        # A pooling layer gives a tuple only where it is asked for the indices too.
        gives_tensor = known is not None and (known.result == "tensor" or "MaxPool" in known.path)
        if known is None or known.recurrent or not gives_tensor or not _takes_one_input(known.path):
            return None
        return [Input("input", None, False, "always")]
    method = found[1]
    node = method.node
    if not isinstance(node, ast.FunctionDef) or node.args.vararg or node.args.kwarg:
        return None
    trace = unit.index.trace(definition)
    kinds = {each.name: each.kind for each in trace.parameters} if trace is not None else {}
    inputs = []
    for position, parameter in enumerate(given_parameters(node)):
        inputs.append(_input(method, parameter, kinds.get(parameter.arg, "unknown"), position == 0, False))
    for parameter in node.args.kwonlyargs:
        inputs.append(_input(method, parameter, kinds.get(parameter.arg, "unknown"), False, True))
    if any(each.default is not None and not _holds_anywhere(unit, each.default) for each in inputs):
        return None
    return inputs or None


def _takes_one_input(path: str) -> bool:
    name = path.rpartition(".")[2]
    return not name.endswith(("Loss", "Unpool1d", "Unpool2d", "Unpool3d", "Distance", "Similarity")) and name not in (
        "Bilinear",
        "Module",
        "Container",
    )


def _input(method: Definition, parameter: ast.arg, kind: str, first: bool, keyword_only: bool) -> Input:
    default = default_of(method, parameter)
    text = ast.unparse(default) if default is not None else None
    if kind in _NEVER_TENSORS:
        quantized = "no"
    elif kind == "tensor" or first:
        quantized = "always" if default is None else "given"
    else:
        quantized = "float"
    return Input(parameter.arg, text, keyword_only, quantized)


def _holds_anywhere(unit: Unit, default: str) -> bool:
    names = {node.id for node in walk(ast.parse(default)) if isinstance(node, ast.Name)}
    return all(name in unit.file.scope for name in names)


def _outputs(unit: Unit, definition: Definition) -> int | None:
    """The length of the tuple it returns, 0 for a tensor; None where it returns something else."""
    trace: Trace | None = unit.index.trace(definition)
    if trace is None:
        return 0
    result = _returned(unit, definition, trace)
    if isinstance(result, Sequence) and result.kind == "tuple" and result.items:
        tensors = all(isinstance(each, (Tensor, Unknown)) for each in result.items)
        return len(result.items) if tensors else None
    if isinstance(result, (Tensor, Unknown)) and not (isinstance(result, Tensor) and result.optional):
        return 0
    if isinstance(result, (Choice, Const)) or result is None or kind_of(result) != "unknown":
        return None
    return 0


def _returned(unit: Unit, definition: Definition, trace: Trace) -> Value | None:
    """What `forward` says that it returns: not the None of a last `elif` without an `else`, which nobody means."""
    found = unit.index.method(definition, "forward")
    said = set(found[1].parts.of(ast.Return)) if found is not None else set()
    values = [each.value for each in trace.returns if each.statement in said]
    return join_all(values) if values else trace.result


def _signature(inputs: list[Input]) -> str:
    parts = ["self"]
    starred = False
    for each in inputs:
        if each.keyword_only and not starred:
            parts.append("*")
            starred = True
        parts.append(each.name if each.default is None else f"{each.name}={_braced(each.default)}")
    return ", ".join(parts)


def _arguments(inputs: list[Input]) -> str:
    return ", ".join(f"{each.name}={each.name}" if each.keyword_only else each.name for each in inputs)


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


_CONDITION = {
    "always": "",
    "given": " and {name} is not None",
    "float": ' and hasattr({name}, "is_floating_point") and {name}.is_floating_point()',
}


def _quantized_inputs(inputs: list[Input]) -> Iterator[str]:
    for index, each in enumerate(inputs):
        if each.quantized != "no":
            condition = _CONDITION[each.quantized].format(name=each.name)
            yield f"        if self.input_quantizers[{index}] is not None{condition}:"
            yield f"            {each.name} = self.input_quantizers[{index}]({each.name})"


def _quantized_outputs(outputs: int) -> list[str]:
    if outputs:
        return [
            "        return tuple(",
            "            output if quantizer is None else quantizer(output)",
            "            for output, quantizer in zip(outputs, self.output_quantizers)",
            "        )",
        ]
    return [
        "        if self.output_quantizers[0] is not None:",
        "            output = self.output_quantizers[0](output)",
        "        return output",
    ]
