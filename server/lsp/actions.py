"""Code actions: offered from what the server knows, their edits made when one is chosen.

An editor applies an edit whatever version it was made for, so `resolve` never makes one for a text that has
changed: it looks the finding up again in the present text, or gives no edit at all.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from .. import engine, suppression
from ..finding import Edit, Finding, Repair
from ..positions import Span
from . import wire
from .bulk import fix_all, fixable, is_safe, shown_title
from .edits import workspace_edit
from .scope import class_at
from .session import Session
from .subject import Subject, subject_of
from .translate import overlaps, to_span

if TYPE_CHECKING:
    from .server import Server

_log = logging.getLogger(__name__)

FIX_ALL = "source.fixAll.aimet"
OPTIONS = lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix, FIX_ALL], resolve_provider=True)


def offer(server: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """The actions for a range of a document."""
    session = server.session
    subject = subject_of(session, params.text_document.uri)
    if subject is None:
        return []
    wanted = params.context.only
    actions: list[lsp.CodeAction] = []
    if _asks_for(wanted, lsp.CodeActionKind.QuickFix):
        actions.extend(_quick_fixes(session, subject, to_span(params.range, subject.document.lines)))
    if _asks_for(wanted, FIX_ALL) and _may_fix_all(subject, params.context):
        actions.extend(_fix_all(subject))
    if not session.resolves_edits:
        actions = [resolve(server, action) for action in actions]
    return actions


def _asks_for(only: Sequence[str] | None, kind: str) -> bool:
    return not only or any(kind == each or kind.startswith(f"{each}.") or not each for each in only)


def _may_fix_all(subject: Subject, context: lsp.CodeActionContext) -> bool:
    """Whether fix-all is answered. On its own (on save) an editor must name ours, unless the setting allows more."""
    if subject.notebook is not None and subject.first and context.only:
        # On save VS Code asks for every cell and applies all it gets: the first one answers for the notebook.
        return False
    automatic = context.trigger_kind == lsp.CodeActionTriggerKind.Automatic
    if not automatic or not context.only or FIX_ALL in context.only:
        return True
    return subject.folder.config(subject.path).fix_all


def _quick_fixes(session: Session, subject: Subject, span: Span) -> Iterator[lsp.CodeAction]:
    here = [finding for finding in subject.findings() if overlaps(finding.span, span)]
    for finding in here:
        yield from _repairs(session, subject, finding)
    yield from _many(subject, here)
    # Without their findings: editors sort what names a finding before what does not, and ignoring comes last.
    for finding in {each.code: each for each in reversed(here)}.values():
        title = f"Ignore {finding.code} on this line"
        yield _action(session, subject, title, {"choice": "ignore-line", "key": finding.key}, [])
    for finding in {each.code: each for each in reversed(here)}.values():
        title = f"Ignore {finding.code} in this file"
        yield _action(session, subject, title, {"choice": "ignore-file", "key": finding.key}, [])


def _repairs(session: Session, subject: Subject, finding: Finding) -> Iterator[lsp.CodeAction]:
    preferred = True
    for number, repair in enumerate(finding.repairs):
        safe = is_safe(repair)
        if not safe and not subject.folder.editor.show_unsafe_fixes:
            continue
        data = {"choice": f"repair:{number}", "key": finding.key}
        yield _action(session, subject, shown_title(repair), data, [finding], preferred=safe and preferred)
        preferred = preferred and not safe


def _many(subject: Subject, here: Sequence[Finding]) -> Iterator[lsp.CodeAction]:
    """The actions that repair more than one finding: of one rule in the file, of one class, of the whole file."""
    safe = [finding for finding in subject.report.findings if any(map(is_safe, finding.repairs))]
    for code in dict.fromkeys(finding.code for finding in here):
        count = sum(finding.code == code for finding in safe)
        if count > 1:
            yield _bulk(subject, f"Fix all {code} in this file ({count} safe)", f"rule:{code}")
    found = fixable(subject.folder, subject.path, subject.report.findings)
    project = subject.folder.project
    scopes = (class_at(project, subject.path, subject.in_file(finding.span).line) for finding in here)
    for scope in dict.fromkeys(scope for scope in scopes if scope is not None):
        count = sum(scope.line <= finding.span.line < scope.end for finding in found)
        if count > 1:
            yield _bulk(subject, f"Fix all safe AIMET findings in class {scope.name} ({count})", f"class:{scope.key}")
    if here and len(found) > 1:
        yield _bulk(subject, f"Fix all safe AIMET findings in this file ({len(found)})", "file")


def _fix_all(subject: Subject) -> Iterator[lsp.CodeAction]:
    if fixable(subject.folder, subject.path, subject.report.findings):
        yield _bulk(subject, "Fix all safe AIMET findings", "file", kind=FIX_ALL)


def _bulk(subject: Subject, title: str, choice: str, kind: str = lsp.CodeActionKind.QuickFix) -> lsp.CodeAction:
    return lsp.CodeAction(title=title, kind=kind, data=_data(subject, {"choice": choice, "key": ""}))


def _action(
    session: Session,
    subject: Subject,
    title: str,
    data: dict[str, str],
    findings: Sequence[Finding],
    *,
    preferred: bool = False,
) -> lsp.CodeAction:
    return lsp.CodeAction(
        title=title,
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=_diagnostics(session, subject, findings) if findings else None,
        is_preferred=preferred or None,
        data=_data(subject, data),
    )


def _data(subject: Subject, data: dict[str, str]) -> dict[str, object]:
    return {"uri": subject.document.uri, **data}


def _diagnostics(session: Session, subject: Subject, findings: Sequence[Finding]) -> list[lsp.Diagnostic]:
    place = wire.Place(subject.document.uri, wire.Columns(subject.document.text))
    array = wire.diagnostics(findings, place, lambda *_: place, related=False)
    converter = session.server.protocol._converter
    return [converter.structure(each, lsp.Diagnostic) for each in json.loads(array)]


def resolve(server: Server, action: lsp.CodeAction) -> lsp.CodeAction:
    """The action with its edit; without one, and a word to the person, where the text has moved on from it."""
    session = server.session
    data = action.data if isinstance(action.data, dict) else {}
    subject = subject_of(session, str(data.get("uri", "")))
    try:
        edit = _edit(session, subject, action.title, data) if subject is not None else None
    except Exception:  # a repair that fails must not take the others, or the server, with it
        _log.exception("%r could not be carried out", action.title)
        edit = None
    if edit is None:
        server.tell(
            f'"{action.title}" no longer fits this text, so nothing was changed', lsp.MessageType.Info, show=True
        )
    action.edit = edit
    return action


def _edit(session: Session, subject: Subject, title: str, data: dict[str, Any]) -> lsp.WorkspaceEdit | None:
    folder, path = subject.folder, subject.path
    choice, _, argument = str(data.get("choice", "")).partition(":")
    if choice == "rule":
        return workspace_edit(session, folder, fix_all(folder, path, code=argument))
    if choice in ("class", "file"):
        return workspace_edit(session, folder, fix_all(folder, path, statement=argument))
    finding = subject.by_key(str(data.get("key", "")))
    if finding is None:
        return None
    if choice == "repair":
        repair = _same_repair(finding, title, argument)
        if repair is None:
            return None
        edits = engine.repair_edits(path, folder.project, folder.config(path), finding, repair)
        # What changes how a module is called, or other files, is shown before it is done.
        elsewhere = not is_safe(repair) and any(other != path for other in edits)
        review = repair.title if elsewhere or repair.interface is not None else ""
        return workspace_edit(session, folder, edits, review=review)
    return workspace_edit(session, folder, {path: _ignore(choice, subject, finding)})


def _same_repair(finding: Finding, title: str, number: str) -> Repair | None:
    """The repair that was offered under that title. After an edit a finding's key can name another finding."""
    repairs = finding.repairs
    if number.isdigit() and int(number) < len(repairs) and shown_title(repairs[int(number)]) == title:
        return repairs[int(number)]
    return None


def _ignore(choice: str, subject: Subject, finding: Finding) -> list[Edit]:
    text = subject.folder.project.text(subject.path)
    if choice == "ignore-file":
        return [suppression.ignore_file_edit(text, [finding.code])]
    edit = suppression.ignore_edit(text, finding.span.line, finding.code, finding.statement[1])
    return [edit] if edit is not None else []
