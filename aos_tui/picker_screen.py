"""Where a person picks a world: recent ones, those that ship, a folder, a new one, or the tour."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from aos_core.plain import clip
from aos_tui.actions import PICKER, bindings_of, help_groups
from aos_tui.formatting import Piece, to_text
from aos_tui.painting import PaintsChanges
from aos_tui.panes.about import AboutPlace
from aos_tui.panes.base import Pane
from aos_tui.panes.footer import KeysFooter
from aos_tui.panes.opening import OpeningLine

if TYPE_CHECKING:
    from aos_tui.glyphs import Glyphs
    from aos_tui.session.worlds import Place

_HEADINGS = {
    "here": "The folder you are in",
    "recent": "Recent",
    "begin": "Begin",
    "ships": "Worlds that ship",
}
_NAME_WIDTH = 24
"""So many cells a name has at most."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line one can open. ``does``: ``open`` the ``place``, or ``tour``, ``new``, ``folder``."""

    group: str
    name: str
    says: str
    does: str
    place: Place | None = None

    @property
    def words(self) -> str:
        """What a filter looks at."""
        place = self.place
        more = "" if place is None else f" {place.path} {place.title}"
        return f"{self.name} {self.says}{more}".lower()


_BEGIN = (
    Row("begin", "Take the tour", "five steps through a world of three requests; nothing is kept",
        "tour"),
    Row("begin", "New world", "a folder of your own: definitions, a reducer, a scenario, a test",
        "new"),
    Row("begin", "Open a folder", "type the path of a world", "folder"),
)  # fmt: skip


class Field(Input):
    """The filter; a question mark is in no name and asks for help, here too."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether it is typed."""
        return character != "?" and super().check_consume_key(key, character)


