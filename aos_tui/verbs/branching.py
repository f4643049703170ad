"""Whether one can go on where one is, and the ways to another branch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

from aos_tui.branch_text import arranged, branch_lines
from aos_tui.formatting import count, some, to_text
from aos_tui.panes.base import palette_of
from aos_tui.session.branching import Place
from aos_tui.verbs.base import Base

if TYPE_CHECKING:
    from aos_tui.dialogs import BranchOption
    from aos_tui.glyphs import Glyphs
    from aos_tui.session.branching import BranchLine


def free_name(stem: str, taken: Collection[str]) -> str:
    """``stem``, or where that is taken the first of ``stem-2`` and so on that is not."""
    names = itertools.chain([stem], (f"{stem}-{n}" for n in itertools.count(2)))
    return next(name for name in names if name not in taken)


def _state(of: BranchLine) -> str:
    if of.problem is not None:
        return "unreadable"
    return "present" if of.present else "removed" if of.removed else "other"


class Branching(Base):
    """Forks, and the choice of a branch."""

    glyphs: Glyphs

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
            if await self.session.reopen():
                then()
                return
            snapshot = self.snapshot
            assert snapshot is not None
            why = "it can only be read" if snapshot.trouble is None else snapshot.trouble.message
            self.notify(f"branch {snapshot.branch}: {why}\nF forks it to go on", severity="warning")

        self.prepare(act)

    def ask_lost(self) -> None:
        """The journal's file is gone: ask whether to put it back."""
        snapshot = self.snapshot
        assert snapshot is not None

        def answer(what: str) -> None:
            if what == "quit":
                self.app.exit()
            else:
                self.work(self._put_back)

        held = count(snapshot.live + 1, "record")
        self._ask("LostDialog", answer, snapshot.branch, str(self.session.log), held)

    async def _put_back(self) -> None:
        await self.session.put_back()
        self.notify("the journal is back where it was, with all that was acknowledged")

    def action_branches(self) -> None:
        """Choose another branch, or rename, delete, bring back one."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
        elif self.snapshot.lost:
            self.ask_lost()
        else:
            self.prepare(self._ask_branch)

    async def _ask_branch(self) -> None:
        assert self.snapshot is not None
        acts = {
            "open": self._open_branch,
            "rename": self._ask_new_name,
            "delete": self._ask_delete,
            "restore": self._restore,
            "diff": self._diff_with,
        }

        def answer(choice: tuple[str, str]) -> None:
            what, name = choice
            (self.prepare if what in ("rename", "delete") else self.work)(partial(acts[what], name))

        found = await self.session.branch_lines()
        self._ask("BranchesDialog", answer, partial(self._branch_options, found))

    def _branch_options(self, found: Sequence[BranchLine], whole: bool) -> list[BranchOption]:
        from aos_tui.dialogs import BranchOption

        glyphs = self.glyphs
        rows = arranged(found, glyphs, whole=whole)
        palette = palette_of(self.app)
        texts = [to_text(line, palette) for line in branch_lines(rows, glyphs)]
        return [
            BranchOption(text)
            if (of := row.branch) is None
            else BranchOption(text, of.name, _state(of))
            for row, text in zip(rows, texts, strict=True)
        ]

    async def _diff_with(self, name: str) -> None:
        assert self.snapshot is not None
        await self.compare_places(Place(name, None), Place(self.snapshot.branch, None))

    async def _open_branch(self, name: str) -> None:
        await self.session.open_branch(name)
        self.notify(f"on branch {name}")

    async def _restore(self, name: str) -> None:
        await self.session.restore_branch(name)
        self.notify(f"branch {name} is back")

    async def _ask_new_name(self, name: str) -> None:
        taken = await self.session.branches()

        def answer(new: str) -> None:
            async def act() -> None:
                await self.session.rename_branch(name, new)
                self.notify(f"branch {name} is now called {new}")

            if new != name:
                self.work(act)

        self._ask("RenameDialog", answer, name, [of for of in taken if of != name])

    async def _ask_delete(self, name: str) -> None:
        loss = await self.session.loss_of(name)
        if loss.children:
            goes_on = f"{some(loss.children)} goes on from it"
            self.notify(f"branch {name} is not deleted: {goes_on}", severity="warning")
            return

        def answer(yes: bool) -> None:
            async def act() -> None:
                await self.session.delete_branch(name)
                self.notify(f"branch {name} is deleted; B brings it back")

            if yes:
                self.work(act)

        text = (
            f"Branch {name} has {count(loss.records, 'record')} of its own, which no other branch "
            "has. They are gone from the list of branches, and can be brought back there until "
            "aos gc clears them away."
        )
        self._ask("ConfirmDialog", answer, f"Delete {name}?", text, "Delete", "Keep it")

    def action_fork(self) -> None:
        """Fork at the shown height."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
            return
        self._offer_fork(lambda: None, self.snapshot.height)

    def _offer_fork(self, then: Callable[[], None], height: int, why: str = "") -> None:
        """Ask for a fork at a height; ``then`` runs on it, ``why`` says so."""
        self.prepare(partial(self._ask_fork, then, height, why))

    async def _ask_fork(self, then: Callable[[], None], height: int, why: str) -> None:
        assert self.snapshot is not None
        taken = await self.session.branches()
        start = self.session.fork_start(height)
        stem = f"{self.snapshot.branch.partition('~')[0][:60]}-{start}"
        suggested = free_name(stem, taken)

        def answer(name: str) -> None:
            async def act() -> None:
                await self.session.fork(height, name)
                self.notify(f"on branch {name}, which goes on from height {start}")
                then()

            self.work(act)

        self._ask("ForkDialog", answer, height, start + 1, suggested, taken, why)
