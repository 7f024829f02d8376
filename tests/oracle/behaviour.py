"""What one model does: its state_dict, its outputs, and whether torch's tools still take it.

    python tests/oracle/behaviour.py OUTPUT.json [--path FOLDER] [--only TEXT] [--aimet] [--prepare]

Runs in the oracle's environment, each model in a process of its own. With `--path` the libraries are imported from that
folder (a repaired copy), so that two such runs, on the installed and on the repaired sources, can be compared.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import io
import json
import logging
import multiprocessing
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models import Entry, build, entries, image, leaves, tensors_only
from recording import load_all

TIME_LIMIT_SECONDS = 240
# Exporting larger models takes minutes and gigabytes.
_EXPORTED_PARAMETERS = 30_000_000


def digest(tensors: Any) -> str:
    """A hash of tensors' shapes, types and every bit of their values."""
    found = hashlib.sha256()
    for tensor in leaves(tensors):
        found.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
        found.update(tensor.detach().contiguous().cpu().numpy().tobytes())
    return found.hexdigest()[:20]


def behaviour(entry: Entry, size: int, aimet: bool, prepare: bool) -> dict[str, Any]:
    """Everything that a repair must leave as it is, and with `aimet` what AIMET's ModelValidator counts."""
    import torch

    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    model = build(entry, size)
    state = model.state_dict()
    result: dict[str, Any] = {
        "keys": hashlib.sha256("\n".join(f"{k} {tuple(v.shape)}" for k, v in state.items()).encode()).hexdigest()[:20],
        "weights": digest(list(state.values())),
    }
    whole, inputs = tensors_only(model, entry), image(size)
    with torch.no_grad():
        torch.manual_seed(1)
        result["eval"] = digest(whole(inputs))
    if entry.kind != "detection":
        trained = tensors_only(copy.deepcopy(model).train(), entry).train()
        torch.manual_seed(2)
        result["train"] = _tried(lambda: digest(trained(image(size, batch=2))))

    def traced() -> str:
        return digest(torch.jit.trace(whole, inputs, check_trace=False)(inputs))

    def pickled() -> str:
        return digest(tensors_only(pickle.loads(pickle.dumps(model)), entry)(inputs))

    def exported() -> str:
        torch.onnx.export(whole, (inputs,), io.BytesIO(), opset_version=17, dynamo=False)
        return "ok"

    with torch.no_grad():
        result["deepcopy"] = _tried(lambda: digest(tensors_only(copy.deepcopy(model), entry)(inputs)))
        result["pickle"] = _tried(pickled)
        result["trace"] = _tried(traced)
        result["script"] = _tried(lambda: bool(torch.jit.script(model)))
        result["fx"] = _tried(
            lambda: digest(torch.fx.symbolic_trace(model)(inputs)) if entry.kind != "detection" else ""
        )
        if sum(each.numel() for each in model.parameters()) < _EXPORTED_PARAMETERS and entry.kind != "detection":
            result["onnx"] = _tried(exported)
    if aimet:
        result["aimet"] = _judged(whole, inputs, entry)
    if prepare:
        result["prepared"] = _tried(lambda: _prepared(whole, inputs, entry))
    return result


def _tried(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:
        return type(error).__name__


def _judged(model: Any, inputs: Any, entry: Entry) -> dict[str, Any]:
    """How many modules are reused and operations have no module, and which operations those are."""
    import torch
    from probe import Library
    from verdict import verdict

    roots = {str(Path(sys.modules[name].__file__ or "").parent.parent) for name in (entry.library,)}
    said = verdict(model, (inputs,), Library(roots.pop(), (entry.library,)))
    kinds: dict[str, int] = {}
    for _, kind, _, _ in said.missing:
        kinds[kind] = kinds.get(kind, 0) + 1
    del torch
    return {"problem": said.problem, "reused": len(said.reused), "missing": kinds}


def _prepared(model: Any, inputs: Any, entry: Entry) -> dict[str, Any]:
    """What AIMET's own model_preparer makes of the model."""
    import torch
    from aimet_torch.model_preparer import prepare_model

    with torch.no_grad():
        made = prepare_model(copy.deepcopy(model)).eval()
        torch.manual_seed(1)
        return {"eval": digest(made(inputs)), "aimet": _judged(made, inputs, entry)}


def _child(entry: Entry, size: int, aimet: bool, prepare: bool, results: Any) -> None:
    try:
        results.send(behaviour(entry, size, aimet, prepare))
    except BaseException as error:
        results.send({"failed": f"{type(error).__name__}: {error}"[:300]})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--path", type=Path, help="folder with a copy of the libraries")
    parser.add_argument("--only", action="append", help="models or families with this in their name")
    parser.add_argument("--aimet", action="store_true", help="also what AIMET's ModelValidator says")
    parser.add_argument("--prepare", action="store_true", help="also what AIMET's prepare_model makes of it")
    options = parser.parse_args()
    if options.path:
        sys.path.insert(0, str(options.path.resolve()))
    import timm
    import torch
    import torchvision

    for library in (timm, torchvision):
        # What the folder has must be what is imported.
        place = options.path.resolve() / library.__name__ if options.path else None
        if place is not None and place.exists():
            assert Path(str(library.__file__)).is_relative_to(place), library.__file__
    if options.aimet or options.prepare:
        import verdict  # noqa: F401
    torch.set_num_threads(1)
    sizes = {(each.library, model.name): model.size for each in load_all() for model in each.models}
    context = multiprocessing.get_context("fork")
    found: dict[str, Any] = {}
    for entry in entries():
        size = sizes.get((entry.library, entry.name))
        wanted = not options.only or any(
            each in f"{entry.library}/{entry.family} {entry.label}" for each in options.only
        )
        if size is None or not wanted:
            continue
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(target=_child, args=(entry, size, options.aimet, options.prepare, sending))
        process.start()
        sending.close()
        try:
            ready = receiving.poll(TIME_LIMIT_SECONDS)
            found[entry.label] = receiving.recv() if ready else {"failed": f"no result in {TIME_LIMIT_SECONDS} s"}
        except EOFError:
            found[entry.label] = {"failed": "the process ended without a result"}
        finally:
            process.kill()
            process.join()
        print(f"{entry.label}: {found[entry.label].get('failed', 'ok')}", flush=True)
        options.output.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
