"""Branches of a world: forks, forks of forks, and twins."""

from __future__ import annotations

from pathlib import Path

import pytest

from aos_core.adapters.receipt import Receipt
from aos_core.errors import JournalDamaged, ReadOnly, UnknownIntent, UsageError
from aos_core.offsets import offsets_path
from aos_core.testing import assert_replays
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, REDUCER, log, numbered, release_all, start


def test_a_fork_at_the_end_of_a_turn_goes_on_from_there(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        end = found.height
        release_all(found)
        done = (found.height, found.root, found.head)
        with found.fork(end, "side") as fork:
            assert (fork.branch, fork.height, fork.root) == ("side", end, found.at(end).root)
            assert [item.n for item in fork.pending] == [1, 2, 3]
            assert fork.head not in {frame.hash for frame in found.frames}
            release_all(fork, 3, 2, 1)
            assert fork.root == found.root and fork.head != found.head
            assert fork.height == found.height
            assert [record.kind for record in fork.records[: end + 1]] == [
                record.kind for record in found.records[: end + 1]
            ]
            for height in range(fork.height + 1):
                if height <= end:
                    assert fork.at(height).root == found.at(height).root
        assert (found.height, found.root, found.head) == done
        assert found.branches() == ["main", "side"]


def test_who_is_told_that_what_a_fork_goes_on_from_is_damaged_adds_nothing(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        release_all(found)
        fork, place = found.fork(found.height, "side"), found.frames[2]
    with fork:
        fork.fire(EVENT, start())
        damage = JournalDamaged("damaged", offset=place.offset, height=place.height)
        fork.believe(damage)
        assert (fork.trouble, fork.writable) == (damage, False)
        assert not offsets_path(log(world, "side")).exists(), "who opens it next reads all of it"
        with pytest.raises(ReadOnly, match="damaged"):
            fork.fire(EVENT, start())


def test_inside_a_turn_a_fork_starts_at_its_beginning(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        release_all(found, 1)
        first, last = found.turn_bounds(found.height)
        for n, height in enumerate(range(first, last)):
            with found.fork(height, f"inside-{n}") as fork:
                assert fork.height == first - 1 and len(fork.pending) == 3
        with found.fork(last, "end") as fork:
            assert fork.height == last and len(fork.pending) == 2
        with found.fork(0, "genesis") as fork:
            assert (fork.height, fork.root) == (0, found.at(0).root)
            fork.fire(EVENT, start())
            assert fork.height == found.turn_bounds(1)[1]


def test_forks_of_forks_reopen_and_go_on(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        receipt = numbered(found, 1).answer()
        found.deliver(receipt)
        with found.fork(found.height, "one") as one:
            release_all(one, 2)
            with one.fork(one.height, "two") as two:
                release_all(two, 3)
                at_two = (two.height, two.root, two.head)
            with one.fork(one.turn_bounds(2)[1], "early") as early:
                assert len(early.pending) == 3, "a fork of a fork before the fork"
            with one.fork(one.height, "empty") as empty, empty.fork(empty.height, "twice") as twice:
                assert twice.root == one.root and twice.height == one.height
    with World.open(world, "two") as again:
        assert (again.height, again.root, again.head) == at_two
        assert again.state(REDUCER)["pc"] == "Done"
        assert_replays(again)
        assert again.deliver(receipt).records[0]["outcome"] == "late", "settled before the fork"
        with pytest.raises(UnknownIntent):
            again.deliver(Receipt(b"\x07" * 32, "ok", receipt.payload))
        again.fire(EVENT, start(topic="on"))
        assert again.state(REDUCER)["requests"] == 2
        assert [item.n for item in again.pending] == [1, 2, 3]
    for name in ("early", "empty", "twice"):
        with World.open(world, name) as again:
            release_all(again)
            assert again.state(REDUCER)["pc"] == "Done"
            assert_replays(again)


def test_a_fork_is_found_by_its_parents_head_and_not_by_its_name(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        found.fork(found.height, "side").close()
        found.fire(EVENT, start(topic="later"))
    log(world).rename(log(world, "renamed"))
    with World.open(world, "side") as side:
        assert len(side.pending) == 3
    log(world, "renamed").unlink()
    with pytest.raises(UsageError) as caught:
        World.open(world, "side")
    assert caught.value.code == "no_parent" and caught.value.hint


def test_a_branch_beside_that_cannot_be_read_harms_nobody(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        found.fork(found.height, "side").close()
    log(world, "aaa").write_bytes(b"\xff" * 100)
    with World.open(world, "side") as side:
        assert len(side.pending) == 3
    with World.anew(world, "side") as anew:
        assert anew.height == 0 and "side~1" in anew.branches()


@pytest.mark.parametrize("name", ["", "a b", "main@3", "../x", "x" * 81, ".."])
def test_names_that_no_branch_may_have(world: Path, name: str) -> None:
    with World.open(world) as found:
        with pytest.raises(UsageError, match="no name for a branch"):
            found.fork(0, name)
        with pytest.raises(UsageError):
            World.anew(world, name)
        assert found.branches() == ["main"]


@pytest.mark.parametrize("memory", [True, False])
def test_a_fork_of_a_name_that_exists_or_a_height_that_does_not(world: Path, memory: bool) -> None:
    with World.open(world, memory=memory) as found:
        found.fork(0, "side").close()
        with pytest.raises(UsageError, match="exists"):
            found.fork(0, "side")
        with pytest.raises(UsageError, match=r"exists|is being written"):
            found.fork(0, "main")
        for height in (-1, 1):
            with pytest.raises(UsageError, match=f"no height {height}"):
                found.fork(height, "other")
        assert found.branches() == ["main", "side"]


def test_a_fork_is_small_however_long_the_history(world: Path) -> None:
    sizes = []
    with World.open(world) as found:
        for n in range(2):
            found.fire(EVENT, start())
            found.fork(found.height, f"f{n}").close()
            for _ in range(5):
                found.fire(EVENT, start())
            sizes.append(log(world, f"f{n}").stat().st_size)
    assert abs(sizes[0] - sizes[1]) <= 2 and sizes[0] < 1000


def test_a_twin_is_the_world_at_genesis_and_nothing_it_does_comes_back(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        before = (found.height, found.head)
        twin = found.twin()
        assert (twin.height, twin.head) == (0, found.frames[0].hash)
        twin.fire(EVENT, start())
        release_all(twin)
        assert twin.state(REDUCER)["pc"] == "Done"
        assert_replays(twin)
        assert (found.height, found.head) == before and found.branches() == ["main"]
