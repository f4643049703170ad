"""Choose a branch, and what to do with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from aos_tui.dialogs.base import Dialog

Choice = tuple[str, str]
"""(``open``, ``rename``, ``delete`` or ``restore``, name of the branch)"""


class BranchesDialog(Dialog[Choice]):
    """Dismisses with what to do and the branch, or None. ``present``: the one that is open;
    ``removed``: those that were deleted and can be brought back."""

    SAYS = (
        "Goes on with another branch, at its live end; this one stays as it is. A deleted one is "
        "kept until aos gc."
    )
    KEYS = (("r", "rename", "Rename"), ("d", "delete", "Delete"))
    MORE = "enter open it, or bring it back"
    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "rename", "Rename"),
        Binding("d,delete", "delete", "Delete"),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
    ]

    def __init__(self, names: Sequence[str], present: str, removed: Sequence[str] = ()) -> None:
        super().__init__("Branches")
        self._names, self._present, self._removed = names, present, removed

    def body(self) -> ComposeResult:
        lines = [*map(self._line, self._names), *(f"{name}  deleted" for name in self._removed)]
        yield OptionList(*(Option(Content(line)) for line in lines), compact=True)

    def _line(self, name: str) -> str:
        return f"{name}  (open now)" if name == self._present else name

    def on_mount(self) -> None:
        super().on_mount()
        if self._present in self._names:
            self.query_one(OptionList).highlighted = self._names.index(self._present)

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        if event.option_index >= len(self._names):
            self.dismiss(("restore", self._removed[event.option_index - len(self._names)]))
            return
        name = self._names[event.option_index]
        self.dismiss(None if name == self._present else ("open", name))

    def action_rename(self) -> None:
        """Dismiss with the branch under the cursor, to be renamed."""
        if (name := self._under_cursor("renamed")) is not None:
            self.dismiss(("rename", name))

    def action_delete(self) -> None:
        """Dismiss with the branch under the cursor, to be deleted."""
        if (name := self._under_cursor("deleted")) is not None:
            self.dismiss(("delete", name))

    def _under_cursor(self, what: str) -> str | None:
        at = self.query_one(OptionList).highlighted
        if at is None:
            return None
        if at >= len(self._names):
            self.notify(f"it is deleted and cannot be {what}: enter brings it back")
            return None
        if self._names[at] == self._present:
            self.notify(f"this branch is open and cannot be {what}: go on with another one first")
            return None
        return self._names[at]

    def action_down(self) -> None:
        """To the next line."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """To the line before."""
        self.query_one(OptionList).action_cursor_up()
