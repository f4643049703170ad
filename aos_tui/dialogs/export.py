"""Write the session as a file: as what, and where; and then, where it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, Label, RadioSet, Static

from aos_tui.dialogs.base import Dialog, Form, Reader, Result, Wrong
from aos_tui.dialogs.confirm import ConfirmDialog
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

FIELDS = ("folder", "name")
_LABELS = {"folder": "folder", "name": "file"}
HERE = "."

Question = tuple[str, str, str]
"""(title, text, yes)"""


def _folder_and_name(file: str) -> tuple[str, str]:
    path = Path(file)
    return str(path.parent), path.name


Chosen = tuple[str, str, bool]
"""(form, file, whether it may be overwritten)"""


class ExportDialog(Form[Chosen]):
    """Dismisses with what was chosen, or None; what would be made or overwritten was asked about.
    ``what``: what is exported, as "branch main up to height 7"; ``files``: the file to propose by
    form; ``problem``: what is wrong with (folder, name); ``question``: what is to be asked before
    that is written, as (title, text, yes)."""

    KEYS = (("enter", "submit", "Export"),)
    MORE = "up down  as what   tab  folder, file"
    REFUSED = "not exported"
    AUTO_FOCUS = "#name"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "form(-1)", "as what is before in the list"),
        Binding("down", "form(1)", "as what is next in the list"),
    ]

    def __init__(
        self,
        what: str,
        files: Mapping[str, str],
        problem: Callable[[str, str], str | None],
        question: Callable[[str, str], Question | None],
    ) -> None:
        super().__init__("Export")
        self._what, self._problem, self._question = what, problem, question
        self._files = {form: _folder_and_name(file) for form, file in files.items()}
        self._form = next(iter(files))

    def says(self) -> str:
        return f"Writes {self._what} as a file; asks before it overwrites."

    def body(self) -> ComposeResult:
        with RadioSet(id="forms", compact=True) as forms:
            forms.can_focus = False  # the arrows choose, wherever one types
            for form in self._files:
                yield Status(FORMS[form][0], value=form == self._form)
        for field, text in zip(FIELDS, self._files[self._form], strict=True):
            with Horizontal(classes="field"):
                yield Label(_LABELS[field])
                yield Input(text, compact=True, id=field, select_on_focus=False)

    def on_mount(self) -> None:
        super().on_mount()
        for button in self.query(Button):
            button.can_focus = False  # tab goes from field to field; each button has its key

    def action_form(self, step: int) -> None:
        """Another form, and the file that goes with it."""
        forms = list(self._files)
        at = (forms.index(self._form) + step) % len(forms)
        self.query(Status)[at].value = True

    def on_radio_set_changed(self, event: RadioSet.Changed) -> None:
        """A folder and a name that nobody has changed go with the form."""
        before = self._files[self._form]
        self._form = list(self._files)[event.index]
        for field, was, text in zip(FIELDS, before, self._files[self._form], strict=True):
            written = self.query_one(f"#{field}", Input)
            if written.value == was:
                written.value = text
                written.cursor_position = len(text)

    def _place(self) -> tuple[str, str]:
        folder, name = (self.query_one(f"#{field}", Input).value.strip() for field in FIELDS)
        return folder or HERE, name

    def read(self) -> Chosen:
        folder, name = self._place()
        if (problem := self._problem(folder, name)) is not None:
            raise Wrong(problem)
        return self._form, str(Path(folder) / name), False

    def fine(self, result: Chosen) -> str:
        question = self._question(*self._place())
        first = "" if question is None else f"{question[1]} Enter asks first. "
        return first + FORMS[result[0]][1]

    def done(self, result: Chosen) -> None:
        """Ask before something is made or overwritten that one may not have meant."""
        question = self._question(*self._place())
        if question is None:
            self.dismiss(result)
            return
        form, file, _ = result
        title, text, yes = question

        def answer(said: bool | None) -> None:
            if said:
                self.dismiss((form, file, True))

        self.app.push_screen(ConfirmDialog(title, text, yes, "Back"), answer)

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
