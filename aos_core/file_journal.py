"""Journals on disk: one file a branch, one writer, many readers.

An appended frame is on the disk when ``append`` returns, or when the ``group`` around it ends. What
torn and damaged mean stands in frames.py. Here is what is done about them:

- opening reads the header and what the array of offsets (offsets.py) does not know yet: the last
  frame, as a rule. Every frame is checked by itself when it is read; ``check`` reads all;
- torn bytes: a writer moves them to ``<branch>.torn-N``, a reader leaves them; both say so. What
  comes after the frames that the array knows was never acknowledged, so there even a frame of full
  length that fails its check is torn;
- damage: offset and height are named, the frames before it stay readable, the file is left as it
  is, and nothing can be appended;
- a file that something else has changed since it was read, which its time tells, is read again
  before anything is appended.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from aos_core.branches import BranchLock, branch_name, branch_path, disk_errors, list_branches
from aos_core.errors import AosError, ReadOnly, UsageError
from aos_core.frames import Frame, new_frame, pack
from aos_core.journal import JournalMissing
from aos_core.layer import OPERATING_SYSTEM, FileLayer
from aos_core.log_file import CHUNK, LogFile
from aos_core.offsets import Offsets, forget_offsets, offsets_path
from aos_core.progress import Progress


class _Closed(Exception):
    """The journal was closed while it was read."""


_GONE = "its file was deleted or moved while it was open"


class FileJournal(LogFile):
    """A journal on disk, from :meth:`create` or :meth:`open`: one writer, many readers.

    May be read from several threads.
    """

    def __init__(
        self, path: Path, file: BinaryIO, lock: BranchLock | None, layer: FileLayer
    ) -> None:
        super().__init__(path, file, layer)
        self._lock = lock
        self._looking = threading.Lock()
        self._seen: tuple[int, int] | None = None
        """(size in bytes, time of the last change in ns) of the file as it was last seen here."""

    @classmethod
    def create(
        cls, path: Path, header: Mapping[str, Any], *, layer: FileLayer = OPERATING_SYSTEM
    ) -> FileJournal:
        """A new branch with nothing but its header, durable, open for writing.

        Raises :class:`UsageError` if the file exists or the header is none, :class:`WorldError`
        for a format or semantics we do not write, :class:`BranchLocked`, :class:`ReadOnly`,
        :class:`~aos_core.branches.DiskError`.
        """
        frame = new_frame(header, None)
        what = f"branch {branch_name(path)} cannot be created"
        with ExitStack() as undo, disk_errors(path, what):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = undo.enter_context(BranchLock(path))
            if path.exists():
                raise UsageError(f"{what}: it exists", code="branch_exists", file=path)
            forget_offsets(path, layer)
            file = layer.open(path, "xb+")
            undo.callback(layer.unlink, path)
            undo.callback(file.close)
            layer.write(file, 0, pack(frame.payload))
            layer.sync(file)
            _sync_names(layer, path)
            undo.pop_all()
        journal = cls(path, file, lock, layer)
        journal.header = journal.last = frame
        journal._offsets.add(0, frame.height)
        journal._offsets.keep(offsets_path(path), frame.hash)
        journal._seen = journal._stamp()
        return journal

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        write: bool,
        progress: Progress | None = None,
        layer: FileLayer = OPERATING_SYSTEM,
    ) -> FileJournal:
        """The branch at ``path``: its header and its end, read and checked.

        Damage is no error here: ``damage`` holds it and the frames before it are there. Unfinished
        bytes at the end are moved aside with ``write`` and left alone without; ``notices`` tells.
        ``progress`` counts bytes where the array of offsets is missing and all has to be read.

        Raises :class:`JournalMissing` if there is no file, or only the beginning of a header, which
        ``write`` moves aside so that the branch may be created; :class:`JournalDamaged` if the
        header itself is damaged; :class:`WorldError` for an unknown format or semantics;
        :class:`BranchLocked`, :class:`ReadOnly`, :class:`~aos_core.branches.DiskError`.
        """
        name = branch_name(path)
        with ExitStack() as undo, disk_errors(path, f"branch {name} cannot be opened"):
            if not path.exists():
                raise JournalMissing(f"there is no branch {name}", file=path)
            lock = undo.enter_context(BranchLock(path)) if write else None
            file = undo.enter_context(layer.open(path, "rb+" if write else "rb"))
            journal = cls(path, file, lock, layer)
            journal._load(progress)
            journal._seen = journal._stamp()
            undo.pop_all()
        return journal

    @property
    def in_place(self) -> bool:
        """Whether the file that is open still has its name."""
        return self._is_at(self.path) or self._file.closed

    def found_in(self, folder: Path) -> Path | None:
        """Where in a folder of logs the file that is open is now: told by the identity that the
        system gives it, never by what it says. One that is renamed meanwhile may be missed, and
        one that is closed is nowhere."""
        paths = (branch_path(folder, name) for name in list_branches(folder))
        return next(filter(self._is_at, paths), None)

    def _is_at(self, path: Path) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), path.stat())
        except (FileNotFoundError, NotADirectoryError):
            return False
        except ValueError:  # it was closed, perhaps by another thread just now
            return False

    @property
    def has_lock(self) -> bool:
        """Whether it was opened for writing and is not closed: nobody else writes the branch."""
        return self._lock is not None and self._lock.held

    def moved(self, path: Path, lock: BranchLock | None) -> None:
        """Its file has this name now. ``lock``: that of the new name, for one that is written; it
        takes the place of the old one."""
        with self._mutex:
            self.path, self._branch = path, branch_name(path)
            self._offsets.moved(offsets_path(path))
            self.back()
            if self._lock is not None and lock is not None:
                self._lock.release()
                self._lock = lock

    def back(self) -> None:
        """Its file is there again: it may be written as before."""
        if self._read_only == _GONE:
            self._read_only = None

    def refresh(self, most: int | None = None) -> int:
        if self._lock is not None or self.damage is not None:
            return 0
        known = self.count
        with self._mutex, disk_errors(self.path, f"branch {self._branch} cannot be read"):
            if self._file.closed:
                return 0
            if os.fstat(self._file.fileno()).st_size != self.last.end:
                end = self._acknowledged_end(None if most is None else known + most)
                self._scan(self.last, self.last.end, None, end=end)
                self._seen = self._stamp()
        return self.count - known

    def look_again(self) -> None:
        """Where something else has changed what was read of the file, read all of it again: what is
        damaged is known from then on, and nothing is appended before. Where nothing is written
        here, a file that has become longer is not read again: others append to it, which
        :meth:`refresh` takes in. Stops when the journal is closed meanwhile. Raises
        :class:`~aos_core.branches.DiskError`."""
        with self._looking, disk_errors(self.path, f"branch {self._branch} cannot be read"):
            with self._mutex:
                if self._file.closed or self.damage is not None:
                    return
                before, now = self._seen, self._stamp()
                longer = self._lock is None and before is not None and now[0] > before[0]
                if now[0] >= self.last.end and (now == before or longer):
                    self._seen = now
                    return
            try:  # others may read meanwhile
                if now[0] < self.last.end:
                    self._believe_shorter(self._need_open)
                else:
                    self.believe(self.check(self._need_open))
            except _Closed:
                return
            with self._mutex:
                self._seen = now

    def _need_open(self, *_: int) -> None:
        if self._file.closed:
            raise _Closed

    def _stamp(self) -> tuple[int, int]:
        found = os.fstat(self._file.fileno())
        return found.st_size, found.st_mtime_ns

    def close(self) -> None:
        super().close()
        with self._mutex:
            self._offsets.close()
            self._file.close()
            if self._lock is not None:
                self._lock.release()

    # -- writing ----------------------------------------------------------------------------

    def _write(self, frame: Frame) -> None:
        with disk_errors(self.path, f"branch {self._branch} cannot be written"):
            self._look_before(frame.offset)
            with self._mutex:
                try:
                    self._layer.write(self._file, frame.offset, pack(frame.payload))
                    if self._group is None:
                        self._layer.sync(self._file)
                except BaseException:
                    self._take_back(frame.offset)
                    raise
                self._seen = self._stamp()
                self._offsets.add(frame.offset, frame.height)
                self._remember(self.count - 1, frame)
                if self._group is None:
                    self._offsets.flush()

    def _settle(self, first: int, before: Frame) -> None:
        with self._mutex, disk_errors(self.path, f"branch {self._branch} cannot be written"):
            try:
                self.need_in_place()
                self._layer.sync(self._file)
            except BaseException:
                self._take_back(self._offsets[first][0])
                self._offsets.cut(first)
                self._cache.clear()
                self.last = before  # with the array, so that no other thread reads beyond it
                raise
            self._offsets.flush()

    def _look_before(self, end: int) -> None:
        """Raise :class:`ReadOnly` or :class:`JournalDamaged` where somebody else has touched the
        file, which ends at ``end`` for all that is known here."""
        if self._group in (None, self.count):  # a group asks for its name first and last
            self.need_in_place()
        self.look_again()
        if self.damage is not None:
            raise self.damage
        if os.fstat(self._file.fileno()).st_size != end:
            self._read_only = "something else has changed the file; open the branch again"
            raise ReadOnly(f"nothing was appended: {self._read_only}", file=self.path)

    def need_in_place(self, what: str = "") -> None:
        """Raise :class:`ReadOnly` where the file no longer has its name. ``what`` says what could
        not be done, if it was not to append."""
        if self.in_place:
            return
        what = what or f"nothing was appended to branch {self._branch}"
        self._need_nowhere(what, ReadOnly)
        if self.has_lock:  # who only reads has his own reason
            self._read_only = _GONE
        raise ReadOnly(
            f"{what}: {_GONE}",
            code="journal_gone",
            hint="what was acknowledged is still held here: put it back, or close and go on "
            "without it",
            file=self.path,
        )

    def _need_nowhere(self, what: str, error: type[AosError]) -> None:
        """Raise ``error`` where the file has another name."""
        found = self.found_in(self.path.parent)
        if found is not None:
            name = branch_name(found)
            raise error(
                f"{what}: its journal is there, as branch {name}",
                code="journal_renamed",
                hint=f"go on with branch {name}, or give it its old name again",
                file=found,
            )

    def put_back(self, *, borrowed: bool = False) -> None:
        """Write what is held here to the journal's path again, durably, where the file was deleted
        or moved. Where that fails nothing has changed. ``borrowed``: a journal that is only read,
        for a fork of it that is being written; it is locked meanwhile.

        Raises :class:`UsageError` where the file is there under another name, or another one has
        its name, :class:`BranchLocked`, :class:`ReadOnly` for a journal that is not being written,
        :class:`DiskError`.
        """
        what = f"branch {self._branch} cannot be put back"
        with self._mutex, ExitStack() as undo, disk_errors(self.path, what):
            self._need_nowhere(what, UsageError)
            lock = BranchLock(self.path) if self._lock is None and borrowed else self._lock
            if lock is None or (not borrowed and self._read_only not in (None, _GONE)):
                raise ReadOnly(f"{what}: {self._read_only}", file=self.path)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock.release()  # its file may be gone with the directory
            lock.acquire()
            if borrowed:
                undo.callback(lock.release)
            if self.path.exists():
                raise UsageError(f"{what}: its name is taken", code="branch_exists", file=self.path)
            file = self._layer.open(self.path, "xb+")
            undo.callback(self._layer.unlink, self.path)
            undo.callback(file.close)
            end = self.last.end
            if borrowed:  # others may have written more of it than was ever needed here
                end = os.fstat(self._file.fileno()).st_size
            for at in range(0, end, CHUNK):
                self._layer.write(file, at, self._read(at, min(end, at + CHUNK)))
            self._layer.sync(file)
            _sync_names(self._layer, self.path)
            undo.pop_all()
            self._file.close()
            self._file = file
            self._seen = self._stamp()
            self._offsets.close()
            if borrowed:
                lock.release()
            else:
                self._read_only = None

    def _take_back(self, end: int) -> None:
        """Cut off what a failed write left, so that the next frame follows the last good one."""
        try:
            self._cut(end)
        except OSError:
            self._read_only = "a write failed and could not be undone; open the branch again"

    def _cut(self, end: int) -> None:
        self._layer.truncate(self._file, end)
        self._layer.sync(self._file)
        self._seen = self._stamp()

    # -- opening ----------------------------------------------------------------------------

    def _load(self, progress: Progress | None) -> None:
        """Read the header and the end; with the lock, move an unfinished end out of the way."""
        if self._lock is None:
            self._read_only = "it was opened for reading only"
        known = self._load_known()
        acknowledged, torn = 0, b""
        if known is None or not self._go_on_from(known):
            self._offsets = Offsets()
            torn = self._scan(None, 0, progress, known)
            if not self.count:
                raise self._unfinished_creation(torn)
        else:
            acknowledged = self.count
            torn = self._scan(self.last, self.last.end, None, known)
        if self._lock is None or self.damage is not None:
            return
        if torn:
            self._set_aside(torn)
        elif self.count > acknowledged:
            self._layer.sync(self._file)  # whoever wrote the new frames may have died before that
        if known is None:
            _sync_names(self._layer, self.path)  # as whoever created it may have
        self._offsets.keep(offsets_path(self.path), self.header.hash)

    def _unfinished_creation(self, torn: bytes) -> JournalMissing:
        """The error for a file that ends inside its header; with the lock, moves it aside."""
        text = f"branch {self._branch} is empty: its creation was never finished"
        if self._lock is None:
            return JournalMissing(text, hint="open it for writing to clear it away", file=self.path)
        aside = self._move_aside(torn)
        self._file.close()
        self._layer.unlink(self.path)
        self._layer.sync_directory(self.path.parent)
        return JournalMissing(f"{text}; its bytes were moved to {aside.name}", file=self.path)

    def _set_aside(self, torn: bytes) -> None:
        aside = self._move_aside(torn)
        self._cut(self.last.end)
        moved = (
            f"the last {len(torn)} bytes (offset {self.last.end}) were an unfinished frame: an "
            f"append that was broken off, or a file cut short; they were moved to {aside.name}"
        )
        self.notices = [moved]

    def _move_aside(self, torn: bytes) -> Path:
        """Write ``torn`` durably to the first free ``<branch>.torn-N``."""
        paths = (self.path.with_name(f"{self._branch}.torn-{n}") for n in itertools.count(1))
        aside = next(path for path in paths if not path.exists())
        with self._layer.open(aside, "xb") as file:
            self._layer.write(file, 0, torn)
            self._layer.sync(file)
        self._layer.sync_directory(aside.parent)
        return aside


def _sync_names(layer: FileLayer, log: Path) -> None:
    """Make the name of ``log`` durable; ``.aos/journal`` may be as new as the file."""
    for directory in log.absolute().parents[:3]:
        layer.sync_directory(directory)
