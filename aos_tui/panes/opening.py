"""What opening a branch is doing, where that takes long enough to be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text
from textual.timer import Timer
from textual.widgets import Static

from aos_tui.formatting import Piece, plain, to_text
from aos_tui.glyphs import ASCII
from aos_tui.panes.base import Pane

if TYPE_CHECKING:
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Doing

QUICK_SECONDS: Final = 0.15
"""What takes no longer shows nothing."""

WHY: Final = {
    "reading the journal": "where its frames begin is not known: all of them are read, this once",
    "running the journal": "no state is kept near its end: its turns run again, this once",
    "indexing the journal": "its index is missing or behind: it is made anew, this once",
}
"""By what is being done, why it takes long."""


class OpeningLine(Pane, Static):
    """A line with a bar, and one that says why. Hidden while nothing takes long."""

    ALLOW_MAXIMIZE = False

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="opening", markup=False)
        self._glyphs = glyphs
        self._doing: Doing | None = None
        self._soon: Timer | None = None
        self.display = False

    def show(self, doing: Doing | None) -> None:
        """Show what is being done; None: it is over."""
        known = self._doing is not None and self._doing.total > 0
        self._doing = doing
        if doing is None:
            self.display = False
            if self._soon is not None:
                self._soon.stop()
                self._soon = None
        elif self._soon is None:
            self._soon = self.set_timer(QUICK_SECONDS, self._appear)
        # why it takes long takes a line more
        self.refresh(layout=doing is not None and (doing.total > 0) != known)

    def _appear(self) -> None:
        self.display = self._doing is not None

    def render(self) -> Text:
        """The lines."""
        if self._doing is None:
            return Text("")
        return to_text(lines(self._doing, self.size.width, self._glyphs), self.palette())


def lines(doing: Doing, width: int, glyphs: Glyphs) -> list[Piece]:
    """What is done and how far it is, over two lines of ``width`` cells."""
    what = f" {glyphs.waiting} {doing.what or 'opening the world'}  "
    leave: Piece = ("   q quits", "name")
    if not doing.total:
        return [(what, "wait"), leave]
    share = min(1.0, doing.done / doing.total)
    figure = f" {int(100 * share)} %"
    room = max(1, min(60, width - len(plain([(what, ""), leave, (figure, "")])) - 1))
    filled = int(room * share)
    return [
        (what, "wait"),
        (("#" if glyphs is ASCII else "━") * filled, "wait"),
        (glyphs.line * (room - filled), "dim"),
        (figure, ""),
        leave,
        (f"\n   {WHY.get(doing.what, '')}", "dim"),
    ]
