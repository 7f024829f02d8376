"""What is kept on disk for the next run, and when it counts no more."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest
from aimet_guidelines import cache, changes, engine, jobs
from aimet_guidelines.config import Config
from aimet_guidelines.engine import Project
from aimet_guidelines.finding import Report

ROOT = "/project"
CONFIG = Config(root=ROOT)
_PART = (
    "import torch.nn.functional as F\nfrom torch import nn\n\n\nclass Part(nn.Module):\n"
    "    def __init__(self):\n        super().__init__()\n        self.fc = nn.Linear(4, 4)\n\n"
    "    def forward(self, x, mask=None):\n        x = self.fc(x)\n        if mask is not None:\n"
    "            x = F.relu(x)\n        return x\n"
)
_WHOLE = (
    "from torch import nn\n\nfrom part import Part\n\n\nclass Whole(nn.Module):\n"
    "    def __init__(self):\n        super().__init__()\n        self.part = Part()\n\n"
    "    def forward(self, x):\n        return self.part(x)\n"
)
_OTHER = (
    "import torch\nfrom torch import nn\n\n\nclass Other(nn.Module):\n    def forward(self, x):\n        return x\n"
)
_REGISTERS = "from aimet_torch.nn import QuantizationMixin\nfrom part import Part\n\nQuantizationMixin.ignore(Part)\n"
FILES = {"part.py": _PART, "whole.py": _WHOLE, "other.py": _OTHER}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMET_GUIDELINES_CACHE_DIR", str(tmp_path / "kept"))


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were really checked."""
    names: list[str] = []
    check = engine.check

    def noting(path: str, project: Project, config: Config, provisional: bool = False) -> Report:
        names.append(path.rpartition("/")[2])
        return check(path, project, config, provisional)

    monkeypatch.setattr(engine, "check", noting)
    return names


def _run(files: Mapping[str, str], config: Config = CONFIG, processes: int = 1) -> dict[str, Report]:
    project = Project.empty(ROOT).updated({f"{ROOT}/{name}": text for name, text in files.items()})
    tasks = [(path, project, config) for path in project.paths]
    return {report.path.rpartition("/")[2]: report for report in jobs.check_each(tasks, processes, keep=True)}


def test_names_that_are_no_unicode_are_kept_too(checked: list[str]) -> None:
    files = {"n\udcc3.py": _PART, "other.py": _OTHER}
    first = _run(files)
    checked.clear()
    assert _run(files) == first and checked == []
    assert _run({**files, "whole.py": _WHOLE}).keys() == {*files, "whole.py"}
    assert "n\udcc3.py" not in checked


def _afresh(files: Mapping[str, str], config: Config = CONFIG) -> dict[str, Report]:
    project = Project.empty(ROOT).updated({f"{ROOT}/{name}": text for name, text in files.items()})
    return {path.rpartition("/")[2]: engine.check(path, project, config) for path in project.paths}


def _same(kept: dict[str, Report], fresh: dict[str, Report]) -> bool:
    return {name: each.findings for name, each in kept.items()} == {name: each.findings for name, each in fresh.items()}


def test_an_unchanged_file_is_not_checked_again(checked: list[str]) -> None:
    first = _run(FILES)
    assert sorted(checked) == sorted(FILES)
    checked.clear()
    again = _run(FILES)
    assert checked == []
    assert _same(again, first)


def test_a_change_is_followed_to_the_files_that_it_concerns(checked: list[str]) -> None:
    _run(FILES)
    checked.clear()
    edited = {**FILES, "whole.py": _WHOLE.replace("self.part(x)", "self.part(x, mask=x)")}
    kept = _run(edited)
    assert sorted(checked) == ["part.py", "whole.py"]  # what callers pass decides what `Part` does
    assert [finding.code for finding in kept["part.py"].findings] == ["AIMET101"]
    assert _same(kept, _afresh(edited))


@pytest.mark.parametrize(
    "edited",
    [
        {**FILES, "part.py": "# a line above\n" + _PART},
        {**FILES, "part.py": _PART.replace("mask=None", "mask=1")},
        {**FILES, "other.py": _OTHER + "\n\ndef use(x):\n    return Whole()(x)\n"},
        {**FILES, "new.py": "from part import Part\n\n\ndef f(x):\n    return Part()(x, x)\n"},
        {"part.py": _PART, "whole.py": _WHOLE},
        {**FILES, "other.py": _REGISTERS},
    ],
    ids=["moved", "default", "import", "added", "removed", "registered"],
)
def test_no_stale_finding_after(edited: dict[str, str]) -> None:
    _run(FILES)
    assert _same(_run(edited), _afresh(edited))
    assert _same(_run(FILES), _afresh(FILES))


