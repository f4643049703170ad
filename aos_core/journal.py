"""Journals: the frames of one branch, in a file or in memory.

An appended frame is on the disk when ``append`` returns; whatever stops it before that leaves the
journal as it was. *Head* is the hash of the last payload, and so names the whole history. The bytes
are those of frames.py, which also says what torn and damaged mean. Here is what is done about them:

- torn bytes: a writer moves them to ``<branch>.torn-N``, a reader leaves them; both say so;
- damage: offset and height are named, the frames before it stay readable, the file is left as it
  is, and nothing can be appended.

This file knows nothing of what records mean, and reads no clock.
"""

from __future__ import annotations

import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from aos_core.branches import BranchLock, branch_name, disk_errors
from aos_core.errors import JournalDamaged, ReadOnly, UsageError, WorldError
from aos_core.frames import FORMAT, SEMANTICS, Frame, new_frame, pack, scan

__all__ = [
    "FORMAT",
    "SEMANTICS",
    "FileJournal",
    "Frame",
    "Journal",
    "JournalMissing",
    "MemoryJournal",
]


class JournalMissing(UsageError):
    """There is no such branch: no file, or one whose creation was never acknowledged."""

    code = "no_branch"


class Journal(ABC):
    """The frames of a branch, header first. What the two kinds of journal have in common.

    ``frames`` grows while the journal is written to; ``notices`` are sentences for people about
    what was found when the file was read.
    """

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._read_only: str | None = None
        self.damage: JournalDamaged | None = None
        self.notices: Sequence[str] = ()

    @property
    def frames(self) -> Sequence[Frame]:
        return self._frames

    @property
    def header(self) -> Frame:
        return self._frames[0]

    @property
    def head(self) -> bytes:
        """The hash of the last payload, 32 bytes: the name of this whole history."""
        return self._frames[-1].hash

    @property
    def height(self) -> int:
        """The height of the last record."""
        return self._frames[-1].last_height

    @property
    def writable(self) -> bool:
        return self._read_only is None

    def append(self, body: Mapping[str, Any]) -> Frame:
        """Add one frame; it is durable when this returns.

        ``body`` is plain data with ``prev`` equal to the head, ``height`` one above the last
        height, at least one record, and a 32-byte ``root``. On any error the journal is as it was.
        Raises :class:`UsageError` if the body does not fit, :class:`CanonError` if it is not plain
        data, :class:`ReadOnly`, :class:`~aos_core.branches.DiskError`.
        """
        if self._read_only is not None:
            raise ReadOnly(
                f"nothing can be appended: {self._read_only}",
                hint="read it, or fork it and write to the fork",
            )
        frame = new_frame(body, self._frames[-1])
        self._write(frame)
        self._frames.append(frame)
        return frame

    def refresh(self) -> Sequence[Frame]:
        """The frames that another process has added since; they are in ``frames`` from now on.

        There are none where this process writes. Raises :class:`~aos_core.branches.DiskError`.
        """
        return ()

    def close(self) -> None:
        """Give up the file and the lock. The frames stay readable. May be called again."""
        self._read_only = self._read_only or "the journal is closed"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def _write(self, frame: Frame) -> None:
        """Make ``frame`` durable, or raise and leave everything as it was."""


