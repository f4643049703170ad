"""What others do to a branch that is open: they write it, stop, or take its file away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aos_tui.session import opening, reading
from aos_tui.session.returning import Returning

if TYPE_CHECKING:
    from pathlib import Path

Stamp = tuple[int, int, int] | None
"""(device, inode, size in bytes) of a file; None where there is none"""


class Following(Returning):
    """Looks at the journal's file, and takes in what has happened to it."""

    async def follow(self) -> None:
        """Look every ``options.poll`` seconds whether the journal's file has changed: what another
        process has added is shown, and a file that is gone is told. Looking costs one ``stat``;
        however much has come meanwhile, it ends in one snapshot. Runs until cancelled, or the
        session is closed."""
        known: tuple[Path | None, Stamp] = None, None
        while not self._closed:
            await asyncio.sleep(self.options.poll)
            world = self._world
            if world is None or (log := world.log) is None or self._closed:
                continue
            if (now := (log, _stamp(log))) != known:
                known = now
                if await self._run(self._take_in):
                    await self.refresh()

    def _take_in(self) -> bool:
        """Take in what has happened; whether there is anything to show."""
        from aos_core.errors import AosError

        world = self._opened
        before = self.locked, self._lost, world.trouble
        self._lost = world.lost
        new = False
        if self.locked is not None and not self._lost:
            try:
                new = world.refresh()
                world.history.catch_up()
            except AosError as error:
                self.locked = error.message
        if world.trouble is not None:
            self._verified = reading.broken(world.trouble)
        if new:
            self._new_player()
        return new or before != (self.locked, self._lost, world.trouble)

    @property
    def log(self) -> Path | None:
        """The file of the branch's journal; None in memory."""
        return self._opened.log

    async def reopen(self) -> bool:
        """Try to write a branch that can only be read; whether that works."""
        from aos_core.branches import DiskError
        from aos_core.errors import BranchLocked, ReadOnly

        def act() -> None:
            old = self._opened
            if self.locked is None:
                old.close()  # it holds the lock, and its file is not what it was
            try:
                world = opening.open_world(self.options, old.branch, write=True)
            except (BranchLocked, ReadOnly, DiskError) as error:
                self.locked = error.message
                return
            self.locked = None
            self._use(world)
            old.close()

        if self._opened.trouble is None and not self._opened.writable:
            await self._run(act)
            await self.refresh()
        return self._opened.writable

    async def put_back(self) -> None:
        """Write what is held of the journal to where its file was. Raises :class:`AosError`."""

        def act() -> None:
            self._opened.put_back()
            self._lost = self._opened.lost

        await self._run(act)
        await self.refresh()


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size
