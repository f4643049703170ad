"""The display of a plan as a drawn graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.segment import Segment

from aos_core.graph.draw import ASCII, UNICODE, Drawing, Run
from aos_core.graph.fit import fitted
from aos_core.graph.layout import Edge
from aos_core.plain import clean
from aos_core.plan_words import guard_text

if TYPE_CHECKING:
    from aos_core.view import PlanView
    from aos_tui.panes.plan_brush import Brush, Colours

WHOLE: Final = 60
"""Steps up to which a plan is drawn whole."""
NEAR: Final = 40
"""Of a larger one so many steps around the selected one."""

Neighbours = Mapping[str, Sequence[str]]


@lru_cache(maxsize=64)
def _drawing(
    names: tuple[str, ...], edges: tuple[Edge, ...], room: tuple[int, int], plain: bool
) -> Drawing:
    """Kept, for most snapshots differ in the states of steps alone."""
    return fitted(names, edges, room, ASCII if plain else UNICODE)


class GraphDisplay:
    """A plan laid out for a room: its shape, not its states. ``hidden`` says how many steps of a
    large one are left out."""

    def __init__(
        self,
        plan: PlanView,
        room: tuple[int, int],
        selected: str | None,
        plain: bool,
        before: GraphDisplay | None = None,
    ) -> None:
        """``before``: what was shown before: a part of a large plan stays as long as the selected
        step has its neighbours there."""
        self._key = _key(plan, room)
        self._near = _neighbours(plan)
        self.steps: tuple[str, ...]
        self._centre: str | None
        if before is not None and before._same_part(plan, selected):
            self.steps, self._centre = before.steps, before._centre
        else:
            self.steps, self._centre = _part(plan, self._near, selected), selected
        self._number = {id: at for at, id in enumerate(self.steps)}
        self._kept = tuple(
            at
            for at, edge in enumerate(plan.edges)
            if edge.source in self._number and edge.target in self._number
        )
        self._edges = tuple(
            Edge(self._number[of.source], self._number[of.target], guard_text(of.when))
            for of in (plan.edges[at] for at in self._kept)
        )
        names = tuple(map(self._name, self.steps))
        self.drawing = _drawing(names, self._edges, room, plain)
        self.width, self.height = self.drawing.width, self.drawing.height
        self.hidden = len(plan.steps) - len(self.steps)

    def _name(self, id: str) -> str:
        """Its id, and how many of its neighbours are hidden."""
        more = sum(of not in self._number for of in self._near[id])
        return f"{clean(id)} +{more}" if more else clean(id)

    def holds(self, plan: PlanView, room: tuple[int, int], selected: str | None) -> bool:
        """Whether this is still what is to be shown."""
        return self._key == _key(plan, room) and self._same_part(plan, selected)

    def _same_part(self, plan: PlanView, selected: str | None) -> bool:
        if self._key[:2] != _key(plan, (0, 0))[:2]:
            return False
        if selected is None or selected == self._centre:
            return True
        return all(of in self._number for of in (selected, *self._near.get(selected, ())))

    def rows_of(self, id: str) -> set[int]:
        """The rows in which a step and its edges are."""
        node = self._number.get(id)
        if node is None:
            return set()
        found = {self.drawing.chips[node].y}
        for number, edge in enumerate(self._edges):
            if node in edge[:2]:
                found |= self.drawing.edge_rows[number]
        return found

    def place(self, id: str) -> tuple[int, int, int] | None:
        """(x, y, width) of a step."""
        if (node := self._number.get(id)) is None:
            return None
        chip = self.drawing.chips[node]
        return chip.x, chip.y, chip.width

    def at(self, x: int, y: int) -> str | None:
        """The step at a cell."""
        for id, chip in zip(self.steps, self.drawing.chips, strict=True):
            if chip.y == y and chip.x <= x < chip.x + chip.width:
                return id
        return None

    # -- walking ----------------------------------------------------------------------------

    def beside(self, id: str, down: int, right: int) -> str | None:
        """The step to which one comes from another: along edges, of several steps to the one in
        the nearest layer; across them, to the nearest step that way, of the same layer if there is
        one."""
        if (here := self._number.get(id)) is None:
            return None
        along, across = (right, down) if self.drawing.form.right else (down, right)
        found = self._along(here, along) if along else self._across(here, across)
        return None if found is None else self.steps[found]

    def _along(self, here: int, way: int) -> int | None:
        ends = [(edge.source, edge.target)[::way] for edge in self._edges]
        return min((to for of, to in ends if of == here), key=lambda of: self._apart(here, of),
                   default=None)  # fmt: skip

    def _across(self, here: int, way: int) -> int | None:
        place = self._middle(here)[1]
        others = (
            node for node in range(len(self.steps)) if (self._middle(node)[1] - place) * way > 0
        )
        return min(others, key=lambda of: self._apart(here, of), default=None)

    def _apart(self, one: int, two: int) -> tuple[int, int, int]:
        """How far a step is from another: in layers, across, then as they are listed."""
        (layer, place), (other, at) = self._middle(one), self._middle(two)
        return abs(layer - other), abs(place - at), two

    def _middle(self, node: int) -> tuple[int, int]:
        """(layer, place across) in cells."""
        chip = self.drawing.chips[node]
        return (chip.x, chip.y) if self.drawing.form.right else (chip.y, chip.x + chip.width // 2)

    # -- rows -------------------------------------------------------------------------------

    def row(self, y: int, brush: Brush, colours: Colours) -> list[Segment]:
        """A row of the picture."""
        segments, at = [], 0
        for run in self.drawing.rows[y]:
            if run.x > at:
                segments.append(Segment(" " * (run.x - at), colours.base))
            segments.append(self._segment(run, brush, colours))
            at = run.x + cell_len(run.text)
        return segments

    def _segment(self, run: Run, brush: Brush, colours: Colours) -> Segment:
        if run.kind == "chip":
            id = self.steps[run.of[0]]
            text = self.drawing.with_glyph(run, brush.glyph(id))
            return Segment(text, brush.chip(id, colours))
        return Segment(run.text, brush.edge([self._kept[at] for at in run.of], colours))


def _key(plan: PlanView, room: tuple[int, int]) -> tuple[object, ...]:
    return (plan.id, plan.started), tuple(step.id for step in plan.steps), room


def _neighbours(plan: PlanView) -> Neighbours:
    """The steps before and after each step, those after it first."""
    found: dict[str, list[str]] = {step.id: [] for step in plan.steps}
    for edge in plan.edges:
        found[edge.source].append(edge.target)
    for edge in plan.edges:
        found[edge.target].append(edge.source)
    return {id: tuple(dict.fromkeys(near)) for id, near in found.items()}


def _part(plan: PlanView, near: Neighbours, selected: str | None) -> tuple[str, ...]:
    """The steps to be drawn: all, or those nearest to the selected one, as they are listed."""
    ids = tuple(step.id for step in plan.steps)
    if len(ids) <= WHOLE or selected is None:
        return ids[:WHOLE]
    found = [selected]
    for id in found:  # grows meanwhile: the nearest first
        found += [of for of in near[id] if of not in found][: NEAR - len(found)]
    kept = set(found)
    return tuple(id for id in ids if id in kept)