class PickerScreen(Pane, PaintsChanges, Screen[None]):
    """``remembers``: whether there are recent worlds. ``present``: the path of the world that is
    open below, empty for one that is not listed; None where none is. ``first``: the path of one
    that comes first: it was named, and did not open."""

    WHERE: ClassVar[str] = PICKER
    AUTO_FOCUS = "#pick-filter"
    BINDINGS: ClassVar[list[BindingType]] = [  # before those of the filter
        *(replace(of, priority=True) for of in bindings_of(PICKER) if isinstance(of, Binding)),
        Binding("up", "move('cursor_up')", show=False),
        Binding("down", "move('cursor_down')", show=False),
        Binding("pageup", "move('page_up')", show=False),
        Binding("pagedown", "move('page_down')", show=False),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012

    class Picked(Message):
        """The world at ``path`` is to be opened."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    class Tour(Message):
        """The tour is to begin."""

    class Left(Message):
        """None is to be opened; what was there before goes on."""

    def __init__(
        self, glyphs: Glyphs, *, remembers: bool, present: str | None, first: str = ""
    ) -> None:
        super().__init__()
        self._glyphs, self._remembers = glyphs, remembers
        self._present, self._first = present, first
        self.opening = OpeningLine(glyphs)
        self._places: list[Place] | None = None
        self._rows: list[Row | None] = []
        self._moved = self._hurried = False

    def compose(self) -> ComposeResult:
        back = "" if self._present is None else "   esc goes back to the open one"
        back = "   esc goes back" if self._first else back
        yield Static(f" aos-tui  pick a world{back}", id="pick-title", markup=False)
        yield Field(
            placeholder="type to filter: 04, timer, part of a path", id="pick-filter", compact=True
        )
        with Horizontal(id="pick"):
            yield OptionList(id="pick-list", compact=True)
            yield AboutPlace(self._glyphs)
        yield self.opening
        yield KeysFooter(lambda: PICKER)

    def on_mount(self) -> None:
        """The filter has the keys, the list shows where one is."""
        self.query_one(OptionList).can_focus = False
        if self.app.animation_level == "none":
            self.query_one(Input).cursor_blink = False
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill())
        self._fill()
        self._load()

    def on_screen_resume(self) -> None:
        """What was opened meanwhile is recent now."""
        if self._places is not None:
            self._load()

    # -- what there is ------------------------------------------------------------------------

    def _load(self) -> None:
        read: Any = self._read  # no coroutine: one that is dropped would be missed by Python
        self.run_worker(read, group="places", exclusive=True)

    async def _read(self) -> None:
        from aos_tui.remembered import recall
        from aos_tui.session.worlds import places

        recent = recall().recent if self._remembers else ()
        if self._first:
            recent = (self._first, *(of for of in recent if of != self._first))
        self._places = await asyncio.to_thread(places, recent)
        self._fill()
        if self._hurried:
            self._hurried = False
            self.action_pick()

    def _all_rows(self) -> Iterator[Row]:
        places = self._places or ()
        yield from (_row(of) for of in places if of.group != "ships")
        yield from _BEGIN
        yield from (_row(of) for of in places if of.group == "ships")

    def _fill(self) -> None:
        """The lines that the filter leaves, below their headings; the cursor stays on its own."""
        words = self.query_one(Input).value.lower().split()
        rows = [of for of in self._all_rows() if all(word in of.words for word in words)]
        chosen = self._chosen() if self._moved else None
        self._rows = []
        options: list[Option] = []
        width = max((min(len(of.name), _NAME_WIDTH) for of in rows), default=0)
        for row in rows:
            if not any(of is not None and of.group == row.group for of in self._rows):
                if options:
                    self._add(options, None, Text(""))
                self._add(options, None, to_text([(_HEADINGS[row.group], "name")], self.palette()))
            self._add(options, row, self._line(row, max(width, 14)))
        if not rows:
            self._add(options, None, Text("nothing here is called so: esc empties the filter"))
        listed = self.query_one(OptionList)
        listed.clear_options().add_options(options)
        first = next((at for at, of in enumerate(self._rows) if of is not None), None)
        if first is not None and self._is_present(self._rows[first]):
            first = self._rows.index(rows[min(1, len(rows) - 1)])
        listed.highlighted = self._rows.index(chosen) if chosen in rows else first
        self._show_about()

    def _add(self, options: list[Option], row: Row | None, text: Text) -> None:
        options.append(Option(text, disabled=row is None))
        self._rows.append(row)

    def _line(self, row: Row, width: int) -> Text:
        name = clip(row.name, width)
        pieces: list[Piece] = [
            (" ", ""),
            (f"{name:<{width}}", "input" if row.place is None else ""),
        ]
        if row.place is not None and row.place.problem:
            pieces.append((f"  {self._glyphs.failed} {row.says}", "bad"))
        else:
            here = "open now; " if self._is_present(row) else ""
            pieces.append((f"  {here}{row.says}", "dim"))
        return to_text(pieces, self.palette())

    def _is_present(self, row: Row | None) -> bool:
        return row is not None and row.place is not None and row.place.path == self._present

    def _chosen(self) -> Row | None:
        at = self.query_one(OptionList).highlighted
        return self._rows[at] if at is not None and at < len(self._rows) else None

    @on(OptionList.OptionHighlighted)
    def _show_about(self) -> None:
        row = self._chosen()
        about = self.query_one(AboutPlace)
        if row is not None and row.place is not None:
            about.show_place(row.place)
        else:
            about.show_words(
                "" if row is None else row.name, "" if row is None else _LONG[row.does]
            )

    # -- keys ---------------------------------------------------------------------------------

    @on(Input.Changed)
    def _filter(self) -> None:
        self._moved = False
        self._fill()

    def action_move(self, how: str) -> None:
        """Another line."""
        self._moved = True
        getattr(self.query_one(OptionList), f"action_{how}")()

    def action_pick(self) -> None:
        """Open it, or do what the line says; what was typed ahead of the list waits for it."""
        if self._places is None:
            self._hurried = True
        elif (row := self._chosen()) is not None:
            self._do(row)

    @on(OptionList.OptionSelected)
    def _click(self, event: OptionList.OptionSelected) -> None:
        if (row := self._rows[event.option_index]) is not None:
            self._do(row)

    def _do(self, row: Row) -> None:
        if row.does == "tour":
            self.post_message(self.Tour())
        elif row.does == "new":
            self._ask_new()
        elif row.does == "folder":
            self._ask_folder()
        elif row.place is not None and row.place.missing:
            self.notify(f"{row.place.path} is not there: delete takes it off this list")
        elif row.place is not None:
            self.post_message(self.Picked(row.place.path))

    def action_forget(self) -> None:
        """Take a recent world off the list; its folder stays as it is."""
        from aos_tui.remembered import forget_world

        row = self._chosen()
        if row is None or row.place is None or row.group != "recent":
            self.notify("only recent worlds can be forgotten")
            return
        forget_world(row.place.path)
        self._first = "" if self._first == row.place.path else self._first
        self._moved = False
        self.notify(f"forgotten: {row.name}; its folder stays as it is")
        self._load()

    def action_help(self) -> None:
        """Show the keys."""
        from aos_tui.dialogs import HelpDialog

        ((heading, rows),) = help_groups(PICKER)
        typed = ("letters", "filter: leaves the lines in which each typed word stands")
        self.app.push_screen(HelpDialog([(heading, [typed, *rows])]))

    def action_leave(self) -> None:
        """Empty the filter; else go back, or quit."""
        field = self.query_one(Input)
        if field.value:
            field.value = ""
        else:
            self.post_message(self.Left())

    # -- a folder, a new world ----------------------------------------------------------------

    def _ask_folder(self) -> None:
        from aos_tui.dialogs import FolderDialog
        from aos_tui.session.folders import folders_that_fit
        from aos_tui.session.worlds import folder_problem, typed_path

        def answer(text: str | None) -> None:
            if text is not None:
                self.post_message(self.Picked(typed_path(text)))

        dialog = FolderDialog("Open a folder", folder_problem, folders_that_fit)
        self.app.push_screen(dialog, answer)

    def _ask_new(self, given: tuple[str, str, str] | None = None) -> None:
        from aos_tui.dialogs import NewDialog
        from aos_tui.session.worlds import new_problem, shown_path, typed_path

        given = given or ("", shown_path(typed_path(".")), "")
        models = [(of.name, of.title, of.path) for of in self._places or () if of.group == "ships"]
        self.app.push_screen(NewDialog(given, models, new_problem), self._make)

    def _make(self, wanted: tuple[str, str, str] | None) -> None:
        if wanted is not None:
            self.run_worker(self._make_and_open(wanted), group="make")

    async def _make_and_open(self, wanted: tuple[str, str, str]) -> None:
        from aos_core.errors import AosError
        from aos_tui.session.worlds import new_world

        name, folder, model = wanted
        try:
            path = await asyncio.to_thread(new_world, folder, name, model)
        except AosError as error:
            self.notify(f"not made: {error.message}", severity="error")
            self._ask_new(wanted)
            return
        self.notify(f"made {path}")
        self.post_message(self.Picked(path))


_LONG = {
    "tour": "A band above the panes says what to press and why, and sees when it was done. Its "
    "world is in memory: no journal of yours is touched.",
    "new": "Definitions, a reducer in Rust that builds, a scenario and a test; like a small "
    "counter, or like one of the worlds that ship.",
    "folder": "Any folder with a world.toml. It is then among the recent ones.",
}


def _row(place: Place) -> Row:
    around = f"{place.around}  " if place.around else ""
    says = place.problem or f"{around}{place.summary or place.title}"
    return Row(place.group, place.name, says, "open", place)
