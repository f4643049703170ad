"""The screen of a world: four panes, the lines around them, and the verbs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from aos_tui.actions import ANYWHERE, NEED_WORLD, bindings_of
from aos_tui.panes.base import Pane
from aos_tui.panes.footer import KeysFooter
from aos_tui.panes.journal import JournalPane
from aos_tui.panes.journal_list import JournalList
from aos_tui.panes.opening import OpeningLine
from aos_tui.panes.pending import PendingPane
from aos_tui.panes.plan import PlanPane
from aos_tui.panes.state import StatePane
from aos_tui.panes.timeline import Banner, HeaderLine, Timeline
from aos_tui.panes.tour import TourBand
from aos_tui.plan_text import instance_lines
from aos_tui.tour import key_of
from aos_tui.verbs import Verbs

if TYPE_CHECKING:
    from textual.geometry import Size

    from aos_tui.glyphs import Glyphs
    from aos_tui.session import Session
    from aos_tui.snapshot import Index, Snapshot


SMALLEST = (60, 15)
"""Columns and rows below which nothing but a word on that is shown."""


def has_room(size: Size) -> bool:
    """Whether a terminal of this size has room for the panes."""
    return size.width >= SMALLEST[0] and size.height >= SMALLEST[1]


class WorldScreen(Verbs):
    """Hands each snapshot to every pane, and what panes ask for to the verbs."""

    WHERE: ClassVar[str] = ANYWHERE
    minds_escape = True
    """Esc, which puts away what is said, stops what runs as well."""
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ANYWHERE)
    AUTO_FOCUS = ""  # Textual's would take widgets that are not displayed
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-small"), (72, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (15, "-high")]  # noqa: RUF012

    def __init__(
        self,
        session: Session,
        glyphs: Glyphs,
        told: list[tuple[str, str]],
        *,
        tour: bool = False,
    ) -> None:
        """``told``: all that the app has said, and says later, as (severity, text)."""
        super().__init__(session)
        self.told = told
        self.journal = JournalPane(glyphs, session.search)
        self.glyphs = glyphs
        self._left: Widget | None = None
        self.pending = PendingPane(glyphs)
        self.state = StatePane(glyphs)
        self.plan = PlanPane(glyphs)
        self.opening = OpeningLine(glyphs)
        self.tour = TourBand(glyphs) if tour else None
        self._asked_lost = self._was_open = False
        self._index: Index | None = None
        self._lines = (
            HeaderLine(glyphs, "header"),
            Banner(glyphs, "banner"),
            Timeline(glyphs, "timeline"),
        )

    def compose(self) -> ComposeResult:
        header, banner, timeline = self._lines
        banner.display = False
        yield header
        yield banner
        if self.tour is not None:
            yield self.tour
        yield self.opening
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield self.journal
                yield self.state
            with Vertical(id="right"):
                yield self.plan
                yield self.pending
        yield timeline
        yield KeysFooter(lambda: "" if self.typing else self.focused_pane()[0])
        yield Static(
            "The terminal is smaller than 60x15: please make it larger. ctrl+q quits.",
            id="too-small",
        )

    @property
    def focus_chain(self) -> list[Widget]:
        """As one reads: what stands beside a pane comes before what stands below it."""
        chain = super().focus_chain
        if self.has_class("-small"):  # all are below each other
            return chain
        read = (self.pending, self.state, self.plan, self.journal)  # the last ones first
        return sorted(chain, key=lambda of: [pane in of.ancestors_with_self for pane in read])

    def on_mount(self) -> None:
        """Begin in the journal."""
        self._left = self.journal.list
        self._mind_focus()

    def on_resize(self, event: events.Resize) -> None:
        """A terminal that is too small shows nothing, so nothing there has the focus."""
        self._mind_focus()
        self.refresh_bindings()

    def on_screen_resume(self) -> None:
        """The terminal may have changed below a dialog."""
        self._mind_focus()

    def _mind_focus(self) -> None:
        if self.too_small:
            self._left = self.focused or self._left
            self.set_focus(None)
        elif self.focused is None and self._left is not None:
            self.set_focus(self._left)

    @property
    def too_small(self) -> bool:
        """Whether the terminal has no room for the panes."""
        return not has_room(self.app.size)  # the screen's own follows later

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nothing is shown nothing but leaving works; before the world is open only what
        needs none."""
        if self.too_small and action != "quit":
            return False
        if self.snapshot is None and action in NEED_WORLD:
            return False
        return super().check_action(action, parameters)

    @property
    def typing(self) -> bool:
        """Whether what to look for is typed in a pane."""
        return self.journal.typing or self.state.typing

    def legend(self) -> tuple[str, list[tuple[str, str]]]:
        return "Signs", self.glyphs.legend()

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot in every pane."""
        for line in self._lines:
            line.show(snapshot)
        if not self._was_open:
            self._was_open = True
            self.refresh_bindings()
        if self.tour is not None:
            self.tour.show(snapshot)
        for pane in (self.journal, self.state, self.plan, self.pending):
            pane.show(snapshot)
        if self._index is not snapshot.index:  # another branch, or this one opened anew
            self._index = snapshot.index
            self.work(self.session.recall_proof, group="proof", newest=True)
        self.say_first_failure(snapshot)
        if not snapshot.lost:
            self._asked_lost = False
        elif not self._asked_lost and self.app.screen is self and self.session.can_put_back:
            self._asked_lost = True
            self.ask_lost(unasked=True)

    def leave_tour(self) -> None:
        """Take the tour's band away; its world stays, as long as one looks at it."""
        if self.tour is not None:
            self.tour.remove()
            self.tour = None
            self.notify(
                f"the tour is left; nothing of this world is kept, {key_of('open_world')} opens "
                "another",
                timeout=8,
            )

    def focused_pane(self) -> tuple[str, Pane | None]:
        for pane in (self.state, self.plan, self.pending):
            if pane.has_focus_within:
                return str(pane.id), pane
        if self.journal.has_focus_within:
            return "journal", self.journal
        return "no pane", None

    def on_journal_list_went(self, message: JournalList.Went) -> None:
        """Another height was chosen."""
        self.travel(message.height)

    def on_timeline_went(self, message: Timeline.Went) -> None:
        """Another height was chosen."""
        self.travel(message.height)

    def on_journal_list_opened(self, message: JournalList.Opened) -> None:
        """A record is to be shown."""
        self.show_record(message.height)

    def on_state_pane_wished(self, message: StatePane.Wished) -> None:
        """Other parts of the states are to be shown."""
        if message.wish.marked and self.snapshot is not None and not self.snapshot.marked:
            self.notify("no height is marked: m marks the one that is shown")
        self.session.wish = message.wish
        self.work(self.session.refresh, group="wish", newest=True)

    def on_state_pane_opened(self, message: StatePane.Opened) -> None:
        """A value of the state is to be shown whole."""
        title, make = message.text

        async def act() -> None:
            self.show_value(title, await asyncio.to_thread(make))

        self.prepare(act)

    def on_state_pane_copied(self, message: StatePane.Copied) -> None:
        """A value of the state is to be copied with its path."""
        self.copy_text(*message.text)

    def on_state_pane_filter_wanted(self, message: StatePane.FilterWanted) -> None:
        """No reducer is keyed: what one looks for is a record."""
        self.action_filter()

    def on_pending_pane_opened(self, message: PendingPane.Opened) -> None:
        """The record of an effect is to be shown."""
        self.show_record(message.height)

    def on_plan_pane_chosen(self, message: PlanPane.Chosen) -> None:
        """Another plan instance is to be shown."""
        self._show_instance(message.number)

    def on_plan_pane_choosing(self, message: PlanPane.Choosing) -> None:
        """One wants to choose among the instances."""

        async def act() -> None:
            if (snapshot := self.snapshot) is None or snapshot.plan is None:
                return
            found = await self.session.instances(snapshot.height)
            texts = instance_lines(found, snapshot.pending, self.glyphs)
            lines = [(text, of.number) for text, of in zip(texts, found, strict=True)]
            chosen = [of.number for of in found if of.number >= snapshot.plan.number]
            left_out = snapshot.plan_count - len(found)
            self._ask("InstancesDialog", self._show_instance, lines, len(chosen) - 1, left_out)

        self.prepare(act)

    def _show_instance(self, number: int) -> None:
        self.work(lambda: self.session.choose_plan(number))

    def on_plan_pane_opened(self, message: PlanPane.Opened) -> None:
        """The value of a step is to be shown."""
        self.show_value(message.title, message.text)
