"""Journals on disks that refuse: full, failing, gone; and the group, which shares one sync."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from aos_core.branches import BranchLock, DiskError, list_branches
from aos_core.errors import AosError, BranchLocked, ReadOnly, UsageError
from aos_core.file_journal import FileJournal
from aos_core.frames import Frame
from aos_core.journal import MemoryJournal
from aos_core.layer import FileLayer
from aos_core.offsets import offsets_path
from tests.journals import HEADER, body, journal_log, payloads, three_frames

__all__ = ["journal_log", "three_frames"]


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


# Groups


class Counting(FileLayer):
    """Counts syncs and fails those that it is told to, by number from 1."""

    def __init__(self, *failing: int) -> None:
        self.failing = failing
        self.syncs = 0

    def sync(self, file: BinaryIO) -> None:
        self.syncs += 1
        if self.syncs in self.failing:
            raise OSError(errno.EIO, "Input/output error")
        super().sync(file)


def test_a_group_shares_one_sync(log: Path) -> None:
    layer = Counting()
    with FileJournal.create(log, HEADER, layer=layer) as made:
        layer.syncs = 0
        with made.group():
            for n in range(50):
                made.append(body(made, text=str(n)))
            assert layer.syncs == 0
            assert offsets_path(log).stat().st_size == 40 + 20, "none is acknowledged yet"
        assert layer.syncs == 1
        assert offsets_path(log).stat().st_size == 40 + 51 * 20
        with made.group():
            pass
        assert layer.syncs == 1
        made.append(body(made))
        assert layer.syncs == 2
        expected = payloads(made)
    with FileJournal.open(log, write=False) as again:
        assert payloads(again) == expected
        assert again.check() is None


def test_groups_inside_a_group_are_part_of_it(log: Path) -> None:
    layer = Counting()
    with FileJournal.create(log, HEADER, layer=layer) as made:
        layer.syncs = 0
        with made.group():
            with made.group():
                made.append(body(made))
            assert layer.syncs == 0
            made.append(body(made))
        assert (layer.syncs, made.height) == (1, 2)


def test_a_group_whose_sync_fails_is_taken_back_whole(log: Path) -> None:
    layer = Counting()
    with FileJournal.create(log, HEADER, layer=layer) as made:
        made.append(body(made))
        before, bytes_before, head = payloads(made), log.read_bytes(), made.head
        layer.failing = (layer.syncs + 1,)
        with pytest.raises(DiskError, match="Input/output"), made.group():
            for n in range(3):
                made.append(body(made, text=str(n)))
        assert (payloads(made), made.head, made.height) == (before, head, 1)
        assert log.read_bytes() == bytes_before
        assert offsets_path(log).stat().st_size == 40 + 2 * 20
        assert made.index_at(99) == 1
        made.append(body(made, text="after"))
        expected = payloads(made)
    with FileJournal.open(log, write=True) as again:
        assert payloads(again) == expected
        assert again.check() is None


def test_who_reads_while_a_group_is_taken_back_finds_no_damage(log: Path) -> None:
    class Read(FileJournal):
        """Is read by another thread at the moment that a group has failed."""

        def _settle(self, first: int, before: Frame) -> None:
            try:
                super()._settle(first, before)
            finally:
                self._cache.clear()
                self.frame(self.count - 1)

    layer = Counting()
    with Read.create(log, HEADER, layer=layer) as made:
        layer.failing = (layer.syncs + 1,)
        with pytest.raises(DiskError), made.group():
            made.append(body(made))
        assert made.damage is None
        made.append(body(made, text="after"))


def test_a_group_that_can_neither_be_synced_nor_taken_back_stops_the_writer(log: Path) -> None:
    layer = Counting()
    with FileJournal.create(log, HEADER, layer=layer) as made:
        layer.failing = (layer.syncs + 1, layer.syncs + 2)
        with pytest.raises(DiskError), made.group():
            made.append(body(made))
        assert (made.height, made.writable) == (0, False)
        with pytest.raises(ReadOnly, match="open the branch again"):
            made.append(body(made))


def test_what_a_group_accepted_before_an_error_is_kept(log: Path) -> None:
    layer = Counting()
    with FileJournal.create(log, HEADER, layer=layer) as made:
        layer.syncs = 0
        with pytest.raises(ZeroDivisionError), made.group():
            made.append(body(made))
            raise ZeroDivisionError
        assert (layer.syncs, made.height) == (1, 1)
        with pytest.raises(UsageError), made.group():
            made.append(body(made))
            made.append(body(made) | {"height": 7})
        assert (layer.syncs, made.height) == (2, 2)
        expected = payloads(made)
    with FileJournal.open(log, write=False) as again:
        assert payloads(again) == expected


def test_a_write_that_fails_inside_a_group_takes_back_only_itself(log: Path) -> None:
    with FileJournal.create(log, HEADER) as made:
        file = made._file
        with made.group():
            made.append(body(made))
            made._file = FailingFile(file, 5)  # type: ignore[assignment]
            with pytest.raises(DiskError):
                made.append(body(made))
            made._file = file
            made.append(body(made, text="after"))
        expected = payloads(made)
        assert len(expected) == 3
    with FileJournal.open(log, write=False) as again:
        assert payloads(again) == expected


def test_a_group_in_memory_is_the_same(log: Path) -> None:
    memory = MemoryJournal(HEADER)
    with FileJournal.create(log, HEADER) as file:
        for made in (memory, file):
            with made.group():
                made.append(body(made))
                made.append(body(made))
        assert memory.head == file.head


# Files that go away


def deleted(log: Path) -> None:
    log.unlink()


def directory_deleted(log: Path) -> None:
    shutil.rmtree(log.parents[1])


def moved(log: Path) -> None:
    log.rename(log.parent.with_name("elsewhere.log"))


@pytest.mark.parametrize("take_away", [deleted, directory_deleted, moved])
def test_a_file_that_is_gone_is_noticed_and_can_be_put_back(
    log: Path, take_away: Callable[[Path], None]
) -> None:
    with FileJournal.create(log, HEADER) as made:
        for n in range(3):
            made.append(body(made, text=str(n)))
        before, held = log.read_bytes(), payloads(made)
        take_away(log)
        with pytest.raises(ReadOnly, match="deleted or moved") as caught:
            made.append(body(made, text="lost"))
        assert caught.value.code == "journal_gone"
        assert "put it back" in (caught.value.hint or "")
        assert (payloads(made), made.writable, log.exists()) == (held, False, False)
        made.put_back()
        assert log.read_bytes() == before
        made.append(body(made, text="after"))
        with pytest.raises(BranchLocked):
            FileJournal.open(log, write=True)
        expected = payloads(made)
    with FileJournal.open(log, write=True) as again:
        assert payloads(again) == expected
        assert again.check() is None


def test_a_group_is_not_acknowledged_where_its_file_is_gone(log: Path) -> None:
    with FileJournal.create(log, HEADER) as made:
        made.append(body(made))
        held = payloads(made)
        with pytest.raises(ReadOnly) as caught, made.group():
            made.append(body(made))
            log.unlink()
        assert caught.value.code == "journal_gone"
        assert payloads(made) == held
        made.put_back()
        made.append(body(made, text="after"))
        expected = payloads(made)
    with FileJournal.open(log, write=False) as again:
        assert payloads(again) == expected


def test_a_file_that_has_another_name_is_not_written_a_second_time(log: Path) -> None:
    other = log.with_name("other.log")
    with FileJournal.create(log, HEADER) as made:
        made.append(body(made))
        log.rename(other)
        refused: list[tuple[type[AosError], Callable[[], object]]] = [
            (ReadOnly, lambda: made.append(body(made))),
            (UsageError, made.put_back),
        ]
        for error, act in refused:
            with pytest.raises(error, match="is there, as branch other") as caught:
                act()
            assert caught.value.code == "journal_renamed"
        assert not log.exists() and len(payloads(made)) == 2
        other.rename(log)
        made.append(body(made, text="its old name again"))


def test_a_file_that_was_replaced_is_left_alone(log: Path) -> None:
    other = log.with_name("other.log")
    FileJournal.create(other, HEADER).close()
    theirs = other.read_bytes()
    with FileJournal.create(log, HEADER) as made:
        made.append(body(made))
        other.replace(log)
        with pytest.raises(ReadOnly, match="deleted or moved") as caught:
            made.append(body(made))
        assert caught.value.code == "journal_gone"
        with pytest.raises(UsageError, match="taken"):
            made.put_back()
        assert log.read_bytes() == theirs
        assert len(payloads(made)) == 2
        log.unlink()
        made.put_back()
        assert made.append(body(made)).height == 2


def test_putting_back_fails_whole_and_can_be_tried_again(log: Path) -> None:
    layer = Counting()
    with FileJournal.create(log, HEADER, layer=layer) as made:
        made.append(body(made))
        before = log.read_bytes()
        log.unlink()
        layer.failing = (layer.syncs + 1,)
        with pytest.raises(DiskError, match="cannot be put back"):
            made.put_back()
        assert not log.exists()
        with pytest.raises(ReadOnly, match="deleted"):
            made.append(body(made))
        other = BranchLock(log)
        made.put_back()
        with pytest.raises(BranchLocked):
            other.acquire()
        assert log.read_bytes() == before
        made.append(body(made))


def test_only_a_writer_puts_back(log: Path, three: bytes) -> None:
    with FileJournal.open(log, write=False) as reader:
        log.unlink()
        with pytest.raises(ReadOnly, match="reading only"):
            reader.put_back()
        assert not reader.writable
    log.write_bytes(three[:-1])
    with FileJournal.open(log, write=True) as damaged:
        log.unlink()
        with pytest.raises(ReadOnly, match="damaged"):
            damaged.put_back()
    assert not log.exists()
