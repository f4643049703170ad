"""The lines above and below the panes: where one is, and the whole history on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import Static

from aos_tui.formatting import banner, header, timeline_text, to_text
from aos_tui.panes.base import Pane
from aos_tui.timeline_bar import axis_of, timeline_bar

if TYPE_CHECKING:
    from rich.console import Console

    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Snapshot


INDENT = 3
"""Cells before the words of the banner, for its sign."""
WIDE = 100
"""Columns from which on the bar has half of them, else two of five. Always so many, whatever the
words beside it: a bar that grew and shrank with them would seem to say something."""


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
    """The whole history as a bar that a click travels on; then what the scenario does next."""

    class Went(Message):
        """Another height was chosen."""

        def __init__(self, height: int) -> None:
            super().__init__()
            self.height = height

    def render(self) -> Text:
        """The line."""
        if self._snapshot is None:
            return Text("")
        bar = timeline_bar(self._snapshot, self._width, self._glyphs)
        words = timeline_text(self._snapshot, self.size.width - self._width - 3)
        return to_text([(" ", ""), *bar, (" ", ""), *words], self.palette())

    @property
    def _width(self) -> int:
        """Cells of the bar."""
        width = self.size.width
        return max(3, width // 2 if width >= WIDE else width * 2 // 5)

    def on_click(self, event: events.Click) -> None:
        """To the height that is shown there; beside the bar nothing."""
        if self._snapshot is not None and 1 <= event.x <= self._width:
            axis = axis_of(self._snapshot, self._width)
            self.post_message(self.Went(axis.height(event.x - 2)))


class Banner(_Line):
    """Why a branch can only be read, or what is wrong or other on disk; else nothing."""

    def show(self, snapshot: Snapshot) -> None:
        old, self._snapshot = self._snapshot, snapshot
        self.display = any(says := _says(snapshot))
        self.set_class(snapshot.trouble is not None, "-trouble")
        if old is None or _says(old) != says:
            self.refresh(layout=True)

    def render(self) -> Text:
        """The line."""
        if self._snapshot is None or not self.display:
            return Text("")
        text = to_text(banner(self._snapshot, self._glyphs), self.palette())
        return hung(text, self.app.size.width, self.app.console)

    def on_resize(self) -> None:
        """It breaks elsewhere."""
        self.refresh(layout=True)


def hung(text: Text, width: int, console: Console) -> Text:
    """A text in lines of this width; those that go on with one are set below its words."""
    text.no_wrap, text.end = False, "\n"
    lines = Text(end="")
    for line in text.split("\n"):
        fits = line.cell_len <= width
        head, *rest = [line] if fits else line.wrap(console, max(1, width - INDENT))
        if lines:
            lines.append("\n")
        lines.append_text(head)
        for more in rest:
            lines.append("\n" + " " * INDENT).append_text(more)
    return lines


def _says(snapshot: Snapshot) -> tuple[object, ...]:
    """All that a banner speaks of."""
    return snapshot.trouble, snapshot.disk_problem, snapshot.disk_changes
