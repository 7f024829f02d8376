"""What one recording holds, and how recordings of several models become one body of evidence.

A recording says what one run of the models of a family showed, by file of the library and line. All lines are 1-based,
all paths relative to site-packages. It depends on the installed packages alone, never on this project's code; `lock`
is the hash of the lock file it was made under.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORDINGS = HERE / "recordings"
LOCK = HERE.parent.parent / "requirements" / "oracle.txt"


def lock_key() -> str:
    """The key of the environment: a hash of the packages and versions the lock file pins, whatever their order."""
    pins = re.findall(r"^([\w.-]+)==([^\s;\\]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    text = "\n".join(sorted(f"{name.lower()}=={version}" for name, version in pins))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass
class FileRecord:
    """One file of a library.

    ran: lines that ran in a plain forward in eval mode, built: lines that ran while the model was built,
    traced: lines that ran under torch.jit.trace.
    calls: line -> names of the tensor functions called there outside torch's own modules.
    alone: the same for calls that are all a childless module does, which AIMET takes for the module itself.
    flagged: line -> operation types that AIMET's ModelValidator reports there, as `Type` or `Type@python_function`
        where a function of torch written in Python made it (`linalg_vector_norm@normalize`).
    inside: the same, where AIMET reports an operation inside one of torch's own modules.
    reuse: line -> classes of the modules that are called again there (AIMET reports a module in them as reused).
    reuse_owners: class that holds such a module -> attribute names.
    views: lines with a view or reshape to `(-1, n)`; align: lines with align_corners=True, or where a module that
        has it is made; transposed: lines that call or make a transposed convolution.
    inputs, outputs: class -> kinds of what its forward takes or gives that are no tensors.
    """

    ran: list[int] = field(default_factory=list)
    built: list[int] = field(default_factory=list)
    traced: list[int] = field(default_factory=list)
    calls: dict[int, list[str]] = field(default_factory=dict)
    alone: dict[int, list[str]] = field(default_factory=dict)
    flagged: dict[int, list[str]] = field(default_factory=dict)
    inside: dict[int, list[str]] = field(default_factory=dict)
    reuse: dict[int, list[str]] = field(default_factory=dict)
    reuse_owners: dict[str, list[str]] = field(default_factory=dict)
    views: list[int] = field(default_factory=list)
    align: list[int] = field(default_factory=list)
    transposed: list[int] = field(default_factory=list)
    inputs: dict[str, list[str]] = field(default_factory=dict)
    outputs: dict[str, list[str]] = field(default_factory=dict)

    def merge(self, other: FileRecord) -> None:
        """Add what another run showed of the same file."""
        for name, value in vars(other).items():
            mine = getattr(self, name)
            if isinstance(value, dict):
                for key, items in value.items():
                    mine[key] = sorted({*mine.get(key, ()), *items})
            else:
                setattr(self, name, sorted({*mine, *value}))
        for line, names in list(self.alone.items()):
            left = [each for each in names if each not in self.calls.get(line, ())]
            if left:
                self.alone[line] = left
            else:
                del self.alone[line]


@dataclass
class ModelRecord:
    """One model of a recording.

    size: side of the square input in pixels. wrapped: only its tensors leave (AIMET cannot trace dicts).
    aimet: `ok`, or what AIMET's graph builder raised. reused, missing: how many modules and operations it reports.
    """

    name: str
    size: int
    wrapped: bool
    aimet: str
    reused: int
    missing: int
    seconds: float


@dataclass
class Recording:
    """The models of one family of a library and what their files showed."""

    library: str
    family: str
    lock: str
    models: list[ModelRecord] = field(default_factory=list)
    files: dict[str, FileRecord] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return RECORDINGS / self.library / f"{self.family}.json"

    def save(self, path: Path | None = None) -> None:
        """Write it, one file of the library a line, so that a change is small in a diff."""
        path = path or self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        files = {name: _packed(record) for name, record in sorted(self.files.items())}
        rows = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in files.items())
        models = ",\n".join(f"  {json.dumps(asdict(model))}" for model in self.models)
        head = {"library": self.library, "family": self.family, "lock": self.lock}
        text = json.dumps(head, indent=1)[:-2] + f',\n "models": [\n{models}\n ],\n "files": {{\n{rows}\n }}\n}}\n'
        path.write_text(text, encoding="utf-8")


def load(path: Path) -> Recording:
    """Read one recording."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    models = [ModelRecord(**each) for each in raw["models"]]
    files = {name: _unpacked(each) for name, each in raw["files"].items()}
    return Recording(raw["library"], raw["family"], raw["lock"], models, files)


def load_all(libraries: Iterable[str] = ()) -> Iterator[Recording]:
    """Every recording, of some libraries or of all."""
    wanted = set(libraries)
    for path in sorted(RECORDINGS.glob("*/*.json")):
        if not wanted or path.parent.name in wanted:
            yield load(path)


def merged(recordings: Iterable[Recording]) -> dict[str, FileRecord]:
    """What all recordings together show, by file."""
    files: dict[str, FileRecord] = {}
    for recording in recordings:
        for name, record in recording.files.items():
            files.setdefault(name, FileRecord()).merge(record)
    return files


_LINE_LISTS = ("ran", "built", "traced", "views", "align", "transposed")
_BY_CLASS = ("reuse_owners", "inputs", "outputs")


def _packed(record: FileRecord) -> dict[str, object]:
    packed: dict[str, object] = {}
    for name, value in vars(record).items():
        if not value:
            continue
        packed[name] = _ranges(value) if name in _LINE_LISTS else {str(key): value[key] for key in sorted(value)}
    return packed


def _unpacked(raw: dict[str, object]) -> FileRecord:
    record = FileRecord()
    for name, value in raw.items():
        if isinstance(value, str):
            setattr(record, name, _lines(value))
        elif isinstance(value, dict):
            setattr(record, name, value if name in _BY_CLASS else {int(key): each for key, each in value.items()})
    return record


def _ranges(lines: list[int]) -> str:
    """[1, 2, 3, 7] as `1-3,7`."""
    parts: list[list[int]] = []
    for line in sorted(set(lines)):
        if parts and parts[-1][1] == line - 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def _lines(text: str) -> list[int]:
    lines: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        lines.extend(range(int(first), int(last or first) + 1))
    return lines
