"""Writes docs/agreement.md: how far the checker and AIMET agree, from the recordings and the last full proof.

    python tests/oracle/agreement.py

Runs in the oracle's environment. Every number is computed here or stands in `proofs.json`, which prove.py writes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import compare
import proof_tables
import proofs
from recording import HERE, load_all

PAGE = HERE.parent.parent / "docs" / "agreement.md"

_INTRODUCTION = """\
# Agreement with AIMET

Written by `npm run test:oracle -- --all`; do not edit.

AIMET's `ModelValidator` judges a model that runs. The checker judges its text. Both were put to the same networks, line
by line: each model ran once with random weights in eval mode while every tensor function and every module call was
recorded, and AIMET's two checks (reused modules, operations without a module) said what they report, with the source
line that AIMET's trace keeps for each operation.
"""

_COUNTING = """\
A report and a finding agree where they stand in one statement and name the same operation. Only lines that ran count.
*Right* is found and reported, *missed* reported only, *wrong* found only. Set apart, neither right nor wrong:

- *artifact*: AIMET reports arithmetic of sizes (`h // 2`), which tracing turns into tensors; no tensor function ran.
- *traced only*: the line runs under `torch.jit.trace` alone. *torch*: inside one of torch's own modules.
- *exempt*: all that a childless module does; AIMET takes the module for the operation.
- *not run*, *untraced*: found where nothing ran, or where AIMET's trace did not reach (a cache, a dropped branch).
- *of numbers*: a view of a tensor that its own line makes of numbers, which no layer computed.

AIMET103 is compared with what went into and out of modules when they ran; AIMET itself has no verdict on it. AIMET202,
203 and 204 are compared with the arguments that ran.
"""


def page() -> str:
    """The whole page."""
    result = compare.compare(("torchvision", "timm"))
    return "\n".join(
        [
            _INTRODUCTION,
            *_models(),
            _COUNTING,
            *compare.table(result),
            "",
            *_input_output(result),
            *_disagreements(),
            *proof_tables.chapter(proofs.load()),
        ]
    )


def _models() -> Iterator[str]:
    for library in ("torchvision", "timm"):
        models = [each for recording in load_all([library]) for each in recording.models]
        clean = sum(each.aimet == "ok" and not each.reused and not each.missing for each in models)
        untraced = [each.name for each in models if each.aimet != "ok"]
        wrapped = [each.name for each in models if each.wrapped]
        yield f"**{library}**: {len(models)} models, {clean} of which AIMET's validator passes as they are."
        if untraced:
            yield f"AIMET builds no graph of {', '.join(untraced)}."
        if wrapped:
            yield f"Of {', '.join(wrapped)} only the tensors of the output leave, since AIMET cannot trace dicts."
        yield ""
        yield f"<details><summary>Models</summary>\n\n{', '.join(each.name for each in models)}\n\n</details>\n"


def _input_output(result: compare.Result) -> Iterator[str]:
    missed = [each for each in result.disagreements if each.rule == "AIMET103" and each.side == "missed"]
    if missed:
        yield f"What AIMET103 misses: {', '.join(f'`{each.kind}`' for each in missed)}.\n"


def _disagreements() -> Iterator[str]:
    rows = compare.listed()
    if rows:
        yield "## Disagreements that stay\n"
        for each, reason in rows:
            kind = f" `{each.kind}`" if each.kind else ""
            yield f"- {each.rule} {each.side}{kind} at `{each.path}:{each.line}`: {' '.join(reason.split())}"
        yield ""


def main() -> int:
    text = page().rstrip("\n") + "\n"
    PAGE.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
