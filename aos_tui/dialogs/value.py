"""One value in full."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from aos_tui.dialogs.base import Dialog, Reader, Result, shorten
from aos_core.plain import clean_lines


class ValueDialog(Dialog[Result]):
    """Shows ``text``; by itself it dismisses with None."""

    KEYS = (("y", "copy_all", "Copy"),)
    AUTO_FOCUS = "Reader"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "copy_all", "Copy")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__(title)
        self._text = text

    def body(self) -> ComposeResult:
        with Reader():
            yield Static(clean_lines(shorten(self._text)), markup=False)

    def action_copy_all(self) -> None:
        """Copy the text, whole."""
        self.copy(self._text)
