"""What each step of a keystroke's answer costs, in the server's own process: between the pipes, without them."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterator

from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project, check
from aimet_guidelines.lsp.documents import Document
from aimet_guidelines.lsp.translate import changes_in, uri_of
from aimet_guidelines.lsp.wire import Columns, Place, Texts, message
from lsprotocol import types as lsp

from . import corpora
from .keystroke import FILES, keystrokes
from .results import Row, median, table

_STEPS = (
    "read the message",
    "edit the document",
    "update the index",
    "answer at once: read the edited function again, ask the rules",
    "write the diagnostics",
    "check in full, once the person pauses",
)


def measure(corpus: str, file: str, anchor: str, rounds: int) -> Iterator[Row]:
    """The rows for one file."""
    root = corpora.folder(corpus)
    path = (root / file).as_posix()
    sources = corpora.texts(root)
    sources[path], edits = keystrokes(sources[path], anchor)
    config = Config(root=root.parent.as_posix())
    project = Project.empty(config.root).updated(sources)
    project.watch(path)
    check(path, project, config)
    document = Document(lsp.TextDocumentItem(uri_of(path), "python", 1, sources[path]))
    texts = Texts()
    times: dict[str, list[float]] = {step: [] for step in _STEPS}
    gc.collect()
    gc.freeze()
    for turn in range(rounds):
        for number, (line, start, end, text) in enumerate(edits):
            place = {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}
            identifier = {"uri": document.uri, "version": turn * len(edits) + number}
            params = {"textDocument": identifier, "contentChanges": [{"range": place, "text": text}]}
            body = json.dumps({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": params}).encode()
            clock = [time.perf_counter()]
            received = json.loads(body)["params"]
            changes = changes_in(received["contentChanges"])
            clock.append(time.perf_counter())
            document.change(received["textDocument"]["version"], changes)
            now = document.text
            clock.append(time.perf_counter())
            project = project.updated({path: now})
            clock.append(time.perf_counter())
            report = check(path, project, config, provisional=True)
            clock.append(time.perf_counter())
            here = Place(document.uri, Columns(now))
            message(document.uri, 1, texts.array(report.findings, here, lambda *_, here=here: here))
            clock.append(time.perf_counter())
            check(path, project, config)
            clock.append(time.perf_counter())
            if turn:  # the first round warms up
                for step, begin, finish in zip(_STEPS, clock, clock[1:]):
                    times[step].append(finish - begin)
    gc.unfreeze()
    name = path.rpartition("/")[2]
    for step in _STEPS:
        yield Row(f"{name}: {step}", f"{median(times[step]) * 1000:.2f} ms")


def run(rounds: int = 3) -> list[Row]:
    """All rows."""
    return [row for corpus, file, anchor, _ in FILES for row in measure(corpus, file, anchor, rounds)]


if __name__ == "__main__":
    print(table(run()))
