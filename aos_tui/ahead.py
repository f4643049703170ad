"""Keys that are typed while a dialog is on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import events
from textual.screen import ModalScreen, Screen

from aos_tui.world_screen import WorldScreen

if TYPE_CHECKING:
    from textual.app import App

MOST_KEPT = 100
"""A key that is held down is not meant so often."""


class KeysAhead:
    """Keeps them until the dialog is there: they are for it, not for the panes. Where it is one
    that nobody could expect, or none comes, they are for nobody."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._kept: list[events.Key] = []

    def begin(self) -> None:
        """Mind the screens from now on."""
        self._app.screen_change_signal.subscribe(self._app, self._changed)

    def takes(self, event: events.Event) -> bool:
        """Whether an event is such a key; one that leaves is not. Each comes by twice: on its way
        to the widget that has the focus, and back, where bindings are minded. Those of one burst
        have gone by before the first of them asks for a dialog."""
        if not isinstance(event, events.Key) or event.key == "ctrl+q":
            return False
        screen = self._app.screen
        if isinstance(screen, WorldScreen) and screen.preparing:
            kept = screen.dialog_is_meant and len(self._kept) < MOST_KEPT
        elif isinstance(screen, ModalScreen) and self._kept:
            kept = True  # it is there, but was not given the first ones yet
        else:
            self._kept.clear()  # no dialog came
            return False
        if kept:
            self._kept.append(events.Key(event.key, event.character))
        return True

    def _changed(self, screen: Screen[Any]) -> None:
        if self._kept and isinstance(screen, ModalScreen):
            screen.call_after_refresh(self._app.call_later, self._give, screen)

    async def _give(self, screen: Screen[Any]) -> None:
        """To the dialog, if it is still there."""
        kept, self._kept = self._kept, []
        for key in kept:
            if self._app.screen is screen:
                await self._app.on_event(key)
