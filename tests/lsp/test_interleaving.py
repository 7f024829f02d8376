"""What happens on disk while something else goes on: each test has it happen at the worst moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aimet_guidelines import engine
from aimet_guidelines.lsp import files, intake, scan, settings
from lsprotocol import types as lsp

from . import fake_engine
from .in_process import House

CREATED, CHANGED, DELETED = lsp.FileChangeType.Created, lsp.FileChangeType.Changed, lsp.FileChangeType.Deleted


def write(path: Path, text: str = "relu(1)\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def behind(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, happens: Callable[[], None]) -> None:
    """Have something happen once, right behind the first call of a function that returns a list."""
    original = getattr(module, name)
    rest = [happens]

    def function(*arguments: Any) -> Any:
        found = list(original(*arguments))
        if rest:
            rest.pop()()
        return found

    monkeypatch.setattr(module, name, function)


async def test_a_file_goes_between_the_scan_s_walk_and_its_reading(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = write(tmp_path / "net.py")
    house = House(monkeypatch, tmp_path)
    await house.scan()
    assert house.shown(path) == ["AIMET101"]
    behind(monkeypatch, files, "walk", path.unlink)
    await house.scan()
    assert house.shown(path) == []
    house.on_disk((path, DELETED))
    await house.rest()
    assert house.shown(path) == []


async def test_a_file_comes_behind_the_scan_s_walk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path / "first.py")
    house = House(monkeypatch, tmp_path)
    loop = asyncio.get_running_loop()

    def comes() -> None:  # in the thread that walks
        told = threading.Event()

        def tell() -> None:
            house.on_disk((write(tmp_path / "net.py"), CREATED))
            told.set()

        loop.call_soon_threadsafe(tell)
        assert told.wait(5)

    behind(monkeypatch, files, "walk", comes)
    await house.scan()
    assert house.shown(tmp_path / "net.py") == ["AIMET101"]
    assert (tmp_path / "net.py").as_posix() in next(iter(house.session.folders)).project.paths


@pytest.mark.parametrize("moment", range(1, 21))
async def test_of_many_files_that_go_one_is_back_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, moment: int
) -> None:
    paths = [write(tmp_path / f"part{number % 3}" / f"net{number:02}.py") for number in range(20)]
    house = House(monkeypatch, tmp_path)
    await house.scan()
    monkeypatch.setattr(intake, "_STEP", 0)  # one file at a time
    idle, moments = house.session.scheduler.idle, 0

    async def happens_meanwhile() -> None:
        nonlocal moments
        await idle()
        moments += 1
        if moments == moment:
            house.on_disk((write(paths[0]), CREATED))

    for path in paths:
        path.unlink()
    monkeypatch.setattr(house.session.scheduler, "idle", happens_meanwhile)
    house.on_disk(*((path, DELETED) for path in paths))
    await house.rest()
    assert house.shown(paths[0]) == ["AIMET101"]
    assert not any(house.shown(path) for path in paths[1:])


@pytest.mark.parametrize("inner_first", [False, True])
async def test_a_folder_inside_another_has_its_files_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, inner_first: bool
) -> None:
    inner, outer = tmp_path / "inner", tmp_path
    paths = [write(inner / f"net{number:02}.py", "relu(1)\nplain(1)\n") for number in range(3)]
    own = write(outer / "net.py", "relu(1)\nplain(1)\n")
    house = House(monkeypatch, *((inner, outer) if inner_first else (outer, inner)))
    layer = settings.read({"ignore": ["AIMET101"]})
    within = house.session.folders.of(paths[0].as_posix())
    assert within is not None
    house.session.use_settings(settings.read({}), [(within, layer)])
    await house.scan()
    assert house.shown(own) == ["AIMET101", "AIMET204"]
    for path in paths:
        assert house.shown(path) == ["AIMET204"]
        assert all(len(each["diagnostics"]) < 2 for each in house.sent if each["uri"] == path.as_uri())
    assert house.session.status.read()["files"] == 4


async def test_a_folder_inside_another_comes_and_goes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path, opened = write(tmp_path / "inner" / "net.py"), tmp_path / "inner" / "open.py"
    inner = lsp.WorkspaceFolder((tmp_path / "inner").as_uri(), "inner")
    house = House(monkeypatch, tmp_path)
    house.open(opened.as_uri(), "plain(1)\n")
    await house.scan()
    assert house.shown(path) == ["AIMET101"]
    house.session.set_folders([inner])
    house.session.use_settings(settings.read({"diagnosticMode": "openFilesOnly"}))
    assert house.shown(path) == []
    house.session.start_over()
    await house.scan()
    [outer, within] = house.session.folders
    assert not any("inner" in each for each in outer.project.paths)
    assert path.as_posix() in within.project.paths
    assert house.shown(opened) == ["AIMET204"]
    house.session.use_settings(settings.read({}))
    house.session.set_folders([], [inner])
    house.session.start_over()
    await house.scan()
    assert house.shown(path) == ["AIMET101"] and house.shown(opened) == ["AIMET204"]
    path.unlink()
    house.on_disk((path, DELETED))
    assert house.shown(path) == []


async def test_a_folder_is_removed_while_it_is_scanned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outer, inner = tmp_path, tmp_path / "inner"
    paths = [write(inner / f"net{number}.py") for number in range(3)]
    own = write(outer / "net.py")
    house = House(monkeypatch, outer, inner)
    check = fake_engine.check

    def removed_meanwhile(path: str, *arguments: Any) -> Any:
        report = check(path, *arguments)
        if path == paths[1].as_posix():
            house.session.set_folders([], [lsp.WorkspaceFolder(inner.as_uri(), "inner")])
        return report

    monkeypatch.setattr(engine, "check", removed_meanwhile)
    await house.scan()
    assert house.shown(own) == ["AIMET101"]
    assert not any(house.shown(path) for path in paths)


async def test_a_folder_goes_and_comes_with_the_same_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "nets"
    paths = [write(place / f"net{number:02}.py") for number in range(20)]
    house = House(monkeypatch, tmp_path)
    await house.scan()
    for together in (True, False):
        for path in paths:
            path.unlink()
        place.rmdir()
        house.on_disk((place, DELETED))
        for path in paths[1:]:
            write(path, "plain(1)\n" if together else "relu(1)\n")
        house.on_disk((place, CREATED))
        await house.rest()
        assert house.shown(paths[0]) == []
        assert {code for path in paths[1:] for code in house.shown(path)} == {"AIMET204" if together else "AIMET101"}
        write(paths[0])
        house.on_disk((paths[0], CREATED))
        await house.rest()
        assert house.shown(paths[0]) == ["AIMET101"]


async def test_packages_that_are_installed_are_not_walked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path / ".venv" / "pyvenv.cfg", "")
    package = tmp_path / ".venv" / "lib" / "torch"
    write(package / "net.py")
    house = House(monkeypatch, tmp_path)
    walked: list[str] = []
    monkeypatch.setattr(files, "below", lambda path: walked.append(path) or [])
    house.on_disk((package, CREATED), (package / "functional", CREATED))
    await house.rest()
    assert not walked


async def test_a_file_turns_unreadable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write(tmp_path / "net.py")
    house = House(monkeypatch, tmp_path)
    await house.scan()
    path.write_bytes(b"# coding: nonsense\nrelu(1)\n")
    house.on_disk((path, CHANGED))
    await house.rest()
    assert house.shown(path) == []
    write(path)
    house.on_disk((path, CHANGED))
    await house.rest()
    assert house.shown(path) == ["AIMET101"]


async def test_a_file_turns_unreadable_before_the_scan_reads_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = write(tmp_path / "net.py")
    house = House(monkeypatch, tmp_path)
    await house.scan()
    path.write_bytes(b"# coding: nonsense\nrelu(1)\n")
    await house.scan()
    assert house.shown(path) == []


async def test_an_open_file_is_renamed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old, new = write(tmp_path / "old.py"), tmp_path / "new.py"
    for told_first in (True, False):
        house = House(monkeypatch, tmp_path)
        house.open(old.as_uri(), "relu(1)\n")
        await house.scan()
        assert house.shown(old) == ["AIMET101"]
        old.rename(new)
        if told_first:
            house.on_disk((old, DELETED), (new, CREATED))
        house.session.close_document(old.as_uri())
        house.open(new.as_uri(), "relu(1)\n")
        if not told_first:
            house.on_disk((old, DELETED), (new, CREATED))
        await house.rest()
        assert house.shown(old) == [] and house.shown(new) == ["AIMET101"]
        new.rename(old)


async def test_a_document_is_closed_before_it_is_answered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    house = House(monkeypatch, tmp_path)
    await house.scan()
    unsaved, saved = tmp_path / "unsaved.py", write(tmp_path / "saved.py", "plain(1)\n")
    house.busy = True  # a message waits: the one that closes them
    house.open(unsaved.as_uri(), "relu(1)\n")
    house.open(saved.as_uri(), "relu(1)\n")
    await asyncio.sleep(0.01)
    assert not house.sent
    house.session.close_document(unsaved.as_uri())
    house.session.close_document(saved.as_uri())
    house.busy = False
    await house.rest()
    assert house.shown(unsaved) == [] and house.shown(saved) == ["AIMET204"]
    assert not house.session.scheduler.busy


async def test_a_document_is_closed_whose_uri_is_spelled_another_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = write(tmp_path / "net+v2.py")
    spelled = path.as_uri().replace("%2B", "+")
    assert spelled != path.as_uri()
    house = House(monkeypatch, tmp_path)
    house.open(spelled, "relu(1)\n")
    await house.scan()
    assert house.shown(spelled) == ["AIMET101"]
    house.session.close_document(spelled)
    await house.rest()
    assert house.shown(spelled) == [] and house.shown(path) == ["AIMET101"]


async def test_an_answer_that_fails_keeps_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    house = House(monkeypatch, tmp_path)
    show = house.session.publisher.show

    def fails(path: str, *arguments: Any, **options: Any) -> None:
        if path.endswith("bad.py"):
            raise RuntimeError("it could not be written")
        show(path, *arguments, **options)

    monkeypatch.setattr(house.session.publisher, "show", fails)
    for name in ("bad.py", "net.py"):
        house.open((tmp_path / name).as_uri(), "relu(1)\n")
    await house.until(lambda: house.shown(tmp_path / "net.py"))
    assert not house.session.scheduler.busy
    bad, net = write(tmp_path / "part" / "bad.py"), write(tmp_path / "part" / "net.py")
    house.on_disk((bad, CREATED), (net, CREATED))
    await house.until(lambda: house.shown(net))


async def test_a_scan_that_is_given_up_does_not_end_the_next_one_s_reading(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(tmp_path / "net.py")
    house = House(monkeypatch, tmp_path)
    scanner = house.session.scanner
    seen: list[bool] = []
    original = files.read

    def read(path: str) -> str | None:
        seen.append(scanner.indexing)
        return original(path)

    monkeypatch.setattr(files, "read", read)

    async def slow_to_end(_self: object) -> None:
        try:
            await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            for _ in range(3):
                await asyncio.sleep(0)
            raise

    monkeypatch.setattr(scan._Progress, "begin", slow_to_end)
    scanner.start()
    await asyncio.sleep(0.005)
    await house.scan()
    assert seen == [True]


async def test_a_walk_ends_with_its_scan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / f"part{number}" / "net.py")
    house = House(monkeypatch, tmp_path)
    walk, going, stopped = files.walk, threading.Event(), threading.Event()
    walked: list[str] = []

    def slow(*arguments: Any) -> Iterator[str]:
        for path in walk(*arguments):
            walked.append(path)
            going.set()
            assert stopped.wait(5)
            yield path

    monkeypatch.setattr(files, "walk", slow)
    house.session.scanner.start()
    await house.until(going.is_set)
    house.session.scanner.stop()
    await house.session.scanner.finished()
    stopped.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert len(walked) == 1
