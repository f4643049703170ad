"""Scenarios that a test plays: of worlds that ship, or written into a copy of the aggregator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aos_core.hosts import SimulatedHost
from aos_core.scenario import Order, Player, Run, run_scenario
from aos_core.scenario_file import read_scenario
from aos_core.world import World
from tests.support import EVENT, REDUCER, write_scenario

FIRE = f"""
[[steps]]
fire = {{ schema = "{EVENT}", value = {{ Start = {{ topic = "x",
  primary = {{ name = "a", url = "https://example.com/api/a", method = "GET" }},
  secondary = {{ name = "b", url = "https://example.com/api/b", method = "GET" }},
  tertiary = {{ name = "c", url = "https://example.com/api/c", method = "GET" }} }} }} }}
""".replace(",\n ", ",")
ANSWERS = """
[[answers]]
match = { kind = "http.request" }
http = { status = 200, json = { of = "{url}" } }
"""
RELEASE = '[[steps]]\nrelease = "all"\n'
PAYLOAD = (
    "{ status = 299, headers = {}, timings = { start_ns = 0, end_ns = 0 }, "
    'adapter_id = "me", body_preview = "by hand" }'
)


def finished(world: Path, name: str) -> World:
    """A world at the end of one of its scenarios, in memory. What is expected of every order is not
    tried: the tests of the ladder do, and it takes longer than all else."""
    scenario = read_scenario(world / f"scenarios/{name}.toml")
    expect = replace(scenario.expect, order_free=False)
    return run_scenario(world, replace(scenario, expect=expect), memory=True).world


def play(world: Path, text: str, until: int | None = None) -> tuple[World, Player]:
    """A scenario, written, and played in memory: all of it, or the steps before ``until``."""
    scenario = read_scenario(world / f"scenarios/{write_scenario(world, 'x', text)}.toml")
    host = SimulatedHost(scenario.seed, scenario.start_ns, scenario.step_ns)
    opened = World.open(world, memory=True, scenario="x", host=host)
    player = Player(opened, scenario)
    while player.next_step is not None and player.next_step.index != until:
        player.play_step()
    return opened, player


def run(world: Path, text: str, order: Order | None = None) -> Run:
    return run_scenario(world, write_scenario(world, "x", text), order=order, memory=True)


def failed(done: Run) -> list[str]:
    return [item.text for item in done.expectations if not item.ok]


def statuses(world: World) -> list[int]:
    found: list[int] = world.state(REDUCER)["last_statuses"]
    return found
