"""Fire an event: its schema, and its value, in a form or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Label, Select

from aos_core.plain import clean
from aos_tui.dialogs.base import Wrong
from aos_tui.dialogs.json_text import json_text, parse_json
from aos_tui.dialogs.value_editor import ValueEditor
from aos_tui.dialogs.value_form import ValueForm
from aos_tui.form.shape import Shape


class EventDialog(ValueForm[tuple[str, Any]]):
    """Dismisses with (schema, value), or None.

    ``schemas``: (name, type as AIR JSON without references, an example value), ``initial``: the
    name to start with. ``validate`` takes (schema, value) and says what is wrong; ``preview`` shows
    the canonical bytes. ``texts`` holds the last JSON text of each schema; the dialog writes to it,
    so that the caller may show it again next time, and then it says so. ``refused``: by schema why
    the event that was last tried was not taken.
    """

    SAYS = "Fires one event; the world reacts to it in one turn."
    KEYS = (("ctrl+s", "submit", "Fire"), ("ctrl+r", "example", "Reset"))
    REFUSED = "not fired"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", "fire the event"),
        Binding("ctrl+r", "example", "put the example back"),
    ]

    def __init__(
        self,
        schemas: Sequence[tuple[str, Any, Any]],
        initial: str | None = None,
        *,
        validate: Callable[[str, Any], str | None] | None = None,
        preview: Callable[[str, Any], str] | None = None,
        texts: dict[str, str] | None = None,
        refused: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__("Fire an event")
        self._refused = refused or {}
        self._types = {name: of for name, of, _ in schemas}
        self._examples = {name: json_text(example) for name, _, example in schemas}
        self._texts = {} if texts is None else texts
        for name, text in self._examples.items():
            self._texts.setdefault(name, text)
        self._schema = initial if initial in self._types else next(iter(self._types), None)
        self._validate, self._preview = validate, preview

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
        yield Label("", id="draft", markup=False)
        yield ValueEditor(*self._shown(self._schema), Shape())

    def on_mount(self) -> None:
        super().on_mount()
        self._say_draft()

    def _say_draft(self) -> None:
        """Say that what is shown is no example, and how to have that back."""
        if (schema := self._schema) is None:
            return
        drafted = not _same(self._texts[schema], self._examples[schema])
        why = f", and refused: {self._refused[schema]}" if schema in self._refused else ""
        said = self.query_one("#draft", Label)
        said.update(
            clean(f"These are the values given last time{why}. ctrl+r puts the example back")
        )
        said.display = drafted

    def _shown(self, schema: str) -> tuple[str, Any, str]:
        """(title, type, text) of a schema's value."""
        return _short(schema), self._types[schema], self._texts[schema]

    def read(self) -> tuple[str, Any]:
        if self._schema is None or self.editor is None:
            raise Wrong("there is no event to fire")
        value = self.editor.read()
        problem = self._validate(self._schema, value) if self._validate else None
        if problem is not None:
            raise Wrong(problem)
        return self._schema, value

    def fine(self, result: tuple[str, Any]) -> str:
        return f"ok: a {result[0]}" if self._validate else "ok: well-formed JSON"

    def bytes_of(self, result: tuple[str, Any]) -> tuple[str, str] | None:
        if self._preview is None:
            return None
        return f"Canonical CBOR of {result[0]}", self._preview(*result)

    async def action_example(self) -> None:
        """Back to the example value."""
        if self._schema is not None and self.editor is not None:
            as_json = not self.editor.is_form
            self._texts[self._schema] = example = self._examples[self._schema]
            await self.editor.take(example, as_json=as_json)
            self._say_draft()

    @on(ValueEditor.Changed)
    def _remember(self) -> None:
        if self._schema is not None and self.editor is not None:
            self._texts[self._schema] = self.editor.text

    @on(Select.Changed)
    async def _choose(self, event: Select.Changed) -> None:
        if event.value == self._schema or not isinstance(event.value, str) or self.editor is None:
            return
        self._schema = event.value
        as_json = not self.editor.is_form
        await self.editor.show(*self._shown(self._schema), as_json=as_json)
        self._say_draft()
        self._say_keys()


def _short(schema: str) -> str:
    """``Event`` of ``demo/Event@1``."""
    return schema.rpartition("/")[2].partition("@")[0]


def _same(text: str, other: str) -> bool:
    """Whether two texts are one JSON value, however it is laid out."""
    try:
        return bool(parse_json(text) == parse_json(other))
    except Wrong:
        return text == other
