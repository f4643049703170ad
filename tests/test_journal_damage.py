"""Torn and damaged: what a journal makes of bytes that are not what was written.

Every truncation and every wrong bit, with and without the array of offsets: tests/crash/small.py.
"""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aos_core.branches import DiskError
from aos_core.errors import AosError, JournalDamaged, ReadOnly
from aos_core.file_journal import FileJournal
from aos_core.frames import Frame
from aos_core.offsets import offsets_path
from tests.journals import (
    HEADER,
    body,
    journal_log,
    packed_by_the_book,
    payloads,
    three_frames,
)

__all__ = ["journal_log", "three_frames"]


@pytest.mark.parametrize("array", [True, False])
@pytest.mark.parametrize("count", [1, 4, 12, 64, 5000])
def test_zeros_at_the_end_are_an_unfinished_frame(
    log: Path, three: bytes, count: int, array: bool
) -> None:
    """A file system may lengthen a file before it writes what belongs there."""
    if not array:
        offsets_path(log).unlink()
    log.write_bytes(three + bytes(count))
    with FileJournal.open(log, write=True) as opened:
        assert (opened.damage, len(opened.frames)) == (None, 3)
        assert opened.writable
    assert log.read_bytes() == three


@pytest.mark.parametrize("count", [1, 64])
def test_bytes_that_fail_the_checksum_are_damage_unless_nobody_was_told_of_them(
    log: Path, three: bytes, count: int
) -> None:
    wrong = three + bytes(12) + b"\x01" * count
    log.write_bytes(wrong)
    with FileJournal.open(log, write=True) as opened:
        assert (opened.damage, len(opened.frames)) == (None, 3)
        opened.append(body(opened))
    assert log.with_name("main.torn-1").read_bytes() == wrong[len(three) :]
    offsets_path(log).unlink()
    log.write_bytes(wrong)
    with FileJournal.open(log, write=True) as opened:
        assert opened.damage is not None
        assert opened.damage.where["offset"] == len(three)
    assert log.read_bytes() == wrong


def test_a_frame_that_turns_out_damaged_while_open_stops_the_writer(
    log: Path, three: bytes
) -> None:
    with FileJournal.open(log, write=True) as opened:
        wrong = bytearray(three)
        wrong[opened.header.end + 20] ^= 1
        log.write_bytes(wrong)
        with pytest.raises(JournalDamaged) as caught:
            opened.frame(1)
        assert caught.value.where["offset"] == opened.header.end
        assert (caught.value.where["height"], opened.damage) == (1, caught.value)
        with pytest.raises(ReadOnly, match="damaged from height 1"):
            opened.append(body(opened))
    assert log.read_bytes() == wrong


def test_checking_reads_from_the_disk_what_was_read_before(log: Path, three: bytes) -> None:
    for at in (10, -10):
        with FileJournal.open(log, write=True) as opened:
            assert len(payloads(opened)) == 3
            assert opened.check() is None
            wrong = bytearray(three)
            wrong[at] ^= 1
            log.write_bytes(wrong)
            damage = opened.check()
            assert damage is not None
            assert damage.where["height"] == (0 if at > 0 else 3)
        log.write_bytes(three)


