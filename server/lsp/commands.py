"""The commands a client can ask the server to run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lsprotocol import types as lsp

from ..finding import Edit
from .bulk import fix_all, fixable
from .edits import workspace_edit
from .folders import Folder
from .subject import subject_of

if TYPE_CHECKING:
    from .server import Server
    from .session import Session

_log = logging.getLogger(__name__)

FIX_CLASS = "aimetGuidelines.server.fixClass"

Command = Callable[["Server", tuple[Any, ...]], Awaitable[Any]]


def bind(server: Server, command: Command) -> Callable[..., Awaitable[Any]]:
    """The command as pygls calls it."""

    async def run(*arguments: Any) -> Any:
        task = asyncio.current_task()
        assert task is not None
        server.protocol.end_with_request(task)  # pygls lets a command that was cancelled go on
        await asyncio.sleep(0)
        return await command(server, arguments)

    return run


async def fix_file(server: Server, arguments: tuple[Any, ...]) -> bool:
    """Apply every safe repair of the document with the URI given. True where something changed."""
    return await _fix(server, arguments, statement="")


async def fix_class(server: Server, arguments: tuple[Any, ...]) -> bool:
    """Apply every safe repair of one class. Arguments: the document's URI, the key of the class in its file."""
    return await _fix(server, arguments, statement=str(arguments[1]) if len(arguments) > 1 else "")


async def _fix(server: Server, arguments: tuple[Any, ...], statement: str) -> bool:
    session = server.session
    subject = subject_of(session, str(arguments[0])) if arguments else None
    if subject is None:
        server.tell("open a Python file of the workspace to repair it", lsp.MessageType.Info, show=True)
        return False
    edit = workspace_edit(session, subject.folder, fix_all(subject.folder, subject.path, statement=statement))
    if edit is None:
        server.tell("nothing here can be repaired safely", lsp.MessageType.Info, show=True)
        return False
    return await _apply(server, "Fix all safe AIMET findings", edit)


async def fix_workspace(server: Server, _arguments: tuple[Any, ...]) -> bool:
    """Apply every safe repair of the workspace, after a preview. True where something changed."""
    session = server.session
    await session.scanner.finished()
    changed = False
    for folder in session.folders:
        found: dict[str, _Fix] = {}
        for path in sorted(folder.project.paths):
            await session.scheduler.idle()
            found[path] = _fix_of(session, folder, path)
        for path in session.open_paths():
            session.current(path)  # takes in what was typed
        edits: dict[str, list[Edit]] = {}
        for path, fix in found.items():
            # What changed meanwhile is looked at again.
            now = fix if fix.fits(folder) else _fix_of(session, folder, path)
            # Where they change a file that others change too, they wait for the next run.
            if not edits.keys() & now.edits.keys():
                edits.update(now.edits)
        edit = workspace_edit(session, folder, edits, review="Repair AIMET findings")
        if edit is not None:
            changed = await _apply(server, "Fix all safe AIMET findings in the workspace", edit) or changed
    if not changed:
        server.tell("nothing was changed in the workspace", lsp.MessageType.Info)
    return changed


class _Fix(NamedTuple):
    """The safe repairs of a file, as edits of it and of others, and the texts that they are made for."""

    edits: Mapping[str, list[Edit]]
    texts: Mapping[str, str]

    def fits(self, folder: Folder) -> bool:
        files = folder.project.files
        return all(path in files and files[path].source.text == text for path, text in self.texts.items())


def _fix_of(session: Session, folder: Folder, path: str) -> _Fix:
    report = session.current(path)
    if report is None:
        return _Fix({}, {})
    texts = {path: folder.project.text(path)}
    # A closed notebook is not text that an editor could change.
    changeable = not path.endswith(".ipynb") or session.is_open(path)
    if not changeable or not fixable(folder, path, report.findings):
        return _Fix({}, texts)
    try:
        edits = fix_all(folder, path)
    except Exception:  # one file's failure must not keep the others from being repaired
        _log.exception("%s could not be repaired", path)
        edits = {}
    return _Fix(edits, {each: folder.project.text(each) for each in (path, *edits)})


async def check_workspace(server: Server, _arguments: tuple[Any, ...]) -> None:
    """Read the settings and every file again."""
    server.session.start_over()


async def _apply(server: Server, label: str, edit: lsp.WorkspaceEdit) -> bool:
    answer = await server.workspace_apply_edit_async(lsp.ApplyWorkspaceEditParams(edit, label))
    return answer.applied


COMMANDS: Mapping[str, Command] = {
    "aimetGuidelines.server.fixFile": fix_file,
    FIX_CLASS: fix_class,
    "aimetGuidelines.server.fixWorkspace": fix_workspace,
    "aimetGuidelines.server.checkWorkspace": check_workspace,
}
