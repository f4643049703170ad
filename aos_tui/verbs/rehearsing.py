"""The verb that tries what is on disk on the whole history, and keeps what came out or drops it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aos_tui.verbs.travel import Travel
from aos_tui.verbs.writing import Writing

if TYPE_CHECKING:
    from aos_tui.session.rehearsing import Rehearsed


class Rehearsing(Writing, Travel):
    """Rehearse, show what was found, keep it."""

    def action_swap(self) -> None:
        """Put what is on disk in force."""
        raise NotImplementedError

    def action_rehearse(self) -> None:
        """Run the whole history with what is on disk, and show what differs."""
        if self.session.rehearsing:
            self.notify("a rehearsal runs already; esc stops it")
            return

        async def act() -> None:
            found = await self.session.rehearse()
            if found is None:
                self.notify("the rehearsal was stopped; nothing was written")
            else:
                self._show_rehearsed(found)

        self.work(act, group="rehearse")

    def _show_rehearsed(self, found: Rehearsed) -> None:
        if self.app.screen is not self:  # another dialog is open
            self.notify(f"rehearsed: it {found.summary} records; Rehearse in ctrl+p shows it again")
            return

        def answer(what: str) -> None:
            if what == "keep":
                self.work(lambda: self._keep(found), group="rehearse")
            elif what == "swap":
                self.action_swap()
            elif found.height is not None:
                self.travel(found.height)

        goes = found.height is not None
        title = f"Rehearsed: {found.summary} records"
        self._ask("RehearsalDialog", answer, title, found.sections, goes=goes, unasked=True)

    async def _keep(self, found: Rehearsed) -> None:
        before = None if self.snapshot is None else self.snapshot.branch
        name = await self.session.keep_rehearsal(found)
        if name is None:
            self.notify("it was stopped; nothing was kept")
        else:
            self.notify(f"kept: on branch {name} now; B goes back to {before}, which is as it was")
