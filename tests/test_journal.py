"""Journals: their bytes, and what becomes of them when writing, or the disk, goes wrong."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aos_core import frames
from aos_core.branches import DiskError, list_branches
from aos_core.canon import sha256
from aos_core.errors import (
    AosError,
    BranchLocked,
    CanonError,
    JournalDamaged,
    ReadOnly,
    UsageError,
    WorldError,
)
from aos_core.journal import FileJournal, Journal, JournalMissing, MemoryJournal

ROOT = bytes(range(32))
HEADER: dict[str, Any] = {
    "format": 1,
    "semantics": 1,
    "world": "demo",
    "height": 0,
    "records": [{"k": "genesis"}],
    "root": ROOT,
}


def body(last: Journal | frames.Frame, records: int = 1, text: str = "x") -> dict[str, Any]:
    """A frame that fits after ``last``."""
    height = last.height if isinstance(last, Journal) else last.last_height
    head = last.head if isinstance(last, Journal) else last.hash
    return {
        "height": height + 1,
        "prev": head,
        "input": {"k": "event", "text": text},
        "records": [{"k": "event", "n": n} for n in range(records)],
        "root": sha256(text.encode()),
    }


def fork_header(parent: Journal) -> dict[str, Any]:
    return HEADER | {
        "parent": {"head": parent.head, "height": parent.height},
        "prev": parent.head,
        "height": parent.height + 1,
        "records": [],
        "root": parent.frames[-1].root,
    }


def payloads(some: Journal) -> list[bytes]:
    return [frame.payload for frame in some.frames]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / ".aos" / "journal" / "main.log"


@pytest.fixture
def three(log: Path) -> bytes:
    """The bytes of a journal of three frames, which lies at ``log``."""
    with FileJournal.create(log, HEADER) as made:
        made.append(body(made, records=2))
        made.append(body(made, text="the last one"))
    return log.read_bytes()


@pytest.fixture(params=["memory", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Journal]]:
    """Makes a journal from its header, of either kind."""
    made: list[Journal] = []

    def make_one(header: dict[str, Any] = HEADER) -> Journal:
        path = tmp_path / f"{len(made)}.log"
        one = (
            MemoryJournal(header) if request.param == "memory" else FileJournal.create(path, header)
        )
        made.append(one)
        return one

    yield make_one
    for one in made:
        one.close()


# What lies on the disk


def crc32c_by_the_book(data: bytes) -> int:
    """CRC-32C bit by bit: polynomial 1EDC6F41, reflected."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def packed_by_the_book(payload: bytes) -> bytes:
    length = struct.pack("<I", len(payload))
    crc = struct.pack("<I", crc32c_by_the_book(length + payload))
    return length + payload + crc + length


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
        assert file.frames == memory.frames
    for write in (True, False):
        with FileJournal.open(log, write=write) as again:
            assert again.frames == memory.frames
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
        assert list(reader.refresh()) == []
        new = [writer.append(body(writer)), writer.append(body(writer, records=2))]
        assert list(reader.refresh()) == new
        assert reader.frames == writer.frames
        assert list(reader.refresh()) == []


def test_a_reader_sees_half_a_frame_as_unfinished_and_then_whole(log: Path, three: bytes) -> None:
    log.write_bytes(three[:-5])
    with FileJournal.open(log, write=False) as reader:
        assert len(reader.frames) == 2
        assert "unfinished" in reader.notices[0]
        log.write_bytes(three)
        assert [frame.records for frame in reader.refresh()] == [({"k": "event", "n": 0},)]
        assert list(reader.notices) == []


@pytest.mark.parametrize("count", [1, 4, 12, 64, 5000])
def test_zeros_at_the_end_are_an_unfinished_frame(log: Path, three: bytes, count: int) -> None:
    """A file system may lengthen a file before it writes what belongs there."""
    log.write_bytes(three + bytes(count))
    with FileJournal.open(log, write=True) as opened:
        assert (opened.damage, len(opened.frames)) == (None, 3)
        assert opened.writable
    assert log.read_bytes() == three
    log.write_bytes(three + bytes(12) + b"\x01" * count)
    with FileJournal.open(log, write=True) as opened:
        assert opened.damage is not None


