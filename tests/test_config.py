"""Settings: what each source may say, how they merge, how mistakes are named, what requirements tell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from aimet_guidelines.config import Config
from aimet_guidelines.finding import Severity
from aimet_guidelines.layers import Layer, from_editor, read_layer, read_pyproject
from aimet_guidelines.requirements import parse_requirement
from aimet_guidelines.settings import Settings, may_fix, merge, project_root


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# Which rules are on


@pytest.mark.parametrize(
    ("select", "ignore", "on"),
    [
        (("AIMET",), (), True),
        (("AIMET",), ("AIMET1",), False),
        (("AIMET101",), ("AIMET1",), True),
        (("AIMET1",), ("AIMET101",), False),
        (("AIMET101",), ("AIMET101",), False),
        (("AIMET2",), (), False),
        (("functional-layer",), ("AIMET1",), True),
        (("AIMET",), ("functional-layer",), False),
        ((), (), False),
    ],
)
def test_the_longest_match_decides_and_ignore_wins_ties(
    select: tuple[str, ...], ignore: tuple[str, ...], on: bool
) -> None:
    assert Config(select=select, ignore=ignore).active("AIMET101", "functional-layer") is on


def test_a_severity_replaces_the_default_or_switches_off() -> None:
    config = Config(severity=(("AIMET101", Severity.ERROR), ("AIMET102", None)))
    assert config.severity_of("AIMET101", Severity.WARNING) is Severity.ERROR
    assert config.severity_of("AIMET103", Severity.WARNING) is Severity.WARNING
    assert config.active("AIMET101")
    assert not config.active("AIMET102")


def test_per_file_ignores_are_relative_to_the_root() -> None:
    config = Config(root="/w", per_file_ignores=(("tests/", ("AIMET1",)), ("*_old.py", ("AIMET204",))))
    assert not config.enabled("AIMET101", "", "/w/tests/unit/net.py")
    assert config.enabled("AIMET204", "", "/w/tests/unit/net.py")
    assert not config.enabled("AIMET204", "", "/w/a/net_old.py")
    assert config.enabled("AIMET101", "", "/elsewhere/tests/net.py")


def test_exclude_names_folders_and_files() -> None:
    config = Config(root="/w", exclude=("build", "*_pb2.py"))
    assert config.excluded("/w/a/build/x.py")
    assert config.excluded("/w/x_pb2.py")
    assert not config.excluded("/w/x.py")


# Reading


def test_every_key_is_read() -> None:
    text = """
[tool.aimet-guidelines]
select = ["AIMET1", "onnx-export"]
ignore = ["aimet102"]
exclude = ["legacy/"]
aimet-version = "2.x"
aimet-modules = "always"
fail-on = "error"
fix-all = true
unsafe-fixes = true

[tool.aimet-guidelines.severity]
AIMET204 = "off"
functional-layer = "error"

