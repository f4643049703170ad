"""What there is to know of a world before one opens it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from aos_tui.formatting import Piece, some, to_text
from aos_tui.panes.base import Pane

if TYPE_CHECKING:
    from aos_tui.glyphs import Glyphs
    from aos_tui.session.worlds import Details, Place


class AboutPlace(Pane, VerticalScroll):
    """Its title and summary at once; what takes a look at its files when that is done."""

    can_focus = False

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="about")
        self._glyphs = glyphs
        self._place: Place | None = None
        self._details: dict[str, Details] = {}

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def show_words(self, title: str, text: str) -> None:
        """Show something that is no world."""
        self._place = None
        self._write([(title, "name"), (f"\n{text}", "")])

    def show_place(self, place: Place) -> None:
        """Show a world."""
        self._place = place
        self._write(self._pieces(place))
        if place.path not in self._details and not place.missing:
            # no coroutine: one that is dropped before it began would be missed by Python
            find: Any = partial(self._find, place)
            self.run_worker(find, group="details", exclusive=True)

    async def _find(self, place: Place) -> None:
        from aos_tui.session.worlds import details

        self._details[place.path] = await asyncio.to_thread(details, place.path)
        if self._place is place:
            self._write(self._pieces(place))

    def _write(self, pieces: Iterable[Piece]) -> None:
        text = to_text(pieces, self.palette())
        text.no_wrap = False
        self.query_one(Static).update(text)
        self.scroll_home(animate=False)

    def _pieces(self, place: Place) -> Iterator[Piece]:
        from aos_tui.session.worlds import shown_path

        yield place.title or place.name, "name"
        if place.problem:
            yield f"\n{self._glyphs.failed} {place.problem}", "bad"
        if place.missing:
            yield "\nIt was moved or deleted: delete takes it off this list.", ""
        if place.summary:
            yield f"\n{place.summary}", ""
        yield f"\n{shown_path(place.path)}", "dim"
        found = self._details.get(place.path)
        if found is None or place.problem:
            return
        if found.readme:
            yield f"\n\n{found.readme}", ""
        rows = {
            "scenarios": some(found.scenarios) or "none",
            "branches": some(found.branches) or "none yet: nothing was played here",
            "journal": found.data,
        }
        yield "\n", ""
        for name, says in rows.items():
            yield f"\n{name:<11}", "dim"
            yield says, ""