def test_array_and_journal_both_damaged_is_damage(log: Path, three: bytes) -> None:
    array = offsets_path(log)
    wrong_array, wrong = bytearray(array.read_bytes()), bytearray(three)
    wrong_array[65] ^= 1
    with FileJournal.open(log, write=False) as opened:
        first, second = opened.frames[0].end, opened.frames[1].end
    for at, good in ((first + 5, 1), (first - 5, 0)):
        array.write_bytes(wrong_array)
        wrong[:] = three
        wrong[at] ^= 1
        log.write_bytes(wrong)
        if not good:
            with pytest.raises(JournalDamaged):
                FileJournal.open(log, write=True)
            continue
        with FileJournal.open(log, write=True) as opened:
            assert opened.frames[2].offset == second
            with pytest.raises(JournalDamaged) as caught:
                opened.frame(1)
            assert caught.value.where["offset"] == first
            assert len(payloads(opened)) == good
            assert not opened.writable
        assert array.read_bytes() == wrong_array


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
    log.write_bytes(three + three[:50])

    def fails(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(DiskError):
            FileJournal.open(log, write=True)
    assert log.read_bytes() == three + three[:50]
    with FileJournal.open(log, write=True) as again:
        again.append(body(again))
        assert log.with_name("main.torn-2").read_bytes() == three[:50]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_bytes_give_a_good_prefix_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    log = tmp_path_factory.mktemp("any") / "journal/main.log"
    with FileJournal.create(log, HEADER) as made:
        for text in data.draw(st.lists(st.text(max_size=5), max_size=3)):
            made.append(body(made, text=text))
        all_frames = list(made.frames)
    if data.draw(st.booleans()):
        offsets_path(log).unlink()
    good = log.read_bytes()
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, len(good)))
    middle = data.draw(st.binary(max_size=40) | st.just(good) | st.just(good[start:]))
    log.write_bytes(good[:start] + middle + good[end:])
    try:
        opened = FileJournal.open(log, write=data.draw(st.booleans()))
    except AosError:
        assert start < all_frames[0].end
        return
    with opened:
        for frame in all_frames:
            if frame.end <= start:
                assert opened.frame(opened.index_at(frame.height)) == frame
        damage = opened.check()
        assert damage is None or int(str(damage.where["offset"])) >= max(
            (frame.end for frame in all_frames if frame.end <= start), default=0
        )


@pytest.mark.parametrize("array", [True, False])
@pytest.mark.parametrize("order", [(0, 2), (0, 2, 1), (0, 1, 1), (0, 1, 0, 2)])
def test_frames_missing_or_out_of_order_are_damage(
    log: Path, three: bytes, order: tuple[int, ...], array: bool
) -> None:
    with FileJournal.open(log, write=False) as whole:
        pieces = [three[frame.offset : frame.end] for frame in whole.frames]
    if not array:
        offsets_path(log).unlink()
    log.write_bytes(b"".join(pieces[n] for n in order))
    with FileJournal.open(log, write=True) as opened:
        assert opened.damage is not None
        assert opened.damage.exit_code == 3
        good = next(n for n, piece in enumerate(order) if n != piece)
        assert opened.damage.where["offset"] == sum(len(piece) for piece in pieces[:good])


@pytest.mark.parametrize("array", [True, False])
@pytest.mark.parametrize("payload", [b"", b"\xff", b"\x80", b"\xa0", cbor2.dumps({"height": 4})])
def test_a_sound_frame_with_the_wrong_contents_is_damage(
    log: Path, three: bytes, payload: bytes, array: bool
) -> None:
    if not array:
        offsets_path(log).unlink()
    log.write_bytes(three + packed_by_the_book(payload))
    with FileJournal.open(log, write=True) as opened:
        assert len(opened.frames) == 3
        assert opened.damage is not None
        assert opened.damage.where["offset"] == len(three)
        assert opened.damage.where["height"] == opened.height + 1
        assert f"fork it at {opened.height} and go on" in (opened.damage.hint or "")
        assert not opened.writable
    log.write_bytes(packed_by_the_book(payload))
    with pytest.raises(JournalDamaged):
        FileJournal.open(log, write=True)


@pytest.mark.parametrize("frame", [0, 1, 2])
def test_what_is_damaged_while_a_journal_is_open_is_seen_before_it_is_written(
    log: Path, three: bytes, frame: int
) -> None:
    with FileJournal.open(log, write=True) as opened:
        found = opened.frames[frame]
        damaged = bytearray(three)
        damaged[found.offset + 20] ^= 1
        _rewrite(log, bytes(damaged))
        with pytest.raises(JournalDamaged) as caught:
            opened.append(body(opened))
        assert caught.value.where["height"] == found.height
        assert caught.value.where["offset"] == found.offset
        assert not opened.writable
        with pytest.raises(ReadOnly):
            opened.append(body(opened))
    assert log.read_bytes() == damaged, "nothing was written behind it"


@pytest.mark.parametrize("write", [True, False])
def test_a_journal_that_is_cut_short_while_it_is_open_ends_where_its_file_does(
    log: Path, three: bytes, write: bool
) -> None:
    with FileJournal.open(log, write=write) as opened:
        cut = opened.frames[1]
        os.truncate(log, cut.offset + 5)
        opened.look_again()
        assert opened.damage is not None
        assert (opened.damage.height, opened.damage.where["offset"]) == (cut.height, cut.offset)
        assert "it has become shorter since it was read" in opened.damage.message
        assert not opened.writable
    assert log.read_bytes() == three[: cut.offset + 5]


