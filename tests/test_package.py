"""What package.json declares holds together with the server, the client and the other files that repeat it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import aimet_guidelines
import pytest
from aimet_guidelines import layers
from aimet_guidelines.lsp import commands
from aimet_guidelines.lsp import settings as editor
from aimet_guidelines.settings import Settings
from aimet_guidelines.suppression import directives
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
MANIFEST: dict[str, Any] = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
SECTION = "aimetGuidelines."
DECLARED: dict[str, dict[str, Any]] = {
    name.removeprefix(SECTION): schema
    for name, schema in MANIFEST["contributes"]["configuration"]["properties"].items()
}

# Read by the client alone.
CLIENT = {"interpreter", "trace.server"}
# Of pyproject.toml and the command line alone: nothing fails in an editor, and unsafe repairs are picked one by one.
NOT_IN_EDITOR = {"failOn", "unsafeFixes"}


def camel(key: str) -> str:
    first, *others = key.split("-")
    return first + "".join(map(str.capitalize, others))


def client_sources() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "client" / "src").glob("*.ts")))


def wrong_value(schema: dict[str, Any]) -> object:
    """A value of another type than the setting has."""
    return "yes, please" if schema["type"] in ("boolean", "array", "object") else 12345


def test_every_setting_is_in_the_section() -> None:
    assert all(name.startswith(SECTION) for name in MANIFEST["contributes"]["configuration"]["properties"])


def test_the_settings_of_the_two_sides_are_the_same() -> None:
    shared = {camel(key) for key in layers.KEYS} - NOT_IN_EDITOR
    assert shared <= DECLARED.keys()
    read_by_server = {name for name, schema in DECLARED.items() if editor.read({name: wrong_value(schema)}).problems}
    assert read_by_server == DECLARED.keys() - CLIENT


@pytest.mark.parametrize("name", sorted(DECLARED.keys() - CLIENT))
def test_declared_defaults_are_the_servers(name: str) -> None:
    default, nothing = editor.read({name: DECLARED[name]["default"]}), editor.read({})
    assert default.problems == ()
    assert checked_with(default) == checked_with(nothing)


def checked_with(settings: editor.EditorSettings) -> tuple[object, ...]:
    """What a file is checked with under the editor's settings, and what only the server needs of them."""
    config = Settings(editor=settings.layer).config_for("/somewhere/net.py")
    return (
        config,
        settings.run,
        settings.diagnostic_mode,
        settings.log_level,
        settings.code_lens,
        settings.show_unsafe_fixes,
    )


CHOICES = [(name, value) for name, schema in DECLARED.items() if name not in CLIENT for value in schema.get("enum", [])]


@pytest.mark.parametrize(("name", "value"), CHOICES)
def test_the_server_takes_every_choice(name: str, value: str) -> None:
    assert editor.read({name: value}).problems == ()


def test_the_server_takes_every_severity() -> None:
    for severity in DECLARED["severity"]["additionalProperties"]["enum"]:
        assert editor.read({"severity": {"AIMET101": severity}}).problems == ()
    assert editor.read({"severity": {"AIMET101": "fatal"}}).problems != ()


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_every_setting_is_described(name: str) -> None:
    schema = DECLARED[name]
    assert schema["markdownDescription"].endswith(".")
    assert schema["scope"] in ("resource", "window", "machine-overridable")
    assert len(schema.get("enumDescriptions", schema.get("enum", []))) == len(schema.get("enum", []))
    for other in re.findall(r"#aimetGuidelines\.([\w.]+)#", schema["markdownDescription"]):
        assert other in DECLARED


def test_what_names_a_program_is_restricted_in_untrusted_workspaces() -> None:
    trust = MANIFEST["capabilities"]["untrustedWorkspaces"]
    assert trust["supported"] == "limited"
    assert trust["restrictedConfigurations"] == [f"{SECTION}interpreter"]
    assert DECLARED["interpreter"]["scope"] == "machine-overridable"


