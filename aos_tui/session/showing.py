"""An open world and the snapshot of it that is wanted.

Each change ends in one new :class:`Snapshot`, handed to ``changed`` on the event loop. Travel and
follow only change which snapshot is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from aos_tui.left_off import MAIN
from aos_tui.options import Options
from aos_tui.session import opening, reading
from aos_tui.session.states import StatesReader, nearest
from aos_tui.session.thread import Closed, Value, WorldThread
from aos_tui.snapshot import NOTHING_LEFT, Doing, Index, Snapshot, States, Trouble, Verified, Wish

if TYPE_CHECKING:
    from pathlib import Path

    from aos_core.errors import AosError
    from aos_core.present import RecordReader
    from aos_core.problems import Problem
    from aos_core.scenario import Player
    from aos_core.view import View
    from aos_core.world import World
    from aos_tui.session.watching import Watch

LOOK = 0.02
"""Seconds that the world is looked through before something else gets its turn."""


class Showing(WorldThread):
    """Opens a world, and shows it at a height."""

    def __init__(
        self,
        options: Options,
        changed: Callable[[Snapshot], None],
        opening: Callable[[Doing | None], None],
    ) -> None:
        """``changed`` is given each new snapshot, ``opening`` what opening a branch is doing, and
        None when it is over."""
        super().__init__()
        self.options = options
        self.snapshot: Snapshot | None = None
        self.locked: str | None = None
        self._by_writer = False
        """Whether it is ``locked`` because another process writes it, or did when it was opened."""
        self.progress: str | None = None
        self._changed, self._opening = changed, opening
        self._doing: Doing | None = None
        self._tells = False
        self._player: Player | None = None
        self._wanted: int | None = options.at
        self._instance: int | None = None
        self._verified = Verified()
        self._reader: RecordReader | None = None
        self._disk_changes: tuple[str, ...] = ()
        self.disk_hash: bytes | None = None
        """Of the definitions on disk, where they load; it is another one when any of them is."""
        self.disk_problem: str | None = None
        """Why the files on disk do not load, where they do not: file, place and message."""
        self._damage: AosError | None = None
        self._lost = False
        self._parked: dict[str, World] = {}
        self.property_watch: Watch | None = None
        self._travelled = 0.0
        """When another height was wanted last, in seconds of the monotonic clock."""
        self._behind = False
        self._looker: asyncio.Task[None] | None = None
        self.wish = Wish()
        self._marked: dict[str, frozenset[int]] = {}
        self._scenario_of: dict[str, str] = {}
        """The scenarios that branches were begun with, by their names."""
        self._states_reader = StatesReader()

    # -- opening ----------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the world of the options, for reading only where it cannot be written.

        Raises :class:`AosError`: then there is no snapshot.
        """
        self._begin_thread()
        await self._run(self._open)
        await self.refresh()
        if await self.look_at_disk() or self.disk_problem is not None:
            await self.refresh()

    def _open(self) -> None:
        world, self.locked = self._open_first()
        self._use(world)
        if self._wanted is not None:
            self._wanted = min(max(0, self._wanted), world.height)

    def _open_first(self) -> tuple[World, str | None]:
        """As :meth:`_open_branch`: the one that was asked for, or main."""
        return self._open_branch(self.options.branch or MAIN)

    def _open_branch(self, branch: str) -> tuple[World, str | None]:
        """A branch, and why it can only be read; what takes long is told, and broken off by
        closing."""
        from aos_core.errors import BranchLocked

        shown = ("", 0)

        def tell(doing: Doing | None) -> None:
            self._doing = doing
            if (
                not self._tells
            ):  # one at a time, or a quick teller would keep the loop from all else
                self._tells = True
                self._soon(self._tell_opening)

        def progress(what: str, done: int, total: int) -> None:
            nonlocal shown
            if self._closed:
                raise Closed
            if (now := (what, 100 * done // max(1, total))) != shown:
                shown = now
                tell(Doing(what, done, total))

        tell(Doing("", 0, 0))
        try:
            world, why = opening.open_branch(self.options, branch, progress)
            self._by_writer = isinstance(why, BranchLocked)
            return world, None if why is None else why.message
        finally:
            tell(None)

    def _tell_opening(self) -> None:
        self._tells = False
        self._opening(self._doing)

    async def problems_on_disk(self, error: Exception) -> tuple[Problem, ...]:
        """All that keeps the world from being opened, which ended in ``error``."""
        from aos_core.errors import AosError

        def look() -> tuple[Problem, ...]:
            try:
                branches = opening.branches_on_disk(self.options.world)
            except AosError:
                branches = []
            return reading.problems_of(error, self.options.world, branches)

        return await self._run(look)

    async def lacks_only_a_build(self, problems: Sequence[Problem]) -> opening.Unbuilt | None:
        """What is to be built, where the world does not open for no other reason; else None."""
        from aos_core.problems import NOT_BUILT

        wrong = {of.code for of in problems if of.severity == "error"}
        if not wrong <= {NOT_BUILT, "bad_module"}:
            return None
        return await self._run(lambda: opening.unbuilt(self.options.world))

    async def folders_on_disk(self) -> list[Path]:
        """The folders in which a change may mend a world that did not open."""
        return await self._run(lambda: opening.folders_of(self.options.world))

    def _use(self, world: World) -> None:
        from aos_core.present import RecordReader

        self._world, self._reader = world, RecordReader(world)
        self._index = Index(world, self._found_damage)
        self._instance = self._damage = None
        self._lost = False
        self._verified = Verified() if world.trouble is None else reading.broken(world.trouble)
        self.property_watch = None if self.property_watch is None else self.property_watch.again()
        self._new_player()
        self._skip_idle_steps()

    async def look_at_disk(self) -> tuple[str, ...]:
        """The names of the definitions on disk that differ from those in force, read anew."""
        await self._run(self._look_at_disk)
        return self._disk_changes

    def _look_at_disk(self) -> None:
        from aos_core.errors import AosError

        self._disk_changes, self.disk_hash, self.disk_problem = (), None, None
        try:
            catalog = self._opened.disk_catalog()
            self.disk_hash = catalog.manifest_hash
            self._disk_changes = catalog.changed_from(self._opened.program.catalog)
        except AosError as error:
            self.disk_problem = str(error)

    def watched(self) -> list[Path]:
        """The folders in which a change may mean other code."""
        return [] if self._world is None else self._world.files.watched()

    @property
    def root(self) -> Path:
        """The world's folder."""
        return self._opened.files.root

    @property
    def has_sources(self) -> bool:
        """Whether the world's modules can be built from sources that are here."""
        return self._world is not None and bool(self._world.files.source_folders())

    def tell_progress(self, line: str | None) -> None:
        """Show what long work says; None: it is done."""
        self.progress = line
        if self.snapshot is not None:
            self._publish(replace(self.snapshot, progress=line))

    # -- which snapshot ---------------------------------------------------------------------

    async def refresh(self) -> None:
        """Make the snapshot of what is wanted now, and hand it over. Where another height is
        wanted meanwhile, who wants it refreshes as well: then this one is old, and not shown."""
        asked = self._wanted
        try:
            snapshot = await self._run(lambda: self._make(asked))
        except Exception:  # be it a bug of ours: nobody is to wait for that height
            if self._wanted == asked:
                self._wanted = None if self.snapshot is None else self.snapshot.place
            raise
        if self._wanted == asked:
            self._wanted = snapshot.place
            self._publish(snapshot)
        if self._behind and (self._looker is None or self._looker.done()):
            self._looker = asyncio.create_task(self._catch_up())

    async def _catch_up(self) -> None:
        """Look for where the property first fails, in between what else is asked of the world."""
        with suppress(Closed):  # meanwhile
            while not self._closed and await self._run(self._look_a_while):
                pass
            if not self._closed and self.snapshot is not None:
                await self.refresh()

    def _look_a_while(self) -> bool:
        """Whether there is more to look at for the property."""
        from aos_core.errors import AosError

        self._behind = False
        if self.property_watch is not None and self._world is not None:
            try:
                self._behind = self.property_watch.look_on(self._world, LOOK)
            except AosError:
                self._behind = True  # it says nothing there
        return self._behind

    def _publish(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._changed(snapshot)

    def want(self, height: int | None) -> None:
        """Say which height the next snapshot shows, so that quick keys add up; None: the live end,
        as is the last height. Out of range means the nearest. Who says it refreshes, too.

        The world may grow meanwhile: the last height is looked up when the snapshot is made.
        """
        self._travelled = monotonic()
        if height is not None and self._world is not None:
            height = min(max(0, height), self._world.height)
            self._wanted = None if height == self._world.height else height
        else:
            self._wanted = None

    @property
    def wanted(self) -> int:
        """The height that is or will be shown."""
        live = 0 if self._world is None else self._world.height
        return live if self._wanted is None else min(self._wanted, live)

    @property
    def travelling(self) -> bool:
        """Whether another height is wanted than the one that is shown."""
        return self.snapshot is not None and self._wanted != self.snapshot.place

    def turn_end(self, step: int) -> int:
        """The last height of the turn before (-1) the wanted height's, or of the one after (1).

        Forwards from inside a turn: the end of that turn. -1 where no turn is before, one more
        than the last height where none is after.
        """
        at, live = self.wanted, self._live
        first, last = self._index.bounds(at)
        if step < 0:
            return first - 1
        if at < last or last == live:
            return last if at < last else live + 1
        return self._index.bounds(last + 1)[1]

    def fork_start(self, height: int) -> int:
        """The last height that a fork at ``height`` keeps: a turn is never split."""
        first, last = self._index.bounds(height)
        return height if height == last else first - 1

    def sound_until(self, height: int) -> int:
        """The nearest height up to this one before which nothing is known to be damaged."""
        from aos_core.errors import JournalDamaged

        trouble = self._opened.trouble
        if isinstance(trouble, JournalDamaged) and trouble.height:
            return min(height, trouble.height - 1)
        return height

    @property
    def _live(self) -> int:
        return 0 if self.snapshot is None else self.snapshot.live

    def mark(self, height: int) -> bool:
        """Mark a height of the branch, or no longer; whether it is marked now."""
        # never changed in place: a snapshot may be being made of it
        marked = self._marked.get(self._opened.branch, frozenset()) ^ {height}
        self._marked[self._opened.branch] = marked
        if self.snapshot is not None:
            self._publish(replace(self.snapshot, marked=self._marks()))
        return height in marked

    def _marks(self) -> tuple[int, ...]:
        world = self._opened
        marked = self._marked.get(world.branch, frozenset())
        return tuple(sorted(height for height in marked if height <= world.height))

    async def choose_plan(self, number: int) -> None:
        """Show another plan instance, until :meth:`let_plan_go`."""
        self._instance = number
        await self.refresh()

    def let_plan_go(self) -> None:
        """The next snapshot shows the plan instance that its record is about."""
        self._instance = None

    def _make(self, asked: int | None) -> Snapshot:
        """The snapshot of a height; None: the live end. Where that height cannot be read, of the
        one that is shown, else of the last; where none can, what is shown stays, and says what is
        wrong."""
        from aos_core.errors import AosError

        world, shown = self._opened, self.snapshot
        self._look_a_while()
        self._lost = world.lost
        live = world.height
        wanted = live if asked is None else min(asked, live)
        others = [] if shown is None or shown.branch != world.branch else [min(shown.height, live)]
        for height in dict.fromkeys([wanted, self.sound_until(wanted), *others, live]):
            try:
                return self._picture(height, following=asked is None or height == live)
            except AosError as error:
                self._damage = self._damage or error
        assert self._damage is not None
        if shown is None or shown.branch != world.branch:
            if not world.retreat():
                raise self._damage
            return self._picture(world.height, following=True)
        trouble = self._mind_trouble()
        return replace(
            shown, trouble=trouble, writable=False, verified=self._verified, lost=self._lost
        )

    def _picture(self, height: int, *, following: bool) -> Snapshot:
        world = self._opened
        view = world.at(height)
        plan_count, chosen = reading.shown_plan(world, view, self._index, self._instance)
        fails_at = None if self.property_watch is None else self.property_watch.fails_at
        live, states = world.height, self._states(view)
        trouble = self._mind_trouble()  # known at the latest when the states were read
        return Snapshot(
            world=world.files.root.name,
            branch=world.branch,
            scenario=None if world.scenario is None else world.scenario.name,
            height=height,
            live=live,
            following=following,
            root=view.root,
            head=world.head,
            records=world.records,
            index=self._index,
            states=states,
            pending=tuple(view.pending),
            plan_count=plan_count,
            plan=None if chosen is None else view.plan(chosen),
            plan_chosen=chosen is not None and chosen == self._instance,
            turns=world.turns_until(live),
            landmarks=self._index.landmarks(live, fails_at),
            next_step=self._next_step(),
            first_events=reading.first_events(view),
            plan_starts=reading.plan_starts(view),
            verified=self._verified,
            notices=self._notices(),
            trouble=trouble,
            disk_changes=self._disk_changes,
            disk_problem=self.disk_problem,
            writable=world.writable and not self._lost,
            lost=self._lost,
            progress=self.progress,
            holds=None if self.property_watch is None else self.property_watch.says(view),
            fails_at=fails_at,
            marked=self._marks(),
            receipts=self._index.receipts(live),
        )

    def _states(self, view: View) -> States:
        """What is wished for of the states. At the end of a turn they are compared with those
        before it, inside a turn with those one record earlier; or with those at a mark."""
        first, last = self._index.bounds(view.height)
        before = max(0, first - 1 if view.height == last else view.height - 1)
        marked = self.wish.display == "diff" if self.wish.marked is None else self.wish.marked
        mark = nearest(self._marks(), view.height) if marked else None
        against = before if mark is None else mark
        return self._states_reader.read(
            view, self._opened.at(against), self.wish, marked=mark is not None
        )

    def _next_step(self) -> str | None:
        step = None if self._player is None else self._player.next_step
        if step is None or self._player is None:
            return None
        return NOTHING_LEFT if self._player.finds_nothing else self._player.describe(step)

    def _trouble(self) -> Trouble | None:
        world = self._opened
        if self._lost:
            return reading.lost(world.branch, read=self.locked is not None)
        if world.trouble is not None:
            return reading.why_read_only(world.trouble)
        if self._damage is not None:
            return reading.why_read_only(self._damage)
        if self.locked is not None:
            hint = "F forks it, to go on there; any key that writes tries again"
            return Trouble(f"read-only: {self.locked}", "", hint)
        if world.read_only is not None:
            return Trouble(f"read-only: {world.read_only}", "", "any key that writes tries again")
        return None

    def _found_damage(self, error: AosError) -> None:
        """Something cannot be read, which whoever painted it has found: say so above the panes."""
        if self._damage is None and not self._closed:
            self._damage = error
            self._soon(self._tell_damage)

    def _tell_damage(self) -> None:
        if self.snapshot is not None:
            trouble = self._mind_trouble()
            writable = self.snapshot.writable and self._opened.writable
            self._publish(
                replace(
                    self.snapshot,
                    trouble=trouble,
                    writable=writable,
                    verified=self._verified,
                )
            )

    def _mind_trouble(self) -> Trouble | None:
        """What is wrong. What is known to be damaged, or to come out otherwise, is not verified;
        what verifying has found itself says more."""
        shown = self._trouble()
        trouble = self._opened.trouble  # at least what was known a moment ago
        if trouble is not None and self._verified.state in ("ok", "unverified"):
            self._verified = reading.broken(trouble)
        return shown

    def _notices(self) -> tuple[str, ...]:
        world, found = self._opened, list(self._opened.notices)
        place = world.files.data_dir
        if not self.options.memory and not place.is_relative_to(world.files.root):
            found.append(f"the world's own folder cannot be written: its journal is in {place}")
        if world.warns_of_states:
            start = max(0, self._index.bounds(world.height)[0] - 1)
            found += self._states_reader.problems(world.at(world.height), world.at(start))
        return tuple(found)

    def _new_player(self) -> None:
        from aos_core.scenario import Player

        world = self._opened
        self._player = None if world.scenario is None else Player(world, world.scenario)

    def _skip_idle_steps(self) -> None:
        """On a branch that has played some of its scenario, go past releases that find nothing: a
        scenario that was at its end is so when its branch is opened again."""
        player = self._player
        while (
            player is not None
            and (step := player.next_step) is not None
            and step.index > 0
            and player.finds_nothing
        ):
            player.pass_over()

    async def _act(self, act: Callable[[], Value]) -> Value:
        """Run something that writes, then show the live end; an error leaves one where one is."""
        try:
            result = await self._run(act)
            self._wanted = None
            return result
        finally:
            await self.refresh()
