"""Code lens: above each class, how many findings it has and how many of them a click repairs."""

from __future__ import annotations

from lsprotocol import types as lsp

from .bulk import fixable
from .commands import FIX_CLASS
from .scope import classes
from .session import Session
from .subject import subject_of


def lenses(session: Session, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
    """The lenses of a document; none where the setting `codeLens` is off, or above a class without findings."""
    subject = subject_of(session, params.text_document.uri)
    if subject is None or not subject.folder.editor.code_lens:
        return []
    found: list[lsp.CodeLens] = []
    for scope in classes(subject.folder.project, subject.path):
        here = range(scope.line - subject.first, scope.end - subject.first)
        inside = [finding for finding in subject.findings() if finding.span.line in here]
        if not inside:
            continue
        repaired = len(fixable(subject.folder, subject.path, inside))
        title = f"AIMET: {_counted(len(inside), 'issue')}, {_counted(repaired, 'safe fix')}"
        arguments = [subject.document.uri, scope.key]
        at = lsp.Position(scope.line - subject.first, 0)
        command = lsp.Command(title, FIX_CLASS if repaired else "", arguments=arguments if repaired else None)
        found.append(lsp.CodeLens(lsp.Range(at, at), command))
    return found


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 'es' if what.endswith('x') else 's'}"
