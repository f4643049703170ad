"""Earlier runs of a scenario are kept under numbered names, and none is lost when one moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from aos_core.branches import DiskError, list_branches
from aos_core.errors import BranchLocked, UsageError
from aos_core.layer import OPERATING_SYSTEM
from aos_core.rotation import KEPT
from aos_core.scenario import run_scenario
from aos_core.testing import assert_replays
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, REDUCER, log, release_all, same, start


def heads(world: Path) -> dict[str, bytes]:
    found = {}
    for branch in list_branches(world / ".aos/journal"):
        with World.open(world, branch, write=False) as opened:
            found[branch] = opened.head
    return found


def begin(world: Path, n: int, name: str = "S") -> bytes:
    """A run of that name, told from others by its topic; its head."""
    with World.anew(world, name) as found:
        found.fire(EVENT, start(topic=f"run {n}"))
        return found.head


def test_earlier_runs_are_kept_as_1_to_5_the_latest_first(world: Path) -> None:
    runs = [begin(world, n) for n in range(KEPT + 3)]
    names = ["S", *(f"S~{n}" for n in range(1, KEPT + 1))]
    assert heads(world) == dict(zip(names, reversed(runs), strict=False))


def test_a_run_with_children_is_never_dropped(world: Path) -> None:
    oldest = begin(world, 0)
    with World.open(world, "S") as found:
        found.fork(found.height, "child").close()
    runs = [begin(world, n) for n in range(1, KEPT + 3)]
    found_ = heads(world)
    assert found_["S~6"] == oldest, "beyond the five, but there"
    assert runs[0] not in found_.values(), "one without children is dropped"
    assert set(found_) == {"S", "child", *(f"S~{n}" for n in range(1, KEPT + 2))}
    with World.open(world, "child") as child:
        release_all(child)
        assert child.state(REDUCER)["pc"] == "Done"
        assert_replays(child)


def test_what_one_that_cannot_be_read_may_go_on_from_can_be_brought_back(world: Path) -> None:
    oldest = begin(world, 0)
    with World.open(world, "S") as found:
        found.fork(found.height, "child").close()
    whole = log(world, "child").read_bytes()
    log(world, "child").write_bytes(b"?" + whole[1:])
    for n in range(1, KEPT + 1):
        begin(world, n)
    begin(world, KEPT + 1)
    log(world, "child").write_bytes(whole)
    with World.open(world, "S") as found:
        (removed,) = found.tree(removed=True).branches.values()
        assert removed.head == oldest
        found.restore_branch(removed.name)
    with World.open(world, "child") as child:
        assert_replays(child)


def test_a_deleted_branch_can_be_brought_back_however_many_runs_came_since(world: Path) -> None:
    begin(world, 0)
    with World.open(world, "S") as found:
        found.fork(found.height, "child").close()
    with World.open(world, "S", write=False) as found:
        found.delete_branch("child")
    for n in range(1, KEPT + 3):
        begin(world, n)
    with World.open(world, "S") as found:
        with pytest.raises(UsageError) as caught:
            found.restore_branch("child")
        assert caught.value.hint == "bring back S~6 first", "no run has that name"
        found.restore_branch("S~6")
        found.restore_branch("child")
    with World.open(world, "child") as child:
        release_all(child)
        assert_replays(child)


def test_a_gap_is_filled_before_anything_is_dropped(world: Path) -> None:
    runs = [begin(world, n) for n in range(KEPT + 1)]
    log(world, "S~2").unlink()
    begin(world, 9)
    found = heads(world)
    assert found["S~5"] == runs[0] and found["S~2"] == runs[-2]


@pytest.mark.parametrize("gap", [None, "S~2", "S~5"])
def test_where_a_new_run_is_refused_all_earlier_ones_are_as_they_were(
    world: Path, gap: str | None
) -> None:
    for n in range(KEPT + 1):
        begin(world, n)
    if gap is not None:
        log(world, gap).unlink()
    before = heads(world)
    anew = World.anew(world, "S")
    assert set(before.values()) < set(heads(world).values()), "killed here, it would lose none"
    anew.withdraw()
    assert heads(world) == before
    begin(world, 9)
    assert len(heads(world)) == KEPT + 1


def test_a_run_that_cannot_begin_moves_none(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(KEPT + 1):
        begin(world, n)
    before = heads(world)

    def full(path: Path, header: object) -> None:
        raise DiskError("no space")

    with monkeypatch.context() as patched:
        patched.setattr("aos_core.disk.FileJournal.create", full)
        with pytest.raises(DiskError):
            World.anew(world, "S")
    assert heads(world) == before


@pytest.mark.parametrize("nth", range(1, KEPT + 2))
def test_a_run_that_moved_but_perhaps_not_durably_is_moved_back_too(
    world: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    for n in range(KEPT + 1):
        begin(world, n)
    before, real, left = heads(world), OPERATING_SYSTEM.sync_directory, [nth]

    def fail_once(path: Path) -> None:
        left[0] -= path.name == "journal"
        if left[0] == 0:
            left[0] = -1
            raise OSError(5, "input/output error")
        real(path)

    with monkeypatch.context() as patched:
        patched.setattr(OPERATING_SYSTEM, "sync_directory", fail_once)
        with pytest.raises(DiskError):
            World.anew(world, "S")
    assert heads(world) == before


def test_the_oldest_run_stays_while_somebody_writes_it(world: Path) -> None:
    for n in range(KEPT + 1):
        begin(world, n)
    anew = World.anew(world, "S")
    with World.open(world, "S~6") as held:
        anew.close()
        oldest = held.head
    assert heads(world)["S~6"] == oldest


def test_a_run_that_is_being_written_is_not_moved(world: Path) -> None:
    begin(world, 0)
    with World.open(world, "S") as held:
        with pytest.raises(BranchLocked):
            World.anew(world, "S")
        release_all(held)
        assert held.state(REDUCER)["pc"] == "Done"
    assert set(heads(world)) == {"S"}
    begin(world, 1)
    assert set(heads(world)) == {"S", "S~1"}


def test_runs_of_scenarios_are_rotated_and_main_is_never_touched(world: Path) -> None:
    with World.open(world) as found:
        found.fire(EVENT, start())
        main = found.head
    for _ in range(2):
        run_scenario(world, "out-of-order").world.close()
    found_ = heads(world)
    assert set(found_) == {"main", "out-of-order", "out-of-order~1"}
    assert found_["main"] == main
    assert found_["out-of-order"] == found_["out-of-order~1"], "equal runs have equal heads"


def test_in_memory_runs_are_rotated_alike(world: Path) -> None:
    one = World.anew(world, "S", memory=True)
    two = World.anew(world, "S", memory=True)
    assert one.branches() == two.branches() == ["S"], "each has a memory of its own"
    assert same(one, two)
