"""A world, the height it is shown at, and what one can do with it.

Whatever reads or writes the world runs in one thread of its own, so the screen never waits; each
change ends in one new :class:`Snapshot`, handed to ``changed`` on the event loop. Travel, fork and
follow only change which snapshot is made.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from aos_tui.options import Options
from aos_tui.session import forms, reading
from aos_tui.snapshot import Index, Snapshot, Trouble, Verified

if TYPE_CHECKING:
    from pathlib import Path

    from aos_core.errors import AosError
    from aos_core.kernel.turn import Turn
    from aos_core.present import RecordReader
    from aos_core.scenario import Player
    from aos_core.view import Pending
    from aos_core.world import World

Value = TypeVar("Value")


class _Cancelled(Exception):
    """Raised inside long work that the user broke off."""


class Session:
    """A world, the height it is shown at, and what one can do with it.

    Methods that change the world raise :class:`aos_core.errors.AosError`; the snapshot that says
    what did happen is made all the same.
    """

    def __init__(self, options: Options, changed: Callable[[Snapshot], None]) -> None:
        self.options = options
        self.snapshot: Snapshot | None = None
        self.locked: str | None = None
        self._changed = changed
        self._pool = ThreadPoolExecutor(1, "world")
        self._world: World | None = None
        self._player: Player | None = None
        self._index = Index()
        self._wanted: int | None = options.at
        self._instance: int | None = None
        self._verified = Verified()
        self._reader: RecordReader | None = None
        self._disk_changes: tuple[str, ...] = ()
        self._disk_problem: str | None = None
        self._stop = False

    # -- opening ----------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the world of the options, for reading only where it cannot be written.

        Raises :class:`AosError`: then there is no snapshot.
        """
        await self._run(self._open)
        await self.refresh()
        if await self.look_at_disk() or self._disk_problem is not None:
            await self.refresh()

    def _open(self) -> None:
        from aos_core.branches import DiskError
        from aos_core.errors import BranchLocked, ReadOnly

        try:
            world = self._open_world(write=True)
        except (BranchLocked, ReadOnly, DiskError) as error:
            world = self._open_to_read(error)
            self.locked = error.message
        self._use(world)
        if self._wanted is not None:
            self._wanted = min(max(0, self._wanted), world.height)

    def _open_to_read(self, why: AosError) -> World:
        """The world for reading; ``why`` it cannot be written is what matters where that fails."""
        from aos_core.errors import AosError

        try:
            return self._open_world(write=False)
        except AosError:
            raise why from None

    def _open_world(self, *, write: bool) -> World:
        from aos_core.files import WorldFiles, find_world
        from aos_core.hosts import SimulatedHost
        from aos_core.scenario_file import read_scenario
        from aos_core.world import World

        options, host = self.options, None
        if options.memory:
            files = WorldFiles.read(find_world(options.world))
            name = options.scenario or files.config.default_scenario
            host = SimulatedHost()
            if name is not None:
                of = read_scenario(files.scenario_path(name))
                host = SimulatedHost(of.seed, of.start_ns, of.step_ns)
        return World.open(
            options.world,
            options.branch,
            memory=options.memory,
            write=write,
            scenario=options.scenario,
            host=host,
        )

    def _use(self, world: World) -> None:
        from aos_core.present import RecordReader

        self._world, self._index, self._reader = world, Index(), RecordReader(world)
        self._instance = None
        self._verified = Verified() if world.trouble is None else reading.broken(world.trouble)
        self._new_player()

    async def close(self) -> None:
        """Give up the world. What runs is broken off."""
        self._stop = True
        await self._run(lambda: None if self._world is None else self._world.close())
        self._pool.shutdown(wait=False)

    async def look_at_disk(self) -> tuple[str, ...]:
        """The names of the definitions on disk that differ from those in force, read anew."""
        await self._run(self._look_at_disk)
        return self._disk_changes

    def _look_at_disk(self) -> None:
        from aos_core.errors import AosError

        self._disk_changes, self._disk_problem = (), None
        try:
            self._disk_changes = self._opened.disk_changes()
        except AosError as error:
            what = reading.problems_of(error)[0].message
            self._disk_problem = f"the files on disk do not load, the journal's are used: {what}"

    def watched(self) -> list[Path]:
        """The files whose change means other modules."""
        return [] if self._world is None else self._world.files.watched()

    # -- which snapshot ---------------------------------------------------------------------

    async def refresh(self) -> None:
        """Make the snapshot of what is wanted now, and hand it over."""
        self._publish(await self._run(self._make))

    def _publish(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._changed(snapshot)

    async def go(self, height: int) -> None:
        """Show a height; the last one follows the live end. Out of range means the nearest."""
        self.want(height)
        await self.refresh()

    def want(self, height: int | None) -> None:
        """Say which height the next snapshot shows, so that quick keys add up; None: the live end.

        The world may grow meanwhile: the last height is looked up when the snapshot is made.
        """
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

    def turn_start(self, step: int) -> int:
        """The first height of the turn before (-1) or after (1) the wanted one.

        Backwards from inside a turn: the start of that turn; forwards from the last: its end.
        """
        first, last = self._index.bounds(self.wanted, self._live)
        if step > 0:
            return min(last + 1, self._live)
        return (
            first if self.wanted > first else self._index.bounds(max(0, first - 1), self._live)[0]
        )

    def fork_start(self, height: int) -> int:
        """The last height that a fork at ``height`` keeps: a turn is never split."""
        first, last = self._index.bounds(height, self._live)
        return height if height == last else first - 1

    @property
    def _live(self) -> int:
        return 0 if self.snapshot is None else self.snapshot.live

    async def choose_plan(self, number: int) -> None:
        """Show another plan instance."""
        self._instance = number
        await self.refresh()

    def _make(self) -> Snapshot:
        world = self._opened
        self._index.extend(world)
        live = world.height
        height = live if self._wanted is None else min(self._wanted, live)
        view = world.at(height)
        plans = tuple(view.plans())
        numbers: list[int | None] = [None, *(plan.number for plan in plans)]
        chosen = self._instance if self._instance in numbers[1:] else numbers[-1]
        return Snapshot(
            world=world.files.root.name,
            branch=world.branch,
            scenario=None if world.scenario is None else world.scenario.name,
            height=height,
            live=live,
            following=self._wanted is None,
            root=view.root,
            head=world.head,
            records=world.records,
            index=self._index,
            states=view.states(),
            before=world.at(height - 1).states() if height else {},
            pending=tuple(view.pending),
            plans=plans,
            plan=None if chosen is None else view.plan(chosen),
            next_step=self._next_step(),
            first_events=reading.first_events(view),
            verified=self._verified,
            trouble=self._trouble(),
            notices=self._notices(),
            disk_changes=self._disk_changes,
            writable=world.writable,
        )

    def _next_step(self) -> str | None:
        step = None if self._player is None else self._player.next_step
        return None if step is None or self._player is None else self._player.describe(step)

    def _trouble(self) -> Trouble | None:
        error = self._opened.trouble
        if error is not None:
            return reading.why_read_only(error)
        if self.locked is not None:
            return Trouble(f"read-only: {self.locked}", "", "F forks it, to go on there")
        return None

    def _notices(self) -> tuple[str, ...]:
        world, found = self._opened, list(self._opened.notices)
        place = world.files.data_dir
        if not self.options.memory and not place.is_relative_to(world.files.root):
            found.append(f"the world's own folder cannot be written: its journal is in {place}")
        if self._disk_problem is not None:
            found.append(self._disk_problem)
        return tuple(found)

    # -- writing ----------------------------------------------------------------------------

    async def fire(self, schema: str, value: Any) -> str | None:
        """Submit an event (host JSON). Returns the fault of its turn, if it had one."""
        return await self._act(lambda: reading.fault_of([self._opened.fire(schema, value)]))

    async def release(self, intents: Sequence[bytes]) -> str | None:
        """Deliver the prepared receipts of these intents, in this order; stops at a fault."""
        return await self._act(lambda: reading.fault_of(self._deliveries(intents)))

    async def shuffle(self, seed: int | None = None) -> tuple[int, str | None]:
        """Release everything in the order of a seed (None: a new one).

        Returns the seed and the fault, if there was one."""
        chosen = random.SystemRandom().randrange(10_000) if seed is None else seed

        def act() -> str | None:
            from aos_core.scenario import shuffled

            pending = shuffled(self._opened.pending, chosen)
            return reading.fault_of(self._deliveries([item.intent_hash for item in pending]))

        return chosen, await self._act(act)

    async def deliver_edited(
        self, intent: bytes, status: str, payload: Any, cost_cents: int | None
    ) -> str | None:
        """Deliver a receipt written by hand; ``payload`` is host JSON."""

        def act() -> str | None:
            from aos_core.scenario import edited

            receipt = {"status": status, "payload": payload, "cost_cents": cost_cents}
            item = self._pending(intent)
            return reading.fault_of([self._opened.deliver(edited(item, receipt))])

        return await self._act(act)

    async def swap(self) -> str | None:
        """Put the definitions and modules on disk in force from now on."""

        def act() -> str | None:
            fault = reading.fault_of([self._opened.swap()])
            self._look_at_disk()
            return fault

        return await self._act(act)

    async def fork(self, height: int, name: str) -> None:
        """Fork at a height and go on there, at its live end."""

        def act() -> None:
            old = self._opened
            self._use(old.fork(height, name))
            self.locked = None
            old.close()
            self._look_at_disk()

        await self._act(act)

    def _deliveries(self, intents: Sequence[bytes]) -> Iterator[Turn]:
        for intent in intents:
            yield self._opened.deliver(self._pending(intent).answer())

    def _pending(self, intent: bytes) -> Pending:
        from aos_core.errors import UsageError

        for item in self._opened.pending:
            if item.intent_hash == intent:
                return item
        raise UsageError("this effect is no longer pending", hint="look at the pending pane")

    async def _act(self, act: Callable[[], Value]) -> Value:
        """Run something that writes, then show the live end; an error leaves one where one is."""
        try:
            result = await self._run(act)
            self._wanted = None
            return result
        finally:
            await self.refresh()

    # -- the scenario -----------------------------------------------------------------------

    async def play_step(self) -> list[str]:
        """Play the next step of the scenario. Returns what went wrong: faults, expectations."""

        def act() -> list[str]:
            player = self._need_player()
            seen = len(player.expectations)
            fault = reading.fault_of(player.play_step())
            return [fault] if fault else self._failed_expectations(player, seen)

        return await self._act(act)

    async def play_all(self) -> list[str]:
        """Play to the end, ``options.pace`` seconds a turn, until :meth:`cancel`."""
        self._stop = False
        player = await self._run(self._need_player)
        seen = len(player.expectations)
        try:
            while player.next_step is not None:
                turns = player.step_turns()
                while (made := await self._act(partial(next, turns, None))) is not None:
                    if made.fault is not None:
                        return [reading.fault_text(made.fault)]
                    if self._stop:
                        return []
                    await asyncio.sleep(self.options.pace)
        finally:
            if player.next_step is not None:
                # Half a step may be played: its source in the journal says so.
                await self._run(self._new_player)
                await self.refresh()
        return await self._run(lambda: self._failed_expectations(player, seen))

    @property
    def at_scenario_end(self) -> bool:
        """Whether there is a scenario and all of it is played on this branch."""
        return self._player is not None and self._player.next_step is None

    def _need_player(self) -> Player:
        from aos_core.errors import UsageError

        if self._player is None:
            raise UsageError("this world has no scenario to play", hint="start with --scenario S")
        return self._player

    def _new_player(self) -> None:
        from aos_core.scenario import Player

        world = self._opened
        self._player = None if world.scenario is None else Player(world, world.scenario)

    def _failed_expectations(self, player: Player, seen: int) -> list[str]:
        from aos_core.scenario import check

        found = player.expectations[seen:]
        if player.next_step is None:
            found = [*found, *check(self._opened, player.scenario.expect, "at the end")]
        return [item.text for item in found if not item.ok]

    # -- proof ------------------------------------------------------------------------------

    async def verify(self) -> Verified:
        """Replay the whole journal in a thread, with progress; :meth:`cancel` breaks it off."""
        from aos_core.errors import Diverged, JournalDamaged

        world, before, loop = self._opened, self._verified, asyncio.get_running_loop()
        self._stop = False
        shown = -1

        def progress(done: int, total: int) -> None:
            nonlocal shown
            if self._stop:
                raise _Cancelled
            percent = 100 * done // total
            if percent > shown:
                shown = percent
                loop.call_soon_threadsafe(self._set_running, percent)

        live = world.height
        self._set_running(0)
        try:
            report = await asyncio.to_thread(world.verify, progress=progress)
        except _Cancelled:
            return self._set_verified(before)
        except (JournalDamaged, Diverged) as error:
            return self._set_verified(reading.broken(error))
        if report.divergence is None:
            return self._set_verified(Verified("ok", height=live))
        return self._set_verified(reading.diverged(report.divergence))

    def _set_running(self, percent: int) -> None:
        if self._verified.state != "running" and percent:
            return  # a late report of progress
        self._set_verified(Verified("running", percent=percent))

    def _set_verified(self, verified: Verified) -> Verified:
        self._verified = verified
        if self.snapshot is not None:
            self._publish(replace(self.snapshot, verified=verified))
        return verified

    def cancel(self) -> None:
        """Break off verification or a scenario that plays."""
        self._stop = True

    # -- for dialogs ------------------------------------------------------------------------

    async def event_choices(self) -> tuple[list[forms.EventChoice], str]:
        """The events one can fire, and the name of the one to begin with."""
        return await self._run(lambda: forms.event_choices(self._opened))

    def event_problem(self, schema: str, value: Any) -> str | None:
        """What is wrong with an event's value (host JSON), or None. Quick: for every key typed."""
        return forms.event_problem(self._opened, schema, value)

    async def receipt_form(self, intent: bytes) -> forms.ReceiptForm:
        """The form for the receipt of a pending effect."""
        return await self._run(lambda: forms.receipt_form(self._opened, self._pending(intent)))

    async def branches(self) -> list[str]:
        """The names of all branches."""
        return await self._run(lambda: self._opened.branches())

    async def detail(self, height: int) -> reading.RecordDetail:
        """A record whole."""

        def act() -> reading.RecordDetail:
            assert self._reader is not None
            return reading.record_detail(self._opened, self._reader, self._index, height)

        return await self._run(act)

    async def search(self, text: str) -> list[int]:
        """The heights, rising, that a filter finds. Raises :class:`UsageError` for a bad filter.

        In a thread of its own: there may be a million records."""
        from aos_core.filters import parse_filter

        fits, records, live = parse_filter(text), self._opened.records, self._live
        return await asyncio.to_thread(
            lambda: [height for height in range(live + 1) if fits(height, records[height])]
        )

    @property
    def copy_path(self) -> Path | None:
        """Where copied text is kept too, for terminals without a clipboard; None: nowhere."""
        if self._world is None or self.options.memory:
            return None
        return self._world.files.data_dir / "copied.txt"

    async def keep_copy(self, text: str) -> None:
        """Write copied text to :attr:`copy_path`. Raises :class:`OSError`."""
        if (path := self.copy_path) is not None:
            await asyncio.to_thread(path.write_text, text, encoding="utf-8")

    # -- the thread -------------------------------------------------------------------------

    @property
    def _opened(self) -> World:
        assert self._world is not None, "the session is open"
        return self._world

    async def _run(self, act: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(self._pool, act)
