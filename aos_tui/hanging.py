"""Lines that are broken where there is no more room: the rest stands below what it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text


def hanging(line: Text, indent: int) -> RenderableType:
    """``line``; what is broken off it stands ``indent`` cells from the left, below what begins
    there."""
    if not indent:
        return line
    table = Table.grid(expand=True)
    table.add_column(width=indent, no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    begin, rest = line.divide([indent])
    table.add_row(begin, rest)
    return table
