"""Jump mode: letters on the panes, and on the rows in them that one often goes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from aos_tui.verbs.looking import Looking

if TYPE_CHECKING:
    from textual.widget import Widget

    from aos_tui.dialogs.jump import Label

PANE_LETTERS = {"journal": "j", "state": "s", "plan": "p", "pending": "e"}
_ROW_LETTERS = "adfghklqwrtyuiozxcvbnmASDFGHJKLQWERTYUIOPZXCVBNM"


class Jumping(Looking):
    """Jump mode."""

    def action_jump(self) -> None:
        """Put a letter on all that can be reached, and go where one is pressed."""
        labels: list[Label] = []
        go: dict[str, Callable[[], object]] = {}
        for name, pane, focus in self._panes():
            letter = PANE_LETTERS[name]
            labels.append(_label(letter, name, pane))
            go[letter] = focus.focus
        free = iter(of for of in _ROW_LETTERS if of not in go)
        for x, y, name, act in self._rows():
            if (letter := next(free, "")) == "":
                break
            labels.append(_place(letter, name, x, y))
            go[letter] = act

        def jump(letter: str) -> None:
            go[letter]()

        self._ask("JumpScreen", jump, labels)

    def _panes(self) -> Iterator[tuple[str, Widget, Widget]]:
        """(name, pane, what takes its focus)"""
        for name, pane in zip(
            PANE_LETTERS, (self.journal, self.state, self.plan, self.pending), strict=True
        ):
            inner = pane if pane.can_focus else next(
                of for of in pane.query("*") if of.can_focus and of.display
            )  # fmt: skip
            yield name, pane, inner

    def _rows(self) -> Iterator[tuple[int, int, str, Callable[[], object]]]:
        """(x, y, name, what goes there) of rows: turns in the journal, the outer rows of states."""
        for pane in (self.journal, self.state):
            for widget, row, name, act in pane.jumps():
                region = widget.content_region
                y = region.y + row
                if region.width and region.y <= y < region.bottom:
                    yield max(region.x, region.right - 4), y, name, act


def _label(letter: str, name: str, pane: Widget) -> Label:
    region = pane.region
    if not region.height or not region.width:
        return _place(letter, name)
    return _place(letter, name, region.x + (0 if pane.styles.border_top[0] else 1), region.y)


def _place(letter: str, name: str, *at: int) -> Label:
    from aos_tui.dialogs.jump import Label

    return Label(letter, name, (at[0], at[1]) if at else None)
