"""Carries JSON-RPC messages between the pipes to the client and the event loop.

pygls reads each header line and body with a hop of its own through a thread pool, so the loop never knows that
more messages lie in the pipe. Here one thread reads whole messages ahead: the loop can see that a newer edit has
come (`Inbox.pending`) and answers a burst of keystrokes once, without a fixed delay.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import BinaryIO

_log = logging.getLogger(__name__)


def take_over_stdio() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the client, under descriptors of their own.

    Whatever prints to standard output from now on, in this process or in one it starts, goes to standard error;
    nobody else can read the client's messages from standard input.
    """
    sys.stdout.flush()
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout = sys.stderr
    return incoming, outgoing


def read_messages(stream: BinaryIO, deliver: Callable[[bytes | None], None]) -> None:
    """Pass each message's body to `deliver`, and None at the end of the stream. Returns at the end."""
    try:
        while (body := _read_message(stream)) is not None:
            deliver(body)
    except (OSError, ValueError):
        _log.exception("the connection to the client broke")
    deliver(None)


def _read_message(stream: BinaryIO) -> bytes | None:
    length = 0
    while line := stream.readline():
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
        elif not line.strip() and length:
            body = stream.read(length)
            return body if len(body) == length else None
    return None


class Inbox:
    """Messages that have come and are not handled yet; read by a thread, emptied on the event loop."""

    def __init__(self, handle: Callable[[bytes], None], closed: Callable[[], None]) -> None:
        self._handle = handle
        self._closed = closed
        self._waiting: deque[bytes | None] = deque()

    @property
    def pending(self) -> bool:
        """Whether a message waits; then the loop will come to it after the callbacks already scheduled."""
        return bool(self._waiting)

    def start(self, stream: BinaryIO, loop: asyncio.AbstractEventLoop) -> None:
        """Read `stream` in a thread of its own; each message is handled on `loop`."""

        def deliver(body: bytes | None) -> None:
            self._waiting.append(body)
            try:
                loop.call_soon_threadsafe(self._drain)
            except RuntimeError:  # the loop is closed: the server is ending
                self._waiting.clear()

        thread = threading.Thread(target=read_messages, args=(stream, deliver), name="client", daemon=True)
        thread.start()

    def _drain(self) -> None:
        while self._waiting:
            body = self._waiting.popleft()
            if body is None:
                self._closed()
            else:
                self._handle(body)


class Outbox:
    """Writes whole messages to the client; pygls' writer interface."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.broken = False

    def write(self, data: bytes) -> None:
        """Write `data`, a message with its header. After the client is gone it is dropped."""
        if self.broken:
            return
        try:
            self._stream.write(data)
            self._stream.flush()
        except (OSError, ValueError):
            self.broken = True

    def send(self, body: bytes) -> None:
        """Write one message whose JSON text is already made."""
        self.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def close(self) -> None:
        """Write no more."""
        self.broken = True
