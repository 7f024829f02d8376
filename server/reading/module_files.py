"""Which file of the workspace a dotted name is, seen from another one."""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Mapping

from .packages import package_of

_TORCH = "torch"
# Libraries that are always there.
_ALWAYS_THERE = frozenset({_TORCH, *sys.stdlib_module_names})
# Libraries that a single file of that name wraps (`models/timm.py`), while a package of that name is their source.
_WRAPPED = frozenset(
    "aimet_torch diffusers einops lightning mmcv mmengine numpy pytorch_lightning timm torchvision transformers".split()
)


class ModuleFiles:
    """The files of the modules of a workspace. What files hold does not matter, only which there are."""

    def __init__(self, root: str, modules: Mapping[str, str]) -> None:
        """modules: the dotted name of each file."""
        self._modules = modules
        # Several where the workspace has a package more than once.
        self._paths: dict[str, list[str]] = {}
        for path, module in sorted(modules.items()):
            self._paths.setdefault(module, []).append(path)
            relative = path[len(root) + 1 :] if path.startswith(f"{root}/") else ""
            if relative:
                stem = relative.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                for name in {stem, stem.removeprefix("src.")} - {module}:
                    self._paths.setdefault(name, []).append(path)
        self._found: dict[tuple[str, str], str | None] = {}

    def find(self, dotted: str, importer: str) -> str | None:
        """The file of a module as seen from the file `importer`: by its full name, or beside the importer.

        Of several files of that name the one nearest to the importer, of equally near ones the first. For a library
        that is always there a file stands only where Python would take it.
        """
        key = dotted, importer.rpartition("/")[0]
        if key not in self._found:
            self._found[key] = self._seen_from(*key)
        return self._found[key]

    def _seen_from(self, dotted: str, folder: str) -> str | None:
        paths = self._paths.get(dotted)
        top = dotted.partition(".")[0]
        if top == _TORCH:
            paths = [path for path in paths or () if self._is_copy_of_torch(path, folder)]
        elif top in _ALWAYS_THERE:
            paths = [path for path in paths or () if self._is_shadowing(dotted, path, folder)]
        elif top in _WRAPPED:
            paths = [path for path in paths or () if self._modules[path] != top or path.endswith("/__init__.py")]
        if paths is None:
            base = f"{folder}/{dotted.replace('.', '/')}"
            paths = [each for each in (f"{base}.py", f"{base}/__init__.py") if each in self._modules][:1]
        near = f"{folder}/"
        return max(paths, key=lambda path: len(posixpath.commonprefix((path, near)).rpartition("/")[0]), default=None)

    def _is_copy_of_torch(self, path: str, folder: str) -> bool:
        """Whether a file is torch itself, for its own files; not a `torch.py`, or a package that is only called so."""
        module = self._modules[path]
        if module == _TORCH and f"{_TORCH}.nn" not in self._paths:
            return False
        return module.partition(".")[0] == _TORCH and f"{folder}/".startswith(f"{package_of(path, module)}/")

    def _is_shadowing(self, dotted: str, path: str, folder: str) -> bool:
        """Whether a file hides a library from a folder's files: Python looks first where a program is started from."""
        ends = (f"/{dotted.replace('.', '/')}{end}" for end in (".py", "/__init__.py"))
        started = next((path.removesuffix(end) for end in ends if path.endswith(end)), path)
        return f"{folder}/".startswith(f"{started}/") and f"{started}/__init__.py" not in self._modules
