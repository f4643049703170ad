"""Snapshots whose parts are missing or altered: every answer is as before, only slower."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aos_core import replay
from aos_core.databases import transaction
from aos_core.errors import JournalDamaged
from aos_core.frames import Frame
from aos_core.kernel.turn import Turn
from aos_core.snapshots import StoredSnapshots
from aos_core.verify import verify
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, copy_example, damage_kept, log, release_all, start

SEATS = 24


def plans_world(to: Path) -> Path:
    """Nine plans that wait for three receipts each."""
    world = copy_example(to)
    with World.open(world) as opened:
        opened.fire(EVENT, start())
        release_all(opened)
        for number in range(9):
            opened.fire(EVENT, start(topic=f"topic {number}"))
    return world


def cells_world(to: Path) -> Path:
    """Cells, each of which has asked for a timer."""
    copy_example(to, "09-cells", Seat="cells")
    with World.open(to) as opened:
        for number in range(SEATS):
            hold = {"seat": f"A{number}", "guest": "ann", "for_ns": 10**12}
            opened.fire("demo/SeatHold@1", hold)
    return to


def answers(opened: World) -> dict[str, Any]:
    """Everything that readers ask of a world."""
    views = [opened.at(height) for height in range(opened.height, -1, -3)]
    return {
        "end": (opened.height, opened.head, opened.root, opened.waiting),
        "pending": [item.to_json() for item in opened.pending],
        "state": [opened.state(reducer) for reducer in opened.at(opened.height).reducers()],
        "views": [
            (view.root, view.states(), view.state_problems(), [of.to_json() for of in view.pending])
            for view in views
        ],
        "bytes": [
            bytes(value)
            for view in views
            for of in (view.kernel_state.plans, view.kernel_state.pending)
            for _, value in of.items()
        ],
        "plans": [[of.to_json() for of in view.plans()] for view in views[::5]],
        "details": [opened.detail(height) for height in range(opened.height + 1)],
        "report": opened.verify().ok,
    }


@pytest.mark.parametrize(
    ("which", "change", "write"),
    [
        ("leaves", "altered", True),
        ("leaves", "deleted", False),
        ("between", "deleted", True),
        ("all", "altered", False),
    ],
)
@pytest.mark.parametrize("make", [plans_world, cells_world])
def test_damage_inside_kept_states_changes_no_answer(
    tmp_path: Path, make: Callable[[Path], Path], which: str, change: str, write: bool
) -> None:
    world = make(tmp_path / "world")
    with World.open(world, write=False) as opened:
        expected = answers(opened)
        assert opened.notices == []
    found = damage_kept(world, change, which)
    assert found or which == "between", "something is kept below the roots"
    with World.open(world, write=write) as opened:
        assert answers(opened) == expected
        said = [text for text in opened.notices if "snapshots.db" in text]
        assert len(said) == (1 if found else 0)
        assert opened.trouble is None


def test_what_the_disk_refused_is_written_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[int] = []

    @contextmanager
    def refuse(database: sqlite3.Connection) -> Iterator[None]:
        with transaction(database):
            yield
            if not refused:
                refused.append(1)
                raise sqlite3.OperationalError("database or disk is full")

    world = cells_world(tmp_path / "world")
    with World.open(world) as opened:
        opened.travel._snapshots.settle()
        monkeypatch.setattr("aos_core.snapshots.transaction", refuse)
        for number in range(16):
            hold = {"seat": f"B{number}", "guest": "bob", "for_ns": 10**12}
            opened.fire("demo/SeatHold@1", hold)
            opened.travel._snapshots.settle()
    monkeypatch.undo()
    with World.open(world) as opened:
        assert refused and len(opened.pending) == SEATS + 16 == len(opened.state("demo/Seat@1"))
        assert opened.notices == [], "nothing of what is kept is missing"


@pytest.mark.parametrize("change", ["altered", "deleted"])
def test_a_writer_goes_on_and_keeps_what_was_damaged_anew(tmp_path: Path, change: str) -> None:
    sound, bad = plans_world(tmp_path / "sound"), tmp_path / "bad"
    shutil.copytree(sound, bad)
    damage_kept(bad, change)
    stamps = {"at_ns": 10**18, "logical_ns": 10**15, "entropy": bytes(64)}
    roots = []
    for world in (sound, bad):
        with World.open(world) as opened:
            opened.fire(EVENT, start(topic="new"), stamps=stamps)
            for item in opened.pending[:5]:
                opened.deliver(item.answer(), stamps=stamps)
            roots.append([opened.at(opened.height).root, opened.waiting])
            forked = opened.frames[10].last_height
            with opened.fork(forked, "side") as side:
                side.fire(EVENT, start(topic="side"), stamps=stamps)
                assert verify(side).ok
            assert verify(opened, again=True).ok
            assert [of.n for of in opened.pending] == list(range(6, 31))
    assert roots[0] == roots[1]
    with World.open(bad) as opened:
        at = [opened.at(opened.frames[index].last_height) for index in (8, len(opened.frames) - 1)]
        assert [len(view.pending) for view in at] == [12, 25]
        assert opened.notices == [], "what was needed is kept anew"


def test_the_state_is_run_again_once_and_not_for_every_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, ran = cells_world(tmp_path / "world"), []
    rerun = replay.rerun

    def counted(frame: Frame, *rest: Any) -> Turn:
        ran.append(frame.height)
        return rerun(frame, *rest)

    monkeypatch.setattr(replay, "rerun", counted)
    damage_kept(world, "deleted", "leaves")
    with World.open(world, write=False) as opened:
        assert len(opened.pending) == SEATS and len(opened.state("demo/Seat@1")) == SEATS
    assert 0 < len(ran) <= SEATS


def test_with_the_journal_damaged_too_the_journal_is_what_is_wrong(tmp_path: Path) -> None:
    world = plans_world(tmp_path / "world")
    damage_kept(world, "altered")
    data = bytearray(log(world).read_bytes())
    data[len(data) // 3] ^= 1
    log(world).write_bytes(data)
    with World.open(world, write=False) as opened:
        assert isinstance(opened.trouble, JournalDamaged), "turns had to be run from the beginning"
        assert opened.height == int(str(opened.trouble.where["height"])) - 1 > 0
        assert opened.pending and opened.at(opened.height).root == opened.root


def test_whole_snapshots_are_not_looked_for_damage(tmp_path: Path) -> None:
    world = plans_world(tmp_path / "world")
    with World.open(world) as opened:
        assert opened.pending and isinstance(opened.travel._snapshots, StoredSnapshots)
        assert not opened.travel._snapshots.damaged
