"""Choose a branch from the graph of them, and what to do with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from aos_tui.dialogs.base import Dialog, LineList

Choice = tuple[str, str]
"""(``open``, ``rename``, ``delete``, ``restore`` or ``diff``, name of the branch)"""


@dataclass(frozen=True, slots=True)
class BranchOption:
    """A line: ``state`` is ``present``, ``other``, ``removed`` or ``unreadable``; without a
    ``name`` it stands for those that are not shown."""

    text: Text
    name: str = ""
    state: str = "other"


class BranchesDialog(Dialog[Choice]):
    """Dismisses with what to do and the branch, or None. ``lines`` gives all of them, or those that
    people are likely to want."""

    SAYS = (
        "Goes on with another branch, at its live end; this one stays as it is. = marks ends with "
        "the same root. A deleted branch is kept until aos gc."
    )
    KEYS = (("r", "rename", "Rename"), ("d", "delete", "Delete"), ("c", "diff", "Compare"))
    MORE = "enter open"
    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "rename", "Rename"),
        Binding("d,delete", "delete", "Delete"),
        Binding("c,D", "diff", "Compare"),
        Binding("space", "all", show=False),
    ]

    def __init__(self, lines: Callable[[bool], Sequence[BranchOption]]) -> None:
        super().__init__("Branches")
        self._lines, self._whole = lines, False
        self._shown = lines(False)

    def body(self) -> ComposeResult:
        yield LineList(*(Option(of.text) for of in self._shown), compact=True)

    def on_mount(self) -> None:
        super().on_mount()
        self._go_to(next((of.name for of in self._shown if of.state == "present"), ""))

    def _go_to(self, name: str) -> None:
        at = next((at for at, of in enumerate(self._shown) if of.name == name), 0)
        self.query_one(OptionList).highlighted = at

    @property
    def _here(self) -> BranchOption | None:
        at = self.query_one(OptionList).highlighted
        return None if at is None else self._shown[at]

    @on(OptionList.OptionSelected)
    def _choose(self) -> None:
        match self._here:
            case None:
                return
            case BranchOption(name=""):
                self.action_all()
            case BranchOption(state="present"):
                self.dismiss(None)
            case BranchOption(name=name, state="removed"):
                self.dismiss(("restore", name))
            case BranchOption(name=name):
                self.dismiss(("open", name))

    def action_all(self) -> None:
        """Show all branches, or the likely ones again."""
        here = self._here
        self._whole = not self._whole
        self._shown = self._lines(self._whole)
        found = self.query_one(OptionList)
        found.clear_options()
        found.add_options(Option(of.text) for of in self._shown)
        self._go_to("" if here is None else here.name)

    def action_rename(self) -> None:
        """Dismiss with the branch under the cursor, to be renamed."""
        self._act("rename", "renamed")

    def action_delete(self) -> None:
        """Dismiss with the branch under the cursor, to be deleted."""
        self._act("delete", "deleted")

    def action_diff(self) -> None:
        """Dismiss with the branch under the cursor, to be compared with the one that is open."""
        here = self._here
        if here is not None and here.state == "present":
            self.notify("this branch is open: choose another one to compare it with")
        elif here is not None and here.name:
            self._act("diff", "compared")

    def _act(self, what: str, done: str) -> None:
        here = self._here
        if here is None or not here.name:
            return
        if here.state == "removed":
            self.notify(f"it is deleted and cannot be {done}: enter brings it back")
        elif here.state == "present":
            self.notify(f"this branch is open and cannot be {done}: go on with another one first")
        else:
            self.dismiss((what, here.name))
