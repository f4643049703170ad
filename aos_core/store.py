"""The content-addressed store: blobs, definitions, modules, Merkle nodes, each under its SHA-256.

What is put is durable when ``put`` returns, so it may be named by the frame that is written next.
What is got has the hash it was asked for by, or is an error. Two backends with the same behaviour:
:class:`MemoryStore`, and :class:`SqliteStore`, one database that threads and processes share.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from filelock import FileLock

from aos_core.branches import DiskError, disk_errors
from aos_core.canon import hash_text, sha256
from aos_core.databases import transaction
from aos_core.errors import ReadOnly, StoreDamaged, UsageError

MAX_OBJECT = 10**9
"""Longest object, in bytes: what SQLite holds in one row."""

SPOOL = 2**20
"""How much of a draft is held in memory, in bytes."""

BUSY_SECONDS = 30.0
"""How long a write waits for another process before it gives up."""


class Store(ABC):
    """Bytes by their SHA-256 (32 bytes). Also a context manager that closes."""

    def put(self, data: bytes) -> bytes:
        """Keep ``data``, durably, and return its hash. Heals an altered object of that hash.

        Raises :class:`UsageError` beyond ``MAX_OBJECT``.
        """
        return self.put_all([data])[0]

    @abstractmethod
    def put_all(self, blobs: Iterable[bytes]) -> list[bytes]:
        """Keep all of ``blobs`` or, if anything fails, none; returns their hashes in order."""

    @abstractmethod
    def get(self, digest: bytes, *, what: str = "an object") -> bytes:
        """The bytes of that hash. ``what`` names them in errors, as in ``module demo/X@1``.

        Raises :class:`StoreDamaged` if they are missing or altered.
        """

    @abstractmethod
    def has(self, digest: bytes) -> bool:
        """Whether there is an object of that hash; its bytes are not looked at."""

    @abstractmethod
    def sizes(self) -> dict[bytes, int]:
        """How long every object is, in bytes, by its hash. Their bytes are not looked at."""

    @abstractmethod
    def drop(self, digests: Iterable[bytes]) -> None:
        """Forget objects, all of them or, if anything fails, none."""

    @abstractmethod
    def compact(self) -> None:
        """Give back the room that dropped objects had."""

    @abstractmethod
    def draft(self) -> Draft:
        """An object that comes bit by bit; see :class:`Draft`."""

    @abstractmethod
    def close(self) -> None:
        """Give up the store. May be called again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Draft:
    """An object on its way into a store, hashed as it comes; a large one is not held in memory.

    A context manager: what was not kept at its end is dropped.
    """

    def __init__(self, keep: Callable[[bytes, int, IO[bytes]], None], folder: Path | None) -> None:
        self._keep, self._hash = keep, hashlib.sha256()
        self._folder = folder or Path(tempfile.gettempdir())
        self._file = tempfile.SpooledTemporaryFile(max_size=SPOOL, dir=str(self._folder))  # noqa: SIM115
        self.size = 0

    def write(self, data: bytes) -> None:
        """Add bytes. Raises ``DiskError``, and :class:`UsageError` beyond ``MAX_OBJECT``."""
        self.size += len(data)
        _check_size(self.size)
        self._hash.update(data)
        with disk_errors(self._folder, "a blob cannot be written"):
            self._file.write(data)

    def keep(self) -> bytes:
        """Keep it, durably, and return its hash. Raises what ``put`` raises."""
        digest = self._hash.digest()
        self._file.seek(0)
        self._keep(digest, self.size, self._file)
        return digest

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class MemoryStore(Store):
    """A store that lives in memory."""

    def __init__(self) -> None:
        self._objects: dict[bytes, bytes] = {}

    def put_all(self, blobs: Iterable[bytes]) -> list[bytes]:
        rows = _rows(blobs)
        self._objects.update(rows)
        return [digest for digest, _ in rows]

    def get(self, digest: bytes, *, what: str = "an object") -> bytes:
        return _checked(self._objects.get(digest), digest, what, None)

    def has(self, digest: bytes) -> bool:
        return digest in self._objects

    def sizes(self) -> dict[bytes, int]:
        return {digest: len(data) for digest, data in self._objects.items()}

    def drop(self, digests: Iterable[bytes]) -> None:
        for digest in digests:
            self._objects.pop(digest, None)

    def compact(self) -> None:
        pass

    def draft(self) -> Draft:
        def keep(digest: bytes, size: int, file: IO[bytes]) -> None:
            self._objects[digest] = file.read()

        return Draft(keep, None)

    def close(self) -> None:
        pass


