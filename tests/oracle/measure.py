"""Measures the listed models, each in a process of its own: what they do and what AIMET makes of them.

    python tests/oracle/measure.py FOLDER [--sources COPY] [--baseline] [--only TEXT]

Writes one file for each model below FOLDER, and leaves those alone that were made from the same sources, so that an
interrupted run goes on where it stopped. With `--sources` the models come from a repaired copy of the libraries. Runs
in the oracle's environment.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import json
import logging
import multiprocessing
import sys
import sysconfig
import time
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from models import Entry, build, entries, image, tensors_only
from recording import load_all, lock_key

HERE = Path(__file__).resolve().parent
TIME_LIMIT_SECONDS = 900


def use(copy: Path | None) -> None:
    """Import both libraries, from a copy where there is one.

    AIMET imports torchvision, and a torchvision repaired with AIMET's modules imports AIMET. So the installed one comes
    first, and then the copy's models and operators take the place of its own.
    """
    if copy is not None:
        for name in ("timm", "torchvision"):
            assert (copy / name).is_dir(), copy / name
    import torch
    import torchvision
    import verdict  # noqa: F401  # imports AIMET

    if copy is not None:
        replaced = [name for name in sys.modules if name.startswith(("torchvision.models", "torchvision.ops"))]
        for name in replaced:
            del sys.modules[name]
        # What `torch.jit._overload_method` noted of the installed classes would stand against the copy's.
        for name in [each for each in torch._jit_internal._overloaded_methods if ".torchvision." in f".{each}"]:
            del torch._jit_internal._overloaded_methods[name]
        torchvision.__path__.insert(0, str(copy / "torchvision"))
        sys.path.insert(0, str(copy))
    for name in ("torchvision.ops", "torchvision.models", "timm"):
        module = importlib.import_module(name)
        if copy is not None:
            assert Path(str(module.__file__)).is_relative_to(copy), module.__file__
            setattr(torchvision, name.rpartition(".")[2], module)


def key(entry: Entry, root: Path) -> str:
    """A hash of the lock file and of the text of every file of the library that the model's family runs."""
    found = hashlib.sha256(lock_key().encode())
    for name in _files()[entry.library, entry.family]:
        found.update((root / name).read_bytes())
    return found.hexdigest()[:16]


@cache
def _files() -> dict[tuple[str, str], list[str]]:
    return {(each.library, each.family): sorted(each.files) for each in load_all()}


def place(folder: Path, entry: Entry) -> Path:
    """Where a model's measurement is kept."""
    return folder / f"{entry.library}-{entry.name}.json"


def installed() -> Path:
    """Where this environment's packages lie."""
    return Path(sysconfig.get_path("purelib")).resolve()


def _parts(entry: Entry, size: int, root: Path, baseline: bool) -> Iterator[tuple[str, Any]]:
    """The measurements of one model, one after another."""
    import torch
    from behaviour import behaviour
    from judged import equalized, prepared, quantized, simulates, validated
    from probe import Library

    def tried(work: Any) -> Any:
        try:
            return work()
        except Exception as error:
            return {"failed": f"{type(error).__name__}: {error}".splitlines()[0][:200]}

    model = build(entry, size)
    yield "does", behaviour(model, entry, size)
    whole, inputs = tensors_only(build(entry, size), entry), image(size)
    library = Library(str(root), (entry.library,))
    yield "validator", validated(whole, inputs, library, root)
    if baseline:
        yield "prepared", tried(lambda: prepared(whole, inputs, library))
    if simulates(entry):
        yield "quantsim", tried(lambda: quantized(whole, inputs))
        yield "equalization", tried(lambda: equalized(whole, inputs))
    del torch


def _child(entry: Entry, size: int, root: Path, baseline: bool, results: Any) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            for part in _parts(entry, size, root, baseline):
                results.send(part)
        except BaseException as error:
            results.send(("failed", f"{type(error).__name__}: {error}"[:300]))
    results.close()


def _apart(entry: Entry, size: int, root: Path, baseline: bool) -> dict[str, Any]:
    context = multiprocessing.get_context("fork")  # the child starts with torch and AIMET imported
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(entry, size, root, baseline, sending))
    process.start()
    sending.close()
    found: dict[str, Any] = {}
    limit = time.monotonic() + TIME_LIMIT_SECONDS
    try:
        while receiving.poll(max(0.0, limit - time.monotonic())):
            name, value = receiving.recv()
            found[name] = value
        found["failed"] = f"not done within {TIME_LIMIT_SECONDS} s"
    except EOFError:
        if "validator" not in found:
            found.setdefault("failed", "the process ended without a result")
    finally:
        process.kill()
        process.join()
    return found


def measure(folder: Path, copy: Path | None, wanted: list[Entry], baseline: bool) -> None:
    """Measure some models, each into its file below `folder`. baseline: prepare_model too."""
    import torch

    root = copy or installed()
    torch.set_num_threads(1)
    recorded = {(each.library, model.name): model for each in load_all() for model in each.models}
    # The quick ones first: a run that is cut short has seen the most.
    for entry in sorted(wanted, key=lambda each: recorded[each.library, each.name].seconds):
        path = place(folder, entry)
        made_of = key(entry, root)
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if known.get("key") != made_of or "failed" in known or (baseline and "prepared" not in known):
            started = time.monotonic()
            found = _apart(entry, recorded[entry.library, entry.name].size, root, baseline)
            seconds = round(time.monotonic() - started, 1)
            known = {"key": made_of, "seconds": seconds, **found}
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(known, indent=1), encoding="utf-8")
            print(f"{folder.name} {entry.label}: {found.get('failed', 'done')}, {seconds} s", flush=True)


def chosen(only: list[str] | None) -> list[Entry]:
    """The listed models with one of these in their family or label; all of them for None."""
    return [
        each
        for each in entries()
        if only is None or any(o in f"{each.library}/{each.family} {each.label}" for o in only)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sources", type=Path, help="folder with a repaired copy of the libraries")
    parser.add_argument("--baseline", action="store_true", help="also what AIMET's prepare_model makes of it")
    parser.add_argument("--only", action="append", help="models or families with this in their name")
    options = parser.parse_args()
    copy = options.sources.resolve() if options.sources else None
    use(copy)
    measure(options.folder, copy, chosen(options.only), options.baseline)
    return 0


if __name__ == "__main__":
    sys.exit(main())
