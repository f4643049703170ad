"""Whether one can go on where one is, and the ways to another branch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

from aos_tui.branch_text import arranged, branch_lines, lineage_of_present
from aos_tui.formatting import count, some, to_text
from aos_tui.panes.base import palette_of
from aos_tui.session.branching import Place
from aos_tui.verbs.base import Base, on_what_is_shown

if TYPE_CHECKING:
    from aos_tui.dialogs import BranchesDialog, BranchOption
    from aos_tui.dialogs.branches import Lines
    from aos_tui.glyphs import Glyphs
    from aos_tui.session.branching import BranchLine


def _state(of: BranchLine) -> str:
    if of.problem is not None:
        return "unreadable"
    return "present" if of.present else "removed" if of.removed else "other"


_MOST_LISTED = 10
"""So many branches that would be deleted are listed, each with what it has."""


def _lost_with(chosen: Sequence[BranchLine]) -> str:
    """What goes with branches that are deleted."""
    until = "can be brought back there until aos gc clears them away."
    if len(chosen) == 1:
        (of,) = chosen
        return (
            f"Branch {of.name} has {count(of.records, 'record')} of its own, which no other branch"
            f" has. They are gone from the list of branches, and {until}"
        )
    width = max(len(of.name) for of in chosen[:_MOST_LISTED])
    lines = [f"  {of.name:<{width}}  {count(of.records, 'record')}" for of in chosen]
    if (more := len(lines) - _MOST_LISTED) > 0:
        lines[_MOST_LISTED:] = [f"  and {more} more"]
    records = count(sum(of.records for of in chosen), "record")
    return (
        f"Together they have {records} of their own, which no other branch has:\n"
        + "\n".join(lines)
        + f"\nThey are gone from the list of branches, and {until}"
    )


class Branching(Base):
    """Forks, and the choice of a branch."""

    glyphs: Glyphs
    _listed: Sequence[BranchLine] = ()
    """What the list of branches is of."""

    async def compare_places(self, before: Place, after: Place) -> None:
        """Show what differs between two ends."""
        raise NotImplementedError

    def _at_end(self, then: Callable[[], None], what: str) -> bool:
        """Whether one can go on here. In the past a fork is offered, and ``then`` runs on it:
        ``what`` says what that does, as in "fire an event".

        Where another process wrote the branch, it is tried again, and ``then`` runs if it works."""
        snapshot = self.snapshot
        if snapshot is None:
            self.notify("the world is still being opened")
            return False
        if snapshot.lost:
            self.ask_lost()
            return False
        if not snapshot.writable:
            self._write_again(then)
            return False
        if snapshot.at_end:
            return True
        why = f"Height {snapshot.height} is in the past."
        self._offer_fork(then, snapshot.height, f"{why} Forks, then {what} on the new branch.")
        return False

    def _write_again(self, then: Callable[[], None]) -> None:
        async def act() -> None:
            from aos_core.branches import said_of

            writable, snapshot = await self.session.reopen(), self.snapshot
            assert snapshot is not None
            branch, trouble = snapshot.branch, snapshot.trouble
            if writable:
                self.app.clear_notifications()  # that it can only be read
                self.notify(f"branch {branch} was read-only; from now on it is written here")
                then()
                return
            said = "" if trouble is None else trouble.message.removeprefix("read-only: ")
            why = said_of(branch, said) or "it can only be read"
            self.notify(f"branch {branch}: {why}\nF forks it to go on", severity="warning")

        self.prepare(act, meant=False)

    def ask_lost(self, *, unasked: bool = False) -> None:
        """The journal's file is gone: ask whether to put it back; who only reads it is told."""
        snapshot = self.snapshot
        assert snapshot is not None
        if not self.session.can_put_back:
            assert snapshot.trouble is not None
            self.notify(snapshot.trouble.text, severity="warning")
            return

        def answer(what: str) -> None:
            if what == "quit":
                self.app.exit()
            else:
                self.work(self._put_back)

        held = count(snapshot.live + 1, "record")
        log = str(self.session.log)
        self._ask("LostDialog", answer, snapshot.branch, log, held, unasked=unasked)

    async def _put_back(self) -> None:
        await self.session.put_back()
        told = "the journal is back where it was, with all that was acknowledged"
        if self.session.disk_problem is None:
            self.notify(told)
        else:
            self.notify(
                f"{told}; the world's other files are not: put them back before you close it",
                severity="warning",
                timeout=10,
            )

    def action_branches(self) -> None:
        """Choose another branch, or rename, delete, bring back one."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
        elif self.snapshot.lost and self.session.can_put_back:
            self.ask_lost()
        else:
            self.prepare(self._ask_branch)

    async def _ask_branch(self) -> None:
        def answer(choice: tuple[str, str]) -> None:
            what, name = choice
            if what == "diff":
                self.prepare(partial(self._diff_with, name))
            else:
                self.work(partial(self._open_branch, name))

        lines = await self._list_branches()
        self._ask("BranchesDialog", answer, lines, self._change_branch)

    async def _list_branches(self) -> Lines:
        self._listed = await self.session.branch_lines()
        return partial(self._branch_options, self._listed)

    def _branch_options(
        self, found: Sequence[BranchLine], whole: bool, selected: Collection[str]
    ) -> list[BranchOption]:
        from aos_tui.dialogs import BranchOption

        rows = arranged(found, self.glyphs, whole=whole)
        palette, needed = palette_of(self.app), lineage_of_present(found)
        texts = [to_text(line, palette) for line in branch_lines(rows, self.glyphs, selected)]
        return [
            BranchOption(text, hidden=row.hidden + row.deleted)
            if (of := row.branch) is None
            else BranchOption(text, of.name, _state(of), needed=of.name in needed)
            for row, text in zip(rows, texts, strict=True)
        ]

    async def _diff_with(self, name: str) -> None:
        assert self.snapshot is not None
        await self.compare_places(Place(name, None), Place(self.snapshot.branch, None))

    async def _open_branch(self, name: str) -> None:
        await self.session.open_branch(name)
        self.notify(f"on branch {name}")

    # -- what the list of branches goes on with ------------------------------------------------

    def _change_branch(self, of: BranchesDialog, what: str, names: Sequence[str]) -> None:
        """Rename, delete or restore branches of the list, which stays and shows it."""
        listed = {line.name: line for line in self._listed if line.removed == (what == "restore")}
        chosen = [listed[name] for name in names]
        bad = next((line for line in chosen if line.problem is not None), None)
        name = names[0]
        if bad is not None:
            self.notify(f"branch {bad.name}: {bad.problem}", severity="warning")
        elif what == "rename":
            self._ask_new_name(of, name)
        elif what == "delete":
            self._ask_delete(of, chosen)
        else:
            restored = partial(self.session.restore_branch, name)
            self._change_listed(of, restored, f"branch {name} is back", name)

    def _change_listed(
        self, of: BranchesDialog, change: Callable[[], Awaitable[None]], done: str, at: str | None
    ) -> None:
        """``at``: the branch that the list is at then; None, and where nothing came of it: the one
        it is at now."""

        async def act() -> None:
            then = None
            try:
                await change()
                self.notify(done)
                then = at
            finally:
                try:
                    of.show(await self._list_branches(), then)
                finally:
                    of.busy = False

        of.busy = True
        self.work(act)

    def _ask_new_name(self, of: BranchesDialog, name: str) -> None:
        def answer(new: str) -> None:
            renamed = partial(self.session.rename_branch, name, new)
            if new != name:
                self._change_listed(of, renamed, f"branch {name} is now called {new}", new)

        taken = [line.name for line in self._listed if not line.removed and line.name != name]
        self._ask("RenameDialog", answer, name, taken)

    def _ask_delete(self, of: BranchesDialog, chosen: Sequence[BranchLine]) -> None:
        names = [line.name for line in chosen]
        left = [line for line in self._listed if not line.removed and line.name not in names]
        for name in names:
            children = [line.name for line in left if line.parent == name]
            if children:
                goes_on = f"{some(children)} {'goes' if len(children) == 1 else 'go'} on from it"
                self.notify(f"branch {name} is not deleted: {goes_on}", severity="warning")
                return

        def answer(yes: bool) -> None:
            # what goes on from another one stands below it, and has to be gone before
            deleted = partial(self.session.delete_branches, names[::-1])
            if yes:
                self._change_listed(of, deleted, f"{what} deleted; {back}", None)

        one = len(names) == 1
        what = f"branch {names[0]} is" if one else f"{len(names)} branches are"
        back = f"s shows {'it, enter brings it' if one else 'them, enter brings one'} back"
        title = f"Delete {names[0] if one else f'{len(names)} branches'}?"
        self._ask("ConfirmDialog", answer, title, _lost_with(chosen), "Delete", "Keep it"
                  if one else "Keep them")  # fmt: skip

    # -- forks --------------------------------------------------------------------------------

    @on_what_is_shown
    def action_fork(self) -> None:
        """Fork at the shown height."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
        elif self.snapshot.lost:
            self.ask_lost()
        else:
            self._offer_fork(lambda: None, self.snapshot.height)

    def _offer_fork(self, then: Callable[[], None], height: int, why: str = "") -> None:
        """Ask for a fork at a height; ``then`` runs on it, ``why`` says so."""
        self.prepare(partial(self._ask_fork, then, height, why), meant=not why)

    async def _ask_fork(self, then: Callable[[], None], height: int, why: str) -> None:
        taken, height = await self.session.branches(), self.session.sound_until(height)
        start = self.session.fork_start(height)
        suggested = await self.session.fork_name(height)

        def answer(name: str) -> None:
            async def act() -> None:
                await self.session.fork(height, name)
                self.notify(f"on branch {name}, which goes on from height {start}")
                then()

            self.work(act)

        self._ask("ForkDialog", answer, height, start + 1, suggested, taken, why)
