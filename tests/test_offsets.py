"""The array of offsets: derived from the journal, checked entry by entry, never trusted blindly."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pytest

from aos_core.branches import DiskError
from aos_core.file_journal import FileJournal
from aos_core.layer import FileLayer
from aos_core.offsets import BadEntry, Offsets, offsets_path
from tests.journals import HEADER, body, journal_log, payloads, three_frames

__all__ = ["journal_log", "three_frames"]

HASH = bytes(range(32))
ENTRIES = [(0, 0), (100, 1), (250, 4), (300, 5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index/main.offsets"


def kept(path: Path, entries: list[tuple[int, int]] = ENTRIES) -> None:
    made = Offsets()
    made.add(*entries[0])
    made.keep(path, HASH)
    for entry in entries[1:]:
        made.add(*entry)
        made.flush()
    made.close()


def read(path: Path) -> list[tuple[int, int]]:
    found = Offsets.load(path, HASH)
    return [] if found is None else [found[at] for at in range(len(found))]


def test_what_was_kept_is_loaded_and_goes_on(path: Path) -> None:
    kept(path, ENTRIES[:2])
    again = Offsets.load(path, HASH)
    assert again is not None
    again.keep(path, HASH)
    for entry in ENTRIES[2:]:
        again.add(*entry)
    assert read(path) == ENTRIES[:2]
    again.flush()
    again.flush()
    assert [again[at] for at in range(4)] == read(path) == ENTRIES
    again.close()
    assert path.stat().st_size == 40 + 4 * 20
    with pytest.raises(IndexError):
        again[4]


@pytest.mark.parametrize("loaded", [0, 2, 4])
def test_frames_are_found_by_height_and_offset(path: Path, loaded: int) -> None:
    found = Offsets()
    if loaded:
        kept(path, ENTRIES[:loaded])
        found = Offsets.load(path, HASH) or found
    for entry in ENTRIES[loaded:]:
        found.add(*entry)
    assert [found.index_at(height) for height in range(-1, 7)] == [-1, 0, 1, 1, 1, 2, 3, 3]
    found.cut(3)
    assert (len(found), found.index_at(9)) == (max(3, loaded), max(2, loaded - 1))


def test_an_array_of_another_journal_or_none_is_not_taken(path: Path) -> None:
    assert Offsets.load(path, HASH) is None
    kept(path)
    assert Offsets.load(path, bytes(32)) is None
    for other in (b"", b"AOSOFF1\n" + HASH, b"AOSOFF2\n" + path.read_bytes()[8:], bytes(200)):
        path.write_bytes(other)
        assert Offsets.load(path, HASH) is None


def test_an_array_cut_anywhere_or_followed_by_zeros_is_shorter(path: Path) -> None:
    kept(path)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        for zeros in (0, 7, 20, 4096):
            path.write_bytes(whole[:cut] + bytes(zeros))
            assert read(path) == ENTRIES[: max(0, cut - 40) // 20]
    path.write_bytes(whole[:-3] + bytes(4096))
    again = Offsets.load(path, HASH)
    assert again is not None
    again.keep(path, HASH)
    again.add(*ENTRIES[-1])
    again.flush()
    again.close()
    assert path.read_bytes() == whole


def test_a_wrong_bit_anywhere_is_found(path: Path) -> None:
    kept(path)
    whole = path.read_bytes()
    for at in range(8 * len(whole)):
        wrong = bytearray(whole)
        wrong[at // 8] ^= 1 << at % 8
        path.write_bytes(wrong)
        found = Offsets.load(path, HASH)
        hit = (at // 8 - 40) // 20
        if hit < 0:
            assert found is None
        elif hit == 3:
            assert read(path) == ENTRIES[:3]
        else:
            assert found is not None
            with pytest.raises(BadEntry):
                found[hit]
            assert [found[at] for at in range(4) if at != hit] == [
                entry for at, entry in enumerate(ENTRIES) if at != hit
            ]


def test_an_entry_in_the_place_of_another_is_found(path: Path) -> None:
    kept(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:60] + whole[80:100] + whole[80:])
    found = Offsets.load(path, HASH)
    assert found is not None
    with pytest.raises(BadEntry):
        found[1]


# As a journal uses it


@pytest.mark.parametrize("write", [False, True])
def test_a_journal_with_a_wrong_bit_in_its_array_is_read_whole(
    log: Path, three: bytes, write: bool
) -> None:
    array = offsets_path(log)
    whole = array.read_bytes()
    with FileJournal.open(log, write=False) as opened:
        good = payloads(opened)
        heights = [opened.index_at(height) for height in range(-1, 5)]
    for at in range(8 * len(whole)):
        wrong = bytearray(whole)
        wrong[at // 8] ^= 1 << at % 8
        array.write_bytes(wrong)
        with FileJournal.open(log, write=write, layer=_NoSync()) as opened:
            if at % 2:  # whichever comes upon the entry first mends the array
                assert [opened.index_at(height) for height in range(-1, 5)] == heights
            assert payloads(opened) == good
            assert (opened.damage, list(opened.notices)) == (None, [])
        assert (array.read_bytes() == whole) is write
    assert log.read_bytes() == three


def test_an_array_that_lags_is_caught_up_and_what_it_lacked_is_synced_first(
    log: Path, three: bytes
) -> None:
    """A writer was killed between a frame and its entry, perhaps before the sync."""
    array = offsets_path(log)
    whole = array.read_bytes()
    for known in range(4):
        array.write_bytes(whole[: 40 + 20 * known])
        with FileJournal.open(log, write=False) as reader:
            assert len(reader.frames) == 3
        assert len(array.read_bytes()) == 40 + 20 * known
        layer = _NoSync()
        with FileJournal.open(log, write=True, layer=layer) as writer:
            assert len(writer.frames) == 3
            assert layer.synced == ([] if known == 3 else [whole[: 40 + 20 * known]])
        assert array.read_bytes() == whole


def test_a_sync_that_fails_while_frames_are_taken_up_opens_nothing(log: Path, three: bytes) -> None:
    class Failing(FileLayer):
        def sync(self, file: BinaryIO) -> None:
            raise OSError(5, "Input/output error")

    offsets_path(log).unlink()
    with pytest.raises(DiskError):
        FileJournal.open(log, write=True, layer=Failing())
    assert not offsets_path(log).exists()
    FileJournal.open(log, write=True).close()


class _NoSync(FileLayer):
    """Remembers what the array held whenever the journal was synced."""

    def __init__(self) -> None:
        self.synced: list[bytes] = []

    def sync(self, file: BinaryIO) -> None:
        self.synced.append(offsets_path(Path(str(file.name))).read_bytes())


# Disks that refuse it


class _Full:
    """A file that takes ``room`` bytes, without a word about the rest; then it says so."""

    def __init__(self, file: BinaryIO, room: int) -> None:
        self.file, self.room = file, room

    def write(self, data: bytes) -> int:
        if not self.room:
            raise OSError(28, "No space left on device")
        taken = self.file.write(data[: self.room])
        self.room -= taken
        return taken

    def seek(self, to: int) -> None:
        self.file.seek(to)

    def close(self) -> None:
        self.file.close()


@pytest.mark.parametrize("room", [0, 1, 19, 20, 39])
def test_a_disk_that_is_full_for_the_array_costs_nothing_but_time(log: Path, room: int) -> None:
    with FileJournal.create(log, HEADER) as made:
        file = made._offsets._file
        assert file is not None
        full = _Full(file, room)
        made._offsets._file = full  # type: ignore[assignment]
        made.append(body(made))
        made.append(body(made))
        expected = payloads(made)
        assert offsets_path(log).stat().st_size == 60 + room
        with FileJournal.open(log, write=False) as again:
            assert payloads(again) == expected
            assert again.damage is None
        full.room = 1000
        made.append(body(made))
        assert offsets_path(log).stat().st_size == 40 + 4 * 20, "what it lacked is there too"
        expected = payloads(made)
    with FileJournal.open(log, write=True) as again:
        assert payloads(again) == expected
        assert again.damage is None and again._offsets._base == 4


def test_an_array_that_cannot_be_made_leaves_nothing_behind(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def fails(self: Path, target: Path) -> Path:
            raise OSError(28, "No space left on device")

        patch.setattr(Path, "replace", fails)
        with FileJournal.create(log, HEADER) as made:
            made.append(body(made))
    assert list(offsets_path(log).parent.iterdir()) == []
    with FileJournal.open(log, write=True) as again:
        assert len(again.frames) == 2
    assert offsets_path(log).exists()
