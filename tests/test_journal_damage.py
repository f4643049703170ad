"""Torn and damaged: what a journal makes of bytes that are not what was written.

Every truncation and every wrong bit, with and without the array of offsets: tests/crash/small.py.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aos_core.branches import DiskError
from aos_core.errors import AosError, JournalDamaged, ReadOnly
from aos_core.file_journal import FileJournal
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
