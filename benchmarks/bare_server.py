"""The floor for a server in Python: pygls, publishing so many diagnostics on each change and reading nothing."""

from __future__ import annotations

import sys

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

_PLACE = lsp.Range(lsp.Position(1, 4), lsp.Position(1, 24))
_DIAGNOSTICS = [
    lsp.Diagnostic(_PLACE, f"Finding {number} of a guideline, as long as such a message often is.", code="AIMET000")
    for number in range(int(sys.argv[1]))
]
server = LanguageServer("bare", "1")


def _publish(uri: str, version: int | None) -> None:
    params = lsp.PublishDiagnosticsParams(uri=uri, version=version, diagnostics=_DIAGNOSTICS)
    server.text_document_publish_diagnostics(params)


@server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
def opened(params: lsp.DidOpenTextDocumentParams) -> None:
    """Answer an opened document."""
    _publish(params.text_document.uri, params.text_document.version)


@server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
def changed(params: lsp.DidChangeTextDocumentParams) -> None:
    """Answer an edit."""
    _publish(params.text_document.uri, params.text_document.version)


server.start_io()
