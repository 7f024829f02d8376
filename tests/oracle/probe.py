"""Watches one model run: which lines ran, which tensor functions they called, which modules were called, with what.

Imported only inside the oracle's environment.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import torch
from recording import FileRecord
from torch.overrides import TorchFunctionMode, resolve_name

Site = tuple[str, int]

# Questions about a tensor; they compute nothing.
_META = frozenset(
    [
        "size",
        "dim",
        "ndim",
        "numel",
        "nelement",
        "stride",
        "storage_offset",
        "element_size",
        "is_contiguous",
        "is_floating_point",
        "is_complex",
        "is_signed",
        "is_cuda",
        "get_device",
        "data_ptr",
        "requires_grad_",
        "__len__",
        "__format__",
        "__repr__",
        "__bool__",
        "__int__",
        "__float__",
        "__index__",
        "__hash__",
        "__contains__",
        "__deepcopy__",
        "item",
        "tolist",
    ]
)
_TORCH_MODULE_CALL = "_call_impl"


class Library:
    """Where a library's own code lies: files below `site_packages` whose path starts with one of `names`."""

    def __init__(self, site_packages: str, names: tuple[str, ...]) -> None:
        self._prefixes = tuple(f"{site_packages}/{name}/" for name in names)
        self._start = len(site_packages) + 1
        self._torch = f"{site_packages}/torch/"
        self._known: dict[str, str | None] = {}

    def relative(self, filename: str) -> str | None:
        """The path relative to site-packages, None for code that is not the library's."""
        known = self._known.get(filename, "")
        if known == "":
            known = filename[self._start :] if filename.startswith(self._prefixes) else None
            self._known[filename] = known
        return known

    def caller(self, frame: FrameType | None) -> tuple[Site | None, bool]:
        """The innermost line of the library on the stack, and whether it runs a module's own code.

        The second is False where one of torch's modules stands between: what happens is that module's doing.
        """
        own = True
        while frame is not None:
            name = self.relative(frame.f_code.co_filename)
            if name is not None:
                return (name, frame.f_lineno), own
            if frame.f_code.co_name == _TORCH_MODULE_CALL and frame.f_code.co_filename.startswith(self._torch):
                own = False
            frame = frame.f_back
        return None, own


class Lines:
    """The lines of the library that run while it is active."""

    def __init__(self, library: Library) -> None:
        self.seen: dict[str, set[int]] = {}
        self._library = library
        self._local: dict[CodeType, Callable[..., Any] | None] = {}

    def __enter__(self) -> Lines:
        threading.settrace(self._enter_frame)
        sys.settrace(self._enter_frame)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]

    def _enter_frame(self, frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        code = frame.f_code
        if code not in self._local:
            name = self._library.relative(code.co_filename)
            self._local[code] = None if name is None else _line_tracer(self.seen.setdefault(name, set()))
        return self._local[code]


def _line_tracer(lines: set[int]) -> Callable[..., Any]:
    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any]:
        if event == "line":
            lines.add(frame.f_lineno)
        return trace

    return trace


class Calls(TorchFunctionMode):
    """The tensor functions called by the library's own code.

    found: (site, name) -> ids of the modules whose forward was running.
    """

    def __init__(self, library: Library, modules: Modules, files: dict[str, FileRecord]) -> None:
        super().__init__()
        self.found: dict[tuple[Site, str], set[int]] = {}
        self._library, self._modules, self._files = library, modules, files

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = _name(func)
        if name is not None:
            site, own = self._library.caller(sys._getframe(1))
            if site is not None and own:
                self.found.setdefault((site, name), set()).add(self._modules.current)
                self._note(site, name, args, kwargs)
        return func(*args, **kwargs)

    def _note(self, site: Site, name: str, args: Any, kwargs: Any) -> None:
        record = self._files.setdefault(site[0], FileRecord())
        if name in ("Tensor.view", "Tensor.reshape", "torch.reshape"):
            shape = args[1:] or tuple(kwargs.values())
            if len(shape) == 1 and isinstance(shape[0], (tuple, list, torch.Size)):
                shape = tuple(shape[0])
            if len(shape) == 2 and shape[0] == -1:
                record.views.append(site[1])
        elif name.startswith("torch.nn.functional."):
            if "conv_transpose" in name:
                record.transposed.append(site[1])
            elif kwargs.get("align_corners") is True and ("interpolate" in name or "upsample" in name):
                record.align.append(site[1])
        elif ".conv_transpose" in name:
            record.transposed.append(site[1])


