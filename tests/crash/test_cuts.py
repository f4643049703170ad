"""A sample of the power cuts of the full run, and weak journals that it has to find."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import pytest

from aos_core import frames
from aos_core.file_journal import FileJournal
from aos_core.frames import Frame
from aos_core.journal import JournalMissing
from aos_core.offsets import offsets_path
from aos_core.progress import Progress
from tests.crash.cuts import Drill
from tests.crash.power import PowerLayer, Stopped
from tests.journals import HEADER, body

DRILLS, ENDS = 13, 10


def drill(root: Path, seed: str, **weak: Any) -> Drill:
    root.mkdir()
    made = Drill(root, seed, **weak)
    made.run(ENDS)
    return made


@pytest.mark.parametrize("number", range(DRILLS))
def test_nothing_acknowledged_is_lost_when_power_is(
    tmp_path: Path, crash_seed: str, number: int
) -> None:
    tally = drill(tmp_path / "disk", f"{crash_seed}/cuts/{number}").tally
    assert tally["power cuts"] + tally["ends with power on"] == ENDS


def test_equal_seeds_give_equal_drills(tmp_path: Path, crash_seed: str) -> None:
    one, other = (drill(tmp_path / name, f"{crash_seed}/equal") for name in "ab")
    assert one.tally == other.tally
    assert one.tally["frames acknowledged"] > 0


# Canaries: what is weak on purpose has to be found


class Hasty(FileJournal):
    """Acknowledges what it has not synced."""

    def append(self, body: Mapping[str, Any]) -> Frame:
        held, self._group = self._group, self.count
        try:
            return super().append(body)
        finally:
            self._group = held


class HastyGroups(FileJournal):
    """Does not sync at the end of a group."""

    def _settle(self, first: int, before: Frame) -> None:
        self._offsets.flush()


class Unsynced(PowerLayer):
    """A disk on which nothing ever becomes durable, whatever it says."""

    def sync(self, file: BinaryIO) -> None:
        with self._call():
            pass


class NamesUnsynced(PowerLayer):
    """The same, of names."""

    def sync_directory(self, path: Path) -> None:
        with self._call():
            pass


class AdoptingFrames(FileJournal):
    """Takes up frames that a process left unsynced as if they were durable."""

    def _load(self, progress: Progress | None) -> None:
        assert isinstance(self._layer, Idle)
        self._layer.idle = {"sync"}
        super()._load(progress)
        self._layer.idle = set()


class AdoptingNames(FileJournal):
    """The same, with a file that was never created to the end."""

    def _load(self, progress: Progress | None) -> None:
        assert isinstance(self._layer, Idle)
        self._layer.idle = {"sync_directory"}
        super()._load(progress)
        self._layer.idle = set()


class Idle(PowerLayer):
    """Leaves out what it is told to."""

    idle: AbstractSet[str] = frozenset()

    def sync(self, file: BinaryIO) -> None:
        if "sync" not in self.idle:
            super().sync(file)

    def sync_directory(self, path: Path) -> None:
        if "sync_directory" not in self.idle:
            super().sync_directory(path)


def found(tmp_path: Path, **weak: Any) -> bool:
    """Whether a few drills, always the same, find what is weak."""
    for number in range(100):
        try:
            drill(tmp_path / str(number), f"canary/{number}", **weak)
        except AssertionError:
            return True
    return False


@pytest.mark.parametrize(
    "weak",
    [
        {"journal": Hasty},
        {"journal": HastyGroups},
        {"journal": AdoptingFrames, "layer": Idle},
        {"layer": Unsynced},
        {"layer": NamesUnsynced},
    ],
    ids=lambda weak: next(iter(weak.values())).__name__,
)
def test_canaries_are_found(tmp_path: Path, weak: dict[str, Any]) -> None:
    assert found(tmp_path, **weak)


def test_canary_a_reader_without_checksum_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "_crc_fits", lambda length, payload, crc: True)
    assert found(tmp_path)


def lost_after_killed_creation(tmp_path: Path, journal: type[FileJournal]) -> int:
    """How many of 20 branches, whose creator was killed before it synced their names, lose a frame
    that was acknowledged later."""
    lost = 0
    for seed in range(20):
        root = tmp_path / str(seed)
        root.mkdir()
        layer, log = Idle(root, Random(seed)), root / ".aos/journal/main.log"
        layer.stop_after(3)  # opened, written, synced
        with pytest.raises(Stopped):
            journal.create(log, HEADER, layer=layer)
        layer.stop_after(None)
        with journal.open(log, write=True, layer=layer) as made:
            made.append(body(made))
        layer.lose_power()
        try:
            with FileJournal.open(log, write=False) as again:
                lost += again.count < 2
        except JournalMissing:
            lost += 1
    return lost


def test_a_branch_whose_creator_was_killed_is_made_durable_by_the_next_writer(
    tmp_path: Path,
) -> None:
    assert lost_after_killed_creation(tmp_path, FileJournal) == 0


def test_canary_a_writer_that_leaves_its_names_unsynced_is_found(tmp_path: Path) -> None:
    assert lost_after_killed_creation(tmp_path, AdoptingNames) > 0


def test_the_array_of_a_removed_branch_does_not_come_back(tmp_path: Path) -> None:
    """Equal runs have equal headers: it would tell of frames that the new branch never had."""
    for seed in range(60):
        root = tmp_path / str(seed)
        root.mkdir()
        layer, log = PowerLayer(root, Random(seed)), root / ".aos/journal/main.log"
        with FileJournal.create(log, HEADER, layer=layer) as made:
            made.append(body(made))
        layer.sync_directory(log.parents[1])
        layer.unlink(log)
        layer.sync_directory(log.parent)
        offsets_path(log).unlink()
        FileJournal.create(log, HEADER, layer=layer).close()
        layer.lose_power()
        with FileJournal.open(log, write=True) as again:
            assert (again.damage, again.count) == (None, 1)


# The layer by itself


def test_a_disk_that_lost_power_holds_any_mixture_of_what_was_not_synced(tmp_path: Path) -> None:
    seen = set()
    for seed in range(300):
        root = tmp_path / str(seed)
        root.mkdir()
        layer = PowerLayer(root, Random(seed))
        with layer.open(root / "x.log", "xb+") as file:
            layer.write(file, 0, b"a" * 512)
            layer.sync(file)
            layer.sync_directory(root)
            layer.write(file, 512, b"b" * 512)
            layer.write(file, 1024, b"c" * 10)
        layer.lose_power()
        data = (root / "x.log").read_bytes()
        assert data[:512] == b"a" * 512
        seen.add((len(data), data[512:513], data[1024:1025]))
    assert {length for length, _, _ in seen} == {512, 1024, 1034}
    assert {(b"\0", b"c"), (b"b", b"\0"), (b"\0", b"\0"), (b"b", b"c")} <= {
        (second, third) for length, second, third in seen if length == 1034
    }


def test_a_process_that_was_stopped_does_nothing_more(tmp_path: Path) -> None:
    layer = PowerLayer(tmp_path, Random(1))
    with layer.open(tmp_path / "x.log", "xb+") as file:
        layer.stop_after(1)
        layer.write(file, 0, b"a")
        for _ in range(3):
            with pytest.raises(Stopped):
                layer.truncate(file, 0)
    assert (tmp_path / "x.log").read_bytes() in (b"", b"a")
