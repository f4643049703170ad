"""Choose a branch from the graph of them, and rename, delete and bring back others on the way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
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
    ``name`` it stands for those that are not shown, so many as are ``hidden``. ``needed``: the one
    that is open is this one or goes on from it."""

    text: Text
    name: str = ""
    state: str = "other"
    hidden: int = 0
    needed: bool = False

    @property
    def deletable(self) -> bool:
        """Whether it makes sense to delete it."""
        return bool(self.name) and self.state == "other" and not self.needed


Lines = Callable[[bool, Collection[str]], Sequence[BranchOption]]
"""All lines, or those that people are likely to want; and which branches are selected."""

Change = Callable[["BranchesDialog", str, Sequence[str]], None]

_ENTER = {"present": "stay", "removed": "restore"}
"""What enter does with a branch of a state, if it does not open it."""


class BranchesDialog(Dialog[Choice]):
    """Dismisses with what to do and the branch, or None.

    ``change`` is given this dialog, ``rename``, ``delete`` or ``restore``, and a branch, to delete
    all that are selected, in the order they are shown in: the dialog stays, ``busy`` meanwhile, and
    is to be given the new ``lines`` with :meth:`show`."""

    SAYS = (
        "Goes on with another branch, at its live end; this one stays as it is. = marks ends with "
        "the same root. A deleted branch is kept until aos gc."
    )
    KEYS = (
        ("r", "rename", "Rename"),
        ("d", "delete", "Delete"),
        ("c", "diff", "Compare"),
        ("s", "whole", "All"),
    )
    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "go on with the branch; one that is deleted: bring it back"),
        Binding("space", "select", "select the branch, to be deleted with others, or no longer"),
        Binding("a", "select_all", "select all that can be deleted; none, where all are selected"),
        Binding("r", "rename", "give the branch another name"),
        Binding("d,delete", "delete", "delete the selected branches, or the one under the cursor"),
        Binding("c,D", "diff", "compare it with the branch that is open"),
        Binding(
            "s", "whole", "show those that are left out too, deleted ones among them, or no longer"
        ),
    ]

    busy = False
    """While something is being changed no key counts: it might be meant for the next list."""

    def __init__(self, lines: Lines, change: Change) -> None:
        super().__init__("Branches")
        self._lines, self._change, self._whole = lines, change, False
        self._selected: set[str] = set()
        self._shown = lines(False, ())

    def body(self) -> ComposeResult:
        yield LineList(*(Option(of.text) for of in self._shown), compact=True)

    def on_mount(self) -> None:
        super().on_mount()
        self._say_counts()
        here = (at for at, of in enumerate(self._shown) if of.state == "present")
        self.query_one(OptionList).highlighted = next(here, 0)

    def help_key(self) -> str:
        """There is no room for a button more."""
        return f"space selects  {super().help_key()}"

    def _say_counts(self) -> None:
        """In the title, which is always in sight, and at the button that shows what is hidden."""
        hidden, selected = sum(of.hidden for of in self._shown), len(self._selected)
        title = f"Branches, {hidden} of them not shown" if hidden else "Branches"
        title += f", {selected} selected" if selected else ""
        self.query_one("#dialog").border_title = title
        button = self.query_one("#key-whole", Button)
        button.label = button_text("s", "All" if hidden else "Fewer")
        button.set_class(hidden == 0 and not self._whole, "-idle")
        button.refresh(layout=True)

    @on(OptionList.OptionHighlighted)
    def _say_enter(self) -> None:
        here = self._here
        if here is not None:
            does = _ENTER.get(here.state, "open") if here.name else "show"
            self.query_one("#more", Label).update(f"enter {does}")

    def show(self, lines: Lines, at: str | None) -> None:
        """Show other lines, and go to branch ``at``; None: stay at the branch where one is, or at
        its line where it is gone."""
        self._lines = lines
        if self.is_running:
            self._fill(at)

    def _fill(self, at: str | None) -> None:
        here, found = self._here, self.query_one(OptionList)
        row = found.highlighted or 0
        self._look_again()
        found.clear_options()
        found.add_options(Option(of.text) for of in self._shown)
        rows = {(of.name, of.state == "removed"): row for row, of in enumerate(self._shown)}
        stays = min(row, len(self._shown) - 1)
        if here is not None:
            stays = rows.get((here.name, here.state == "removed"), stays)
        found.highlighted = rows.get((at or "", False), stays)

    def _look_again(self) -> None:
        """Make the lines anew; a branch that is gone is selected no longer."""
        self._shown = self._lines(self._whole, self._selected)
        if gone := self._selected - {of.name for of in self._shown if of.deletable}:
            self._selected -= gone
            self._shown = self._lines(self._whole, self._selected)
        self._say_counts()

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
                self.action_whole()
            case BranchOption(state="present"):
                self.dismiss(None)
            case BranchOption(name=name, state="removed"):
                self._change(self, "restore", [name])
            case BranchOption(name=name):
                self.dismiss(("open", name))

    def action_whole(self) -> None:
        """Show all branches, or the likely ones again."""
        if self._whole or any(of.hidden for of in self._shown):
            self._whole = not self._whole
            self._fill(None)
        else:
            self.notify("all branches are shown already: none is left out or deleted")

    def action_select(self) -> None:
        """Select the branch under the cursor, or no longer."""
        here = self._changeable
        if here is None:
            return
        if here.deletable:
            self._select(self._selected ^ {here.name})
        elif here.state == "unreadable":
            self.notify("it cannot be read, and is not deleted here")
        elif here.state == "present":
            self._say_present()
        else:
            self.notify("the branch that is open goes on from it: it cannot be deleted")

    def action_select_all(self) -> None:
        """Select all that are shown and can be deleted; none, where all are."""
        every = {of.name for of in self._shown if of.deletable}
        if not every:
            self.notify("none of these branches can be deleted")
        self._select(every if self._selected != every else set())

    def _select(self, names: set[str]) -> None:
        self._selected = names
        self._look_again()
        found = self.query_one(OptionList)
        for row, of in enumerate(self._shown):
            found.replace_option_prompt_at_index(row, of.text)

    def action_rename(self) -> None:
        """Rename the branch under the cursor, be it the one that is open."""
        here = self._changeable
        if here is not None:
            self._change(self, "rename", [here.name])

    def action_delete(self) -> None:
        """Delete the selected branches, or the one under the cursor."""
        if self._selected:
            names = [of.name for of in self._shown if of.name in self._selected and of.deletable]
            self._change(self, "delete", names)
            return
        here = self._changeable
        if here is not None and here.state == "present":
            self._say_present()
        elif here is not None:
            self._change(self, "delete", [here.name])

    def _say_present(self) -> None:
        self.notify("this branch is open and cannot be deleted: go on with another one first")

    def action_diff(self) -> None:
        """Dismiss with the branch under the cursor, to be compared with the one that is open."""
        here = self._changeable
        if here is not None and here.state == "present":
            self.notify("this branch is open: choose another one to compare it with")
        elif here is not None:
            self.dismiss(("diff", here.name))

    @property
    def _changeable(self) -> BranchOption | None:
        """The branch under the cursor, unless it is deleted, which is said."""
        here = self._here
        if here is None or not here.name:
            return None
        if here.state == "removed":
            self.notify("it is deleted: enter brings it back")
            return None
        return here