class SqliteStore(Store):
    """A store in one SQLite file, table ``objects(hash, data)``, WAL mode, synchronous FULL.

    One object may be used by several threads, and one file by several processes. Every method
    raises :class:`StoreDamaged` for a file that is no database or a broken one, :class:`DiskError`
    for a disk that refuses, :class:`UsageError` after ``close``.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open ``path``, and make it if it is not there, unless ``read_only``.

        Raises also :class:`ReadOnly` where it cannot be written.
        """
        self.path = path
        self._read_only = read_only
        self._mutex = threading.Lock()
        self._database = self._open_existing() if read_only else self._open_or_create()
        self._opened = _file_at(path)

    @property
    def in_place(self) -> bool:
        """Whether the file that was opened is still at its path, and no other one."""
        return self._opened is not None and self._opened == _file_at(self.path)

    def put_all(self, blobs: Iterable[bytes]) -> list[bytes]:
        self._need_writable()
        rows = _rows(blobs)
        with self._mutex, self._typed_errors(), transaction(self._database):
            self._database.executemany(
                "INSERT INTO objects VALUES (?, ?) ON CONFLICT (hash) DO UPDATE"
                " SET data = excluded.data WHERE data IS NOT excluded.data",
                rows,
            )
        return [digest for digest, _ in rows]

    def get(self, digest: bytes, *, what: str = "an object") -> bytes:
        with self._mutex, self._typed_errors():
            row = self._database.execute(
                "SELECT data FROM objects WHERE hash = ?", (digest,)
            ).fetchone()
        return _checked(row and row[0], digest, what, self.path)

    def has(self, digest: bytes) -> bool:
        with self._mutex, self._typed_errors():
            found = self._database.execute("SELECT 1 FROM objects WHERE hash = ?", (digest,))
            return found.fetchone() is not None

    def sizes(self) -> dict[bytes, int]:
        with self._mutex, self._typed_errors():
            return dict(self._database.execute("SELECT hash, length(data) FROM objects"))

    def drop(self, digests: Iterable[bytes]) -> None:
        self._need_writable()
        with self._mutex, self._typed_errors(), transaction(self._database):
            self._database.executemany(
                "DELETE FROM objects WHERE hash = ?", ((digest,) for digest in digests)
            )

    def compact(self) -> None:
        self._need_writable()
        with self._mutex, self._typed_errors():
            self._database.execute("VACUUM")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def draft(self) -> Draft:
        self._need_writable()
        return Draft(self._copy, self.path.parent)

    def copy_to(self, other: Store) -> None:
        """Put every object that is whole into another store. Raises as :meth:`get`."""
        last = b""
        while True:
            with self._mutex, self._typed_errors():
                rows = self._database.execute(
                    "SELECT hash, data FROM objects WHERE hash > ? ORDER BY hash LIMIT 100", (last,)
                ).fetchall()
            if not rows:
                return
            other.put_all(data for digest, data in rows if sha256(data) == digest)
            last = rows[-1][0]

    def _copy(self, digest: bytes, size: int, file: IO[bytes]) -> None:
        with self._mutex, self._typed_errors(), transaction(self._database):
            self._database.execute(
                "INSERT INTO objects VALUES (?, zeroblob(?))"
                " ON CONFLICT (hash) DO UPDATE SET data = excluded.data",
                (digest, size),
            )
            (row,) = self._database.execute(
                "SELECT rowid FROM objects WHERE hash = ?", (digest,)
            ).fetchone()
            with self._database.blobopen("objects", "data", row) as blob:
                while data := file.read(SPOOL):
                    blob.write(data)

    def close(self) -> None:
        with self._mutex, self._typed_errors():
            self._database.close()

    def _need_writable(self) -> None:
        if self._read_only:
            raise ReadOnly("the store was opened for reading only", file=self.path)

    def _open_or_create(self) -> sqlite3.Connection:
        # SQLite's busy timeout does not cover the change to WAL, so openers take turns.
        turn = FileLock(f"{self.path}.lock", timeout=BUSY_SECONDS, poll_interval=0.01)
        with disk_errors(self.path, "the store cannot be opened"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with turn:
                return self._connect(
                    "mode=rwc",
                    "PRAGMA journal_mode = WAL",
                    "PRAGMA synchronous = FULL",
                    "CREATE TABLE IF NOT EXISTS objects"
                    " (hash BLOB PRIMARY KEY, data BLOB NOT NULL)",
                )

    def _open_existing(self) -> sqlite3.Connection:
        look = "SELECT 1 FROM objects LIMIT 1"
        try:
            return self._connect("mode=ro", look)
        except ReadOnly:
            # Even to read, WAL mode makes files beside the database. Where none can be made and
            # none is there, nobody is writing, and the file can be read as it stands.
            if self.path.with_name(f"{self.path.name}-wal").exists():
                raise
            return self._connect("mode=ro&immutable=1", look)

    def _connect(self, options: str, *statements: str) -> sqlite3.Connection:
        with self._typed_errors():
            database = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?{options}",
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            database.text_factory = bytes  # damage can turn a blob into a text that is no UTF-8
            try:
                for statement in statements:
                    database.execute(statement).fetchall()
            except BaseException:
                database.close()
                raise
        return database

    @contextmanager
    def _typed_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._typed(error) from error
        except UnicodeDecodeError as error:  # SQLite quotes damage in a message of its own
            raise self._damaged("what it says of itself is no text") from error

    def _typed(self, error: sqlite3.Error) -> StoreDamaged | DiskError | UsageError:
        if isinstance(error, sqlite3.ProgrammingError):
            return UsageError(f"the store cannot be used: {error}", file=self.path)
        primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if primary in _NOT_WRITABLE:
            if self._read_only and not self.path.exists():
                hint = "`aos run` makes it anew from the files of the world"
                return UsageError("there is no store", hint=hint, file=self.path)
            hint = f"give yourself write permission in {self.path.parent}, or open it read-only"
            return ReadOnly(f"the store cannot be opened: {error}", hint=hint, file=self.path)
        if primary in _DISK:
            hint = "free some space, or wait for the other process, then try again"
            return DiskError(f"the store cannot be used: {error}", hint=hint, file=self.path)
        return self._damaged(str(error))

    def _damaged(self, why: str) -> StoreDamaged:
        return StoreDamaged(
            f"the store is no database of ours, or a broken one: {why}",
            hint="move it away and open the world again: what its files hold is put in anew",
            file=self.path,
        )


_NOT_WRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN}
_DISK = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
}


def _file_at(path: Path) -> tuple[int, int] | None:
    """(device, inode) of what is at a path; None where there is nothing to be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _rows(blobs: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    rows = []
    for data in blobs:
        _check_size(len(data))
        rows.append((sha256(data), data))
    return rows


def _check_size(size: int) -> None:
    if size > MAX_OBJECT:
        raise UsageError(f"{size} bytes are too many for one object", code="too_big")


def _checked(data: object, digest: bytes, what: str, file: Path | None) -> bytes:
    """``data`` if it has the hash ``digest``. Raises :class:`StoreDamaged`."""
    if isinstance(data, bytes) and sha256(data) == digest:
        return data
    wrong = "is missing from the store" if data is None else "is altered in the store"
    raise StoreDamaged(
        f"{what} {wrong}: {hash_text(digest)}",
        hint="open the world where its files are: what they hold is put in anew",
        file=file,
    )
