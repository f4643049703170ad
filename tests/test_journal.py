"""Journals: their bytes, what is refused, writers and readers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import cbor2
import pytest

from aos_core import frames
from aos_core.canon import sha256
from aos_core.errors import (
    BranchLocked,
    CanonError,
    JournalDamaged,
    ReadOnly,
    UsageError,
    WorldError,
)
from aos_core.file_journal import FileJournal
from aos_core.journal import Journal, JournalMissing, MemoryJournal
from aos_core.offsets import Offsets, offsets_path
from tests.journals import (
    HEADER,
    ROOT,
    body,
    crc32c_by_the_book,
    fork_header,
    journal_log,
    packed_by_the_book,
    payloads,
    three_frames,
)

__all__ = ["journal_log", "three_frames"]


@pytest.fixture(params=["memory", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Journal]]:
    """Makes a journal from its header, of either kind."""
    made: list[Journal] = []

    def make_one(header: dict[str, Any] = HEADER) -> Journal:
        path = tmp_path / "journal" / f"{len(made)}.log"
        one = (
            MemoryJournal(header) if request.param == "memory" else FileJournal.create(path, header)
        )
        made.append(one)
        return one

    yield make_one
    for one in made:
        one.close()


# What lies on the disk


def test_golden_bytes(log: Path) -> None:
    header = bytes.fromhex(
        "a6"
        "64726f6f74" + "5820" + ROOT.hex() + "65776f726c64" + "6464656d6f"
        "66666f726d6174" + "01"
        "66686569676874" + "00"
        "677265636f726473" + "81" + "a1616b" + "6767656e65736973"
        "6973656d616e74696373" + "01"
    )
    turn = bytes.fromhex(
        "a5"
        "6470726576" + "5820" + hashlib.sha256(header).hexdigest() + "64726f6f74"
        "5820" + ROOT.hex() + "65696e707574"
        "a1616b" + "656576656e74"
        "66686569676874" + "01"
        "677265636f726473" + "81" + "a1616b" + "656576656e74"
    )
    with FileJournal.create(log, HEADER) as made:
        event = {"k": "event"}
        made.append(
            {"root": ROOT, "records": [event], "input": event, "prev": made.head, "height": 1}
        )
        assert log.read_bytes() == packed_by_the_book(header) + packed_by_the_book(turn)
        assert made.head == hashlib.sha256(turn).digest()
    assert crc32c_by_the_book(b"123456789") == 0xE3069283


def test_frames_say_what_they_hold(make: Callable[..., Journal]) -> None:
    made = make()
    turn = made.append(body(made, records=3))
    assert [frame.is_header for frame in made.frames] == [True, False]
    assert (turn.height, turn.last_height, made.height) == (1, 3, 3)
    assert turn.records == ({"k": "event", "n": 0}, {"k": "event", "n": 1}, {"k": "event", "n": 2})
    assert turn.root == sha256(b"x")
    assert turn.prev == made.header.hash
    assert made.header.prev is None
    assert made.head == turn.hash == sha256(turn.payload)
    assert turn.offset == made.header.end
    assert made.writable
    assert made.damage is None
    assert list(made.notices) == []


def test_both_kinds_of_journal_are_equal_and_reopening_changes_nothing(log: Path) -> None:
    memory = MemoryJournal(HEADER)
    with FileJournal.create(log, HEADER) as file:
        for n in range(3):
            memory.append(body(memory, records=n + 1, text=str(n)))
            file.append(body(file, records=n + 1, text=str(n)))
        assert list(file.frames) == list(memory.frames)
    for write in (True, False):
        with FileJournal.open(log, write=write) as again:
            assert list(again.frames) == list(memory.frames)
            assert (again.head, again.height) == (memory.head, memory.height)
            assert list(again.notices) == []
            assert again.writable is write


def test_a_fork_goes_on_at_the_height_of_its_parent(make: Callable[..., Journal]) -> None:
    parent = make()
    parent.append(body(parent, records=4))
    fork = make(fork_header(parent))
    assert fork.height == parent.height == 4
    assert fork.header.height == 5
    assert fork.header.prev == parent.head
    first = fork.append(body(fork))
    assert first.height == 5
    assert first.prev == fork.header.hash


def test_frames_are_found_by_height(make: Callable[..., Journal]) -> None:
    made = make()
    for n in range(1, 200):
        made.append(body(made, records=n % 3 + 1))
    for index, frame in enumerate(made.frames):
        for height in range(frame.height, frame.last_height + 1):
            assert made.index_at(height) == index
    assert made.index_at(-1) == -1
    assert [frame.offset for frame in made.frames[-3:]] == [
        made.frames[at].offset for at in (197, 198, 199)
    ]
    assert made.check() is None


# What is refused


@pytest.mark.parametrize(
    "change",
    [
        {"prev": ROOT},
        {"height": 2},
        {"height": 0},
        {"height": True},
        {"records": []},
        {"records": [1]},
        {"root": b"short"},
        {"format": 1},
    ],
)
def test_a_frame_that_does_not_fit_is_refused(
    make: Callable[..., Journal], change: dict[str, Any]
) -> None:
    made = make()
    before = payloads(made)
    with pytest.raises(UsageError):
        made.append(body(made) | change)
    assert payloads(made) == before
    made.append(body(made))


@pytest.mark.parametrize("field", ["prev", "height", "records", "root"])
def test_a_frame_that_lacks_a_field_is_refused(make: Callable[..., Journal], field: str) -> None:
    made = make()
    lacking = body(made)
    del lacking[field]
    with pytest.raises(UsageError):
        made.append(lacking)


def test_a_frame_that_is_no_plain_data_is_refused(make: Callable[..., Journal]) -> None:
    made = make()
    with pytest.raises(CanonError):
        made.append(body(made) | {"input": object()})
    made.append(body(made))


def test_a_frame_that_is_too_long_is_refused(
    make: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make()
    monkeypatch.setattr(frames, "MAX_PAYLOAD", 1000)
    made.append(body(made, text="x" * 500))
    with pytest.raises(UsageError, match="too long"):
        made.append(body(made, text="x" * 1000))


@pytest.mark.parametrize(
    "change",
    [
        {"height": 1},
        {"records": []},
        {"prev": ROOT},
        {"format": None},
        {"parent": 7},
        {"parent": {"head": ROOT}},
        {"parent": {"head": ROOT, "height": 0}, "height": 1, "prev": ROOT},
        {"parent": {"head": ROOT, "height": 0}, "height": 2, "prev": ROOT, "records": []},
        {"parent": {"head": ROOT, "height": 0}, "height": 1, "prev": bytes(32), "records": []},
    ],
)
def test_a_header_that_is_none_is_refused(log: Path, change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        MemoryJournal(HEADER | change)
    with pytest.raises(UsageError):
        FileJournal.create(log, HEADER | change)
    assert not log.exists()


@pytest.mark.parametrize("name", ["format", "semantics"])
def test_unknown_numbers_are_refused_by_name(log: Path, name: str) -> None:
    with pytest.raises(WorldError, match=f"{name} 7"):
        FileJournal.create(log, HEADER | {name: 7})
    # Another format may have another shape altogether: only its number is looked at.
    log.parent.mkdir(parents=True, exist_ok=True)
    there = packed_by_the_book(cbor2.dumps({"format": 1, "semantics": 1} | {name: 7}))
    log.write_bytes(there)
    for write in (True, False):
        with pytest.raises(WorldError, match=f"{name} 7") as caught:
            FileJournal.open(log, write=write)
        assert caught.value.where["file"] == log
    assert log.read_bytes() == there


def test_creating_overwrites_nothing(log: Path, three: bytes) -> None:
    with pytest.raises(UsageError, match="exists"):
        FileJournal.create(log, HEADER)
    assert log.read_bytes() == three
    FileJournal.open(log, write=True).close()


def test_an_array_that_another_journal_left_does_not_count(
    log: Path, three: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.unlink()
    with monkeypatch.context() as patch:  # killed when the header was durable
        patch.setattr(Offsets, "keep", lambda *_: None)
        with FileJournal.create(log, HEADER) as made:  # the very same header
            assert len(made.frames) == 1
    with FileJournal.open(log, write=True) as again:
        assert (again.damage, len(again.frames)) == (None, 1)


def test_a_missing_branch_is_named_and_leaves_nothing_behind(log: Path) -> None:
    for write in (True, False):
        with pytest.raises(JournalMissing, match="main"):
            FileJournal.open(log, write=write)
    assert not log.parent.exists()


def test_readers_cannot_append_nor_can_anybody_after_close(log: Path, three: bytes) -> None:
    with (
        FileJournal.open(log, write=False) as reader,
        pytest.raises(ReadOnly, match="reading only"),
    ):
        reader.append(body(reader))
    writer = FileJournal.open(log, write=True)
    writer.close()
    writer.close()
    with pytest.raises(ReadOnly, match="closed"):
        writer.append(body(writer))
    assert len(writer.frames) == 3
    assert log.read_bytes() == three


class Closing:
    """A file that another thread closes while it is looked at."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def fileno(self) -> int:
        self._file.close()
        return self._file.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_one_that_is_closed_while_somebody_looks_where_it_is_is_not_gone(
    log: Path, three: bytes
) -> None:
    for look in (lambda of: of.in_place, lambda of: of.found_in(log.parent) is None):
        with FileJournal.open(log, write=False) as reader:
            reader._file = Closing(reader._file)  # type: ignore[assignment]
            assert look(reader)
            assert reader.refresh() == 0


