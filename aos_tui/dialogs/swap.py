"""Other code is on disk: put it in force, rehearse it, or leave it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from aos_tui.dialogs.base import Dialog, Reader


class SwapDialog(Dialog[str]):
    """Dismisses with ``swap`` or ``rehearse``, or with None."""

    KEYS = (("y", "swap", "Swap"), ("r", "rehearse", "Rehearse"), ("n", "back", "Not now"))
    MORE = "enter the chosen one   esc back"
    AUTO_FOCUS = "#key-back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "swap", "put in force what is on disk"),
        Binding("r", "rehearse", "rehearse it: see first what would differ"),
        Binding("n", "back", "leave it for now"),
        Binding("left,up", "app.focus_previous", "to the button before"),
        Binding("right,down", "app.focus_next", "to the next button"),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__(title)
        self._text = text

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        return self.KEYS

    def body(self) -> ComposeResult:
        with Reader(can_focus=False):
            yield Static(self._text, markup=False)

    def action_swap(self) -> None:
        """Dismiss with ``swap``."""
        self.dismiss("swap")

    def action_rehearse(self) -> None:
        """Dismiss with ``rehearse``."""
        self.dismiss("rehearse")