def test_a_reader_that_is_told_of_a_shorter_file_names_the_first_frame_that_is_gone(
    log: Path, three: bytes
) -> None:
    with FileJournal.open(log, write=False) as opened:
        cut = opened.frames[1]
        os.truncate(log, cut.offset)
        assert opened.refresh() == 0
        assert opened.damage is not None and opened.damage.height == cut.height
        assert "it has become shorter since it was read" in opened.damage.message


def test_a_file_that_is_written_again_as_it_was_is_no_damage(log: Path, three: bytes) -> None:
    with FileJournal.open(log, write=True) as opened:
        _rewrite(log, three)
        opened.append(body(opened))
        with opened.group():
            _rewrite(log, log.read_bytes())
            opened.append(body(opened))
            opened.append(body(opened))
        assert len(opened.frames) == 6 and opened.check() is None


def test_what_is_known_of_a_file_is_read_again_only_where_something_else_has_changed_it(
    log: Path, three: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        FileJournal.open(log, write=True) as writer,
        FileJournal.open(log, write=False) as reader,
    ):

        def check(of: FileJournal, *_: object) -> None:
            raise AssertionError("there was no need to")

        monkeypatch.setattr(FileJournal, "check", check)
        for _ in range(3):
            writer.append(body(writer))
            writer.look_again()
            reader.look_again()
            assert reader.refresh() == 1


def test_nothing_is_appended_while_another_thread_looks_whether_it_is_damaged(
    log: Path, three: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, looking, goes_on = FileJournal.check, threading.Event(), threading.Event()

    def slow(of: FileJournal, *given: Any) -> JournalDamaged | None:
        looking.set()
        goes_on.wait(10)
        return check(of, *given)

    monkeypatch.setattr(FileJournal, "check", slow)
    with FileJournal.open(log, write=True) as opened:
        found = opened.frames[1]
        damaged = bytearray(three)
        damaged[found.offset + 20] ^= 1
        _rewrite(log, bytes(damaged))
        look = threading.Thread(target=opened.look_again)
        look.start()
        looking.wait(10)
        assert opened.frame(0).height == 0, "who reads does not wait for that"
        threading.Timer(0.2, goes_on.set).start()
        with pytest.raises(JournalDamaged):
            opened.append(body(opened))
        look.join()
    assert log.read_bytes() == damaged


def test_what_could_not_be_looked_at_is_looked_at_before_the_next_append(
    log: Path, three: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(of: FileJournal, *_: object) -> None:
        raise OSError(errno.EIO, "the disk is sick")

    with FileJournal.open(log, write=True) as opened:
        _rewrite(log, three)
        with monkeypatch.context() as patch:
            patch.setattr(FileJournal, "check", broken)
            for _ in range(2):
                with pytest.raises(DiskError):
                    opened.look_again()
                with pytest.raises(DiskError):
                    opened.append(body(opened))
        opened.append(body(opened))


def test_who_looks_stops_when_the_journal_is_closed(
    log: Path, three: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, frame, read = FileJournal.open(log, write=True), FileJournal.frame, list[int]()

    def closing(of: FileJournal, index: int) -> Frame:
        read.append(index)
        opened.close()
        return frame(of, index)

    _rewrite(log, three)
    monkeypatch.setattr(FileJournal, "frame", closing)
    opened.look_again()
    assert read == [0]


def test_the_damage_that_comes_first_is_what_is_said(log: Path, three: bytes) -> None:
    with FileJournal.open(log, write=False) as opened:
        first, second = opened.frames[1], opened.frames[2]
        damaged = bytearray(three)
        damaged[first.offset + 20] ^= 1
        damaged[second.offset + 20] ^= 1
        _rewrite(log, bytes(damaged))
        opened._cache.clear()
        for index in (2, 1, 2):
            with pytest.raises(JournalDamaged):
                opened.frame(index)
        assert opened.damage is not None and opened.damage.height == first.height


def _rewrite(log: Path, data: bytes) -> None:
    """In place, as an editor or a sick disk would, at another time than it was written before."""
    before = log.stat().st_mtime_ns
    with log.open("r+b") as file:
        file.write(data)
    os.utime(log, ns=(before + 10**9, before + 10**9))
