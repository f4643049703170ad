"""How a field came to its value."""

from __future__ import annotations

import pytest

from aos_core import World, field_history
from aos_core.field_history import Changed, FieldHistory, follow
from aos_core.present import NOTHING

COUNTER, EVENT = "demo/Counter@1", "demo/CounterEvent@1"


def counted(world: World, ticks: int) -> None:
    world.fire(EVENT, {"Start": {"target": 10}})
    for _ in range(ticks):
        world.fire(EVENT, "Tick")


def test_every_change_has_its_height_its_value_and_its_event() -> None:
    with World.open("00", memory=True) as world:
        counted(world, 3)
        found = field_history.field_history(
            world, COUNTER, b"", ["Counting", "count"], world.height
        )
        assert found.changes == tuple(Changed(2 * n + 2, n, 2 * n + 1) for n in range(4))
        assert found.numbers() == [0, 1, 2, 3] and found.whole


def test_what_does_not_change_is_told_once() -> None:
    with World.open("00", memory=True) as world:
        counted(world, 3)
        found = field_history.field_history(
            world, COUNTER, b"", ["Counting", "target"], world.height
        )
        assert found.changes == (Changed(2, 10, 1),)


def test_a_field_that_goes_away_is_not_there() -> None:
    with World.open("00", memory=True) as world:
        world.fire(EVENT, {"Start": {"target": 1}})
        world.fire(EVENT, "Tick")
        found = field_history.field_history(
            world, COUNTER, b"", ["Counting", "count"], world.height
        )
        assert [of.value for of in found.changes] == [0, NOTHING]


def test_only_up_to_the_height_and_of_the_last_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    with World.open("00", memory=True) as world:
        counted(world, 5)
        path = ["Counting", "count"]
        early = field_history.field_history(world, COUNTER, b"", path, 5)
        assert [of.value for of in early.changes] == [0, 1]
        monkeypatch.setattr(field_history, "MOST_STEPS", 2)
        late = field_history.field_history(world, COUNTER, b"", path, world.height)
        assert [of.value for of in late.changes] == [4, 5] and not late.whole


def test_one_cell_of_a_keyed_reducer() -> None:
    with World.open("09", memory=True) as world:
        for seat, guest in (("A1", "ann"), ("A2", "bob")):
            world.fire("demo/SeatHold@1", {"seat": seat, "guest": guest, "for_ns": 1})
        reducer = next(iter(world.at(world.height).kernel_state.cells))
        key = next(
            key
            for key, data in world.at(world.height).kernel_state.cells[reducer].items()
            if b"bob" in data
        )
        found = field_history.field_history(world, reducer, key, ["guest"], world.height)
        assert [of.value for of in found.changes] == ["bob"]


def test_texts_are_no_picture() -> None:
    assert FieldHistory((Changed(1, "a", None),), True).numbers() is None
    assert FieldHistory((Changed(1, True, None),), True).numbers() is None
    assert FieldHistory((), True).numbers() is None


def test_following_a_path() -> None:
    value = {"a": [{"b": None}]}
    assert follow(value, ["a", "0", "b"]) is None
    assert follow(value, ["a", "1"]) is follow(value, ["c"]) is follow(5, ["x"]) is NOTHING
