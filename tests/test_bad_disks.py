"""What can be wrong with the disk, the clock, and with what lies where a world keeps its own."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from aos_core.branches import DiskError
from aos_core.errors import JournalDamaged, ReadOnly, WorldError
from aos_core.files import find_world
from aos_core.hosts import LiveHost, Past, Stamp
from aos_core.kernel.records import Input
from aos_core.network import remote_file_system
from aos_core.world import World
from tests.support import EVENT, REDUCER, copy_example, log, release_all, start


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A world with one request behind it."""
    world = copy_example(tmp_path / "world")
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        release_all(opened)
    return world


def same_after(world: Path, change: Callable[[], object]) -> None:
    """Whatever ``change`` does to what is derived, nothing differs, and the world goes on."""
    with World.open(world) as opened:
        before = (opened.head, opened.height, [of.n for of in opened.history.all_asked()])
    change()
    with World.open(world) as opened:
        asked = [of.n for of in opened.history.all_asked()]
        assert (opened.head, opened.height, asked) == before and opened.trouble is None
        assert opened.at(5).state(REDUCER)["pc"] == "Running"
        opened.fire(EVENT, start())
        assert [of.n for of in opened.pending] == [1, 2, 3]
        assert opened.verify().ok


DERIVED = ("index.db", "snapshots.db", "index/main.offsets")


@pytest.mark.parametrize("name", DERIVED)
def test_what_is_derived_may_be_deleted(world: Path, name: str) -> None:
    same_after(world, (world / ".aos" / name).unlink)


@pytest.mark.parametrize("name", DERIVED)
@pytest.mark.parametrize("data", [b"", b"x", b"SQLite format 3\0" + bytes(4000), bytes(70_000)])
def test_what_is_derived_may_be_rubbish(world: Path, name: str, data: bytes) -> None:
    same_after(world, lambda: (world / ".aos" / name).write_bytes(data))


@pytest.mark.parametrize("name", DERIVED)
def test_what_is_derived_may_be_of_another_journal(world: Path, tmp_path: Path, name: str) -> None:
    other = copy_example(tmp_path / "other")
    with World.open(other) as opened:
        for topic in "abc":
            opened.fire(EVENT, start(topic=topic))
    same_after(world, lambda: shutil.copy(other / ".aos" / name, world / ".aos" / name))


@pytest.mark.parametrize(
    "change",
    [
        "PRAGMA user_version = 99",
        "DROP TABLE records",
        "DELETE FROM records",
        "UPDATE branches SET head = x'00'",
        "UPDATE branches SET header = x'00'",
        "UPDATE branches SET frames = 99999",
    ],
)
def test_an_index_of_another_version_or_state_is_made_anew(world: Path, change: str) -> None:
    def alter() -> None:
        with sqlite3.connect(world / ".aos/index.db") as database:
            database.execute(change)
        database.close()

    same_after(world, alter)


def test_a_world_moved_to_another_folder_goes_on(world: Path, tmp_path: Path) -> None:
    moved = world.rename(tmp_path / "elsewhere")
    same_after(moved, lambda: None)


def test_the_journal_of_another_world_is_refused(world: Path, tmp_path: Path) -> None:
    other = Path(
        shutil.copytree(
            find_world("00"), tmp_path / "counter", ignore=shutil.ignore_patterns(".aos")
        )
    )
    shutil.copytree(world / ".aos", other / ".aos")
    with pytest.raises(WorldError) as caught:
        World.open(other)
    assert caught.value.code == "other_world" and "aggregator, not counter" in caught.value.message
    assert "move it away" in (caught.value.hint or "")


def test_a_world_may_change_its_name(world: Path) -> None:
    path = world / "world.toml"
    path.write_text(path.read_text("utf-8").replace('name = "aggregator"', 'name = "other"'))
    with World.open(world) as opened:
        assert opened.height > 0 and opened.writable


# -- clocks ---------------------------------------------------------------------------------


class Back(LiveHost):
    """The system's clock, an hour late."""

    def stamp(self, input: Input, past: Past) -> Stamp:
        at_ns, elapsed, entropy = super().stamp(input, past)
        return at_ns - 3_600 * 10**9, elapsed - 3_600 * 10**9, entropy


def test_a_clock_that_goes_back_is_told_and_logical_time_does_not_fall(world: Path) -> None:
    with World.open(world) as opened:
        assert opened.notices == []
        before = opened.frames[-1].body["input"]["logical_ns"]
        opened.host = Back()
        opened.fire(EVENT, start())
        assert opened.frames[-1].body["input"]["logical_ns"] == before
        assert "behind the last record" in opened.notices[0]
        opened.host = LiveHost()
        opened.fire(EVENT, start())
        assert opened.notices == [] and opened.verify().ok


# -- disks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/mnt/share/world/.aos", "nfs4"),
        ("/mnt/share", "nfs4"),
        ("/mnt/shared", None),
        ("/mnt/with space/x", "cifs"),
        ("/mnt/gemütlich/x", "nfs"),
        ("/mnt/share/local/x", None),
        ("/", None),
    ],
)
def test_network_file_systems_are_known_by_their_mounts(
    tmp_path: Path, path: str, kind: str | None
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
        "30 22 0:40 / /mnt/share rw,relatime shared:2 - nfs4 server:/x rw\n"
        "31 22 0:41 / /mnt/with\\040space rw - cifs //server/x rw\n"
        "33 22 0:42 / /mnt/gemütlich rw - nfs server:/y rw\n"
        "32 30 8:2 / /mnt/share/local rw - ext4 /dev/vdb rw\n",
        "utf-8",
    )
    assert remote_file_system(Path(path), mounts) == kind
    assert remote_file_system(Path(path), tmp_path / "none") is None


