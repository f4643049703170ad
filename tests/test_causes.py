"""Why a record is there, and what it led to."""

from __future__ import annotations

from pathlib import Path

import pytest

from aos_core.causes import Link, causes, effects
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


def _kinds(world: World, links: list[Link]) -> list[str]:
    return [world.records[of.height].kind for of in links]


def test_causes_go_back_across_turns_to_the_first_event(played: World) -> None:
    (last,) = played.history.of_kind("plan_ended", 0, played.height)
    found = causes(played.history, last)
    assert [of.depth for of in found] == list(range(1, len(found) + 1))
    kinds = _kinds(played, found)
    assert kinds[-1] == "event" and found[-1].height == 1
    receipt = kinds.index("receipt")
    assert kinds[receipt + 1] == "intent" and "plan_started" in kinds[receipt:]
    assert causes(played.history, 0) == causes(played.history, 1) == []


def test_effects_are_what_has_it_among_its_causes(played: World) -> None:
    for height in range(played.height + 1):
        found = effects(played.history, height)
        assert found.whole
        by_causes = {
            of: link.depth
            for of in range(played.height + 1)
            for link in causes(played.history, of)
            if link.height == height
        }
        assert {of.height: of.depth for of in found.links} == by_causes
        _is_a_tree(played, height, list(found.links))


def _is_a_tree(world: World, root: int, links: list[Link]) -> None:
    """Everything comes after what led to it, before anything as high up as that."""
    path = [root]
    for of in links:
        del path[of.depth :]
        assert world.history.cause(of.height) == path[-1]
        path.append(of.height)


def test_effects_end_where_it_is_said(played: World) -> None:
    whole = effects(played.history, 1).links
    shallow = effects(played.history, 1, depth=2)
    assert shallow.links == tuple(of for of in whole if of.depth <= 2) and not shallow.whole
    deepest = max(of.depth for of in whole)
    assert effects(played.history, 1, depth=deepest).whole
    few = effects(played.history, 1, most=5)
    assert few.links == whole[:5] and not few.whole
    assert effects(played.history, 1, most=len(whole)).whole
