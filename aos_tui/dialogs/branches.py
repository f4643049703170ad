"""Choose a branch from the graph of them, and rename, delete and bring back others on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Label, OptionList
from textual.widgets.option_list import Option

from aos_tui.dialogs.base import Dialog, LineList, button_text

Choice = tuple[str, str]
"""(``open`` or ``diff``, name of the branch)"""


@dataclass(frozen=True, slots=True)
class BranchOption:
    """A line: ``state`` is ``present``, ``other``, ``removed`` or ``unreadable``; without a
    ``name`` it stands for those that are not shown, so many as are ``hidden``."""

    text: Text
    name: str = ""
    state: str = "other"
    hidden: int = 0


Lines = Callable[[bool], Sequence[BranchOption]]
"""All lines, or those that people are likely to want."""

_ENTER = {"present": "stay", "removed": "restore"}
"""What enter does with a branch of a state, if it does not open it."""


class BranchesDialog(Dialog[Choice]):
    """Dismisses with what to do and the branch, or None.

    ``change`` is given this dialog, ``rename``, ``delete`` or ``restore``, and a branch: the dialog
    stays, ``busy`` meanwhile, and is to be given the new ``lines`` with :meth:`show`."""

    SAYS = (
        "Goes on with another branch, at its live end; this one stays as it is. = marks ends with "
        "the same root. A deleted branch is kept until aos gc."
    )
    KEYS = (
        ("r", "rename", "Rename"),
        ("d", "delete", "Delete"),
        ("c", "diff", "Compare"),
        ("space", "all", "All"),
    )
    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "go on with the branch; one that is deleted: bring it back"),
        Binding("r", "rename", "give the branch another name"),
        Binding("d,delete", "delete", "delete the branch under the cursor"),
        Binding("c,D", "diff", "compare it with the branch that is open"),
        Binding("space", "all", "show those that are left out, or no longer"),
    ]

    busy = False
    """While something is being changed no key counts: it might be meant for the next list."""

    def __init__(self, lines: Lines, change: Callable[[BranchesDialog, str, str], None]) -> None:
        super().__init__("Branches")
        self._lines, self._change, self._whole = lines, change, False
        self._shown = lines(False)

    def body(self) -> ComposeResult:
        yield LineList(*(Option(of.text) for of in self._shown), compact=True)

    def on_mount(self) -> None:
        super().on_mount()
        self._say_hidden()
        self._go_to(next((of.name for of in self._shown if of.state == "present"), ""))

    def _say_hidden(self) -> None:
        """In the title, which is always in sight, and at the button that shows them."""
        hidden = sum(of.hidden for of in self._shown)
        title = f"Branches, {hidden} of them not shown" if hidden else "Branches"
        self.query_one("#dialog").border_title = title
        button = self.query_one("#key-all", Button)
        button.label = button_text("space", "All" if hidden else "Fewer")
        button.set_class(hidden == 0 and not self._whole, "-idle")
        button.refresh(layout=True)

    @on(OptionList.OptionHighlighted)
    def _say_enter(self) -> None:
        here = self._here
        if here is not None:
            does = _ENTER.get(here.state, "open") if here.name else "show"
            self.query_one("#more", Label).update(f"enter {does}")

    def _go_to(self, name: str) -> None:
        at = next((at for at, of in enumerate(self._shown) if of.name == name), 0)
        self.query_one(OptionList).highlighted = at

    def show(self, lines: Lines, at: str | None) -> None:
        """Show other lines, and go to branch ``at``; None: stay at the line where one is."""
        self._lines = lines
        if self.is_running:
            self._fill(at)

    def _fill(self, at: str | None) -> None:
        self._shown = self._lines(self._whole)
        found = self.query_one(OptionList)
        row = found.highlighted or 0
        found.clear_options()
        found.add_options(Option(of.text) for of in self._shown)
        self._say_hidden()
        if at is None:
            found.highlighted = min(row, len(self._shown) - 1)
        else:
            self._go_to(at)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing while something is being changed, save going back."""
        return action == "back" or not self.busy

    @property
    def _here(self) -> BranchOption | None:
        at = self.query_one(OptionList).highlighted
        return None if at is None else self._shown[at]

    @on(OptionList.OptionSelected)
    def _choose(self) -> None:
        match self._here:
            case None:
                return
            case _ if self.busy:
                return
            case BranchOption(name=""):
                self.action_all()
            case BranchOption(state="present"):
                self.dismiss(None)
            case BranchOption(name=name, state="removed"):
                self._change(self, "restore", name)
            case BranchOption(name=name):
                self.dismiss(("open", name))

    def action_all(self) -> None:
        """Show all branches, or the likely ones again."""
        here = self._here
        if not self._whole and not any(of.hidden for of in self._shown):
            return
        self._whole = not self._whole
        self._fill("" if here is None else here.name)

    def action_rename(self) -> None:
        """Rename the branch under the cursor, be it the one that is open."""
        here = self._changeable("renamed")
        if here is not None:
            self._change(self, "rename", here.name)

    def action_delete(self) -> None:
        """Delete the branch under the cursor."""
        here = self._changeable("deleted")
        if here is not None and here.state == "present":
            self.notify("this branch is open and cannot be deleted: go on with another one first")
        elif here is not None:
            self._change(self, "delete", here.name)

    def action_diff(self) -> None:
        """Dismiss with the branch under the cursor, to be compared with the one that is open."""
        here = self._changeable("compared")
        if here is not None and here.state == "present":
            self.notify("this branch is open: choose another one to compare it with")
        elif here is not None:
            self.dismiss(("diff", here.name))

    def _changeable(self, done: str) -> BranchOption | None:
        here = self._here
        if here is None or not here.name:
            return None
        if here.state == "removed":
            self.notify(f"it is deleted and cannot be {done}: enter brings it back")
            return None
        return here
