"""Fire an event: its schema, its value as JSON, and the type beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Label, Select, Static, TextArea

from aos_tui.dialogs.base import Form, Wrong
from aos_tui.dialogs.json_text import json_text, parse_json
from aos_tui.dialogs.types import type_text


class EventDialog(Form[tuple[str, Any]]):
    """Dismisses with (schema, value), or None.

    ``schemas``: (name, type as AIR JSON, an example value), ``initial``: the name to start with.
    ``validate`` takes (schema, value) and says what is wrong. ``texts`` holds the last JSON text of
    each schema; the dialog writes to it, so that the caller may show it again next time.
    """

    SAYS = "Fires one event; the world reacts to it in one turn."
    KEYS = (("ctrl+s", "submit", "Fire"),)
    MORE = "ctrl+r example   f7 select all   shift+tab schema   tab type"
    REFUSED = "not fired"
    AUTO_FOCUS = "TextArea, #key-back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", "Fire"),
        Binding("ctrl+r", "example", "Example"),
    ]

    def __init__(
        self,
        schemas: Sequence[tuple[str, Any, Any]],
        initial: str | None = None,
        *,
        validate: Callable[[str, Any], str | None] | None = None,
        texts: dict[str, str] | None = None,
    ) -> None:
        super().__init__("Fire an event")
        self._types = {name: of for name, of, _ in schemas}
        self._examples = {name: json_text(example) for name, _, example in schemas}
        self._texts = {} if texts is None else texts
        for name, text in self._examples.items():
            self._texts.setdefault(name, text)
        self._schema = initial if initial in self._types else next(iter(self._types), None)
        self._validate = validate

    def body(self) -> ComposeResult:
        if self._schema is None:
            yield Label("This world routes no event: its manifest has no routing for one.")
            return
        with Horizontal(id="choice"):
            yield Label("schema")
            yield Select(
                [(name, name) for name in self._types],
                value=self._schema,
                allow_blank=False,
                compact=True,
            )
        with Horizontal(id="fields"):
            yield TextArea(self._texts[self._schema], show_line_numbers=True, compact=True)
            yield TypeView(self._types[self._schema])

    def read(self) -> tuple[str, Any]:
        if self._schema is None:
            raise Wrong("there is no event to fire")
        value = parse_json(self.query_one(TextArea).text)
        problem = self._validate(self._schema, value) if self._validate else None
        if problem is not None:
            raise Wrong(problem)
        return self._schema, value

    def fine(self, result: tuple[str, Any]) -> str:
        return f"ok: a {result[0]}" if self._validate else "ok: well-formed JSON"

    def action_example(self) -> None:
        """Back to the example value."""
        if self._schema is not None:
            self.query_one(TextArea).text = self._examples[self._schema]

    @on(TextArea.Changed)
    def _remember(self, event: TextArea.Changed) -> None:
        if self._schema is not None:
            self._texts[self._schema] = event.text_area.text

    @on(Select.Changed)
    def _choose(self, event: Select.Changed) -> None:
        if event.value == self._schema or not isinstance(event.value, str):
            return
        self._schema = event.value
        self.query_one(TypeView).show(self._types[self._schema])
        area = self.query_one(TextArea)
        area.text = self._texts[self._schema]
        area.focus()


class TypeView(VerticalScroll):
    """A type, broken over lines to fit its width; ``extra``: fields that a value beside it has
    and the type does not name."""

    def __init__(self, type_json: Any, extra: Sequence[str] = ()) -> None:
        super().__init__()
        self._type = type_json
        self._extra = f"\n\nextra, not of the type:\n  {', '.join(extra)}" if extra else ""
        self.border_title = "type"

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def on_resize(self, event: events.Resize) -> None:
        self.show(self._type)

    def show(self, type_json: Any) -> None:
        """Show ``type_json`` (AIR JSON)."""
        self._type = type_json
        width = self.scrollable_content_region.width
        self.query_one(Static).update(type_text(type_json, width) + self._extra)
