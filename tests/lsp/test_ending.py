"""How things end before they are done: scans, commands and servers that are cancelled, shut down or killed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcRequestCancelled

from .editor import Editor
from .test_workspace import write


async def test_the_scan_can_be_cancelled(editor: Editor, tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path / f"net{number:02}.py", "relu(1)  # SLOW\n")
    editor.cancel_progress = True
    await editor.start(tmp_path)
    await editor.until(lambda: any("cancelled" in note for status in editor.statuses for note in status["notes"]))
    assert len({each.uri for each in editor.published}) < 20


async def test_a_cancelled_scan_leaves_no_process_behind(editor: Editor, tmp_path: Path) -> None:
    for number in range(40):
        write(tmp_path / f"net{number:02}.py", "relu(1)  # SLOW\n")
    await editor.start(tmp_path)
    await editor.until(lambda: any(each.get("message", "").startswith("checking") for each in editor.progress))
    assert children_of(editor.process.pid)
    editor.cancel_progress = True
    await editor.until(lambda: any("cancelled" in note for status in editor.statuses for note in status["notes"]))
    await editor.until(lambda: not children_of(editor.process.pid))


def children_of(pid: int) -> list[str]:
    """The processes that a process started and that still run."""
    listed = subprocess.run(["ps", "-o", "stat=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [state for state in listed.stdout.split() if not state.startswith("Z")]


async def test_a_server_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    for number in range(200):
        write(tmp_path / f"net{number:03}.py", "relu(1)  # SLOW\n")
    editor = Editor()
    await editor.start(tmp_path)
    await editor.until(lambda: any(each.get("message", "").startswith("checking") for each in editor.progress))
    started = descendants_of(editor.process.pid)
    assert started
    editor.process.kill()
    await editor.client.stop()
    await editor.until(lambda: not any(map(runs, started)))


async def test_a_server_that_shuts_down_amid_the_scan_ends_at_once(editor: Editor, tmp_path: Path) -> None:
    for number in range(200):
        write(tmp_path / f"net{number:03}.py", "relu(1)  # SLOW\n")
    await editor.start(tmp_path)
    await editor.until(lambda: any(each.get("message", "").startswith("checking") for each in editor.progress))
    started = descendants_of(editor.process.pid)
    began = time.monotonic()
    assert await editor.stop() == 0
    assert time.monotonic() - began < 2
    await editor.until(lambda: not any(map(runs, started)))


async def test_a_command_that_is_cancelled_changes_nothing(editor: Editor, tmp_path: Path) -> None:
    for number in range(8):
        write(tmp_path / f"net{number}.py", "relu(1)  # SLOW\n")
    await editor.start(tmp_path)
    await editor.until(lambda: any(each.get("message", "").startswith("checking") for each in editor.progress))
    asked = asyncio.ensure_future(editor.command("aimetGuidelines.server.fixWorkspace"))
    [number] = await editor.until(lambda: list(editor.client.protocol._request_futures))
    for each in (number, number, "nobody asked this"):
        editor.client.cancel_request(lsp.CancelParams(each))
    with pytest.raises(JsonRpcRequestCancelled):
        await asked
    await editor.scanned()
    await editor.quiet()
    assert not editor.applied
    assert await editor.command("aimetGuidelines.server.fixWorkspace")
    assert len(editor.applied) == 1


async def test_a_command_that_runs_does_not_keep_the_server_from_ending(editor: Editor, tmp_path: Path) -> None:
    for number in range(8):
        write(tmp_path / f"net{number}.py", "relu(1)  # SLOW\n")
    await editor.start(tmp_path)
    await editor.until(lambda: any(each.get("message", "").startswith("checking") for each in editor.progress))
    asked = asyncio.ensure_future(editor.command("aimetGuidelines.server.fixWorkspace"))
    await editor.until(lambda: editor.client.protocol._request_futures)
    assert await editor.stop() == 0
    with pytest.raises(JsonRpcRequestCancelled):
        await asked


def descendants_of(pid: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    children = [int(each) for each in listed.stdout.split()]
    return [each for child in children for each in (child, *descendants_of(child))]


def runs(pid: int) -> bool:
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")


def test_the_server_ends_when_the_editor_is_gone_but_the_pipe_is_not(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    fake = Path(__file__).with_name("fake_engine.py")
    server = subprocess.Popen([sys.executable, "-I", str(fake)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None and parent.stdin is not None
    params = {"processId": parent.pid, "rootUri": tmp_path.as_uri(), "capabilities": {}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).encode()
    server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    server.stdin.flush()
    parent.stdin.close()
    parent.wait()
    assert server.wait(timeout=30) == 1
    server.stdin.close()
