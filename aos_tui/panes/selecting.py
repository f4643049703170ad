"""Text that the mouse selects, in widgets that draw their lines themselves.

Textual finds out from the strips which text is under the pointer, and asks the widget for what was
selected. Lines that are out of sight are made only when one copies them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

if TYPE_CHECKING:
    from textual.scroll_view import ScrollView as _Base
    from textual.selection import Selection
else:
    _Base = object


class SelectingLines(_Base):
    """Mixed into a widget whose lines are strips. One that paints calls :meth:`selectable`."""

    def line_text(self, row: int) -> str:
        """The text of a line of the content, counted from 0."""
        raise NotImplementedError

    @property
    def was_selected(self) -> bool:
        """Whether a click only ended a selection, and is to do nothing else."""
        return self.text_selection is not None

    def selectable(self, strip: Strip, row: int) -> Strip:
        """The strip of a line of the content, what is selected of it shown."""
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(row)) is not None:
            strip = self._shown(strip, *span)
        return strip.apply_offsets(0, row)

    def _shown(self, strip: Strip, start: int, end: int) -> Strip:
        text, width = strip.text, strip.cell_length  # characters are counted, and cells are cut
        start, end = cell_len(text[:start]), width if end < 0 else cell_len(text[:end])
        style = self.screen.get_component_rich_style("screen--selection")
        selected = Strip(Segment.apply_style(strip.crop(start, end), post_style=style))
        return Strip.join([strip.crop(0, start), selected, strip.crop(end, width)])

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        """The selected text. Where a selection begins or ends in another widget, no further than
        what is in sight."""
        top = round(self.scroll_y)
        first = top if selection.start is None else selection.start.y
        last = top + self.size.height - 1 if selection.end is None else selection.end.y
        last = min(last, self.virtual_size.height - 1)
        lines = []
        for row in range(first, last + 1):
            text = self.line_text(row).rstrip()
            start, end = selection.get_span(row) or (0, 0)
            lines.append(text[start:] if end < 0 else text[start:end])
        return "\n".join(lines), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Paint what is selected, or no longer."""
        self.refresh()
