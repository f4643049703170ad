"""The world from outside: its events in, its state out, and its history proved."""

from pathlib import Path

from aos_core import World, run_scenario

ROOT = Path(__file__).parents[1]
EVENT, REDUCER = "demo/CounterEvent@1", "demo/Counter@1"


def test_ticks_reach_the_goal_and_the_history_replays() -> None:
    with World.open(ROOT, memory=True) as world:
        world.fire(EVENT, {"Start": {"goal": 2}})
        world.fire(EVENT, "Tick")
        assert world.state(REDUCER) == {"pc": "Counting", "count": 1, "goal": 2}
        world.fire(EVENT, "Tick")
        assert world.state(REDUCER)["pc"] == "Done"
        assert world.verify().ok


def test_every_scenario_ends_as_it_says() -> None:
    for path in (ROOT / "scenarios").glob("*.toml"):
        run = run_scenario(ROOT, path.stem, memory=True)
        with run.world:
            assert run.ok, [item.text for item in run.expectations if not item.ok]
