"""The part of docs/agreement.md that tells what the last full proof showed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import left
import proofs
from models import Entry, entries
from proofs import Proof

Proofs = Mapping[str, Mapping[str, Proof]]
_NAMES = {
    "safe": "`fix`",
    "aimet": "`fix --aimet-modules always`",
    "unsafe": "the same, with `--unsafe-fixes` of 101, 102 and 301",
}
_GROUPS: tuple[tuple[str, Callable[[Entry], bool]], ...] = (
    ("torchvision, classification", lambda each: each.library == "torchvision" and each.kind == "plain"),
    ("torchvision, segmentation", lambda each: each.kind == "segmentation"),
    ("torchvision, detection", lambda each: each.kind == "detection"),
    ("timm", lambda each: each.library == "timm"),
)

_INTRODUCTION = """\
## Repairs on these networks

Copies of the libraries' sources were repaired by `fix`, by `fix --aimet-modules always`, and by that with the unsafe
repairs of AIMET101, AIMET102 and AIMET301 as well. Each model was then built from them beside the installed sources,
on the same seeds, and compared: keys and shapes of the `state_dict`, every bit of the outputs in eval and in train mode
(with seeded dropout), and what `copy.deepcopy`, `pickle`, `torch.jit.trace`, `torch.jit.script`,
`torch.fx.symbolic_trace` and `torch.onnx.export` (models below 30 million parameters) make of it. AIMET's modules
cannot be scripted: that is counted, and is no difference otherwise."""

_VALIDATOR = """\
### AIMET's validator

*Passes*: the validator reports nothing. *Nothing left to mend*: what it still reports is arithmetic of sizes that
tracing turned into tensors, or lies inside one of torch's own modules. *Same*: outputs in eval mode are identical bit
for bit. `prepare_model` is AIMET's own tool; what it makes is a generated graph, judged in the same way."""

_EXAMPLE = """\
### Source against generated graph

`prepare_model` returns a `torch.fx.GraphModule`. This is its code for the first block of torchvision's `resnet18`:

```python
{graph}
```

A repair leaves the class that the user wrote:

```python
{source}
```
"""


def chapter(shown: Proofs) -> Iterator[str]:
    """All of it, empty where nothing was proven."""
    if not shown:
        return
    groups = [(name, [each for each in entries() if chosen(each) and each.label in shown]) for name, chosen in _GROUPS]
    groups = [(name, listed) for name, listed in groups if listed]
    yield _INTRODUCTION
    yield ""
    missing = [each.label for each in entries() if each.label not in shown]
    if missing:
        yield f"Not proven yet: {', '.join(missing)}.\n"
    yield from _behaviour(shown, groups)
    yield from _tools(shown, groups)
    yield _VALIDATOR
    yield ""
    yield from _validator(shown, groups)
    yield from _remainders(shown)
    yield from _simulation(shown)
    example = proofs.example()
    if example:
        yield _EXAMPLE.format(**example)


def _known(shown: Proofs, listed: Iterable[Entry], kind: str) -> list[tuple[str, Proof, Proof]]:
    """(label, proof as installed, proof after these repairs) of every model that could be measured."""
    found = []
    for each in listed:
        of_model = shown[each.label]
        raw, after = of_model["raw"], proofs.of(of_model, kind) if kind in of_model else {}
        if "failed" not in raw and after:
            found.append((each.label, raw, after))
    return found


def _behaviour(shown: Proofs, groups: Sequence[tuple[str, list[Entry]]]) -> Iterator[str]:
    yield "| repairs | models | touched | unchanged | no longer scripted | otherwise different |"
    yield "|---|---|---|---|---|---|"
    for kind, told in _NAMES.items():
        for name, listed in groups:
            rows = _known(shown, listed, kind)
            if not rows:
                continue
            touched = sum(raw["key"] != after["key"] for _, raw, after in rows)
            scripted = sum(set(_different(after)) == {"script"} for _, _, after in rows)
            same = sum(not _different(after) for _, _, after in rows)
            others = [
                f"{label.partition('/')[2]} ({'; '.join(f'{k}: {v}' for k, v in _different(after).items())})"
                for label, _, after in rows
                if set(_different(after)) - {"script"}
            ]
            listed_others = "; ".join(others) or "none"
            yield f"| {told} | {name}: {len(rows)} | {touched} | {same} | {scripted} | {listed_others} |"
    yield ""


def _different(proof: Proof) -> dict[str, str]:
    if "failed" in proof:
        return {"build": proof["failed"]}
    found: dict[str, str] = proof.get("different", {})
    return found


