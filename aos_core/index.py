"""The index of a world's journals: what is where, in SQLite, for readers and filters.

All of it is derived from the journals and may be deleted at any time. It is brought up to date when
it is asked, frame by frame from where it stands; whatever does not fit the journal (another header,
another head at the frame it stands at, a file that is no database) is thrown away and made anew.
``docs/journal-index.md`` shows the tables to people who want to query them.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_core.branches import DiskError
from aos_core.databases import delete, is_busy, marks, transaction
from aos_core.errors import JournalDamaged
from aos_core.frames import Frame
from aos_core.index_rows import Batch, Counters, Row, values
from aos_core.journal import Journal
from aos_core.progress import Progress

VERSION = 3
"""Of the tables; a file of another version is made anew."""

CHUNK = 1000
"""So many frames are taken in together."""

BUSY_SECONDS = 30.0

_Known = tuple[int, bytes, bytes, int]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one branch: its frames up to ``last`` height, those of a fork beside its
    parent's. ``journal`` holds them; ``parent`` is the part before."""

    name: str
    journal: Journal
    last: int | None
    parent: Part | None


class Index:
    """The tables of all branches of a world. May be used from several threads and processes."""

    def __init__(self, path: Path | None, *, write: bool = True) -> None:
        """``path`` None: in memory. Where the file cannot be written, a temporary one serves."""
        self._path = path
        self._mutex = threading.RLock()
        self._database = self._open(path, write)

    def close(self) -> None:
        """Give up the file."""
        with self._mutex:
            self._database.close()

    # -- asking -----------------------------------------------------------------------------

    def rows(self, query: str, *given: Any) -> list[tuple[Any, ...]]:
        """The rows of an SQL query over the tables."""
        with self._mutex:
            return self._database.execute(query, given).fetchall()

    def row(self, query: str, *given: Any) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        with self._mutex:
            found: tuple[Any, ...] | None = self._database.execute(query, given).fetchone()
            return found

    def mend(self, error: Exception) -> None:
        """After an error of SQLite: broken tables are thrown away and begun anew; where the disk
        refuses, a temporary file serves from now on. Raises :class:`DiskError` where another
        process holds them for too long."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if is_busy(error):
            raise DiskError(
                f"the index cannot be read: {error}",
                hint="another process is making it anew: wait for it, then try again",
                file=self._path,
            ) from error
        refuses = code in (
            sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_IOERR,
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_CANTOPEN,
        )
        with self._mutex:
            self._database.close()
            if not refuses and self._path is not None:
                with suppress(OSError):
                    delete(self._path)
            self._database = self._open(self._path, not refuses)

    # -- following the journals ----------------------------------------------------------------

    def follow(self, part: Part, progress: Progress | None = None) -> int:
        """Take in what the branch of ``part`` has beyond what is known, up to where it is damaged;
        the number that stands for the branch in the tables."""
        total = part.journal.count
        while True:
            with self._mutex:
                known = self._known(part.name)
                if known is None or not self._fits(part.journal, *known):
                    self._begin(part, known)
                    continue
                id, _, _, frames = known
                if frames >= total:
                    return id
                with transaction(self._database):
                    if self._known(part.name) != known:  # another process was sooner
                        continue
                    end = self._take_in(id, part, frames, min(total, frames + CHUNK))
            if end == frames:
                return id
            if progress is not None:
                progress(end, total)

    def has(self, branches: Iterable[int]) -> bool:
        """Whether what :meth:`follow` gave still stands for branches; no number is given twice."""
        wanted = tuple(branches)
        query = f"SELECT count(*) FROM branches WHERE id IN ({marks(len(wanted))})"
        return self.rows(query, *wanted) == [(len(wanted),)]

    def remember(self, head: bytes, ran_by: str, digest: bytes, height: int) -> None:
        """Keep in mind that the history of ``head`` was verified, read from bytes of this digest;
        done without where the disk refuses."""
        with self._mutex, suppress(sqlite3.Error):
            self._database.execute(
                "INSERT OR REPLACE INTO verified VALUES (?, ?, ?, ?)",
                (head, ran_by, digest, height),
            )

    def remembered(self, ran_by: str, height: int) -> list[tuple[bytes, bytes, int]]:
        """(head, digest, height) of what was verified by ``ran_by``, of whatever branch, the
        highest first, none higher than ``height``."""
        with suppress(sqlite3.Error):
            return [
                (head, digest, at)
                for head, digest, at in self.rows(
                    "SELECT head, digest, height FROM verified WHERE ran_by = ? AND height <= ?"
                    " ORDER BY height DESC",
                    ran_by,
                    height,
                )
            ]
        return []

    def forget(self, name: str) -> None:
        """Drop what is known of a branch; where that fails, it is found out when it is asked."""
        with self._mutex, suppress(sqlite3.Error, UnicodeDecodeError), transaction(self._database):
            self._drop(name)

    def rename(self, old: str, new: str) -> None:
        """A branch has another name now; where that fails, it is taken in again under that."""
        with self._mutex, suppress(sqlite3.Error, UnicodeDecodeError), transaction(self._database):
            self._drop(new)
            self._database.execute("UPDATE branches SET name = ? WHERE name = ?", (new, old))

    def stale(self, names: Collection[str]) -> int:
        """How many rows there are of branches with other names than these, or with none; 0 where
        the tables are broken."""
        with suppress(sqlite3.Error):
            return sum(
                self.rows(f"SELECT count(*) FROM {table} {where}", *names)[0][0]
                for table, where in _stale(names)
            )
        return 0

    def sweep(self, names: Collection[str]) -> None:
        """Drop those rows, and give back their room. Fails silently."""
        with self._mutex, suppress(sqlite3.Error):
            with transaction(self._database):
                for table, where in _stale(names):
                    self._database.execute(f"DELETE FROM {table} {where}", tuple(names))
            self._database.execute("VACUUM")

    def counters(self, branch: int, height: int) -> Counters:
        """What stood after record ``height``, the last of its turn, on a branch that is known."""
        found = self.row(
            "SELECT * FROM (SELECT events, plans, pending, next, first FROM turns"
            " WHERE branch = ?1 AND first > ?2 ORDER BY first LIMIT 1)"
            f" UNION ALL SELECT events, plans, pending, next, {2**62} FROM branches WHERE id = ?1"
            " ORDER BY first LIMIT 1",
            branch,
            height,
        )
        assert found is not None
        return Counters(*found[:4])

    def _known(self, name: str) -> _Known | None:
        """What the tables know of a branch: its number, header, head, and frames."""
        found: _Known | None = self._database.execute(
            "SELECT id, header, head, frames FROM branches WHERE name = ?", (name,)
        ).fetchone()
        return found

    def _fits(self, journal: Journal, id: int, header: bytes, head: bytes, frames: int) -> bool:
        """Whether the tables, which knew so many frames, are of this very journal. They may have
        more of it than is looked at here: other processes follow it too, and were sooner."""
        if header != journal.header.hash:
            return False
        if frames > journal.count:
            return journal.head == header or self._has(id, journal.last)
        if frames == 0:
            return True
        last = journal.frame(frames - 1)
        return last.hash == head and (not last.records or self._has(id, last))

    def _has(self, id: int, frame: Frame) -> bool:
        """Whether the tables have a frame with records, up to its last one."""
        return (
            self.row(
                "SELECT 1 FROM turns JOIN records USING (branch)"
                " WHERE branch = ? AND first = ? AND head = ? AND height = last",
                id,
                frame.height,
                frame.hash,
            )
            is not None
        )

    def _branch(self, name: str) -> tuple[int, int]:
        id, frames = self._database.execute(
            "SELECT id, frames FROM branches WHERE name = ?", (name,)
        ).fetchone()
        return id, frames

    def _begin(self, part: Part, known: _Known | None) -> None:
        """Begin a branch anew, unless something else than ``known`` is known of it by now: then
        another process has."""
        header = part.journal.header
        before = Counters()
        if part.parent is not None:
            assert part.parent.last is not None
            before = self.counters(self.follow(part.parent), part.parent.last)
        with transaction(self._database):
            if self._known(part.name) != known:
                return
            self._drop(part.name)
            self._database.execute(
                "INSERT INTO branches (name, header, head, frames, height, events, plans, pending,"
                " next) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?)",
                (part.name, header.hash, header.hash, header.height - 1, *values(before)),
            )

    def _drop(self, name: str) -> None:
        found = self._database.execute("SELECT id FROM branches WHERE name = ?", (name,)).fetchone()
        if found is not None:
            for table, column in (("records", "branch"), ("turns", "branch"), ("branches", "id")):
                self._database.execute(f"DELETE FROM {table} WHERE {column} = ?", found)

    def _take_in(self, id: int, part: Part, begin: int, end: int) -> int:
        """Take in frames ``begin`` to ``end``; where it stands then: earlier, if one is bad."""
        row = self._database.execute(
            "SELECT events, plans, pending, next FROM branches WHERE id = ?", (id,)
        ).fetchone()
        batch = Batch(id, Counters(*row), lambda *of: self._last(part, id, *of))
        last: Frame | None = None
        with suppress(JournalDamaged, KeyError, TypeError):  # what is not as it should be ends it
            for index in range(begin, end):
                frame = part.journal.frame(index)
                batch.take(frame)
                last, begin = frame, index + 1
        if last is None:
            return begin
        self._database.executemany(f"INSERT INTO turns VALUES ({marks(11)})", batch.turns)
        self._database.executemany(f"INSERT INTO records VALUES ({marks(11)})", batch.records)
        self._database.execute(
            "UPDATE branches SET head = ?, frames = ?, height = ?, events = ?, plans = ?,"
            " pending = ?, next = ? WHERE id = ?",
            (last.hash, begin, last.last_height, *values(batch.counters), id),
        )
        return begin

    def _last(self, part: Part | None, id: int, column: str, of: bytes, kind: str) -> Row | None:
        """The last record of a kind with ``of`` in a column, on this branch or before it."""
        last = 2**62
        while part is not None:
            found = self.row(
                f"SELECT max(height), number, shown FROM records WHERE {column} = ? AND branch = ?"
                " AND kind = ? AND height <= ?",
                of,
                id,
                kind,
                last,
            )
            if found is not None and found[0] is not None:
                return int(found[0]), found[1], found[2]
            part = part.parent
            if part is not None and part.last is not None:
                last = part.last
                id, _ = self._branch(part.name)
        return None

    # -- the file ------------------------------------------------------------------------------

    @staticmethod
    def _open(path: Path | None, write: bool) -> sqlite3.Connection:
        if path is None:
            return _connect(":memory:")
        if write:
            for _ in range(2):
                try:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    return _connect(str(path))
                except (sqlite3.DatabaseError, OSError) as error:
                    if is_busy(error):  # another process makes it: it is not ours to delete
                        break
                with suppress(OSError):
                    delete(path)
        return _connect("")  # a temporary file of SQLite's own


_TABLES = f"""
CREATE TABLE IF NOT EXISTS branches (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL, header BLOB NOT NULL,
    head BLOB NOT NULL, frames INTEGER NOT NULL, height INTEGER NOT NULL,
    events INTEGER NOT NULL, plans INTEGER NOT NULL, pending INTEGER NOT NULL, next INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS turns (
    branch INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, head BLOB NOT NULL,
    at_ns INTEGER, scenario TEXT, step INTEGER,
    events INTEGER NOT NULL, plans INTEGER NOT NULL, pending INTEGER NOT NULL,
    next INTEGER NOT NULL, PRIMARY KEY (branch, first)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    branch INTEGER NOT NULL, height INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT, subject BLOB,
    cause INTEGER, turn INTEGER NOT NULL, number INTEGER, text TEXT NOT NULL, shown TEXT NOT NULL,
    said BLOB, PRIMARY KEY (branch, height)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS verified (
    head BLOB NOT NULL, ran_by TEXT NOT NULL, digest BLOB NOT NULL, height INTEGER NOT NULL,
    PRIMARY KEY (head, ran_by)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_kind ON records (branch, kind, height);
CREATE INDEX IF NOT EXISTS by_subject ON records (subject, branch, kind, height)
    WHERE subject IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_said ON records (said, branch, kind, height)
    WHERE said IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_cause ON records (branch, cause) WHERE cause IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_step ON turns (branch, scenario, step) WHERE scenario IS NOT NULL;
PRAGMA user_version = {VERSION};
"""


def _connect(place: str) -> sqlite3.Connection:
    database = sqlite3.connect(
        place, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError(f"tables of version {version}")
        if version == 0:
            database.executescript(f"PRAGMA journal_mode = WAL; BEGIN; {_TABLES} COMMIT;")
        database.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        database.close()
        raise
    return database


def _stale(names: Collection[str]) -> Iterator[tuple[str, str]]:
    """(table, SQL condition) for the rows that are of no branch of these names."""
    gone = f"name NOT IN ({marks(len(names))})"
    kept = f"SELECT id FROM branches WHERE NOT {gone}"
    yield "records", f"WHERE branch NOT IN ({kept})"
    yield "turns", f"WHERE branch NOT IN ({kept})"
    yield "branches", f"WHERE {gone}"
