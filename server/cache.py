"""Keeps what was found on disk, for the next run over files that are still the same.

A file's report is kept with what it rests on (names, which module is which file, who says what of a name) and a digest
of what that meant. It is taken again only where this version of the program, running on this Python, would read the
same settings, the same file under the same module name, and the same meanings; other files may come and go. One SQLite
database for each project, in the user's cache folder: it survives crashes and several processes at once; what cannot be
read is as good as not there.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import pickle
import sqlite3
import sys
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import platformdirs

from .config import Config
from .finding import Report
from .meanings import Meanings, digest
from .reading.memory import Dependency

_log = logging.getLogger(__name__)

_TABLES = """
CREATE TABLE IF NOT EXISTS reports (
    path BLOB, config BLOB, own BLOB, names BLOB, meaning BLOB, project BLOB, report BLOB,
    PRIMARY KEY (path, config)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
"""
_KEEP_DAYS = 30
_BUSY_SECONDS = 2.0


class Entry(NamedTuple):
    """A report to keep, with the names it rests on."""

    report: Report
    config: Config
    rests_on: frozenset[Dependency]


def folder() -> Path:
    """Where reports are kept: `AIMET_GUIDELINES_CACHE_DIR`, else the user's cache folder."""
    named = os.environ.get("AIMET_GUIDELINES_CACHE_DIR")
    return Path(named) if named else Path(platformdirs.user_cache_path("aimet-guidelines", appauthor=False)) / "reports"


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

    def __init__(self, root: str) -> None:
        self._connection: sqlite3.Connection | None = None
        place = folder()
        file = place / f"{digest(root).hex()}.sqlite"
        try:
            place.mkdir(parents=True, exist_ok=True)
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

    def reports(self, asked: Mapping[str, Config], meanings: Meanings) -> dict[str, Report]:
        """Those of the files asked about whose kept report still holds."""
        found: dict[str, Report] = {}
        if self._connection is None:
            return found
        configs: dict[Config, bytes] = {}
        stale: list[tuple[bytes, bytes, bytes]] = []
        knows_imports = False
        try:
            rows = self._connection.execute("SELECT path, config, own, project, report FROM reports")
            for raw, config, own, project, report in rows:
                path = raw.decode("utf-8", "surrogatepass")
                wanted = asked.get(path)
                if wanted is None or config != _config(wanted, configs) or own != meanings.file(path):
                    continue
                if project != meanings.whole:
                    if not knows_imports:
                        meanings.take_imports(self._imports())
                        knows_imports = True
                    if not self._still_means(raw, config, meanings):
                        continue
                    stale.append((meanings.whole, raw, config))
                kept = pickle.loads(zlib.decompress(report))
                if isinstance(kept, Report):
                    found[path] = kept
            if stale:
                with self._connection:
                    self._connection.executemany("UPDATE reports SET project=? WHERE path=? AND config=?", stale)
        except Exception as error:  # whatever is wrong with it, the files can be checked
            _log.info("what was kept of the last run is not used: %s", error)
        return found

    def _still_means(self, path: bytes, config: bytes, meanings: Meanings) -> bool:
        """Whether the names that a kept report rests on mean what they did."""
        assert self._connection is not None
        query = "SELECT names, meaning FROM reports WHERE path=? AND config=?"
        names, meaning = self._connection.execute(query, (path, config)).fetchone()
        return bool(meaning == meanings.of(_unpacked(names)))

    def _imports(self) -> dict[bytes, tuple[dict[str, str], tuple[str, ...]]]:
        assert self._connection is not None
        kept = self._connection.execute("SELECT value FROM about WHERE key='imports'").fetchone()
        return pickle.loads(zlib.decompress(kept[0])) if kept is not None else {}

    def keep_imports(self, meanings: Meanings) -> None:
        """Keep what the files import, which the next run would otherwise have to parse them for."""
        if self._connection is None:
            return
        value = zlib.compress(pickle.dumps(meanings.imports(), pickle.HIGHEST_PROTOCOL), 1)
        try:
            with self._connection:
                self._connection.execute("INSERT OR REPLACE INTO about VALUES ('imports', ?)", (value,))
        except sqlite3.Error as error:
            _log.info("not kept for the next run: %s", error)

    def keep(self, entries: Iterable[Entry], meanings: Meanings) -> None:
        """Keep reports for the next run."""
        if self._connection is None:
            return
        configs: dict[Config, bytes] = {}
        rows = [
            (
                entry.report.path.encode("utf-8", "surrogatepass"),
                _config(entry.config, configs),
                meanings.file(entry.report.path),
                _packed(entry.rests_on),
                meanings.of(entry.rests_on),
                meanings.whole,
                zlib.compress(pickle.dumps(entry.report, pickle.HIGHEST_PROTOCOL), 1),
            )
            for entry in entries
        ]
        try:
            with self._connection:
                self._connection.executemany(
                    "DELETE FROM reports WHERE path=? AND own<>?", [(r[0], r[2]) for r in rows]
                )
                self._connection.executemany("INSERT OR REPLACE INTO reports VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            _log.info("not kept for the next run: %s", error)


def _config(config: Config, known: dict[Config, bytes]) -> bytes:
    found = known.get(config)
    if found is None:
        found = known[config] = digest(repr(config))
    return found


def _packed(names: Iterable[Dependency]) -> bytes:
    by_place: dict[str, list[str]] = {}
    for where, what in sorted(names):
        by_place.setdefault(where, []).append(what)
    return zlib.compress(pickle.dumps(by_place, pickle.HIGHEST_PROTOCOL), 1)


def _unpacked(names: bytes) -> list[Dependency]:
    by_place: dict[str, list[str]] = pickle.loads(zlib.decompress(names))
    return [(where, what) for where, listed in by_place.items() for what in listed]


def _opened(file: Path) -> sqlite3.Connection:
    """The database, made anew where it is broken or another program wrote it."""
    for last in (False, True):
        connection = sqlite3.connect(file, timeout=_BUSY_SECONDS)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.executescript(_TABLES)
            written = connection.execute("SELECT value FROM about WHERE key='program'").fetchone()
            if written is None or written[0] != _program():
                with connection:
                    connection.execute("DELETE FROM reports")
                    connection.execute("DELETE FROM about")
                    connection.execute("INSERT OR REPLACE INTO about VALUES ('program', ?)", (_program(),))
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
