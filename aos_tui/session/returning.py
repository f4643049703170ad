"""Going on where one was: how a world was left is remembered while it is open, and restored."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aos_tui.left_off import MAIN, Left, Marks, change_left, recall_left
from aos_tui.session.showing import Showing
from aos_tui.session.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aos_core.world import World
    from aos_tui.snapshot import Snapshot

Shown = tuple[str, tuple[int, ...], str | None, int | None]
"""(branch, marked heights, property, where it fails first)"""


_NONE = {"no_branch", "bad_branch_name"}
"""The codes of errors which say that there is no such branch any more, or never was."""


class Returning(Showing):
    """Opens a world as it was left, and remembers how it is."""

    _place: Path | None = None
    """The folder of the world; None where nothing is remembered of it."""
    _left = Left()
    """How it was left."""
    _to_watch: str | None = None
    """The property that is still to be watched again."""
    _seen: Shown | None = None
    """What was last handed to be written."""

    came_back = False
    """Whether the branch that is open first was not asked for, but is the one that was left."""
    not_back: str | None = None
    """Why the branch that was left is not open, though it is there."""

    def _open_first(self) -> tuple[World, str | None]:
        from aos_core.branches import said_of
        from aos_core.errors import AosError
        from aos_core.files import find_world

        if not self.options.returns:
            return super()._open_first()
        self._place = find_world(self.options.world).resolve()
        self._left = left = recall_left(self._place)
        self._to_watch = left.property
        if self.options.names_place or left.branch == MAIN:
            return super()._open_first()
        try:
            found = self._open_branch(left.branch)
        except AosError as error:
            found = super()._open_first()
            if error.code not in _NONE:
                why = said_of(left.branch, error.message)
                why = f"branch {left.branch}, where you were, does not open: {why}"
                self.not_back = why
        else:
            self.came_back = True
        return found

    def _use(self, world: World) -> None:
        super()._use(world)
        if self._place is None or world.branch in self._marked:
            return
        kept = recall_left(self._place).marks.get(world.branch)
        if kept is not None and _fit(kept, world):
            self._marked[world.branch] = frozenset(kept.heights)

    def _publish(self, snapshot: Snapshot) -> None:
        super()._publish(snapshot)
        if self._place is None:
            return
        fails_at = self.known_failure if snapshot.fails_at is None else snapshot.fails_at
        now = snapshot.branch, snapshot.marked, self._watched, fails_at
        if now != self._seen:
            self._seen = now
            with suppress(RuntimeError):  # the pool is shut
                self._pool.submit(self._remember, *now)

    def _remember(
        self, branch: str, marked: tuple[int, ...], property: str | None, fails_at: int | None
    ) -> None:
        from aos_core.errors import AosError

        world, place = self._opened, self._place
        assert place is not None

        def change(there: Left) -> Left:
            with suppress(AosError):  # what cannot be read is told where it is shown
                if world.branch == branch:
                    found = Marks(marked, _frame(world, marked[-1])) if marked else None
                    there = there.with_marks(branch, found)
            known = {name: there.marks[name] for name in world.branches() if name in there.marks}
            return Left(branch, known, property, fails_at if property is not None else None)

        change_left(place, change)

    def _renamed(self, names: Mapping[str, str]) -> None:
        """Branches have other ``names`` now, by those they had: their marks go with them."""
        known = {old: tuple(sorted(self._marked[old])) for old in names if old in self._marked}
        moved = {new: self._marked.pop(old) for old, new in names.items() if old in known}
        for new in names.values():
            self._marked.pop(new, None)  # of another branch, which had that name
        self._marked |= moved

        def change(there: Left) -> Left:
            # two may have swapped names, and another process have said so of the other one: then
            # what stands under an old name is that one's by now
            ours = {
                old: of
                for old, of in there.marks.items()
                if old in names and known.get(old, of.heights) == of.heights
            }
            kept = {name: of for name, of in there.marks.items() if name not in ours}
            moved = {names[old]: of for old, of in ours.items()}
            return replace(there, marks=kept | moved)

        if self._place is not None:
            change_left(self._place, change)

    @property
    def known_failure(self) -> int | None:
        """Where the property that is watched was known to fail first when the world was left: no
        news."""
        return self._left.fails_at if self._watched == self._left.property else None

    @property
    def _watched(self) -> str | None:
        return self._to_watch if self.property_watch is None else self.property_watch.text

    async def watch_again(self) -> str | None:
        """Watch what was watched when the world was left; why that cannot be, or None. It is done
        when the world is shown: nobody waits for it."""
        from aos_core.errors import AosError

        def act() -> str | None:
            from aos_core.property import Property

            try:
                if self._to_watch is not None and self.property_watch is None:
                    of = Property.parse(self._to_watch, self._opened.program)
                    self.property_watch = Watch(self._to_watch, of)
            except AosError as error:
                return error.message
            finally:
                self._to_watch = None
            return None

        if self._to_watch is None:
            return None
        problem = await self._run(act)
        await self.refresh()
        return problem


def _frame(world: World, height: int) -> str:
    """The hash, in hex, of the frame that record ``height`` is in. Raises :class:`AosError`."""
    return world.frames[world.frame_at(height)].hash.hex()


def _fit(kept: Marks, world: World) -> bool:
    """Whether marks are of this history."""
    from aos_core.errors import AosError

    last = kept.heights[-1]
    try:
        return last <= world.height and _frame(world, last) == kept.frame
    except AosError:
        return False