_HELPER = "import torch.nn.functional as F\n\n\ndef gate(x):\n    return F.relu(x)\n"
_USER = (
    "from torch import nn\n\nfrom flags import ON\nfrom helper import gate\n\n\nclass User(nn.Module):\n"
    "    def forward(self, x):\n        return gate(x) if ON else x\n"
)


@pytest.mark.parametrize(("before", "after"), [("True", "False"), ("False", "True")])
def test_no_stale_finding_where_models_were_let_go_before_what_they_use_was_checked(
    before: str, after: str, checked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_LARGE", 0)
    monkeypatch.setattr(jobs, "_BATCH", 0)
    files = {"flags.py": f"ON = {before}\n", "helper.py": _HELPER, "user.py": _USER}
    edited = {**files, "flags.py": f"ON = {after}\n"}
    first = _run(files)
    assert checked == ["user.py", "flags.py", "helper.py"]
    assert not _same(first, _afresh(edited))
    assert _same(_run(edited), _afresh(edited))


def test_a_file_that_rests_on_nothing_is_kept_as_others_are(checked: list[str]) -> None:
    files = {"__init__.py": "", **FILES, "zero.py": ""}
    _run(files)
    checked.clear()
    edited = {**files, "whole.py": _WHOLE.replace("self.part(x)", "self.part(x, mask=x)")}
    kept = _run(edited)
    assert sorted(checked) == ["part.py", "whole.py"]
    assert _same(kept, _afresh(edited))


def test_an_edit_that_says_nothing_else_of_a_class_leaves_its_report(checked: list[str]) -> None:
    files = {**FILES, "script.py": "from part import Part\n\n\ndef main():\n    print(Part())\n    return 1\n"}
    _run(files)
    checked.clear()
    edited = {**files, "script.py": files["script.py"].replace("return 1", "return 2")}
    kept = _run(edited)
    assert checked == ["script.py"]
    assert _same(kept, _afresh(edited))


_MASKED = (
    "from torch import nn\n\nfrom part import Part\n\n\nclass Masked(nn.Module):\n"
    "    def __init__(self):\n        super().__init__()\n        self.part = Part()\n\n"
    "    def forward(self, x, mask=None):\n        return {}\n"
)
_HOLDS = (
    _WHOLE.replace("part import Part", "whole import Whole").replace("Part()", "Whole()").replace("Whole(nn", "Top(nn")
)


@pytest.mark.parametrize(
    ("before", "after", "others"),
    [
        (None, "self.part(x)", []),
        (None, "self.part(x, mask=mask)", ["top.py", "whole.py"]),
        ("self.part(x)", "self.part(x) + 1", []),
        ("self.part(x)", "self.part(x, mask)", ["top.py", "whole.py"]),
        ("self.part(x, mask)", "self.part(x, mask=mask)", ["top.py", "whole.py"]),
        ("self.part(x, mask)", None, ["top.py", "whole.py"]),
    ],
    ids=["no mask comes", "a mask comes", "no mask", "a mask", "the mask otherwise", "the mask goes"],
)
def test_what_a_new_or_edited_caller_does_not_pass_leaves_what_holds_a_class(
    before: str | None, after: str | None, others: list[str], checked: list[str]
) -> None:
    texts = {"part.py": _PART, "whole.py": _WHOLE, "top.py": _HOLDS}
    first, then = ({**texts, "a.py": _MASKED.format(said)} if said else texts for said in (before, after))
    _run(first)
    checked.clear()
    kept = _run(then)
    assert [name for name in sorted(checked) if name not in ("a.py", "part.py")] == others
    assert _same(kept, _afresh(then))


_PUBLIC = _PART + "\n    def features(self, x):\n        return F.relu(x)\n"
_CALLS = "from part import Part\n\n\ndef run(x):\n    part = Part()\n    return part.{}(x)\n"


@pytest.mark.parametrize("called", ["features", "other"])
def test_whether_a_new_file_calls_a_method_is_asked_of_it(called: str, checked: list[str]) -> None:
    texts = {"part.py": _PUBLIC, "whole.py": _WHOLE, "top.py": _HOLDS}
    _run(texts)
    checked.clear()
    edited = {**texts, "new.py": _CALLS.format(called)}
    kept = _run(edited)
    assert ("whole.py" in checked) is (called == "features")
    assert _same(kept, _afresh(edited))


_STEP = (
    "import torch.nn.functional as F\n\n\ndef step(x):\n    return F.relu(x)\n\n\ndef more(x):\n    return F.relu(x)\n"
)
_BASE = "from torch import nn\n\n\nclass Base(nn.Module):\n    def forward(self, x):\n        return x\n"
_MODEL = (
    "from base import Base\nfrom step import more, step\n\n\nclass Model(Base):\n    def extra(self, x):\n"
    "        return step(x)\n\n    def last(self, x):\n        return more(x)\n"
)


def test_a_model_that_goes_on_to_leave_a_helper_alone_leaves_its_report(checked: list[str]) -> None:
    files = {"step.py": _STEP, "base.py": _BASE, "model.py": _MODEL}
    _run(files)
    for number in range(2):
        checked.clear()
        files["base.py"] = files["base.py"].replace("return x", "x = x + 1\n        return x")
        kept = _run(files)
        assert sorted(checked) == ["base.py", "model.py"], number
        assert _same(kept, _afresh(files))


@pytest.mark.parametrize("earlier", ["x", "self.last(x)"], ids=["none of a file", "another of the file"])
@pytest.mark.parametrize("left_alone", [0, 1, 2])
def test_a_model_that_comes_to_run_a_helper_shows_there(earlier: str, left_alone: int, checked: list[str]) -> None:
    base = _BASE.replace("return x", f"return {earlier}")
    files = {"step.py": _STEP, "base.py": base, "model.py": _MODEL}
    _run(files)
    for _ in range(left_alone):
        files["base.py"] = files["base.py"].replace("        return", "        x = x + 1\n        return")
        _run(files)
    before = _afresh(files)
    files["base.py"] = files["base.py"].replace(f"return {earlier}", "return self.extra(x)")
    checked.clear()
    kept = _run(files)
    assert "step.py" in checked
    assert _same(kept, _afresh(files))
    assert not _same(kept, before)


def test_models_are_not_read_without_end_to_find_out_which_reports_hold(
    checked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_MOST_READ", 0)
    files = {"step.py": _STEP, "base.py": _BASE, "model.py": _MODEL}
    _run(files)
    checked.clear()
    files["base.py"] = _BASE.replace("return x", "return x + 1")
    kept = _run(files)
    assert sorted(checked) == ["base.py", "model.py", "step.py"]
    assert _same(kept, _afresh(files))


def test_what_several_processes_found_is_kept(checked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_WORTH_IT", 4)
    files = {f"part{number}.py": _PART for number in range(8)}
    files |= {f"whole{number}.py": _WHOLE.replace("from part ", f"from part{number} ") for number in range(8)}
    before = _run(files, processes=2)
    assert checked == []  # not in this process
    assert _same(_run(files), before)
    assert checked == []
    edited = {**files, "part3.py": _PART.replace("mask=None", "mask=1")}
    kept = _run(edited)
    assert sorted(checked) == ["part3.py", "whole3.py"]
    assert _same(kept, _afresh(edited))


def test_what_others_found_meanwhile_in_other_files_is_not_mixed_with_what_is_found(checked: list[str]) -> None:
    edited = {**FILES, "part.py": _PART.replace("F.relu", "F.gelu")}
    project = Project.empty(ROOT).updated({f"{ROOT}/{name}": text for name, text in FILES.items()})
    running = jobs.check_each([(path, project, CONFIG) for path in project.paths], 1, keep=True)
    next(running)
    _run(edited)
    list(running)
    assert _same(_run(edited), _afresh(edited))
    assert _same(_run(FILES), _afresh(FILES))


def test_other_settings_have_their_own_reports(checked: list[str]) -> None:
    _run(FILES)
    checked.clear()
    config = Config(root=ROOT, ignore=("AIMET303",))
    assert _same(_run(FILES, config), _afresh(FILES, config))
    checked.clear()
    _run(FILES)
    _run(FILES, config)
    assert checked == []


def test_another_version_of_the_program_checks_anew(checked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _run(FILES)
    checked.clear()
    monkeypatch.setattr(cache, "_program", lambda: b"another")
    _run(FILES)
    assert sorted(checked) == sorted(FILES)


def _database() -> Path:
    (file,) = cache.folder().glob("*.sqlite")
    return file


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(4000)])
def test_a_broken_database_is_made_anew(content: bytes, checked: list[str]) -> None:
    first = _run(FILES)
    for file in cache.folder().iterdir():
        file.write_bytes(content) if file.suffix == ".sqlite" else file.unlink()
    assert _same(_run(FILES), first)
    checked.clear()
    _run(FILES)
    assert checked == []


def test_a_broken_report_is_checked_anew(checked: list[str]) -> None:
    first = _run(FILES)
    with sqlite3.connect(_database()) as connection:
        connection.execute("UPDATE reports SET report=?", (b"broken",))
    connection.close()
    checked.clear()
    assert _same(_run(FILES), first)
    assert sorted(checked) == sorted(FILES)


def test_a_locked_database_keeps_nobody_from_checking(monkeypatch: pytest.MonkeyPatch) -> None:
    first = _run(FILES)
    monkeypatch.setattr(cache, "_BUSY_SECONDS", 0.05)
    connection = sqlite3.connect(_database())
    connection.execute("BEGIN EXCLUSIVE")
    try:
        assert _same(_run(FILES), first)
    finally:
        connection.close()


def test_a_folder_that_cannot_be_written_keeps_nobody_from_checking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AIMET_GUIDELINES_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert _same(_run(FILES), _afresh(FILES))
