"""What is shown instead of panes while a world does not load."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.console import Group
from rich.padding import Padding
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Static

from aos_tui.glyphs import ASCII, Glyphs

if TYPE_CHECKING:
    from aos_core.problems import Problem

_BESIDE = 22
"""Columns that a source line cannot have: margins, its number, the scroll bar."""


class ProblemScreen(Screen[None]):
    """Every problem with its place, its line and what to do, as ``aos check`` tells them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "retry", "try again"),
        Binding("q", "app.quit", "quit"),
        Binding("ctrl+p", "app.command_palette", "palette", show=False),
    ]

    class Retry(Message):
        """The world is to be opened again."""

    def __init__(self, world: str, glyphs: Glyphs, *, watched: bool) -> None:
        super().__init__()
        self._world, self._glyphs = world, glyphs
        self._next = "it opens when a file is mended" if watched else "r tries again"
        self._problems: tuple[Problem, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(id="problem-title", markup=False)
        with VerticalScroll(id="problems"):
            yield Static(id="problem-list", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Fill it, now that there is something to fill."""
        self.query_one("#problems").focus()
        self._fill()

    def show(self, problems: tuple[Problem, ...]) -> None:
        """Show other problems, where one looks at."""
        self._problems = problems
        if self.is_mounted:
            self._fill()

    def on_resize(self) -> None:
        """Source lines are cut to the width."""
        self._fill()

    def _fill(self) -> None:
        from aos_core.report import ASCII as PLAIN
        from aos_core.report import UNICODE, lines_of, verdict

        marks = PLAIN if self._glyphs is ASCII else UNICODE
        title = f" aos-tui  does not load; {self._next}  {self._world}"
        line = Text(title, no_wrap=True, overflow="ellipsis")
        self.query_one("#problem-title", Static).update(line)
        width = max(20, self.app.size.width - _BESIDE)
        lines: list[Text] = []
        for of in self._problems:
            lines += [*lines_of(of, of.file, marks, width), Text()]
        lines.append(verdict(self._problems, marks))
        self.query_one("#problem-list", Static).update(Group(*map(_hanging, lines)))

    def action_retry(self) -> None:
        """Open the world again."""
        self.post_message(self.Retry())


def _hanging(line: Text) -> Padding:
    """A line whose rest, where it is broken, stands below its beginning."""
    indent = len(line.plain) - len(line.plain.lstrip())
    return Padding(line[indent:], (0, 0, 0, indent))
