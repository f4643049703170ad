"""Say what should hold at every height: an AIR expression, with examples to begin from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label, OptionList, TextArea
from textual.widgets.option_list import Option

from aos_tui.dialogs.base import Form, Wrong
from aos_tui.dialogs.json_text import parse_json


class PropertyDialog(Form[str]):
    """Dismisses with the text of a property, empty for none any more; None for back. ``watched``:
    whether there is one now.

    ``lines``: (what an example or an earlier one says, its text). ``validate`` takes a text and
    says what is wrong, and where."""

    SAYS = (
        "What should hold at every height. It is looked for where it first fails, and watched from"
        " now on; references: @pending, @state:reducer.path, @cell:reducer[key].path"
    )
    KEYS = (("ctrl+s", "submit", "Watch"),)
    MORE = "tab examples"
    REFUSED = "not watched"
    AUTO_FOCUS = "TextArea"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", "watch it from now on"),
        Binding("ctrl+n", "nothing", "watch no property any more"),
        Binding("enter", "choose", "in the examples (tab): take the one under the cursor"),
    ]

    def __init__(
        self,
        initial: str,
        lines: Sequence[tuple[str, str]],
        validate: Callable[[str], str | None],
        watched: bool = False,
    ) -> None:
        super().__init__("Property")
        self._initial, self._lines, self._validate = initial, lines, validate
        self._watched = watched

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        nothing = (("ctrl+n", "nothing", "Watch nothing"),) if self._watched else ()
        return (*self.KEYS, *nothing, ("esc", "back", "Back"))

    def on_mount(self) -> None:
        """Whoever types begins anew."""
        super().on_mount()
        self.query_one(TextArea).select_all()

    def body(self) -> ComposeResult:
        yield TextArea(self._initial, compact=True)
        yield Label("examples from this world, and what was watched before", classes="heading")
        yield OptionList(
            *(Option(Text.assemble(what, "  ", (text, "dim"))) for what, text in self._lines),
            compact=True,
        )

    def read(self) -> str:
        text = self.query_one(TextArea).text.strip()
        if not text:
            raise Wrong("an expression such as those below: tab, then enter takes one")
        parse_json(text)
        problem = self._validate(text)
        if problem is not None:
            raise Wrong(problem)
        return text

    def fine(self, result: str) -> str:
        return "ok: a property of this world"

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        area = self.query_one(TextArea)
        area.text = self._lines[event.option_index][1]
        area.move_cursor(area.document.end)
        area.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to end where nothing is watched."""
        return action != "nothing" or self._watched

    def action_nothing(self) -> None:
        """Watch no property any more."""
        self.dismiss("")
