"""A language client that does as little as possible, so that what is measured is the server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
OURS = (sys.executable, "-I", "-X", "utf8", "-m", "aimet_guidelines", "lsp")
RUFF = (str(Path(sys.executable).with_name("ruff")), "server")


def bare(diagnostics: int) -> tuple[str, ...]:
    """A pygls server that publishes that many diagnostics on each change and reads nothing."""
    return (sys.executable, "-I", "-X", "utf8", str(_ROOT / "benchmarks" / "bare_server.py"), str(diagnostics))


class Client:
    """One server and its open document. Times are in seconds."""

    def __init__(self, command: tuple[str, ...], root: Path, settings: Mapping[str, Any] | None = None) -> None:
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        self._settings = settings or {}
        self._number = 0
        self.version = 1
        self.uri = ""
        folder = {"uri": root.as_uri(), "name": root.name}
        capabilities = {
            "textDocument": {"publishDiagnostics": {"relatedInformation": True, "versionSupport": True}},
            "workspace": {"configuration": True, "workspaceFolders": True},
        }
        self.request(
            "initialize",
            {"processId": None, "rootUri": root.as_uri(), "workspaceFolders": [folder], "capabilities": capabilities},
        )
        self.notify("initialized", {})

    def open(self, path: Path, text: str) -> list[Any]:
        """Open a document; its first diagnostics."""
        self.uri = path.as_uri()
        document = {"uri": self.uri, "languageId": "python", "version": self.version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return self.diagnostics()

    def replace(self, line: int, start: int, end: int, text: str, lines: int = 0) -> tuple[float, int]:
        """Edit a range that ends `lines` further down: how long until diagnostics of the new version came, and how
        many they are.

        Of a server that answers one version twice, at once and again when it has looked further, the first counts.
        """
        self.version += 1
        place = {"start": {"line": line, "character": start}, "end": {"line": line + lines, "character": end}}
        change = {
            "textDocument": {"uri": self.uri, "version": self.version},
            "contentChanges": [{"range": place, "text": text}],
        }
        data = self._encode({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": change})
        begin = time.perf_counter()
        self._to.write(data)
        self._to.flush()
        found = len(self.diagnostics())
        return time.perf_counter() - begin, found

    def settle(self, line: int, column: int, pause: float = 1.0) -> int:
        """Wait until the findings stay the same (what a server reads at its start is read); how many they are."""
        before, found = -1, self.replace(line, column, column, " ")[1]
        while found != before:
            time.sleep(pause)
            self.replace(line, column, column + 1, "")
            before, found = found, self.replace(line, column, column, " ")[1]
        self.replace(line, column, column + 1, "")
        return found

    def diagnostics(self) -> list[Any]:
        """The diagnostics of the document's present version, once the server publishes them."""
        while True:
            message = self._read()
            if message.get("method") == "textDocument/publishDiagnostics":
                params = message["params"]
                if params["uri"] == self.uri and params.get("version", self.version) == self.version:
                    return list(params["diagnostics"])

    def request(self, method: str, params: Any) -> Any:
        """Ask the server and return its result."""
        self._number += 1
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        while True:
            message = self._read()
            if message.get("id") == self._number and "method" not in message:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message.get("result")

    def notify(self, method: str, params: Any) -> None:
        """Tell the server something."""
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def close(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()
        self._to.close()
        self._from.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        self._to.write(self._encode(message))
        self._to.flush()

    @staticmethod
    def _encode(message: Mapping[str, Any]) -> bytes:
        body = json.dumps(message).encode()
        return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)

    def _read(self) -> dict[str, Any]:
        """The next message; questions of the server are answered on the way."""
        length = 0
        while (line := self._from.readline()) != b"\r\n":
            if not line:
                raise RuntimeError("the server ended")
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message: dict[str, Any] = json.loads(self._from.read(length))
        if "method" in message and "id" in message:
            result: Any = None
            if message["method"] == "workspace/configuration":
                result = [self._settings.get(item.get("section")) for item in message["params"]["items"]]
            self._send({"jsonrpc": "2.0", "id": message["id"], "result": result})
        return message
