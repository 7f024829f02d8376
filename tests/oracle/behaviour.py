"""What one model does: its state_dict, its outputs, and whether torch's tools still take it.

Runs in the oracle's environment.
"""

from __future__ import annotations

import copy
import hashlib
import io
import pickle
from collections.abc import Callable
from typing import Any

import torch
from models import Entry, image, leaves, tensors_only

# Exporting larger models takes minutes and gigabytes.
_EXPORTED_PARAMETERS = 30_000_000


def digest(tensors: Any) -> str:
    """A hash of tensors' shapes, types and every bit of their values."""
    found = hashlib.sha256()
    for tensor in leaves(tensors):
        found.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
        found.update(tensor.detach().contiguous().cpu().numpy().tobytes())
    return found.hexdigest()[:20]


def behaviour(model: torch.nn.Module, entry: Entry, size: int) -> dict[str, Any]:
    """Everything that a repair must leave as it is.

    keys: names and shapes of the state_dict, weights: its values, eval and train: the outputs, train with seeded
    dropout; deepcopy, pickle, trace and fx: the outputs of what those made of the model; script: whether
    torch.jit.script compiles it; onnx: whether it exports. What raised is the exception's name. Digests of values
    compare only on one machine.
    """
    state = model.state_dict()
    whole, inputs = tensors_only(model, entry), image(size)
    result: dict[str, Any] = {
        "keys": hashlib.sha256("\n".join(f"{k} {tuple(v.shape)}" for k, v in state.items()).encode()).hexdigest()[:20],
        "weights": digest(list(state.values())),
    }
    with torch.no_grad():
        torch.manual_seed(1)
        result["eval"] = digest(whole(inputs))
    if entry.kind != "detection":
        trained = tensors_only(copy.deepcopy(model).train(), entry).train()

        def train() -> str:
            torch.manual_seed(2)
            return digest(trained(image(size, batch=2)))

        result["train"] = tried(train)

    def traced() -> str:
        return digest(torch.jit.trace(whole, inputs, check_trace=False)(inputs))

    def pickled() -> str:
        return digest(tensors_only(pickle.loads(pickle.dumps(model)), entry)(inputs))

    def exported() -> str:
        torch.onnx.export(whole, (inputs,), io.BytesIO(), opset_version=17, dynamo=False)
        return "ok"

    with torch.no_grad():
        result["deepcopy"] = tried(lambda: digest(tensors_only(copy.deepcopy(model), entry)(inputs)))
        result["pickle"] = tried(pickled)
        result["trace"] = tried(traced)
        result["script"] = tried(lambda: "ok" if torch.jit.script(model) else "")
        if entry.kind != "detection":
            result["fx"] = tried(lambda: digest(torch.fx.symbolic_trace(model)(inputs)))
            if sum(each.numel() for each in model.parameters()) < _EXPORTED_PARAMETERS:
                result["onnx"] = tried(exported)
    return result


def tried(work: Callable[[], Any]) -> Any:
    """What it returns, or the name of what it raised."""
    try:
        return work()
    except Exception as error:
        return type(error).__name__
