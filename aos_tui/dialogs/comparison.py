"""What differs between two ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from aos_tui.dialogs.base import Dialog, Reader
from aos_tui.formatting import Piece, plain, to_text
from aos_tui.hanging import Hanging, HangingLines
from aos_tui.panes.base import palette_of

Change = tuple[str, str | None, str | None]
"""(path, before, after); None where there is nothing"""


class ComparisonDialog(Dialog[None]):
    """Dismisses with None. ``names``: of the end before and the one after; ``verdict``: that their
    roots are the same, or that they are not; ``more``: what is to be said of what is left out."""

    KEYS = (("y", "copy_all", "Copy"),)
    AUTO_FOCUS = "Reader"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "copy_all", "copy all that differs")]

    def __init__(
        self, names: tuple[str, str], verdict: Sequence[Piece], changes: Sequence[Change], more: str
    ) -> None:
        super().__init__(f"{names[0]} compared with {names[1]}")
        self._names = names
        self._verdict, self._changes, self._more = verdict, changes, more

    def body(self) -> ComposeResult:
        verdict = to_text(self._verdict, palette_of(self.app))
        yield Static(verdict, id="verdict", classes="" if self._changes else "-same")
        if self._changes:
            yield Static(self._sides(), id="sides")
        with Reader():
            yield HangingLines([*self._lines()])

    def _sides(self) -> Text:
        """Which sign stands for which end."""
        palette = palette_of(self.app)
        mine, theirs = (name.replace("@", " at height ") for name in self._names)
        return Text.assemble((f"- {mine}", palette["bad"]), "   ", (f"+ {theirs}", palette["good"]))

    def _lines(self) -> Iterator[Hanging]:
        palette = palette_of(self.app)
        for path, before, after in self._changes:
            yield Hanging(Text(path, "bold"), 0)
            for sign, value, role in (("  - ", before, "bad"), ("  + ", after, "good")):
                if value is not None:
                    yield Hanging(Text(f"{sign}{value}", palette[role]), len(sign))
        if self._more:
            yield Hanging(Text(self._more, "dim"), 0)

    def action_copy_all(self) -> None:
        """Copy all of it."""
        sides = f"{self._sides()}\n" if self._changes else ""
        differs = "\n".join(map(str, self._lines()))
        self.copy(f"{plain(self._verdict)}\n{sides}{differs}")
