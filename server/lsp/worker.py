"""The workspace scan's own process: checks files while the server stays free for the person who types.

The server starts it, writes one `Task` to its standard input and reads `Checked` results from its standard output,
each a pickle behind its length. It imports neither pygls nor lsprotocol, and ends when the server does.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from ..finding import Report
from .settings import EditorSettings

LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Task:
    """What to check. paths: absolute; buffers: texts of the open ones, which count instead of the disk's."""

    root: str
    editor: EditorSettings
    paths: tuple[str, ...]
    buffers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Checked:
    """A file's report, and the stamp of the text it is about."""

    report: Report
    stamp: int


def stamp(text: str) -> int:
    """Tells a text from another one."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def command() -> list[str]:
    """The command line of a worker: this Python, as isolated as it is, with the same packages."""
    boot = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import main; main()"
    return [sys.executable, "-I", "-X", "utf8", "-c", boot]


def main() -> None:
    """Carry out the task on standard input."""
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    task = pickle.load(sys.stdin.buffer)
    if hasattr(os, "nice"):
        os.nice(5)
    try:
        run(task, outgoing)
    except BrokenPipeError:
        os._exit(1)


def run(task: Task, outgoing: BinaryIO) -> None:
    """Check the files of `task`; results go to `outgoing` one by one, in the order of the paths."""
    from .. import engine, jobs
    from ..settings import Settings
    from .files import read

    texts: dict[str, str | None] = {path: read(path) for path in task.paths if path not in task.buffers}
    texts.update(task.buffers)
    project = engine.Project.empty(task.root).updated(texts)
    settings = Settings(editor=task.editor.layer, root=task.root, recheck=float("inf"))
    imported = any(text is not None and "aimet_torch" in text for text in texts.values())
    installed = task.editor.installed
    tasks = [
        (path, project, settings.config_for(path, imported=imported, installed=installed))
        for path in task.paths
        if path not in task.buffers and texts[path] is not None
    ]
    cores = os.cpu_count() or 1
    for report in jobs.check_each(tasks, max(1, cores - 1), keep=True):
        _write(outgoing, Checked(report, stamp(texts[report.path] or "")))


def _write(outgoing: BinaryIO, result: Any) -> None:
    data = pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
    outgoing.write(LENGTH.pack(len(data)) + data)
    outgoing.flush()
