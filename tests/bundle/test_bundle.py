"""The package as users install it, unpacked: the bundled server starts and repairs on every Python there is here."""

from __future__ import annotations

import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

SOURCE = """import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return F.relu(self.conv(x))
"""
REPAIRED = SOURCE.replace("8, 3)", "8, 3)\n        self.relu = nn.ReLU()").replace("F.relu(", "self.relu(")


def _version(python: str) -> tuple[int, ...] | None:
    command = [python, "-c", "import sys; print('%d %d' % sys.version_info[:2])"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return None
    return tuple(map(int, result.stdout.split())) if result.returncode == 0 else None


def _pythons() -> dict[tuple[int, ...], str]:
    """One Python of each version on this machine."""
    candidates = [sys.executable, "python3", "python"]
    candidates += [f"python3.{minor}" for minor in range(6, 15)]
    candidates += glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python"))
    found: dict[tuple[int, ...], str] = {}
    for candidate in candidates:
        path = shutil.which(candidate)
        version = _version(path) if path else None
        if path and version:
            found.setdefault(version, path)
    return found


PYTHONS = _pythons()
SUPPORTED = {version: path for version, path in PYTHONS.items() if (3, 10) <= version <= (3, 14)}
OLD = {version: path for version, path in PYTHONS.items() if version < (3, 10)}


def _target() -> str:
    """This platform, by Visual Studio Code's name."""
    system = "alpine" if Path("/etc/alpine-release").exists() else sys.platform
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}
    name = platform.machine().lower()
    return f"{system}-{machine.get(name, name)}"


def _package() -> Path:
    version = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["version"]
    package = ROOT / "dist" / f"aimet-guidelines-{_target()}-{version}.vsix"
    assert package.exists(), f"there is no {package} to test: run `npm run package` (`npm test` does)"
    return package


@pytest.fixture(scope="session")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("vsix")
    with zipfile.ZipFile(_package()) as archive:
        archive.extractall(folder)
    yield folder / "extension"
    shutil.rmtree(folder)


def run(extension: Path, python: str, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [python, "-I", "-X", "utf8", str(extension / "bundled" / "launch.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)  # type: ignore[call-overload,no-any-return]


def receive(stream: IO[bytes]) -> dict[str, Any]:
    """The next message of a server."""
    length = 0
    while line := stream.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    assert length, "the server ended without reporting anything"
    answer: dict[str, Any] = json.loads(stream.read(length))
    return answer


def named(pythons: dict[tuple[int, ...], str]) -> list[object]:
    return [pytest.param(path, id=".".join(map(str, version))) for version, path in sorted(pythons.items())]


@pytest.mark.parametrize("python", named(SUPPORTED))
def test_it_repairs(extension: Path, python: str) -> None:
    result = run(extension, python, "fix", "-", "--stdin-filename", "net.py", input=SOURCE)
    assert (result.returncode, result.stdout) == (0, REPAIRED), result.stderr


@pytest.mark.parametrize("python", named(SUPPORTED))
def test_the_server_starts_and_reports(extension: Path, python: str, tmp_path: Path) -> None:
    # A workspace that would like to be imported.
    for name in ("pygls", "lsprotocol", "libcst", "aimet_guidelines", "json", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("open('imported', 'w')\n", encoding="utf-8")
    uri = (tmp_path / "net.py").as_uri()
    document = {"uri": uri, "languageId": "python", "version": 1, "text": SOURCE}
    messages = [
        {"id": 1, "method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": {}}},
        {"method": "initialized", "params": {}},
        {"method": "textDocument/didOpen", "params": {"textDocument": document}},
    ]
    command = [python, "-I", "-X", "utf8", str(extension / "bundled" / "launch.py"), "lsp"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        for message in messages:
            body = json.dumps({"jsonrpc": "2.0", **message}).encode()
            server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        server.stdin.flush()
        published: list[str] = []
        while not published:
            answer = receive(server.stdout)
            if answer.get("method") == "textDocument/publishDiagnostics":
                published = [diagnostic["code"] for diagnostic in answer["params"]["diagnostics"]]
        server.kill()
    assert published == ["AIMET101"]
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize("python", named(OLD))
def test_an_old_python_is_told_what_is_needed(extension: Path, python: str) -> None:
    launch = str(extension / "bundled" / "launch.py")
    result = subprocess.run([python, launch, "lsp"], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert re.fullmatch(r"AIMET Model Guidelines needs Python 3\.10 or newer; .* is Python \d+\.\d+\.\n", result.stderr)


def test_it_holds_what_it_needs_and_nothing_else(extension: Path) -> None:
    top = {path.name for path in extension.iterdir()}
    assert {"package.json", "readme.md", "changelog.md", "LICENSE.txt", "bundled", "client", "syntaxes", "media"} == top
    assert [path.name for path in (extension / "client").rglob("*") if path.is_file()] == ["extension.js"]
    libraries = {path.name for path in (extension / "bundled" / "libs").iterdir()}
    assert {"aimet_guidelines", "pygls", "lsprotocol", "libcst", "pathspec", "exceptiongroup", "tomli"} <= libraries
    assert not {"yaml", "_yaml", "torch", "pip", "setuptools"} & libraries
    distributions = {name.partition("-")[0] for name in libraries if name.endswith(".dist-info")}
    assert {"pygls", "libcst", "lsprotocol", "pathspec", "attrs", "cattrs"} <= distributions
    with zipfile.ZipFile(_package()) as archive:
        assert not [name for name in archive.namelist() if "__pycache__" in name or "/tests/" in name]


def test_there_is_a_native_module_for_every_python(extension: Path) -> None:
    modules = (extension / "bundled" / "libs" / "libcst").glob("native.*")
    tags = {match[0] for path in modules if (match := re.search(r"31\d", path.name))}
    assert tags == {"310", "311", "312", "313", "314"}
