"""What the dialogs share in which one writes a value: its two displays, the editor, the bytes."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Label

from aos_tui.dialogs.base import Form, Result, Wrong
from aos_tui.dialogs.value import ValueDialog
from aos_tui.dialogs.value_editor import ValueEditor

SELECT_ALL = "  f7 all"


class ValueForm(Form[Result]):
    """A form with a :class:`ValueEditor`."""

    AUTO_FOCUS = "ValueEditor *, #key-back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", "take it as it is written here"),
        Binding("f2,ctrl+t", "display", "as a form, or as JSON", priority=True),
        # before the field that has the cursor, where it would go to the end of the line
        Binding("ctrl+e", "editor", "edit it in your own editor", priority=True),
        # tmux keeps ctrl+b until it is pressed twice
        Binding("f3,ctrl+b", "bytes", "show its canonical bytes", priority=True),
    ]

    def bytes_of(self, result: Result) -> tuple[str, str] | None:
        """(title, text) that shows the canonical bytes of a result."""
        raise NotImplementedError

    @property
    def editor(self) -> ValueEditor | None:
        """Where the value is; None where there is none to write."""
        return next(iter(self.query(ValueEditor)), None)

    def on_mount(self) -> None:
        super().on_mount()
        self._say_keys()

    def on_resize(self) -> None:
        """There may be room for more keys, or for fewer."""
        self.call_after_refresh(self._say_keys)

    def _say_keys(self) -> None:
        """The keys that go with what is shown; that of the text field, where there is room."""
        if (editor := self.editor) is not None:
            label = self.query_one("#more", Label)
            more = f"f2 {'JSON' if editor.is_form else 'form'}  f3 CBOR  ctrl+e edit"
            has_room = label.size.width >= len(more + SELECT_ALL)
            label.update(more if editor.is_form or not has_room else more + SELECT_ALL)

    @on(ValueEditor.Changed)
    def _changed(self) -> None:
        self.check()

    def refused(self, wrong: Wrong, what: str) -> None:
        super().refused(wrong, what)
        if (editor := self.editor) is not None:
            editor.point(wrong.place)

    async def action_display(self) -> None:
        """The other display of the value."""
        if (editor := self.editor) is None:
            return
        try:
            await editor.toggle()
        except Wrong as wrong:
            self.refused(wrong, "this JSON fits no form")
        self._say_keys()

    async def action_editor(self) -> None:
        """Edit the value in the user's editor."""
        from aos_tui.external import NotEdited, edited

        if (editor := self.editor) is None:
            return
        was = editor.text
        try:
            text = edited(self.app, was)
        except NotEdited as failed:
            self.refused(Wrong(str(failed)), "not edited")
            return
        if text != was:
            await editor.take(text, as_json=not editor.is_form)
            self._say_keys()
        try:
            self.say(self.fine(self.read()))
        except Wrong as wrong:
            self.refused(wrong, "edited, but")

    def action_bytes(self) -> None:
        """Show the canonical bytes of the value."""
        try:
            shown = self.bytes_of(self.read())
        except Wrong as wrong:
            self.refused(wrong, "no bytes yet")
            return
        if shown is not None:
            self.app.push_screen(ValueDialog[Any](*shown))