# One writer, many readers


def test_the_second_writer_is_told_who_is_first(log: Path) -> None:
    with FileJournal.create(log, HEADER) as writer:
        with pytest.raises(BranchLocked, match=f"pid {os.getpid()}"):
            FileJournal.open(log, write=True)
        with FileJournal.open(log, write=False) as reader:
            assert reader.head == writer.head
        writer.append(body(writer))
    with FileJournal.open(log, write=True) as second:
        second.append(body(second))


def test_an_open_that_fails_gives_the_lock_back(log: Path, three: bytes) -> None:
    log.write_bytes(packed_by_the_book(b""))
    with pytest.raises(JournalDamaged):
        FileJournal.open(log, write=True)
    log.write_bytes(three)
    FileJournal.open(log, write=True).close()


def test_a_reader_follows_the_writer(log: Path) -> None:
    with (
        FileJournal.create(log, HEADER) as writer,
        FileJournal.open(log, write=False) as reader,
    ):
        assert reader.refresh() == 0
        new = [writer.append(body(writer)), writer.append(body(writer, records=2))]
        assert reader.refresh() == 2 and list(reader.frames[-2:]) == new
        assert list(reader.frames) == list(writer.frames)
        assert reader.refresh() == 0


def test_a_reader_follows_in_parts(log: Path) -> None:
    with (
        FileJournal.create(log, HEADER) as writer,
        FileJournal.open(log, write=False) as reader,
    ):
        new = [writer.append(body(writer)) for _ in range(5)]
        assert [reader.refresh(2) for _ in range(4)] == [2, 2, 1, 0]
        assert list(reader.frames[1:]) == new and reader.damage is None


