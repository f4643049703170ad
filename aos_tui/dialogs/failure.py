"""A build that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from aos_core.plain import clean
from aos_tui.dialogs.base import Dialog, Reader, shorten
from aos_tui.dialogs.long_text import LongText

if TYPE_CHECKING:
    from aos_tui.building import BuildResult


class FailureDialog(Dialog[None]):
    """What is wrong, what the compiler says of it, with its places, and what to do. ``more``: what
    goes on all the same."""

    KEYS = (("y", "copy_all", "Copy"),)
    AUTO_FOCUS = "Reader"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "copy_all", "copy the text, whole")]

    def __init__(self, result: BuildResult, more: str = "") -> None:
        super().__init__("It does not build")
        self._before, self._drawn = result.message, result.details.strip("\n")
        self._after = "\n".join(part for part in (result.hint, more) if part)

    def body(self) -> ComposeResult:
        with Reader():
            yield Static(clean(self._before, "\n\t"), markup=False)
        if self._drawn:
            yield LongText(shorten(self._drawn), wrap=False)
        if self._after:
            with Reader():
                yield Static(clean(self._after, "\n\t"), markup=False)

    def on_mount(self) -> None:
        """What the compiler says is what one goes through, also where more is to be scrolled."""
        super().on_mount()
        for text in self.query(LongText):
            text.focus()

    def action_copy_all(self) -> None:
        """Copy the text, whole."""
        self.copy(self._text)

    @property
    def _text(self) -> str:
        return "\n\n".join(part for part in (self._before, self._drawn, self._after) if part)
