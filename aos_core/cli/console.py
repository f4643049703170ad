"""The console for people. Kept apart, so that rich is loaded only where something is shown."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console


class PlainConsole(Console):
    """Nothing is highlighted that was not meant to be; a reader that goes away is an error."""

    def __init__(self, file: TextIO, *, no_color: bool) -> None:
        super().__init__(file=file, no_color=no_color, highlight=False, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Rich would exit with 1, which says that a check failed."""
        raise BrokenPipeError
