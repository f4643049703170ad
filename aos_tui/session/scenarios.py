"""The scenarios of the open world, and another one of them begun."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aos_core.free_names import free_name
from aos_tui.session import opening
from aos_tui.session.branching import Branching

if TYPE_CHECKING:
    from pathlib import Path

    from aos_core.scenario_file import Scenario


@dataclass(frozen=True, slots=True)
class ScenarioLine:
    """A scenario in the list of them: its ``title``, and whether it is the one in force.
    ``problem``: why it cannot be played here."""

    name: str
    title: str = ""
    present: bool = False
    problem: str | None = None


_NO_NAME = re.compile(r"[^A-Za-z0-9._~+,-]+")
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
        """Go on at genesis, on a branch of its own, with another scenario or the same one anew.
        What was asked for when the world was opened no longer counts: each branch has its own."""

        def act() -> None:
            from aos_core.scenario_file import read_scenario

            scenario = read_scenario(self._opened.files.scenario_path(name))
            self._fork(0, self._scenario_branch(name))
            self._begin_with(scenario)

        self._need_rest()
        self._stop_verifying()
        await self._act(act)

    def _scenario_branch(self, name: str) -> str:
        """Not the scenario's own name: a run of `aos run` has that, and the next run moves it."""
        stem = _NO_NAME.sub("-", name)[:_LONGEST]
        return free_name(f"play-{stem}", self._taken())

    def _begin_with(self, scenario: Scenario) -> None:
        world = self._opened
        self.options = replace(self.options, scenario=None)
        world.use_scenario(scenario)
        if world.in_memory:
            world.host = opening.simulated(scenario)
        self._new_player()
