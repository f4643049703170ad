"""The verb that begins another scenario of the world."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from aos_core.plain import clean
from aos_tui.formatting import plain, to_text
from aos_tui.panes.base import palette_of
from aos_tui.state_text import fitted
from aos_tui.verbs.branching import Branching

if TYPE_CHECKING:
    from aos_tui.formatting import Piece
    from aos_tui.session.scenarios import ScenarioLine

_NAME = 24
"""So many cells of a scenario's name are shown at most."""


class Choosing(Branching):
    """The list of scenarios."""

    def action_scenarios(self) -> None:
        """Choose a scenario, and begin it."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
        elif self.snapshot.lost:
            self.ask_lost()
        elif self.playing:
            self.no_dialog("a scenario plays: esc stops it")
        else:
            self.prepare(self._ask_scenario)

    async def _ask_scenario(self) -> None:
        found = await self.session.scenario_lines()
        if not found:
            self.no_dialog(
                "this world has no scenarios: one is a file in its folder scenarios, and ctrl+s "
                "writes what was done here as one"
            )
            return

        def answer(name: str) -> None:
            self.work(partial(self._begin, name))

        width = min(_NAME, max(cell_len(clean(of.name)) for of in found))
        lines = [(self._scenario_text(of, width), None if of.problem else of.name) for of in found]
        here = [at for at, of in enumerate(found) if of.present and not of.problem]
        playable = [at for at, of in enumerate(found) if not of.problem]
        chosen = next(iter((*here, *playable)), 0)
        self._ask("ScenariosDialog", answer, _says(found), lines, chosen, width + 4)

    def _scenario_text(self, of: ScenarioLine, width: int) -> Text:
        sign = f"{self.glyphs.chosen} " if of.present else "  "
        name = set_cell_size(plain(fitted([(clean(of.name), "text")], width)), width + 2)
        said: Piece = (clean(of.title), "")
        if of.problem is not None:
            said = f"{self.glyphs.failed} cannot be played: {clean(of.problem)}", "bad"
        return to_text([(sign, "input"), (name, "name"), said], palette_of(self.app))

    async def _begin(self, name: str) -> None:
        await self.session.begin_scenario(name)
        assert self.snapshot is not None
        self.notify(
            f"scenario {name}, on branch {self.snapshot.branch}: t plays its first step, T all"
        )


def _says(found: Sequence[ScenarioLine]) -> str:
    many = "This world has one scenario." if len(found) == 1 else f"{len(found)} scenarios."
    broken = sum(of.problem is not None for of in found)
    if broken == len(found):
        return f"{many} None can be played here: aos check says more."
    return (
        f"{many} Begins the chosen one from genesis, on a branch of its own; what is here stays as "
        "it is."
    )
