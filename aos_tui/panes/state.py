"""The state: every reducer, decoded by its schema, as a tree, as JSON, as CBOR, or what differs."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from aos_core.plain import clean
from aos_tui.panes.base import Jump, Pane
from aos_tui.panes.state_list import StateList
from aos_tui.snapshot import Wish
from aos_tui.state_lines import DifferenceLines, Field, Lines, Text, TextLines, TreeLines
from aos_tui.state_text import DISPLAYS, nothing_to_see, states_title

if TYPE_CHECKING:
    from aos_tui.glyphs import Glyphs
    from aos_tui.outline import Path, Row
    from aos_tui.snapshot import Snapshot

_NEAR = 60
"""Cells this near to the edge of what is decoded, others are asked for."""


class FindField(Input):
    """The line in which one looks for a cell; its keys stand in the footer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "to the cells"),
        Binding("down", "submit", show=False),
        Binding("escape", "close", "all cells"),
    ]

    class Closed(Message):
        """All cells are to be shown again."""

    def action_close(self) -> None:
        """Show all cells."""
        self.post_message(self.Closed())


class StatePane(Pane, Vertical):
    """What it wishes to see it asks for; each snapshot has what was wished for."""

    ALLOW_MAXIMIZE = True

    class Wished(Message):
        """Other parts of the states are to be shown."""

        def __init__(self, wish: Wish) -> None:
            super().__init__()
            self.wish = wish

    class Opened(Message):
        """A value is to be shown whole."""

        def __init__(self, text: Text) -> None:
            super().__init__()
            self.text = text

    class Copied(Message):
        """A value is to be copied with its path."""

        def __init__(self, text: Text) -> None:
            super().__init__()
            self.text = text

    class FilterWanted(Message):
        """One looks for something where there are no cells: for a record, then."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="state", classes="pane")
        self.entitle("State")
        self._glyphs = glyphs
        self._snapshot: Snapshot | None = None
        self._list = StateList()
        self._lines: Lines | None = None
        self._wish = Wish()
        self._unfolded: dict[Path, bool] = {}
        self._at: Path | None = None
        self._rows: dict[str, int] = {}

    def compose(self) -> ComposeResult:
        field = FindField(placeholder="a part of a cell's key", id="find", compact=True)
        field.display = False
        yield field
        yield self._list

    # -- what is shown ------------------------------------------------------------------------

    def show(self, snapshot: Snapshot) -> None:
        """Show another snapshot; what is unfolded and the cursor stay, also where they are not
        there for a while."""
        old, self._snapshot = self._snapshot, snapshot
        self.entitle(states_title(snapshot.states, snapshot.height, self._glyphs))
        if old is None or old.states is not snapshot.states:
            self._lay_out()

    def _lay_out(self) -> None:
        assert self._snapshot is not None
        states = self._snapshot.states
        display = states.wish.display
        cursor = self._rows.get(display, 0)
        shift = self._lines.shift if isinstance(self._lines, TextLines) else 0
        if display == "tree":
            tree = TreeLines(states, self._unfolded, self._glyphs)
            found = None if self._at is None else tree.outline.row_of(self._at)
            self._lines, cursor = tree, cursor if found is None else found
        elif display == "diff":
            self._lines = DifferenceLines(states)
        else:
            self._lines = TextLines(states)
            self._lines.shift = shift
        self._list.show(self._lines, nothing_to_see(states, self._snapshot.live), cursor)
        self._look()

    def on_state_list_moved(self, message: StateList.Moved) -> None:
        """Remember the cursor, and ask for what comes next."""
        message.stop()
        if self._snapshot is None or self._lines is None:
            return
        self._rows[self._snapshot.states.wish.display] = self._list.cursor
        if isinstance(self._lines, TreeLines) and len(self._lines):
            self._at = self._lines.outline[self._list.cursor].path
        self._look(message.first, message.last)

    def _look(self, first: int | None = None, last: int | None = None) -> None:
        """Ask for what is missing of the lines from ``first`` to ``last``, or around them."""
        lines, list = self._lines, self._list
        if self._snapshot is None or lines is None or not len(lines):
            return
        first = round(list.scroll_y) if first is None else first
        last = first + list.size.height if last is None else last
        if isinstance(lines, TreeLines):
            end = len(lines) - 1
            for row in (min(first, end), min(last, end), min(list.cursor, end)):
                self._look_at_cell(lines.outline[row])
        elif self._snapshot.states.more and last + _NEAR > len(lines):
            self._ask(documents=len(self._snapshot.states.documents) * 2)

    def _look_at_cell(self, row: Row) -> None:
        """Have the cells around one decoded, if it stands near the edge of those that are."""
        if not row.held.keyed or len(row.path) < 2:
            return
        held = row.held
        index = bisect.bisect_left(held.keys, row.path[1])
        edges = (max(0, index - _NEAR), min(len(held.keys) - 1, index + _NEAR))
        if any(held.keys[of] not in held.names for of in edges):
            self._ask(at={**self._wish.at, held.reducer: index})

    def _ask(self, **changed: object) -> None:
        wish = replace(self._wish, **changed)  # type: ignore[arg-type]
        if wish != self._wish:
            self._wish = wish
            self.post_message(self.Wished(wish))

    # -- keys ---------------------------------------------------------------------------------

    def on_state_list_pressed(self, message: StateList.Pressed) -> None:
        """Do what a key of this pane does."""
        message.stop()
        if self._snapshot is not None:
            getattr(self, f"_{message.what}")()

    def _display(self) -> None:
        order = list(DISPLAYS)
        display = order[(order.index(self._wish.display) + 1) % len(order)]
        self._ask(display=display, documents=Wish().documents)

    def _against(self) -> None:
        assert self._snapshot is not None
        self._wish = replace(self._wish, marked=not self._snapshot.states.marked)
        self.post_message(self.Wished(self._wish))

    def _row(self) -> Row | None:
        lines = self._lines
        if not isinstance(lines, TreeLines) or not len(lines):
            return None
        return lines.outline[self._list.cursor]

    def _toggle(self) -> None:
        if (row := self._row()) is None:
            self._open()
        elif row.folds:
            self._fold(row, not row.unfolded)
        else:
            self.notify("there is nothing in it to unfold: enter opens it whole")

    def _open(self) -> None:
        row = self._row()
        if row is not None and row.folds:
            self._fold(row, not row.unfolded)
        elif self._lines and (found := self._lines.whole(self._list.cursor)) is not None:
            self.post_message(self.Opened((clean(found[0]), found[1])))

    def _inner(self) -> None:
        if (row := self._row()) is not None and row.folds and not row.unfolded:
            self._fold(row, True)
        elif row is not None and row.unfolded:
            self._list.go(self._list.cursor + 1)

    def _outer(self) -> None:
        row, lines = self._row(), self._lines
        if row is None or not isinstance(lines, TreeLines):
            return
        if row.unfolded:
            self._fold(row, False)
        elif len(row.path) > 1 and (found := lines.outline.row_of(row.path[:-1])) is not None:
            self._list.go(found)

    def _fold(self, row: Row, unfolded: bool) -> None:
        self._at = row.path
        self._unfolded[row.path] = unfolded
        self._lay_out()
        if row.held.keyed and row.cell is not None:
            cell = (row.held.reducer, row.cell)
            is_open = any(of and path[:2] == cell for path, of in self._unfolded.items())
            self._ask(cells=self._wish.cells | {cell} if is_open else self._wish.cells - {cell})

    def _copy_path(self) -> None:
        lines = self._lines
        found = None
        if isinstance(lines, TreeLines) and len(lines):
            found = lines.path_and_value(self._list.cursor)
        if found is None:
            self.notify("paths are copied in the tree, of what has a value: d goes there")
        else:
            self.post_message(self.Copied(found))

    # -- looking for a cell -------------------------------------------------------------------

    def _find(self) -> None:
        assert self._snapshot is not None
        held = self._snapshot.states.held
        if self._snapshot.states.wish.display != "diff" and not any(of.keyed for of in held):
            self.post_message(self.FilterWanted())
            return
        field = self.query_one(FindField)
        field.display = True
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look as one types."""
        event.stop()
        if event.value.strip() != self._wish.find:
            self._ask(find=event.value.strip(), at={})

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """To the cells that are left."""
        event.stop()
        if not event.value.strip():
            self.query_one(FindField).display = False
        self._list.focus()

    def on_find_field_closed(self, event: FindField.Closed) -> None:
        """Show all cells again."""
        event.stop()
        self.close_find()

    def close_find(self) -> None:
        """Show all cells again; the cursor stays on the one it is on."""
        field = self.query_one(FindField)
        field.value = ""
        field.display = False
        self._ask(find="")
        self._list.focus()

    @property
    def finding(self) -> bool:
        """Whether one looks for a cell."""
        return self.query_one(FindField).display

    @property
    def typing(self) -> bool:
        """Whether what to look for is typed."""
        return self.query_one(FindField).has_focus

    # -- for verbs ----------------------------------------------------------------------------

    @property
    def selected(self) -> Field | None:
        """The place in the state under the cursor."""
        lines = self._lines
        if not isinstance(lines, TreeLines) or not len(lines):
            return None
        return lines.field(self._list.cursor)

    def jumps(self) -> Iterable[Jump]:
        top, lines = round(self._list.scroll_y), self._lines
        if not isinstance(lines, TreeLines):
            return
        for row in range(top, min(len(lines), top + self._list.size.height)):
            if (of := lines.outline[row]).depth <= 1:
                yield self._list, row - top, of.name, partial(self._jump, row)

    def _jump(self, row: int) -> None:
        self._list.focus()
        self._list.go(row)

    def copied(self) -> Text | None:
        return self._lines.whole(self._list.cursor) if self._lines else None
