"""The journal: every record a line, grouped by turn, built only where it is visible."""

from __future__ import annotations

import bisect
import textwrap
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input
from textual.worker import Worker

from aos_tui.actions import bindings_of
from aos_tui.formatting import (
    KIND_WIDTH,
    Piece,
    empty_journal,
    kind_text,
    record_glyph,
    summary,
)
from aos_tui.panes.base import Jump, Pane

if TYPE_CHECKING:
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Snapshot


Search = Callable[[str, int, int], Awaitable[list[int]]]
"""From a filter to the heights it finds from one to another; raises
:class:`aos_core.errors.AosError`."""


class JournalList(Pane, ScrollView, can_focus=True):
    """The lines. The cursor is the shown height; moving it asks for another one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"journal--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", show=False),
        Binding("down,j", "step(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "edge(0)", show=False),
        Binding("end", "edge(1)", show=False),
        *bindings_of("journal"),
    ]
    ALLOW_MAXIMIZE = False

    class Went(Message):
        """Another height was chosen."""

        def __init__(self, height: int) -> None:
            super().__init__()
            self.height = height

    class Opened(Message):
        """A record is to be shown whole."""

        def __init__(self, height: int) -> None:
            super().__init__()
            self.height = height

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="journal-list")
        self._glyphs = glyphs
        self._snapshot: Snapshot | None = None
        self._found: Sequence[int] | None = None
        self._none = ""
        self._cursor = 0
        self._strips: LRUCache[tuple[int, int, bool], Strip] = LRUCache(2048)

    @property
    def rows(self) -> Sequence[int]:
        """The heights that have a line."""
        if self._found is not None:
            return self._found
        return range(0 if self._snapshot is None else self._snapshot.live + 1)

    @property
    def row(self) -> int:
        """The line of the cursor; between lines, the one above it."""
        return max(0, bisect.bisect_right(self.rows, self._cursor) - 1)

    def show(self, snapshot: Snapshot) -> None:
        """Show another snapshot."""
        old, self._snapshot = self._snapshot, snapshot
        if old is None or old.records is not snapshot.records:
            self._strips.clear()
        elif old.live != snapshot.live:
            # the brackets of the last turn may have been drawn before its end was known
            self._strips.clear()
        self._move(snapshot.height)
        self._lay_out()

    def only(self, found: Sequence[int] | None, none: str = "") -> None:
        """Show only these heights, rising; None: all. ``none``: what to say where none is left."""
        self._found, self._none = found, none
        self._lay_out()

    def _lay_out(self) -> None:
        # Empty states are painted by render_line over the whole width.
        size = Size(0, max(len(self.rows), self._empty_lines))
        if size != self.virtual_size:
            self.virtual_size = size
        self._reveal()
        self.refresh()

    @property
    def _empty_lines(self) -> int:
        snapshot = self._snapshot
        if snapshot is None or snapshot.live or self._found is not None:
            return 0
        return 1 + len(empty_journal(snapshot))

    def _move(self, height: int) -> None:
        self._cursor = height

    def _reveal(self) -> None:
        top, page = round(self.scroll_y), max(1, self.scrollable_content_region.height)
        row = self.row
        if row < top:
            self.scroll_to(y=row, animate=False, immediate=True, force=True)
        elif row >= top + page:
            self.scroll_to(y=row - page + 1, animate=False, immediate=True, force=True)

    def _choose(self, row: int) -> None:
        rows = self.rows
        if not rows:
            return
        height = rows[min(max(0, row), len(rows) - 1)]
        if height != self._cursor:
            self._move(height)
            self._reveal()
            self.refresh()
            self.post_message(self.Went(height))

    def action_step(self, by: int) -> None:
        """To the next line, or the one before."""
        self._choose(self.row + by)

    def action_page(self, by: int) -> None:
        """A page down or up."""
        self._choose(self.row + by * max(1, self.scrollable_content_region.height - 1))

    def action_edge(self, end: int) -> None:
        """To the first line, or the last."""
        self._choose(len(self.rows) * end)

    def action_open(self) -> None:
        """Open the record of the cursor."""
        self.post_message(self.Opened(self._cursor))

    def on_click(self, event: events.Click) -> None:
        """The record under the pointer; twice opens it."""
        self._choose(round(self.scroll_y) + event.y)
        if event.chain == 2:
            self.action_open()

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in sight."""
        self._strips.clear()
        self.call_after_refresh(self._reveal)

    def notify_style_update(self) -> None:
        """Another theme, other strips."""
        super().notify_style_update()
        self._strips.clear()

    def jumps(self) -> Iterable[Jump]:
        """The beginnings of turns."""
        top, rows = round(self.scroll_y), self.rows
        if self._snapshot is None:
            return
        for row in range(top, min(len(rows), top + self.scrollable_content_region.height)):
            if self._snapshot.index.bounds(rows[row])[0] == rows[row]:
                yield self, row - top, f"record {rows[row]}", partial(self._jump, row)

    def _jump(self, row: int) -> None:
        self.focus()
        self._choose(row)

    # -- lines ------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """The line ``y`` of what is visible."""
        row, width = y + round(self.scroll_y), self.scrollable_content_region.width
        if self._snapshot is None or row >= len(self.rows):
            return self._other_line(row, width)
        height = self.rows[row]
        key = (height, width, height == self._cursor)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._strip(self._pieces(height), width, key[2])
        return strip

    def _other_line(self, row: int, width: int) -> Strip:
        if not self._empty_lines:
            lines = textwrap.wrap(self._none, max(1, width - 2)) if self._found == [] else []
            return self._strip(
                [(f" {lines[row]}" if row < len(lines) else "", "dim")], width, False
            )
        assert self._snapshot is not None
        lines = empty_journal(self._snapshot)
        text = lines[row - 1] if row <= len(lines) else ""
        return self._strip([(f" {text}", "")], width, False)

    def _strip(self, pieces: list[Piece], width: int, cursor: bool) -> Strip:
        palette, base = self.palette(), self.rich_style
        if cursor:
            base += self.get_component_rich_style("journal--cursor")
        segments = [Segment(text, base + palette.get(role, Style())) for text, role in pieces]
        return Strip(segments).adjust_cell_length(width, base)

    def _pieces(self, height: int) -> list[Piece]:
        assert self._snapshot is not None
        index, digits = self._snapshot.index, len(str(self._snapshot.live))
        row = index.row(height)
        if row is None:
            bad = f"{self._glyphs.failed} {'damaged':<{KIND_WIDTH}} "
            return [
                (f"{self._glyphs.bracket[3]} {height:>{digits}} ", "bad"),
                (bad, "bad"),
                ("cannot be read", "dim"),
            ]
        record, first, last = row
        is_first = height == first
        where = 3 if first == last else 0 if is_first else 2 if height == last else 1
        faulted = record.kind == "fault"
        return [
            (f"{self._glyphs.bracket[where]} ", "dim"),
            (f"{height:>{digits}} ", "" if is_first else "dim"),
            record_glyph(record, self._glyphs),
            (
                f" {kind_text(record):<{KIND_WIDTH}} ",
                "bad" if faulted else "" if is_first else "dim",
            ),
            *summary(record, index, self._glyphs),
        ]


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
        self.border_title = "Journal"
        self._search_for = search
        self._lines = JournalList(glyphs)
        self._snapshot: Snapshot | None = None
        self._hits: list[int] = []
        self._searched = -1
        self._looking: Worker[None] | None = None
        self._text = ""

    def compose(self) -> ComposeResult:
        field = FilterField(
            placeholder="kind:receipt schema:Agg* after:100 text", id="filter", compact=True
        )
        field.display = False
        yield field
        yield self._lines

    def on_mount(self) -> None:
        # A terminal that is asked for no animations wants no blinking cursor either.
        if self.app.animation_level == "none":
            self._field.cursor_blink = False

    @property
    def _field(self) -> Input:
        return self.query_one("#filter", Input)

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
        """Whether the filter is open and says something."""
        return self.filtering and bool(self._text)

    def show(self, snapshot: Snapshot) -> None:
        """Show another snapshot."""
        old, self._snapshot = self._snapshot, snapshot
        self._lines.show(snapshot)
        if old is None or old.records is not snapshot.records:
            self._search()
        elif self._looking is None or self._looking.is_finished:
            self._search(self._searched + 1)

    def jumps(self) -> Iterable[Jump]:
        return self._lines.jumps()

    def open_filter(self) -> None:
        """Ask for a filter; the one before stands there still."""
        self._field.display = True
        self._field.focus()
        self._search()

    def close_filter(self) -> None:
        """Show all records again."""
        self._field.display = False
        self._lines.only(None)
        self._lines.focus()
        self._title()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as one types."""
        event.stop()
        self._text = event.value.strip()
        self._search()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """To the lines that are left."""
        event.stop()
        if not self._text:
            self.close_filter()
        self._lines.focus()

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
            self._found([])
        elif first <= snapshot.live:
            self._searched = first - 1
            self._looking = self.run_worker(
                self._look(text, self._hits if first else []), exclusive=True, group="filter"
            )

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
        if self.filtering:
            self._lines.only(hits if self._text else None, problem)
        self._title()

    def _title(self) -> None:
        shown = f"  {len(self._hits)} found" if self.filtering and self._text else ""
        self.border_title = f"Journal{shown}"
