"""Make a world: its name, the folder it stands in, and what it is like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from aos_tui.dialogs.base import Form, LineList, Wrong

FIELDS = ("name", "folder")


class NewDialog(Form[tuple[str, str, str]]):
    """Dismisses with (name, folder, model), or None. ``given``: the same, to begin with;
    ``models``: (name, title, model) of each world it can be like, beside the small one, whose model
    is empty; ``problem`` takes folder and name and says (field, what is wrong with it)."""

    SAYS = (
        "Makes a folder with definitions, a reducer in Rust, a scenario and a test: what `aos new` "
        "makes. Then it is opened; b builds its reducer."
    )
    KEYS = (("enter", "submit", "Make"),)
    MORE = "tab  next field   up, down  like which"
    REFUSED = "not made"
    AUTO_FOCUS = "#name"
    BINDINGS: ClassVar[list[BindingType]] = [  # for the fields; the list has them itself
        Binding("up", "move('up')", "like the world before in the list"),
        Binding("down", "move('down')", "like the next one in the list"),
    ]

    def __init__(
        self,
        given: tuple[str, str, str],
        models: Sequence[tuple[str, str, str]],
        problem: Callable[[str, str], tuple[str, str] | None],
    ) -> None:
        super().__init__("New world")
        self._given, self._problem = given, problem
        self._models = [("a small counter", "", ""), *models]
        self._field = ""

    def body(self) -> ComposeResult:
        name, folder, model = self._given
        with Horizontal(classes="field"):
            yield Label("name")
            yield Input(name, placeholder="my-world", id="name", compact=True)
        yield Static(id="wrong-name", classes="wrong", markup=False)
        with Horizontal(classes="field"):
            yield Label("in folder")
            yield Input(folder, id="folder", compact=True)
        yield Static(id="wrong-folder", classes="wrong", markup=False)
        with Horizontal(id="models"):
            yield Label("like")
            yield LineList(*map(self._line, self._models), compact=True)
        self._first = next(at for at, of in enumerate(self._models) if of[2] == model)

    def _line(self, of: tuple[str, str, str]) -> Option:
        name, title, _ = of
        width = max(len(name) for name, _, _ in self._models)
        return Option(Text.assemble(f"{name:<{width}}", (f"  {title}", "dim")))

    def on_mount(self) -> None:
        self.query_one(OptionList).highlighted = self._first
        super().on_mount()

    @property
    def _model(self) -> tuple[str, str, str]:
        return self._models[self.query_one(OptionList).highlighted or 0]

    def read(self) -> tuple[str, str, str]:
        name, folder = (self.query_one(f"#{of}", Input).value.strip() for of in FIELDS)
        found = self._problem(folder, name)
        if found is not None:
            self._field = found[0]
            raise Wrong(found[1])
        return name, folder, self._model[2]

    def fine(self, result: tuple[str, str, str]) -> str:
        return f"makes {result[1].rstrip('/')}/{result[0]}, like {self._model[0]}"

    def say(self, what: Wrong | str, refused: str = "") -> None:
        """What is wrong stands below its field; a name that nobody has typed yet is not wrong."""
        wrong = what if isinstance(what, Wrong) else None
        untouched = (
            not refused and self._field == "name" and not self.query_one("#name", Input).value
        )
        for field in FIELDS:
            here = wrong is not None and self._field == field and not untouched
            line = self.query_one(f"#wrong-{field}", Static)
            line.display = here
            line.update(wrong.text if here and wrong is not None else "")
        super().say(what if wrong is None else "", "")
        if wrong is not None and refused:
            self.notify(f"{refused}: {wrong.text}", severity="error")
            self.query_one(f"#{self._field}").focus()

    def action_move(self, where: str) -> None:
        """Choose what it is like, from a field."""
        getattr(self.query_one(OptionList), f"action_cursor_{where}")()

    @on(OptionList.OptionHighlighted)
    def _say_which(self) -> None:
        self.check()

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def _make(self) -> None:
        self.action_submit()
