"""What lies over the panes: which dialogs are to be seen, and what is said beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual import events
from textual.screen import ModalScreen, Screen

from aos_tui.world_screen import WorldScreen, has_room

if TYPE_CHECKING:
    from textual.app import App
    from textual.geometry import Size
    from textual.widget import Widget

COVERED = "-covered"
"""The class of a dialog that is not to be seen."""


class Covering:
    """Where the terminal has no room for the panes it has none for a dialog over them, which is
    covered then, with all that was typed, until there is room again."""

    def __init__(self, app: App[Any], uncovered: Callable[[], None]) -> None:
        """``uncovered`` is called when no dialog is open any more."""
        self._app, self._uncovered = app, uncovered
        self._focus: dict[Screen[Any], Widget | None] = {}

    def begin(self) -> None:
        """Mind the screens from now on."""
        self._app.screen_change_signal.subscribe(self._app, self._changed)

    def takes(self, event: events.Event) -> bool:
        """Whether an event was meant for a dialog that is covered: nobody sees what it would do.
        Leaving works."""
        if not self._focus or not isinstance(event, events.InputEvent | events.Paste):
            return False
        leaves = isinstance(event, events.Key) and event.key == "ctrl+q"
        return not leaves and self._app.screen in self._focus

    def resized(self, size: Size) -> None:
        """The terminal has another size."""
        over = self._over_panes()
        if has_room(size):
            for screen in over:
                self._show(screen)
        else:
            for screen in over:
                self._cover(screen)

    def _over_panes(self) -> list[ModalScreen[Any]]:
        """The dialogs over a world's panes, the lowest first."""
        found: list[ModalScreen[Any]] = []
        panes = False
        for screen in self._app.screen_stack:
            if isinstance(screen, ModalScreen):
                found.append(screen)
            else:
                found.clear()
                panes = isinstance(screen, WorldScreen)
        return found if panes else []

    def _changed(self, screen: Screen[Any]) -> None:
        there = {of for of in self._focus if of in self._app.screen_stack}
        self._focus = {of: self._focus[of] for of in there}
        if not isinstance(screen, ModalScreen):
            self._uncovered()
        elif not has_room(self._app.size) and screen in self._over_panes():
            self._cover(screen)

    def _cover(self, screen: Screen[Any]) -> None:
        if screen not in self._focus:
            self._focus[screen] = screen.focused  # what is not displayed loses it
            screen.add_class(COVERED)

    def _show(self, screen: Screen[Any]) -> None:
        if screen not in self._focus:
            return
        focused = self._focus.pop(screen)
        screen.remove_class(COVERED)

        def focus() -> None:
            if focused is not None:  # not as if one had gone there: that would select what it says
                screen.set_focus(focused, from_app_focus=True)
            elif screen.focused is None:
                screen.focus_next(screen.AUTO_FOCUS or "*")

        screen.call_after_refresh(focus)
