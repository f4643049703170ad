"""The display of a plan as a list: layers of steps, side by side where they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.segment import Segment

from aos_core.effect_words import json_line
from aos_core.plain import clean
from aos_tui.plan_text import layers

if TYPE_CHECKING:
    from aos_core.view import PlanView, StepView
    from aos_tui.panes.plan_brush import Brush, Colours

_GAP: Final = 2
_NUMBERS: Final = 3
"""Cells that the number of a layer takes."""


class ListDisplay:
    """Steps of one layer stand side by side where they fit, else one a line."""

    hidden = 0

    def __init__(self, plan: PlanView, room: tuple[int, int]) -> None:
        self._key = _key(plan, room)
        found = layers(plan.steps)
        widest = max((cell_len(clean(step.id)) + 2 for step in plan.steps), default=0)
        self._cell = widest + _GAP
        free, most = room[0] - _NUMBERS, max(map(len, found), default=0)
        if most * self._cell > free >= most * (widest + 1) - 1:
            self._cell = widest + 1
        fits = (free + 1) // self._cell
        self._lines: list[list[str]] = []
        self._starts: list[int | None] = []
        for number, layer in enumerate(found):
            size = len(layer) if len(layer) <= fits else 1
            for at in range(0, len(layer), size):
                self._lines.append([step.id for step in layer[at : at + size]])
                self._starts.append(number if at == 0 else None)
        self.width, self.height = room[0], len(self._lines)

    def holds(self, plan: PlanView, room: tuple[int, int], selected: str | None) -> bool:
        """Whether this is still what is to be shown."""
        return self._key == _key(plan, room)

    def rows_of(self, id: str) -> set[int]:
        """The row in which a step is."""
        place = self.place(id)
        return set() if place is None else {place[1]}

    def place(self, id: str) -> tuple[int, int, int] | None:
        """(x, y, width) of a step."""
        for y, line in enumerate(self._lines):
            if id in line:
                return _NUMBERS + line.index(id) * self._cell, y, self._cell
        return None

    def at(self, x: int, y: int) -> str | None:
        """The step at a cell."""
        if x < _NUMBERS or not 0 <= y < len(self._lines):
            return None
        line, column = self._lines[y], (x - _NUMBERS) // self._cell
        return line[column] if column < len(line) else line[0] if len(line) == 1 else None

    def beside(self, id: str, down: int, right: int) -> str | None:
        """The step to which one comes from another."""
        place = self.place(id)
        if place is None:
            return None
        column = self._lines[place[1]].index(id) + right
        line = self._lines[min(max(0, place[1] + down), len(self._lines) - 1)]
        return line[min(max(0, column), len(line) - 1)]

    def row(self, y: int, brush: Brush, colours: Colours) -> list[Segment]:
        """A line of steps; beside one that is alone, what it gave."""
        by_id = {step.id: step for step in brush.plan.steps}
        start = self._starts[y]
        number = "" if start is None else str(start + 1)
        dim = colours.base + colours.text["dim"]
        segments = [Segment(f"{number:>2} ", dim)]
        for id in self._lines[y]:
            text = f"{brush.glyph(id)} {clean(id)}"
            segments.append(Segment(text, brush.chip(id, colours, tinted=False)))
            segments.append(Segment(" " * (self._cell - cell_len(text)), colours.base))
        if len(self._lines[y]) == 1:
            note = self._note(by_id[self._lines[y][0]], brush)
            segments.append(Segment(note, dim))
        return segments

    def _note(self, step: StepView, brush: Brush) -> str:
        said = step.op
        if step.value is not None and step.op != "end":
            said = json_line(step.value, max(0, self.width - self._cell - _NUMBERS - 2))
        return f"{brush.glyphs.dot} {clean(said)}"


def _key(plan: PlanView, room: tuple[int, int]) -> tuple[object, ...]:
    return plan.id, plan.started, room, tuple(step.id for step in plan.steps)