def test_no_journal_is_written_on_a_network_file_system(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aos_core.disk.remote_file_system", lambda path: "nfs4")
    with pytest.raises(ReadOnly) as caught:
        World.open(world)
    assert caught.value.code == "network_disk" and "copy the world" in (caught.value.hint or "")
    with World.open(world, write=False) as opened:
        assert opened.state(REDUCER)["pc"] == "Done"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_fills_up_loses_nothing_that_was_acknowledged(
    small_disk: Path, tmp_path: Path
) -> None:
    """Journal, store, index and snapshots all want room; the world says so and stays usable."""
    whole = copy_example(tmp_path / "world")
    (whole / ".aos").symlink_to(small_disk)
    acknowledged = []
    with World.open(whole) as opened:
        with pytest.raises(DiskError) as caught:
            while True:
                opened.fire(EVENT, start())
                acknowledged.append(opened.head)
                release_all(opened)
                acknowledged.append(opened.head)
        assert "free some space" in (caught.value.hint or "") and acknowledged
        assert opened.head in {acknowledged[-1], opened.frames[-1].hash}
        assert opened.state(REDUCER) is not None
        (small_disk / "index.db").unlink(missing_ok=True)
        (small_disk / "snapshots.db").unlink(missing_ok=True)
    for name in ("index.db-wal", "snapshots.db-wal", "index.db", "snapshots.db"):
        (small_disk / name).unlink(missing_ok=True)
    with World.open(whole) as opened:
        heads = {frame.hash for frame in opened.frames}
        assert set(acknowledged) <= heads and opened.verify().ok
        release_all(opened)


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    world = copy_example(tmp_path / "world")
    (world / ".aos").write_text("in the way")
    with pytest.raises((ReadOnly, DiskError)) as caught:
        World.open(world)
    assert caught.value.hint


def test_a_deleted_journal_is_noticed_before_anything_is_acknowledged(world: Path) -> None:
    with World.open(world) as opened:
        height = opened.height
        log(world).unlink()
        with pytest.raises(ReadOnly) as caught:
            opened.fire(EVENT, start())
        assert caught.value.code == "journal_gone"
        assert opened.height == height and len(opened.records) == height + 1
        assert opened.at(3).state(REDUCER)["pc"] == "Running", "what is open can still be read"


def test_a_group_that_the_disk_refuses_has_not_happened(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aos_core.layer import FileLayer

    with World.open(world) as opened:
        before = (opened.head, opened.root, opened.height)

        def refuse(self: FileLayer, file: object) -> None:
            monkeypatch.undo()
            raise OSError(28, "No space left on device")

        with pytest.raises(DiskError), opened.group():
            opened.fire(EVENT, start())
            assert opened.height > before[2] and len(opened.pending) == 3
            taken_back = opened.records[before[2] + 1]
            monkeypatch.setattr(FileLayer, "sync", refuse)
        assert (opened.head, opened.root, opened.height) == before
        opened.fire(EVENT, start(topic="another"))
        assert opened.verify().ok and [of.n for of in opened.pending] == [1, 2, 3]
        assert opened.records[before[2] + 1] != taken_back
        assert opened.history.events == 2


def test_inputs_of_a_group_share_one_sync(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aos_core.layer import FileLayer

    synced: list[object] = []
    sync = FileLayer.sync

    def counted(self: FileLayer, file: BinaryIO) -> None:
        synced.append(file)
        sync(self, file)

    monkeypatch.setattr(FileLayer, "sync", counted)
    with World.open(world) as opened:
        synced.clear()
        with opened.group():
            for _ in range(20):
                opened.fire(EVENT, start())
            assert synced == []
        assert len(synced) == 1
        opened.fire(EVENT, start())
        assert len(synced) == 2


def long_world(to: Path) -> Path:
    """A world whose state at the end is kept, so that opening does not run its beginning."""
    world = copy_example(to)
    with World.open(world) as opened, opened.group():
        for _ in range(10):
            opened.fire(EVENT, start())
            release_all(opened)
    return world


def test_damage_that_opening_does_not_meet_is_met_by_whoever_comes_after(tmp_path: Path) -> None:
    """A wrong byte far from the end: nobody who knows of it writes or forks behind it."""
    world = long_world(tmp_path / "world")
    data = bytearray(log(world).read_bytes())
    data[len(data) // 3] ^= 1
    log(world).write_bytes(data)
    with World.open(world, write=False) as opened:
        assert opened.writable is False and opened.height > 200, "the end is whole"
        with pytest.raises(JournalDamaged) as caught:
            opened.verify()
        height = int(str(caught.value.where["height"]))
        assert opened.trouble is caught.value and opened.retreat()
        assert opened.height == height - 1 and opened.at(opened.height).root == opened.root
        assert not opened.retreat(), "it ends before the damage already"
    with World.open(world) as opened:
        assert opened.trouble is not None and opened.height == height - 1
        with pytest.raises(ReadOnly):
            opened.fire(EVENT, start())
        with opened.fork(opened.height, "saved") as fork:
            fork.fire(EVENT, start())
            assert fork.verify().ok


def test_a_fork_knows_of_damage_in_what_it_goes_on_from(tmp_path: Path) -> None:
    world = long_world(tmp_path / "world")
    with World.open(world) as opened:
        opened.fork(opened.height, "side").close()
    data = bytearray(log(world).read_bytes())
    data[len(data) // 3] ^= 1
    log(world).write_bytes(data)
    with World.open(world, "side") as side:
        with pytest.raises(JournalDamaged):
            side.verify()
        with pytest.raises(JournalDamaged):
            [side.records[height] for height in range(side.height)]
        assert side.trouble is not None and side.retreat()
        assert side.records[side.height] is not None
