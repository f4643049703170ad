"""A text of many lines to scroll through, broken once for its width and painted where it is seen:
Textual's own would break all of it again whenever something is painted."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import chop_cells
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

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = clean(text, "\n\t").expandtabs(4)
        self._lines: list[str] = []

    def on_resize(self, event: events.Resize) -> None:
        """Break the text for the width."""
        width = self.scrollable_content_region.width
        if width > 0:
            broken = (chop_cells(line, width) or [""] for line in self._text.split("\n"))
            self._lines = [line for lines in broken for line in lines]
            self.virtual_size = Size(0, len(self._lines))
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line ``y`` of what is visible."""
        row, style = y + round(self.scroll_y), self.rich_style
        strip = Strip([Segment(self.line_text(row), style)])
        return self.selectable(strip.adjust_cell_length(self.size.width, style), row)

    def line_text(self, row: int) -> str:
        """The text of a line."""
        return self._lines[row] if row < len(self._lines) else ""
