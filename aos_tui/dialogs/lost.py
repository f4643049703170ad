"""The file of the open branch is gone: put it back, or leave."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from aos_tui.dialogs.base import Dialog, Reader


class LostDialog(Dialog[str]):
    """Dismisses with ``put_back``, ``quit``, or None to look on. ``file``: the journal that was
    there; ``records``: how many of them are held."""

    KEYS = (("p", "put_back", "Put it back"), ("q", "quit", "Quit"))
    AUTO_FOCUS = "#key-put_back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "put_back", "put the journal back"),
        Binding("q", "quit", "quit, and leave it gone"),
        Binding("left,up", "app.focus_previous", "to the button before"),
        Binding("right,down", "app.focus_next", "to the next button"),
    ]

    def __init__(self, branch: str, file: str, records: str) -> None:
        super().__init__("The journal is gone")
        self._text = (
            f"{file}\n\nThe journal of branch {branch} was deleted or moved while it was open. "
            f"All of it is still held here: {records}. Nothing can be added before it is back.\n\n"
            "Put it back writes the journal, and the definitions, modules and blobs that it names, "
            "to where they were. Quit leaves it gone. Back looks on; B asks again."
        )

    def body(self) -> ComposeResult:
        with Reader(can_focus=False):
            yield Static(self._text, markup=False)

    def action_put_back(self) -> None:
        """Dismiss with ``put_back``."""
        self.dismiss("put_back")

    def action_quit(self) -> None:
        """Dismiss with ``quit``."""
        self.dismiss("quit")
