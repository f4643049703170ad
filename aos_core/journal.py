"""Journals: the frames of one branch. What a journal in a file and one in memory have in common.

An appended frame is durable when ``append`` returns, or when the ``group`` around it ends; whatever
stops it before that leaves the journal as it was. *Head* is the hash of the last payload, and so
names the whole history. The bytes are those of frames.py; journals on disk are file_journal.py.

This file knows nothing of what records mean, and reads no clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Protocol, Self, overload

from aos_core import canon
from aos_core.errors import JournalDamaged, ReadOnly, UsageError
from aos_core.frames import (
    FORMAT,
    SEMANTICS,
    BadFrame,
    Frame,
    check_follows,
    new_frame,
    own_frame,
    pack,
)
from aos_core.offsets import Offsets
from aos_core.progress import Progress

__all__ = ["FORMAT", "SEMANTICS", "Frame", "Frames", "Journal", "JournalMissing", "MemoryJournal"]


class Digest(Protocol):
    """A hash that is being made."""

    def update(self, data: bytes, /) -> None:
        """Take in more."""


class JournalMissing(UsageError):
    """There is no such branch: no file, or one whose creation was never acknowledged."""

    code = "no_branch"


class Frames(Sequence[Frame]):
    """Frames by index, read where they lie when they are asked for."""

    def __init__(self, count: Callable[[], int], get: Callable[[int], Frame]) -> None:
        self._count, self._get = count, get

    def __len__(self) -> int:
        return self._count()

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Frame]: ...
    def __getitem__(self, index: int | slice) -> Frame | Sequence[Frame]:
        """Raises :class:`JournalDamaged`."""
        found = range(len(self))[index]
        return self._get(found) if isinstance(found, int) else [self._get(at) for at in found]


class Journal(ABC):
    """The frames of a branch, header first. What the two kinds of journal have in common.

    ``notices`` are sentences for people about what was found when the file was read.
    """

    header: Frame
    last: Frame

    def __init__(self) -> None:
        self._read_only: str | None = None
        self._group: int | None = None
        self.damage: JournalDamaged | None = None
        self.notices: Sequence[str] = ()

    @property
    def frames(self) -> Frames:
        """All frames. Grows; what is asked for is read and checked."""
        return Frames(lambda: self.count, self.frame)

    @property
    @abstractmethod
    def count(self) -> int:
        """How many frames there are."""

    @abstractmethod
    def frame(self, index: int) -> Frame:
        """Frame ``index``. Raises :class:`JournalDamaged` where it is not what it was."""

    @abstractmethod
    def index_at(self, height: int) -> int:
        """The index of the last frame that begins at ``height`` or before it; -1 for none."""

    @abstractmethod
    def first_height(self, index: int) -> int:
        """The height at which frame ``index`` begins, without reading it."""

    @property
    def head(self) -> bytes:
        """The hash of the last payload, 32 bytes: the name of this whole history."""
        return self.last.hash

    @property
    def height(self) -> int:
        """The height of the last record."""
        return self.last.last_height

    @property
    def writable(self) -> bool:
        return self._read_only is None

    @property
    def read_only(self) -> str | None:
        """Why nothing can be appended, as half a sentence; None: something can."""
        return self._read_only

    def append(self, body: Mapping[str, Any]) -> Frame:
        """Add one frame; it is durable when this returns, inside a ``group`` when that ends.

        ``body`` is plain data with ``prev`` equal to the head, ``height`` one above the last
        height, at least one record, and a 32-byte ``root``. On any error the journal is as it was.
        Raises :class:`UsageError` if the body does not fit, :class:`CanonError` if it is not plain
        data, :class:`ReadOnly`, :class:`JournalDamaged` where something else has damaged it since
        it was read, :class:`~aos_core.branches.DiskError`.
        """
        return self.add(canon.encode_plain(dict(body)))

    def add(self, payload: bytes) -> Frame:
        """As :meth:`append`, of the canonical bytes of a body, which the caller has encoded."""
        if self._read_only is not None:
            raise ReadOnly(
                f"nothing can be appended: {self._read_only}",
                hint="read it, or fork it and write to the fork",
            )
        frame = own_frame(payload, self.last)
        self._write(frame)
        self.last = frame
        return frame

    @contextmanager
    def group(self) -> Iterator[None]:
        """Frames appended inside become durable together, with one sync, when the block ends.

        Where that fails none of them is in the journal, and :class:`DiskError` is raised.
        """
        if self._group is not None or self._read_only is not None:
            yield
            return
        self._group, before = self.count, self.last
        try:
            yield
        finally:
            first, self._group = self._group, None
            if self.count > first:
                self._settle(first, before)

    def check(
        self, progress: Progress | None = None, look: Callable[[Frame], None] | None = None
    ) -> JournalDamaged | None:
        """Read every frame and the chain that they make; what is wrong first, or None. ``look`` is
        given every good frame."""
        last: Frame | None = None
        for index in range(self.count):
            try:
                frame = self.frame(index)
                if last is not None:
                    check_follows(frame, last)
            except JournalDamaged as damage:
                return damage
            except BadFrame as bad:
                return self._damage(str(bad), frame.offset, frame.height)
            last = frame
            if look is not None:
                look(frame)
            if progress is not None:
                progress(index + 1, self.count)
        return self.damage

    @abstractmethod
    def feed(self, digest: Digest, count: int) -> None:
        """Give a digest the bytes of the first ``count`` frames as they are now."""

    def believe(self, damage: JournalDamaged | None) -> None:
        """Take for granted what another who has read this journal says of it; None: nothing."""
        if damage is not None and self.damage is None:
            self.damage = damage
            self._read_only = "the journal is damaged"

    def refresh(self, most: int | None = None) -> int:
        """Take in the frames that another process has added; how many. There are none where this
        process writes. ``most``: no more than so many at once, where the array of offsets says how
        much is acknowledged; else all. Raises :class:`~aos_core.branches.DiskError`.
        """
        return 0

    def close(self) -> None:
        """Give up the file and the lock. Frames can still be read. May be called again."""
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
        """Add ``frame``, durably unless a group is open, or raise and leave all as it was."""

    @abstractmethod
    def _settle(self, first: int, before: Frame) -> None:
        """Make the frames from ``first`` on durable, or raise and take them back: then ``before``
        is the last one again."""

    def _damage(self, problem: str, offset: int, height: int) -> JournalDamaged:
        return JournalDamaged(f"the journal is damaged: {problem}", offset=offset, height=height)


class MemoryJournal(Journal):
    """A journal that lives in memory: same checks, same bytes, same heads as one on disk."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        """Raises :class:`UsageError` or :class:`WorldError` for a header that is none."""
        super().__init__()
        self.header = self.last = new_frame(header, None)
        self._frames = [self.header]
        self._offsets = Offsets()
        self._offsets.add(0, self.header.height)

    @property
    def count(self) -> int:
        return len(self._frames)

    def frame(self, index: int) -> Frame:
        return self._frames[index]

    def index_at(self, height: int) -> int:
        return self._offsets.index_at(height)

    def first_height(self, index: int) -> int:
        return self._frames[index].height

    def feed(self, digest: Digest, count: int) -> None:
        for frame in self._frames[:count]:
            digest.update(pack(frame.payload))

    def _write(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._offsets.add(frame.offset, frame.height)

    def _settle(self, first: int, before: Frame) -> None:
        pass
