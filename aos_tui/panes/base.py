"""What panes have in common: the colours of roles, and something to copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from rich.style import Style
from textual.color import Color

from aos_tui.formatting import Palette
from aos_tui.themes import DIM

if TYPE_CHECKING:
    # For Textual a widget's first base decides its stylesheet, so this must be no widget itself.
    from textual.widget import Widget
    from textual.widget import Widget as _Base
else:
    _Base = object

_COLOURS = {
    "good": "text-success",
    "bad": "text-error",
    "wait": "text-warning",
    "change": "text-accent",
    "input": "text-primary",
    "key": "text-primary",
    "text": "text-success",
    "number": "text-warning",
    "word": "text-accent",
    "hash": "text-secondary",
}


Jump = tuple["Widget", int, str, Callable[[], object]]
"""(the widget, a row of its content from 0, what it is, what goes there)"""


class Pane(_Base):
    """Mixed into the widgets that show a snapshot."""

    def palette(self) -> Palette:
        """The style of each role in the theme of now."""
        return palette_of(self.app.theme_variables)

    def copied(self) -> tuple[str, str | Callable[[], str]] | None:
        """(what it is, its text, or what makes it and may take a while) of the value under the
        cursor."""
        return None

    def jumps(self) -> Iterable[Jump]:
        """The rows in sight that jump mode puts letters on."""
        return ()


def palette_of(variables: Mapping[str, str]) -> Palette:
    """The style of each role in a theme, given its variables."""
    found = {
        role: Style(color=Color.parse(variables[name]).rich_color)
        for role, name in _COLOURS.items()
    }
    dim = variables.get(DIM)
    found["dim"] = Style(dim=True) if dim is None else Style(color=Color.parse(dim).rich_color)
    bar = _between(Color.parse(variables["primary"]), Color.parse(variables["panel"]))
    return {**found, "name": Style(bold=True), "bar": Style(color=bar.rich_color)}


def _between(colour: Color, ground: Color) -> Color:
    """A colour that fills much without being loud; the sixteen of a terminal cannot be mixed."""
    mixes = colour.ansi is None and ground.ansi is None
    return colour.blend(ground, 0.5) if mixes else colour
