"""Jump mode: a letter on all that can be reached; pressing it goes there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static


@dataclass(frozen=True, slots=True)
class Label:
    """A letter, and the cell it stands at; ``place`` is None for what is not to be seen now, which
    is named below the screen."""

    letter: str
    name: str
    place: tuple[int, int] | None


class JumpScreen(ModalScreen[str]):
    """Dismisses with a letter of ``labels``, or None; what is below stays to be seen."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "stay", "Stay")]

    def __init__(self, labels: Sequence[Label]) -> None:
        super().__init__()
        self._labels = labels
        self._drawn_for: Size | None = None

    def compose(self) -> ComposeResult:
        for of in self._labels:
            if of.place is not None:
                label = Static(f" {of.letter} ", markup=False, classes="jump")
                label.styles.offset = of.place
                yield label
        yield Static(self._line(), id="jump-line")

    def _line(self) -> Text:
        line = Text(" a letter goes there", no_wrap=True, overflow="ellipsis")
        for of in self._labels:
            if of.place is None:
                line.append("  ").append(f" {of.letter} ", "bold reverse").append(f" {of.name}")
        return line.append("   esc stays", "dim")

    def on_key(self, event: events.Key) -> None:
        """Go there; any other letter stays."""
        letters = {of.letter for of in self._labels}
        if event.character in letters:
            event.stop()
            self.dismiss(event.character)
        elif event.is_printable:
            event.stop()
            self.notify(f"{event.character} stands nowhere: esc stays", markup=False)

    def on_click(self) -> None:
        """The pointer needs no letters."""
        self.dismiss(None)

    def on_resize(self, event: events.Resize) -> None:
        """What the letters stood on is elsewhere now."""
        if self._drawn_for not in (None, event.size):
            self.dismiss(None)
        self._drawn_for = event.size

    def action_stay(self) -> None:
        """Leave without going anywhere."""
        self.dismiss(None)
