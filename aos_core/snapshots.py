"""Snapshots: states that were kept, so that a far moment need not be reached from the beginning.

A snapshot is named by the head of its journal, hence by the whole history before it. It holds the
roots of the parts of the state and the moment after it; the Merkle nodes are kept beside, each
once, so a snapshot costs what has changed since the one before. All of it is derived: what does not
have the hash it should is as if it were not there, and the whole file may be deleted at any time.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from aos_core import canon
from aos_core.canon import ZERO_HASH
from aos_core.databases import delete, is_busy, transaction
from aos_core.errors import CanonError, Rejected
from aos_core.frames import Frame
from aos_core.kernel.program import Program, Settings
from aos_core.kernel.restore import restore
from aos_core.kernel.state import State
from aos_core.kernel.turn import Moment
from aos_core.merkle import BadNode, MerkleMap, children_of

Programs = Callable[[bytes], Program]

BUSY_SECONDS = 5.0

MOST_IN_MEMORY = 1024
"""So many states are kept by a world in memory."""

_MOST_WAITING = 64
"""So many states wait for the disk at most: with a slow one there are fewer snapshots."""

_SOON_SECONDS = 0.05
"""So long a state may wait for others to be written with: a transaction costs more than a state."""


Again = Callable[[], State]

Used = Callable[[bytes, int], bool]
"""Whether some journal has a frame of this hash whose last record is at this height."""


@dataclass(frozen=True, slots=True)
class Waste:
    """So many snapshots and nodes that nothing leads to, and the bytes of those nodes."""

    snapshots: int
    nodes: int
    bytes: int


class Snapshots(Protocol):
    """Kept states by the frame that they come after.

    ``damaged``: whether a part of one that was needed turned out to be missing or altered."""

    damaged: bool

    def keep(self, frame: Frame, state: State, after: Moment) -> None:
        """Keep the state and the moment after ``frame``, soon; fails silently."""

    def load(self, frame: Frame, programs: Programs, again: Again) -> tuple[State, Moment] | None:
        """What was kept for ``frame``, None where nothing good was. Parts of the state are read
        when they are needed; where one is damaged, ``again`` makes the state without this."""

    def before(self, height: int) -> int | None:
        """The last height up to ``height`` after which there is one, of whatever branch."""

    def spread(self, last: int, every: int) -> list[tuple[int, bytes]]:
        """(height, hash of the frame before it) of what is kept up to height ``last``, of whatever
        branch, of each ``every`` heights one; rising."""

    def waste(self, used: Used) -> Waste:
        """What is kept that no journal leads to."""

    def sweep(self, used: Used) -> None:
        """Drop that, and give back its room. Fails silently."""

    def settle(self) -> None:
        """Return when everything that was to be kept is."""

    def close(self) -> None:
        """Give up the file, all kept."""


class MemorySnapshots:
    """Snapshots that live in memory: the states themselves."""

    damaged = False

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[State, Moment]] = {}

    def keep(self, frame: Frame, state: State, after: Moment) -> None:
        self._kept[frame.hash] = state, after
        if len(self._kept) > MOST_IN_MEMORY:  # every other one goes: the longer ago, the sparser
            self._kept = dict(list(self._kept.items())[1::2])

    def load(self, frame: Frame, programs: Programs, again: Again) -> tuple[State, Moment] | None:
        return self._kept.get(frame.hash)

    def before(self, height: int) -> int | None:
        heights = (moment.height - 1 for _, moment in self._kept.values())
        return max((of for of in heights if of <= height), default=None)

    def spread(self, last: int, every: int) -> list[tuple[int, bytes]]:
        kept = [(moment.height - 1, head) for head, (_, moment) in self._kept.items()]
        found = {height // every: (height, head) for height, head in sorted(kept) if height <= last}
        return [*found.values()]

    def waste(self, used: Used) -> Waste:
        heads = self._unused(used)
        return Waste(len(heads), 0, 0)

    def sweep(self, used: Used) -> None:
        for head in self._unused(used):
            del self._kept[head]

    def _unused(self, used: Used) -> list[bytes]:
        kept = self._kept.items()
        return [head for head, (_, moment) in kept if not used(head, moment.height - 1)]

    def settle(self) -> None:
        pass

    def close(self) -> None:
        pass


class StoredSnapshots:
    """Snapshots in one SQLite file that threads and processes share. They are written by a thread
    of its own, those that come soon after each other together. A file that cannot be used is done
    without."""

    def __init__(self, path: Path, *, write: bool) -> None:
        self._path, self._write, self.damaged = path, write, False
        self._mutex = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: deque[tuple[bytes, State, Moment]] = deque(maxlen=_MOST_WAITING)
        self._hurry = threading.Event()
        self._database = self._open()

    def keep(self, frame: Frame, state: State, after: Moment) -> None:
        if self._database is None or not self._write:
            return
        if len(self._waiting) == _MOST_WAITING:
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshots")
        self._waiting.append((frame.hash, state, after))
        if len(self._waiting) == 1:  # else the thread knows already
            self._thread.submit(self._keep_soon)

    def load(self, frame: Frame, programs: Programs, again: Again) -> tuple[State, Moment] | None:
        row = self._one("SELECT data FROM snapshots WHERE head = ?", frame.hash)
        if row is None:
            return None
        plain = _plain(row)
        if plain is None or canon.digest(plain["state"]) != frame.root:
            return None
        try:
            moment = Moment(
                plain["height"], plain["logical_ns"], Settings.from_plain(plain["settings"])
            )
            return restore(plain["state"], self._node, programs, again), moment
        except (CanonError, Rejected, KeyError, TypeError, BadNode):
            return None

    def before(self, height: int) -> int | None:
        rows = self._all("SELECT max(height) FROM snapshots WHERE height <= ?", height)
        found: int | None = rows[0][0] if rows else None
        return found

    def spread(self, last: int, every: int) -> list[tuple[int, bytes]]:
        query = (  # where there is a max, SQLite gives the other columns of its row
            "SELECT max(height), head FROM snapshots WHERE height <= ?"
            f" GROUP BY height / {every} ORDER BY 1"
        )
        return self._all(query, last)

    def waste(self, used: Used) -> Waste:
        heads, nodes = self._unused(used)
        sizes = dict(self._all("SELECT hash, length(data) FROM nodes"))
        return Waste(len(heads), len(nodes), sum(sizes[of] for of in nodes))

    def sweep(self, used: Used) -> None:
        self.settle()
        heads, nodes = self._unused(used)
        with self._mutex, suppress(sqlite3.Error):
            if self._database is None or not self._write:
                return
            with transaction(self._database):  # snapshots before what they need
                for table, column, gone in (("snapshots", "head", heads), ("nodes", "hash", nodes)):
                    self._database.executemany(
                        f"DELETE FROM {table} WHERE {column} = ?", ((of,) for of in gone)
                    )
            self._database.execute("VACUUM")

    def _unused(self, used: Used) -> tuple[list[bytes], list[bytes]]:
        """(heads of snapshots, hashes of nodes) that no journal leads to; what is damaged too."""
        gone, live = [], {ZERO_HASH}
        for head, height, data in self._all("SELECT head, height, data FROM snapshots"):
            plain = _plain(data) if used(head, height) else None
            if plain is None:
                gone.append(head)
            else:
                self._mark(_roots(plain), live)
        nodes = (of for (of,) in self._all("SELECT hash FROM nodes"))
        return gone, [of for of in nodes if of not in live]

    def problems(self, frame_at: Callable[[bytes, int], Frame | None]) -> tuple[int, list[str]]:
        """How many snapshots there are, and what is wrong with them, a sentence each. ``frame_at``
        gives the frame of a hash that ends at a height. Every node is looked at once."""
        if self._database is None:
            return 0, [f"{self._path.name} is no file of snapshots"] if self._path.exists() else []
        found: list[str] = []
        good: set[bytes] = {ZERO_HASH}
        rows = self._all("SELECT head, height, data FROM snapshots ORDER BY height")
        for head, height, data in rows:
            frame, plain = frame_at(head, height), _plain(data)
            if plain is None:
                found.append(f"the one of height {height} is altered")
            elif frame is not None and canon.digest(plain["state"]) != frame.root:
                found.append(f"the one of height {height} has another root than its journal")
            elif bad := self._mark(_roots(plain), good):
                found.append(f"the one of height {height} lacks {bad} of its nodes")
        return len(rows), found

    def _mark(self, roots: list[bytes], live: set[bytes]) -> int:
        """Add every good node below ``roots``; how many are missing or altered."""
        bad = 0
        while roots:
            digest = roots.pop()
            if digest in live:
                continue
            data = self._one("SELECT data FROM nodes WHERE hash = ?", digest)
            try:
                roots += children_of(data or b"", digest)
                live.add(digest)
            except BadNode:
                bad += 1
        return bad

    def settle(self) -> None:
        if self._thread is not None:
            self._hurry.set()
            self._thread.submit(self._keep_waiting).result()
            self._hurry.clear()

    def close(self) -> None:
        self.settle()
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
        with self._mutex, suppress(sqlite3.Error):
            if self._database is not None:
                self._database.close()
                self._database = None

    def _keep_soon(self) -> None:
        self._hurry.wait(_SOON_SECONDS)
        self._keep_waiting()

    def _keep_waiting(self) -> None:
        """Write what waits by now, in one transaction."""
        with self._mutex:
            waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if self._database is None or not waiting:
                return
            nodes: list[Any] = []
            try:
                with transaction(self._database):
                    for head, state, after in waiting:
                        nodes += self._keep(self._database, head, state, after)
            except BaseException as error:
                for node in nodes:
                    node.kept = False
                if not isinstance(error, sqlite3.Error):  # else some snapshots the fewer
                    raise

    def _keep(
        self, database: sqlite3.Connection, head: bytes, state: State, after: Moment
    ) -> list[Any]:
        """Write a state, and of its nodes those that no other has written: which they were."""
        maps: list[MerkleMap[Any]] = [*state.cells.values(), state.plans, state.pending]
        nodes = [node for of in maps for node in of.unkept()]
        plain: dict[str, Any] = {
            "state": state.to_plain(),
            "height": after.height,
            "logical_ns": after.logical_ns,
            "settings": after.settings.to_plain(),
        }
        data = canon.encode({**plain, "sum": _sum(plain)})
        database.executemany(
            "INSERT OR REPLACE INTO nodes VALUES (?, ?)",
            ((node.hash(), node.to_bytes()) for node in nodes),
        )
        database.execute(
            "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", (head, after.height - 1, data)
        )
        for node in nodes:
            node.kept = True
        return nodes

    def _node(self, digest: bytes) -> bytes:
        data = self._one("SELECT data FROM nodes WHERE hash = ?", digest)
        if data is None:
            raise BadNode(digest)
        return data

    def _one(self, query: str, *given: bytes) -> bytes | None:
        rows = self._all(query, *given)
        return rows[0][0] if rows and isinstance(rows[0][0], bytes) else None

    def _all(self, query: str, *given: bytes | int) -> list[Any]:
        with self._mutex:
            if self._database is None:
                return []
            try:
                return self._database.execute(query, given).fetchall()
            except (sqlite3.Error, UnicodeDecodeError):
                return []

    def _open(self) -> sqlite3.Connection | None:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if not self._write or is_busy(error):  # what others use is not ours to delete
                return None
        with suppress(OSError, sqlite3.Error):  # broken, or of another version: begin anew
            delete(self._path)
            return self._connect()
        return None

    def _connect(self) -> sqlite3.Connection:
        mode = "rwc" if self._write else "ro"
        database = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if self._write:
                database.executescript(_SCHEMA)
            database.execute("SELECT head, height, data FROM snapshots LIMIT 1").fetchall()
        except BaseException:
            database.close()
            raise
        return database


_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS nodes (hash BLOB PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshots
    (head BLOB PRIMARY KEY, height INTEGER NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_height ON snapshots (height);
"""


def _plain(data: bytes) -> dict[str, Any] | None:
    """What a snapshot says, None where it is not what was written."""
    try:
        plain: dict[str, Any] = canon.decode(data)
        return plain if plain["sum"] == _sum(plain) else None
    except (CanonError, KeyError, TypeError, AttributeError):
        return None


def _roots(plain: dict[str, Any]) -> list[bytes]:
    """The roots of the maps of a snapshot."""
    state = plain["state"]
    return [*state["cells"].values(), state["plans"], state["pending"]]


def _sum(plain: dict[str, Any]) -> bytes:
    """The hash of what a snapshot says: settings and logical time are in no root."""
    return canon.digest({name: of for name, of in plain.items() if name != "sum"})
