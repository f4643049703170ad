"""A plan instance: the graph of its steps, each with its state; or the same as a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Offset, Region, Size, Spacing
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aos_core.plain import clean, clip
from aos_tui.actions import bindings_of
from aos_tui.formatting import pretty
from aos_tui.glyphs import ASCII
from aos_tui.panes.base import Pane
from aos_tui.panes.plan_brush import Brush, Colours
from aos_tui.panes.plan_graph import WHOLE, GraphDisplay
from aos_tui.panes.plan_list import ListDisplay
from aos_tui.plan_text import no_plan, plan_title, step_text, waits

if TYPE_CHECKING:
    from aos_core.view import PlanView, StepView
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Snapshot

_TINTS = {"good": 0.14, "bad": 0.28, "wait": 0.28, "name": 0.16, "dim": 0.06}
"""How much of a state's colour is behind its steps: most where something is to be done."""
_PAN = 8
"""Columns that one key pans; rows half as many."""

_FIRST = 20
"""Cells that what a plan waits for has before it is said what lies beyond the edges."""

_AROUND = Spacing(3, 2, 3, 2)
"""What is to be seen around the selected step, where there is room."""


class PlanPane(Pane, ScrollView, can_focus=True):
    """Paints rows of a display: a change of states or of the selection only those it is in."""

    ALLOW_SELECT = False  # dragging pans
    COMPONENT_CLASSES: ClassVar[set[str]] = {"plan--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "walk(-1, 0)", show=False),
        Binding("down,j", "walk(1, 0)", show=False),
        Binding("left,h", "walk(0, -1)", show=False),
        Binding("right,l", "walk(0, 1)", show=False),
        Binding("shift+up", "pan(-1, 0)", show=False),
        Binding("shift+down", "pan(1, 0)", show=False),
        Binding("shift+left", "pan(0, -1)", show=False),
        Binding("shift+right", "pan(0, 1)", show=False),
        *bindings_of("plan"),
    ]

    class Chosen(Message):
        """Another instance is to be shown."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    class Choosing(Message):
        """One wants to choose among the instances."""

    class Opened(Message):
        """The value of a step is to be shown."""

        def __init__(self, title: str, text: str) -> None:
            super().__init__()
            self.title, self.text = title, text

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="plan", classes="pane")
        self.entitle("Plan")
        self._glyphs = glyphs
        self._snapshot: Snapshot | None = None
        self._display: GraphDisplay | ListDisplay | None = None
        self._brush: Brush | None = None
        self._colours: Colours | None = None
        self._listed = False
        self._cursor: str | None = None
        self._starts: tuple[tuple[str, str], ...] | None = None
        """What would start a plan, as it was said when there was none."""
        self._strips: dict[int, Strip] = {}
        self._beyond = ""
        """On which sides there is more, as it was said."""
        self._drag: tuple[Offset, Offset] | None = None
        self._dragged = False

    # -- what is shown ----------------------------------------------------------------------

    @property
    def _plan(self) -> PlanView | None:
        return None if self._snapshot is None else self._snapshot.plan

    def show(self, snapshot: Snapshot) -> None:
        """Show another snapshot; the selection stays on its step."""
        self._snapshot = snapshot
        self._lay_out()

    def on_resize(self, event: events.Resize) -> None:
        """Lay out anew."""
        self._lay_out()
        self.call_after_refresh(self._say_sides)

    def watch_has_focus(self, has_focus: bool) -> None:
        """The selection shows while the pane has the focus."""
        super().watch_has_focus(has_focus)
        self._lay_out()
        if has_focus:
            self.call_after_refresh(self._reveal)

    def notify_style_update(self) -> None:
        """Another theme, other strips."""
        super().notify_style_update()
        self._strips.clear()
        self._colours = None

    @property
    def _room(self) -> tuple[int, int]:
        """Columns and rows without scrollbars: what is fitted must not depend on them."""
        return self.container_size.width, self.container_size.height

    def _lay_out(self) -> None:
        """Show what is to be shown: a new picture, or what differs in the one that is shown."""
        plan, snapshot = self._plan, self._snapshot
        if plan is None or snapshot is None or not plan.steps:
            starts = None if snapshot is None else snapshot.plan_starts
            if self._display is not None or starts != self._starts:
                self._display = self._brush = None
                self._starts = starts
                self._start_over()
        else:
            self._choose_cursor(plan)
            selected = self._cursor if self.has_focus else None
            brush, before = Brush(plan, self._glyphs, selected), self._brush
            self._brush = brush
            display = self._display
            listed = isinstance(display, ListDisplay)
            if (
                display is None
                or before is None
                or listed != self._listed
                or not display.holds(plan, self._room, self._cursor)
            ):
                self._display = self._new_display(plan)
                self._start_over()
            else:
                self._repaint(brush.changed(before))
                if not self.has_focus and _busy(plan) != _busy(before.plan):
                    self.call_after_refresh(self._reveal)
        self._say()

    def _new_display(self, plan: PlanView) -> GraphDisplay | ListDisplay:
        if self._listed:
            return ListDisplay(plan, self._room)
        before = self._display if isinstance(self._display, GraphDisplay) else None
        return GraphDisplay(plan, self._room, self._cursor, self._glyphs is ASCII, before)

    def _choose_cursor(self, plan: PlanView) -> None:
        """Keep to the selected step; of a large plan begin where it waits or failed."""
        ids = [step.id for step in plan.steps]
        if self._cursor not in ids:
            busy = _busy(plan)
            self._cursor = busy if busy is not None and len(ids) > WHOLE else ids[0]

    def _start_over(self) -> None:
        self._strips.clear()
        display = self._display
        width, height = (0, 0) if display is None else (display.width, display.height)
        if display is not None and self._error:
            height += 2
        self.virtual_size = Size(width, height)
        self.refresh()
        self.call_after_refresh(self._reveal)

    def _repaint(self, steps: set[str]) -> None:
        """Paint the rows anew in which these steps and their edges are."""
        assert self._display is not None
        top = self._origin[1]
        for y in set().union(*map(self._display.rows_of, steps)):
            self._strips.pop(y, None)
            self.refresh(Region(0, y + top - round(self.scroll_y), self.size.width, 1))

    @property
    def _error(self) -> str | None:
        plan = self._plan
        return None if plan is None else plan.error

    def _say(self) -> None:
        """The title says what it waits for, the line below what more there is."""
        plan, snapshot, room = self._plan, self._snapshot, self._room[0] - 4
        if plan is None or snapshot is None:
            self.entitle("Plan", "")
            return
        title, more = plan_title(plan, waits(plan, snapshot.pending), room - len("Plan  "))
        hidden = 0 if self._display is None else self._display.hidden
        parts = [f"{len(plan.steps) - hidden} of {len(plan.steps)} steps"] if hidden else []
        if snapshot.plan_count > 1:
            chosen = ", f lets go" if snapshot.plan_chosen else ""
            parts.append(f"[ ] {snapshot.plan_count} instances{chosen}")
        taken = sum(len(part) + 2 for part in parts)
        self._beyond = self._sides()
        if sides := self._beyond:
            left = room - taken - min(len(more), _FIRST) - 2
            ways = (f"more {sides}: shift+arrows", f"more {sides}", "more")
            fitting = [way for way in ways if len(way) <= left][:1]
            parts = fitting + parts
            taken += sum(len(way) + 2 for way in fitting)
        said = "  ".join([clip(more, max(0, room - taken)), *parts] if more else parts)
        self.entitle(f"Plan  {title}", said)

    def _sides(self) -> str:
        """Where the picture goes on beyond the edges of the pane."""
        x, y, most_x, most_y = self.scroll_x, self.scroll_y, self.max_scroll_x, self.max_scroll_y
        sides = ((x > 0, "left"), (x < most_x, "right"), (y > 0, "above"), (y < most_y, "below"))
        more = [side for there, side in sides if there]
        return "/".join(more)

    def watch_scroll_x(self, old_value: float, new_value: float) -> None:
        """The line below says what there is beyond the edges."""
        super().watch_scroll_x(old_value, new_value)
        self._say_sides()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """As across, so down."""
        super().watch_scroll_y(old_value, new_value)
        self._say_sides()

    def watch_show_vertical_scrollbar(self) -> None:
        """It takes a column, at the next layout."""
        self.call_after_refresh(self._say_sides)

    def watch_show_horizontal_scrollbar(self) -> None:
        """It takes a row."""
        self.call_after_refresh(self._say_sides)

    def _say_sides(self) -> None:
        if self._sides() != self._beyond:
            self._say()

    # -- keys -------------------------------------------------------------------------------

    def action_walk(self, down: int, right: int) -> None:
        """To a step beside this one."""
        if self._display is None or self._cursor is None:
            self.notify("no plan has started yet")
        elif (found := self._display.beside(self._cursor, down, right)) is not None:
            self._select(found)

    def _select(self, id: str) -> None:
        self._cursor = id
        self._lay_out()
        self.call_after_refresh(self._reveal)

    def _reveal(self) -> None:
        """Scroll so that the selected step is seen; without the focus, the one that waits."""
        self._say_sides()  # there may be scrollbars only now
        if self._display is None or self._plan is None or self._drag is not None:
            return  # what is under the mouse stays there
        step = self._cursor if self.has_focus else _busy(self._plan)
        if step is not None and (place := self._display.place(step)) is not None:
            x, y, width = place
            self.scroll_to_region(
                Region(x, y, width, 1), spacing=_AROUND, animate=False, immediate=True, force=True
            )

    def action_pan(self, down: int, right: int) -> None:
        """Move the picture."""
        self.scroll_relative(
            right * _PAN, down * _PAN // 2, animate=False, immediate=True, force=True
        )

    def action_previous_plan(self) -> None:
        """The instance before."""
        self._other(-1)

    def action_next_plan(self) -> None:
        """The next instance."""
        self._other(1)

    def _other(self, by: int) -> None:
        if self._many():
            assert self._snapshot is not None and self._snapshot.plan is not None
            count = self._snapshot.plan_count
            self.post_message(self.Chosen((self._snapshot.plan.number + by) % count))

    def action_choose_plan(self) -> None:
        """Choose among the instances."""
        if self._many():
            self.post_message(self.Choosing())

    def _many(self) -> bool:
        snapshot = self._snapshot
        if snapshot is None or snapshot.plan is None or snapshot.plan_count < 2:
            self.notify("there is no other plan instance at this height")
            return False
        return True

    def action_toggle_list(self) -> None:
        """The other display: graph or list."""
        self._listed = not self._listed
        self._lay_out()

    def action_open_step(self) -> None:
        """Show the value of the step under the cursor."""
        step, plan, snapshot = self._step, self._plan, self._snapshot
        if step is None or plan is None or snapshot is None or self._brush is None:
            self.notify("no plan has started yet")
            return
        value = pretty(step.value) if step.has_value else "no value yet"
        text = step_text(step, plan, value, snapshot.pending)
        self.post_message(self.Opened(f"Step {clean(step.id)}", text))

    @property
    def _step(self) -> StepView | None:
        steps = () if self._plan is None else self._plan.steps
        return next((step for step in steps if step.id == self._cursor), None)

    def copied(self) -> tuple[str, str] | None:
        step = self._step
        if step is None or self._brush is None:
            return None
        return f"step {step.id}", pretty(step.value)

    # -- mouse ------------------------------------------------------------------------------

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to drag the picture."""
        self._drag, self._dragged = (event.screen_offset, self.scroll_offset), False
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The picture follows."""
        if self._drag is None:
            return
        start, scrolled = self._drag
        to = scrolled + start - event.screen_offset
        self._dragged = self._dragged or to != scrolled
        self.scroll_to(to.x, to.y, animate=False, immediate=True, force=True)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go."""
        self._drag = None
        self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        """Select a step; twice opens it."""
        offset = event.get_content_offset(self)
        if offset is None or self._display is None or self._dragged:
            return
        left, top = self._origin
        x, y = offset + self.scroll_offset - Offset(left, top)
        if (found := self._display.at(x, y)) is not None:
            self._select(found)
            if event.chain == 2:
                self.action_open_step()

    # -- rows -------------------------------------------------------------------------------

    @property
    def _origin(self) -> tuple[int, int]:
        """Where the picture begins: in the middle, if there is room."""
        display = self._display
        if display is None or isinstance(display, ListDisplay):
            return 0, 0
        spare = max(0, self.size.width - display.width), max(0, self._spare_rows(display))
        return spare[0] // 2, spare[1] // 3

    def _spare_rows(self, display: GraphDisplay) -> int:
        return self.size.height - display.height - (2 if self._error else 0)

    def render_line(self, y: int) -> Strip:
        """The line ``y`` of what is visible."""
        left, top = self._origin
        row, width = y + round(self.scroll_y) - top, self.size.width
        base = self.rich_style
        if self._display is not None and 0 <= row < self._display.height:
            strip = self._strips.get(row)
            if strip is None:
                strip = self._strips[row] = self._strip(row)
            first = round(self.scroll_x)
            if left:
                strip = Strip([Segment(" " * left, base), *strip], strip.cell_length + left)
            return strip.crop_extend(first, first + width, base)
        text, role = self._other_line(y if self._display is None else row)
        segment = Segment(text, base + self._paint.text[role])
        return Strip([segment]).adjust_cell_length(width, base)

    def _strip(self, row: int) -> Strip:
        assert self._display is not None and self._brush is not None
        return Strip(self._display.row(row, self._brush, self._paint))

    def _other_line(self, row: int) -> tuple[str, str]:
        """What a plan failed with; without one, what would start one."""
        if self._display is not None:
            wanted = row == self._display.height + 1 and self._error
            return f" {self._glyphs.failed} {clean(self._error or '')}" if wanted else "", "bad"
        lines = [] if self._snapshot is None else no_plan(self._starts or ())
        return f" {lines[row]}" if row < len(lines) else "", "dim"

    @property
    def _paint(self) -> Colours:
        if self._colours is None:
            text = self.palette()
            ground, (_, front) = self.background_colors[1], self.colors[2:]
            tinted: dict[str, Style] = {}
            for role, part in _TINTS.items():
                colour = text[role].color
                full = front if colour is None else Color.from_rich_color(colour)
                if ground.brightness > 0.5:  # there a tint soon meets its text in 16 colours
                    part /= 2.5
                tinted[role] = text[role]
                if ground.ansi is None and full.ansi is None:  # those of a terminal do not mix
                    tinted[role] += Style(bgcolor=ground.blend(full, part, 1.0).rich_color)
            line = Style(color=ground.blend(front, 0.55, 1.0).rich_color)
            text = {**text, "line": line}
            cursor = self.get_component_rich_style("plan--cursor", partial=True)
            self._colours = Colours(self.rich_style, text, tinted, cursor)
        return self._colours


def _busy(plan: PlanView) -> str | None:
    """The first step that waits or failed, else the first that is ready, if there is one."""
    for states in (("waiting", "failed"), ("ready",)):
        for step in plan.steps:
            if step.state in states:
                return step.id
    return None