[tool.aimet-guidelines.per-file-ignores]
"tests/*" = ["AIMET1"]
"""
    layer, mistakes = read_pyproject(text)
    assert mistakes == []
    assert layer == Layer(
        select=("AIMET1", "AIMET201"),
        ignore=("AIMET102",),
        severity=(("AIMET204", None), ("AIMET101", Severity.ERROR)),
        per_file_ignores=(("tests/*", ("AIMET1",)),),
        exclude=("legacy/",),
        aimet_version="2.x",
        aimet_modules="always",
        fail_on=Severity.ERROR,
        fix_all=True,
        unsafe_fixes=True,
    )


@pytest.mark.parametrize(
    ("body", "line", "expected"),
    [
        ('selct = ["AIMET101"]', 2, 'selct is not a setting; did you mean "select"?'),
        ('select = "AIMET101"', 2, 'select must be a list of strings: write ["AIMET101"]'),
        (
            'select = [\n  "AIMET101",\n  "AIMET1O2",\n]',
            4,
            'select: "AIMET1O2" is not a rule; did you mean "AIMET102"?',
        ),
        ("ignore = [1]", 2, "ignore: 1 is not a string"),
        ('aimet-version = "3.x"', 2, "aimet-version cannot be '3.x': it is one of auto, 1.x, 2.x"),
        ("# a comment\nunsafe-fixes = 1", 3, "unsafe-fixes must be true or false, not 1"),
        ('fail-on = "warnings"', 2, 'did you mean "warning"?'),
        ('severity = { AIMET101 = "fatal" }', 2, "severity: AIMET101 cannot be 'fatal'"),
        ('severity.AIMET101 = "info"', 2, 'did you mean "information"?'),
        ('[tool.aimet-guidelines.severity]\nAIMET101 = "error"\nAIMET999 = "off"', 4, '"AIMET999" is not a rule'),
        ('[tool.aimet-guidelines.per-file-ignores]\n"a.py" = ["nope-rule"]', 3, '"nope-rule" is not a rule'),
        ('aimet-modules = "alway"', 2, 'did you mean "always"?'),
        ("exclude = true", 2, "exclude must be a list of strings, not true or false"),
    ],
)
def test_mistakes_are_named_on_their_line_and_the_default_kept(body: str, line: int, expected: str) -> None:
    layer, mistakes = read_pyproject(f"# a project\n[tool.aimet-guidelines]\n{body}\n")
    assert layer is not None
    assert [number for number, _ in mistakes] == [line]
    assert expected in mistakes[0][1]


def test_what_is_right_beside_a_mistake_is_kept() -> None:
    layer, mistakes = read_layer({"select": ["AIMET101", "AIMETX"], "fail-on": "error", "exclude": "x"})
    assert (layer.select, layer.fail_on, layer.exclude) == (("AIMET101",), Severity.ERROR, None)
    assert len(mistakes) == 2


def test_a_select_of_nothing_but_mistakes_keeps_the_default() -> None:
    assert read_layer({"select": ["AIMETX"]})[0].select is None


def test_text_that_is_not_toml_is_a_mistake_on_its_line() -> None:
    layer, [(line, message)] = read_pyproject('[project]\nname = "x"\nbroken = \n')
    assert layer == Layer()
    assert line == 2
    assert "not valid TOML" in message


def test_a_file_without_our_table_says_nothing() -> None:
    assert read_pyproject("[tool.ruff]\nselect = 1\n") == (None, [])


def test_the_editors_settings_go_through_the_same_checks() -> None:
    settings = {
        "select": [],
        "severity": {"AIMET101": "error"},
        "perFileIgnores": {"a.py": ["AIMET101"]},
        "aimetVersion": "1.x",
        "unsafeFixes": "yes",
        "logLevel": "debug",
    }
    layer, problems = from_editor(settings)
    assert layer == Layer(
        severity=(("AIMET101", Severity.ERROR),),
        per_file_ignores=(("a.py", ("AIMET101",)),),
        aimet_version="1.x",
    )
    assert problems == ["setting aimetGuidelines.unsafeFixes must be true or false, not 'yes'"]


# Merging


def test_later_layers_win_key_by_key() -> None:
    merged = merge([Layer(select=("AIMET1",), exclude=("a",)), Layer(exclude=("b",)), Layer(select=("AIMET2",))])
    assert (merged.select, merged.exclude) == (("AIMET2",), ("b",))


def test_a_select_sets_aside_what_earlier_layers_ignore() -> None:
    lower = Layer(ignore=("AIMET101",), severity=(("AIMET101", None), ("AIMET102", None)))
    merged = merge([lower, Layer(), Layer(select=("AIMET101",))])
    config = Config(select=merged.select or (), ignore=merged.ignore or (), severity=merged.severity or ())
    assert config.active("AIMET101")
    assert not config.active("AIMET102")


def test_an_ignore_flag_adds_and_a_projects_ignore_replaces_the_editors() -> None:
    layers = [Layer(ignore=("AIMET204",)), Layer(ignore=("AIMET101",)), Layer(ignore=("AIMET102",))]
    assert merge(layers).ignore == ("AIMET101", "AIMET102")


def test_severities_merge_rule_by_rule() -> None:
    layers = [
        Layer(severity=(("AIMET101", Severity.ERROR), ("AIMET102", None))),
        Layer(severity=(("AIMET102", Severity.ERROR),)),
    ]
    assert dict(merge([*layers, Layer()]).severity or ()) == {"AIMET101": Severity.ERROR, "AIMET102": Severity.ERROR}


# Files


def test_the_nearest_pyproject_with_our_table_applies(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[tool.aimet-guidelines]\nselect = ["AIMET1"]\n')
    write(tmp_path / "inner" / "pyproject.toml", '[tool.aimet-guidelines]\nselect = ["AIMET2"]\n')
    write(tmp_path / "other" / "pyproject.toml", "[project]\nname = 'x'\n")
    settings = Settings()
    assert settings.config_for((tmp_path / "net.py").as_posix()).select == ("AIMET1",)
    inner = settings.config_for((tmp_path / "inner" / "deep" / "net.py").as_posix())
    assert (inner.select, inner.root) == (("AIMET2",), (tmp_path / "inner").as_posix())
    assert settings.config_for((tmp_path / "other" / "net.py").as_posix()).select == ("AIMET1",)


def test_flags_over_pyproject_over_editor(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[tool.aimet-guidelines]\naimet-version = "1.x"\nfail-on = "error"\n')
    editor = Layer(aimet_version="2.x", fail_on=Severity.INFORMATION, unsafe_fixes=True)
    settings = Settings(Layer(fail_on=Severity.WARNING), editor)
    config = settings.config_for((tmp_path / "net.py").as_posix())
    assert (config.aimet_version, config.fail_on, config.unsafe_fixes) == ("1.x", Severity.WARNING, True)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    pyproject = write(tmp_path / "pyproject.toml", '[tool.aimet-guidelines]\nselect = ["AIMET1"]\n')
    now = 0.0
    settings = Settings(clock=lambda: now)
    path = (tmp_path / "net.py").as_posix()
    first = settings.config_for(path)
    write(pyproject, '[tool.aimet-guidelines]\nselect = ["AIMET20"]\n')
    assert settings.config_for(path) is first, "within the second nothing is looked at"
    now = 2.0
    assert settings.config_for(path).select == ("AIMET20",)
    os.unlink(pyproject)
    settings.forget()
    assert settings.config_for(path).select == ("AIMET",)


def test_an_unchanged_file_gives_the_same_config(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.aimet-guidelines]\n")
    settings = Settings(recheck=0)
    path = (tmp_path / "net.py").as_posix()
    assert settings.config_for(path) is settings.config_for(path)


def test_problems_carry_the_file(tmp_path: Path) -> None:
    pyproject = write(tmp_path / "pyproject.toml", "[tool.aimet-guidelines]\nselekt = []\n")
    config = Settings().config_for((tmp_path / "net.py").as_posix())
    assert config.pyproject == pyproject.as_posix()
    assert [line for line, _ in config.problems] == [1]


def test_the_project_root_is_the_nearest_of_both(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path / "a" / "pyproject.toml", "")
    inside = write(tmp_path / "a" / "b" / "net.py", "")
    assert project_root(inside.as_posix()) == (tmp_path / "a").as_posix()
    assert project_root((tmp_path / "c.py").as_posix()) == tmp_path.as_posix()


# Requirements


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("aimet-torch==1.35.1", "1.x"),
        ("AimetTorch==1.25", "1.x"),
        ("aimet_torch[onnx] >= 2.0, < 3 ; python_version > '3.9'", "2.x"),
        ("aimet-torch>=1.30,<2", "1.x"),
        ("aimet-torch>=1.30", "unknown"),
        ("aimet-torch~=2.4", "2.x"),
        ("aimet-torch", "unknown"),
        ('  "aimet-torch==2.42.0",', "2.x"),
        ('aimet-torch = "^1.34"', "1.x"),
        ('aimet-torch = { version = "~2.0", extras = ["x"] }', "2.x"),
        ("aimet-torch @ https://example.org/aimet_torch-1.35.0-cp310-cp310-linux_x86_64.whl", "1.x"),
        ("https://example.org/AimetTorch-torch_gpu_1.27.0-cp38-cp38-linux_x86_64.whl", "1.x"),
        ("AimetTorch-cpu==1.20", "1.x"),
    ],
)
def test_a_requirement_settles_the_version(line: str, version: str) -> None:
    assert parse_requirement(f"numpy==1.0\n{line}\n") == (True, version)


@pytest.mark.parametrize(
    "line", ["# aimet-torch==1.35", "aimet-torchvision==1.0", "my-aimet-torch-tools", 'name = "aimet-torch"']
)
def test_what_is_no_requirement(line: str) -> None:
    assert parse_requirement(line) == (False, "unknown")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "aimet-torch==1.35\n"),
        ("requirements-dev.txt", "aimet-torch==1.35\n"),
        ("requirements/base.txt", "torch\naimet-torch==1.35\n"),
        ("pyproject.toml", '[project]\ndependencies = [\n  "aimet-torch==1.35",\n]\n'),
        ("setup.cfg", "[options]\ninstall_requires =\n    aimet-torch==1.35\n"),
    ],
)
def test_the_version_comes_from_the_projects_requirements(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path / name, text)
    config = Settings().config_for((tmp_path / "pkg" / "net.py").as_posix(), installed="2.42.0")
    assert (config.aimet_version, config.aimet_available) == ("1.x", True)


def test_the_installed_version_counts_last_and_makes_nothing_available(tmp_path: Path) -> None:
    config = Settings().config_for((tmp_path / "net.py").as_posix(), installed="2.42.0")
    assert (config.aimet_version, config.aimet_available) == ("2.x", False)


@pytest.mark.parametrize(
    ("modules", "imported", "available"),
    [("auto", False, False), ("auto", True, True), ("never", True, False), ("always", False, True)],
)
def test_aimets_modules(tmp_path: Path, modules: str, imported: bool, available: bool) -> None:
    layer, _ = read_layer({"aimet-modules": modules})
    config = Settings(layer).config_for((tmp_path / "net.py").as_posix(), imported=imported)
    assert config.aimet_available is available


def test_fix_all_takes_some_rules_only_by_name() -> None:
    assert may_fix(Config(), "AIMET101")
    assert not may_fix(Config(), "AIMET301")
    assert not may_fix(Config(select=("AIMET3",)), "AIMET304")
    assert may_fix(Config(select=("AIMET304",)), "AIMET304")
    assert may_fix(Config(aimet_modules="always"), "AIMET301")
    assert not may_fix(Config(aimet_modules="always"), "AIMET304")
