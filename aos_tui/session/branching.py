"""The branches of the open world: forked, opened, renamed, deleted, brought back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from aos_tui.session.proving import Proving

if TYPE_CHECKING:
    from aos_core.world import World


@dataclass(frozen=True, slots=True)
class Loss:
    """What is gone with a branch: how many ``records`` of its own. One with ``children``, which go
    on from it, is not deleted."""

    records: int
    children: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A branch at a height; None: at its end, wherever that is."""

    branch: str
    height: int | None

    def __str__(self) -> str:
        return self.branch if self.height is None else f"{self.branch}@{self.height}"


class Branching(Proving):
    """Every way from one branch to another."""

    before: Place | None = None
    """What to compare with: where the last experiment began, or the branch that was left."""

    async def fork(self, height: int, name: str) -> None:
        """Fork at a height and go on there, at its live end."""

        def act() -> None:
            forked = self._opened.fork(height, name)
            self._marked[name] = {of for of in self._marks() if of <= forked.height}
            self._leave_for(forked, None)

        self._stop_verifying()
        await self._act(act)

    async def open_branch(self, name: str) -> None:
        """Go on with another branch, at its live end; the scenario stays. Raises as opening."""

        def act() -> None:
            if (parked := self._parked.pop(name, None)) is not None:
                self._leave_for(parked, None)
            elif name != self._opened.branch:
                self._leave_for(*self._open_branch(name))

        self._stop_verifying()
        await self._act(act)

    def _leave_for(self, world: World, locked: str | None) -> None:
        """Show ``world``; the one before is closed. In memory it is kept: nobody else has it."""
        old = self._opened
        self.before = Place(old.branch, None)
        self._use(world)
        self.locked = locked
        if self.options.memory:
            self._parked[old.branch] = old
        else:
            old.close()
        self._look_at_disk()

    async def branches(self) -> list[str]:
        """The names of all branches."""
        return await self._run(lambda: self._opened.branches())

    async def removed_branches(self) -> list[str]:
        """The names of the branches that can be brought back."""
        return await self._run(lambda: list(self._opened.tree(removed=True).branches))

    async def loss_of(self, name: str) -> Loss:
        """What deleting a branch would lose."""

        def look() -> Loss:
            tree = self._opened.tree()
            if (error := tree.unreadable.get(name)) is not None:
                raise error
            return Loss(tree.branches[name].records, tuple(tree.children(name)))

        return await self._run(look)

    async def rename_branch(self, name: str, new: str) -> None:
        """Give another branch a free name."""

        def act() -> None:
            self._opened.rename_branch(name, new)
            self._marked[new] = self._marked.pop(name, set())
            if (parked := self._parked.pop(name, None)) is not None:
                parked.branch, self._parked[new] = new, parked

        await self._run(act)

    async def delete_branch(self, name: str) -> None:
        """Delete a branch; :meth:`restore_branch` undoes it."""

        await self._run(lambda: self._opened.delete_branch(name))
        await self._forks_changed()

    async def restore_branch(self, name: str) -> None:
        """Bring back a branch that was deleted."""
        await self._run(partial(self._opened.restore_branch, name))
        await self._forks_changed()

    async def _forks_changed(self) -> None:
        self._index.forget_forks()
        await self.refresh()
