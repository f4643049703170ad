"""What others do to a branch that is open: they write it, stop, rename or delete it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from aos_tui.session import opening
from aos_tui.session.returning import Returning
from aos_tui.session.thread import Closed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from aos_core.world import World
    from aos_tui.snapshot import Snapshot

TURNS, FEW = 50, 10
"""So many turns of another process are taken in before what else is asked of the world is done; and
while somebody travels."""

AT_ONCE = 40
"""So often, before what has come by then is shown."""

SHOWN_SECONDS = 1.0
"""After so long what has been taken in is shown, though there is more."""

TRAVELS_SECONDS = 1.0
"""So long after a key that travels somebody is taken to travel."""

PAINTED_SECONDS = 0.05
"""After a key that travels nothing is taken in for so long: what it leads to is painted first."""

PATIENCE_SECONDS = 0.3
"""For so long what has come waits for keys that do not end, before some of it is taken in."""

Stamp = tuple[int, int, int, int] | None
"""(device, inode, size in bytes, time of the last change in ns) of a file; None where there is
none"""


class Following(Returning):
    """Looks at the journal's file, and takes in what has happened to it."""

    _lineage: tuple[str, ...] = ()
    """What the branch, and those it goes on from, were called when it was last looked."""
    _news: tuple[str, ...] = ()
    _whole: tuple[bytes, int] | None = None
    """(head, height) of the branch when nothing was wrong with it."""
    _of_writer: str | None = None
    """What was last known of another process that writes the branch, or has written it."""

    def _use(self, world: World) -> None:
        super()._use(world)
        self._whole = None
        self._lineage, self._news, self._of_writer = world.lineage, (), None

    def _make(self, asked: int | None) -> Snapshot:
        self._take_names()
        made, world = replace(super()._make(asked), news=self._news), self._opened
        if world.trouble is None:
            self._whole = world.head, world.height
        return made

    async def follow(self) -> None:
        """Look every ``options.poll`` seconds whether the journal's file has changed, or one that
        it goes on from: what another process has added is shown, another name is taken up, and a
        file that is gone or damaged is told; and whether whoever keeps one from writing is still
        there. Looking costs two ``stat`` a branch. What has come is taken in a little at a time, so
        that keys and the screen go first. Runs until cancelled, or the session is closed."""
        known: list[tuple[Path, Stamp]] = []
        with suppress(Closed):  # meanwhile
            while not self._closed:
                await asyncio.sleep(self.options.poll)
                world = self._world
                if world is None or world.in_memory:
                    continue
                if (now := _stamps(world.logs)) != known:
                    await self._look_again()
                    known = now if await self._take_all_in() else []
                changed = self._known_of_writer() != self._of_writer
                if changed and await self._run(self._take_writer):
                    await self.refresh()

    async def _look_again(self) -> None:
        """Read what something else may have changed; keys do not wait for that."""
        from aos_core.errors import AosError

        before = self._opened.trouble
        with suppress(AosError):  # a disk that cannot be read says so when it is
            await asyncio.to_thread(self._opened.look_again)
        if self._opened.trouble is not before:
            await self.refresh()

    def _known_of_writer(self) -> str | None:
        """What can be said of another process that writes the branch which is only read here for
        that, or has written it. The lock is not touched: whoever may write takes it."""
        from aos_core.branches import written_by

        world = self._opened
        if not self._by_writer or self.locked is None or world.log is None:
            return self._of_writer
        return written_by(world.log) or f"branch {world.branch} is written by nobody any more"

    def _take_writer(self) -> bool:
        """Take over what is known of the writer; whether ``locked`` says something else by it."""
        before, now = self.locked, self._known_of_writer()
        if now != self._of_writer:
            self.locked = self._of_writer = now
        return self.locked != before

    async def _take_all_in(self) -> bool:
        """Take in what has happened, and show it; False where there may be more by now."""
        came = told = all_of_it = False
        end = monotonic() + SHOWN_SECONDS
        for _ in range(AT_ONCE):
            if monotonic() > end:
                break
            await self._let_keys_go_first()
            more, tells = await self._run(self._take_in)
            came, told, all_of_it = came or more, told or tells, not more
            if all_of_it:
                break
        if came:
            await self._run(self._new_player)
        if told:
            await self.refresh()
        return all_of_it

    async def _let_keys_go_first(self) -> None:
        """Wait until what somebody travels to is painted; not for ever."""
        begun = monotonic()
        while True:
            end = min(begun + PATIENCE_SECONDS, self._travelled + PAINTED_SECONDS)
            if (left := end - monotonic()) <= 0:
                return
            await asyncio.sleep(left)

    def _take_in(self) -> tuple[bool, bool]:
        """Take in some of what has happened: whether there were new records, and whether there is
        anything to show."""
        from aos_core.errors import AosError

        world = self._opened
        before = self.locked, self._lost, world.trouble, self._lineage
        self._take_names()
        self._lost = world.lost
        new = False
        if self.locked is not None and not self._lost:
            try:
                travels = monotonic() < self._travelled + TRAVELS_SECONDS
                new = world.refresh(FEW if travels else TURNS)
                world.history.catch_up()
            except AosError as error:
                self.locked = error.message
        return new, new or before != (self.locked, self._lost, world.trouble, self._lineage)

    def _take_names(self) -> None:
        """Go on under the names that other processes gave to the branch and to those that it goes
        on from, and tell of them."""
        from aos_core.errors import AosError

        world, before = self._opened, self._lineage
        world.follow_names()
        changed = {old: new for old, new in zip(before, world.lineage, strict=True) if old != new}
        if changed:
            self._lineage = world.lineage
            self._renamed(changed)
            if self.locked is not None and before[-1] in changed:  # who wrote it had the old name
                self.locked = f"branch {world.branch} was opened for reading only"
            taken: list[str] = []
            with suppress(AosError):  # then nobody can say who has it
                taken = world.branches()
            for old, new in changed.items():
                here = old == before[-1]
                told = "this branch" if here else f"branch {old}, which this one goes on from,"
                told += f" is now called {new}"
                if old in taken:
                    told += f"; another one has the name {old} now: B leads to it"
                self._news += (told,)

    async def _name_now(self) -> str:
        """What the branch is called now, for a process that is to open it."""
        before = self._lineage
        await self._run(self._take_names)
        if self._lineage != before:
            await self.refresh()
        return self._opened.branch

    @property
    def log(self) -> Path | None:
        """The file of the branch's journal; None in memory."""
        return self._opened.log

    async def reopen(self) -> bool:
        """Try to write a branch that can only be read; whether that works. One that was damaged may
        have been mended. One that is gone stays as it is: what has its name now, or would be begun
        under it, is another one."""
        from aos_core.branches import DiskError
        from aos_core.errors import BranchLocked, ReadOnly

        def act() -> None:
            self._take_names()
            old = self._opened
            if old.lost:
                return
            if old.trouble is not None and not self._is_mended(old):
                return
            if self.locked is None:
                old.close()  # it holds the lock, and its file is not what it was
            try:
                world = opening.open_world(self.options, old.branch, write=True)
            except (BranchLocked, ReadOnly, DiskError) as error:
                self.locked, self._by_writer = error.message, isinstance(error, BranchLocked)
                return
            self.locked = None
            self._use(world)
            old.close()

        if not self._opened.writable:
            await self._run(act)
            await self.refresh()
        return self._opened.writable

    def _is_mended(self, old: World) -> bool:
        """Whether a branch that was damaged can be read whole, with all that was known of it: a
        journal that was cut short and read by itself would seem to have had no more."""
        from aos_core.errors import AosError

        try:
            with opening.open_world(self.options, old.branch, write=False) as found:
                whole = self._whole is None or found.has(*self._whole)
                return whole and found.trouble is None
        except AosError:
            return False

    @property
    def can_put_back(self) -> bool:
        """Whether a journal that is lost may be put back here: who only reads it leaves that to
        others."""
        return self.locked is None

    async def put_back(self) -> None:
        """Write what is held of the journal to where its file was. Raises :class:`AosError`."""

        def act() -> None:
            self._opened.put_back()
            self._lost = self._opened.lost
            self._look_at_disk()  # what the journal was made of may be gone all the same

        await self._run(act)
        await self.refresh()


def _stamps(logs: Iterable[Path]) -> list[tuple[Path, Stamp]]:
    """Also of what says how much of each is acknowledged: it is written later."""
    from aos_core.offsets import offsets_path

    return [(of, _stamp(of)) for log in logs for of in (log, offsets_path(log))]


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
