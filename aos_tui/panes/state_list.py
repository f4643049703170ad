"""The lines of the state pane, built only where they are visible, and the cursor on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aos_tui.actions import bindings_of
from aos_tui.panes.base import LINE_KEYS, Pane
from aos_tui.panes.selecting import SelectingLines
from aos_tui.state_lines import DifferenceLines, Lines, TextLines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aos_tui.formatting import Piece

_SHIFT = 8
"""Cells that a long line moves at a time."""


class StateList(Pane, SelectingLines, ScrollView, can_focus=True):
    """Shows :class:`Lines`; what they are, and what the keys do, is the pane's."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"state--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        *LINE_KEYS,
        Binding("left,h", "sideways(-1)", show=False),
        Binding("right,l", "sideways(1)", show=False),
        *bindings_of("state"),
    ]
    ALLOW_MAXIMIZE = False

    class Moved(Message):
        """Other lines are looked at; the cursor is on another one, or the lines were scrolled."""

        def __init__(self, first: int, last: int) -> None:
            super().__init__()
            self.first, self.last = first, last

    class Pressed(Message):
        """A key of the state pane."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    def __init__(self) -> None:
        super().__init__(id="state-list")
        self._lines: Lines | None = None
        self._empty: Sequence[str] = ()
        self._strips: LRUCache[tuple[int, int, bool], tuple[Strip, list[Piece]]] = LRUCache(1024)
        self._seen: dict[int, tuple[bool, list[Piece]]] = {}
        """What was painted last, by row: whether with the cursor, and the pieces."""
        self.cursor = 0

    def show(self, lines: Lines, empty: Sequence[str], cursor: int) -> None:
        """Show other lines, with the cursor on one of them, which stays where it was seen.

        ``empty``: what to say where there is none."""
        beside = self.cursor - round(self.scroll_y)
        self._lines, self._empty = lines, empty
        self._strips.clear()
        self._break_lines()
        self.cursor = min(max(0, cursor), max(0, len(lines) - 1))
        self._lay_out()
        page = max(1, self.scrollable_content_region.height)
        top = self.cursor - min(max(0, beside), page - 1)
        self.scroll_to(y=max(0, top), animate=False, immediate=True, force=True)
        self._reveal()
        self._repaint()

    def _repaint(self) -> None:
        """Paint the lines in sight that say something else than they did."""
        top, seen = round(self.scroll_y), self._seen
        rows = range(top, top + max(1, self.scrollable_content_region.height))
        self._seen = {row: of for row, of in seen.items() if row in rows}
        for row in rows:
            if seen.get(row) != (self._bears_cursor(row), self._pieces(row)):
                self.refresh_line(row)

    def _break_lines(self) -> None:
        if isinstance(self._lines, DifferenceLines) and (width := self._width):
            self._lines.lay_out(width)

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def _lay_out(self) -> None:
        lines = 0 if self._lines is None else len(self._lines)
        size = Size(0, max(lines, len(self._empty) if not lines else 0))
        if size != self.virtual_size:
            self.virtual_size = size

    def _reveal(self) -> None:
        top, page = round(self.scroll_y), max(1, self.scrollable_content_region.height)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True, force=True)
        elif self.cursor >= top + page:
            to = self.cursor - page + 1
            self.scroll_to(y=to, animate=False, immediate=True, force=True)

    # -- moving -----------------------------------------------------------------------------

    def go(self, row: int) -> None:
        """The cursor to a line, or to the nearest there is."""
        if self._lines is None or not len(self._lines):
            return
        row = min(max(0, row), len(self._lines) - 1)
        if row != self.cursor:
            self.cursor = row
            self._reveal()
            self.refresh()
            self._say_moved()

    def _say_moved(self) -> None:
        top = round(self.scroll_y)
        self.post_message(self.Moved(top, top + self.scrollable_content_region.height))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._say_moved()

    def action_step(self, by: int) -> None:
        """To the next line, or the one before."""
        self.go(self.cursor + by)

    def action_page(self, by: int) -> None:
        """A page down or up."""
        self.go(self.cursor + by * max(1, self.scrollable_content_region.height - 1))

    def action_edge(self, end: int) -> None:
        """To the first line, or the last."""
        self.go((0 if self._lines is None else len(self._lines)) * end)

    def action_sideways(self, by: int) -> None:
        """In text, to what stands further right or left; in the tree, in or out."""
        if isinstance(self._lines, TextLines):
            self._lines.shift = max(0, self._lines.shift + by * _SHIFT)
            self._strips.clear()
            self.refresh()
        else:
            self.post_message(self.Pressed("inner" if by > 0 else "outer"))

    def on_click(self, event: events.Click) -> None:
        """The line under the pointer; twice opens it."""
        if self.was_selected:
            return
        self.go(round(self.scroll_y) + event.y)
        if event.chain == 2:
            self.action_open_value()

    # -- the pane's keys ----------------------------------------------------------------------

    def action_unfold(self) -> None:
        """Unfold or fold."""
        self.post_message(self.Pressed("toggle"))

    def action_open_value(self) -> None:
        """Open the value whole, or unfold what has parts."""
        self.post_message(self.Pressed("open"))

    def action_display(self) -> None:
        """The next display."""
        self.post_message(self.Pressed("display"))

    def action_against(self) -> None:
        """Compare with the mark, or no longer."""
        self.post_message(self.Pressed("against"))

    def action_find(self) -> None:
        """Look for a cell."""
        self.post_message(self.Pressed("find"))

    def action_copy_path(self) -> None:
        """Copy path and value."""
        self.post_message(self.Pressed("copy_path"))

    # -- painting -----------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Lines are made for the width; the cursor stays in sight."""
        self._strips.clear()
        self._break_lines()
        self._lay_out()
        if self._lines is not None:  # there may be fewer now
            self.cursor = min(self.cursor, max(0, len(self._lines) - 1))
        self.call_after_refresh(self._reveal)

    def watch_show_vertical_scrollbar(self) -> None:
        """Its thumb is not told of what is scrolled before it is shown."""
        self.vertical_scrollbar.position = self.scroll_y

    def notify_style_update(self) -> None:
        """Another theme, other strips."""
        super().notify_style_update()
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        """The line ``y`` of what is visible."""
        row, width = y + round(self.scroll_y), self._width
        key = (row, width, self._bears_cursor(row))
        made = self._strips.get(key)
        if made is None:
            pieces = self._pieces(row)
            made = self._strips[key] = self._strip(pieces, width, key[2]), pieces
        self._seen[row] = key[2], made[1]
        return self.selectable(made[0], row)

    def _bears_cursor(self, row: int) -> bool:
        """What an empty list says is no line of it."""
        return row == self.cursor and bool(self._lines)

    def line_text(self, row: int) -> str:
        """The text of a line."""
        return "".join(text for text, _ in self._pieces(row))

    def _pieces(self, row: int) -> list[Piece]:
        lines = self._lines
        if lines is not None and row < len(lines):
            return lines.pieces(row, self._width)
        text = f" {self._empty[row]}" if not lines and row < len(self._empty) else ""
        return [(text, "dim")]

    def _strip(self, pieces: list[Piece], width: int, cursor: bool) -> Strip:
        palette, base = self.palette(), self.rich_style
        if cursor:
            base += self.get_component_rich_style("state--cursor")
        segments = [Segment(text, base + palette.get(role, Style())) for text, role in pieces]
        return Strip(segments).adjust_cell_length(width, base)
