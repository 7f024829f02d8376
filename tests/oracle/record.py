"""Records what the listed models do when they run, and what AIMET says of them.

    python tests/oracle/record.py [--only TEXT] [--missing] [--folder FOLDER]

Runs in the oracle's environment. Each model gets a process of its own with a time limit; a family is one file below
`tests/oracle/recordings/`. What a recording holds is told in recording.py. What was recorded of a model lies in FOLDER
until the packages or the recording programs change, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from models import Entry, entries
from recording import HERE, RECORDINGS, FileRecord, ModelRecord, Recording, load, lock_key

TIME_LIMIT_SECONDS = 420


def record(entry: Entry) -> tuple[ModelRecord, dict[str, FileRecord]]:
    """Run one model."""
    import models
    import torch
    from probe import Calls, Library, Lines, Modules, constructions
    from verdict import verdict

    warnings.simplefilter("ignore")
    started = time.monotonic()
    library = Library(str(Path(torch.__file__).resolve().parent.parent), (entry.library,))
    _, size = models.runnable(entry)
    files: dict[str, FileRecord] = {}
    built = Lines(library)
    with constructions(library, files), built:
        model = models.build(entry, size)
    whole = models.tensors_only(model, entry)
    inputs = (models.image(size),)
    modules = Modules(library, files)
    calls, ran = Calls(library, modules, files), Lines(library)
    with torch.no_grad(), modules.watching(), calls, ran:
        whole(*inputs)
    said = verdict(whole, inputs, library)
    for kind, seen in (("built", built.seen), ("ran", ran.seen), ("traced", said.traced)):
        for name, lines in seen.items():
            setattr(files.setdefault(name, FileRecord()), kind, sorted(lines))
    for ((name, line), operation), running in calls.found.items():
        alone = bool(running) and running <= said.whole
        table = files.setdefault(name, FileRecord())
        (table.alone if alone else table.calls).setdefault(line, []).append(operation)
    for site, operation, function, resides in said.missing:
        if site is not None:
            table = files.setdefault(site[0], FileRecord())
            kind = table.inside if resides.__module__.startswith("torch.") else table.flagged
            kind.setdefault(site[1], []).append(f"{operation}@{function}" if function else operation)
    _note_reuse(whole, modules, {id(module) for module in said.reused}, library, files)
    tidy: dict[str, FileRecord] = {}
    for name, table in files.items():
        tidy.setdefault(name, FileRecord()).merge(table)
    wrapped = whole is not model
    seconds = round(time.monotonic() - started, 1)
    model_record = ModelRecord(
        entry.name, size, wrapped, said.problem or "ok", len(said.reused), len(said.missing), seconds
    )
    return model_record, tidy


def _note_reuse(model: Any, modules: Any, reported: set[int], library: Any, files: dict[str, FileRecord]) -> None:
    """Where the modules that AIMET reports are called again; a module in a reused one counts for that one."""
    from probe import defined_in

    holders: dict[int, list[tuple[Any, str]]] = {}
    for parent in model.modules():
        for attribute, child in parent._modules.items():
            if child is not None:
                holders.setdefault(id(child), []).append((parent, attribute))
    for leaf in reported:
        for number, (site, around) in enumerate(modules.calls.get(leaf, ())):
            if number == 0:
                continue
            root = next((each for each, ordinal in around if ordinal > 1), leaf)
            if root != leaf:
                depth = next(i for i, (each, _) in enumerate(around) if each == root)
                ordinal = around[depth][1]
                site = modules.calls[root][ordinal - 1][0]
            if site is None:
                continue
            kind = type(modules.alive[root]).__qualname__
            table = files.setdefault(site[0], FileRecord())
            if kind not in table.reuse.setdefault(site[1], []):
                table.reuse[site[1]].append(kind)
            for parent, attribute in _owners(root, holders):
                name = defined_in(type(parent), library)
                if name is not None:
                    known = files.setdefault(name, FileRecord()).reuse_owners
                    known.setdefault(type(parent).__qualname__, []).append(attribute)


def _owners(module: int, holders: dict[int, list[tuple[Any, str]]]) -> list[tuple[Any, str]]:
    """The parents that hold a module, through torch's containers."""
    found: list[tuple[Any, str]] = []
    for parent, attribute in holders.get(module, ()):
        if type(parent).__module__.startswith("torch."):
            found.extend(_owners(id(parent), holders))
        else:
            found.append((parent, attribute))
    return found


