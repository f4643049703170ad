"""The lines above and below the panes: where one is, and the whole history on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import Static

from aos_tui.formatting import (
    banner,
    header,
    plain,
    timeline_bar,
    timeline_text,
    to_text,
)
from aos_tui.panes.base import Pane

if TYPE_CHECKING:
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Snapshot


MIN_BAR = 16
"""Cells the bar keeps where its words would take them."""


class _Line(Pane, Static):
    """One line made of a snapshot."""

    ALLOW_MAXIMIZE = False

    def __init__(self, glyphs: Glyphs, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._glyphs = glyphs
        self._snapshot: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Show another snapshot."""
        self._snapshot = snapshot
        self.refresh()


class HeaderLine(_Line):
    """World, branch, height, root, chain, how much is waiting."""

    def render(self) -> Text:
        """The line."""
        if self._snapshot is None:
            return Text(" aos-tui  opening the world")
        return to_text(header(self._snapshot, self.size.width, self._glyphs), self.palette())


class Timeline(_Line):
    """Turns, faults and the cursor as a bar; then what the scenario does next."""

    def render(self) -> Text:
        """The line."""
        if self._snapshot is None:
            return Text("")
        words = timeline_text(self._snapshot, self.size.width - MIN_BAR - 3)
        room = self.size.width - len(plain(words)) - 3
        width = max(MIN_BAR, min(self.size.width // 2, room))
        pieces = [(" ", ""), *timeline_bar(self._snapshot, width, self._glyphs), (" ", ""), *words]
        return to_text(pieces, self.palette())


class Banner(_Line):
    """Why a branch can only be read, or that the disk has another program; else nothing."""

    def show(self, snapshot: Snapshot) -> None:
        old, self._snapshot = self._snapshot, snapshot
        self.display = snapshot.trouble is not None or bool(snapshot.disk_changes)
        self.set_class(snapshot.trouble is not None, "-trouble")
        now = (snapshot.trouble, snapshot.disk_changes)
        if old is None or (old.trouble, old.disk_changes) != now:
            self.refresh(layout=True)

    def render(self) -> Text:
        """The line."""
        if self._snapshot is None or not self.display:
            return Text("")
        text = to_text(banner(self._snapshot, self._glyphs), self.palette())
        text.no_wrap = False
        return text
