"""Ask before something that cannot be taken back."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from aos_tui.dialogs.base import Dialog, Reader


class ConfirmDialog(Dialog[bool]):
    """Dismisses with True for yes, False for no and Esc. ``yes`` and ``no`` name the answers."""

    MORE = "enter the chosen one   esc back"
    AUTO_FOCUS = "#key-back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "yes"),
        Binding("n", "back", "no"),
        Binding("left,up", "app.focus_previous", "to the button before"),
        Binding("right,down", "app.focus_next", "to the next button"),
    ]

    def __init__(self, title: str, text: str, yes: str = "Yes", no: str = "No") -> None:
        super().__init__(title)
        self._text = text
        self._yes = yes
        self._no = no

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        return (("y", "yes", self._yes), ("n", "back", self._no))

    def body(self) -> ComposeResult:
        with Reader(can_focus=False):
            yield Static(self._text, markup=False)

    def action_yes(self) -> None:
        """Dismiss with True."""
        self.dismiss(True)

    def action_back(self) -> None:
        self.dismiss(False)
