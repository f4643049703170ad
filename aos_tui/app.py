"""The app: what all screens share. Which world is shown is said in ``worlds``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from aos_tui.actions import ACTIONS, remap, shown_key
from aos_tui.covering import Covering
from aos_tui.ending import leave_when_told
from aos_tui.glyphs import ASCII, pick_glyphs
from aos_tui.keymap import keys_file, read_keymap
from aos_tui.keys_in_turn import KeysInTurn
from aos_tui.last_filter import ASCII_SIGNS, NO_COMMANDS
from aos_tui.options import Options
from aos_tui.remembered import Remembered, recall, remember
from aos_tui.stylesheet import Stylesheet
from aos_tui.themes import CURSOR, OWN
from aos_tui.toast_text import toast_text
from aos_tui.world_screen import WorldScreen
from aos_tui.worlds import ENDLESS, FIRST, Worlds

if TYPE_CHECKING:
    from aos_tui.picker_screen import PickerScreen
    from aos_tui.problem_screen import ProblemScreen
    from aos_tui.session import Session

MOST_PASTED = 200_000
"""Characters; more than that in a field makes every key wait."""

UNTIL_A_KEY = 24 * 3600
"""Seconds that nobody waits: what is said so long is put away by a key."""
READ_SECONDS = 1.5
"""So long an error is there at least: a key that was typed ahead of it puts nothing away."""

COMFORTABLE = (100, 30)
"""Columns and rows from which on all panes stand beside each other, with room in each."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """An error that was said, and when."""

    text: str
    at: float


class AosApp(App[None]):
    """Owns what outlives a world: theme, keys, what is remembered, the clipboard."""

    TITLE = "aos-tui"
    CSS_PATH = "app.tcss"
    DEFAULT_MODE = FIRST
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", show=False, priority=True)]

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.stylesheet = Stylesheet(variables=self.get_css_variables())
        self.options = options
        self.remembers = not options.headless
        """Without a terminal nothing is remembered, and nothing that was counts."""
        self._remembered = recall() if self.remembers else Remembered()
        self._begin_in_theme()
        self.glyphs = pick_glyphs(sys.stdout.encoding, os.environ.get("TERM"))
        self.said: list[tuple[str, str]] = []
        self._key_since = False
        """Whether a key was pressed after the last information was said."""
        self._failed: _Failed | None = None
        """The last error that no key has put away."""
        self._unread: _Failed | None = None
        """The last one that a dialog has put away before it could be read."""
        self._covering = Covering(self, self._say_unread)
        self.keys_in_turn = KeysInTurn(self)
        self.worlds = Worlds(self, options)
        self.add_mode(FIRST, self.worlds.first_screen)
        self.set_class(self.glyphs is ASCII, "-ascii")

    def on_mount(self) -> None:
        """Show the first screen, then open the world behind it."""
        self._covering.begin()
        self._take_keys()
        wanted = self.options.theme
        if wanted is not None and wanted not in self.available_themes:
            known = ", ".join(sorted(self.available_themes))
            self.notify(f"there is no theme {wanted}: {known}", severity="warning")
        if self.is_web:
            from aos_tui.web.tab import end_with_server

            self.run_worker(end_with_server(self.exit), group=ENDLESS)
        elif not self.is_headless:
            leave_when_told(self)
        self.call_after_refresh(self._say_size)
        self.call_after_refresh(self.worlds.begin)

    def _begin_in_theme(self) -> None:
        """That of the command line, else the one that was chosen last, else our dark one. Not by
        assignment: nothing is styled yet that would have to be styled anew."""
        for theme in OWN:
            self.register_theme(theme)
        for name in (self.options.theme, self._remembered.theme, OWN[0].name):
            if name in self.available_themes:
                self.set_reactive(App.theme, name)
                self.stylesheet.set_variables(self.get_css_variables())
                return

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What the stylesheet asks for, and no theme but our own has."""
        return {CURSOR: f"{self.current_theme.primary} 40%"}

    def watch_theme(self, theme: str) -> None:
        """One was chosen in the palette."""
        if self.remembers:
            remember(theme=theme)

    def _say_size(self) -> None:
        """The first time, if it could be more comfortable."""
        small = self.size.width < COMFORTABLE[0] or self.size.height < COMFORTABLE[1]
        if not self.remembers or self._remembered.size_told or not small:
            return
        remember(size_told=True)
        now, good = (f"{of[0]}x{of[1]}" for of in (self.size, COMFORTABLE))
        self.notify(f"this terminal is {now}: all works; {good} or more is comfortable", timeout=8)

    def _take_keys(self) -> None:
        keymap = read_keymap(keys_file())
        remap(keymap.keys)
        self.set_keymap(keymap.keys)
        for problem in keymap.problems:
            self.notify(problem, severity="warning", timeout=10)

    def get_key_display(self, binding: Binding) -> str:
        return shown_key(binding.key)

    @property
    def session(self) -> Session:
        """That of the world that is shown; there must be one."""
        return self.worlds.session

    def on_looking_pick_world(self) -> None:
        """Another world is wanted."""
        self.run_worker(self.worlds.pick(), group="open")

    on_problem_screen_left = on_looking_pick_world

    def on_problem_screen_pick_world(self) -> None:
        """Another world is wanted, or this one still."""
        self.run_worker(self.worlds.pick(comes_back=True), group="open")

    def on_picker_screen_picked(self, message: PickerScreen.Picked) -> None:
        """Open it."""
        self.worlds.open(message.path)

    def on_picker_screen_tour(self) -> None:
        """Begin it."""
        self.worlds.take_tour()

    def on_picker_screen_left(self) -> None:
        """Back to the world that is open or did not open, else out."""
        self.run_worker(self.worlds.stay(), group="open")

    def on_problem_screen_retry(self) -> None:
        """Open the world again."""
        self.worlds.retry()

    def on_problem_screen_build(self, message: ProblemScreen.Build) -> None:
        """Build it, then open it."""
        self.worlds.build_soon(trust=message.trust)

    def on_problem_screen_stop_build(self) -> None:
        """Stop the build; the screen stays."""
        self.worlds.stop_build()

    def copy_to_clipboard(self, text: str) -> None:
        """As Textual's (OSC 52), and to a file, for terminals that do not take it."""
        super().copy_to_clipboard(text)

        async def keep() -> None:
            try:
                if self.worlds.shown is not None:
                    await self.session.keep_copy(text)
            except OSError as error:
                self.notify(
                    f"{error.filename} was not written: {error.strerror}", severity="warning"
                )

        self.run_worker(keep(), group="copy")

    def notify(self, message: str, *, markup: bool = False, **more: Any) -> None:
        """As Textual's, kept for those who look at the app from outside; no markup by itself.

        Mere information gives way to the next, so that quick keys pile up nothing; an error stays
        until a key is pressed when it could be read."""
        severity = more.get("severity", "information")
        if severity == "information":
            more.setdefault("timeout", 4)
            self._clear_information()
            self._key_since = False
        elif severity == "error":
            more["timeout"], self._failed = UNTIL_A_KEY, _Failed(message, monotonic())
        self.said.append((severity, message))
        super().notify(toast_text(message, self.size.width, self.console), markup=markup, **more)

    def world_moved(self) -> None:
        """Another branch or height is shown, or the world has grown: what was said before the last
        key is of a state that is no more. Where no key was pressed since, others did it, and that
        takes nothing away."""
        if self._key_since:
            self._clear_information()

    def _clear_information(self) -> None:
        """Put mere information away; what warns stays."""
        for of in list(self._notifications):
            if of.severity == "information":
                self._unnotify(of)

    async def on_event(self, event: events.Event) -> None:
        """As Textual's, but for a paste that no field can bear: it says so; a key puts away errors
        that could be read, and esc does nothing else then, whatever is shown; a dialog that is not
        to be seen gets nothing; and a key waits for the one before it."""
        if self._covering.takes(event) or self.keys_in_turn.takes(event):
            return
        if isinstance(event, events.Key) and not event.is_forwarded:  # else it comes by once more
            self._key_since = True
            if event.key != "escape":
                self._put_errors_away()
            elif self._has_errors and not getattr(self.screen, "minds_escape", False):
                self.clear_notifications()
                return
        if isinstance(event, events.Paste) and len(event.text) > MOST_PASTED:
            self.notify(
                f"not pasted: {len(event.text):,} characters, {MOST_PASTED:,} is the most. "
                "`aos fire` and `aos release` take any size from a file",
                severity="warning",
            )
            return
        if isinstance(event, events.Paste):
            self._say_what_is_cut(len(event.text.splitlines()))
        await super().on_event(event)

    def _say_what_is_cut(self, lines: int) -> None:
        """A field of one line keeps the first of those that are pasted, unless it hands them on."""
        field = self.focused
        if lines > 1 and isinstance(field, Input) and not getattr(field, "takes_lines", False):
            self.notify(f"pasted is the first of {lines} lines: this field takes no more than one")

    def on_resize(self, event: events.Resize) -> None:
        """There may be room for dialogs, or none any more."""
        self._covering.resized(event.size)

    def push_screen(self, screen: Any, *args: Any, **more: Any) -> Any:
        """As Textual's; a dialog is not covered by what was said before it. An error that could not
        be read yet is said again when no dialog is open any more; it is among the messages too."""
        if isinstance(screen, ModalScreen):
            if self._failed is not None and not self._could_be_read:
                self._unread = self._failed
            self.call_later(super().clear_notifications)  # what is on its way by now
            self.clear_notifications()
            self._read_stylesheets(screen)
        return super().push_screen(screen, *args, **more)

    def _read_stylesheets(self, dialog: ModalScreen[Any]) -> None:
        """Before Textual does, which would style anew all that no dialog's stylesheet speaks of."""
        for path in dialog.css_path:
            if not self.stylesheet.has_source(str(path)):
                self.stylesheet.read(path)

    def _say_unread(self) -> None:
        unread, self._unread = self._unread, None
        if unread is not None:
            self._failed = replace(unread, at=monotonic())
            super().notify(unread.text, severity="error", markup=False, timeout=UNTIL_A_KEY)

    def _put_errors_away(self) -> None:
        if self._could_be_read:
            self.clear_notifications()

    @property
    def _has_errors(self) -> bool:
        """Whether an error is still to be seen: a click may have put it away."""
        return any(of.severity == "error" for of in self._notifications)

    @property
    def _could_be_read(self) -> bool:
        """Whether the last error has been there for long enough."""
        return self._failed is not None and monotonic() - self._failed.at > READ_SECONDS

    def clear_notifications(self) -> None:
        """As Textual's; no error is unread then."""
        self._failed = None
        super().clear_notifications()

    def get_line_filters(self) -> Sequence[LineFilter]:
        signs = [ASCII_SIGNS] if self.glyphs is ASCII else []
        return [*super().get_line_filters(), NO_COMMANDS, *signs]

    def on_key(self, event: events.Key) -> None:
        """A key that does nothing says so."""
        if not isinstance(self.screen, WorldScreen) or not event.is_printable:
            return
        if self.screen.preparing or self.screen.too_small:
            return
        if self.screen.snapshot is None:
            self.notify("the world is still being opened")
        elif event.key not in self.screen.active_bindings:
            self.notify(f"{event.character} does nothing here: ? lists the keys")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: the action table, and the themes."""
        where = getattr(screen, "WHERE", None)
        for action in ACTIONS:
            if action.where == where and not action.own and screen.check_action(action.name, ()):
                keys = f"  ({action.key_text})" if action.keys else ""
                title = f"{action.label[:1].upper()}{action.label[1:]}{keys}"
                yield SystemCommand(title, action.help, getattr(screen, f"action_{action.name}"))
        yield SystemCommand("Theme", "choose the colours", self.action_change_theme)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No palette where the terminal has no room for the panes."""
        small = isinstance(self.screen, WorldScreen) and self.screen.too_small
        return not (small and action == "command_palette")

    def action_help_quit(self) -> None:
        """As Textual's, for ctrl+c; without its markup, which :meth:`notify` shows as it is."""
        self.notify("ctrl+c copies what is selected in a field; ctrl+q quits")

    async def action_quit(self) -> None:
        """Leave; the world is closed on the way out. What would be broken off is asked about."""
        if self.worlds.may_leave:
            self.exit()
        else:
            self.run_worker(self._leave(), group="open")

    async def _leave(self) -> None:
        if await self.worlds.may_break_off("Quit?", "Quit", "Stay"):
            self.exit()

    async def on_unmount(self) -> None:
        """Give up the world."""
        await self.worlds.close()
