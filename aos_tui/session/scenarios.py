"""The scenarios of the open world, and another one of them begun."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aos_core.free_names import free_name
from aos_tui.session import opening
from aos_tui.session.branching import Branching

if TYPE_CHECKING:
    from pathlib import Path

    from aos_core.scenario_file import Scenario
    from aos_core.world import World


@dataclass(frozen=True, slots=True)
class ScenarioLine:
    """A scenario in the list of them: its ``title``, and whether it is the one in force.
    ``problem``: why it cannot be played here."""

    name: str
    title: str = ""
    present: bool = False
    problem: str | None = None


_NO_NAME = re.compile(r"[^A-Za-z0-9._~+,-]+")
_PLAY = "play-"
"""So the name of a branch begins that was begun to play a scenario."""

_LONGEST = 60
"""So many characters of a scenario's name are taken into that of its branch."""


class Scenarios(Branching):
    """Which scenario is in force."""

    async def scenario_lines(self) -> tuple[ScenarioLine, ...]:
        """All scenarios of the world as they lie on the disk now, sorted by name."""
        return await self._run(
            lambda: tuple(map(self._scenario_line, self._opened.files.scenario_files))
        )

    def _scenario_line(self, file: Path) -> ScenarioLine:
        from aos_core.checking import checked_scenario

        world, name = self._opened, file.stem
        begun_with = world.program_of(world.frames[0].body["manifest"])
        present = world.scenario is not None and world.scenario.name == name
        scenario, problems = checked_scenario(file, begun_with.catalog)
        if scenario is None or problems:
            first = problems[0]
            line = "" if first.line is None else f"line {first.line}: "
            return ScenarioLine(name, present=present, problem=f"{line}{first.message}")
        return ScenarioLine(name, scenario.title, present)

    async def begin_scenario(self, name: str) -> None:
        """Go on at genesis, on a branch of its own, with another scenario or the same one anew. A
        branch that was so begun, and has nothing yet, gives way to it."""

        def act() -> None:
            from aos_core.scenario_file import read_scenario

            world = self._opened
            scenario = read_scenario(world.files.scenario_path(name))
            if gives_way := _is_unplayed(world):
                self._give_way(world.owner(0))
            self._fork(0, self._scenario_branch(name), discard=gives_way)
            self._begin_with(scenario)

        self._need_rest()
        self._stop_verifying()
        await self._act(act)

    def _scenario_branch(self, name: str) -> str:
        """Not the scenario's own name: a run of `aos run` has that, and the next run moves it."""
        stem = _NO_NAME.sub("-", name)[:_LONGEST]
        return free_name(f"{_PLAY}{stem}", self._taken())

    def _begin_with(self, scenario: Scenario) -> None:
        world = self._opened
        self._scenario_of[world.branch] = scenario.name
        world.use_scenario(scenario)
        if world.in_memory:
            world.host = opening.simulated(scenario)
        self._new_player()


def _is_unplayed(world: World) -> bool:
    """Whether a branch was begun to play a scenario, and nothing has happened on it since."""
    made = world.branch.startswith(_PLAY) and world.begins()[-1:] == [0]
    return made and world.writable and not world.has_own
