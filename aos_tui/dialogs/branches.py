"""Choose a branch."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from aos_tui.dialogs.base import Dialog


class BranchesDialog(Dialog[str]):
    """Dismisses with the name of the chosen branch, or None. ``present``: the one that is open."""

    SAYS = "Goes on with another branch, at its live end. This one stays as it is."
    MORE = "enter open it"
    AUTO_FOCUS = "OptionList"

    def __init__(self, names: Sequence[str], present: str) -> None:
        super().__init__("Branches")
        self._names = names
        self._present = present

    def body(self) -> ComposeResult:
        yield OptionList(*(Option(Content(self._line(name))) for name in self._names), compact=True)

    def _line(self, name: str) -> str:
        return f"{name}  (open now)" if name == self._present else name

    def on_mount(self) -> None:
        super().on_mount()
        if self._present in self._names:
            self.query_one(OptionList).highlighted = self._names.index(self._present)

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        name = self._names[event.option_index]
        self.dismiss(None if name == self._present else name)
