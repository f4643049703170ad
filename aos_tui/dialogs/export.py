"""Write the session as a file: as what, and where; and then, where it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label, RadioSet, Static

from aos_tui.dialogs.base import Dialog, Form, Reader, Result, Wrong
from aos_tui.dialogs.receipt import Status

FORMS = {
    "scenario": ("a scenario to play", "Played in memory first: it must end in the same root"),
    "pytest": (
        "a test",
        (
            "Run once first. It fails where replay diverges, the property that is watched fails "
            "or a turn faults, and passes once that is mended; else it asserts how this ended"
        ),
    ),
    "html": ("a report to mail", "The branch is verified first, and the report says how that went"),
    "screenshot": ("a screenshot", "This screen as it is, as SVG"),
}
"""(what it is, what will be done), by form."""


class ExportDialog(Form[tuple[str, str]]):
    """Dismisses with (form, file), or None. ``what``: what is exported, as "branch main up to
    height 7"; ``files``: the name to propose by form; ``problem``: what is wrong with a file."""

    KEYS = (("enter", "submit", "Export"),)
    MORE = "up down  as what"
    REFUSED = "not exported"
    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "form(-1)", "as what is before in the list"),
        Binding("down", "form(1)", "as what is next in the list"),
    ]

    def __init__(
        self, what: str, files: Mapping[str, str], problem: Callable[[str], str | None]
    ) -> None:
        super().__init__("Export")
        self._what, self._files, self._problem = what, files, problem
        self._form = next(iter(files))

    def says(self) -> str:
        return f"Writes {self._what} as a file. Nothing is overwritten."

    def body(self) -> ComposeResult:
        with RadioSet(id="forms", compact=True) as forms:
            forms.can_focus = False  # the arrows choose, wherever one types
            for form in self._files:
                yield Status(FORMS[form][0], value=form == self._form)
        with Horizontal(id="choice"):
            yield Label("file")
            yield Input(self._files[self._form], compact=True)

    def action_form(self, step: int) -> None:
        """Another form, and the file that goes with it."""
        forms = list(self._files)
        at = (forms.index(self._form) + step) % len(forms)
        self.query(Status)[at].value = True

    def on_radio_set_changed(self, event: RadioSet.Changed) -> None:
        """A name that nobody has changed goes with the form."""
        field, before = self.query_one(Input), self._files[self._form]
        self._form = list(self._files)[event.index]
        if field.value == before:
            field.value = self._files[self._form]

    def read(self) -> tuple[str, str]:
        file = self.query_one(Input).value.strip()
        if not file:
            raise Wrong("name a file")
        if (problem := self._problem(file)) is not None:
            raise Wrong(problem)
        return self._form, file

    def fine(self, result: tuple[str, str]) -> str:
        return FORMS[result[0]][1]

    def on_input_submitted(self) -> None:
        self.action_submit()


class SavedDialog(Dialog[Result]):
    """Says where a file is, ``said`` what is to be known of it; by itself it dismisses with
    None."""

    KEYS = (("y", "copy_path", "Copy the path"),)
    AUTO_FOCUS = "Reader"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy_path", "copy the path"),
    ]

    def __init__(self, path: str, said: str) -> None:
        super().__init__("Saved")
        self._path, self._said = path, said

    def body(self) -> ComposeResult:
        with Reader():
            yield Static(self._path, classes="heading", markup=False)
            yield Static(self._said, markup=False)

    def action_copy_path(self) -> None:
        """Copy the path."""
        self.app.copy_to_clipboard(self._path)
        self.notify(f"copied {self._path}")
