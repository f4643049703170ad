"""The footer: the keys of the focused pane that one needs first, then those of the screen, as far
as there is room.

One line of text, not Textual's footer of a widget a key, whose styles are worked out anew whenever
the focus moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import ActiveBinding
from textual.color import Color
from textual.screen import Screen
from textual.widgets import Static

from aos_tui.actions import Shown, footer_of

Part = tuple[Sequence[tuple[str, ActiveBinding | None]], str]
"""([(key, what a click on it does)], label)"""


class KeysFooter(Static):
    """``where`` says which keys are shown, as ``Action.where``; nothing: those that a field binds,
    in which one types."""

    def __init__(self, where: Callable[[], str]) -> None:
        super().__init__(id="footer", markup=False)
        self._where = where
        self._ends: list[tuple[int, ActiveBinding | None]] = []  # (the cell after it, its click)

    def on_mount(self) -> None:
        """Show other keys where others are bound."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _: Screen[object]) -> None:
        self.refresh()

    def render(self) -> Text:
        """The line."""
        colour = Color.parse(self.app.theme_variables["footer-key-foreground"]).rich_color
        self._ends.clear()
        text = Text(no_wrap=True, end="")
        for keys, label in self._parts():
            for key, click in keys:
                text.append(key, Style(color=colour, bold=True))
                self._ends.append((text.cell_len, click))
            text.append(f" {label} ")
            self._ends.append((text.cell_len, keys[0][1]))
        text.rstrip()
        return text

    async def on_click(self, event: events.Click) -> None:
        """Do what the key under the pointer does."""
        for end, click in self._ends:
            if event.x < end:
                if click is not None and click.enabled:
                    await self.app.run_action(click.binding.action, click.node)
                return

    def _parts(self) -> list[Part]:
        active = self.screen.active_bindings.values()
        if not (where := self._where()):
            own = [of for of in active if of.binding.show and not of.binding.id]
            return [([(self.app.get_key_display(of.binding), of)], of.binding.description)
                    for of in own]  # fmt: skip
        clicks = {of.binding.id: of for of in active if of.binding.id}

        def part(of: Shown) -> Part:
            label, actions = of
            return [(action.key_text, clicks.get(action.id)) for action in actions], label

        first, last = (list(map(part, of)) for of in footer_of(where))
        room = self.size.width + 1 - sum(map(_width, last))  # the line's end needs no gap
        fits: list[Part] = []
        for each in first:
            if (width := _width(each)) <= room:
                fits.append(each)
                room -= width
        return [*fits, *last]


def _width(part: Part) -> int:
    keys, label = part
    return sum(len(key) for key, _ in keys) + len(label) + 2
