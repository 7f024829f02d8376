"""What AIMET makes of one built model: its validator, `prepare_model`, quantization simulation, layer equalization.

Runs in the oracle's environment.
"""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from behaviour import digest, tried
from kinds import cause
from models import Entry
from probe import Calls, Library, Lines, Modules
from statements import Statements
from verdict import verdict


def validated(model: torch.nn.Module, inputs: torch.Tensor, library: Library, root: Path) -> dict[str, Any]:
    """What the validator reports, told apart by cause.

    problem: why AIMET builds no graph, empty where it does. reused: number of modules.
    source, artifact, torch: operation type -> number of reports; what a line of the library computes, what tracing made
    of arithmetic of sizes (or of code that runs only when traced), and what happens inside torch's own modules.
    where: the lines of `source`, as `path:line type`, and of those modules that are called again.
    """
    calls: dict[tuple[str, int], set[str]] = {}
    with torch.no_grad():
        modules = Modules(library, {})
        watching, ran = Calls(library, modules, {}), Lines(library)
        with modules.watching(), watching, ran:
            model(inputs)
        said = verdict(model, (inputs,), library)
    texts: dict[str, Statements] = {}

    def statement(path: str, line: int) -> tuple[str, int]:
        if path not in texts:
            texts[path] = Statements((root / path).read_text(encoding="utf-8"))
        return path, texts[path].span(line).first

    for (site, name), _ in watching.found.items():
        calls.setdefault(statement(*site), set()).add(name)
    lines = {statement(path, line) for path, seen in ran.seen.items() for line in seen}
    found: dict[str, Counter[str]] = {"source": Counter(), "artifact": Counter(), "torch": Counter()}
    where: Counter[str] = Counter()
    for site, operation, function, resides in said.missing:
        reported = f"{operation}@{function}" if function else operation
        if resides.__module__.startswith("torch."):
            found["torch"][f"{operation} in {resides.__name__}"] += 1
            continue
        place = statement(*site) if site is not None else ("", 0)
        why = cause(reported, calls.get(place, set()), place in lines)[0]
        kind = "artifact" if why in ("artifact", "traced only") else "source"
        found[kind][operation] += 1
        if kind == "source":
            where[f"{place[0]}:{place[1]} {operation}"] += 1
    for module in said.reused:
        again = [site for site, _ in modules.calls.get(id(module), ())[1:] if site is not None]
        for path, line in dict.fromkeys(again):
            where[f"{path}:{statement(path, line)[1]} reused {type(module).__name__}"] += 1
    return {
        "problem": said.problem,
        "reused": len(said.reused),
        **{kind: dict(sorted(counts.items())) for kind, counts in found.items()},
        "where": dict(sorted(where.items())),
    }


def prepared(model: torch.nn.Module, inputs: torch.Tensor, library: Library) -> dict[str, Any]:
    """What AIMET's own `prepare_model` makes of the model, and what the validator then says.

    eval: digest of its outputs. reused, missing: how many modules and operations the validator reports.
    """
    from aimet_torch.model_preparer import prepare_model

    with torch.no_grad():
        made = prepare_model(copy.deepcopy(model)).eval()
        torch.manual_seed(1)
        result: dict[str, Any] = {"eval": tried(lambda: digest(made(inputs)))}
        said = verdict(made, (inputs,), library)
    missing = Counter(operation for _, operation, _, _ in said.missing)
    return {**result, "problem": said.problem, "reused": len(said.reused), "missing": dict(sorted(missing.items()))}


def quantized(model: torch.nn.Module, inputs: torch.Tensor) -> dict[str, int]:
    """The quantizers that quantization simulation gives the model: of parameters, and of inputs and outputs."""
    from aimet_torch.nn import QuantizationMixin
    from aimet_torch.quantsim import QuantizationSimModel

    with torch.no_grad():
        sim = QuantizationSimModel(copy.deepcopy(model), dummy_input=inputs)
    parameters = activations = 0
    for module in sim.model.modules():
        if isinstance(module, QuantizationMixin):
            parameters += sum(each is not None for each in module.param_quantizers.values())
            activations += sum(each is not None for each in (*module.input_quantizers, *module.output_quantizers))
    return {"parameters": parameters, "activations": activations}


def equalized(model: torch.nn.Module, inputs: torch.Tensor) -> dict[str, Any]:
    """What cross-layer equalization finds in the model.

    folded: batch norms folded into a layer. groups: groups of layers it scales together; sets: neighbours it scaled.
    same: whether the model still computes what it did, as it must (within rounding).
    """
    from aimet_torch.batch_norm_fold import fold_all_batch_norms
    from aimet_torch.cross_layer_equalization import CrossLayerScaling, GraphSearchUtils

    mine = copy.deepcopy(model)
    with torch.no_grad():
        before = mine(inputs)
        folded = fold_all_batch_norms(mine, None, dummy_input=inputs)
        groups = GraphSearchUtils(mine, None, dummy_input=inputs).find_layer_groups_to_scale()
        sets = CrossLayerScaling.scale_model(mine, None, dummy_input=inputs)
        after = mine(inputs)
    return {"folded": len(folded), "groups": len(groups), "sets": len(sets), "same": _near(before, after)}


def _near(before: Any, after: Any) -> bool:
    from models import leaves

    return all(
        torch.allclose(a, b, rtol=1e-3, atol=1e-3 * float(a.abs().max()))
        for a, b in zip(leaves(before), leaves(after), strict=True)
    )


def simulates(entry: Entry) -> bool:
    """Whether simulation and equalization are measured on this model: torchvision's, that need no detection head."""
    return entry.library == "torchvision" and entry.kind == "plain"
