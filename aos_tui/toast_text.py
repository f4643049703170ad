"""Messages in lines that fit, so that one sees where each of them begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

WIDE = 100
"""Columns from which on toasts have a width of their own, as in ``app.tcss``."""
WIDEST = 60
FRAME = 3
"""Cells of a toast's border and padding."""
RACK = 2
"""Cells that are kept free beside all toasts, for a scrollbar."""


def toast_text(message: str, columns: int, console: Console) -> str:
    """``message`` for a terminal of so many columns: where it has several lines, what of a line
    does not fit goes on two cells further in.

    Textual breaks no line that is longer than a toast by its frame alone: it cuts it."""
    lines = message.split("\n")
    room = columns - RACK
    width = (min(WIDEST, room // 2) if columns >= WIDE else room) - FRAME
    indent = "  " if len(lines) > 1 else ""
    return "\n".join(of for line in lines for of in _broken(line, width, indent, console))


def _broken(line: str, width: int, indent: str, console: Console) -> Iterable[str]:
    if cell_len(line) <= width:  # as it is, with the spaces that it has
        return [line]
    room = max(width - len(indent), 10)
    first, *rest = (of.plain.rstrip() for of in Text(line).wrap(console, room))
    return [first, *(indent + of for of in rest)]
