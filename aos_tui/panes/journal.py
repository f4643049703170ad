"""The journal: the list of its lines, and above it the line that filters them."""

from __future__ import annotations

import bisect
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input
from textual.worker import Worker, WorkType

from aos_core.plain import clip
from aos_tui.journal_text import following_text
from aos_tui.panes.base import Jump, Pane
from aos_tui.panes.journal_list import JournalList

if TYPE_CHECKING:
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Snapshot


Search = Callable[[str, int, int], Awaitable[list[int]]]
"""From a filter to the heights it finds from one to another; raises
:class:`aos_core.errors.AosError`."""


class FilterField(Input):
    """The line of the filter; its keys stand in the footer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "to the records", key_display="enter"),
        Binding("escape", "screen.cancel", "close"),
    ]


class JournalPane(Pane, Vertical):
    """The lines and the filter above them; ``search`` looks through the records."""

    ALLOW_MAXIMIZE = True

    def __init__(self, glyphs: Glyphs, search: Search) -> None:
        super().__init__(id="journal", classes="pane")
        self.entitle("Journal")
        self._search_for = search
        self._field = FilterField(
            placeholder="kind:receipt schema:Agg* after:100 text", id="filter", compact=True
        )
        self.list: Final = JournalList(glyphs)
        self._snapshot: Snapshot | None = None
        self._hits: list[int] = []
        self._searched = -1
        self._looking: Worker[None] | None = None
        self._text = ""
        self._before: tuple[str, bool] = "", False
        """What the filter said, and whether it was open, before one began to type."""

    def compose(self) -> ComposeResult:
        self._field.display = False
        # A terminal that is asked for no animations wants no blinking cursor either.
        self._field.cursor_blink = self.app.animation_level != "none"
        yield self._field
        yield self.list

    @property
    def filtering(self) -> bool:
        """Whether the filter is open."""
        return self._field.display

    @property
    def typing(self) -> bool:
        """Whether the filter has the focus."""
        return self._field.has_focus

    @property
    def looks_for_something(self) -> bool:
        """Whether there is something to look for: what the filter says or, closed, last said."""
        return bool(self._text)

    def follow(self) -> None:
        """Show the live end again, wherever the lines were scrolled to."""
        self.list.follow()

    def on_journal_list_followed(self, message: JournalList.Followed) -> None:
        """Say whether the lines follow the live end."""
        message.stop()
        following = self._snapshot is None or self._snapshot.following
        self.entitle(subtitle=following_text(following, self.list.away, self.list.new))

    def show(self, snapshot: Snapshot) -> None:
        """Show another snapshot."""
        old, self._snapshot = self._snapshot, snapshot
        if self._hits and self._hits[-1] > snapshot.live:  # of a longer branch
            self._found([of for of in self._hits if of <= snapshot.live])
        self.list.show(snapshot)
        if old is None or old.records is not snapshot.records:
            self._search()
        elif self._looking is None or self._looking.is_finished:
            self._search(self._searched + 1)

    def jumps(self) -> Iterable[Jump]:
        return self.list.jumps()

    def open_filter(self) -> None:
        """Ask for a filter; the one before stands there still."""
        if not self.typing:
            self._before = self._text, self.filtering
        self._field.display = True
        self._field.focus()
        self._search()

    def close_filter(self) -> None:
        """Show all records again; what was found keeps its sign, and n and N go on."""
        self._field.display = False
        self.list.only(None)
        self.list.focus()
        self._title()

    def forget(self) -> None:
        """Look for nothing any more."""
        self._text = ""
        with self.prevent(Input.Changed):
            self._field.value = ""
        self._search()

    def leave_filter(self) -> None:
        """As if nothing had been typed: what the filter said before holds again."""
        self._text, open_before = self._before
        with self.prevent(Input.Changed):
            self._field.value = self._text
        if open_before:
            self.list.focus()
        else:
            self.close_filter()
        self._search()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as one types."""
        event.stop()
        self._text = event.value.strip()
        self._search()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """To the lines that are left; a filter that cannot be read stays to be mended."""
        from aos_core.errors import UsageError
        from aos_core.filters import parse_filter

        event.stop()
        try:
            parse_filter(self._text)
        except UsageError as error:
            self.notify(error.message, severity="warning")
            return
        if not self._text:
            self.close_filter()
        self.list.focus()

    def hit(self, step: int) -> int | None:
        """The height of the next hit (1), or the one before (-1), from the shown height."""
        if self._snapshot is None or not self._hits:
            return None
        height = self._snapshot.height
        at = bisect.bisect_right(self._hits, height) if step > 0 else (
            bisect.bisect_left(self._hits, height) - 1
        )  # fmt: skip
        return self._hits[at % len(self._hits)]

    def _search(self, first: int = 0) -> None:
        """Look through the records from ``first`` on, and through those that come meanwhile; what
        was found before them stays."""
        snapshot, text = self._snapshot, self._text
        if snapshot is None or not text:
            if self._looking is not None:
                self._looking.cancel()
            self._found([])
        elif first <= snapshot.live:
            self._searched = first - 1
            # the function, not its coroutine: one that is dropped before it begins was never made
            look: WorkType[None] = partial(self._look, text, self._hits if first else [])
            self._looking = self.run_worker(look, exclusive=True, group="filter")

    async def _look(self, text: str, hits: list[int]) -> None:
        from aos_core.errors import AosError

        while self._snapshot is not None and (last := self._snapshot.live) > self._searched:
            try:
                hits = [*hits, *await self._search_for(text, self._searched + 1, last)]
            except AosError as error:
                self._searched = last
                self._found([], error.message)
                return
            self._searched = last
            self._found(hits)

    def _found(self, hits: list[int], problem: str = "no record fits the filter") -> None:
        self._hits = hits
        self.list.sign(hits)
        if self.filtering:
            self.list.only(hits if self._text else None, problem)
        self._title()

    def _title(self) -> None:
        found = f"{len(self._hits)} found"
        if not self._text:
            self.entitle("Journal")
        elif self.filtering:
            self.entitle(f"Journal  {found}")
        else:
            self.entitle(f"Journal  {found}: {clip(self._text, 24)}")
