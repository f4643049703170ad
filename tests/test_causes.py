"""Why a record is there, and what it led to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from aos_core.causes import Causality, Link, causes, effects
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401
from tests.support import EVENT, release_all, start


@pytest.fixture
def played(world: Path) -> World:
    found = World.open(world, memory=True)
    found.fire(EVENT, start())
    release_all(found, 3, 1)
    fork = found.fork(found.height, "side")
    release_all(found)
    release_all(fork)
    return fork


def _kinds(world: World, links: Iterable[Link]) -> list[str]:
    return [world.records[of.height].kind for of in links]


def test_causes_go_back_across_turns_to_the_first_event(played: World) -> None:
    (last,) = played.history.of_kind("plan_ended", 0, played.height)
    found = causes(played, last)
    assert found.whole
    kinds = _kinds(played, found.links)
    assert kinds[0] == "event" and found.links[0].height == 1
    assert kinds.count("receipt") == kinds.count("intent") == 3
    assert causes(played, 0).links == causes(played, 1).links == ()


def test_a_join_is_there_for_every_step_it_comes_after(played: World) -> None:
    steps = {
        (played.records[of]["step"], played.records[of]["state"]): of
        for of in played.history.of_kind("plan_step", 0, played.height)
    }
    ask = Causality(played)
    joined = [steps[f"status_{of}", "done"] for of in "abc"]
    assert ask.causes(steps["raise", "done"]) == sorted(joined)
    for of in joined:
        assert steps["raise", "done"] in ask.effects(of)
    waiting, done = steps["await_b", "waiting"], steps["await_b", "done"]
    assert ask.causes(waiting) == [steps["emit_b", "done"]]
    receipt = played.history.cause(done)
    assert receipt is not None and played.records[receipt].kind == "receipt"
    assert ask.causes(done) == [waiting, receipt]
    assert ask.causes(receipt) == played.history.about(played.records[receipt]["intent"], "intent")


def test_every_cause_is_told_once_before_what_it_led_to(played: World) -> None:
    ask = Causality(played)
    for height in range(played.height + 1):
        found = causes(played, height)
        told: list[int] = []
        for of in found.links:
            assert (of.height in told) == of.again
            if not of.again:
                assert set(ask.causes(of.height)) <= set(told)
                told.append(of.height)
        assert set(ask.causes(height)) <= set(told) and set(told) == _before(ask, height)


def _before(ask: Causality, height: int) -> set[int]:
    near = ask.causes(height)
    return set(near).union(*(_before(ask, of) for of in near))


def test_effects_are_what_has_it_among_its_causes(played: World) -> None:
    ask = Causality(played)
    all = range(played.height + 1)
    before = {height: _before(ask, height) for height in all}
    for height in all:
        assert ask.effects(height) == [of for of in all if height in ask.causes(of)]
        found = effects(played, height)
        assert found.whole
        assert {of.height for of in found.links} == {of for of in all if height in before[of]}
        assert len(found.once) == len({of.height for of in found.links})
        _is_a_tree(ask, height, list(found.links))


def _is_a_tree(ask: Causality, root: int, links: list[Link]) -> None:
    """Everything comes after what led to it, before anything as high up as that."""
    path = [root]
    for of in links:
        del path[of.depth :]
        assert path[-1] in ask.causes(of.height)
        path.append(of.height)


def test_effects_end_where_it_is_said(played: World) -> None:
    whole = effects(played, 1).links
    shallow = effects(played, 1, depth=2)
    assert shallow.links == tuple(of for of in whole if of.depth <= 2) and not shallow.whole
    deepest = max(of.depth for of in whole)
    assert effects(played, 1, depth=deepest).whole
    few = effects(played, 1, most=5)
    assert few.links == whole[:5] and not few.whole
    assert effects(played, 1, most=len(whole)).whole


def test_of_too_many_causes_the_nearest_are_told(played: World) -> None:
    (last,) = played.history.of_kind("plan_ended", 0, played.height)
    few = causes(played, last, most=3)
    assert not few.whole and len(few.links) == 3
    assert {of.depth for of in few.links} <= {1, 2, 3}
    assert few.links[-1].depth == 1


def test_a_step_that_was_refused_is_there_for_the_decision(world: Path) -> None:
    value = start()
    value["Start"]["secondary"]["url"] = "https://elsewhere.test/"
    with World.open(world, memory=True) as found:
        found.fire(EVENT, value)
        (refused,) = (
            height
            for height in found.history.of_kind("decision", 0, found.height)
            if found.records[height].get("code") is not None
        )
        failed = refused + 1
        assert found.records[failed]["state"] == "failed"
        ask = Causality(found)
        assert refused in ask.causes(failed) and ask.effects(refused) == [failed]
        assert refused in {of.height for of in causes(found, found.height).links}
        allowed = found.history.of_kind("decision", 0, found.height)[0]
        assert ask.effects(allowed) == []