def _name(func: Any) -> str | None:
    """`Tensor.add`, `torch.cat`, `torch.nn.functional.relu`; None for questions about a tensor."""
    name = resolve_name(func) or f"{getattr(func, '__module__', '')}.{getattr(func, '__name__', '')}"
    if name.endswith(".__get__"):
        name = name[: -len(".__get__")]
        return (
            "Tensor." + name.rpartition(".")[2] if name.endswith((".T", ".mT", ".H", ".mH", ".real", ".imag")) else None
        )
    last = name.rpartition(".")[2]
    if last in _META or last.startswith("is_") or last.endswith("__set__"):
        return None
    return name.replace("torch.Tensor.", "Tensor.").replace("torch._C.TensorBase.", "Tensor.")


class Modules:
    """Every call of a module: from where, inside which other calls, and what went in and out that is no tensor.

    calls: module id -> (site, indexes of the calls around it, outermost first) of each call, in order.
    """

    def __init__(self, library: Library, files: dict[str, FileRecord]) -> None:
        self.calls: dict[int, list[tuple[Site | None, tuple[tuple[int, int], ...]]]] = {}
        self.alive: dict[int, torch.nn.Module] = {}
        self._library, self._files = library, files
        self._stack: list[tuple[int, int]] = []

    @property
    def current(self) -> int:
        """The id of the module whose forward is running, 0 outside."""
        return self._stack[-1][0] if self._stack else 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Hooks on every module there is."""
        before = torch.nn.modules.module.register_module_forward_pre_hook(self._enter)
        after = torch.nn.modules.module.register_module_forward_hook(self._leave, with_kwargs=True, always_call=True)
        try:
            yield
        finally:
            before.remove()
            after.remove()

    def _enter(self, module: torch.nn.Module, _: Any) -> None:
        site, _ = self._library.caller(sys._getframe(1))
        calls = self.calls.setdefault(id(module), [])
        self.alive[id(module)] = module
        calls.append((site, tuple(self._stack)))
        self._stack.append((id(module), len(calls)))

    def _leave(self, module: torch.nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if self._stack:
            self._stack.pop()
        cls = next(each for each in type(module).__mro__ if "forward" in vars(each))
        name = defined_in(cls, self._library)
        if name is None:
            return
        record = self._files.setdefault(name, FileRecord())
        kinds = {_kind(each) for each in (*args, *kwargs.values())} - {None}
        if kinds:
            known = record.inputs.setdefault(cls.__qualname__, [])
            known.extend(sorted(str(kind) for kind in kinds if kind not in known))
        kind = _kind(output)
        if kind is not None:
            known = record.outputs.setdefault(cls.__qualname__, [])
            known.extend([kind] if kind not in known else [])


def defined_in(cls: type, library: Library) -> str | None:
    """The library's file that defines a class."""
    module = sys.modules.get(cls.__module__)
    filename = getattr(module, "__file__", None)
    return library.relative(filename) if filename else None


def _kind(value: Any) -> str | None:
    """What a value is that AIMET does not want between modules; None for tensors, tuples of tensors and None."""
    if value is None or isinstance(value, torch.Tensor):
        return None
    if type(value) is tuple:
        kinds = [_kind(each) for each in value]
        return next((f"tuple of {kind}" for kind in kinds if kind is not None), None)
    return type(value).__name__


@contextmanager
def constructions(library: Library, files: dict[str, FileRecord]) -> Iterator[None]:
    """Notes where transposed convolutions and upsampling with align_corners=True are made."""
    from torch.nn.modules.conv import _ConvTransposeNd

    def noting(cls: type, field: str, wanted: Callable[[Any], bool]) -> Callable[..., None]:
        original = cls.__init__

        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            site, _ = library.caller(sys._getframe(1))
            if site is not None and wanted(self):
                getattr(files.setdefault(site[0], FileRecord()), field).append(site[1])

        cls.__init__ = init  # type: ignore[misc]
        return original

    upsample = torch.nn.Upsample
    originals = (
        (_ConvTransposeNd, noting(_ConvTransposeNd, "transposed", lambda _: True)),
        (upsample, noting(upsample, "align", lambda module: module.align_corners is True)),
    )
    try:
        yield
    finally:
        for cls, original in originals:
            cls.__init__ = original  # type: ignore[misc]