def test_a_reader_names_what_goes_wrong_while_it_follows(log: Path, three: bytes) -> None:
    with FileJournal.open(log, write=False) as reader:
        log.write_bytes(three + packed_by_the_book(b""))
        assert list(reader.refresh()) == []
        assert reader.damage is not None
        assert reader.damage.where["offset"] == len(three)
    with FileJournal.open(log, write=False) as reader:
        assert reader.damage is not None
    log.write_bytes(three)
    with FileJournal.open(log, write=False) as reader:
        os.truncate(log, 10)
        assert list(reader.refresh()) == []
        assert reader.damage is not None
        assert len(reader.frames) == 3


# Disks that refuse


class FailingFile:
    """A file that takes ``room`` bytes and then says that the disk is full."""

    def __init__(self, file: Any, room: int) -> None:
        self.file, self.room = file, room

    def write(self, data: memoryview) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken: int = self.file.write(data[: self.room])
        self.room -= taken
        return taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@pytest.mark.parametrize("room", [0, 1, 5, 100])
def test_a_full_disk_loses_nothing_and_later_appends_work(log: Path, room: int) -> None:
    with FileJournal.create(log, HEADER) as made:
        made.append(body(made))
        before = log.read_bytes()
        file = made._file
        made._file = FailingFile(file, room)  # type: ignore[assignment]
        with pytest.raises(DiskError, match="No space left") as caught:
            made.append(body(made, text="too much" * 50))
        assert caught.value.hint is not None
        assert log.read_bytes() == before
        assert made.height == 1
        made._file = file
        made.append(body(made, text="small"))
        expected = payloads(made)
    with FileJournal.open(log, write=False) as again:
        assert payloads(again) == expected
        assert again.damage is None


def test_a_write_in_small_pieces_is_whole(log: Path) -> None:
    class Slow(FailingFile):
        def write(self, data: memoryview) -> int:
            return int(self.file.write(data[:7]))

    with FileJournal.create(log, HEADER) as made:
        made._file = Slow(made._file, 0)  # type: ignore[assignment]
        made.append(body(made))
    with FileJournal.open(log, write=False) as again:
        assert again.height == 1


def test_a_failed_sync_is_not_acknowledged(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FileJournal.create(log, HEADER) as made:
        before = log.read_bytes()
        real, calls = os.fsync, []

        def fails_once(descriptor: int) -> None:
            calls.append(descriptor)
            if len(calls) == 1:
                raise OSError(errno.EIO, "Input/output error")
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fails_once)
        with pytest.raises(DiskError, match="Input/output"):
            made.append(body(made))
        assert log.read_bytes() == before
        made.append(body(made))


