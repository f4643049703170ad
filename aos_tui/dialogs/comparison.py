"""What differs between two ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from aos_tui.dialogs.base import Dialog, Reader
from aos_tui.formatting import Piece, plain, to_text
from aos_tui.panes.base import palette_of

Change = tuple[str, str | None, str | None]
"""(path, before, after); None where there is nothing"""


class ComparisonDialog(Dialog[None]):
    """Dismisses with None. ``verdict``: that the roots are the same, or that they are not;
    ``more``: what is to be said of what is left out."""

    KEYS = (("y", "copy_all", "Copy"),)
    AUTO_FOCUS = "Reader"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "copy_all", "Copy")]

    def __init__(
        self, names: tuple[str, str], verdict: Sequence[Piece], changes: Sequence[Change], more: str
    ) -> None:
        super().__init__(f"{names[0]} and {names[1]}")
        self._verdict, self._changes, self._more = verdict, changes, more

    def body(self) -> ComposeResult:
        verdict = to_text(self._verdict, palette_of(self.app))
        yield Static(verdict, id="verdict", classes="" if self._changes else "-same")
        with Reader():
            yield Static(Group(*map(_hanging, self._lines())))

    def _lines(self) -> Iterator[Text]:
        palette = palette_of(self.app)
        for path, before, after in self._changes:
            yield Text(path, "bold")
            if before is not None:
                yield Text(f"  - {before}", palette["bad"])
            if after is not None:
                yield Text(f"  + {after}", palette["good"])
        if self._more:
            yield Text(self._more, "dim")

    def action_copy_all(self) -> None:
        """Copy all of it."""
        self.copy("\n".join([plain(self._verdict), *map(str, self._lines())]))


def _hanging(line: Text) -> RenderableType:
    """A value whose rest, where it is broken, stands below its beginning."""
    if not line.plain.startswith("  "):
        return line
    table = Table.grid()
    table.add_column(width=len("  - "))
    table.add_column(overflow="fold")
    table.add_row(line[:4], line[4:])
    return table
