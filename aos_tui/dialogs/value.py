"""One value in full."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from aos_core.plain import clean
from aos_tui.chips import chip_styles, with_chips
from aos_tui.dialogs.base import Dialog, Reader, Result, shorten
from aos_tui.dialogs.long_text import LongText

_LONG = 4000
"""Characters from which on a text is laid out by itself."""


class ValueDialog(Dialog[Result]):
    """Shows ``text``; by itself it dismisses with None."""

    KEYS = (("y", "copy_all", "Copy"),)
    AUTO_FOCUS = "Reader, LongText"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "copy_all", "copy the text, whole")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__(title)
        self._text = text

    def body(self) -> ComposeResult:
        if len(self._text) > _LONG:
            yield LongText(shorten(self._text))
            return
        with Reader():
            styles = chip_styles(self.app.current_theme.dark)
            yield Static(with_chips(clean(self._text, "\n\t"), styles))

    def action_copy_all(self) -> None:
        """Copy the text, whole."""
        self.copy(self._text)
