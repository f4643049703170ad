"""Every truncation and every wrong bit of a small journal, by what the array of offsets knows.

``known`` is how many frames the array holds: all, some (it lags behind), or none (it is not
there). What has to come out of each case is worked out here from the bytes alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aos_core.errors import JournalDamaged
from aos_core.file_journal import FileJournal
from aos_core.journal import JournalMissing
from aos_core.layer import FileLayer
from aos_core.offsets import offsets_path
from tests.journals import HEADER, body

FRAMES = 3
_ARRAY_HEADER, _ENTRY = 40, 20


class Unsynced(FileLayer):
    """Syncs nothing: no power is lost here, and thousands of files are written."""

    def sync(self, file: BinaryIO) -> None:
        pass

    def sync_directory(self, path: Path) -> None:
        pass


UNSYNCED = Unsynced()


@dataclass(frozen=True, slots=True)
class Case:
    """``what`` happened: the file ends at byte ``at``, or bit ``at`` of it is wrong."""

    what: str
    at: int
    known: int
    write: bool

    def __str__(self) -> str:
        who = "writer" if self.write else "reader"
        return f"{self.what} {self.at}, array of {self.known}, {who}"


class SmallJournal:
    """A journal of ``FRAMES`` frames at ``log``, written over and over again."""

    def __init__(self, log: Path) -> None:
        self.log, self.array = log, offsets_path(log)
        with FileJournal.create(log, HEADER) as made:
            made.append(body(made, records=2))
            made.append(body(made, text="the last one"))
            frames = list(made.frames)
        self.payloads = [frame.payload for frame in frames]
        self.heights = [frame.height for frame in frames]
        self.starts = [frame.offset for frame in frames]
        self.ends = [frame.end for frame in frames]
        self.bytes, self._entries = log.read_bytes(), self.array.read_bytes()

    def cases(self, what: str) -> Iterator[Case]:
        """All of them, readers and writers alternating so that every second is a fair sample."""
        ends = len(self.bytes) * (1 if what == "cut" else 8)
        for known, at, who in itertools.product(range(FRAMES + 1), range(ends), range(2)):
            yield Case(what, at, known, write=(at + who) % 2 == 1)

    def check(self, case: Case) -> None:
        """Raise ``AssertionError`` where it does not come out as it has to."""
        wrong = bytearray(self.bytes)
        if case.what == "cut":
            del wrong[case.at :]
        else:
            wrong[case.at // 8] ^= 1 << case.at % 8
        self._lay_out(bytes(wrong), case.known)
        if case.what == "cut":
            self._check_cut(case, bytes(wrong))
        else:
            self._check_bit(case, bytes(wrong))

    def _lay_out(self, data: bytes, known: int) -> None:
        # A new file is written faster than one that has contents: ext4 flushes that when closed.
        for path in (self.log, self.array, *self.log.parent.glob("main.torn-*")):
            path.unlink(missing_ok=True)
        self.log.write_bytes(data)
        if known:
            self.array.write_bytes(self._entries[: _ARRAY_HEADER + _ENTRY * known])

    def _check_cut(self, case: Case, data: bytes) -> None:
        whole = sum(end <= case.at for end in self.ends)
        if whole < case.known:  # it ends before or inside a frame that was acknowledged
            self._damaged_when_opened(case, data, whole)
        elif not whole:
            self._never_created(case, data)
        else:
            self._torn(case, data, whole)

    def _check_bit(self, case: Case, data: bytes) -> None:
        hit = sum(end <= case.at // 8 for end in self.ends)
        if hit == 0 or hit == case.known - 1 or not case.known:
            self._damaged_when_opened(case, data, hit)
        elif hit < case.known:
            self._damaged_when_read(case, data, hit)
        else:  # nobody was told that this frame is there
            self._torn(case, data, hit)

    def _damaged_when_opened(self, case: Case, data: bytes, good: int) -> None:
        """The frames before it are there, offset and height are named, nothing is changed."""
        try:
            opened = FileJournal.open(self.log, write=case.write, layer=UNSYNCED)
        except JournalDamaged as damage:
            assert good == 0, damage
            self._names(damage, 0)
        else:
            with opened:
                assert [frame.payload for frame in opened.frames] == self.payloads[:good]
                assert opened.damage is not None
                assert not opened.writable
                self._names(opened.damage, good)
                assert opened.check() == opened.damage
        self._untouched(data)

    def _damaged_when_read(self, case: Case, data: bytes, hit: int) -> None:
        """Opening does not look there; reading that frame, and only that, or ``check`` finds it."""
        with FileJournal.open(self.log, write=case.write, layer=UNSYNCED) as opened:
            assert (opened.damage, opened.count) == (None, FRAMES)
            for index, payload in enumerate(self.payloads):
                if index != hit:
                    assert opened.frame(index).payload == payload
            found = None
            with suppress(JournalDamaged):
                opened.frame(hit)
                found = "read as if it were good"
            assert found is None
        with FileJournal.open(self.log, write=case.write, layer=UNSYNCED) as opened:
            damage = opened.check()
            assert damage is not None
            self._names(damage, hit)
        self._untouched(data)

    def _torn(self, case: Case, data: bytes, good: int) -> None:
        """A reader leaves the end alone; a writer moves it aside, and goes on."""
        torn, aside = data[self.ends[good - 1] :], self.log.with_name("main.torn-1")
        with FileJournal.open(self.log, write=case.write, layer=UNSYNCED) as opened:
            assert (opened.damage, opened.check()) == (None, None)
            assert [frame.payload for frame in opened.frames] == self.payloads[:good]
            assert len(opened.notices) == bool(torn)
            if not case.write:
                self._untouched(data)
                return
            assert (aside.read_bytes() if torn else b"") == torn
            new = opened.append(body(opened, text="after"))
        with FileJournal.open(self.log, write=False) as again:
            assert [frame.payload for frame in again.frames] == [
                *self.payloads[:good],
                new.payload,
            ]
            assert list(again.notices) == []

    def _never_created(self, case: Case, data: bytes) -> None:
        """There is no branch; a writer clears the way for one."""
        try:
            FileJournal.open(self.log, write=case.write, layer=UNSYNCED).close()
        except JournalMissing:
            pass
        else:
            raise AssertionError("a journal without a header was opened")
        if not case.write:
            self._untouched(data)
            return
        assert not self.log.exists()
        assert self.log.with_name("main.torn-1").read_bytes() == data
        FileJournal.create(self.log, HEADER, layer=UNSYNCED).close()

    def _names(self, damage: JournalDamaged, index: int) -> None:
        assert damage.where["offset"] == self.starts[index]
        assert damage.where["height"] == self.heights[index]

    def _untouched(self, data: bytes) -> None:
        assert self.log.read_bytes() == data
        assert not list(self.log.parent.glob("main.torn-*"))
