"""The footer: the keys of the screen, and where there is room those of the focused pane.

One line of text, not Textual's footer of a widget a key, whose styles are worked out anew whenever
the focus moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.color import Color
from textual.screen import Screen
from textual.widgets import Static

from aos_tui.actions import ACTIONS


class KeysFooter(Static):
    """``focused`` says which pane's keys come after those of the screen."""

    def __init__(self, focused: Callable[[], str]) -> None:
        super().__init__(id="footer", markup=False)
        self._focused = focused
        self._ends: list[tuple[int, str]] = []  # (the cell after it, what a click on it does)

    def on_mount(self) -> None:
        """Show other keys where others are bound."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _: Screen[object]) -> None:
        self.refresh()

    def render(self) -> Text:
        """The line."""
        colour = Color.parse(self.app.theme_variables["footer-key-foreground"]).rich_color
        self._ends.clear()
        text, room = Text(no_wrap=True, end=""), self.size.width
        for keys, label in self._bound():
            for key, click in keys:
                text.append(key, Style(color=colour, bold=True))
                self._ends.append((text.cell_len, click))
            text.append(f" {label} ")
            self._ends.append((text.cell_len, keys[0][1]))
        for action in (of for of in ACTIONS if of.where == self._focused()):
            if text.cell_len + len(action.key_text) + len(action.label) + 1 > room:
                break
            text.append(action.key_text, Style(color=colour, bold=True))
            text.append(f" {action.label} ")
        text.rstrip()
        return text

    async def on_click(self, event: events.Click) -> None:
        """Do what the key under the pointer does."""
        for end, action in self._ends:
            if event.x < end:
                await self.run_action(action)
                return

    def _bound(self) -> Iterator[tuple[list[tuple[str, str]], str]]:
        """([(key, action)], label) of what the screen and the focused widget bind; those of one
        group stand together."""
        shown = {
            of.binding.action: of.binding
            for of in reversed(self.screen.active_bindings.values())
            if of.binding.show
        }
        bindings = [*shown.values()][::-1]
        bindings.sort(key=lambda of: _ORDER.get(of.id or "", -1))  # the user's own keys leave it
        for label, found in groupby(bindings, lambda of: _LABELS.get(of.id or "", of.description)):
            yield [(self._display(of), _action(of)) for of in found], label

    def _display(self, binding: Binding) -> str:
        return self.app.get_key_display(binding)


_ORDER = {action.id: at for at, action in enumerate(ACTIONS)}
_LABELS = {action.id: action.group or action.label for action in ACTIONS}


def _action(binding: Binding) -> str:
    return binding.action if "." in binding.action else f"screen.{binding.action}"
