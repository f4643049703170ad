"""What all verbs stand on: work that never blocks the screen, errors that are shown, dialogs."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from textual.screen import Screen

from aos_tui.painting import PaintsChanges

if TYPE_CHECKING:
    from textual.worker import WorkType

    from aos_tui.glyphs import Glyphs
    from aos_tui.panes.base import Pane
    from aos_tui.panes.journal import JournalPane
    from aos_tui.panes.pending import PendingPane
    from aos_tui.panes.plan import PlanPane
    from aos_tui.panes.state import StatePane
    from aos_tui.panes.tour import TourBand
    from aos_tui.session import Session
    from aos_tui.snapshot import Snapshot


Found = TypeVar("Found")

Verbs = TypeVar("Verbs", bound="Base")

TURN = "turn"
"""The group of the workers that write, one after the other."""
MOST_AHEAD = 8
"""Keys that wait for what is being written: one that is held down says no more than that."""
PLAY = "play"
"""The group of the worker that plays a scenario to its end."""


def on_what_is_written(action: Callable[[Verbs], None]) -> Callable[[Verbs], None]:
    """An action that looks at the world's end. Pressed while that is being written it waits: quick
    keys mean what they would mean one by one."""
    return _waiting(action, written=True)


def on_what_is_shown(action: Callable[[Verbs], None]) -> Callable[[Verbs], None]:
    """An action that looks at the shown height. Pressed on the way to another one it waits."""
    return _waiting(action, written=False)


def _waiting(action: Callable[[Verbs], None], *, written: bool) -> Callable[[Verbs], None]:
    @wraps(action)
    def act(verbs: Verbs) -> None:
        verbs.in_turn(partial(action, verbs), written=written)

    return act


class Base(PaintsChanges, Screen[None]):
    """A screen on a session. The panes are the subclass's."""

    session: Session
    glyphs: Glyphs
    journal: JournalPane
    pending: PendingPane
    state: StatePane
    plan: PlanPane
    tour: TourBand | None
    told: list[tuple[str, str]]
    """(severity, text) of all that the app has said."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._preparing = 0
        self.asked = 0
        """How many dialogs were asked for that had to be prepared, or that do not come."""
        self.dialog_is_meant = True
        """Whether the dialog that is on its way is what one asked for."""
        self._writes = 0
        self._ahead: deque[tuple[Callable[[], None], bool]] = deque()
        """(what is to be done, whether it waits for what is being written)"""

    @property
    def snapshot(self) -> Snapshot | None:
        """What is shown."""
        return self.session.snapshot

    def focused_pane(self) -> tuple[str, Pane | None]:
        """(name, pane) that has the focus."""
        raise NotImplementedError

    def legend(self) -> tuple[str, list[tuple[str, str]]]:
        """(heading, rows) of what the signs mean, for the help."""
        raise NotImplementedError

    def work(
        self, act: Callable[[], Awaitable[Any]], *, group: str = TURN, newest: bool = False
    ) -> None:
        """Run something of the session; an error is shown and the app goes on.

        ``newest``: what runs in the group already is dropped.
        """

        async def run() -> None:
            from aos_core.errors import AosError
            from aos_tui.session import Closed

            try:
                await act()
            except AosError as error:
                self.fail(error)
            except Closed:  # nobody looks any more
                return
            except Exception as error:  # a bug of ours: what is in the journal is safe, so go on
                self.log.error(traceback.format_exc())
                text = f"this is a bug in aos-tui, please report it: {error!r}"
                self.notify(text, severity="error")
            finally:
                self._writes -= group == TURN
                self._go_on()

        self._writes += group == TURN
        # the function, not its coroutine: one that is dropped before it begins was never made
        begin: WorkType[None] = run
        self.run_worker(begin, group=group, exclusive=newest)

    def in_turn(self, act: Callable[[], None], *, written: bool = True) -> None:
        """Do something when the wanted height is shown, and, if ``written``, nothing is being
        written any more."""
        if not (self._ahead or self._has_to_wait(written)):
            act()
        elif len(self._ahead) < MOST_AHEAD:
            self._ahead.append((act, written))

    def _has_to_wait(self, written: bool) -> bool:
        return self.session.travelling or (written and self._writes > 0)

    @property
    def has_waiting(self) -> bool:
        """Whether an action waits for what is being written, or for the wanted height."""
        return bool(self._ahead)

    @property
    def writing(self) -> bool:
        """Whether something is being written."""
        return self._writes > 0

    def _go_on(self) -> None:
        """Do what waited; where a dialog has come up, that was not meant for it."""
        while self._ahead and not self._has_to_wait(self._ahead[0][1]):
            (act, _), asked = self._ahead.popleft(), self.asked
            if not self._preparing and self.is_active:
                act()
            if self.asked > asked or self._preparing or not self.is_active:
                self._ahead.clear()

    def prepare(self, act: Callable[[], Awaitable[Any]], *, meant: bool = True) -> None:
        """As :meth:`work`, for what ends in a dialog: keys typed ahead of it are for it, so the
        screen takes none until it is there. ``meant``: whether it is what one asked for; keys typed
        ahead of another one are for nobody."""

        async def run() -> None:
            try:
                await act()
            finally:
                self._preparing -= 1

        self._preparing += 1
        self.dialog_is_meant = meant
        self.asked += 1
        self.work(run, group="prepare")

    def no_dialog(self, why: str) -> None:
        """Say why the dialog that a key asks for does not come. Keys typed ahead of it are for
        nobody, as with :meth:`prepare`."""
        self.asked += 1
        self.notify(why)

    async def attempt(self, what: Awaitable[Found]) -> Found | None:
        """What is found out, or None where that fails: then the error is shown."""
        from aos_core.errors import AosError

        try:
            return await what
        except AosError as error:
            self.fail(error)
            return None

    @property
    def playing(self) -> bool:
        """Whether a scenario plays to its end."""
        return any(of.group == PLAY and not of.is_finished for of in self.app.workers)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not self._preparing

    @property
    def preparing(self) -> bool:
        """Whether a dialog is on its way; what prepares one may ask for another."""
        return self._preparing > 0

    @property
    def building(self) -> bool:
        """Whether a compiler runs."""
        raise NotImplementedError

    def stop_building(self) -> None:
        """End the compiler."""
        raise NotImplementedError

    def leave_tour(self) -> None:
        """Take the tour's band away."""
        raise NotImplementedError

    def show_value(self, title: str, text: str) -> None:
        """A value or a long text, whole."""
        self._ask("ValueDialog", lambda _: None, title, text)

    def fail(self, error: Any) -> None:
        """Show an error: what, where, what to do."""
        hint = f"\n{error.hint}" if error.hint else ""
        self.notify(f"{error.message}{hint}", severity="error")

    def _say_fault(self, fault: str | None) -> None:
        if fault:
            self.notify(fault, severity="error")

    def _ask(
        self,
        name: str,
        answer: Callable[[Any], None],
        *given: Any,
        unasked: bool = False,
        **more: Any,
    ) -> None:
        """Push a dialog of this name; ``answer`` gets its result, unless one backed out.

        ``unasked``: it opens by itself, so it takes no key before it can be read. Without a
        terminal all keys were chosen before."""
        from aos_tui import dialogs

        dialog = getattr(dialogs, name)(*given, **more)
        if unasked and not self.session.options.headless:
            dialog.comes_unasked()
        self.app.push_screen(dialog, lambda result: None if result is None else answer(result))
