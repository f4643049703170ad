"""Screens on which what has changed is styled and painted, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual import events, on
from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.reactive import Reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget


class Changes(Compositor):
    """Textual's own asks every widget for all of its lines whenever anything is painted, and throws
    away what has not changed. Here only those are asked that lie where something has, and for no
    lines above or below that."""

    _changed: tuple[Region, ...] | None = None
    """Where something has changed, while that is painted."""

    def render_partial_update(self) -> ChopsUpdate | None:
        self._changed = tuple(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._changed = None

    def _get_renders(
        self, crop: Region | None = None
    ) -> Iterable[tuple[Region, Region, list[Strip]]]:
        if self._changed is None:
            yield from super()._get_renders(crop)
            return
        for widget, (region, clip) in self.visible_widgets.items():
            seen = region.intersection(clip)
            touched = [seen.intersection(of) for of in self._changed if seen.overlaps(of)]
            if touched:
                first = min(of.y for of in touched)
                last = max(of.bottom for of in touched)
                # whole in width: the lines are cut where widgets begin and end
                part = Region(seen.x, first, seen.width, last - first)
                yield region, part, widget.render_lines(part.translate(-region.offset))


class PaintsChanges(Screen[Any]):
    """Of Textual's own screens everything is painted with each new focus: in a long form that is
    most of what a key costs, and over a slow line more than 10 kB.

    Not the first base of a dialog: Textual's styles go by the first."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._compositor = Changes()
        self._styled = False

    @on(events.Compose)
    def _fit(self) -> None:
        """The classes that go with the terminal's size are there before what is styled by them."""
        width, height = self.app.size
        across = self._get_breakpoint_classes(width, self.HORIZONTAL_BREAKPOINTS or [])
        down = self._get_breakpoint_classes(height, self.VERTICAL_BREAKPOINTS or [])
        self.add_class(*across, *down)

    @on(events.ScreenResume)
    def _style_again(self, event: events.ScreenResume) -> None:
        """What was just mounted has been styled then."""
        event.refresh_styles = event.refresh_styles and self._styled
        self._styled = True