def test_commands_are_those_that_the_client_registers() -> None:
    declared = {entry["command"].removeprefix(SECTION) for entry in MANIFEST["contributes"]["commands"]}
    source = (ROOT / "client" / "src" / "commands.ts").read_text(encoding="utf-8")
    table = source.partition("const commands")[2].partition("};")[0]
    registered = set(re.findall(r"^    (\w+): ", table, re.MULTILINE))
    assert registered == declared
    used = set(re.findall(r"'aimetGuidelines\.(\w+)'", client_sources()))
    assert used <= declared | {"findings", "interpreter"}  # the other two are status items


def test_server_commands_exist_and_do_not_collide() -> None:
    used = set(re.findall(r"'(aimetGuidelines\.server\.\w+)'", client_sources()))
    assert used
    assert used <= commands.COMMANDS.keys()
    declared = {entry["command"] for entry in MANIFEST["contributes"]["commands"]}
    assert not declared & commands.COMMANDS.keys()


def test_one_version() -> None:
    assert MANIFEST["version"] == aimet_guidelines.__version__
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    assert lock["version"] == MANIFEST["version"]


def test_the_types_are_those_of_the_oldest_editor() -> None:
    assert MANIFEST["engines"]["vscode"] == f"^{MANIFEST['devDependencies']['@types/vscode']}"


def test_npm_packages_are_locked_without_addresses() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert not [name for name, package in packages.items() if name and "integrity" not in package]
    exact = re.compile(r"\d+\.\d+\.\d+$")
    assert all(map(exact.match, {**MANIFEST["dependencies"], **MANIFEST["devDependencies"]}.values()))


def locked(name: str) -> dict[str, set[str]]:
    """The pins of a lock file: versions by package; every one has a hash."""
    pins: dict[str, set[str]] = {}
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            assert " --hash=sha256:" in line, line
            assert "//" not in line
            requirement = Requirement(line.partition(" --hash")[0])
            pins.setdefault(requirement.name, set()).add(str(requirement.specifier))
    return pins


def test_python_packages_are_locked() -> None:
    runtime, dev = locked("runtime.txt"), locked("dev.txt")
    assert {name: dev.get(name) for name in runtime} == runtime
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in map(Requirement, project["dependencies"]):
        for specifier in runtime[requirement.name]:
            assert requirement.specifier.contains(specifier.removeprefix("=="))


GRAMMAR = json.loads((ROOT / "syntaxes" / "aimet-ignore.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "comment",
    [
        "# aimet: ignore",
        "#aimet:ignore",
        "# aimet: ignore[AIMET101]",
        "# aimet: ignore[AIMET101, reused-module]",
        "# aimet: ignore-file",
        "# aimet: ignore-file[AIMET2]",
        "# noqa: E501  # aimet: ignore[functional-layer]",
        "# AIMET: Ignore[aimet101]",
    ],
)
def test_the_grammar_colours_what_is_read_as_an_ignore_comment(comment: str) -> None:
    (read,) = directives(f"x = 1  {comment}\n").all
    assert not read.mistake
    (pattern,) = GRAMMAR["patterns"]
    match = re.search(pattern["match"], comment)
    assert match is not None
    assert match.group(3).lower() == ("ignore-file" if read.whole_file else "ignore")
    inner = [re.compile(part["match"]) for part in pattern["captures"]["5"]["patterns"]]
    for code in read.codes or ():
        assert any(part.fullmatch(code.text) for part in inner), code.text


@pytest.mark.parametrize("comment", ["# this aimet: ignore", "# aimet ignore", "# aimet: ignored", "# see aimet"])
def test_the_grammar_leaves_other_comments_alone(comment: str) -> None:
    assert re.search(GRAMMAR["patterns"][0]["match"], comment) is None
    assert not [read for read in directives(f"x = 1  {comment}\n").all if not read.mistake]
