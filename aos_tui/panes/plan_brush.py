"""What the displays of a plan paint with: the states of its steps, in the colours of the theme."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.style import Style

from aos_core.plan_words import shown_state, walked_edges
from aos_tui.formatting import STATE_ROLES

if TYPE_CHECKING:
    from aos_core.view import PlanView
    from aos_tui.glyphs import Glyphs


@dataclass(frozen=True, slots=True)
class Colours:
    """Of each role the colour of text, and that of text on a tint of it."""

    base: Style
    text: Mapping[str, Style]
    tinted: Mapping[str, Style]
    cursor: Style


@dataclass(frozen=True, slots=True)
class Brush:
    """One plan instance as it is to be painted. ``selected``: the step that stands out; None where
    the pane has not the focus. ``states`` by step, ``walked`` by edge."""

    plan: PlanView
    glyphs: Glyphs
    selected: str | None
    states: Mapping[str, str] = field(init=False)
    walked: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        by_id = {step.id: step for step in self.plan.steps}
        states = {id: shown_state(step, by_id) for id, step in by_id.items()}
        object.__setattr__(self, "states", states)
        object.__setattr__(self, "walked", tuple(walked_edges(self.plan)))

    def glyph(self, id: str) -> str:
        """The glyph of a step's state."""
        return self.glyphs.step(self.states[id])

    def chip(self, id: str, colours: Colours, *, tinted: bool = True) -> Style:
        """How a step looks."""
        role = STATE_ROLES.get(self.states[id], "")
        style = (colours.tinted if tinted else colours.text).get(role, colours.base)
        return colours.base + style + (colours.cursor if id == self.selected else Style())

    def edge(self, numbers: Collection[int], colours: Colours) -> Style:
        """How a piece looks that these edges share: the most alive of them counts."""
        edges = [self.plan.edges[at] for at in numbers]
        ways = {self.walked[at] for at in numbers}
        role = "good" if "walked" in ways else "line" if "open" in ways else "dim"
        near = role != "dim" and any(self.selected in (of.source, of.target) for of in edges)
        style = colours.base + colours.text.get(role, Style())
        return style + Style(bold=True) if near else style

    def changed(self, before: Brush) -> set[str]:
        """The steps that look other than before, or whose edges do."""
        found = {
            step.id
            for step, old in zip(self.plan.steps, before.plan.steps, strict=True)
            if self.states[step.id] != before.states[step.id] or step.value != old.value
        }
        for at, edge in enumerate(self.plan.edges):
            if self.walked[at] != before.walked[at]:
                found |= {edge.source, edge.target}
        if self.selected != before.selected:
            found |= {id for id in (self.selected, before.selected) if id is not None}
        return found
