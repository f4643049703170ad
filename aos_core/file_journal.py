"""Journals on disk: one file a branch, one writer, many readers.

An appended frame is on the disk when ``append`` returns, or when the ``group`` around it ends. What
torn and damaged mean stands in frames.py. Here is what is done about them:

- opening reads the header and what the array of offsets (offsets.py) does not know yet: the last
  frame, as a rule. Every frame is checked by itself when it is read; ``check`` reads all;
- torn bytes: a writer moves them to ``<branch>.torn-N``, a reader leaves them; both say so. What
  comes after the frames that the array knows was never acknowledged, so there even a frame of full
  length that fails its check is torn;
- damage: offset and height are named, the frames before it stay readable, the file is left as it
  is, and nothing can be appended.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from aos_core.branches import BranchLock, branch_name, branch_path, disk_errors, list_branches
from aos_core.errors import AosError, JournalDamaged, ReadOnly, UsageError, WorldError
from aos_core.frames import (
    BadFrame,
    Frame,
    Problem,
    new_frame,
    pack,
    read_frame,
    scan,
)
from aos_core.journal import Digest, Journal, JournalMissing
from aos_core.layer import OPERATING_SYSTEM, FileLayer
from aos_core.offsets import BadEntry, Offsets, forget_offsets, offsets_path
from aos_core.progress import Progress

_T = TypeVar("_T")

_CHUNK = 2**24
"""How much of a file is looked at together, in bytes."""

_GONE = "its file was deleted or moved while it was open"

_CACHED = 128
"""So many decoded frames are kept, those looked at last."""


class FileJournal(Journal):
    """A journal on disk, from :meth:`create` or :meth:`open`: one writer, many readers.

    May be read from several threads.
    """

    def __init__(
        self, path: Path, file: BinaryIO, lock: BranchLock | None, layer: FileLayer
    ) -> None:
        super().__init__()
        self.path = path
        self._branch = branch_name(path)
        self._file, self._lock, self._layer = file, lock, layer
        self._offsets = Offsets()
        self._cache: OrderedDict[int, Frame] = OrderedDict()
        self._mutex = threading.RLock()

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
            undo.pop_all()
        return journal

    @property
    def count(self) -> int:
        return len(self._offsets)

    def frame(self, index: int) -> Frame:
        with self._mutex:
            if (known := self._cache.get(index)) is not None:
                self._cache.move_to_end(index)
                return known
            offset, height, end = self._by_offsets(lambda: self._place(index))
            try:
                with disk_errors(self.path, f"branch {self._branch} cannot be read"):
                    frame = read_frame(self._read(offset, end), offset, height)
            except BadFrame as bad:
                self._read_only = f"the journal is damaged from height {height} on"
                self.damage = self._damage(str(bad), offset, height)
                self._distrust_offsets()
                raise self.damage from None
            self._remember(index, frame)
            return frame

    def index_at(self, height: int) -> int:
        """Raises :class:`JournalDamaged` where array and journal are both damaged."""
        with self._mutex:
            return self._by_offsets(lambda: self._offsets.index_at(height))

    def check(
        self, progress: Progress | None = None, look: Callable[[Frame], None] | None = None
    ) -> JournalDamaged | None:
        with self._mutex:
            self._cache.clear()  # what lies on the disk now is what counts
        found = super().check(progress, look)
        if found is not None:
            self._distrust_offsets()
        return found

    def _place(self, index: int) -> tuple[int, int, int]:
        """(offset, height of the first record, end) of frame ``index``."""
        offset, height = self._offsets[index]
        end = self._offsets[index + 1][0] if index + 1 < self.count else self.last.end
        return offset, height, end

    def _by_offsets(self, look: Callable[[], _T]) -> _T:
        """What ``look`` finds in the array; it is learned anew if it proves to be damaged."""
        try:
            return look()
        except BadEntry:
            self._learn_again()
            return look()

    def first_height(self, index: int) -> int:
        with self._mutex:
            return self._by_offsets(lambda: self._offsets[index][1])

    def feed(self, digest: Digest, count: int) -> None:
        with self._mutex:
            end = self._by_offsets(lambda: self._place(count - 1)[2]) if count else 0
        with (
            disk_errors(self.path, f"branch {self._branch} cannot be read"),
            self._layer.open(self.path, "rb") as file,
        ):
            for at in range(0, end, _CHUNK):
                digest.update(_read(file, at, min(end, at + _CHUNK)))

    @property
    def in_place(self) -> bool:
        """Whether the file that is open still has its name."""
        return self._file.closed or self._is_at(self.path)

    def found_in(self, folder: Path) -> Path | None:
        """Where in a folder of logs the file that is open is now: told by the identity that the
        system gives it, never by what it says. One that is renamed meanwhile may be missed."""
        paths = (branch_path(folder, name) for name in list_branches(folder))
        return next(filter(self._is_at, paths), None)

    def _is_at(self, path: Path) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), path.stat())
        except (FileNotFoundError, NotADirectoryError):
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

    def refresh(self) -> Sequence[Frame]:
        if self._lock is not None or self.damage is not None or self._file.closed:
            return ()
        known = self.count
        with self._mutex, disk_errors(self.path, f"branch {self._branch} cannot be read"):
            if os.fstat(self._file.fileno()).st_size != self.last.end:
                self._scan(self.last, self.last.end, None, end=self._acknowledged_end())
        return self.frames[known:]

    def _acknowledged_end(self) -> int | None:
        """Where the last frame ends that the array of offsets knows by now: what follows may be
        taken back. None where there is no array of this journal."""
        array = Offsets.load(offsets_path(self.path), self.header.hash)
        if array is None:
            return None
        offset, _ = array[len(array) - 1]
        array.close()
        return offset + len(self._framed(offset))

    def close(self) -> None:
        super().close()
        with self._mutex:
            self._offsets.close()
            self._file.close()
            if self._lock is not None:
                self._lock.release()

    # -- writing ----------------------------------------------------------------------------

    def _write(self, frame: Frame) -> None:
        with self._mutex, disk_errors(self.path, f"branch {self._branch} cannot be written"):
            self._need_unchanged(frame.offset)
            try:
                self._layer.write(self._file, frame.offset, pack(frame.payload))
                if self._group is None:
                    self._layer.sync(self._file)
            except BaseException:
                self._take_back(frame.offset)
                raise
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

    def _need_unchanged(self, end: int) -> None:
        """Raise :class:`ReadOnly` where somebody else has touched the file."""
        if self._group in (None, self.count):  # a group asks for its name first and last
            self.need_in_place()
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
            for at in range(0, end, _CHUNK):
                self._layer.write(file, at, self._read(at, min(end, at + _CHUNK)))
            self._layer.sync(file)
            _sync_names(self._layer, self.path)
            undo.pop_all()
            self._file.close()
            self._file = file
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

    # -- reading ----------------------------------------------------------------------------

    def _read(self, start: int, end: int) -> bytes:
        if self._file.closed:  # who has looked at a branch may go on looking
            with self._layer.open(self.path, "rb") as file:
                return _read(file, start, end)
        return _read(self._file, start, end)

    def _distrust_offsets(self) -> None:
        """Without its array a journal is read whole when it is opened: whoever opens it next finds
        the damage, and neither writes behind it nor forks there."""
        with contextlib.suppress(OSError):
            offsets_path(self.path).unlink(missing_ok=True)

    def _remember(self, index: int, frame: Frame) -> None:
        self._cache[index] = frame
        if len(self._cache) > _CACHED:
            self._cache.popitem(last=False)

    def _load(self, progress: Progress | None) -> None:
        """Read the header and the end; with the lock, move an unfinished end out of the way."""
        if self._lock is None:
            self._read_only = "it was opened for reading only"
        known = self._load_known()
        acknowledged, torn = 0, b""
        if known is None or not self._go_on_from(known):
            self._offsets = Offsets()
            torn = self._scan(None, 0, progress, known)
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

    def _load_known(self) -> Offsets | None:
        """The array of offsets, where there is one of this journal."""
        frames, _ = self._parse(self._framed(0), 0, None)
        if not frames:
            return None
        self.header = self.last = frames[0]
        return Offsets.load(offsets_path(self.path), self.header.hash)

    def _go_on_from(self, known: Offsets) -> bool:
        """Take ``known`` as it is, if the last frame that it knows is there."""
        offset, height = known[len(known) - 1]
        try:
            self.last = read_frame(self._framed(offset), offset, height)
        except BadFrame:
            return False
        self._offsets = known
        return True

    def _framed(self, offset: int) -> bytes:
        """The bytes of the frame that is announced at ``offset``, fewer where the file ends."""
        size = os.fstat(self._file.fileno()).st_size
        length = int.from_bytes(self._read(offset, offset + 4), "little")
        return self._read(offset, min(size, offset + length + 12))

    def _scan(
        self,
        last: Frame | None,
        start: int,
        progress: Progress | None,
        known: Offsets | None = None,
        end: int | None = None,
    ) -> bytes:
        """Take in all frames from ``start`` on, up to ``end``, which follow ``last``; returns the
        bytes of an unfinished one after them. ``known``: what was known of the file before."""
        size = os.fstat(self._file.fileno()).st_size
        if size < start:
            self._set_damage("it has become shorter since it was read", start)
            return b""
        size = size if end is None else max(start, min(size, end))
        good, problem = self._take_in(last, start, size, progress)
        return self._judge(good, size, problem, known)

    def _learn_again(self) -> None:
        """Read all that is known of the file to find its offsets: their array is damaged."""
        known, end = self._offsets, self.last.end
        self._offsets = Offsets()
        good, problem = self._take_in(None, 0, end, None)
        known.close()
        if good < end:
            self._set_damage(problem.text if problem else "it has become shorter", good)
            assert self.damage is not None
            raise self.damage
        if self.writable and self._group is None:  # the array knows durable frames only
            self._offsets.keep(offsets_path(self.path), self.header.hash)

    def _take_in(
        self, last: Frame | None, start: int, size: int, progress: Progress | None
    ) -> tuple[int, Problem | None]:
        """Add the good frames from ``start`` on, which follow ``last``; where they end, and what
        is wrong there."""
        problem: Problem | None = None
        want = _CHUNK
        while start < size:
            data = self._read(start, min(size, start + want))
            frames, problem = self._parse(data, start, last)
            for frame in frames:
                self._offsets.add(frame.offset, frame.height)
            if not frames and (problem is not None or len(data) == size - start):
                break
            want = _CHUNK if frames else want * 2  # a frame may be longer than what was read
            if frames:
                last = frames[-1]
                self.header, self.last = (frames[0] if start == 0 else self.header), last
                start = last.end
            if progress is not None:
                progress(start, size)
        return start, problem

    def _parse(
        self, data: bytes, offset: int, last: Frame | None
    ) -> tuple[list[Frame], Problem | None]:
        try:
            return scan(data, offset, last)
        except WorldError as error:
            text = f"branch {self._branch} cannot be read: {error.message}"
            raise WorldError(text, hint=error.hint, code=error.code, file=self.path) from None

    def _judge(self, end: int, size: int, problem: Problem | None, known: Offsets | None) -> bytes:
        """Say what the bytes are that follow the last good frame, which ends at ``end``."""
        if known is not None and not self._agrees(known, end):
            known = None  # of another file that had this name
        if known is not None and len(known) > self.count:
            lost = f"it ends before record {known[self.count][1]}, which was acknowledged"
            self._set_damage(lost if problem is None else problem.text, end)
            return b""
        if problem is not None and (problem.whole or known is None):
            self._set_damage(problem.text, end)
            return b""
        if not self.count and offsets_path(self.path).exists():  # its creation was acknowledged
            self._set_damage("it ends before record 0, which was acknowledged", end)
        torn = self._read(end, size)
        if not self.count:
            raise self._unfinished_creation(torn)
        left_alone = (
            f"the last {len(torn)} bytes (offset {end}) are an unfinished frame, or one that "
            "is being written now; they were left alone"
        )
        self.notices = [left_alone] if torn else []
        return torn

    def _agrees(self, known: Offsets, end: int) -> bool:
        """Whether ``known`` tells of this very file, perhaps of more than is left of it."""
        at = min(self.count, len(known)) - 1
        try:
            fits = at < 0 or known[at] == self._offsets[at]
            return fits and (len(known) <= self.count or known[self.count][0] == end)
        except BadEntry:
            return False

    def _set_damage(self, problem: str, offset: int) -> None:
        height = self.height + 1 if self.count else 0
        self.damage = self._damage(problem, offset, height)
        if not self.count:
            raise self.damage
        self._read_only = f"the journal is damaged from height {height} on"

    def _damage(self, problem: str, offset: int, height: int) -> JournalDamaged:
        before = f"what comes before is good: read it, or fork it at {height - 1} and go on there; "
        return JournalDamaged(
            f"branch {self._branch} is damaged: {problem}",
            hint=(before if offset else "nothing of it can be read; ") + "the file stays as it is",
            file=self.path,
            offset=offset,
            height=height,
        )

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


def _read(file: BinaryIO, start: int, end: int) -> bytes:
    """The bytes from ``start`` to ``end``, fewer where the file ends before."""
    file.seek(start)
    parts = []
    while start < end and (data := file.read(end - start)):
        parts.append(data)
        start += len(data)
    return b"".join(parts)
