"""The widgets in which one edits: a line of text, lines of text, a yes or no, one of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, TextArea

from aos_core.plain import clean


class LineField(Input):
    """One line; what is pasted with more of them is handed over whole, not cut."""

    class Lines(Message):
        """Several lines were pasted: the whole text with them in it."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, text: str, *, numeric: bool = False, takes_lines: bool = False) -> None:
        super().__init__(text, compact=True, select_on_focus=numeric)
        self.takes_lines = takes_lines

    def on_mount(self) -> None:
        self.cursor_blink = self.app.animation_level != "none"

    def _on_paste(self, event: events.Paste) -> None:
        if self.takes_lines and len(event.text.splitlines()) > 1:
            event.stop()
            event.prevent_default()
            start, end = sorted(self.selection)
            pasted = "\n".join(event.text.splitlines())  # terminals paste \r
            self.post_message(self.Lines(self.value[:start] + pasted + self.value[end:]))
            return
        super()._on_paste(event)


class LinesField(TextArea):
    """Several lines: as high as they are, up to what the stylesheet allows."""

    def __init__(self, text: str) -> None:
        super().__init__(text, compact=True, show_line_numbers=False)

    def on_mount(self) -> None:
        self.cursor_blink = self.app.animation_level != "none"

    def action_cursor_up(self, select: bool = False) -> None:
        """From the first line on to the field above."""
        if self.cursor_at_first_line and not select:
            self.screen.focus_previous()
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """From the last line on to the field below."""
        if self.cursor_at_last_line and not select:
            self.screen.focus_next()
        else:
            super().action_cursor_down(select)


class Picked(Widget, can_focus=True):
    """What a click or a key decides: shown on one line."""

    class Changed(Message):
        """It was decided otherwise."""

        def __init__(self, by: Picked) -> None:
            super().__init__()
            self.by = by

    def on_click(self, event: events.Click) -> None:
        """As the key would."""
        event.stop()
        self.action_press()

    def action_press(self) -> None:
        """What enter and space do."""
        raise NotImplementedError


class Tick(Picked):
    """A yes or no, shown by a sign and not by colour alone."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "press", "yes, or no")]

    def __init__(self, on: bool, words: tuple[str, str]) -> None:
        """``words``: what stands behind it when it is off, and on."""
        super().__init__()
        self.on, self._words = on, words

    def render(self) -> Content:
        word = self._words[self.on]
        return Content(f"[{'x' if self.on else ' '}]{' ' if word else ''}{word}")

    def action_press(self) -> None:
        self.on = not self.on
        self.refresh(layout=True)
        self.post_message(self.Changed(self))


class Pick(Picked):
    """One of several names: left and right take the next, a letter the next that begins with it,
    enter shows all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "press", "choose from all there are"),
        Binding("left", "turn(-1)", "the choice before"),
        Binding("right", "turn(1)", "the next choice"),
    ]

    def __init__(self, title: str, names: Sequence[str], chosen: str) -> None:
        super().__init__()
        self._title, self._names, self.chosen = title, list(names), chosen

    def render(self) -> Content:
        if len(self._names) < 2:
            return Content(clean(self.chosen))
        at = self._names.index(self.chosen) + 1
        return Content.assemble(
            "< ", (clean(self.chosen), "bold"), " >", (f"  {at} of {len(self._names)}", "dim")
        )

    def take(self, name: str) -> None:
        """Choose a name."""
        if name != self.chosen:
            self.chosen = name
            self.refresh(layout=True)
            self.post_message(self.Changed(self))

    def action_turn(self, by: int) -> None:
        """The next one, or the one before; round and round."""
        self.take(self._names[(self._names.index(self.chosen) + by) % len(self._names)])

    def action_press(self) -> None:
        """All of them, in a list."""
        from aos_tui.dialogs.choice import ChoiceDialog

        if len(self._names) < 2:
            return
        dialog = ChoiceDialog[str](
            self._title,
            [(clean(name), name) for name in self._names],
            self._names.index(self.chosen),
        )
        self.app.push_screen(dialog, lambda name: None if name is None else self.take(name))

    def on_key(self, event: events.Key) -> None:
        """A letter: the next name that begins with it."""
        if not (event.is_printable and event.character) or event.character == " ":
            return
        at = self._names.index(self.chosen) + 1
        after = [*self._names[at:], *self._names[:at]]
        letter = event.character.lower()
        found = next((name for name in after if name.lower().startswith(letter)), None)
        if found is not None:
            event.stop()
            self.take(found)


class AddButton(Button):
    """The line below the rows of a list."""

    def __init__(self) -> None:
        super().__init__("+ add [$text-muted]ctrl+n[/]", compact=True)


class Drop(Picked, can_focus=False):
    """What removes a row, for the mouse; f8 does for the keys."""

    def render(self) -> Content:
        return Content("[-]")

    def action_press(self) -> None:
        self.post_message(self.Changed(self))
