"""The file of a branch: which frames are in it, where they lie, and what is wrong with it.

What torn and damaged mean stands in frames.py. What is known of a file is the array of its offsets
(offsets.py): what it does not know yet is scanned, and judged. Every frame is checked by itself
when it is read; ``check`` reads all. Nothing is written here but that array: journals that are
written, and what is done about torn bytes, are file_journal.py.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from aos_core.branches import branch_name, disk_errors
from aos_core.errors import JournalDamaged, WorldError
from aos_core.frames import BadFrame, Frame, Problem, read_frame, scan
from aos_core.journal import Digest, Journal
from aos_core.layer import FileLayer
from aos_core.offsets import BadEntry, Offsets, offsets_path
from aos_core.progress import Progress

_T = TypeVar("_T")

CHUNK = 2**24
"""How much of a file is looked at together, in bytes."""

_CACHED = 128
"""So many decoded frames are kept, those looked at last."""


class LogFile(Journal):
    """A journal as its file has it. :class:`~aos_core.file_journal.FileJournal` opens one.

    May be read from several threads.
    """

    def __init__(self, path: Path, file: BinaryIO, layer: FileLayer) -> None:
        super().__init__()
        self.path = path
        self._branch = branch_name(path)
        self._file, self._layer = file, layer
        self._offsets = Offsets()
        self._cache: OrderedDict[int, Frame] = OrderedDict()
        self._mutex = threading.RLock()

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
                found = self._damage(str(bad), offset, height)
                if self.damage is None or height < self.damage.height:
                    self._read_only = f"the journal is damaged from height {height} on"
                    self.damage = found
                self._distrust_offsets()
                raise found from None
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

    def believe(self, damage: JournalDamaged | None) -> None:
        super().believe(damage)
        if damage is not None:
            self._distrust_offsets()

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
            for at in range(0, end, CHUNK):
                digest.update(read_range(file, at, min(end, at + CHUNK)))

    def _acknowledged_end(self, most: int | None) -> int | None:
        """Where the last frame ends that the array of offsets knows by now: what follows may be
        taken back. None where there is no array of this journal. ``most``: of so many frames."""
        array = Offsets.load(offsets_path(self.path), self.header.hash)
        if array is None:
            return None
        last = len(array) - 1
        try:
            offset, _ = array[last if most is None else min(last, most - 1)]
        except BadEntry:
            offset, _ = array[last]  # which was looked at
        array.close()
        return offset + len(self._framed(offset))

    def _read(self, start: int, end: int) -> bytes:
        if self._file.closed:  # who has looked at a branch may go on looking
            with self._layer.open(self.path, "rb") as file:
                return read_range(file, start, end)
        return read_range(self._file, start, end)

    def _distrust_offsets(self) -> None:
        """Without its array a journal is read whole when it is opened: whoever opens it next finds
        the damage, and neither writes behind it nor forks there. Of one that was cut short the
        array alone says so; it does not fit, and the journal is read whole for that."""
        with contextlib.suppress(OSError):
            if self.path.stat().st_size >= self.last.end:
                offsets_path(self.path).unlink(missing_ok=True)

    def _remember(self, index: int, frame: Frame) -> None:
        self._cache[index] = frame
        if len(self._cache) > _CACHED:
            self._cache.popitem(last=False)

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
            self._believe_shorter()
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
        want = CHUNK
        while start < size:
            data = self._read(start, min(size, start + want))
            frames, problem = self._parse(data, start, last)
            for frame in frames:
                self._offsets.add(frame.offset, frame.height)
            newest = frames[-_CACHED:]  # who follows looks at each right away
            for index, frame in enumerate(newest, self.count - len(newest)):
                self._remember(index, frame)
            if not frames and (problem is not None or len(data) == size - start):
                break
            want = CHUNK if frames else want * 2  # a frame may be longer than what was read
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
        """Say what the bytes are that follow the last good frame, which ends at ``end``; returns
        those of an unfinished one."""
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

    def _believe_shorter(self, progress: Progress | None = None) -> None:
        """The file ends before what was read of it: say which record is the first that is gone."""
        found = self.check(progress)
        if found is not None:
            offset = found.where["offset"]
            assert isinstance(offset, int)
            problem = "it has become shorter since it was read"
            self.damage = None  # who reads a frame that is not there says less
            self.believe(self._damage(problem, offset, found.height))

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


def read_range(file: BinaryIO, start: int, end: int) -> bytes:
    """The bytes from ``start`` to ``end``, fewer where the file ends before."""
    file.seek(start)
    parts = []
    while start < end and (data := file.read(end - start)):
        parts.append(data)
        start += len(data)
    return b"".join(parts)
