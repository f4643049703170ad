"""Scenarios that are written from journals and played again, for tests."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from aos_core.hosts import SimulatedHost
from aos_core.scenario import Player
from aos_core.scenario_file import Scenario, read_scenario
from aos_core.scenario_writer import scenario_of
from aos_core.world import World
from tests.fixtures import aggregator, compiled_once  # noqa: F401


def inputs(world: World, *, sources: bool = True) -> list[dict[str, Any]]:
    """What entered, as the journal has it; ``sources``: with what it names as its source."""
    bodies = [dict(frame.body["input"]) for frame in world.frames if not frame.is_header]
    return [{k: of for k, of in body.items() if sources or k != "source"} for body in bodies]


def play(path: Path, text: str, folder: Path) -> tuple[World, Player]:
    """A scenario's text, read from a file and played into a fresh branch."""
    file = folder / "written.toml"
    file.write_bytes(text.encode())
    scenario: Scenario = read_scenario(file)
    host = SimulatedHost(scenario.seed, scenario.start_ns, scenario.step_ns)
    world = World.open(path, memory=True, host=host)
    player = Player(world, scenario)
    player.play()
    return world, player


def same_again(world: World, folder: Path) -> str:
    """What is written of a world, played: the same inputs, records and root; and with the sources
    the same head. The text."""
    path, text = world.files.root, scenario_of(world)
    again, player = play(path, text, folder)
    assert inputs(again, sources=False) == inputs(world, sources=False)
    assert list(again.records) == list(world.records)
    assert again.root == world.root
    assert [of.text for of in player.expectations if not of.ok] == []
    assert player.expectations, "something is expected"
    again, _ = play(path, scenario_of(world, sources=True), folder)
    assert inputs(again) == inputs(world)
    if not any(frame.is_header for frame in world.frames[1:]):
        assert again.head == world.head
    return text


def unwrapped(text: str) -> str:
    """Each comment on one line."""
    return text.replace("\n#   ", " ")


def steps(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(text)["steps"]
    return found
