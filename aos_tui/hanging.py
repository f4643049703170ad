"""Lines that are broken where there is no more room: the rest stands below what it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import set_cell_size
from rich.measure import Measurement
from rich.text import Text
from textual import events
from textual.widgets import Static

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


@dataclass(frozen=True, slots=True)
class Hanging:
    """``line``; what is broken off it stands below what begins at cell ``indent``."""

    line: Text
    indent: int

    def __str__(self) -> str:
        return self.line.plain

    def broken(self, console: Console, width: int) -> Iterator[Text]:
        """The lines of at most ``width`` cells that it makes; as it is where it fits."""
        begin, rest = self.line.divide([len(set_cell_size(self.line.plain, self.indent))])
        room = max(1, width - begin.cell_len)
        for part in rest.wrap(console, room, overflow="fold", no_wrap=False) or [rest]:
            yield Text.assemble(begin, part)
            begin = Text(" " * begin.cell_len)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.broken(console, options.max_width)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """As wide as there is room for."""
        widest = min(self.line.cell_len, options.max_width)
        return Measurement(min(self.indent + 1, widest), widest)


class HangingLines(Static):
    """Such lines, to scroll through and to select of."""

    def __init__(self, lines: Sequence[Hanging]) -> None:
        super().__init__(_text(of.line for of in lines), markup=False)
        self._lines = lines

    def on_resize(self, event: events.Resize) -> None:
        """Another width, other breaks."""
        width = self.content_size.width
        self.update(
            _text(of for line in self._lines for of in line.broken(self.app.console, width))
        )


def _text(lines: Iterable[Text]) -> Text:
    return Text("\n").join(lines)