def _child(entry: Entry, results: Any) -> None:
    try:
        results.send(record(entry))
    except BaseException as error:
        results.send(f"{type(error).__name__}: {error}")


def _apart(entry: Entry) -> tuple[ModelRecord, dict[str, FileRecord]] | str:
    """The record of one model, made in a process of its own, or what went wrong."""
    context = multiprocessing.get_context("fork")  # the child starts with torch and AIMET imported
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(entry, sending))
    process.start()
    sending.close()
    try:
        if not receiving.poll(TIME_LIMIT_SECONDS):
            return f"no result within {TIME_LIMIT_SECONDS} s"
        result: tuple[ModelRecord, dict[str, FileRecord]] | str = receiving.recv()
        return result
    except EOFError:
        return "the process ended without a result"
    finally:
        process.kill()
        process.join()


def _made_by() -> str:
    """A hash of the packages and of the programs that record."""
    found = hashlib.sha256(lock_key().encode())
    for name in ("models", "probe", "record", "recording", "verdict"):
        found.update((HERE / f"{name}.py").read_bytes())
    return found.hexdigest()[:16]


def _kept(entry: Entry, folder: Path) -> Recording | str:
    """The recording of one model alone, from `folder` where it lies there already; or what went wrong."""
    path = folder / f"{entry.library}-{entry.name}.json"
    if path.exists():
        return load(path)
    result = _apart(entry)
    if isinstance(result, str):
        return result
    alone = Recording(entry.library, entry.family, lock_key(), [result[0]], result[1])
    unfinished = path.with_suffix(".part")
    alone.save(unfinished)
    unfinished.rename(path)
    return load(path)


def _family(library: str, family: str, listed: list[Entry], folder: Path) -> Recording:
    recording = Recording(library, family, lock_key())
    for entry in listed:
        alone = _kept(entry, folder)
        if isinstance(alone, str):
            print(f"{entry.label}: {alone}", file=sys.stderr, flush=True)
            continue
        recording.models.extend(alone.models)
        for name, table in alone.files.items():
            recording.files.setdefault(name, FileRecord()).merge(table)
        (model,) = alone.models
        print(
            f"{entry.label}: {model.size} px, {model.aimet}, {model.missing} operations, {model.reused} reused, "
            f"{model.seconds} s",
            flush=True,
        )
    return recording


def _import_once() -> None:
    import timm
    import torch
    import torchvision
    import verdict  # imports AIMET

    torch.set_num_threads(1)
    del timm, torchvision, verdict


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="families or models whose name holds this")
    parser.add_argument("--missing", action="store_true", help="only families that have no recording of this lock")
    kept = Path(sys.prefix).with_name(f"proofs-{lock_key()}") / "recordings"
    parser.add_argument("--folder", type=Path, default=kept, help="where recordings of single models lie")
    options = parser.parse_args()
    folder = options.folder.resolve() / _made_by()
    _import_once()
    families: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries():
        families.setdefault((entry.library, entry.family), []).append(entry)
    failed = 0
    for (library, family), listed in families.items():
        if options.only and options.only not in f"{library}/{family} " + " ".join(each.label for each in listed):
            continue
        path = RECORDINGS / library / f"{family}.json"
        if options.missing and path.exists() and json.loads(path.read_text(encoding="utf-8"))["lock"] == lock_key():
            continue
        recording = _family(library, family, listed, folder)
        failed += len(listed) - len(recording.models)
        if recording.models:
            recording.save()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
