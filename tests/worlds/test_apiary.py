"""A world of our own invention runs right: in every order, on replay, and with all of AIR in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aos_core.air.check import check
from aos_core.files import WorldFiles
from aos_core.kernel.turn import Turn
from aos_core.world import World
from tests.fixtures import compiled_once  # noqa: F401
from tests.worlds.apiary import (
    DAY,
    HIVE,
    PATH,
    YARD,
    YEAR,
    A,
    Act,
    B,
    answers,
    fire,
    inspection,
    receipt,
    season,
    treated,
    wanted,
)


@pytest.fixture(name="apiary")
def opened() -> Iterator[World]:
    with World.open(PATH, memory=True) as world:
        yield world


def play(world: World, choose: Any) -> list[str]:
    """A whole season, ``choose`` picking among what may happen next; gives what happened."""
    left, done = season(), []
    while ready := [act for act in (*left, *answers(world)) if act.ready(world)]:
        act: Act = choose(ready)
        act.do(world)
        left = [of for of in left if of is not act]
        done.append(act.name)
    assert left == []
    return done


def endings(world: World) -> list[tuple[str, str | None]]:
    ended = [record for record in world.records if record.kind == "plan_ended"]
    return sorted((record["status"], record.get("error_code")) for record in ended)


def ended(turn: Turn) -> list[tuple[str, str | None, str | None]]:
    return [
        (of["status"], of.get("error_code"), turn.details.get(height))
        for height, of in enumerate(turn.records, turn.after.height - len(turn.records))
        if of.kind == "plan_ended"
    ]


def proven(world: World) -> bool:
    report = world.verify()
    assert report.ok, report.divergence and report.divergence.describe()
    return bool(report.root == world.root)


def test_it_has_no_problem() -> None:
    assert check(WorldFiles.read(PATH).catalog) == ()


def test_a_season_ends_as_it_must(apiary: World) -> None:
    play(apiary, lambda ready: ready[0])
    assert apiary.pending == [] and len(apiary.at(apiary.height).kernel_state.plans) == 0
    assert endings(apiary) == [("ok", None)] * 9
    yard = apiary.state(YARD)
    assert yard["doses"] == {A: 4, B: 2} and yard["letters"] == ["dear bees"]
    assert yard["batches"] == {"x": {"Sold": {"grams": 80}}, "y": {"Sold": {"grams": 80}}}
    assert yard["grams"] == 160
    assert sorted(map(str, yard["audits"].values())) == [
        "{'Bad': ['hot', 'hurried']}",
        "{'Good': {'score': 19}}",
        "{'Good': {'score': 19}}",
    ]
    hives = apiary.state(HIVE)
    assert hives.keys() == {A, B}
    assert hives[A]["doses"] == 4 and hives[A]["rested"] == 2 and hives[A]["quiet"] == {}
    assert hives[A]["marks"] == ["a", "blue", "angry", "dose-1", "dose-3"]
    assert hives[A]["latest"]["marks"] == ["angry"] and hives[B]["latest"]["note"] == "eggs"
    assert hives[A]["latest"]["frames"] == {}
    assert hives[B]["latest"]["frames"] == {
        "1": {"Honey": {"grams": 9, "capped": True}},
        "2": {"Brood": 3},
        "10": "Empty",
    }
    assert proven(apiary)


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
def test_the_order_does_not_matter(random: Any) -> None:
    with World.open(PATH, memory=True) as base:
        play(base, lambda ready: ready[0])
        with base.fork(0, "again") as world:
            order = play(world, random.choice)
            assert world.root == base.root, order
            assert proven(world)


def test_the_orders_differ(apiary: World) -> None:
    """A canary for the test above: other orders are other histories."""
    first = play(apiary, lambda ready: ready[0])
    with apiary.fork(0, "last-first") as other:
        assert play(other, lambda ready: ready[-1]) != first
        assert other.head != apiary.head and other.root == apiary.root


def test_all_orders_of_what_one_harvest_waits_for(apiary: World) -> None:
    apiary.fire("apiary/HarvestWanted@1", wanted("x"))
    apiary.fire("apiary/Treated@1", treated(A, 1))
    apiary.fire("apiary/Treated@1", treated(B, 2))
    roots = set()
    for order in itertools.permutations(range(len(apiary.pending))):
        with apiary.fork(apiary.height, f"o{''.join(map(str, order))}") as world:
            for item in [apiary.pending[at] for at in order]:
                world.deliver(receipt(item))
            roots.add(world.root)
            assert proven(world)
    assert len(roots) == 1


def test_guards_decide_what_a_failed_or_light_weighing_means(apiary: World) -> None:
    apiary.fire("apiary/HarvestWanted@1", wanted("lost"))
    first, second = apiary.pending
    apiary.deliver(receipt(first))
    made = apiary.deliver(receipt(second, status="timeout"))
    assert ended(made) == [("ok", None, None)]
    apiary.fire("apiary/HarvestWanted@1", wanted("light", least=100))
    for item in apiary.pending:
        apiary.deliver(receipt(item))
    unsold = {"lost": {"Unsold": "Silent"}, "light": {"Unsold": {"Refused": -20}}}
    assert apiary.state(YARD)["batches"] == unsold
    assert proven(apiary)


def test_a_payment_for_another_batch_wakes_nobody(apiary: World) -> None:
    apiary.fire("apiary/Weighed@1", {"batch": "x", "grams": 1})
    (pay,) = (act for act in season() if act.name.startswith("Paid {'batch': 'y'"))
    pay.do(apiary)
    assert apiary.pending == [] and len(apiary.at(apiary.height).kernel_state.plans) == 1


def test_a_broken_invariant_ends_its_plan_and_nothing_else(apiary: World) -> None:
    made = apiary.fire("apiary/Inspection@1", inspection(weight=1_000_000))
    assert ended(made) == [("error", "invariant_violation", "invariant 2 is false")]
    assert apiary.state(HIVE, A)["weights"] == {str(1777629600 * 10**9): 1_000_000}
    assert proven(apiary)


def test_a_merged_hive_is_gone_and_another_merge_is_a_fault(apiary: World) -> None:
    fire("Inspection", inspection()).do(apiary)
    assert apiary.fire("apiary/Merged@1", {"hive": A, "into": B}).fault is None
    assert apiary.state(HIVE) == {}
    assert apiary.state(YARD)["gone"] == {A: {"hive": A, "into": B, "weight": -7}}
    root = apiary.root
    fault = apiary.fire("apiary/Merged@1", {"hive": A, "into": B}).fault
    assert fault is not None and "there is no hive to merge" in fault["text"]
    assert apiary.root == root and proven(apiary)


def test_a_timer_of_a_merged_hive_finds_no_cell_and_makes_none(apiary: World) -> None:
    apiary.fire("apiary/Treated@1", treated(A, 1))
    apiary.fire("apiary/Merged@1", {"hive": A, "into": B})
    (timer,) = apiary.pending
    made = apiary.deliver(timer.answer())
    assert made.fault is None and made.after.logical_ns == YEAR + DAY
    assert apiary.state(HIVE) == {} and proven(apiary)
