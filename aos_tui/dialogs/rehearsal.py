"""What a rehearsal found, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label, Static

from aos_tui.dialogs.base import Dialog, Reader, shorten


class RehearsalDialog(Dialog[str]):
    """Dismisses with ``keep``, ``swap`` or ``go``, or with None to drop it. ``sections``: (heading,
    text); ``goes``: whether there is a record to go to."""

    AUTO_FOCUS = "Reader"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "keep", "keep the run as a branch"),
        Binding("s", "swap", "put in force what was rehearsed"),
        Binding("g", "go", "go to the record that differs first"),
        Binding("d", "back", "drop it"),
        Binding("y", "copy_all", "copy all of it"),
    ]

    def __init__(self, title: str, sections: Sequence[tuple[str, str]], *, goes: bool) -> None:
        super().__init__(title)
        self._sections, self._goes = sections, goes

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        go = (("g", "go", "Go there"),) if self._goes else ()
        return (
            ("p", "keep", "Keep"),
            ("s", "swap", "Swap"),
            *go,
            ("y", "copy_all", "Copy"),
            ("d", "back", "Drop"),
        )

    def body(self) -> ComposeResult:
        with Reader():
            for heading, text in self._sections:
                if heading:
                    yield Label(heading, classes="heading", markup=False)
                yield Static(shorten(text), classes="text", markup=False)

    def action_keep(self) -> None:
        """Dismiss with ``keep``."""
        self.dismiss("keep")

    def action_swap(self) -> None:
        """Dismiss with ``swap``."""
        self.dismiss("swap")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """One goes nowhere where there is no record to go to."""
        return action != "go" or self._goes

    def action_go(self) -> None:
        """Dismiss with ``go``."""
        self.dismiss("go")

    def action_copy_all(self) -> None:
        """Copy every section, whole."""
        self.copy("\n\n".join(f"{heading}\n{text}".strip() for heading, text in self._sections))
