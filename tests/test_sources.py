"""Files as text and back: encodings, marks, line ends, atomic writes that keep what a file is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from aimet_guidelines.sources import SourceError, decode, read_source, write_source


@pytest.mark.parametrize(
    ("raw", "text", "encoding"),
    [
        (b"x = 1\r\ny = 2\n", "x = 1\r\ny = 2\n", "utf-8"),
        ("é = 1".encode(), "é = 1", "utf-8"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n", "utf-8"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "# -*- coding: latin-1 -*-\nx = 'é'\n", "iso-8859-1"),
        (
            b"#!python\n# vim: set fileencoding=cp1252 :\n'\x80'",
            "#!python\n# vim: set fileencoding=cp1252 :\n'€'",
            "cp1252",
        ),
        (b"", "", "utf-8"),
    ],
)
def test_reading_and_encoding_are_inverse(raw: bytes, text: str, encoding: str) -> None:
    source = decode("/x.py", raw)
    assert (source.text, source.encoding) == (text, encoding)
    assert source.encode(source.text) == raw


@pytest.mark.parametrize(
    ("raw", "line", "expected"),
    [
        (b"a\nb\0", 1, "null bytes"),
        (b"a\n\xff\n", 1, "byte 0xff is not utf-8"),
        (b"# coding: nonsense\n", 0, "unknown encoding"),
    ],
)
def test_what_is_not_source(raw: bytes, line: int, expected: str) -> None:
    with pytest.raises(SourceError, match=expected) as caught:
        decode("/x.py", raw)
    assert caught.value.line == line


def test_writing_keeps_mode_and_encoding_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(b"\xef\xbb\xbfx = 1\r\n")
    path.chmod(0o750)
    write_source(read_source(path.as_posix()), "x = 'é'\r\n")
    assert path.read_bytes() == b"\xef\xbb\xbf" + "x = 'é'\r\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o750
    assert os.listdir(tmp_path) == ["x.py"]


def test_writing_through_a_link_keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_text("x = 1\n", encoding="utf-8")
    link = tmp_path / "link.py"
    link.symlink_to("real.py")
    write_source(read_source(link.as_posix()), "x = 2\n")
    assert link.is_symlink()
    assert (tmp_path / "real.py").read_text(encoding="utf-8") == "x = 2\n"


@pytest.mark.parametrize("case", ["changed", "read-only", "encoding", "gone"])
def test_a_write_that_must_not_be_leaves_the_file(tmp_path: Path, case: str) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(b"# coding: ascii\n")
    source = read_source(path.as_posix())
    expected = {
        "changed": "changed while",
        "read-only": "read-only",
        "encoding": "does not exist",
        "gone": "not written",
    }
    text = "# coding: ascii\nx\n"
    if case == "changed":
        path.write_bytes(b"other\n")
    elif case == "read-only":
        path.chmod(0o444)
    elif case == "encoding":
        text = "# coding: ascii\n€\n"
    else:
        path.unlink()
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(SourceError, match=expected[case]):
        write_source(source, text)
    assert (path.read_bytes() if path.exists() else None) == before
    assert os.listdir(tmp_path) == (["x.py"] if before is not None else [])
