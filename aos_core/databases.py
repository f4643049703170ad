"""SQLite files: what the store, the index and the snapshots have in common."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All that is written inside, or nothing of it. Raises ``sqlite3.Error``."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def is_busy(error: Exception) -> bool:
    """Whether SQLite says that another user holds the database."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def delete(path: Path) -> None:
    """Remove a database with the files beside it. Raises ``OSError``."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def marks(count: int) -> str:
    """Places for ``count`` values in a statement."""
    return ", ".join("?" * count)
