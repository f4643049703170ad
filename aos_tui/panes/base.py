"""What panes have in common: the colours of roles, and something to copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.content import Content
from textual.geometry import Region

from aos_tui.chips import chip_styles
from aos_tui.formatting import Palette
from aos_tui.themes import DIM

if TYPE_CHECKING:
    # For Textual a widget's first base decides its stylesheet, so this must be no widget itself.
    from textual.app import App
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


LINE_KEYS: list[BindingType] = [
    Binding("up,k", "step(-1)", show=False),
    Binding("down,j", "step(1)", show=False),
    Binding("pageup", "page(-1)", show=False),
    Binding("pagedown", "page(1)", show=False),
    Binding("home", "edge(0)", show=False),
    Binding("end", "edge(1)", show=False),
]
"""The keys of a pane that draws its lines itself."""

Jump = tuple["Widget", int, str, Callable[[], object]]
"""(the widget, a row of its content from 0, what it is, what goes there)"""


class Pane(_Base):
    """Mixed into the widgets that show a snapshot."""

    def palette(self) -> Palette:
        """The style of each role in the theme of now."""
        return palette_of(self.app)

    def entitle(self, title: str | None = None, subtitle: str | None = None) -> None:
        """Say this in the frame, word for word; None: what is said there already. Where nothing
        differs nothing is painted."""
        if title is not None and title != self._entitled:
            self._entitled, self._edge = title, 0
            self.border_title = Content(title)
        if subtitle is not None and subtitle != self._subtitled:
            self._subtitled, self._edge = subtitle, max(0, self.outer_size.height - 1)
            self.border_subtitle = Content(subtitle) if subtitle else ""
        self._edge = None

    _entitled = _subtitled = ""
    _edge: int | None = None
    """The line of the frame in which something else is being said, counted from 0."""

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """As Textual's; for other words in the frame it would paint all that is inside."""
        if self._edge is not None:
            line = Region(0, self._edge, self.outer_size.width, 1)
            regions = (line.translate(-self.content_offset),)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def copied(self) -> tuple[str, str | Callable[[], str]] | None:
        """(what it is, its text, or what makes it and may take a while) of the value under the
        cursor."""
        return None

    def jumps(self) -> Iterable[Jump]:
        """The rows in sight that jump mode puts letters on."""
        return ()


def palette_of(app: App[Any]) -> Palette:
    """The style of each role in the theme of now."""
    return _palette(app.current_theme.dark, frozenset(app.theme_variables.items()))


@lru_cache(maxsize=2)
def _palette(dark: bool, items: frozenset[tuple[str, str]]) -> Palette:
    variables = dict(items)
    found = {
        role: Style(color=Color.parse(variables[name]).rich_color)
        for role, name in _COLOURS.items()
    }
    dim = variables.get(DIM)
    found["dim"] = Style(dim=True) if dim is None else Style(color=Color.parse(dim).rich_color)
    bar = _between(Color.parse(variables["primary"]), Color.parse(variables["panel"]))
    found |= {"name": Style(bold=True), "bar": Style(color=bar.rich_color)}
    return found | {f"chip{hue}": of for hue, of in enumerate(chip_styles(dark))}


def _between(colour: Color, ground: Color) -> Color:
    """A colour that fills much without being loud; the sixteen of a terminal cannot be mixed."""
    mixes = colour.ansi is None and ground.ansi is None
    return colour.blend(ground, 0.5) if mixes else colour
