"""What the world waits for: each effect with its number, its parameters, and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from aos_tui.actions import bindings_of
from aos_tui.formatting import Piece, answer_line, origin_text, pretty, target, to_text
from aos_tui.panes.base import Pane

if TYPE_CHECKING:
    from aos_core.view import Pending

    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Snapshot


class PendingPane(Pane, OptionList):
    """The order of the list is the order of release; it and the selection are the pane's own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        *bindings_of("pending"),
    ]

    class Opened(Message):
        """The record of an effect is to be shown whole."""

        def __init__(self, height: int) -> None:
            super().__init__()
            self.height = height

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="pending", classes="pane", compact=True, markup=False)
        self.border_title = "Pending"
        self._glyphs = glyphs
        self._snapshot: Snapshot | None = None
        self._order: list[bytes] = []
        self._chosen: set[bytes] = set()

    def show(self, snapshot: Snapshot) -> None:
        """Show another snapshot; order, selection and cursor stay for what is still pending."""
        self._snapshot = snapshot
        there = {item.intent_hash for item in snapshot.pending}
        kept = [hash for hash in self._order if hash in there]
        self._order = kept + [
            item.intent_hash for item in snapshot.pending if item.intent_hash not in kept
        ]
        self._chosen &= there
        self._fill(self.highlighted or 0)

    def _fill(self, row: int) -> None:
        self.clear_options()
        items = self._items
        self.border_title = f"Pending  {len(items)}" if items else "Pending"
        chosen = len(self._chosen)
        self.border_subtitle = f"{chosen} selected" if chosen else ""
        if not items:
            self.add_option(Option(Text("nothing is waiting"), disabled=True))
            return
        self.add_options([Option(self._prompt(item)) for item in items])
        self.highlighted = min(row, len(items) - 1)

    @property
    def _items(self) -> list[Pending]:
        if self._snapshot is None:
            return []
        by_hash = {item.intent_hash: item for item in self._snapshot.pending}
        return [by_hash[hash] for hash in self._order]

    def _prompt(self, item: Pending) -> Text:
        assert self._snapshot is not None
        palette = self.palette()
        mark = self._glyphs.done if item.intent_hash in self._chosen else " "
        age = self._snapshot.height - item.since
        first: list[Piece] = [
            (f"{mark}{item.n} ", "name"),
            (target(item.kind, item.params), ""),
            (f"  {item.kind}", "dim"),
        ]
        second: list[Piece] = [
            (f"   {answer_line(item, _payload(item))}", "good" if item.prepared else "wait")
        ]
        third: list[Piece] = [
            (f"   {origin_text(item.origin, self._snapshot.index)}  {item.cap}", "dim"),
            (f"  age {age}", "dim"),
        ]
        return Text("\n").join(to_text(line, palette) for line in (first, second, third))

    # -- what verbs ask ---------------------------------------------------------------------

    @property
    def current(self) -> Pending | None:
        """The effect under the cursor."""
        items, row = self._items, self.highlighted
        return items[row] if row is not None and row < len(items) else None

    def to_release(self) -> list[bytes]:
        """The selected ones in the shown order; none selected: the one under the cursor."""
        chosen = [hash for hash in self._order if hash in self._chosen]
        current = self.current
        return chosen or ([] if current is None else [current.intent_hash])

    def in_order(self) -> list[bytes]:
        """All in the shown order."""
        return list(self._order)

    def copied(self) -> tuple[str, str] | None:
        item = self.current
        return None if item is None else (f"effect {item.n}", pretty(item.to_json()))

    # -- keys -------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Select the effect under the cursor, or no longer; then on to the next."""
        item = self.current
        if item is None or self.highlighted is None:
            self.notify("nothing is waiting, so there is nothing to select")
            return
        self._chosen ^= {item.intent_hash}
        self._fill(self.highlighted + 1)

    def action_move_down(self) -> None:
        """Release it later."""
        self._shift(1)

    def action_move_up(self) -> None:
        """Release it earlier."""
        self._shift(-1)

    def _shift(self, by: int) -> None:
        row = self.highlighted
        if row is None or self.current is None or not 0 <= row + by < len(self._order):
            self.notify("there is no place further that way")
            return
        order = self._order
        order[row], order[row + by] = order[row + by], order[row]
        self._fill(row + by)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the record that asked for it."""
        event.stop()
        if (item := self.current) is not None:
            self.post_message(self.Opened(item.since))


def _payload(item: Pending) -> Any:
    answer = item.to_json()["answer"]
    return None if answer is None else answer["payload"]
