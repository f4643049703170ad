"""Where the frames of a journal begin: an array of (offset, height of the first record).

It is derived from the journal and may be deleted at any time. The file is ``AOSOFF1\\n``, the hash
of the header's payload (32 bytes), then 20 bytes a frame, little-endian: offset u64, height u64,
CRC-32C u32 over the hash, the frame's index u64 and these two. A writer adds a frame when it has
become durable and before it is acknowledged, without a sync of its own: so the array never knows a
frame that the disk has not got, and what it knows was acknowledged, or as good as; but after a loss
of power any part of the file may be an older one, or zeros, and an entry's checksum tells.
"""

from __future__ import annotations

import bisect
import mmap
import os
import struct
from array import array
from pathlib import Path
from typing import BinaryIO

from crc32c import crc32c

from aos_core.layer import FileLayer

_MAGIC = b"AOSOFF1\n"
_BEGIN = len(_MAGIC) + 32
_ENTRY = struct.Struct("<QQI")
_CHECKED = struct.Struct("<QQQ")


class BadEntry(Exception):
    """An entry of the file is not what was written there."""


class Offsets:
    """The array of one journal: what a file holds, mapped into memory, and what came since."""

    def __init__(self, path: Path | None = None, mapped: mmap.mmap | None = None) -> None:
        self._path, self._mapped = path, mapped
        self._base = 0 if mapped is None else (len(mapped) - _BEGIN) // _ENTRY.size
        self._seed = 0 if mapped is None else crc32c(mapped[len(_MAGIC) : _BEGIN])
        self._tail = array("Q")
        self._flushed = 0
        self._file: BinaryIO | None = None

    @classmethod
    def load(cls, path: Path, header_hash: bytes) -> Offsets | None:
        """The array in a file, up to its last good entry; None where there is none, or it is
        unreadable, or of another journal."""
        try:
            with path.open("rb") as file:
                if file.read(_BEGIN) != _MAGIC + header_hash:
                    return None
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            return None
        found = cls(path, mapped)
        while found._base and not found._is_good(found._base - 1):
            found._base -= 1
        return found if found._base else None

    def __len__(self) -> int:
        """How many frames it knows."""
        return self._base + len(self._tail) // 2

    def __getitem__(self, index: int) -> tuple[int, int]:
        """(offset of the frame, height of its first record). Raises :class:`BadEntry`."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        if index < self._base:
            offset, height, check = self._entry(index)
            if check != self._check(index, offset, height):
                raise BadEntry(f"entry {index} of the array of offsets is damaged")
            return offset, height
        at = (index - self._base) * 2
        return self._tail[at], self._tail[at + 1]

    def _entry(self, index: int) -> tuple[int, int, int]:
        try:
            offset, height, check = _ENTRY.unpack_from(self._map(), _BEGIN + index * _ENTRY.size)
        except (OSError, ValueError, struct.error):  # closed, and deleted or cut short since
            raise BadEntry("the array of offsets is no longer there") from None
        return offset, height, check

    def _is_good(self, index: int) -> bool:
        offset, height, check = self._entry(index)
        return check == self._check(index, offset, height)

    def _check(self, index: int, offset: int, height: int) -> int:
        return crc32c(_CHECKED.pack(index, offset, height), self._seed)

    def index_at(self, height: int) -> int:
        """The index of the last frame whose first record is at ``height`` or before it; -1: none.

        A fork's header, which has no record, stands at the height of the frame after it."""
        return bisect.bisect_right(range(len(self)), height, key=lambda at: self[at][1]) - 1

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
        new = self._packed(self._flushed)
        try:
            self._file.seek(_BEGIN + (self._base + self._flushed // 2) * _ENTRY.size)
            if self._file.write(new) == len(new):  # a full disk takes a part without a word
                self._flushed = len(self._tail)
        except OSError:
            pass  # it is tried again with the next frame; whoever opens meanwhile has more to read

    def _packed(self, start: int) -> bytes:
        """The entries of the tail from element ``start`` on, as they lie in the file."""
        tail = zip(self._tail[start::2], self._tail[start + 1 :: 2], strict=True)
        return b"".join(
            _ENTRY.pack(offset, height, self._check(index, offset, height))
            for index, (offset, height) in enumerate(tail, self._base + start // 2)
        )

    def keep(self, path: Path, header_hash: bytes) -> None:
        """From now on the file at ``path`` holds the array too. A disk that refuses costs nothing
        but the next opening's time."""
        self._seed = crc32c(header_hash)
        try:
            if not self._base:
                self._replace(path, header_hash)
            self._file = path.open("r+b", buffering=0)
            end = _BEGIN + (self._base + self._flushed // 2) * _ENTRY.size
            self._file.truncate(end)  # an entry may have been cut short
        except OSError:
            self.close()
        self.flush()

    def moved(self, path: Path) -> None:
        """The file that holds the array has this name now."""
        if self._path is not None:
            self._path = path

    def close(self) -> None:
        """Give up the file; the array can still be read, and takes it up again for that."""
        self._leave_file()
        if self._mapped is not None:
            self._mapped.close()
            self._mapped = None

    def _leave_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _map(self) -> mmap.mmap:
        if self._mapped is None:
            assert self._path is not None
            with self._path.open("rb") as file:
                self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._mapped

    def _replace(self, path: Path, header_hash: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            with new.open("wb") as file:
                file.write(_MAGIC + header_hash + self._packed(0))
            new.replace(path)
        except OSError:
            new.unlink(missing_ok=True)
            raise
        self._flushed = len(self._tail)


def offsets_path(log: Path) -> Path:
    """Where the array of the journal at ``log`` lies."""
    return log.parent.with_name("index") / f"{log.stem}.offsets"


def forget_offsets(log: Path, layer: FileLayer) -> None:
    """Drop, durably, the array that the name of ``log`` has, before another journal takes that
    name: equal runs have equal headers, so its header alone would not tell. Raises ``OSError``."""
    path = offsets_path(log)
    if path.exists():
        layer.unlink(path)
    if path.parent.exists():  # one that was unlinked before may still be on the disk
        layer.sync_directory(path.parent)
