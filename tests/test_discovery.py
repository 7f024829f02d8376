"""Which files a folder holds: ignore files at every level, virtual environments, links, exclusions."""

from __future__ import annotations

import os
import time
from pathlib import Path

from aimet_guidelines.discovery import walk


def make(root: Path, *names: str, **texts: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")


def ignore(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text(text, encoding="utf-8")


def found(root: Path, **options: object) -> list[str]:
    return [os.path.relpath(path, root).replace(os.sep, "/") for path in walk(root.as_posix(), **options)]  # type: ignore[arg-type]


def test_python_files_and_notebooks_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.py", "a.py", "n.ipynb", "x.txt", "x.pyc", "pkg/c.py")
    assert found(tmp_path) == ["a.py", "b.py", "n.ipynb", "pkg/c.py"]
    assert found(tmp_path, suffixes=(".py",)) == ["a.py", "b.py", "pkg/c.py"]


def test_what_is_never_the_users(tmp_path: Path) -> None:
    make(
        tmp_path,
        "a.py",
        ".hidden/x.py",
        "node_modules/x.py",
        "__pycache__/x.py",
        "lib/site-packages/x.py",
        "env/pyvenv.cfg",
        "env/x.py",
        "env/lib/y.py",
    )
    assert found(tmp_path) == ["a.py"]


def test_ignore_files_at_every_level(tmp_path: Path) -> None:
    (tmp_path / ".git" / "info").mkdir(parents=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("secret.py\n", encoding="utf-8")
    make(tmp_path, "a.py", "secret.py", "gen/x.py", "pkg/gen/x.py", "pkg/old.py", "pkg/keep_old.py", "pkg/sub/old.py")
    ignore(tmp_path, "/gen/\n*old.py\n# a comment\n")
    ignore(tmp_path / "pkg", "!keep_old.py\n")
    assert found(tmp_path) == ["a.py", "pkg/keep_old.py", "pkg/gen/x.py"]


def test_ignore_files_above_the_folder_count_within_a_repository(tmp_path: Path) -> None:
    make(tmp_path, "repo/pkg/a.py", "repo/pkg/b.py")
    ignore(tmp_path / "repo", "pkg/b.py\n")
    assert found(tmp_path / "repo" / "pkg") == ["a.py", "b.py"]
    (tmp_path / "repo" / ".git").mkdir()
    ignore(tmp_path, "a.py\n")
    assert found(tmp_path / "repo" / "pkg") == ["a.py"]


def test_an_ignored_folder_that_is_named_is_walked(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    make(tmp_path, "env/lib/site-packages/timm/a.py", "env/lib/site-packages/timm/b.py")
    ignore(tmp_path, "env/\n")
    ignore(tmp_path / "env/lib/site-packages/timm", "b.py\n")
    assert found(tmp_path) == []
    assert found(tmp_path / "env/lib/site-packages/timm") == ["a.py"]


def test_a_pattern_that_is_not_one_does_not_spoil_the_others(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "b.py")
    ignore(tmp_path, "!\nb.py\n")
    assert found(tmp_path) == ["a.py"]


def test_exclusions_are_relative_to_their_folder(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "x/a.py", "x/b.py", "y/x/b.py")
    assert found(tmp_path, exclude=[(tmp_path.as_posix(), ("/x/",))]) == ["a.py", "y/x/b.py"]
    assert found(tmp_path, exclude=[((tmp_path / "y").as_posix(), ("x",))]) == ["a.py", "x/a.py", "x/b.py"]


def test_the_nearest_settings_exclude(tmp_path: Path) -> None:
    make(tmp_path, "pyproject.toml", "a.py", "skip.py", "inner/pyproject.toml", "inner/skip.py", "inner/other.py")
    globs = {tmp_path.as_posix(): ("skip.py",), (tmp_path / "inner").as_posix(): ("other.py",)}
    assert found(tmp_path, excludes=lambda folder: (folder, globs[folder])) == ["a.py", "inner/skip.py"]


def test_links_are_followed_once_and_never_round(tmp_path: Path) -> None:
    make(tmp_path, "root/a/x.py", "outside/y.py")
    root = tmp_path / "root"
    (root / "a" / "up").symlink_to(root)
    (root / "again").symlink_to(root / "a")
    (root / "far").symlink_to(tmp_path / "outside")
    (root / "far2").symlink_to(tmp_path / "outside")
    (root / "gone.py").symlink_to(tmp_path / "nothing.py")
    assert found(root) == ["a/x.py", "far/y.py"]


def test_a_folder_that_cannot_be_listed_is_passed_over(tmp_path: Path) -> None:
    assert found(tmp_path / "nothing") == []


def test_thousands_of_files_take_well_under_a_second(tmp_path: Path) -> None:
    for package in range(60):
        make(tmp_path, *[f"p{package}/m{number}.py" for number in range(50)])
    (tmp_path / ".git").mkdir()
    ignore(tmp_path, "\n".join(f"pattern{number}" for number in range(20)))
    start = time.process_time()
    assert len(found(tmp_path)) == 3000
    assert time.process_time() - start < 1
