"""Keeps what was found on disk, for the next run over files that are still the same.

The reports of a project are kept with what each rests on (names, which module is which file, who says what of a name),
and with the texts of all files that they were found in. A run whose files are others compares the texts: reports that
the differences concern are dropped, and the rest then holds for the new files, too. All of it counts only for this
version of the program, running on this Python. One SQLite database for each project, in the user's cache folder: it
survives crashes and several processes at once; what cannot be read is as good as not there.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import pickle
import sqlite3
import sys
import time
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import platformdirs

from .changes import Changes
from .config import Config
from .finding import Report
from .reading.file_facts import FileFacts
from .reading.memory import OUT_OF_TOUCH, Dependency, Memory
from .reading.project import Project
from .reading.source import Source

_log = logging.getLogger(__name__)

_ABOUT = "CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID"
# A report rests on names by their numbers, which mean what they do in one run: in one process of it, where it has many.
_TABLES = {
    "reports": "path BLOB, config BLOB, run INTEGER, rests_on BLOB, report BLOB, PRIMARY KEY (path, config)",
    "names": "run INTEGER, first INTEGER, listed BLOB, PRIMARY KEY (run, first)",
    "files": "path BLOB PRIMARY KEY, digest BLOB, module BLOB, imports BLOB, text BLOB",
}
_KEEP_DAYS = 30
_BUSY_SECONDS = 2.0


class Entry(NamedTuple):
    """A report to keep, with the names it rests on.

    process: the one that numbered the names. fresh: those that it numbered since its last report, from `first` on.
    """

    report: Report
    config: Config
    rests_on: bytes
    process: int
    first: int
    fresh: Sequence[Dependency]


def digest(*parts: bytes | str) -> bytes:
    """Stands for all the parts, in their order."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = _raw(part) if isinstance(part, str) else part
        state.update(len(raw).to_bytes(8, "little"))
        state.update(raw)
    return state.digest()


def folder() -> Path:
    """Where reports are kept: `AIMET_GUIDELINES_CACHE_DIR`, else the user's cache folder."""
    named = os.environ.get("AIMET_GUIDELINES_CACHE_DIR")
    return Path(named) if named else Path(platformdirs.user_cache_path("aimet-guidelines", appauthor=False)) / "reports"


def packed(numbers: Iterable[int]) -> bytes:
    """Numbers of names, as they are kept."""
    return array("I", sorted(numbers)).tobytes()


@functools.cache
def _program() -> bytes:
    """Tells this program from any other that could have written a report: its sources, and the Python it runs on."""
    parts: list[bytes | str] = [sys.version]
    here = Path(__file__).parent
    for source in sorted([*here.rglob("*.py"), *here.rglob("*.json")]):
        status = source.stat()
        parts.append(f"{source.relative_to(here).as_posix()} {status.st_size} {status.st_mtime_ns}")
    return digest(*parts)


