"""Going on where one was: how a world was left is remembered while it is open, and restored."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aos_tui.left_off import MAIN, Left, Marks, change_left, recall_left
from aos_tui.session.showing import Showing
from aos_tui.session.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aos_core.world import World
    from aos_tui.snapshot import Snapshot

Kept = TypeVar("Kept")
Shown = tuple[str, tuple[int, ...], str | None, str | None, int | None]
"""(branch, marked heights, its scenario, property, where that fails first)"""


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
        kept = Left() if self._place is None else recall_left(self._place)
        self._use_scenario(world, kept.scenarios.get(world.branch))
        super()._use(world)
        marks = kept.marks.get(world.branch)
        if marks is not None and world.branch not in self._marked and _fit(marks, world):
            self._marked[world.branch] = frozenset(marks.heights)

    def _use_scenario(self, world: World, kept: str | None) -> None:
        """Go on with the scenario that was played last on a branch, else with the one that it was
        begun with: in an earlier session that is ``kept``, and gives way to one that was named."""
        from aos_core.errors import AosError

        if kept is not None and self.options.scenario is None:
            self._scenario_of.setdefault(world.branch, kept)
        name = self._scenario_of.get(world.branch)
        if name is not None and (world.scenario is None or world.scenario.name != name):
            with suppress(AosError):  # renamed, deleted or broken since
                world.use_scenario(world.history.last_scenario or name)

    def _publish(self, snapshot: Snapshot) -> None:
        super()._publish(snapshot)
        if self._place is None:
            return
        fails_at = self.known_failure if snapshot.fails_at is None else snapshot.fails_at
        scenario = self._scenario_of.get(snapshot.branch)
        now = snapshot.branch, snapshot.marked, scenario, self._watched, fails_at
        if now != self._seen:
            self._seen = now
            with suppress(RuntimeError):  # the pool is shut
                self._pool.submit(self._remember, *now)

    def _remember(
        self,
        branch: str,
        marked: tuple[int, ...],
        scenario: str | None,
        property: str | None,
        fails_at: int | None,
    ) -> None:
        from aos_core.errors import AosError

        world, place = self._opened, self._place
        assert place is not None

        def change(there: Left) -> Left:
            with suppress(AosError):  # what cannot be read is told where it is shown
                if world.branch == branch:
                    found = Marks(marked, _frame(world, marked[-1])) if marked else None
                    there = there.with_marks(branch, found)
            begun = dict(there.scenarios)
            if scenario is not None and world.branch == branch:
                begun[branch] = scenario
            known = set(world.branches())
            return Left(
                branch,
                {name: of for name, of in there.marks.items() if name in known},
                property,
                fails_at if property is not None else None,
                {name: of for name, of in begun.items() if name in known},
            )

        change_left(place, change)

    def _renamed(self, names: Mapping[str, str]) -> None:
        """Branches have other ``names`` now, by those they had: what is known of them goes with
        them."""
        known = {old: tuple(sorted(self._marked[old])) for old in names if old in self._marked}
        begun = dict(self._scenario_of)
        of_branches: tuple[dict[str, Any], ...] = (self._marked, self._scenario_of)
        for here in of_branches:
            moved = {new: here.pop(old) for old, new in names.items() if old in here}
            for new in names.values():
                here.pop(new, None)  # of another branch, which had that name
            here |= moved

        def change(there: Left) -> Left:
            heights = {name: of.heights for name, of in there.marks.items()}
            return replace(
                there,
                marks=_moved(there.marks, _ours(names, heights, known)),
                scenarios=_moved(there.scenarios, _ours(names, there.scenarios, begun)),
            )

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


def _ours(
    names: Mapping[str, str], there: Mapping[str, object], known: Mapping[str, object]
) -> dict[str, str]:
    """The ``names`` under which what is kept ``there`` is to be moved. Two may have swapped names,
    and another process have said so of the other one: then what stands under an old name, and is
    not what is ``known`` of it here, is that one's by now."""
    return {
        old: new
        for old, new in names.items()
        if old in there and known.get(old, there[old]) == there[old]
    }


def _moved(kept: Mapping[str, Kept], names: Mapping[str, str]) -> dict[str, Kept]:
    others = {name: of for name, of in kept.items() if name not in names}
    return others | {new: kept[old] for old, new in names.items()}


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