def test_a_damaged_entry_does_not_show_a_follower_what_was_not_acknowledged(log: Path) -> None:
    with (
        FileJournal.create(log, HEADER) as writer,
        FileJournal.open(log, write=False) as reader,
    ):
        for _ in range(3):
            writer.append(body(writer))
        bad = bytearray(offsets_path(log).read_bytes())
        bad[-2 * 20] ^= 1  # in the last entry but one
        offsets_path(log).write_bytes(bad)
        log.write_bytes(log.read_bytes() + packed_by_the_book(b""))
        assert reader.refresh(2) == 3 and reader.damage is None


def test_a_reader_sees_half_a_frame_as_unfinished_and_then_whole(log: Path, three: bytes) -> None:
    offsets_path(log).unlink()  # it knows a frame only when it is whole
    log.write_bytes(three[:-5])
    with FileJournal.open(log, write=False) as reader:
        assert len(reader.frames) == 2
        assert "unfinished" in reader.notices[0]
        log.write_bytes(three)
        assert reader.refresh() == 1 and reader.last.records == ({"k": "event", "n": 0},)
        assert list(reader.notices) == []


def test_a_reader_names_what_goes_wrong_while_it_follows(log: Path, three: bytes) -> None:
    with FileJournal.open(log, write=False) as reader:
        log.write_bytes(three + packed_by_the_book(b""))
        assert reader.refresh() == 0 and not reader.damage, "not acknowledged yet"
        offsets_path(log).unlink()
        assert reader.refresh() == 0
        assert reader.damage is not None
        assert reader.damage.where["offset"] == len(three)
    with FileJournal.open(log, write=False) as reader:
        assert reader.damage is not None
    log.write_bytes(three)
    with FileJournal.open(log, write=True) as writer, FileJournal.open(log, write=False) as reader:
        writer.append(body(writer))
        bad = bytearray(log.read_bytes())
        bad[len(three) + 20] ^= 1
        log.write_bytes(bad)
        assert reader.refresh() == 0
        assert reader.damage is not None and reader.damage.where["offset"] == len(three)
    log.write_bytes(three)
    with FileJournal.open(log, write=False) as reader:
        os.truncate(log, 10)
        assert reader.refresh() == 0
        assert reader.damage is not None
        assert len(reader.frames) == 3