def test_a_failed_write_that_cannot_be_undone_stops_the_writer(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileJournal.create(log, HEADER) as made:
        acknowledged = payloads(made)

        def fails(descriptor: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fails)
            with pytest.raises(DiskError):
                made.append(body(made))
        assert not made.writable
        with pytest.raises(ReadOnly, match="open the branch again"):
            made.append(body(made))
    with FileJournal.open(log, write=True) as again:
        assert payloads(again)[:1] == acknowledged
        again.append(body(again))


def test_every_append_is_synced_before_it_returns(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync

    def spy(descriptor: int) -> None:
        real(descriptor)
        synced.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", spy)
    with FileJournal.create(log, HEADER) as made:
        file = log.stat().st_ino
        places = [log.parent, log.parent.parent, log.parent.parent.parent]
        assert synced == [file, *(place.stat().st_ino for place in places)]
        synced.clear()
        made.append(body(made))
        assert synced == [file]


def test_an_interrupted_write_leaves_nothing_behind(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileJournal.create(log, HEADER) as made:
        before = log.read_bytes()
        with monkeypatch.context() as patch:
            real = os.fsync
            interrupts = iter([KeyboardInterrupt()])

            def interrupted(descriptor: int) -> None:
                for interrupt in interrupts:
                    raise interrupt
                real(descriptor)

            patch.setattr(os, "fsync", interrupted)
            with pytest.raises(KeyboardInterrupt):
                made.append(body(made))
        assert log.read_bytes() == before
        made.append(body(made))


def test_a_creation_that_fails_leaves_no_branch(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(DiskError, match="cannot be created"):
            FileJournal.create(log, HEADER)
    assert list_branches(log.parent) == []
    FileJournal.create(log, HEADER).close()


def test_frames_that_somebody_else_added_are_not_overwritten(log: Path, three: bytes) -> None:
    with FileJournal.open(log, write=True) as made:
        log.write_bytes(three + b"something")
        with pytest.raises(ReadOnly, match="something else"):
            made.append(body(made))
        assert not made.writable
    assert log.read_bytes() == three + b"something"


def test_a_place_that_cannot_be_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here already")
    with pytest.raises(DiskError, match="main cannot be created") as caught:
        FileJournal.create(tmp_path / "file" / "main.log", HEADER)
    assert caught.value.where["file"] == tmp_path / "file" / "main.log"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind root")
def test_a_directory_without_permission_is_named_with_a_hint(log: Path, three: bytes) -> None:
    (log.parent / "main.lock").unlink()
    log.parent.chmod(0o500)
    try:
        with pytest.raises(ReadOnly) as caught:
            FileJournal.create(log.with_name("new.log"), HEADER)
        assert str(log.parent) in (caught.value.hint or "")
        with pytest.raises(ReadOnly, match="branch main cannot be locked"):
            FileJournal.open(log, write=True)
        with FileJournal.open(log, write=False) as reader:
            assert len(reader.frames) == 3
    finally:
        log.parent.chmod(0o700)


# Torn and damaged


def test_a_file_cut_at_any_byte_keeps_its_whole_frames(log: Path, three: bytes) -> None:
    with FileJournal.open(log, write=False) as whole:
        expected, ends = payloads(whole), [frame.end for frame in whole.frames]
    for cut in range(len(three)):
        log.write_bytes(three[:cut])
        kept = [payload for payload, end in zip(expected, ends, strict=True) if end <= cut]
        good = max((end for end in ends if end <= cut), default=0)
        torn = three[good:cut]
        check_reader_of_torn(log, kept, torn)
        check_writer_of_torn(log, kept, torn)
        for left in log.parent.glob("*"):
            left.unlink()


def check_reader_of_torn(log: Path, kept: list[bytes], torn: bytes) -> None:
    before = log.read_bytes()
    if kept:
        with FileJournal.open(log, write=False) as reader:
            assert payloads(reader) == kept
            assert reader.damage is None
            assert len(reader.notices) == bool(torn)
    else:
        with pytest.raises(JournalMissing, match="never finished"):
            FileJournal.open(log, write=False)
    assert log.read_bytes() == before
    assert not list(log.parent.glob("*.torn-*"))


def check_writer_of_torn(log: Path, kept: list[bytes], torn: bytes) -> None:
    aside = log.with_name("main.torn-1")
    if kept:
        with FileJournal.open(log, write=True) as writer:
            assert payloads(writer) == kept
            assert [aside.name in notice for notice in writer.notices] == [True] * bool(torn)
            writer.append(body(writer, text="after"))
            kept = payloads(writer)
    else:
        with pytest.raises(JournalMissing, match=aside.name):
            FileJournal.open(log, write=True)
        assert list_branches(log.parent) == []
        with FileJournal.create(log, HEADER) as writer:
            kept = payloads(writer)
    assert (aside.read_bytes() if aside.exists() else b"") == torn
    with FileJournal.open(log, write=False) as again:
        assert payloads(again) == kept
        assert list(again.notices) == []


def test_torn_ends_are_kept_side_by_side(log: Path, three: bytes) -> None:
    for n in (1, 2, 3):
        log.write_bytes(three + b"torn %d" % n)
        FileJournal.open(log, write=True).close()
    assert [log.with_name(f"main.torn-{n}").read_bytes() for n in (1, 2, 3)] == [
        b"torn 1",
        b"torn 2",
        b"torn 3",
    ]


def test_the_torn_end_is_safe_before_it_is_cut_off(
    log: Path, three: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write_bytes(three[:-1])

    def fails(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(DiskError):
            FileJournal.open(log, write=True)
    assert log.read_bytes() == three[:-1]
    with FileJournal.open(log, write=True) as again:
        again.append(body(again))


def never_accepted(log: Path, good: list[bytes], write: bool) -> None:
    """The property of a journal one of whose bytes is wrong: a good prefix, and it is said so."""
    try:
        opened = FileJournal.open(log, write=write)
    except (JournalDamaged, JournalMissing):
        return
    with opened:
        found = payloads(opened)
        assert found == good[: len(found)]
        assert len(found) < len(good)
        assert opened.damage or opened.notices
        if opened.damage:
            assert opened.damage.where["offset"] == opened.frames[-1].end
            assert opened.damage.where["height"] == opened.height + 1
            with pytest.raises(ReadOnly):
                opened.append(body(opened))


def flip_every_byte(log: Path, three: bytes, flips: list[int], write: bool) -> None:
    with FileJournal.open(log, write=False) as whole:
        good = payloads(whole)
    for at in range(len(three)):
        for flip in flips:
            wrong = bytearray(three)
            wrong[at] ^= flip
            log.write_bytes(wrong)
            never_accepted(log, good, write)
            if not list(log.parent.glob("*.torn-*")):
                assert log.read_bytes() == wrong


def test_a_wrong_byte_anywhere_is_never_accepted(log: Path, three: bytes) -> None:
    flip_every_byte(log, three, [1, 0x80, 0xFF], write=False)


def test_a_wrong_byte_anywhere_is_damage_and_a_writer_leaves_it_alone(
    log: Path, three: bytes
) -> None:
    flip_every_byte(log, three, [0x40], write=True)
    assert not list(log.parent.glob("*.torn-*"))


def test_canary_a_reader_without_checksum_fails_that_property(
    log: Path, three: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "_crc_fits", lambda length, payload, crc: True)
    with pytest.raises(AssertionError):
        flip_every_byte(log, three, [1], write=False)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_bytes_give_a_good_prefix_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    made = MemoryJournal(HEADER)
    for text in data.draw(st.lists(st.text(max_size=5), max_size=3)):
        made.append(body(made, text=text))
    good = b"".join(frames.pack(frame.payload) for frame in made.frames)
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, len(good)))
    middle = data.draw(st.binary(max_size=40) | st.just(good) | st.just(good[start:]))
    log = tmp_path_factory.mktemp("any") / "main.log"
    log.write_bytes(good[:start] + middle + good[end:])
    try:
        opened = FileJournal.open(log, write=data.draw(st.booleans()))
    except AosError:
        assert start < made.header.end
        return
    with opened:
        kept = [frame.payload for frame in made.frames if frame.end <= start]
        assert payloads(opened)[: len(kept)] == kept


@pytest.mark.parametrize("order", [(0, 2), (0, 2, 1), (0, 1, 1), (0, 1, 0, 2)])
def test_frames_missing_or_out_of_order_are_damage(
    log: Path, three: bytes, order: tuple[int, ...]
) -> None:
    with FileJournal.open(log, write=False) as whole:
        pieces = [three[frame.offset : frame.end] for frame in whole.frames]
    log.write_bytes(b"".join(pieces[n] for n in order))
    with FileJournal.open(log, write=True) as opened:
        assert opened.damage is not None
        assert opened.damage.exit_code == 3
        good = next(n for n, piece in enumerate(order) if n != piece)
        assert opened.damage.where["offset"] == sum(len(piece) for piece in pieces[:good])


@pytest.mark.parametrize("payload", [b"", b"\xff", b"\x80", b"\xa0", cbor2.dumps({"height": 4})])
def test_a_sound_frame_with_the_wrong_contents_is_damage(
    log: Path, three: bytes, payload: bytes
) -> None:
    log.write_bytes(three + packed_by_the_book(payload))
    with FileJournal.open(log, write=True) as opened:
        assert len(opened.frames) == 3
        assert opened.damage is not None
        assert opened.damage.where["offset"] == len(three)
        assert opened.damage.where["height"] == opened.height + 1
        assert not opened.writable
    log.write_bytes(packed_by_the_book(payload))
    with pytest.raises(JournalDamaged):
        FileJournal.open(log, write=True)


# Processes that die

WRITER = """
import sys
from pathlib import Path
from aos_core.journal import FileJournal, JournalMissing
log, size = Path(sys.argv[1]), int(sys.argv[2])
made = FileJournal.open(log, write=True)
while True:
    frame = made.append({
        "height": made.height + 1, "prev": made.head, "input": {"text": "x" * size},
        "records": [{"k": "event"}], "root": bytes(32),
    })
    print(frame.height, frame.hash.hex(), flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_killed_writer_loses_nothing_that_was_acknowledged(log: Path) -> None:
    FileJournal.create(log, HEADER).close()
    acknowledged: dict[int, str] = {}
    for lives, size in [(1, 3_000_000), (4, 1_000_000), (30, 10), (7, 300_000)]:
        command = [sys.executable, "-c", WRITER, str(log), str(size)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline() for _ in range(lives)]
            child.send_signal(signal.SIGKILL)
            lines += [line for line in child.stdout if line.endswith("\n")]
        for line in lines:
            height, head = line.split()
            acknowledged[int(height)] = head
        with FileJournal.open(log, write=True) as again:
            assert again.damage is None
            heads = {frame.height: frame.hash.hex() for frame in again.frames}
            assert acknowledged.items() <= heads.items()
            acknowledged[again.height + 1] = again.append(body(again)).hash.hex()
