"""The tour's band above the panes: what to press now, why, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text
from textual.widgets import Static

from aos_tui.formatting import to_text
from aos_tui.panes.base import Pane
from aos_tui.tour import Tour

if TYPE_CHECKING:
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Snapshot


class TourBand(Pane, Static):
    """Stands beside what it speaks of, and never above it."""

    ALLOW_MAXIMIZE = False

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="tour", markup=False)
        self.tour = Tour()
        self._glyphs = glyphs
        self._snapshot: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Look at what has happened."""
        before = self._lines_needed()
        self._snapshot = snapshot
        self.tour.see(snapshot)
        self.refresh()
        self.clear_cached_dimensions()
        if self._lines_needed() != before:  # else the panes stay where they are
            self.refresh(layout=True)

    def _lines_needed(self) -> int:
        return self.get_content_height(self.size, self.size, self.content_size.width)

    def render(self) -> Text:
        """The lines."""
        palette = {**self.palette(), "key": Style(bold=True, reverse=True)}
        lines = self.tour.lines(self._snapshot, self._glyphs)
        text = Text("\n").join(to_text(line, palette) for line in lines)
        text.no_wrap = False
        return text
