"""The verbs that look, and change nothing: verify, records, the filter, copy, zoom, help."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import groupby
from pathlib import PurePath
from typing import TYPE_CHECKING

from textual.message import Message

from aos_tui.actions import help_groups, key_says
from aos_tui.formatting import count, pretty
from aos_tui.verbs.base import on_what_is_shown, on_what_is_written
from aos_tui.verbs.travel import Travel

if TYPE_CHECKING:
    from aos_tui.dialogs import RecordPage
    from aos_tui.snapshot import Verified


MOST_TOLD = 200
"""So many messages are listed, the newest."""

_LOOK_SECONDS = 0.02


class Looking(Travel):
    """Verify, open, find, copy, zoom, help."""

    _failed: Verified | None = None
    """The failure that is shown when no other dialog is open."""

    class PickWorld(Message):
        """Another world is wanted."""

    def action_open_world(self) -> None:
        """To the other worlds; what is performed for real is not left alone."""
        if self.session.live_running:
            self.notify("an effect is being performed for real: esc stops it first")
        else:
            self.post_message(self.PickWorld())

    @on_what_is_written
    def action_verify(self) -> None:
        """Run the journal again and compare."""
        self.work(self._verify, group="verify")

    async def _verify(self) -> None:
        snapshot = self.snapshot
        if snapshot is None:
            self.notify("the world is still being opened")
            return
        if snapshot.verified.state == "running":
            self.notify("verification runs already; esc stops it")
            return
        verified = await self.session.verify()
        if verified.state == "ok":
            records, now = count(verified.height + 1, "record"), self.snapshot
            shown = now is not None and now.height == now.live == verified.height
            root = f", root {now.root.hex()[:8]}.." if now is not None and shown else ""
            self.notify(f"verified by the journal's own code: {records}, same bytes{root}")
        elif verified.state == "bad":
            while self.preparing:  # keys typed ahead of that dialog are not for this one
                await asyncio.sleep(_LOOK_SECONDS)
            self._tell_failure_of(verified)
        else:
            self.notify("verification was stopped")

    def _tell_failure_of(self, verified: Verified) -> None:
        """In a dialog of its own, which no key is meant for that goes to another one."""
        what = f"verification failed at record {verified.height}"
        if self.is_active:
            self.told.append(("error", what))  # not beside the dialog, which says more
            self._show_failure_of(verified)
        else:
            self._failed = verified
            self.notify(f"{what}: more when nothing else is open", severity="error")

    def on_screen_resume(self) -> None:
        """Show now what another dialog kept from being shown, unless that led to another branch."""
        if self._failed is not None:
            self.in_turn(self._show_what_failed)

    def _show_what_failed(self) -> None:
        failed, self._failed = self._failed, None
        if failed is not None and self.snapshot is not None and self.snapshot.verified == failed:
            self._show_failure_of(failed)

    def _show_failure_of(self, verified: Verified) -> None:
        """What differs or is damaged; where something differs, the offer of a scenario."""
        divergence = verified.divergence

        def answer(_: bool) -> None:
            async def act() -> None:
                assert divergence is not None
                file = await self.session.write_reproduction(divergence)
                run = f"aos run {self.session.root.name} --scenario {PurePath(file).stem}"
                self.notify(f"written: {file}\n{run} shows it again")

            self.work(act)

        offers = divergence is not None
        self._ask("ProofDialog", answer, verified.text, offers=offers, unasked=True)

    def show_record(self, height: int) -> None:
        """Open a record."""

        async def act() -> None:
            if (page := await self._record_page(height)) is not None:
                self._ask("RecordDialog", self.travel, page, self._record_page)

        self.prepare(act)

    async def _record_page(self, height: int) -> RecordPage | None:
        """A record whole; None where it cannot be read, which is said."""
        from aos_tui.dialogs import RecordPage

        found = await self.attempt(self.session.detail(height))
        if found is None:
            return None
        links = [(self.glyphs.said(label), height) for label, height in found.links]
        return RecordPage(found.height, self.glyphs.said(found.title), found.sections, links)

    def action_filter(self) -> None:
        """Open the journal's filter."""
        self.journal.open_filter()

    @on_what_is_shown
    def action_next_hit(self) -> None:
        """To the next hit."""
        self._hit(1)

    @on_what_is_shown
    def action_previous_hit(self) -> None:
        """To the hit before."""
        self._hit(-1)

    def _hit(self, step: int) -> None:
        if not self.journal.looks_for_something:
            self.notify("nothing is looked for: / says what to look for")
        elif (height := self.journal.hit(step)) is None:
            self.notify("nothing is found: / says what to look for")
        else:
            self.travel(height)

    @on_what_is_shown
    def action_copy(self) -> None:
        """Copy what the mouse has selected, else what is under the cursor."""
        name, pane = self.focused_pane()
        if selected := self.get_selected_text():
            self.copy_text("the selected text", selected)
        elif name == "journal" and self.snapshot is not None:
            self.work(partial(self._copy_record, self.snapshot.height), group="copy")
        elif pane is None or (found := pane.copied()) is None:
            self.notify(f"there is nothing to copy in {name}")
        else:
            self.copy_text(*found)

    def copy_text(self, what: str, text: str | Callable[[], str]) -> None:
        """Copy a text; one that is still to be made is made in a thread."""
        if isinstance(text, str):
            self._copy(what, text)
            return

        async def act() -> None:
            self._copy(what, await asyncio.to_thread(text))

        self.work(act, group="copy")

    async def _copy_record(self, height: int) -> None:
        self._copy(f"record {height}", pretty(await self.session.record_json(height)))

    def _copy(self, what: str, text: str) -> None:
        self.app.copy_to_clipboard(text)
        kept = self.session.copy_path
        also = "" if kept is None else f"; also in {kept}"
        self.notify(f"copied {what}, {len(text)} characters{also}")

    def action_zoom(self) -> None:
        """Give the focused pane the room of all, or leave it at that."""
        self.set_class(not self.zoomed, "-zoomed")

    @property
    def zoomed(self) -> bool:
        """Whether the focused pane, whichever it is, has the room of all."""
        return self.has_class("-zoomed")

    @property
    def _works_long(self) -> bool:
        session = self.session
        return session.rehearsing or session.exporting or session.looking

    def action_cancel(self) -> None:
        """Stop what runs, or go back from where one is; what is said is put away first."""
        snapshot = self.snapshot
        running = snapshot is not None and snapshot.verified.state == "running"
        said = bool(self.query("Toast"))
        self.app.clear_notifications()
        if self.selections:
            self.clear_selection()
        elif self.session.live_running:
            self.session.cancel_live()
        elif running or self.playing or self._works_long:
            self.session.cancel()
        elif self.building:
            self.stop_building()
        elif self.journal.typing:
            self.journal.leave_filter()
        elif self.state.finding and self.state.has_focus_within:
            self.state.close_find()
        elif said and self.tour is None:
            return
        elif self.journal.filtering:
            self.journal.close_filter()
        elif self.journal.looks_for_something and self.journal.has_focus_within:
            self.journal.forget()
        elif self.zoomed:
            self.action_zoom()
        elif self.tour is not None:
            self.leave_tour()
        else:
            self.notify("nothing runs and nothing is open: q quits")

    def action_messages(self) -> None:
        """Show what was said."""
        signs = {"information": " ", "warning": "!", "error": self.glyphs.failed}
        lines = []
        for (severity, text), same in groupby(reversed(self.told[-MOST_TOLD:])):
            times = len(list(same))
            often = f"  ({times} times)" if times > 1 else ""
            line = f"{signs.get(severity, ' ')} {text.strip()}{often}"
            lines.append(line.replace("\n", "\n  "))
        self.show_value("Messages", "\n".join(lines) or "Nothing was said yet.")

    def action_help(self) -> None:
        """Show the keys."""
        name, _ = self.focused_pane()
        self._ask("HelpDialog", lambda _: None, [*help_groups(name), self.legend()])

    async def action_quit(self) -> None:
        """Leave, as the app does."""
        await self.app.action_quit()

    def action_elsewhere(self, key: str) -> None:
        """Say where a pane's key works."""
        self.notify(key_says(key))
