"""The keys that work here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Label, Static

from aos_tui.dialogs.base import Dialog, Reader

Group = tuple[str, Sequence[tuple[str, str]]]


class HelpDialog(Dialog[None]):
    """Shows ``groups``: (heading, (key, what it does) ...); dismisses with None."""

    MORE = "arrows and page keys scroll"
    AUTO_FOCUS = "Reader"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,f1", "back", "back")]

    def __init__(self, groups: Sequence[Group]) -> None:
        super().__init__("Help")
        self._groups = groups

    def help_key(self) -> str:
        """It is the help itself."""
        return ""

    def body(self) -> ComposeResult:
        keys = [key for _, rows in self._groups for key, _ in rows]
        key_width = min(_KEYS_WIDTH, max(map(len, keys), default=1))
        with Reader(id="groups"):
            for heading, rows in self._groups:
                with Vertical(classes="group"):
                    yield Label(heading, classes="heading", markup=False)
                    yield Static(_table(rows, key_width))


_KEYS_WIDTH = 16
"""So many cells the keys take at most; more of them go on in the next line."""


def _table(rows: Sequence[tuple[str, str]], key_width: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", width=key_width)
    table.add_column()
    for key, does in rows:
        table.add_row(Text(key), Text(does))
    return table
