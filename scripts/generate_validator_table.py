"""Writes AIMET's verdict on every torch operation to server/knowledge/validator.json.

    python scripts/generate_validator_table.py [--check]

Run it under an interpreter with torch and aimet-torch. For each operation a model with that operation and a module
beside it (a module without children and a single operation would be exempt) goes through
`aimet_torch.meta.connectedgraph_utils.get_ops_with_missing_modules`, as AIMET's ModelValidator does.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from operation_samples import Sample, samples
from torch.utils import _pytree as pytree

TABLE = Path(__file__).resolve().parent.parent / "server" / "knowledge" / "validator.json"
TIMEOUT_SECONDS = 20


class _Probe(torch.nn.Module):
    """One operation, and a module so that the model is no single-operation leaf."""

    def __init__(self, sample: Sample) -> None:
        super().__init__()
        self.sample = sample
        self.relu = torch.nn.ReLU()

    def forward(self, gate: torch.Tensor, *tensors: torch.Tensor) -> Any:
        result = self.sample.call(*tensors)
        kept = [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        return (*kept, self.relu(gate))


def _timeout(*_: object) -> None:
    raise TimeoutError


def verdict(sample: Sample) -> bool | None:
    """Whether AIMET reports an operation without a module; None where its graph cannot be built."""
    from aimet_torch.meta.connectedgraph_utils import get_ops_with_missing_modules

    model = _Probe(sample).eval()
    inputs = (torch.rand(1, 2), *(t.clone() for t in sample.tensors))
    signal.alarm(TIMEOUT_SECONDS)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(get_ops_with_missing_modules(model, inputs))
    except Exception:
        return None
    finally:
        signal.alarm(0)


def verdicts() -> dict[str, Any]:
    """{"aimet", "torch", "flagged": {symbol: bool}, "mixed": [symbols whose samples disagree]}."""
    import aimet_torch

    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGALRM, _timeout)
    torch.set_num_threads(1)
    flagged: dict[str, bool] = {}
    mixed: list[str] = []
    unknown: list[str] = []
    for symbol, found in samples(limit=3).items():
        seen = {v for v in (verdict(s) for s in found) if v is not None}
        if len(seen) == 1:
            flagged[symbol] = seen.pop()
        elif seen:
            mixed.append(symbol)
        else:
            unknown.append(symbol)
    print(f"{len(flagged)} verdicts; mixed {mixed}; no graph {unknown}", file=sys.stderr)
    return {
        "aimet": getattr(aimet_torch, "__version__", ""),
        "torch": torch.__version__.partition("+")[0],
        "flagged": flagged,
        "mixed": mixed,
    }


def render(table: dict[str, Any]) -> str:
    """One operation a line."""
    rows = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in table["flagged"].items())
    head = {k: v for k, v in table.items() if k != "flagged"}
    return json.dumps(head, indent=1)[:-2] + ',\n "flagged": {\n' + rows + "\n }\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the table differs")
    check = parser.parse_args().check
    text = render(verdicts())
    if not check:
        TABLE.write_text(text, encoding="utf-8")
        return 0
    if TABLE.exists() and TABLE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TABLE} is not what the installed packages give; run {Path(__file__).name}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
