"""Makes the folder `bundled/` of one platform: the server, the packages it needs, and the script that starts it.

For libcst only the native modules differ between Pythons, so the wheels of every supported Python are unpacked into
one folder. The other packages are pure Python; what only some Pythons need is there for all.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")

# libcst imports a YAML parser only for its own command line's settings file.
LEFT_OUT = frozenset({"pyyaml", "pyyaml-ft"})
NATIVE = "libcst"

# Wheel platforms (best first), and what `sys_platform` and `platform_machine` are there.
TARGETS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "linux-x64": (("manylinux_2_28_x86_64", "manylinux2014_x86_64"), "linux", "x86_64"),
    "linux-arm64": (("manylinux_2_28_aarch64", "manylinux2014_aarch64"), "linux", "aarch64"),
    "alpine-x64": (("musllinux_1_2_x86_64",), "linux", "x86_64"),
    "alpine-arm64": (("musllinux_1_2_aarch64",), "linux", "aarch64"),
    "darwin-x64": (("macosx_11_0_x86_64", "macosx_10_15_x86_64"), "darwin", "x86_64"),
    "darwin-arm64": (("macosx_11_0_arm64",), "darwin", "arm64"),
    "win32-x64": (("win_amd64",), "win32", "AMD64"),
    "win32-arm64": (("win_arm64",), "win32", "ARM64"),
}


def locked(lock: str) -> list[tuple[Requirement, str]]:
    """Each requirement of a lock file, and its lines as they stand there (with the hashes)."""
    entries = lock.replace("\\\n", " ").splitlines()
    return [(Requirement(line.split(" --hash", 1)[0]), line) for line in entries if line and not line.startswith("#")]


def needed(lock: str, python: str, sys_platform: str, machine: str) -> dict[str, str]:
    """What one Python on one platform installs: the lock file's line of each package, by name, without the marker."""
    environment: dict[str, str] = {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "nt" if sys_platform == "win32" else "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}.get(sys_platform, ""),
        "platform_version": "",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": sys_platform,
    }
    lines = {}
    for requirement, line in locked(lock):
        if requirement.name in LEFT_OUT:
            continue
        if requirement.marker is None or requirement.marker.evaluate(environment):
            hashes = line.split(" --hash")[1:]
            lines[requirement.name] = f"{requirement.name}{requirement.specifier}" + "".join(
                f" --hash{value.rstrip()}" for value in hashes
            )
    return lines


def download(lines: list[str], folder: Path, python: str, abi: str, platforms: tuple[str, ...]) -> bool:
    """Downloads wheels for exactly that Python and platform; False where there is none."""
    requirements = folder / f"{abi}.txt"
    requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [sys.executable, "-I", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--require-hashes", "--requirement", str(requirements), "--dest", str(folder)]
    command += ["--python-version", python, "--implementation", "cp" if abi != "none" else "py", "--abi", abi]
    for platform in platforms:
        command += ["--platform", platform]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode and "No matching distribution" not in result.stderr:
        sys.stderr.write(result.stderr)
        raise SystemExit(f"The packages of Python {python} could not be downloaded.")
    return result.returncode == 0


def fill(libs: Path, target: str) -> None:
    """Puts the third-party packages for `target` into `libs`."""
    platforms, sys_platform, machine = TARGETS.get(target, ((), "", ""))
    lock = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    pure: dict[str, str] = {}
    without = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for python in PYTHONS:
            lines = needed(lock, python, sys_platform, machine)
            native = lines.pop(NATIVE)
            pure = lines | pure  # one folder for all: the version of the oldest Python, which the newer ones run too
            if not platforms or not download([native], folder, python, f"cp{python.replace('.', '')}", platforms):
                without.append(python)
        if not download(list(pure.values()), folder, PYTHONS[0], "none", ("any",)):
            raise SystemExit("A package that the server needs has no pure Python wheel.")
        for wheel in sorted(folder.glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(libs)
    for tests in sorted(libs.glob("libcst/**/tests"), reverse=True):
        shutil.rmtree(tests)
    if without:
        print(
            f"{NATIVE} has no native module for {target} and Python {', '.join(without)}: checked there, not repaired."
        )


def bundle(target: str, into: Path, libraries_key: str) -> None:
    """Makes `into` anew, keeping the third-party packages where they are those of `libraries_key`."""
    libs, key = into / "libs", into / "libs.key"
    into.mkdir(parents=True, exist_ok=True)
    if not (libs.is_dir() and key.is_file() and key.read_text() == libraries_key):
        key.unlink(missing_ok=True)
        shutil.rmtree(libs, ignore_errors=True)
        fill(libs, target)
        key.write_text(libraries_key)
    package = libs / "aimet_guidelines"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(ROOT / "server", package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    shutil.copy(ROOT / "scripts" / "launch.py", into / "launch.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--target", required=True, help=f"{', '.join(TARGETS)}; another one is bundled without native modules"
    )
    parser.add_argument("--into", type=Path, required=True, help="the folder to make")
    parser.add_argument("--libraries-key", required=True, help="the packages are kept while this stays the same")
    options = parser.parse_args()
    bundle(options.target, options.into, options.libraries_key)


if __name__ == "__main__":
    main()
