"""Where the frames of a journal begin: an array of (offset, height of the first record).

It is derived from the journal and may be deleted at any time. The file is ``AOSOFF1\\n``, the hash
of the header's payload (32 bytes), then two little-endian u64 a frame. A writer adds a frame when
it has become durable and before it is acknowledged, without a sync of its own: so the array never
knows a frame that the disk has not got, and what it knows was acknowledged, or as good as.
"""

from __future__ import annotations

import bisect
import mmap
import os
import struct
from array import array
from pathlib import Path
from typing import BinaryIO

_MAGIC = b"AOSOFF1\n"
_BEGIN = len(_MAGIC) + 32
_ENTRY = struct.Struct("<QQ")


class Offsets:
    """The array of one journal: what a file holds, mapped into memory, and what came since."""

    def __init__(self, path: Path | None = None, mapped: mmap.mmap | None = None) -> None:
        self._path, self._mapped = path, mapped
        self._base = 0 if mapped is None else (len(mapped) - _BEGIN) // _ENTRY.size
        self._tail = array("Q")
        self._flushed = 0
        self._file: BinaryIO | None = None

    @classmethod
    def load(cls, path: Path, header_hash: bytes) -> Offsets | None:
        """The array in a file; None where it is missing, unreadable, or of another journal."""
        try:
            with path.open("rb") as file:
                if file.read(_BEGIN) != _MAGIC + header_hash:
                    return None
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            return None
        found = cls(path, mapped)
        return found if len(found) and found[0][0] == 0 else None

    def __len__(self) -> int:
        """How many frames it knows."""
        return self._base + len(self._tail) // 2

    def __getitem__(self, index: int) -> tuple[int, int]:
        """(offset of the frame, height of its first record)."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        if index < self._base:
            offset, height = _ENTRY.unpack_from(self._map(), _BEGIN + index * _ENTRY.size)
            return offset, height
        at = (index - self._base) * 2
        return self._tail[at], self._tail[at + 1]

    def index_at(self, height: int) -> int:
        """The index of the last frame whose first record is at ``height`` or before it; -1: none.

        A fork's header, which has no record, stands at the height of the frame after it."""
        return bisect.bisect_right(range(len(self)), height, key=lambda at: self[at][1]) - 1

    def count_before(self, offset: int) -> int:
        """How many frames begin before ``offset``."""
        return bisect.bisect_left(range(len(self)), offset, key=lambda at: self[at][0])

    def add(self, offset: int, height: int) -> None:
        """Take in a frame that follows; the file learns of it with :meth:`flush`."""
        self._tail.extend((offset, height))

    def cut(self, count: int) -> None:
        """Forget the frames from ``count`` on, none of which the file knows."""
        del self._tail[max(0, count - self._base) * 2 :]

    def flush(self) -> None:
        """Write what the file lacks: those frames are durable."""
        if self._file is None or self._flushed == len(self._tail):
            return
        new = self._tail[self._flushed :]
        try:
            self._file.write(b"".join(map(_ENTRY.pack, new[::2], new[1::2])))
            self._flushed = len(self._tail)
        except OSError:  # whoever opens next has more to read
            self._file.close()
            self._file = None

    def keep(self, path: Path, header_hash: bytes) -> None:
        """From now on the file at ``path`` holds the array too. A disk that refuses costs nothing
        but the next opening's time."""
        try:
            if not self._base:
                self._replace(path, header_hash)
            self._file = path.open("r+b", buffering=0)
            end = _BEGIN + (self._base + self._flushed // 2) * _ENTRY.size
            self._file.truncate(end)  # an entry may have been cut short
            self._file.seek(end)
        except OSError:
            self._file = None
        self.flush()

    def close(self) -> None:
        """Give up the file; the array can still be read, and takes it up again for that."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._mapped is not None:
            self._mapped.close()
            self._mapped = None

    def _map(self) -> mmap.mmap:
        if self._mapped is None:
            assert self._path is not None
            with self._path.open("rb") as file:
                self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._mapped

    def _replace(self, path: Path, header_hash: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}")
        with new.open("wb") as file:
            file.write(_MAGIC + header_hash)
            file.write(b"".join(map(_ENTRY.pack, self._tail[::2], self._tail[1::2])))
        new.replace(path)
        self._flushed = len(self._tail)
