"""Several threads, several processes, groups that fail: what was looked at still holds."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from aos_core import canon
from aos_core import index as index_module
from aos_core import snapshots as snapshots_module
from aos_core.branches import DiskError
from aos_core.disk import FileDisk
from aos_core.errors import ReadOnly, UsageError
from aos_core.index import Index
from aos_core.journal import Journal
from aos_core.layer import FileLayer
from aos_core.replay import Report
from aos_core.snapshots import StoredSnapshots
from aos_core.verify import verify
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, log, release_all, start

# -- groups that fail -------------------------------------------------------------------------


def test_a_group_whose_journal_was_deleted_has_not_happened(world: Path) -> None:
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        before = (opened.head, opened.root, opened.height)
        with pytest.raises(ReadOnly), opened.group():
            opened.fire(EVENT, start())
            log(world).unlink()
        assert (opened.head, opened.root, opened.height) == before
        opened.put_back()
        opened.fire(EVENT, start())
        assert opened.verify().ok
    with World.open(world) as again:
        assert again.trouble is None


def test_what_was_looked_at_in_a_group_that_failed_is_forgotten(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: FileLayer, file: object) -> None:
        monkeypatch.undo()
        raise OSError(28, "No space left on device")

    with World.open(world) as opened:
        first = opened.height + 1
        with pytest.raises(DiskError), opened.group():
            opened.fire(EVENT, start("x", "y", "z"))
            assert len(opened.pending) == 3
            told = opened.records[first:]
            monkeypatch.setattr(FileLayer, "sync", refuse)
        opened.fire(EVENT, start())
        assert opened.records[first]["value"] != told[0]["value"]
        assert len(opened.records) == first + len(told), "as long as what was taken back"
        urls = [of.params["url"] for of in opened.pending]
        assert urls == [f"https://example.com/api/{of}" for of in "abc"]
        asked = [of.hash for of in opened.history.all_asked()]
        assert asked == [of.intent_hash for of in opened.pending]


# -- threads ----------------------------------------------------------------------------------


def test_what_comes_while_the_index_is_brought_up_to_date_is_not_missed(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        follow = Index.follow

        def slow(self: Index, part: object, progress: object = None) -> int:
            found = follow(self, part, progress)  # type: ignore[arg-type]
            monkeypatch.undo()
            opened.fire(EVENT, start())  # as another thread does
            return found

        monkeypatch.setattr(Index, "follow", slow)
        opened.history.of_kind("intent", 0, opened.height)
        assert len(opened.pending) == 6


def test_a_journal_that_grows_is_verified_as_far_as_it_was(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        open = FileDisk.open

        def grows(self: FileDisk, branch: str, *, write: bool = False) -> Journal:
            monkeypatch.undo()
            opened.fire(EVENT, start())  # as another thread does
            return open(self, branch, write=write)

        proofs: list[Callable[[], Report]] = [
            opened.verify,
            lambda: opened.verify(with_disk=True),
            lambda: verify(opened),
        ]
        for prove in proofs:
            head, height = opened.head, opened.height
            monkeypatch.setattr(FileDisk, "open", grows)
            report = prove()
            assert opened.height > height
            assert (report.ok, report.head, report.records) == (True, head, height + 1)


# -- processes --------------------------------------------------------------------------------


def test_rows_that_another_process_dropped_are_taken_in_again(world: Path) -> None:
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        expected = opened.history.of_kind("intent", 0, opened.height)
        with World.open(world, write=False) as other:
            other.index.forget("main")
            assert opened.history.of_kind("intent", 0, opened.height) == expected


def test_a_number_that_another_branch_got_tells_nothing_of_it(world: Path) -> None:
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        expected = opened.history.of_kind("intent", 0, opened.height)
        with World.anew(world, "other") as other:
            other.index.forget("main")
            other.fire(EVENT, start())
            release_all(other)
            assert other.history.inputs > 1
            assert opened.history.of_kind("intent", 0, opened.height) == expected
            assert opened.history.of_kind("receipt", 0, opened.height) == []


@pytest.mark.parametrize("change", ["renamed", "removed"])
def test_a_broken_index_keeps_no_branch_from_being(world: Path, change: str) -> None:
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        opened.fork(opened.height, "fork").close()
        with World.open(world, "fork") as fork:
            fork.fire(EVENT, start())
            fork.pending  # noqa: B018
    with sqlite3.connect(world / ".aos/index.db") as database:
        database.execute("DROP TABLE branches")
    database.close()
    disk = FileDisk(world / ".aos", write=True)
    if change == "renamed":
        disk.rename("fork", "renamed")
    else:
        disk.remove("fork")
    disk.close()
    with World.open(world, write=False) as opened:
        assert "fork" not in opened.branches()


def test_a_database_that_is_busy_is_not_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (index_module, snapshots_module):
        monkeypatch.setattr(module, "BUSY_SECONDS", 0.1)
    path = tmp_path / "index.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    other.execute("CREATE TABLE mine (a)")
    inode = path.stat().st_ino
    Index(path).close()
    assert path.stat().st_ino == inode
    kept = tmp_path / "snapshots.db"
    third = sqlite3.connect(kept, isolation_level=None)
    third.execute("BEGIN EXCLUSIVE")
    third.execute("CREATE TABLE mine (a)")
    inode = kept.stat().st_ino
    StoredSnapshots(kept, write=True).close()
    assert kept.stat().st_ino == inode
    other.close()
    third.close()


def test_a_fork_of_what_was_deleted_meanwhile_leaves_nothing(world: Path) -> None:
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        opened.fork(opened.height, "fork").close()
        with World.open(world, "fork") as fork:
            fork.fire(EVENT, start())
        with World.open(world, "fork", write=False) as reader:
            opened.delete_branch("fork")
            with pytest.raises(UsageError):
                reader.fork(reader.height, "child")
        assert opened.branches() == ["main"]


# -- readers of what is being written ---------------------------------------------------------


def test_a_reader_sees_of_a_group_what_is_acknowledged(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: FileLayer, file: object) -> None:
        monkeypatch.undo()
        raise OSError(28, "No space left on device")

    World.open(world).close()
    with World.open(world) as writer, World.open(world, write=False) as reader:
        before = reader.height
        with pytest.raises(DiskError), writer.group():
            for _ in range(3):
                writer.fire(EVENT, start())
            assert not reader.refresh() and reader.height == before, "nobody was told of them"
            monkeypatch.setattr(FileLayer, "sync", refuse)
        assert not reader.refresh() and reader.trouble is None
        with writer.group():
            writer.fire(EVENT, start())
            release_all(writer)
            assert not reader.refresh()
        assert reader.refresh() and (reader.head, reader.root) == (writer.head, writer.root)
        writer.fire(EVENT, start())
        assert reader.refresh() and reader.head == writer.head and not reader.refresh()
        with writer.group():
            writer.fire(EVENT, start("x", "y", "z"))
            (world / ".aos/index/main.offsets").unlink()
            assert reader.refresh(), "without the array nothing says what is acknowledged"
        assert reader.head == writer.head and reader.verify().ok


# -- what is kept and broken ------------------------------------------------------------------


def test_kept_states_whose_inside_is_altered_change_nothing(world: Path) -> None:
    with World.open(world) as opened:
        with opened.group():
            for _ in range(16):  # a snapshot after 8, and at the end
                opened.fire(EVENT, start())
        expected = [opened.at(height).root for height in range(opened.height + 1)]
    with sqlite3.connect(world / ".aos/snapshots.db") as database:
        kept = [
            canon.decode(of)["state"] for (of,) in database.execute("SELECT data FROM snapshots")
        ]
        roots = {
            root for of in kept for root in (*of["cells"].values(), of["plans"], of["pending"])
        }
        nodes = {hash for (hash,) in database.execute("SELECT hash FROM nodes")} - roots
        assert nodes
        database.executemany("UPDATE nodes SET data = x'00' WHERE hash = ?", ((n,) for n in nodes))
    database.close()
    bad = world.with_name("bad")
    shutil.copytree(world, bad)
    with World.open(world, write=False) as opened, opened.read_anew() as travel:
        travel.prove(8, 16)
    with World.open(bad, write=False) as opened:
        heights = range(opened.height, -1, -1)
        assert [opened.at(height).root for height in heights] == expected[::-1]