class MemoryJournal(Journal):
    """A journal that lives in memory: same checks, same bytes, same heads as one on disk."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        """Raises :class:`UsageError` or :class:`WorldError` for a header that is none."""
        super().__init__()
        self._frames.append(new_frame(header, None))

    def _write(self, frame: Frame) -> None:
        pass


class FileJournal(Journal):
    """A journal on disk, from :meth:`create` or :meth:`open`: one writer, many readers."""

    def __init__(self, path: Path, file: BinaryIO, lock: BranchLock | None) -> None:
        super().__init__()
        self.path = path
        self._branch = branch_name(path)
        self._file = file
        self._lock = lock

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> FileJournal:
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
            try:
                file = path.open("xb+", buffering=0)
            except FileExistsError:
                raise UsageError(f"{what}: it exists", code="branch_exists", file=path) from None
            undo.callback(path.unlink)
            undo.callback(file.close)
            _write_durably(file, pack(frame.payload))
            for directory in path.absolute().parents[:3]:  # .aos/journal may be as new as the file
                _sync_directory(directory)
            undo.pop_all()
        journal = cls(path, file, lock)
        journal._frames.append(frame)
        return journal

    @classmethod
    def open(cls, path: Path, *, write: bool) -> FileJournal:
        """The branch at ``path``, every frame read and checked.

        Damage is no error here: ``damage`` holds it and the frames before it are there. Unfinished
        bytes at the end are moved aside with ``write`` and left alone without; ``notices`` tells.

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
            file = undo.enter_context(path.open("rb+" if write else "rb", buffering=0))
            journal = cls(path, file, lock)
            journal._load()
            undo.pop_all()
        return journal

    def refresh(self) -> Sequence[Frame]:
        if self.writable or self.damage is not None or self._file.closed:
            return ()
        known = len(self._frames)
        with disk_errors(self.path, f"branch {self._branch} cannot be read"):
            self._read()
        return self._frames[known:]

    def close(self) -> None:
        super().close()
        self._file.close()
        if self._lock is not None:
            self._lock.release()

    def _write(self, frame: Frame) -> None:
        with disk_errors(self.path, f"branch {self._branch} cannot be written"):
            if self._file.seek(0, os.SEEK_END) != frame.offset:
                self._read_only = "something else has changed the file; open the branch again"
                raise ReadOnly(f"nothing was appended: {self._read_only}", file=self.path)
            try:
                _write_durably(self._file, pack(frame.payload))
            except BaseException:
                self._take_back(frame.offset)
                raise

    def _take_back(self, end: int) -> None:
        """Cut off what a failed write left, so that the next frame follows the last good one."""
        try:
            self._cut(end)
        except OSError:
            self._read_only = "a write failed and could not be undone; open the branch again"

    def _cut(self, end: int) -> None:
        self._file.truncate(end)
        os.fsync(self._file.fileno())

    def _load(self) -> None:
        """Read the whole file; with the lock, move an unfinished end out of the way."""
        if self._lock is None:
            self._read_only = "it was opened for reading only"
        torn = self._read()
        if not self._frames:
            raise self._unfinished_creation(torn)
        if torn and self._lock is not None:
            aside = self._move_aside(torn)
            self._cut(self._end)
            moved = (
                f"the last {len(torn)} bytes (offset {self._end}) were an unfinished frame: an "
                f"append that was broken off, or a file cut short; they were moved to {aside.name}"
            )
            self.notices = [moved]

    def _read(self) -> bytes:
        """Take in all frames after the known ones; returns unfinished bytes after them, if any."""
        start = self._end
        if self._file.seek(0, os.SEEK_END) < start:
            self._damaged("it has become shorter since it was read")
            return b""
        self._file.seek(start)
        data = self._file.read()
        try:
            frames, problem = scan(data, start, self._frames[-1] if self._frames else None)
        except WorldError as error:
            text = f"branch {self._branch} cannot be read: {error.message}"
            raise WorldError(text, hint=error.hint, code=error.code, file=self.path) from None
        self._frames += frames
        if problem is not None:
            self._damaged(problem)
            return b""
        torn = data[self._end - start :]
        left_alone = (
            f"the last {len(torn)} bytes (offset {self._end}) are an unfinished frame, or one that "
            "is being written now; they were left alone"
        )
        self.notices = [left_alone] if torn else []
        return torn

    @property
    def _end(self) -> int:
        return self._frames[-1].end if self._frames else 0

    def _damaged(self, problem: str) -> None:
        height = self.height + 1 if self._frames else 0
        before = "what comes before is good: read it, or fork it and go on there; "
        self.damage = JournalDamaged(
            f"branch {self._branch} is damaged: {problem}",
            hint=(before if self._frames else "nothing of it can be read; ")
            + "the file stays as it is",
            file=self.path,
            offset=self._end,
            height=height,
        )
        if not self._frames:
            raise self.damage
        self._read_only = f"the journal is damaged from height {height} on"

    def _unfinished_creation(self, torn: bytes) -> JournalMissing:
        """The error for a file that ends inside its header; with the lock, moves it aside."""
        text = f"there is no branch {self._branch}: its creation was never finished"
        if self._lock is None:
            return JournalMissing(text, hint="open it for writing to clear it away", file=self.path)
        aside = self._move_aside(torn)
        self._file.close()
        self.path.unlink()
        _sync_directory(self.path.parent)
        return JournalMissing(f"{text}; its bytes were moved to {aside.name}", file=self.path)

    def _move_aside(self, torn: bytes) -> Path:
        """Write ``torn`` durably to the first free ``<branch>.torn-N``."""
        paths = (self.path.with_name(f"{self._branch}.torn-{n}") for n in itertools.count(1))
        aside = next(path for path in paths if not path.exists())
        with aside.open("xb", buffering=0) as file:
            _write_durably(file, torn)
        _sync_directory(aside.parent)
        return aside


def _write_durably(file: BinaryIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    """Make the names in ``path`` durable; Windows has no such call and does it by itself."""
    if os.name == "nt":
        return
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
