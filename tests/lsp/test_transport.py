"""The pipes between a client and the server."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from aimet_guidelines.lsp.transport import Frames, Inbox, Outbox

FAKE = Path(__file__).with_name("fake_engine.py")
PATIENCE = 20.0


def framed(body: bytes, header: bytes = b"Content-Length: %d\r\n\r\n") -> bytes:
    return header % len(body) + body


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_messages_are_whole_however_they_are_cut_on_the_way(size: int) -> None:
    bodies = [b"{}", "é\r\n\r\n😀".encode(), b"", b"x" * 50]
    headers = [
        b"Content-Length: %d\r\n\r\n",
        b"content-type: x; charset=utf-8\r\ncontent-length:%d\r\n\r\n",
        b"Content-Length: %d\r\nContent-Type: y\r\n\r\n",
        b"Content-Length: %d\r\n\r\n",
    ]
    stream = b"".join(map(framed, bodies, headers))
    frames = Frames()
    found = [body for at in range(0, len(stream), size) for body in frames.feed(stream[at : at + size])]
    assert found == bodies


@pytest.mark.parametrize("header", [b"Content-Type: x\r\n\r\n", b"Content-Length: many\r\n\r\n", b"\r\n\r\n"])
def test_a_header_without_a_length_is_an_error(header: bytes) -> None:
    with pytest.raises(ValueError, match=r"length|invalid"):
        list(Frames().feed(header))


@pytest.fixture(params=["pipe", "file"])
def incoming(request: pytest.FixtureRequest, tmp_path: Path) -> FileIO:
    """What a client wrote before it left: three messages."""
    written = b"".join(map(framed, [b"1", b"2", b"3"]))
    if request.param == "file":  # for which no event loop can wait: a thread reads it
        (tmp_path / "input").write_bytes(written)
        return FileIO(str(tmp_path / "input"))
    reading, writing = os.pipe()
    os.write(writing, written)
    os.close(writing)
    return FileIO(reading)


async def test_every_message_is_handled_before_the_end(incoming: FileIO) -> None:
    handled: list[bytes] = []
    ended = asyncio.Event()
    inbox = Inbox(handled.append, ended.set)
    inbox.start(incoming, asyncio.get_running_loop())
    await asyncio.wait_for(ended.wait(), PATIENCE)
    assert handled == [b"1", b"2", b"3"]
    assert not inbox.pending
    incoming.close()


async def test_it_knows_that_a_message_waits(incoming: FileIO) -> None:
    seen: list[bool] = []
    ended = asyncio.Event()
    inbox = Inbox(lambda body: seen.append(inbox.pending), ended.set)
    inbox.start(incoming, asyncio.get_running_loop())
    await asyncio.wait_for(ended.wait(), PATIENCE)
    assert seen[:2] == [True, True]
    incoming.close()


@pytest.mark.skipif(os.name != "posix", reason="there a thread reads")
async def test_what_comes_while_the_client_does_not_read_is_read_and_handled_later() -> None:
    reading, client_writes = os.pipe()
    client_reads, writing = os.pipe()
    handled: list[bytes] = []
    came = asyncio.Event()

    def handle(body: bytes) -> None:
        handled.append(body)
        came.set()

    inbox = Inbox(handle, lambda: None)
    inbox.start(FileIO(reading), asyncio.get_running_loop())
    outbox = Outbox(FileIO(writing, "w"), inbox)
    much = framed(b"x" * 300_000)
    received = bytearray()

    def client() -> None:  # it writes more than a pipe holds, and reads only then
        rest = memoryview(much)
        while rest:
            rest = rest[os.write(client_writes, rest) :]
        while len(received) < len(much):
            received.extend(os.read(client_reads, 65536))

    thread = threading.Thread(target=client, daemon=True)
    thread.start()
    outbox.write(much)
    thread.join(PATIENCE)
    assert received == much
    assert handled == []
    await asyncio.wait_for(came.wait(), PATIENCE)  # the end of it may still lie in the pipe
    assert handled == [b"x" * 300_000]
    os.close(client_reads)
    outbox.write(much)
    assert outbox.broken
    os.close(client_writes)


def test_a_client_that_writes_everything_before_it_reads_gets_its_answers(tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", str(FAKE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin is not None
    assert server.stdout is not None
    many = 3000
    initialize = {"processId": None, "rootUri": tmp_path.as_uri(), "capabilities": {}}
    asks = {"textDocument": {"uri": "file:///nowhere.py"}, "position": {"line": 0, "character": 0}, "no": "x" * 300}
    written = [message(0, "initialize", initialize)]
    written += [message(number, "textDocument/hover", asks) for number in range(1, many + 1)]
    watchdog = threading.Timer(PATIENCE, server.kill)
    watchdog.start()
    try:
        server.stdin.write(b"".join(written))
        server.stdin.flush()
        server.stdin.write(message(many + 1, "shutdown", None) + message(None, "exit", None))
        server.stdin.flush()
        out = server.stdout.read()
        answered = [json.loads(body) for body in Frames().feed(out)]
        assert [each["id"] for each in answered if "id" in each] == list(range(many + 2))
        assert server.wait(PATIENCE) == 0
    finally:
        watchdog.cancel()
        server.kill()
        server.wait()
        server.stdin.close()
        server.stdout.close()


def message(number: int | None, method: str, params: Any) -> bytes:
    given = {} if number is None else {"id": number}
    return framed(json.dumps({"jsonrpc": "2.0", **given, "method": method, "params": params}).encode())
