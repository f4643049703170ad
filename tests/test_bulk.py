"""Many inputs: they share syncs, and what is held in memory does not grow with them."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from aos_core import World
from aos_core.branches import DiskError
from aos_core.errors import ReadOnly
from aos_core.frames import Frame
from aos_core.kernel.records import EventInput, Record
from aos_core.kernel.state import State
from aos_core.kernel.turn import Turn
from aos_core.layer import FileLayer
from aos_core.scenario import STEPS_TOGETHER, Player, run_scenario
from aos_core.scenario_file import read_scenario
from aos_core.snapshots import MemorySnapshots, StoredSnapshots
from tests.support import counter_world, log

COUNTER = "demo/CounterEvent@1"
START = {"Start": {"target": 10**6}}


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    return counter_world(tmp_path / "counter")


def _fire(world: World, times: int) -> None:
    for _ in range(times // 100):
        with world.group():
            for _ in range(100):
                world.fire(COUNTER, "Tick")


def _alive() -> dict[str, int]:
    """How many there are of what a turn makes."""
    gc.collect()
    counts: dict[str, int] = {}
    for of in gc.get_objects():
        for kind in (State, Turn, Frame, Record, EventInput):
            if type(of) is kind:
                counts[kind.__name__] = counts.get(kind.__name__, 0) + 1
    return counts


def test_what_is_held_does_not_grow_with_the_events(counter: Path) -> None:
    with World.open(counter) as world:
        world.fire(COUNTER, START)
        _fire(world, 1100)  # more than the states that are kept for who asks again
        world.travel._snapshots.settle()
        few = _alive()
        _fire(world, 400)
        world.travel._snapshots.settle()
        assert _alive() == few
        assert all(count < 2000 for count in few.values())


def test_states_that_wait_for_a_slow_disk_are_few(
    counter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, kept = threading.Event(), list[int]()
    keep = StoredSnapshots._keep_waiting

    def slow(self: StoredSnapshots) -> None:
        assert go_on.wait(60)
        kept.append(len(self._waiting))
        keep(self)

    monkeypatch.setattr(StoredSnapshots, "_keep_waiting", slow)
    with World.open(counter) as world:
        world.fire(COUNTER, START)
        _fire(world, 800)
        go_on.set()
        world.travel._snapshots.settle()
        assert kept[0] == sum(kept) == 64, "the first of 100, written together"
        _fire(world, 100)
        world.travel._snapshots.settle()
        assert sum(kept) > 70, "and there is room again"
        end = world.root
    with World.open(counter) as again:
        assert again.root == end and again.verify().ok


def test_a_world_in_memory_keeps_some_states_and_gives_all(
    counter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aos_core.snapshots.MOST_IN_MEMORY", 8)
    monkeypatch.setattr("aos_core.travel._CACHED", 4)
    with World.open(counter, memory=True) as world:
        world.fire(COUNTER, START)
        _fire(world, 200)
        kept = world.travel._snapshots
        assert isinstance(kept, MemorySnapshots) and 4 <= len(kept._kept) <= 8
        for frame in world.frames[::17]:
            assert world.at(frame.last_height).root == frame.root


# -- scenarios --------------------------------------------------------------------------------


def _scenario(world: Path, count: int, more: str = "") -> Path:
    step = '[[steps]]\nfire = { schema = "demo/CounterEvent@1", value = %s }\n'
    steps = [step % "{ Start = { target = 1000000 } }", *[step % '"Tick"'] * (count - 1)]
    (world / "scenarios").mkdir()
    path = world / "scenarios/bulk.toml"
    path.write_text("".join([*steps, more]), "utf-8")
    return path


def test_steps_share_syncs_and_are_what_they_are_one_by_one(
    counter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = read_scenario(_scenario(counter, 2 * STEPS_TOGETHER + 10))
    syncs: list[Path] = []
    sync = FileLayer.sync

    def counted(self: FileLayer, file: BinaryIO) -> None:
        syncs.append(Path(str(file.name)))
        sync(self, file)

    monkeypatch.setattr(FileLayer, "sync", counted)
    told: list[tuple[str, int, int]] = []
    with run_scenario(counter, "bulk", progress=lambda *of: told.append(of)).world as world:
        end = world.head
        assert syncs.count(world.log or Path()) <= 4, "one for each group, one to begin"
    count = len(scenario.steps)
    assert told[:count] == [("bulk: steps", n, count) for n in range(1, count + 1)]
    assert told[-1] == ("bulk: verifying", count + 1, count + 1)
    with run_scenario(counter, "bulk", memory=True).world as alone:
        assert alone.head == end
    with World.anew(counter, "one", memory=True, scenario="bulk", host=alone.host) as world:
        player = Player(world, scenario)
        while player.next_step is not None:
            player.play_step()
        assert world.head == end


def test_a_step_that_fails_leaves_what_was_played_before(counter: Path) -> None:
    _scenario(counter, 20, "[[steps]]\nrelease = [7]\n")
    with pytest.raises(Exception, match="no pending intent 7"):
        run_scenario(counter, "bulk")
    with World.open(counter, "bulk", write=False) as opened:
        assert opened.height == 40 and opened.verify().ok


# -- the journal's file, in a group -------------------------------------------------------------


def test_a_file_that_is_moved_or_altered_in_a_group_is_noticed(counter: Path) -> None:
    with World.open(counter) as world:
        world.fire(COUNTER, START)
        before = world.head
        moved = log(counter).with_name("moved")
        with pytest.raises(ReadOnly, match="deleted or moved"), world.group():
            _ = [world.fire(COUNTER, "Tick") for _ in range(3)]
            log(counter).rename(moved)
            world.fire(COUNTER, "Tick")
        assert world.head == before and world.lost
        moved.rename(log(counter))
    with World.open(counter) as world, pytest.raises(ReadOnly, match="has changed"), world.group():
        world.fire(COUNTER, "Tick")
        log(counter).write_bytes(log(counter).read_bytes() + b"x")
        world.fire(COUNTER, "Tick")


def test_a_sync_that_fails_at_the_end_of_a_scenario_takes_its_group_back(
    counter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _scenario(counter, STEPS_TOGETHER + 20)
    synced = [0]
    sync = FileLayer.sync

    def fails(self: FileLayer, file: BinaryIO) -> None:
        synced[0] += str(file.name).endswith("bulk.log")
        if synced[0] == 3:
            synced[0] += 1
            raise OSError(5, "Input/output error")
        sync(self, file)

    monkeypatch.setattr(FileLayer, "sync", fails)
    with pytest.raises(DiskError):
        run_scenario(counter, "bulk")
    with World.open(counter, "bulk", write=False) as opened:
        assert opened.trouble is None and opened.height == 2 * STEPS_TOGETHER
