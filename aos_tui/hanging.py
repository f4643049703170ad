"""Lines that are broken where there is no more room: the rest stands below what it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import set_cell_size
from rich.measure import Measurement
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


@dataclass(frozen=True, slots=True)
class Hanging:
    """``line``; what is broken off it stands below what begins at cell ``indent``."""

    line: Text
    indent: int

    def __str__(self) -> str:
        return self.line.plain

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The line as it is where it fits."""
        begin, rest = self.line.divide([len(set_cell_size(self.line.plain, self.indent))])
        room = max(1, options.max_width - begin.cell_len)
        for part in rest.wrap(console, room, overflow="fold", no_wrap=False) or [rest]:
            yield Text.assemble(begin, part)
            begin = Text(" " * begin.cell_len)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """As wide as there is room for."""
        widest = min(self.line.cell_len, options.max_width)
        return Measurement(min(self.indent + 1, widest), widest)
