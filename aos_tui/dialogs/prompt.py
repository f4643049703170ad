"""Ask for one line of text."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.widgets import Input, Label

from aos_tui.dialogs.base import Form, Wrong


class PromptDialog(Form[str]):
    """Dismisses with the text, or None. ``validate`` takes the text and says what is wrong."""

    KEYS = (("enter", "submit", "OK"),)
    AUTO_FOCUS = "Input"

    def __init__(
        self,
        title: str,
        label: str,
        initial: str = "",
        validate: Callable[[str], str | None] | None = None,
    ) -> None:
        super().__init__(title)
        self._label = label
        self._initial = initial
        self._validate = validate

    def body(self) -> ComposeResult:
        yield Label(self._label, markup=False)
        yield Input(self._initial, compact=True)

    def check(self) -> None:
        """As every form, but an empty field that nobody has touched is not yet wrong."""
        if self.query_one(Input).value or self._initial:
            super().check()
        else:
            self.say("")

    def read(self) -> str:
        text = self.query_one(Input).value
        problem = self._validate(text) if self._validate else None
        if problem is not None:
            raise Wrong(problem)
        return text

    def on_input_submitted(self) -> None:
        self.action_submit()