class Cache:
    """The kept reports of one project."""

    def __init__(self, project: Project, place: Path | None = None) -> None:
        """place: the folder that they are kept in, if not the user's."""
        self._project = project
        self._connection: sqlite3.Connection | None = None
        # Stands for the last time that somebody had other files: what was kept since is of these.
        self._turn: bytes | None = None
        # The number that the names of each process of this run are kept under.
        self._runs: dict[int, int] = {}
        place = place or folder()
        file = _file(project, place)
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds the texts of the files
            _forget_old(place)
            self._connection = _opened(file)
            os.utime(file)  # it is in use
        except (OSError, sqlite3.Error) as error:
            _log.info("nothing is kept for the next run: %s", error)

    def close(self) -> None:
        """End the use of it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @functools.cached_property
    def _digests(self) -> dict[str, bytes]:
        """Of each file its text, and the name it can be imported under."""
        return {path: digest(facts.module, facts.source.text) for path, facts in self._project.files.items()}

    @functools.cached_property
    def _state(self) -> bytes:
        """Every file."""
        digests = self._digests
        return digest(*(part for path in sorted(digests) for part in (path, digests[path])))

    def reports(self, asked: Mapping[str, Config]) -> dict[str, Report]:
        """Those of the files asked about whose kept report still holds."""
        connection = self._connection
        if connection is None:
            return {}
        try:
            with _transaction(connection, "DEFERRED"):
                if self._is_of_these_files(connection):
                    return self._held(connection, asked)
            with _transaction(connection, "IMMEDIATE"):
                if not self._is_of_these_files(connection):
                    self._follow(connection)
                return self._held(connection, asked)
        except Exception as error:  # whatever is wrong with it, the files can be checked
            _log.info("what was kept of the last run is not used: %r", error)
            return {}

    def _is_of_these_files(self, connection: sqlite3.Connection) -> bool:
        """Whether what is kept was found in the very files of this run."""
        return _told(connection, "state") == self._state

    def _held(self, connection: sqlite3.Connection, asked: Mapping[str, Config]) -> dict[str, Report]:
        """The reports of these files, for those asked about."""
        self._turn = _told(connection, "turn")
        found: dict[str, Report] = {}
        configs: dict[Config, bytes] = {}
        for raw, config, report in connection.execute("SELECT path, config, report FROM reports"):
            path = _text(raw)
            wanted = asked.get(path)
            if wanted is None or config != _config(wanted, configs):
                continue
            try:
                kept = pickle.loads(zlib.decompress(report))
            except Exception as error:  # whatever is wrong with it, the file can be checked
                _log.info("%s: its kept report is not used: %s", path, error)
                continue
            if isinstance(kept, Report):
                found[path] = kept
        return found

    def _follow(self, connection: sqlite3.Connection) -> None:
        """Drop the reports that the differences of the files concern: the others are of these files, too."""
        known = {_text(path): own for path, own in connection.execute("SELECT path, digest FROM files")}
        changed = {path for path in known.keys() | self._digests.keys() if known.get(path) != self._digests.get(path)}
        gone = [(_raw(path),) for path in sorted(changed & known.keys())]
        connection.executemany("DELETE FROM reports WHERE path=?", gone)
        if connection.execute("SELECT 1 FROM reports LIMIT 1").fetchone() is not None:
            try:
                self._drop_concerned(connection, Changes(self._former(connection, changed), self._project))
            except sqlite3.Error:
                raise
            except Exception as error:
                _log.info("what was kept of the last run is given up: %r", error)
                connection.execute("DELETE FROM reports")
        connection.execute("DELETE FROM names WHERE run NOT IN (SELECT run FROM reports)")
        connection.executemany("DELETE FROM files WHERE path=?", gone)
        files = [(path, self._project.files[path]) for path in sorted(changed & self._digests.keys())]
        connection.executemany(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?)",
            (
                (_raw(path), self._digests[path], _raw(facts.module), None, zlib.compress(_raw(facts.source.text), 1))
                for path, facts in files
            ),
        )
        about = [("state", self._state), ("turn", os.urandom(16))]
        connection.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", about)

    def _former(self, connection: sqlite3.Connection, changed: set[str]) -> Project:
        """The index of the files that the kept reports are of."""
        files: dict[str, FileFacts] = {}
        for raw, module, imports in connection.execute("SELECT path, module, imports FROM files"):
            path = _text(raw)
            if path in changed:
                (text,) = connection.execute("SELECT text FROM files WHERE path=?", (raw,)).fetchone()
                files[path] = FileFacts(path, _text(module), Source(_text(zlib.decompress(text))))
            else:
                files[path] = self._project.files[path]
            if imports is not None:  # they need not be parsed for it
                files[path].take_imports(*pickle.loads(imports))
        return Project(self._project.root, files, Memory())

    def _drop_concerned(self, connection: sqlite3.Connection, changes: Changes) -> None:
        concerned: dict[int, set[int]] = {}
        # By file and run: the names, as numbers, that say that models of the file are out of touch with something.
        models: dict[str, dict[int, dict[int, str]]] = {}
        for run, first, listed in connection.execute("SELECT run, first, listed FROM names"):
            numbers = concerned.setdefault(run, set())
            for number, name in enumerate(_names(listed), first):
                if name[0] == OUT_OF_TOUCH:
                    models.setdefault(name[1].partition("\0")[0], {}).setdefault(run, {})[number] = name[1]
                elif changes.concern(name):
                    numbers.add(number)
        held: dict[tuple[bytes, bytes], tuple[str, int, frozenset[int]]] = {}
        dropped: list[tuple[bytes, bytes]] = []
        for raw, config, run, packed in connection.execute("SELECT path, config, run, rests_on FROM reports"):
            rests_on = frozenset(memoryview(packed).cast("I"))
            if concerned[run].isdisjoint(rests_on):
                held[raw, config] = _text(raw), run, rests_on
            else:
                dropped.append((raw, config))
        # The models of a file are what they were where its own report, which rests on all that they do, still holds.
        asked: set[str] = set()
        while doubtful := models.keys() - {path for path, _, _ in held.values()} - asked:
            asked |= doubtful
            questions: dict[int, dict[int, str]] = {}
            for each in doubtful:
                for run, numbered in models[each].items():
                    questions.setdefault(run, {}).update(numbered)
            for at, (path, run, rests_on) in list(held.items()):
                numbered = questions.get(run, {})
                if any(changes.brings_in_touch(numbered[number], path) for number in numbered.keys() & rests_on):
                    del held[at]
                    dropped.append(at)
        connection.executemany("DELETE FROM reports WHERE path=? AND config=?", dropped)

    def keep(self, entries: Sequence[Entry]) -> None:
        """Keep reports for the next run."""
        if not entries:
            return
        configs: dict[Config, bytes] = {}
        reports = [zlib.compress(pickle.dumps(each.report, pickle.HIGHEST_PROTOCOL), 1) for each in entries]
        with self._keeping() as connection:
            if connection is None:
                return
            for process in dict.fromkeys(each.process for each in entries):
                self._keep_names(connection, process, [each for each in entries if each.process == process])
            rows = (
                (_raw(each.report.path), _config(each.config, configs), self._runs[each.process], each.rests_on, report)
                for each, report in zip(entries, reports, strict=True)
            )
            connection.executemany("INSERT OR REPLACE INTO reports VALUES (?, ?, ?, ?, ?)", rows)

    @contextlib.contextmanager
    def _keeping(self) -> Iterator[sqlite3.Connection | None]:
        """To write something down; None where that is not possible, and is not tried again: the numbers of names that
        were not kept would mean nothing.
        """
        connection = self._connection
        if connection is None:
            yield None
            return
        try:
            with _transaction(connection, "IMMEDIATE"):
                is_ours = _told(connection, "turn") == self._turn
                yield connection if is_ours else None
            if not is_ours:
                _log.info("not kept for the next run: another process had other files")
                self.close()
        except Exception as error:
            _log.info("not kept for the next run: %r", error)
            self.close()

    def _keep_names(self, connection: sqlite3.Connection, process: int, entries: Sequence[Entry]) -> None:
        """Keep what numbers of a process mean from now on."""
        run = self._runs.get(process)
        if run is None:
            (run,) = connection.execute("SELECT COALESCE(MAX(run), 0) + 1 FROM names").fetchone()
            self._runs[process] = run
        fresh = [name for each in entries for name in each.fresh]
        if fresh or not entries[0].first:
            listed = zlib.compress(pickle.dumps(fresh, pickle.HIGHEST_PROTOCOL), 1)
            # None may have been new the first time.
            connection.execute("INSERT OR REPLACE INTO names VALUES (?, ?, ?)", (run, entries[0].first, listed))

    def keep_imports(self) -> None:
        """Keep what the files import, which the next run would otherwise have to parse them for."""
        with self._keeping() as connection:
            if connection is not None:
                unknown = connection.execute("SELECT path FROM files WHERE imports IS NULL").fetchall()
                known = ((raw, self._project.files[_text(raw)].known_imports) for (raw,) in unknown)
                rows = [(pickle.dumps(imports, pickle.HIGHEST_PROTOCOL), raw) for raw, imports in known if imports]
                connection.executemany("UPDATE files SET imports=? WHERE path=?", rows)


def copy(project: Project, place: Path) -> None:
    """Keep what is kept of a project in another folder, too."""
    try:
        with (
            contextlib.closing(sqlite3.connect(_file(project, folder()))) as kept,
            contextlib.closing(sqlite3.connect(_file(project, place))) as other,
        ):
            kept.backup(other)
    except sqlite3.Error as error:
        _log.info("what was kept is not used: %s", error)


def _file(project: Project, place: Path) -> Path:
    return place / f"{digest(project.root).hex()}.sqlite"


def _told(connection: sqlite3.Connection, key: str) -> bytes | None:
    """What the database says about itself."""
    row = connection.execute("SELECT value FROM about WHERE key=?", (key,)).fetchone()
    return row[0] if row is not None else None


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    """All or nothing of what is written inside. kind: IMMEDIATE keeps others from writing meanwhile."""
    connection.execute(f"BEGIN {kind}")
    with connection:
        yield


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")


def _names(listed: bytes) -> list[Dependency]:
    names: list[Dependency] = pickle.loads(zlib.decompress(listed))
    return names


def _config(config: Config, known: dict[Config, bytes]) -> bytes:
    found = known.get(config)
    if found is None:
        found = known[config] = digest(repr(config))
    return found


def _opened(file: Path) -> sqlite3.Connection:
    """The database, made anew where it is broken or another program wrote it."""
    for last in (False, True):
        connection = sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(_ABOUT)
            if _told(connection, "program") != _program():
                with _transaction(connection, "IMMEDIATE"):
                    for name, columns in _TABLES.items():
                        connection.execute(f"DROP TABLE IF EXISTS {name}")
                        connection.execute(f"CREATE TABLE {name} ({columns})")
                    connection.execute("DELETE FROM about")
                    connection.execute("INSERT INTO about VALUES ('program', ?)", (_program(),))
            return connection
        except sqlite3.OperationalError:
            connection.close()
            raise
        except sqlite3.DatabaseError:  # no database, or a broken one
            connection.close()
            if last:
                raise
            for ending in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{file}{ending}")
    raise AssertionError


def _forget_old(place: Path) -> None:
    """Delete what no run has used for a month."""
    limit = time.time() - _KEEP_DAYS * 86400
    for file in place.glob("*.sqlite*"):
        with contextlib.suppress(OSError):
            if file.stat().st_mtime < limit:
                file.unlink()
