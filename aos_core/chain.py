"""The whole history of a branch: its frames after those of the branches it was forked from.

Nothing of it is held in memory: frames and records are read where they lie when they are asked for.
"""

from __future__ import annotations

import bisect
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

from aos_core.errors import JournalDamaged, Rejected, UsageError
from aos_core.frames import Frame
from aos_core.index import Part
from aos_core.journal import Frames, Journal
from aos_core.kernel.records import Record

_CACHED = 256
"""The records of so many frames are kept, those looked at last."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What a chain takes of one journal: its first ``count`` frames; None for all there are."""

    name: str
    journal: Journal
    count: int | None = None

    def __len__(self) -> int:
        return self.journal.count if self.count is None else self.count


class Chain:
    """Frames by index and records by height, ancestors first; grows with the last journal."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        """``segments``: from the one that begins with genesis to the branch itself."""
        self.segments = tuple(segments)
        self._starts = [0]
        for segment in self.segments[:-1]:
            self._starts.append(self._starts[-1] + len(segment))

    @property
    def journal(self) -> Journal:
        """That of the branch itself."""
        return self.segments[-1].journal

    @property
    def frames(self) -> Frames:
        """All frames, headers of forks too."""
        return Frames(lambda: self.count, self.frame)

    @property
    def count(self) -> int:
        """How many frames there are."""
        return self._starts[-1] + len(self.segments[-1])

    @property
    def last(self) -> Frame:
        """The last frame."""
        segment = self.segments[-1]
        return segment.journal.last if segment.count is None else self.frame(self.count - 1)

    @property
    def height(self) -> int:
        """The height of the last record."""
        return self.last.last_height

    def frame(self, index: int) -> Frame:
        """Frame ``index``. Raises :class:`JournalDamaged`."""
        at = self._segment_of(index)
        return self.segments[at].journal.frame(index - self._starts[at])

    def index_at(self, height: int) -> int:
        """The index of the frame that holds record ``height``. Raises :class:`UsageError`."""
        if not 0 <= height <= self.height:
            raise UsageError(f"there is no height {height}: the last is {self.height}")
        for start, segment in zip(reversed(self._starts), reversed(self.segments), strict=True):
            index = segment.journal.index_at(height)
            if index > 0 or (index == 0 and segment.journal.header.records):
                return start + min(index, len(segment) - 1)
        raise UsageError(f"there is no height {height} in this journal")

    def first_height(self, index: int) -> int:
        """The height at which frame ``index`` begins, without reading it."""
        at = self._segment_of(index)
        return self.segments[at].journal.first_height(index - self._starts[at])

    def turns_until(self, height: int) -> int:
        """How many turns have begun by ``height``: genesis and headers of forks are none."""
        index = self.index_at(height)
        return index - sum(1 for start in self._starts[1:] if start <= index)

    def turn(self, number: int) -> tuple[int, int]:
        """(first, last) height of a turn, without reading it: genesis is turn 0, and
        :meth:`turns_until` gives the number of a height's turn."""
        headers = enumerate(self._starts[1:])
        index = number + sum(1 for before, start in headers if start - before <= number)
        end = self.first_height(index + 1) - 1 if index + 1 < self.count else self.height
        return self.first_height(index), end

    def turn_starts(self, height: int, most: int) -> list[int]:
        """The heights up to ``height`` at which turns begin, rising, evenly thinned out where there
        are more than ``most``."""
        last = self.index_at(height)
        every = max(1, last // most)
        heads = set(self._starts)
        return [self.first_height(at) for at in range(1, last + 1, every) if at not in heads]

    @property
    def forks(self) -> list[int]:
        """The heights after which the branch and its ancestors were forked, rising."""
        return [self.first_height(start) - 1 for start in self._starts[1:]]

    def has(self, head: bytes, height: int) -> bool:
        """Whether the frame of this hash, which ends at ``height``, is part of it. Raises
        :class:`JournalDamaged`."""
        return 0 <= height <= self.height and self.frame(self.index_at(height)).hash == head

    def owner(self, height: int) -> str:
        """The name of the branch that record ``height`` was written on. Raises
        :class:`UsageError`."""
        return self.segments[self._segment_of(self.index_at(height))].name

    def renamed(self, names: Mapping[Journal, str]) -> None:
        """These of its journals have other names now."""
        self.segments = tuple(
            replace(of, name=names.get(of.journal, of.name)) for of in self.segments
        )

    def turn_end(self, height: int) -> int:
        """The index of the last frame that is whole at ``height``: inside a turn, the one before.

        Raises :class:`UsageError`.
        """
        index = self.index_at(height)
        return index if height == self.frame(index).last_height else index - 1

    def until(self, index: int) -> tuple[Segment, ...]:
        """What a fork after frame ``index`` has before its own header."""
        at = self._segment_of(index)
        segment = self.segments[at]
        cut = Segment(segment.name, segment.journal, index - self._starts[at] + 1)
        return (*self.segments[:at], cut)

    def _segment_of(self, index: int) -> int:
        """Which segment has frame ``index``."""
        return bisect.bisect_right(self._starts, index) - 1

    def digest(self, index: int) -> bytes:
        """SHA-256 of the bytes of all frames up to frame ``index``, as they are now."""
        whole = hashlib.sha256()
        for segment in self.until(index):
            segment.journal.feed(whole, len(segment))
        return whole.digest()

    def part(self) -> Part:
        """The branch and its ancestors as the index knows them."""
        part: Part | None = None
        for segment in self.segments:
            last = None
            if segment.count is not None:
                last = segment.journal.frame(segment.count - 1).last_height
            part = Part(segment.name, segment.journal, last, part)
        assert part is not None
        return part

    def close(self) -> None:
        """Give up the journals of the ancestors."""
        for segment in self.segments[:-1]:
            segment.journal.close()


class Records(Sequence[Record]):
    """The records of a chain by height."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._cache: OrderedDict[int, tuple[int, tuple[Record, ...]]] = OrderedDict()
        self._mutex = threading.Lock()

    def __len__(self) -> int:
        return self._chain.height + 1

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        """Raises :class:`JournalDamaged`."""
        found = range(len(self))[index]
        return self._get(found) if isinstance(found, int) else [self._get(at) for at in found]

    def forget(self) -> None:
        """Read anew what is asked for next: frames were taken back."""
        with self._mutex:
            self._cache.clear()

    def _get(self, height: int) -> Record:
        index = self._chain.index_at(height)
        with self._mutex:
            if (known := self._cache.get(index)) is not None:
                self._cache.move_to_end(index)
                return known[1][height - known[0]]
        frame = self._chain.frame(index)
        try:
            records = tuple(map(Record.from_plain, frame.records))
        except Rejected as error:
            raise JournalDamaged(
                f"a record of the turn at {frame.height} is none: {error.message}",
                offset=frame.offset,
                height=frame.height,
            ) from None
        with self._mutex:
            self._cache[index] = frame.height, records
            if len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return records[height - frame.height]
