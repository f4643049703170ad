"""The lines of the journal: every record one, or every turn, built only where they are visible."""

from __future__ import annotations

import bisect
import textwrap
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aos_core.plain import clean
from aos_tui.actions import bindings_of
from aos_tui.folding import Folding, Line
from aos_tui.formatting import Piece, empty_journal
from aos_tui.journal_text import Signs, line_pieces
from aos_tui.panes.base import LINE_KEYS, Jump, Pane
from aos_tui.panes.selecting import SelectingLines

if TYPE_CHECKING:
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Snapshot


_Key = tuple[Line, Signs, int, bool, int, int | None]
"""What a line looks like depends on: its heights and signs, its width in cells, whether the cursor
is there, the digits of a height, and the last height where it may still change."""


class JournalList(Pane, SelectingLines, ScrollView, can_focus=True):
    """The lines. The cursor is the shown height; moving it asks for another one.

    The wheel moves the lines and not the cursor: one is ``away`` until one goes somewhere, and new
    records do not move what one reads."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"journal--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        *LINE_KEYS,
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

    class Followed(Message):
        """Whether the lines follow the live end may have changed."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="journal-list")
        self._glyphs = glyphs
        self._snapshot: Snapshot | None = None
        self._found: Sequence[int] | None = None
        self._hits: Sequence[int] = ()
        self._none = ""
        self._cursor = self._last = 0
        """The height that is shown, and where the last turn begins."""
        self._read = 0
        self._folding = Folding()
        self.away = False
        self._strips: LRUCache[_Key, Strip] = LRUCache(2048)
        self._gaps = False
        """Whether lines were painted of which not all could be told yet."""

    @property
    def lines(self) -> int:
        """How many lines there are."""
        if self._found is not None:
            return len(self._found)
        snapshot = self._snapshot
        return 0 if snapshot is None else self._folding.lines(snapshot.live, snapshot.turns)

    @property
    def row(self) -> int:
        """The line of the cursor; between lines, the one above it."""
        if self._found is not None:
            return max(0, bisect.bisect_right(self._found, self._cursor) - 1)
        if self._snapshot is None:
            return 0
        return self._folding.row(self._cursor, self._snapshot.index)

    @property
    def new(self) -> int:
        """How many records have come since the live end was last in sight."""
        return 0 if self._snapshot is None else max(0, self._snapshot.live - self._read)

    def line(self, row: int) -> Line:
        """The heights that a line stands for."""
        if self._found is not None:
            return Line(self._found[row], self._found[row])
        assert self._snapshot is not None
        return self._folding.line(row, self._snapshot.index)

    def show(self, snapshot: Snapshot) -> None:
        """Show another snapshot."""
        old, self._snapshot = self._snapshot, snapshot
        if old is None or old.records is not snapshot.records:
            self._strips.clear()
            self._folding.forget()
            self.away = False
            self._read = snapshot.live
        if old is not None and snapshot.height != old.height:
            self.away = self.away and old.following and snapshot.following
        before, self._cursor = self.row, snapshot.height
        self._last = snapshot.index.bounds(snapshot.live)[0]
        if self._gaps and snapshot.index.ready:
            self._gaps = False
            self.refresh()
        self._see()
        if old is not None and _lines_of(old) == _lines_of(snapshot):
            self._moved(before)
        elif old is not None and self._has_grown(old):
            self._grow(old.live, before)
        else:
            self._lay_out()

    def follow(self) -> None:
        """The cursor, and with it the live end, is to be in sight again."""
        self.away = False
        self._see()
        self._lay_out()

    def _see(self) -> None:
        """The live end is in sight, or is not."""
        if self._snapshot is not None and self._snapshot.following and not self.away:
            self._read = self._snapshot.live
        self.post_message(self.Followed())

    def only(self, found: Sequence[int] | None, none: str = "") -> None:
        """Show only these heights, rising; None: all. ``none``: what to say where none is left."""
        self._found, self._none = found, none
        self._lay_out()

    def sign(self, hits: Sequence[int]) -> None:
        """These heights, rising, are what was looked for."""
        if hits != self._hits:
            self._hits = hits
            self.refresh()

    def _has_grown(self, old: Snapshot) -> bool:
        """Whether there are more lines, and of those that were there only the last turn's may look
        otherwise now."""
        new = self._snapshot
        if new is None or old.records is not new.records or self._found is not None:
            return False
        longer = old.live < new.live and _digits(old) == _digits(new)
        return longer and old.live > 0 and old.marked == new.marked

    def _grow(self, live: int, before: int) -> None:
        """There are lines after height ``live`` now: those are painted, be they in sight, and the
        last turn before them."""
        assert self._snapshot is not None
        # Textual's own way of telling a size paints all anew.
        self.set_reactive(ScrollView.virtual_size, Size(0, self.lines))
        self.refresh(repaint=False, layout=True)
        index = self._snapshot.index
        first = self._folding.row(index.bounds(live)[0], index)
        self.refresh_lines(first, self.lines - first)
        self._moved(before)

    def _lay_out(self) -> None:
        # Empty states are painted by render_line over the whole width.
        size = Size(0, max(self.lines, self._empty_lines))
        if size != self.virtual_size:
            self.virtual_size = size
        if not self.away:
            self._reveal()
        self.refresh()

    @property
    def _empty_lines(self) -> int:
        snapshot = self._snapshot
        if snapshot is None or snapshot.live or self._found is not None:
            return 0
        return 1 + len(empty_journal(snapshot))

    @property
    def _page(self) -> int:
        return max(1, self.scrollable_content_region.height)

    def _reveal(self) -> None:
        top, page, row = round(self.scroll_y), self._page, self.row
        if row < top:
            self.scroll_to(y=row, animate=False, immediate=True, force=True)
        elif row >= top + page:
            self.scroll_to(y=row - page + 1, animate=False, immediate=True, force=True)

    def watch_show_vertical_scrollbar(self) -> None:
        """Its thumb is not told of what is scrolled before it is shown."""
        self.vertical_scrollbar.position = self.scroll_y

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Whoever has moved the lines: is the cursor still in sight?"""
        super().watch_scroll_y(old_value, new_value)
        top = round(new_value)
        away = not top <= self.row < top + self._page
        if away != self.away:
            self.away = away
            self._see()

    def go(self, height: int) -> None:
        """The cursor, ahead of what will be shown there."""
        before, self._cursor = self.row, height
        self._moved(before)

    def _choose(self, row: int) -> None:
        if not self.lines:
            return
        line, before = self.line(min(max(0, row), self.lines - 1)), self.row
        self.away = False
        if line.last != self._cursor:
            self._cursor = line.last
            self.screen.post_message(self.Went(line.last))  # the sooner it is read
        self._moved(before)

    def _moved(self, before: int) -> None:
        """The cursor has left the line ``before``: no more than that is painted anew."""
        if not self.away:
            self._reveal()
        self.refresh_line(before)
        self.refresh_line(self.row)

    def action_step(self, by: int) -> None:
        """To the next line, or the one before."""
        self._choose(self.row + by)

    def action_page(self, by: int) -> None:
        """A page down or up."""
        self._choose(self.row + by * max(1, self._page - 1))

    def action_edge(self, end: int) -> None:
        """To the first line, or the last."""
        self._choose(self.lines * end)

    def action_open(self) -> None:
        """Open the record of the cursor; of a folded turn, at its end, what came in."""
        line = self.line(self.row) if self.lines else Line(self._cursor, self._cursor)
        at_end = line.folded and self._cursor == line.last
        self.post_message(self.Opened(line.first if at_end else self._cursor))

    def jumps(self) -> Iterable[Jump]:
        """The beginnings of turns that are in sight."""
        if self._snapshot is None:
            return
        top = round(self.scroll_y)
        for row in range(top, min(self.lines, top + self._page)):
            first = self.line(row).first
            if self._snapshot.index.bounds(first)[0] == first:
                yield self, row - top, f"record {first}", partial(self._jump, row)

    def _jump(self, row: int) -> None:
        self.focus()
        self._choose(row)

    # -- folding ----------------------------------------------------------------------------

    def action_fold(self) -> None:
        """Fold the turn of the cursor to one line, or unfold it."""
        self._fold(self._cursor)

    def action_fold_all(self) -> None:
        """Fold every turn, or unfold all."""
        if self._flat():
            return
        self._folding.toggle_all()
        self.away = False
        self._lay_out()

    def _fold(self, height: int) -> None:
        if self._snapshot is None or self._flat():
            return
        first, last = self._snapshot.index.turn(self._snapshot.index.turn_of(height))
        if first == last:
            self.notify("this turn has one record: there is nothing to fold")
            return
        self._folding.toggle(height, self._snapshot.index)
        self._lay_out()

    def _flat(self) -> bool:
        if self._found is not None:
            self.notify("what the filter finds is not folded: esc closes it")
        return self._found is not None

    def on_click(self, event: events.Click) -> None:
        """The record under the pointer; twice opens it. On its bracket: folds its turn."""
        row = round(self.scroll_y) + event.y
        if row >= self.lines or self.was_selected:
            return
        if event.x == 0 and self._found is None:
            self._fold(self.line(row).last)
            return
        self._choose(row)
        if event.chain == 2:
            self.action_open()

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in sight."""
        self._strips.clear()
        if not self.away:
            self.call_after_refresh(self._reveal)

    def notify_style_update(self) -> None:
        """Another theme, other strips."""
        super().notify_style_update()
        self._strips.clear()

    # -- lines ------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """The line ``y`` of what is visible."""
        row = y + round(self.scroll_y)
        return self.selectable(self._line_strip(row), row)

    def line_text(self, row: int) -> str:
        """The text of a line."""
        return self._line_strip(row).text

    def _line_strip(self, row: int) -> Strip:
        width = self.scrollable_content_region.width
        if self._snapshot is None or row >= self.lines:
            return self._other_line(row, width)
        line, live = self.line(row), self._snapshot.live
        signs, digits = self._signs(line), _digits(self._snapshot)
        at_cursor = line.first <= self._cursor <= line.last
        # the brackets of the last turn may be drawn before its end is known
        key = (line, signs, width, at_cursor, digits, live if line.last >= self._last else None)
        strip = self._strips.get(key)
        if strip is None:
            index = self._snapshot.index
            whole = index.ready
            pieces = line_pieces(line, width - 1, digits, signs, index, self._glyphs)
            strip = self._strip(pieces, width, at_cursor)
            if whole and index.ready:
                self._strips[key] = strip
            else:
                self._gaps = True
        return strip

    def _signs(self, line: Line) -> Signs:
        assert self._snapshot is not None
        return Signs(
            marked=_any_in(self._snapshot.marked, line),
            hit=self._found is None and _any_in(self._hits, line),
            at=self._cursor if line.first <= self._cursor < line.last else None,
        )

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
        segments = [
            Segment(clean(text), base + palette.get(role, Style())) for text, role in pieces
        ]
        return Strip(segments).adjust_cell_length(width, base)


def _digits(snapshot: Snapshot) -> int:
    """So many digits the heights have, at most."""
    return len(str(snapshot.live))


def _lines_of(snapshot: Snapshot) -> tuple[object, ...]:
    """What the lines are made of, the cursor left out."""
    return id(snapshot.records), snapshot.live, snapshot.marked


def _any_in(heights: Sequence[int], line: Line) -> bool:
    """Whether one of these heights, rising, is of a line."""
    at = bisect.bisect_left(heights, line.first)
    return at < len(heights) and heights[at] <= line.last
