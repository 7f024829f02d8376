"""Files as text and back, byte for byte: encodings, byte order marks, line ends, atomic writes."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import io
import os
import stat
import tempfile
import tokenize
from dataclasses import dataclass


class SourceError(Exception):
    """A file that cannot be read or written, in words for the user; `line` is 0-based."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file's text as it was read.

    text: without a byte order mark, line ends as in the file.
    digest: of the bytes on disk, by which a later change is noticed.
    """

    path: str
    text: str
    encoding: str
    bom: bool
    digest: bytes

    def encode(self, text: str) -> bytes:
        """`text` as this file's bytes; SourceError where its encoding lacks a character."""
        try:
            return (codecs.BOM_UTF8 if self.bom else b"") + text.encode(self.encoding)
        except UnicodeEncodeError as error:
            character = text[error.start]
            message = f"not written: {character!r} does not exist in this file's encoding, {self.encoding}"
            raise SourceError(message, text.count("\n", 0, error.start)) from None


def _digest(raw: bytes) -> bytes:
    return hashlib.blake2b(raw, digest_size=16).digest()


def decode(path: str, raw: bytes) -> SourceFile:
    """The text in `raw`, by its byte order mark or its encoding declaration (PEP 263), else UTF-8.

    Raises SourceError for null bytes, an unknown encoding, and bytes that the encoding does not allow.
    """
    if b"\0" in raw:
        raise SourceError("contains null bytes, so it is not Python source", raw.count(b"\n", 0, raw.index(b"\0")))
    bom = raw.startswith(codecs.BOM_UTF8)
    body = raw[3:] if bom else raw
    encoding = "utf-8"
    if not path.endswith(".ipynb"):
        try:
            encoding = tokenize.detect_encoding(io.BytesIO(raw).readline)[0].replace("-sig", "")
        except SyntaxError as error:
            if "unknown encoding" in str(error) or "encoding problem" in str(error):
                raise SourceError(f"{error.msg}: correct the encoding declaration at its top") from None
    try:
        return SourceFile(path, body.decode(encoding), encoding, bom, _digest(raw))
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start)
        byte = f"byte 0x{body[error.start]:02x}"
        message = f"{byte} is not {encoding}: declare the file's encoding at its top, or save it as UTF-8"
        raise SourceError(message, line) from None


def read_source(path: str) -> SourceFile:
    """The file at `path`; SourceError where it cannot be opened or is not text."""
    try:
        with open(path, "rb") as stream:
            raw = stream.read()
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}") from None
    return decode(path, raw)


def write_source(source: SourceFile, text: str) -> None:
    """Replace the file by `text` in one step, keeping its encoding, mode, and owner where permitted.

    A symbolic link stays, its target is replaced. Raises SourceError, with the file left as it is, where it
    changed since it was read, cannot be written, or lacks a character in its encoding.
    """
    data = source.encode(text)
    target = os.path.realpath(source.path)
    temporary = ""
    try:
        with open(target, "rb") as stream:
            if _digest(stream.read()) != source.digest:
                raise SourceError("not written: it changed while it was being repaired; run fix again")
            status = os.fstat(stream.fileno())
        if not status.st_mode & stat.S_IWUSR:
            raise SourceError("not written: it is read-only")
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=os.path.dirname(target))
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(OSError, AttributeError):
            os.chown(temporary, status.st_uid, status.st_gid)
        os.chmod(temporary, stat.S_IMODE(status.st_mode))
        os.replace(temporary, target)
        temporary = ""
    except OSError as error:
        raise SourceError(f"not written: {error.strerror or error}") from None
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
