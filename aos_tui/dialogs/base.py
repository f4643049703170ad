"""What all dialogs share: the frame, the line of keys, the message, and how a form is read.

A dialog says what it will do, shows its keys, and backs out on Esc. A *form* is read again at every
change; what is wrong with it stands in its message line, and it closes only when it reads well.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import ClassVar, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.markup import escape
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Label, OptionList, RadioSet, Select, Static, TextArea

from aos_core.plain import clip
from aos_tui.dialogs.own_keys import own_keys
from aos_tui.painting import PaintsChanges

Result = TypeVar("Result")

UNREAD_SECONDS = 0.7
"""For so long a dialog that nobody asked for cannot have been read."""

SHOWN = 50_000
"""How many characters of one text a dialog lays out; copying takes the whole of it."""

BREAKPOINTS = [(0, "-narrow"), (76, "-normal"), (110, "-wide")]
"""The classes a dialog has from so many columns on."""
HEIGHTS = [(0, "-low"), (20, "-middle"), (32, "-tall")]
"""And from so many rows on."""


class Wrong(Exception):
    """A form that does not read: what is wrong, and the place (row, column; from 0) in its text."""

    def __init__(self, text: str, place: tuple[int, int] | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.place = place


class Reader(VerticalScroll):
    """Text to scroll through: arrows, home, end and paging are the container's own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "scroll down"),
        Binding("up,k", "scroll_up", "scroll up"),
    ]


class LineList(OptionList):
    """Lines to choose from; arrows, home, end and paging are Textual's own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "cursor_down", "the next line"),
        Binding("up,k", "cursor_up", "the line before"),
    ]


class Dialog(ModalScreen[Result], PaintsChanges):
    """A frame with a title, what the dialog will do, its body, and a line of keys.

    ``SAYS``: what it will do. ``KEYS``: its buttons beside Back, as (key, action, label).
    ``MORE``: keys that are no buttons, in words.
    """

    CSS_PATH = "dialogs.tcss"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back, without doing anything"),
        Binding("question_mark,f1", "help", "these keys; in a text field f1 alone"),
    ]
    """What the help says of a key is its description."""

    SAYS: ClassVar[str] = ""
    KEYS: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    MORE: str = ""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._unread_since: float | None = None

    def comes_unasked(self) -> None:
        """It opens by itself, under the hands of a person who may be about to press a key."""
        self._unread_since = monotonic()

    @property
    def unread(self) -> bool:
        """Whether it opened by itself and was not to be seen for long enough: no key can be meant
        for it."""
        since = self._unread_since
        return since is not None and monotonic() - since < UNREAD_SECONDS

    @on(events.ScreenResume)
    def _begin_to_be_read(self) -> None:
        """It is to be seen from the next painting on, be it that another one lay above it."""
        if self._unread_since is not None:
            self.call_after_refresh(self.comes_unasked)

    @on(events.ScreenSuspend)
    def _end_to_be_read(self) -> None:
        if not self.unread:
            self._unread_since = None

    def says(self) -> str:
        """What the dialog will do."""
        return self.SAYS

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """The buttons: (key, action, label)."""
        return (*self.KEYS, ("esc", "back", "Back"))

    def body(self) -> ComposeResult:
        """The widgets of this dialog."""
        raise NotImplementedError

    def message(self) -> Iterable[Widget]:
        """Where a dialog says how its fields read; a dialog without fields has none."""
        return ()

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as frame:
            frame.border_title = escape(self._title)
            frame.border_subtitle = self.help_key()
            if says := self.says():
                yield Label(says, id="says", markup=False)
            yield from self.body()
            yield from self.message()
            yield from self._footer()

    def _footer(self) -> Iterable[Widget]:
        with Horizontal(id="keys"):
            for key, action, label in self.keys():
                text = button_text(key, label)
                yield Button(text, id=f"key-{action}", action=f"screen.{action}", compact=True)
            yield Label(self.MORE, id="more", markup=False)

    def on_mount(self) -> None:
        # A terminal that is asked for no animations wants no blinking cursor either.
        if self.app.animation_level == "none":
            for field in self.query("Input, TextArea").results():
                if isinstance(field, Input | TextArea):
                    field.cursor_blink = False

    def help_key(self) -> str:
        """Which key shows the others: in a text field ? is a character."""
        typing = isinstance(self.focused, Input | TextArea)
        return f"{'f1' if typing else '?'} keys"

    @on(events.DescendantFocus)
    def _say_help_key(self) -> None:
        for frame in self.query("#dialog"):  # none while a page is being turned
            frame.border_subtitle = self.help_key()

    def action_help(self) -> None:
        """Show the keys of this dialog."""
        from aos_tui.dialogs.help import HelpDialog

        self.app.push_screen(HelpDialog(own_keys(self)))

    def action_choose(self) -> None:
        """What enter does with the line under the cursor, wherever the focus is."""
        self.query_one(OptionList).action_select()

    def action_back(self) -> None:
        """Leave without doing anything."""
        self.dismiss(None)

    def copy(self, text: str) -> None:
        """Put ``text``, the whole of what is shown, on the clipboard and say so."""
        self.app.copy_to_clipboard(text)
        self.notify(f"copied all of {clip(self._title, 40)}, {len(text)} characters")


class Form(Dialog[Result]):
    """A dialog whose fields read as one result, or say what is wrong with them.

    ``REFUSED``: what a wrong form says it did not do, when one submits it all the same."""

    REFUSED: ClassVar[str] = "not done"

    def read(self) -> Result:
        """What the fields say. Raises :class:`Wrong`."""
        raise NotImplementedError

    def fine(self, result: Result) -> str:
        """What the message line says when the form reads well."""
        return "ok"

    def message(self) -> Iterable[Widget]:
        yield VerticalScroll(Static("", markup=False), id="message", can_focus=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.check()

    @on(TextArea.Changed)
    @on(Input.Changed)
    @on(Select.Changed)
    @on(RadioSet.Changed)
    def check(self) -> None:
        """Read the form again and show how it reads."""
        try:
            self.say(self.fine(self.read()))
        except Wrong as wrong:
            self.say(wrong)

    def action_submit(self) -> None:
        """Close with the result; a form that is wrong stays, with the cursor at the place."""
        try:
            result = self.read()
        except Wrong as wrong:
            self.refused(wrong, self.REFUSED)
            return
        self.done(result)

    def done(self, result: Result) -> None:
        """What comes of a form that reads well."""
        self.dismiss(result)

    def refused(self, wrong: Wrong, what: str) -> None:
        """Say that ``what`` was not done, and why."""
        self.say(wrong, what)

    def say(self, what: Wrong | str, refused: str = "") -> None:
        """Show an error, or that all is well, in the message line; ``refused`` stands out."""
        wrong = isinstance(what, Wrong)
        message = self.query_one("#message")
        message.set_class(wrong, "-wrong")
        message.set_class(bool(refused), "-refused")
        text = f"{refused or 'Error'}: {what.text}" if isinstance(what, Wrong) else what
        message.query_one(Static).update(text)


def button_text(key: str, label: str) -> str:
    """What a button says, as markup."""
    return f"{escape(label)} [dim]{key}[/]"


def shorten(text: str, most: int = SHOWN) -> str:
    """The first ``most`` characters of ``text``, with a note where some are left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]}\n.. {len(text) - most} characters more: y copies all"
