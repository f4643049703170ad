"""A text of many lines to scroll through, broken once for its width and painted where it is seen:
Textual's own would break all of it again whenever something is painted. What a compiler draws below
a line is not broken at all: one goes sideways there."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aos_core.plain import clean
from aos_tui.panes.selecting import SelectingLines


class LongText(SelectingLines, ScrollView, can_focus=True):
    """Arrows, home, end and paging are the container's own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "scroll down"),
        Binding("up,k", "scroll_up", "scroll up"),
    ]

    def __init__(self, text: str, *, wrap: bool = True) -> None:
        super().__init__()
        self._whole = clean(text, "\n\t").expandtabs(4).split("\n")
        self._wrap = wrap
        self._lines: list[str] = []
        if not wrap:
            self._lines = self._whole
            self.virtual_size = Size(max(map(cell_len, self._lines)), len(self._lines))

    def on_resize(self, event: events.Resize) -> None:
        """Break the text for the width."""
        width = self.scrollable_content_region.width
        if self._wrap and width > 0:
            broken = (chop_cells(line, width) or [""] for line in self._whole)
            self._lines = [line for lines in broken for line in lines]
            self.virtual_size = Size(0, len(self._lines))
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line ``y`` of what is visible."""
        row, left, style = y + round(self.scroll_y), round(self.scroll_x), self.rich_style
        right = left + self.size.width
        strip = Strip([Segment(self.line_text(row), style)])
        strip = self.selectable(strip.extend_cell_length(right, style), row)
        return strip.crop(left, right).apply_offsets(left, row)

    def line_text(self, row: int) -> str:
        """The text of a line."""
        return self._lines[row] if row < len(self._lines) else ""
