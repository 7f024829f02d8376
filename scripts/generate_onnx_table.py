"""Writes which torch operations each ONNX exporter of the installed torch can export, to server/knowledge/onnx.json.

    python scripts/generate_onnx_table.py [--jobs N] [--progress FILE] [--check]

Run it under an interpreter with torch, onnx and onnxscript. Each operation is really exported, with up to two sample
inputs, by the TorchScript-based exporter (`dynamo=False`) and by the dynamo one. Spellings of one operator
(`torch.cumprod`, `Tensor.cumprod`, `Tensor.cumprod_`) are exported once. Verdicts:

    ok    every sample exported
    no    no sample exported, each because the exporter has no translation of an operator
    args  anything else: it depends on the arguments, or the sample failed for another reason

About 20 minutes on two cores; `--progress` names a file that lets an interrupted run go on.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import io
import json
import logging
import os
import re
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from operation_samples import Sample, samples
from torch.utils import _pytree as pytree

TABLE = Path(__file__).resolve().parent.parent / "server" / "knowledge" / "onnx.json"
OPSET = 18
TIMEOUT_SECONDS = 60
EXPORTERS = ("torchscript", "dynamo")

_NO_TRANSLATION = re.compile(
    r"Exporting the operator '[\w:]+' to ONNX opset version \d+ is not supported"
    r"(?!.*Support for this operator was added)"
    r"|No ONNX function found for|No decompositions registered for",
    re.DOTALL,
)


class _Model(torch.nn.Module):
    def __init__(self, sample: Sample) -> None:
        super().__init__()
        self.sample = sample

    def forward(self, *tensors: torch.Tensor) -> Any:
        result = self.sample.call(*tensors)
        kept = tuple(leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor))
        return kept[0] if len(kept) == 1 else kept


def _timeout(*_: object) -> None:
    raise TimeoutError


def export(sample: Sample, exporter: str) -> str:
    """ "" where the sample exports, else the words of the failure."""
    model = _Model(sample).eval()
    inputs = tuple(t.clone() for t in sample.tensors)
    signal.signal(signal.SIGALRM, _timeout)
    signal.alarm(TIMEOUT_SECONDS)
    try:
        with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            if exporter == "dynamo":
                torch.onnx.export(model, inputs, dynamo=True, optimize=False, verbose=False)
            else:
                torch.onnx.export(model, inputs, io.BytesIO(), dynamo=False, opset_version=OPSET)
    except Exception as error:
        words, cause = "", error
        while cause is not None:
            words += f"{type(cause).__name__}: {cause}\n"
            cause = cause.__cause__  # type: ignore[assignment]
        return words
    finally:
        signal.alarm(0)
    return ""


def verdict(failures: list[str]) -> str:
    """The verdict that the outcomes of an operation's samples give; see the top of this file."""
    if not any(failures):
        return "ok"
    return "no" if all(_NO_TRANSLATION.search(f) for f in failures) else "args"


def group(symbol: str) -> str:
    """What spellings of one operator share: `cumprod` for torch.cumprod, Tensor.cumprod and Tensor.cumprod_."""
    space, _, name = symbol.rpartition(".")
    if name.startswith("__"):
        return symbol
    plain = name.rstrip("_")
    return plain if space in ("torch", "Tensor") else f"{space}.{plain}"


def _groups(found: dict[str, list[Sample]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for symbol in sorted(found, key=lambda s: (s.startswith("Tensor."), s.endswith("_"), s)):
        groups.setdefault(group(symbol), []).append(symbol)
    return groups


def probe(part: int, parts: int, progress: str | None) -> dict[str, list[str]]:
    """{group: [verdict per exporter]} of every `parts`-th group."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    mine = f"{progress}.{part}" if progress else None
    done: dict[str, list[str]] = {}
    if mine and os.path.exists(mine):
        with open(mine, encoding="utf-8") as file:
            done = dict(json.loads(line) for line in file)
    found = samples(limit=2)
    for index, (name, spellings) in enumerate(_groups(found).items()):
        if index % parts != part or name in done:
            continue
        cases = found[spellings[0]]
        done[name] = [verdict([export(sample, exporter) for sample in cases]) for exporter in EXPORTERS]
        if mine:
            with open(mine, "a", encoding="utf-8") as file:
                file.write(json.dumps([name, done[name]]) + "\n")
    return done


def table(jobs: int, progress: str | None) -> dict[str, Any]:
    """The whole table: {"torch", "opset", "operations": {symbol: "torchscript dynamo"}}."""
    verdicts: dict[str, list[str]] = {}
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        for part in pool.map(probe, range(jobs), [jobs] * jobs, [progress] * jobs):
            verdicts.update(part)
    rows = {
        symbol: " ".join(verdicts[name])
        for name, spellings in _groups(samples(limit=2)).items()
        for symbol in spellings
    }
    return {"torch": torch.__version__.partition("+")[0], "opset": OPSET, "operations": dict(sorted(rows.items()))}


def render(content: dict[str, Any]) -> str:
    """One operation a line."""
    rows = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in content["operations"].items())
    head = json.dumps({k: v for k, v in content.items() if k != "operations"}, indent=1)[:-2]
    return head + ',\n "operations": {\n' + rows + "\n }\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2, help="processes to export in")
    parser.add_argument("--progress", help="keep results here, so that an interrupted run can go on")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the table differs")
    options = parser.parse_args()
    text = render(table(options.jobs, options.progress))
    if not options.check:
        TABLE.write_text(text, encoding="utf-8")
        return 0
    if TABLE.exists() and TABLE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TABLE} is not what the installed packages give; run {Path(__file__).name}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
