"""The world from outside: its events in, its state out, and its history proved.

The fixtures come with aos-tui; docs/testing-worlds.md tells of them.
"""

from aos_core import World
from aos_core.testing import Play, assert_replays

EVENT, REDUCER = "demo/CounterEvent@1", "demo/Counter@1"


def test_ticks_reach_the_goal_and_the_history_replays(world: World) -> None:
    world.fire(EVENT, {"Start": {"goal": 2}})
    world.fire(EVENT, "Tick")
    assert world.state(REDUCER) == {"pc": "Counting", "count": 1, "goal": 2}
    world.fire(EVENT, "Tick")
    assert world.state(REDUCER)["pc"] == "Done"
    assert_replays(world)


def test_every_scenario_ends_as_it_says(play: Play, aos_scenario: str) -> None:
    play(aos_scenario)
