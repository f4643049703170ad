"""A value in two displays: a form by its type, and JSON with the type beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static, TextArea

from aos_core.air.misfit import Misfit
from aos_tui.dialogs.base import Wrong
from aos_tui.dialogs.json_text import json_text, parse_json
from aos_tui.dialogs.types import type_text
from aos_tui.form.nodes import Node, size
from aos_tui.form.shape import Shape, kind_of
from aos_tui.form.view import FormView

MOST_FIELDS = 400
"""A value of more parts is shown as JSON only: a form of them would take seconds to draw."""


class ValueEditor(Vertical):
    """Begins as a form where the text fits one, else as JSON."""

    class Changed(Message):
        """The value, or the text of it, is another."""

    def __init__(self, title: str, type_json: Any, text: str, shape: Shape) -> None:
        super().__init__()
        self._title, self._type, self._shape = title, type_json, shape
        self._text, self._root = text, self._fields(text)

    def _fields(self, text: str) -> Node | None:
        try:
            return self._load(text)
        except Wrong:
            return None

    def _load(self, text: str) -> Node:
        """The fields of a JSON text. Raises :class:`Wrong` where it has none."""
        value = parse_json(text)
        try:
            node = self._shape.load(self._type, value)
        except Misfit as misfit:
            path = ".".join(["$", *misfit.path])
            raise Wrong(f"{misfit.message} at {path}") from None
        if size(node) > MOST_FIELDS:
            raise Wrong(f"it has {size(node)} parts, and a form has {MOST_FIELDS} at most")
        return node

    def compose(self) -> ComposeResult:
        if self._root is not None:
            yield FormView(self._root, self._title)
            return
        with Horizontal(id="fields"):
            area = TextArea(self._text, show_line_numbers=True, compact=True)
            area.cursor_blink = self.app.animation_level != "none"
            yield area
            yield TypeView(self._type, self._extra())

    def _extra(self) -> list[str]:
        """What a record has beside the fields that its type names."""
        try:
            value = parse_json(self._text)
        except Wrong:
            return []
        kind, fields = kind_of(self._type)
        if kind != "record" or not isinstance(value, dict):
            return []
        return [name for name in value if name not in fields]

    @property
    def is_form(self) -> bool:
        """Whether the form is shown."""
        return self._root is not None

    @property
    def text(self) -> str:
        """The value as JSON text, as it stands."""
        return self._text if self._root is None else json_text(self._root.draft())

    def read(self) -> Any:
        """The value, as host JSON. Raises :class:`Wrong`."""
        if self._root is None:
            return parse_json(self._text)
        wrongs = list(self._root.wrongs())
        if wrongs:
            _, path, wrong = wrongs[0]
            more = f"; {len(wrongs) - 1} more below" if len(wrongs) > 1 else ""
            raise Wrong(f"{path}: {wrong}{more}")
        return self._root.draft()

    async def toggle(self) -> None:
        """The other display. Raises :class:`Wrong` for JSON that no form can show."""
        if self._root is None:
            self._root = self._load(self._text)
        else:
            self._text, self._root = self.text, None
        await self._anew()

    async def show(self, title: str, type_json: Any, text: str, *, as_json: bool) -> None:
        """Another value, of another type."""
        self._title, self._type = title, type_json
        await self.take(text, as_json=as_json)

    async def take(self, text: str, *, as_json: bool = False) -> None:
        """The value that a text is, in the form if that shows it and ``as_json`` is not asked."""
        self._text, self._root = text, None if as_json else self._fields(text)
        await self._anew()

    async def _anew(self) -> None:
        await self.recompose()
        self.focus_first()
        self.post_message(self.Changed())

    def focus_first(self) -> None:
        """Go to what one edits first."""
        for widget in self.query("*"):
            if widget.focusable:
                widget.focus()
                return

    def point(self, place: tuple[int, int] | None) -> None:
        """Go to what is wrong: a place in the text, or the first such field."""
        if self._root is not None:
            self.query_one(FormView).focus_wrong()
        elif place is not None:
            area = self.query_one(TextArea)
            area.move_cursor(place)
            area.focus()

    @on(TextArea.Changed)
    def _type_json(self, event: TextArea.Changed) -> None:
        event.stop()
        if self._root is None and event.text_area.text != self._text:
            self._text = event.text_area.text
            self.post_message(self.Changed())

    @on(FormView.Edited)
    def _edit(self, event: FormView.Edited) -> None:
        event.stop()
        self.post_message(self.Changed())


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
        width = self.scrollable_content_region.width
        self.query_one(Static).update(type_text(self._type, width) + self._extra)
