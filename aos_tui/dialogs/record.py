"""One record in full, with the way to what caused it and what it led to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from aos_tui.dialogs.base import Dialog, Reader, shorten


class RecordDialog(Dialog[int]):
    """Dismisses with the height to go to, or None.

    ``sections``: (heading, text); ``links``: (label, height): the cause and the consequences.
    """

    KEYS = (("y", "copy_all", "Copy"),)
    AUTO_FOCUS = "Reader"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "copy_all", "Copy")]

    def __init__(
        self,
        title: str,
        sections: Sequence[tuple[str, str]],
        links: Sequence[tuple[str, int]] = (),
    ) -> None:
        super().__init__(title)
        self._sections = sections
        self._links = links
        if links:
            self.MORE = "tab links   enter go there"

    def body(self) -> ComposeResult:
        with Reader():
            for heading, text in self._sections:
                yield Label(heading, classes="heading", markup=False)
                yield Static(shorten(text), classes="text", markup=False)
        if self._links:
            yield Label("Cause and consequences", classes="heading")
            yield OptionList(*(Option(Content(label)) for label, _ in self._links), compact=True)

    @on(OptionList.OptionSelected)
    def _go(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._links[event.option_index][1])

    def action_copy_all(self) -> None:
        """Copy every section, whole."""
        self.copy("\n\n".join(f"{heading}\n{text}" for heading, text in self._sections))
