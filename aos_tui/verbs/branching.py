"""Whether one can go on where one is, and the ways to another branch."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

from aos_tui.verbs.base import Base


class Branching(Base):
    """Forks, and the choice of a branch."""

    def _at_end(self, then: Callable[[], None], what: str) -> bool:
        """Whether one can go on here. In the past a fork is offered, and ``then`` runs on it:
        ``what`` says what that does, as in "fire an event".

        Where another process wrote the branch, it is tried again, and ``then`` runs if it works."""
        snapshot = self.snapshot
        if snapshot is None:
            self.notify("the world is still being opened")
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

    def action_branches(self) -> None:
        """Choose another branch."""
        if self.snapshot is None:
            self.notify("the world is still being opened")
            return
        self.prepare(self._ask_branch)

    async def _ask_branch(self) -> None:
        assert self.snapshot is not None

        def answer(name: str) -> None:
            async def act() -> None:
                await self.session.open_branch(name)
                self.notify(f"on branch {name}")

            self.work(act)

        names = await self.session.branches()
        self._ask("BranchesDialog", answer, names, self.snapshot.branch)

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
        names = itertools.chain([stem], (f"{stem}-{n}" for n in itertools.count(2)))
        suggested = next(name for name in names if name not in taken)

        def answer(name: str) -> None:
            async def act() -> None:
                await self.session.fork(height, name)
                self.notify(f"on branch {name}, which goes on from height {start}")
                then()

            self.work(act)

        self._ask("ForkDialog", answer, height, start + 1, suggested, taken, why)
