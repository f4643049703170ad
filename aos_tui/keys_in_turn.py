"""Keys that come faster than they are minded mean what they mean one by one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from itertools import chain, takewhile
from time import monotonic
from typing import TYPE_CHECKING, Any

from textual import events

from aos_tui.world_screen import WorldScreen

if TYPE_CHECKING:
    from textual.app import App
    from textual.dom import DOMNode

MOST_AHEAD = 100
"""Keys that wait for a dialog; one that is held down is not meant so often."""
LOOK_SECONDS = 0.001
PREPARING_SECONDS = 0.01
"""So often it is looked for what a key leads to, and for a dialog that is being prepared: what is
read for it takes its time, and looking takes some of that."""
MOST_REPEATED = 8
"""Times that one key waits for what is being written: held down it says no more than that."""
MOVES = {"step", "page", "edge", "walk", "pan", "cursor_up", "cursor_down", "back", "forward"}
"""Actions that change nothing but where one is."""
PATIENCE_SECONDS = 1.0
"""How long a key may take that opens nothing, before the next one is given."""


class KeysInTurn:
    """Gives a key only when the one before it has done what it does: opened a dialog or closed it,
    moved the focus, put something into the queue of the screen.

    In Textual a key goes to the widget that has the focus when it comes. What that makes of the key
    are messages, minded later, while keys behind it still go to that widget: ``B down enter`` in
    one burst would walk in the journal below the branches, and ``enter k`` would type into a dialog
    that is about to close.

    Keys ahead of a dialog that nobody could expect, or that does not come, are for nobody; nor are
    those that come before one can be read that opened by itself.
    """

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._kept: deque[events.Key | events.Paste] = deque()
        self._asked: tuple[WorldScreen, int] | None = None
        """The world's screen when the key came that is minded, and how many dialogs had been asked
        for there."""
        self._moved: DOMNode | None = None
        """What the key moves in that is being minded, if it does no more than that."""
        self._quiet, self._end = 0, 0.0
        """How often nothing was on its way, and until when it is looked (monotonic, seconds)."""
        self.busy = False
        """Whether a key is being minded, and the next one waits."""

    def takes(self, event: events.Event) -> bool:
        """Whether an event waits, or is for nobody; one that leaves does not wait."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            return False
        if isinstance(event, events.Key) and event.key == "ctrl+q":
            return False
        if not self.busy:
            if self._unread:
                return True
            if not self._goes_into_field(event):
                self._begin(event)
            return False
        if self._goes_on_moving(event):
            return False  # steps add up by themselves, and are painted together
        self._keep(event)
        return True

    def _keep(self, event: events.Key | events.Paste) -> None:
        screen = self._preparing
        if screen is None:
            waits = not self._unread
        else:
            waits = screen.dialog_is_meant and len(self._kept) < MOST_AHEAD
        if waits:
            self._kept.append(event)

    def _let_go(self) -> None:
        """Of one key, held down while what it does takes long, no more than some are meant."""
        repeated = list(takewhile(lambda of: _same(of, self._kept[0]), self._kept))
        for _ in repeated[MOST_REPEATED:]:
            self._kept.popleft()

    def _goes_on_moving(self, event: events.Event) -> bool:
        """Whether a key moves in the same place as the one that is being minded."""
        if self._kept or self._moved is None:
            return False
        return self._moves_in(event) is self._moved

    def _moves_in(self, event: events.Event) -> DOMNode | None:
        """The widget or screen in which a key moves, if it does no more than that."""
        if not isinstance(event, events.Key):
            return None
        found = self._app.screen.active_bindings.get(event.key)
        if found is None or found.binding.action.partition("(")[0] not in MOVES:
            return None
        return found.node

    @property
    def _unread(self) -> bool:
        """Whether what is on top is a dialog that opened by itself just now."""
        return getattr(self._app.screen, "unread", False)

    @property
    def _preparing(self) -> WorldScreen | None:
        """The screen whose dialog is on its way; another one that nobody asked for may lie above
        it by now, or the one that asked."""
        return next((of for of in self._worlds if of.preparing), None)

    @property
    def _worlds(self) -> Iterator[WorldScreen]:
        """The screens that show a world; what is on top of them comes first."""
        return (of for of in reversed(self._app.screen_stack) if isinstance(of, WorldScreen))

    def _goes_into_field(self, event: events.Event) -> bool:
        """Whether it is a character that is typed: that leads nowhere else."""
        field = self._app.focused
        if field is None or not isinstance(event, events.Key):
            return False
        return field.check_consume_key(event.key, event.character)

    def _begin(self, event: events.Event) -> None:
        screen, self.busy = next(self._worlds, None), True
        self._moved = self._moves_in(event)
        self._asked = None if screen is None else (screen, screen.asked)
        self._quiet, self._end = 0, monotonic() + PATIENCE_SECONDS
        self._look_later()

    def _look_later(self) -> None:
        # not by call_later: of what that makes Textual asks each time how many parameters it has
        self._app.post_message(events.Callback(callback=self._look))

    async def _look(self) -> None:
        """Nothing is on its way to a widget, twice: what had come up to the app's own queue in
        between, and what that led to, would be seen the second time."""
        if (screen := self._preparing) is not None:
            self._end = monotonic() + PATIENCE_SECONDS
        if (waiting := self._waiting) is not None and waiting.writing:
            self._let_go()
        waits = screen is not None or waiting is not None or self._on_its_way
        self._quiet = 0 if waits else self._quiet + 1
        if self._quiet == 2 or monotonic() > self._end:
            await self._give()
        else:
            pause = LOOK_SECONDS if screen is None else PREPARING_SECONDS
            asyncio.get_running_loop().call_later(0 if self._quiet else pause, self._look_later)

    @property
    def _waiting(self) -> WorldScreen | None:
        """The screen on which the key does what it does only when something else is done."""
        screen = self._app.screen
        return screen if isinstance(screen, WorldScreen) and screen.has_waiting else None

    @property
    def _on_its_way(self) -> bool:
        """Whether something is on its way to a screen, or to the widget that has the focus."""
        focused = self._app.focused
        path = () if focused is None else focused.ancestors_with_self
        nodes = chain(path, self._app.screen_stack)
        return any(of.message_queue_size for of in nodes if of is not self._app)

    @property
    def _missed(self) -> bool:
        """Whether the key asked for a dialog, and none has come or another than it asked for. Asked
        when all is over: one may have come between two looks."""
        screen, asked = self._asked or (None, 0)
        if screen is None or screen.asked == asked:
            return False
        return screen is self._app.screen or not screen.dialog_is_meant

    async def _give(self) -> None:
        """What waits, until one leads somewhere."""
        self.busy = False
        if self._missed:
            self._kept.clear()
        while self._kept and not self.busy:
            await self._app.on_event(self._kept.popleft())


def _same(one: events.Event, other: events.Event) -> bool:
    return isinstance(one, events.Key) and isinstance(other, events.Key) and one.key == other.key
