"""A plan instance: its steps by layer, each with its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aos_tui.actions import bindings_of
from aos_tui.formatting import (
    STATE_ROLES,
    compact,
    plan_title,
    pretty,
    with_hashes,
)
from aos_tui.panes.base import Pane
from aos_tui.plan_text import layers, shown_state

if TYPE_CHECKING:
    from aos_core.view import StepView
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Snapshot

_GAP = 2
_NUMBERS = 3
"""Cells that the number of a layer takes."""


class PlanPane(Pane, ScrollView, can_focus=True):
    """Steps of one layer stand side by side where they fit, else one a line."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"plan--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "walk(-1, 0)", show=False),
        Binding("down,j", "walk(1, 0)", show=False),
        Binding("left,h", "walk(0, -1)", show=False),
        Binding("right,l", "walk(0, 1)", show=False),
        *bindings_of("plan"),
    ]

    class Chosen(Message):
        """Another instance is to be shown."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    class Opened(Message):
        """The value of a step is to be shown."""

        def __init__(self, title: str, text: str) -> None:
            super().__init__()
            self.title, self.text = title, text

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="plan", classes="pane")
        self.border_title = "Plan"
        self._glyphs = glyphs
        self._snapshot: Snapshot | None = None
        self._lines: list[list[StepView]] = []
        self._starts: list[int | None] = []
        self._width = 0
        self._cursor: str | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Show another snapshot; the cursor stays on its step."""
        self._snapshot = snapshot
        many = snapshot.plan_count > 1
        self.border_subtitle = f"[ ] of {snapshot.plan_count}" if many else ""
        self._lay_out()

    def _title(self) -> str:
        snapshot = self._snapshot
        if snapshot is None or snapshot.plan is None:
            return "Plan"
        room = self.size.width - len("Plan  ") - 4  # what the border takes of it
        return f"Plan  {plan_title(snapshot.plan, snapshot.pending, room)}"

    def on_resize(self, event: events.Resize) -> None:
        """Lay out anew."""
        self._lay_out()

    def _lay_out(self) -> None:
        """Cut the layers into lines that fit."""
        self.border_title = self._title()
        plan = None if self._snapshot is None else self._snapshot.plan
        steps = () if plan is None else plan.steps
        widest = max((len(step.id) + 2 for step in steps), default=0)
        self._width = widest + _GAP
        room, most = self.size.width - _NUMBERS, max(map(len, layers(steps)), default=0)
        if most * self._width > room >= most * (widest + 1) - 1:
            self._width = widest + 1
        fits = (room + 1) // self._width
        self._lines, self._starts = [], []
        for number, layer in enumerate(layers(steps)):
            size = len(layer) if len(layer) <= fits else 1
            for at in range(0, len(layer), size):
                self._lines.append(layer[at : at + size])
                self._starts.append(number if at == 0 else None)
        ids = [step.id for step in steps]
        if self._cursor not in ids:
            self._cursor = ids[0] if ids else None
        height = len(self._lines) + (2 if self._error else 0)
        self.virtual_size = Size(0, height)
        self._reveal()
        self.refresh()

    @property
    def _error(self) -> str | None:
        plan = None if self._snapshot is None else self._snapshot.plan
        return None if plan is None else plan.error

    def _place(self) -> tuple[int, int]:
        """(line, column) of the cursor."""
        for row, line in enumerate(self._lines):
            for column, step in enumerate(line):
                if step.id == self._cursor:
                    return row, column
        return 0, 0

    def _reveal(self) -> None:
        row, page = self._place()[0], max(1, self.size.height)
        top = round(self.scroll_y)
        if not top <= row < top + page:
            self.scroll_to(y=max(0, row - page + 1), animate=False, immediate=True, force=True)

    # -- keys -------------------------------------------------------------------------------

    def action_walk(self, down: int, right: int) -> None:
        """To a step beside this one."""
        if not self._lines:
            self.notify("no plan has started yet")
            return
        row, column = self._place()
        row = min(max(0, row + down), len(self._lines) - 1)
        line = self._lines[row]
        self._cursor = line[min(max(0, column + right), len(line) - 1)].id
        self._reveal()
        self.refresh()

    def action_previous_plan(self) -> None:
        """The instance before."""
        self._other(-1)

    def action_next_plan(self) -> None:
        """The next instance."""
        self._other(1)

    def _other(self, by: int) -> None:
        snapshot = self._snapshot
        if snapshot is None or snapshot.plan is None or snapshot.plan_count < 2:
            self.notify("there is no other plan instance at this height")
            return
        self.post_message(self.Chosen((snapshot.plan.number + by) % snapshot.plan_count))

    def action_open_step(self) -> None:
        """Show the value of the step under the cursor."""
        step = self._step
        if step is None:
            self.notify("no plan has started yet")
            return
        lines = [f"op      {step.op}", f"state   {step.state}"]
        lines += [f"height  {step.height}"] if step.height is not None else []
        lines += [f"after   {', '.join(step.after)}"] if step.after else []
        value = "no value yet" if step.value is None else pretty(self._shown(step))
        self.post_message(self.Opened(f"Step {step.id}", "\n".join([*lines, "", value])))

    @property
    def _step(self) -> StepView | None:
        plan = None if self._snapshot is None else self._snapshot.plan
        steps = () if plan is None else plan.steps
        return next((step for step in steps if step.id == self._cursor), None)

    def copied(self) -> tuple[str, str] | None:
        step = self._step
        return None if step is None else (f"step {step.id}", pretty(self._shown(step)))

    def _shown(self, step: StepView) -> Any:
        """The value of a step as host JSON, the hashes of intents in their text form."""
        assert self._snapshot is not None
        return with_hashes(step.value, self._snapshot.index)

    # -- lines ------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """The line ``y`` of what is visible."""
        row = y + round(self.scroll_y)
        if row < len(self._lines):
            segments = self._step_line(row)
        else:
            role = "bad" if self._lines else "dim"
            segments = [Segment(self._other_line(row), self.rich_style + self.palette()[role])]
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def _other_line(self, row: int) -> str:
        if not self._lines:
            return " no plan has started yet" if row == 0 else ""
        wanted = row == len(self._lines) + 1 and self._error
        return f" {self._glyphs.failed} {self._error}" if wanted else ""

    def _step_line(self, row: int) -> list[Segment]:
        assert self._snapshot is not None and self._snapshot.plan is not None
        palette, base = self.palette(), self.rich_style
        by_id = {step.id: step for step in self._snapshot.plan.steps}
        start = self._starts[row]
        number = "" if start is None else str(start + 1)
        segments = [Segment(f"{number:>2} ", base + palette["dim"])]
        for step in self._lines[row]:
            state = shown_state(step, by_id)
            style = base + palette.get(STATE_ROLES.get(state, ""), Style())
            if step.id == self._cursor and self.has_focus:
                style += self.get_component_rich_style("plan--cursor", partial=True)
            text = f"{self._glyphs.step(state)} {step.id}"
            segments += [Segment(text, style), Segment(" " * (self._width - len(text)), base)]
        if len(self._lines[row]) == 1:
            segments.append(Segment(self._note(self._lines[row][0]), base + palette["dim"]))
        return segments

    def _note(self, step: StepView) -> str:
        """What stands beside a step that is alone on its line."""
        if step.value is not None and step.op != "end":
            said = compact(self._shown(step), max(0, self.size.width - self._width - _NUMBERS - 2))
        else:
            said = step.op
        return f"{self._glyphs.dot} {said}"
