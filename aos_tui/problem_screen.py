"""What is shown instead of panes when a world does not load."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Static

from aos_tui.glyphs import Glyphs
from aos_tui.snapshot import Trouble


class ProblemScreen(Screen[None]):
    """Every problem with its place and what to do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "retry", "try again"),
        Binding("q", "app.quit", "quit"),
        Binding("ctrl+p", "app.command_palette", "palette", show=False),
    ]

    class Retry(Message):
        """The world is to be opened again."""

    def __init__(self, world: str, problems: list[Trouble], glyphs: Glyphs) -> None:
        super().__init__()
        self._world, self._problems, self._glyphs = world, problems, glyphs

    def compose(self) -> ComposeResult:
        yield Static(f" aos-tui  {self._world} does not load", id="problem-title", markup=False)
        with VerticalScroll(id="problems"):
            for problem in self._problems:
                text = Text(f"{self._glyphs.failed} {problem.text}")
                text.stylize("bold", 0, 2 + len(problem.message))
                yield Static(text, classes="problem")
        yield Footer(compact=True, show_command_palette=False)

    def action_retry(self) -> None:
        """Open the world again."""
        self.post_message(self.Retry())
