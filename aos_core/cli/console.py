"""The console for people. Kept apart, so that rich is loaded only where something is shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from aos_core.plain import clean


class PlainConsole(Console):
    """Nothing is highlighted that was not meant to be, what a world says commands no terminal; a
    reader that goes away is an error."""

    def __init__(self, file: TextIO, *, no_color: bool) -> None:
        super().__init__(file=file, no_color=no_color, highlight=False, markup=False, emoji=False)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """As Rich's, but for characters that a terminal would obey."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(clean(segment.text, keep="\n"), segment.style)

    def on_broken_pipe(self) -> None:
        """Rich would exit with 1, which says that a check failed."""
        raise BrokenPipeError