def _tools(shown: Proofs, groups: Sequence[tuple[str, list[Entry]]]) -> Iterator[str]:
    yield "How many of the models each of torch's tools takes as installed; how many of those it no longer takes, of"
    yield f"as many, after {', '.join(_NAMES.values())}:\n"
    yield "| tool | " + " | ".join(name for name, _ in groups) + " |"
    yield "|---" * (len(groups) + 1) + "|"
    for tool in proofs.TOOLS:
        cells = []
        for _, listed in groups:
            taken = [raw for raw in _installed(shown, listed) if tool in raw["works"]]
            lost = []
            for kind in _NAMES:
                rows = [after for _, raw, after in _known(shown, listed, kind) if tool in raw["works"]]
                lost.append(f"{sum(tool in _different(after) for after in rows)}/{len(rows)}")
            cells.append(f"{len(taken)}; {', '.join(lost)}")
        yield f"| {tool} | " + " | ".join(cells) + " |"
    yield ""


def _installed(shown: Proofs, listed: Iterable[Entry]) -> list[Proof]:
    """The proofs as installed of the models that could be measured."""
    return [shown[each.label]["raw"] for each in listed if "failed" not in shown[each.label]["raw"]]


def _validator(shown: Proofs, groups: Sequence[tuple[str, list[Entry]]]) -> Iterator[str]:
    yield "| models | state | pass | nothing left to mend | same outputs | clean and same |"
    yield "|---|---|---|---|---|---|"
    for name, listed in groups:
        raws = _installed(shown, listed)
        total = len(raws)
        yield (
            f"| {name}: {total} | as installed | {sum(map(proofs.clean, raws))} | {sum(map(proofs.mended, raws))} "
            f"| {total} | {sum(map(proofs.mended, raws))} |"
        )
        made = [raw["prepared"] for raw in raws]
        clean = [proofs.prepared_clean(raw) for raw in raws]
        same = [bool(each.get("same")) for each in made]
        both = sum(a and b for a, b in zip(clean, same, strict=True))
        failed = sum("failed" in each for each in made)
        note = f", {failed} fail" if failed else ""
        yield f"| | `prepare_model`{note} | {sum(clean)} | {sum(clean)} | {sum(same)} | {both} |"
        for kind, told in _NAMES.items():
            known = _known(shown, listed, kind)
            afters = [after for _, _, after in known]
            kept = ["eval" not in _different(after) and "build" not in _different(after) for after in afters]
            both = sum(a and proofs.mended(b) for a, b in zip(kept, afters, strict=True))
            part = "" if len(known) == total else f" ({len(known)} models)"
            yield (
                f"| | {told}{part} | {sum(map(proofs.clean, afters))} | {sum(map(proofs.mended, afters))} "
                f"| {sum(kept)} | {both} |"
            )
    yield ""


def _remainders(shown: Proofs) -> Iterator[str]:
    """What the validator still reports that stands in the source, model by model, and why it is not mended."""
    yield "<details><summary>What the validator still reports after all repairs, and stands in the source</summary>\n"
    listed = left.reasons()
    yield "Places are those of the repaired sources; the reasons are reviewed (`tests/oracle/left.toml`).\n"
    for label, kinds in shown.items():
        if "failed" not in kinds["raw"] and "unsafe" in kinds:
            problem = proofs.of(kinds, "unsafe").get("validator", {}).get("problem")
            if problem:
                yield f"- {label}: AIMET builds no graph ({problem})"
    for label, places in left.remaining(shown).items():
        yield f"- {label}"
        for reason, found in left.explained(places, listed).items():
            yield f"  - {reason or 'not reviewed'}: " + ", ".join(f"`{place}` {n}x" for place, n in found.items())
    yield "\n</details>\n"


def _simulation(shown: Proofs) -> Iterator[str]:
    rows = {label: kinds for label, kinds in shown.items() if "quantsim" in kinds["raw"] and "aimet" in kinds}
    if not rows:
        return
    yield "### Quantization simulation and cross-layer equalization\n"
    yield "Quantizers of `QuantizationSimModel` (parameters + activations), and the groups of layers that cross-layer"
    yield "equalization scales together. A group that a functional hid appears once it is a module; a convolution that"
    yield "meets its activation as one block gives up the quantizer between them, which no device has either."
    yield "Where simulation fails, it does so on a class that quantsim does not know: AIMET303, not repaired here.\n"
    yield "| model | quantizers as installed | repaired | groups as installed | repaired |"
    yield "|---|---|---|---|---|"
    for label, kinds in rows.items():
        raw, after = kinds["raw"], proofs.of(kinds, "aimet")
        yield (
            f"| {label.partition('/')[2]} | {_quantizers(raw)} | {_quantizers(after)} | {_groups(raw)} "
            f"| {_groups(after)} |"
        )
    yield ""


def _quantizers(proof: Proof) -> str:
    found: dict[str, Any] = proof.get("quantsim", {"failed": "not measured"})
    return _reason(found) or f"{found['parameters']} + {found['activations']}"


def _groups(proof: Proof) -> str:
    found: dict[str, Any] = proof.get("equalization", {"failed": "not measured"})
    return _reason(found) or f"{found['groups']}" + ("" if found["same"] else ", **outputs change**")


def _reason(found: Mapping[str, Any]) -> str:
    return str(found["failed"]).partition(":")[0] if "failed" in found else ""
