"""One writer a branch and many readers; worlds where nothing can be written."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from aos_core.branches import DiskError
from aos_core.errors import BranchLocked, ReadOnly, UsageError
from aos_core.journal import JournalMissing
from aos_core.testing import assert_replays
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, REDUCER, log, numbered, release_all, same, start


def test_a_second_writer_is_told_who_is_first_and_readers_see_the_last_state(world: Path) -> None:
    with World.open(world) as writer:
        writer.fire(EVENT, start())
        with pytest.raises(BranchLocked, match=f"pid {os.getpid()}"):
            World.open(world)
        with pytest.raises(BranchLocked):
            World.anew(world, "main")
        with World.open(world, write=False) as reader:
            assert same(reader, writer) and not reader.writable
            size = log(world).stat().st_size
            with pytest.raises(ReadOnly, match="opened for reading only"):
                reader.fire(EVENT, start())
            with pytest.raises(ReadOnly):
                reader.deliver(numbered(reader, 1).answer())
            with pytest.raises(ReadOnly):
                reader.swap()
            assert log(world).stat().st_size == size
            assert_replays(reader)
        release_all(writer)
    with World.open(world) as again:
        assert again.writable


def test_a_closed_world_can_be_looked_at_and_not_be_written(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
    assert found.state(REDUCER)["pc"] == "Running" and not found.writable
    with pytest.raises(ReadOnly):
        found.fire(EVENT, start())
    found.close()


def test_an_opening_that_fails_leaves_the_branch_free(world: Path) -> None:
    with pytest.raises(UsageError, match="there is no scenario 'nothing'"):
        World.open(world, scenario="nothing")
    with World.open(world) as found:
        assert found.writable


@pytest.mark.parametrize("write", [True, False])
def test_a_branch_that_is_not_there_is_no_branch(world: Path, write: bool) -> None:
    with pytest.raises(JournalMissing, match=r"no journal yet|there is no branch other"):
        World.open(world, "other", write=write)
    with pytest.raises(UsageError):
        World.open(world, "a/b", write=write)
    World.open(world).close()
    with pytest.raises(JournalMissing, match="there is no branch other"):
        World.open(world, "other", write=write)


def test_reading_a_world_without_a_journal_makes_none(world: Path) -> None:
    with pytest.raises(JournalMissing, match="no journal yet"):
        World.open(world, write=False)
    assert not (world / ".aos").exists()


def test_a_directory_that_cannot_be_made_is_a_typed_error(world: Path) -> None:
    (world / ".aos").write_text("in the way")
    with pytest.raises(DiskError) as caught:
        World.open(world)
    assert caught.value.hint and "cannot be written" in caught.value.message
    with World.open(world, memory=True) as found:
        found.fire(EVENT, start())


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_world_that_cannot_be_written_keeps_its_journal_at_home(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    world.chmod(0o555)
    try:
        with World.open(world) as found:
            assert found.files.data_dir.is_relative_to(tmp_path / "data")
    finally:
        world.chmod(0o755)


def test_a_failing_disk_acknowledges_nothing(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        before = (found.height, found.root, found.head, len(found.pending))

        def fail(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", fail)
            with pytest.raises(DiskError, match="No space left"):
                release_all(found, 1)
        assert (found.height, found.root, found.head, len(found.pending)) == before


def test_threads_take_turns(world: Path) -> None:
    found = World.open(world, memory=True)
    errors: list[BaseException] = []

    def work(topic: str) -> None:
        try:
            for _ in range(5):
                found.fire(EVENT, start(topic=topic))
                found.at(found.height).states()
                found.verify()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and len(found.frames) == 16
    assert found.state(REDUCER)["requests"] == 15
    assert_replays(found)
