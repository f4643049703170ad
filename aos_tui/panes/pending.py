"""What the world waits for: each effect with its number, its parameters, and its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from aos_core.effect_words import target, tells_kind
from aos_tui.actions import bindings_of
from aos_tui.formatting import Piece, answer_line, origin_text, pretty, to_text
from aos_tui.panes.base import Pane
from aos_tui.panes.released import Released, released
from aos_tui.state_text import fitted

if TYPE_CHECKING:
    from aos_core.view import Pending
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Snapshot


Asked = tuple[int, bytes]
"""The height of the record and the intent's hash: the same effect may be asked for again later."""

ROOMY = 46
"""Cells from which on each effect has a line for where it comes from."""
LINGER = 6.0
"""Seconds for which a released receipt stays visible with its result. Where the terminal is asked
for no animations nothing goes by itself: it stays until the next input."""
LINES = 5
"""So many of them at most."""
NUMBER = 4
"""Cells at the left of an effect, its number: a click there selects it."""


class PendingPane(Pane, OptionList):
    """The order of the list is the order of release; it, the selection and what is held back are
    the pane's own."""

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

    def __init__(self, glyphs: Glyphs, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock``: seconds, for how long released receipts are shown."""
        super().__init__(id="pending", classes="pane", compact=True, markup=False)
        self.entitle("Pending")
        self._lines_shown: list[tuple[Text, bool]] = []
        self._glyphs, self._clock = glyphs, clock
        self._released: list[Released] = []
        self._until = 0.0
        self._snapshot: Snapshot | None = None
        self._arranged: list[Asked] = []
        self._current: Asked | None = None
        self._chosen: set[Asked] = set()
        self._held: set[Asked] = set()
        self._held_last: dict[Asked, int] = {}
        """By effect its number: those that were held back since anything else has happened, in that
        order."""

    def show(self, snapshot: Snapshot) -> None:
        """Show another snapshot; order and selection stay for what is still pending.

        The cursor stays while effects are released; where others appear, it goes to the first."""
        row = self._row
        old, self._snapshot = self._snapshot, snapshot
        if old is not None:
            self._keep_released(old, snapshot)
            # a branch that is opened has another index; one that is renamed goes on with its own
            if old.index is not snapshot.index or old.live != snapshot.live:
                self._held_last.clear()
        now = set(map(_asked, snapshot.pending))
        self._chosen &= now
        if old is None:
            self._fill(0)
        elif _shown(old) != _shown(snapshot):
            before = set(map(_asked, old.pending))
            travelled = old.live == snapshot.live and before != now
            self._fill(0 if travelled or now - before else self._row_of(self._current, row))

    def _keep_released(self, old: Snapshot, new: Snapshot) -> None:
        """What was released is shown until the next input, or for :data:`LINGER` seconds."""
        if (old.branch, old.live) == (new.branch, new.live):
            return
        self._released = released(old, new)
        if self._released and self.app.animation_level != "none":
            self._until = self._clock() + LINGER
            self.set_timer(LINGER, self.sweep)

    def sweep(self) -> None:
        """Put away what was shown for long enough."""
        if self._released and self._clock() >= self._until:
            row = self._row
            self._released = []
            self._fill(row)

    def _row_of(self, asked: Asked | None, row: int) -> int:
        """The place of an effect; where it is gone, that where it was."""
        order = [_asked(item) for item in self._items]
        return order.index(asked) if asked in order else row

    @property
    def _row(self) -> int:
        """The place in the list of effects where the cursor is."""
        return max(0, (self.highlighted or 0) - self._above)

    @property
    def _above(self) -> int:
        """How many lines stand above the effects: what was released."""
        return len(self._results())

    def _results(self) -> list[Text]:
        """What was released by the shown height, the newest ones: before its receipt an effect is
        still waiting there."""
        if self._snapshot is None or not self._released:
            return []
        palette, height = self.palette(), self._snapshot.height
        came = [of for of in self._released if of.height <= height]
        shown = [of.line(self._glyphs) for of in came[-LINES:]]
        if more := len(came) - len(shown):
            shown[0] = [(f"  {more + 1} others before", "dim")]
        return [to_text(self._fitted(line), palette) for line in shown]

    def _fitted(self, line: list[Piece]) -> list[Piece]:
        """A line cut for the room there is, also beside a scroll bar; all of it where there is no
        room yet."""
        room = self.content_size.width - self.styles.scrollbar_size_vertical
        return fitted(line, room) if room > 0 else line

    def on_resize(self, event: events.Resize) -> None:
        """What is said of an effect depends on the room there is."""
        if self._snapshot is not None:
            self._fill(self._row)

    def on_mount(self) -> None:
        """Its lines hold the colours of the theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.on_theme())

    def on_theme(self) -> None:
        if self._snapshot is not None:
            self._fill(self._row)

    def _fill(self, row: int) -> None:
        items, chosen = self._items, len(self._chosen)
        self.entitle(
            f"Pending  {len(items)}" if items else "Pending", f"{chosen} selected" if chosen else ""
        )
        said = [(line, True) for line in self._results()]
        if not items:
            self._put([*said, (Text(" nothing is waiting"), True)])
            return
        self._put([*said, *((self._prompt(item), False) for item in items)])
        row = min(row, len(items) - 1)
        self.highlighted = row + self._above
        self._current = _asked(items[row])

    def _put(self, lines: list[tuple[Text, bool]]) -> None:
        """Show these (text, whether it is only said). A list that is made anew has the whole screen
        laid out, so one of the same shape is written over."""
        old, self._lines_shown = self._lines_shown, lines
        if list(map(_shape, old)) != list(map(_shape, lines)):
            self.clear_options()
            self.add_options([Option(text, disabled=said) for text, said in lines])
            return
        for at, (before, now) in enumerate(zip(old, lines, strict=True)):
            if before != now:
                self.replace_option_prompt_at_index(at, now[0])

    @property
    def _items(self) -> list[Pending]:
        """In the order that was arranged by hand; the others after it, as they were asked for;
        last those that are held back, so that places in the list are places in an order."""
        pending = () if self._snapshot is None else self._snapshot.pending
        place = {asked: at for at, asked in enumerate(self._arranged)}

        def rank(item: Pending) -> tuple[bool, int]:
            asked = _asked(item)
            return asked in self._held, place.get(asked, len(place))

        return sorted(pending, key=rank)

    def _prompt(self, item: Pending) -> Text:
        assert self._snapshot is not None
        palette, snapshot = self.palette(), self._snapshot
        mark = self._glyphs.done if _asked(item) in self._chosen else " "
        roomy = self.content_size.width >= ROOMY
        what = target(item.kind, item.params)
        said: list[Piece] = [(what, ""), (f"  {item.kind}" if roomy else "", "dim")]
        if what == item.kind or not tells_kind(item.params):
            said = [(item.kind, ""), ("" if what == item.kind else f"  {what}", "dim")]
        lines = [[(f"{mark}{item.n} ", "name"), *said]]
        fault = snapshot.index.last_fault(item.intent_hash, snapshot.height)
        if fault is not None and (row := snapshot.index.row(fault)) is not None:
            record = row.record
            text = f"   {self._glyphs.failed} fault at {fault}: {record['code']}: {record['text']}"
            lines.append([(text, "bad")])
        if _asked(item) in self._held:
            lines.append([(f"   {self._glyphs.held} never comes: R and s leave it", "wait")])
        else:
            role = "good" if item.prepared else "wait"
            lines.append([(f"   {answer_line(item, _payload(item))}", role)])
        if roomy:
            origin = origin_text(item.origin, snapshot.index, item.since)
            lines.append([(f"   {origin}  {item.cap}  age {snapshot.height - item.since}", "dim")])
        return Text("\n").join(to_text(self._fitted(line), palette) for line in lines)

    # -- what verbs ask ---------------------------------------------------------------------

    @property
    def current(self) -> Pending | None:
        """The effect under the cursor."""
        items = self._items
        return items[self._row] if self.highlighted is not None and items else None

    def to_release(self) -> list[bytes]:
        """The selected ones in the shown order; none selected: the one under the cursor."""
        chosen = [item.intent_hash for item in self._items if _asked(item) in self._chosen]
        current = self.current
        return chosen or ([] if current is None else [current.intent_hash])

    def in_order(self) -> list[bytes]:
        """All in the shown order, but for those that are held back."""
        return [item.intent_hash for item in self._items if _asked(item) not in self._held]

    @property
    def held(self) -> int:
        """How many of those that wait are held back."""
        return len(self._items) - len(self.in_order())

    def hold(self, item: Pending) -> bool:
        """Hold an effect back, or no longer; whether it is held back now. It is released only by
        itself: its receipt is one that never comes. The journal knows nothing of that."""
        asked = _asked(item)
        self._held ^= {asked}
        if asked in self._held:
            self._held_last[asked] = item.n
        else:
            self._held_last.pop(asked, None)
        self._fill(self._row_of(asked, 0))
        return asked in self._held

    def let_last_come(self) -> int | None:
        """Hold back no longer what was held back last, if nothing has happened since; its number,
        or None."""
        if not self._held_last:
            return None
        asked, number = self._held_last.popitem()
        self._held.remove(asked)
        self._fill(self._row_of(asked, self._row))
        return number

    def numbers(self, intents: list[bytes]) -> list[int]:
        """What people call these."""
        by_hash = {item.intent_hash: item.n for item in self._items}
        return [by_hash[intent] for intent in intents]

    def copied(self) -> tuple[str, str] | None:
        item = self.current
        return None if item is None else (f"effect {item.n}", pretty(item.to_json()))

    # -- keys -------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Select the effect under the cursor, or no longer."""
        item = self.current
        if item is None:
            self.notify("nothing is waiting, so there is nothing to select")
            return
        self._chosen ^= {_asked(item)}
        self._fill(self._row)

    def action_mark_all(self) -> None:
        """Select all; none, where all are."""
        every = {_asked(item) for item in self._items}
        if not every:
            self.notify("nothing is waiting, so there is nothing to select")
            return
        self._chosen = set() if self._chosen == every else every
        self._fill(self._row)

    def on_click(self, event: events.Click) -> None:
        """On the number, or with ctrl: select it, or no longer; with shift: all from the cursor
        to there. Else as every list: open it."""
        option, items = event.style.meta.get("option"), self._items
        at = -1 if option is None else option - self._above
        if not 0 <= at < len(items):
            return
        inside = event.get_content_offset(self)
        if event.shift:
            first, last = sorted((self._row, at))
            self._chosen |= {_asked(item) for item in items[first : last + 1]}
        elif event.ctrl or (inside is not None and inside.x < NUMBER):
            self._chosen ^= {_asked(items[at])}
        else:
            return
        event.prevent_default()
        self._fill(at)

    def action_move_down(self) -> None:
        """Release it later."""
        self._shift(1)

    def action_move_up(self) -> None:
        """Release it earlier."""
        self._shift(-1)

    def _shift(self, by: int) -> None:
        row, order = self._row, [_asked(item) for item in self._items]
        if self.current is None:
            self.notify("nothing is waiting, so there is nothing to move")
        elif order[row] in self._held:
            self.notify("what is held back has no place in the order: x n lets it come again")
        elif not 0 <= row + by < len(order) - self.held:
            self.notify("there is no place further that way")
        else:
            order[row], order[row + by] = order[row + by], order[row]
            self._arranged = order
            self._fill(row + by)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Remember the effect of the cursor."""
        event.stop()
        self._current = None if self.current is None else _asked(self.current)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the record that asked for it."""
        event.stop()
        if (item := self.current) is not None:
            self.post_message(self.Opened(item.since))


def _shown(snapshot: Snapshot) -> tuple[object, ...]:
    """What the pane shows of a snapshot."""
    return snapshot.branch, snapshot.pending, snapshot.height, snapshot.live


def _shape(line: tuple[Text, bool]) -> tuple[int, bool]:
    return line[0].plain.count("\n"), line[1]


def _asked(item: Pending) -> Asked:
    return item.since, item.intent_hash


def _payload(item: Pending) -> Any:
    answer = item.to_json()["answer"]
    return None if answer is None else answer["payload"]
