"""Carries JSON-RPC messages between the pipes to the client and the event loop.

pygls reads each header line and body with a hop of its own through a thread pool, so the loop never knows that
more messages lie in the pipe. Here it can see that a newer edit has come (`Inbox.pending`), and answers a burst of
keystrokes once, without a fixed delay.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import stat
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from io import FileIO

_log = logging.getLogger(__name__)
_CHUNK = 1 << 16  # bytes; what a pipe holds


def take_over_stdio() -> tuple[FileIO, FileIO]:
    """The pipes to the client, under descriptors of their own.

    Whatever prints to standard output from now on, in this process or in one it starts, goes to standard error;
    nobody else can read the client's messages from standard input.
    """
    incoming, outgoing = FileIO(os.dup(0)), FileIO(os.dup(1), "w")
    os.dup2(2, 1)
    sys.stdout.flush()  # what was printed before, too
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout = sys.stderr
    return incoming, outgoing


def can_wait_for(stream: FileIO) -> bool:
    """Whether one can wait for a stream among others: for pipes and sockets, but not on Windows."""
    mode = os.fstat(stream.fileno()).st_mode
    return os.name == "posix" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


class Frames:
    """Cuts a stream of bytes into the bodies of messages."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._length: int | None = None  # of the body, once its header is read

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are whole with `data`. Raises ValueError where a header says no length."""
        self._data += data
        while True:
            if self._length is None:
                end = self._data.find(b"\r\n\r\n")
                if end < 0:
                    return
                self._length = _length(bytes(self._data[:end]))
                del self._data[: end + 4]
            if len(self._data) < self._length:
                return
            body = bytes(self._data[: self._length])
            del self._data[: self._length]
            self._length = None
            yield body


def _length(header: bytes) -> int:
    for line in header.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise ValueError(f"a header without a length: {header[:80]!r}")


class Inbox:
    """Messages that have come and are not handled yet.

    The event loop reads them itself where it can: waking a thread for each costs a tenth of a keystroke's answer.
    """

    def __init__(self, handle: Callable[[bytes], None], closed: Callable[[], None]) -> None:
        self._handle = handle
        self._closed = closed
        self._frames = Frames()
        self._waiting: deque[bytes | None] = deque()  # None: the end
        self._poll: select.poll | None = None  # where the loop reads

    @property
    def pending(self) -> bool:
        """Whether a message waits; then the loop will come to it after the callbacks already scheduled."""
        return bool(self._waiting) or (self._poll is not None and bool(self._poll.poll(0)))

    def start(self, stream: FileIO, loop: asyncio.AbstractEventLoop) -> None:
        """Read `stream`; each message is handled on `loop`."""
        self._stream, self._loop = stream, loop
        if can_wait_for(stream):
            self._poll = select.poll()
            self._poll.register(stream, select.POLLIN)
            loop.add_reader(stream, self._readable)
        else:
            threading.Thread(target=self._read_all, name="client", daemon=True).start()

    def read_until_writable(self, outgoing: FileIO) -> None:
        """Wait until the client takes data, reading what it writes: it may write all of that before it reads."""
        poll = select.poll()
        poll.register(outgoing, select.POLLOUT)
        if self._poll is not None:
            poll.register(self._stream, select.POLLIN)
        while all(descriptor != outgoing.fileno() for descriptor, _ in poll.poll()):
            if not self._read():
                poll.unregister(self._stream)
        self._loop.call_soon(self._drain)

    def _readable(self) -> None:
        self._read()
        self._drain()

    def _read_all(self) -> None:
        there_is_more = True
        while there_is_more:
            there_is_more = self._read()
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:  # the loop is closed: the server is ending
                return

    def _read(self) -> bool:
        """Take in what has come, waiting for it; False at the end."""
        try:
            data = self._stream.read(_CHUNK)
            self._waiting.extend(self._frames.feed(data))
        except (OSError, ValueError):
            _log.exception("the connection to the client broke")
            data = b""
        if not data:
            self._waiting.append(None)
            if self._poll is not None:
                self._poll = None
                self._loop.remove_reader(self._stream)
        return bool(data)

    def _drain(self) -> None:
        while self._waiting:
            body = self._waiting.popleft()
            if body is None:
                self._closed()
            else:
                self._handle(body)


class Outbox:
    """Writes whole messages to the client; pygls' writer interface."""

    def __init__(self, stream: FileIO, inbox: Inbox) -> None:
        self._stream = stream
        self._inbox = inbox
        self.broken = False
        if can_wait_for(stream):
            os.set_blocking(stream.fileno(), False)

    def write(self, data: bytes) -> None:
        """Write `data`, a message with its header. After the client is gone it is dropped."""
        if self.broken:
            return
        rest = memoryview(data)
        try:
            while rest:
                written = self._stream.write(rest)
                if written is None:  # it would have to wait
                    self._inbox.read_until_writable(self._stream)
                else:
                    rest = rest[written:]
        except (OSError, ValueError):
            self.broken = True

    def send(self, body: bytes) -> None:
        """Write one message whose JSON text is already made."""
        self.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def close(self) -> None:
        """Write no more."""
        self.broken = True
