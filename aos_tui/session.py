"""The view model: the only place that touches ``aos_core``.

A session owns a world. Whatever reads or writes it runs in one thread of its own, so the screen
never waits; each change ends in one new :class:`Snapshot`, handed to ``changed`` on the event loop.
Travel, fork and follow only change which snapshot is made.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from aos_tui.options import Options
from aos_tui.snapshot import Index, Snapshot, Trouble, Verified

if TYPE_CHECKING:
    from pathlib import Path

    from aos_core.errors import AosError
    from aos_core.kernel.turn import Turn
    from aos_core.scenario import Player
    from aos_core.view import Pending, View
    from aos_core.world import World

Value = TypeVar("Value")
EventChoice = tuple[str, Any, Any]
"""(schema name, its type as JSON with references followed, an example as host JSON)"""

_PERCENT_STEP = 1


class _Cancelled(Exception):
    """Raised inside long work that the user broke off."""


@dataclass(frozen=True, slots=True)
class RecordDetail:
    """A record whole: (heading, text) sections, and (label, height) links to causes and effects."""

    title: str
    sections: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ReceiptForm:
    """What one begins with when a receipt is written by hand: the prepared one, or zeroes.

    ``payload`` is host JSON, ``type_json`` its type with references followed; ``validate`` takes
    (status, payload, cost in cents) and says what is wrong, or None.
    """

    title: str
    status: str
    payload: Any
    cost_cents: int | None
    type_json: Any
    validate: Callable[[str, Any, int | None], str | None]


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
        self._stop = False

    # -- opening ----------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the world of the options, for reading only where it cannot be written.

        Raises :class:`AosError`: then there is no snapshot.
        """
        await self._run(self._open)
        await self.refresh()

    def _open(self) -> None:
        from aos_core.errors import BranchLocked, ReadOnly

        try:
            world = self._open_world(write=True)
        except (BranchLocked, ReadOnly) as error:
            world = self._open_world(write=False)
            self.locked = error.message
        self._use(world)
        if self._wanted is not None:
            self._wanted = min(max(0, self._wanted), world.height)

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
        from aos_core.scenario import Player

        self._world, self._index = world, Index()
        self._player = None if world.scenario is None else Player(world, world.scenario)
        self._instance, self._verified = None, Verified()

    async def close(self) -> None:
        """Give up the world. What runs is broken off."""
        self._stop = True
        await self._run(lambda: None if self._world is None else self._world.close())
        self._pool.shutdown(wait=False)

    def watched(self) -> list[Path]:
        """The files whose change means another program."""
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
        live = 0 if self.snapshot is None else self.snapshot.live
        first, last = self._index.bounds(self.wanted, live)
        if step > 0:
            return min(last + 1, live)
        return first if self.wanted > first else self._index.bounds(max(0, first - 1), live)[0]

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
            first_events=tuple(sorted(_whole_events(view))),
            verified=self._verified,
            trouble=self._trouble(),
            notices=tuple(world.notices),
            writable=world.writable,
        )

    def _next_step(self) -> str | None:
        step = None if self._player is None else self._player.next_step
        return None if step is None or self._player is None else self._player.describe(step)

    def _trouble(self) -> Trouble | None:
        error = self._opened.trouble
        if error is not None:
            return trouble_of(error)
        if self.locked is not None:
            return Trouble(f"read-only: {self.locked}", "", "F forks it to go on")
        return None

    # -- writing ----------------------------------------------------------------------------

    async def fire(self, schema: str, value: Any) -> str | None:
        """Submit an event (host JSON). Returns the fault of its turn, if it had one."""
        return await self._act(lambda: _fault_of([self._opened.fire(schema, value)]))

    async def release(self, intents: Sequence[bytes]) -> str | None:
        """Deliver the prepared receipts of these intents, in this order; stops at a fault."""
        return await self._act(lambda: _fault_of(self._deliveries(intents)))

    async def shuffle(self, seed: int | None = None) -> tuple[int, str | None]:
        """Release everything in the order of a seed (None: a new one).

        Returns the seed and the fault, if there was one."""
        chosen = random.SystemRandom().randrange(10_000) if seed is None else seed

        def act() -> str | None:
            from aos_core.scenario import shuffled

            pending = shuffled(self._opened.pending, chosen)
            return _fault_of(self._deliveries([item.intent_hash for item in pending]))

        return chosen, await self._act(act)

    async def deliver_edited(
        self, intent: bytes, status: str, payload: Any, cost_cents: int | None
    ) -> str | None:
        """Deliver a receipt written by hand; ``payload`` is host JSON."""

        def act() -> str | None:
            from aos_core.scenario import edited

            receipt = {"status": status, "payload": payload, "cost_cents": cost_cents}
            item = self._pending(intent)
            return _fault_of([self._opened.deliver(edited(item, receipt))])

        return await self._act(act)

    async def swap(self) -> str | None:
        """Put the definitions and modules on disk in force from now on."""
        return await self._act(lambda: _fault_of([self._opened.swap()]))

    async def fork(self, height: int, name: str) -> None:
        """Fork at a height and go on there, at its live end."""

        def act() -> None:
            old = self._opened
            self._use(old.fork(height, name))
            old.close()

        self._wanted, self.locked = None, None
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
        """Run something that writes, then show the live end, whether it went well or not."""
        try:
            return await self._run(act)
        finally:
            self._wanted = None
            await self.refresh()

    # -- the scenario -----------------------------------------------------------------------

    async def play_step(self) -> list[str]:
        """Play the next step of the scenario. Returns what went wrong: faults, expectations."""

        def act() -> list[str]:
            player = self._need_player()
            seen = len(player.expectations)
            fault = _fault_of(player.play_step())
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
                while (made := await self._act(lambda turns=turns: next(turns, None))) is not None:  # type: ignore[misc]
                    if made.fault:
                        return [_fault_text(made)]
                    if self._stop:
                        return []
                    await asyncio.sleep(self.options.pace)
        finally:
            if self._stop and player.next_step is not None:
                # Half a step may be played: its source in the journal says so.
                await self._run(self._new_player)
                await self.refresh()
        return await self._run(lambda: self._failed_expectations(player, seen))

    def _need_player(self) -> Player:
        from aos_core.errors import UsageError

        if self._player is None:
            raise UsageError("this world has no scenario to play", hint="start with --scenario S")
        if self._player.next_step is None:
            name = self._player.scenario.name
            raise UsageError(
                f"scenario {name} is at its end",
                hint="fork at 0 (0, then F) to play it anew on a new branch",
            )
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
        from aos_core.errors import AosError

        world, before, loop = self._opened, self._verified, asyncio.get_running_loop()
        self._stop = False
        shown = -1

        def progress(done: int, total: int) -> None:
            nonlocal shown
            if self._stop:
                raise _Cancelled
            percent = 100 * done // total
            if percent >= shown + _PERCENT_STEP:
                shown = percent
                loop.call_soon_threadsafe(self._set_running, percent)

        live = world.height
        self._set_running(0)
        try:
            report = await asyncio.to_thread(world.verify, progress=progress)
        except _Cancelled:
            return self._set_verified(before)
        except AosError as error:
            return self._set_verified(Verified("bad", height=live, text=str(error)))
        if report.divergence is None:
            return self._set_verified(Verified("ok", height=live))
        divergence = report.divergence
        return self._set_verified(
            Verified("bad", height=divergence.height, text=divergence.describe())
        )

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

    async def event_choices(self) -> tuple[list[EventChoice], str]:
        """The events one can fire, and the name of the one to begin with."""
        return await self._run(self._event_choices)

    def _event_choices(self) -> tuple[list[EventChoice], str]:
        from aos_core.errors import UsageError

        world = self._opened
        schemas = world.program.schemas
        examples: dict[str, Any] = {}
        for step in () if world.scenario is None else world.scenario.steps:
            if step.verb == "fire":
                examples.setdefault(step.value["schema"], step.value["value"])
        names = list(world.program.targets)
        if not names:
            raise UsageError("no event is routed to a reducer", hint="see routing in the manifest")
        choices = [
            (
                name,
                _inlined(schemas[name].type.to_json(), schemas.types),
                examples[name] if name in examples else schemas[name].to_host(schemas[name].zero()),
            )
            for name in names
        ]
        return choices, next((name for name in names if name in examples), names[0])

    def event_problem(self, schema: str, value: Any) -> str | None:
        """What is wrong with an event's value (host JSON), or None. Quick: for every key typed."""
        from aos_core.errors import AosError

        try:
            self._opened.program.schemas[schema].from_host(value)
        except AosError as error:
            return error.message
        return None

    async def receipt_form(self, intent: bytes) -> ReceiptForm:
        """The form for the receipt of a pending effect."""
        return await self._run(lambda: self._receipt_form(intent))

    def _receipt_form(self, intent: bytes) -> ReceiptForm:
        from aos_core.adapters.prepared import zero_payload
        from aos_core.errors import AosError
        from aos_core.scenario import edited

        from aos_tui.formatting import target

        item = self._pending(intent)
        answer = item.to_json()["answer"]
        if answer is None:
            zero = item.schema.to_host(
                item.schema.normalise(zero_payload(item.intent, item.schema))
            )
            answer = {"status": "ok", "payload": zero, "cost_cents": None}

        def validate(status: str, payload: Any, cost_cents: int | None) -> str | None:
            try:
                edited(item, {"status": status, "payload": payload, "cost_cents": cost_cents})
            except AosError as error:
                return error.message
            return None

        return ReceiptForm(
            title=f"Receipt {item.n}  {target(item.kind, item.params)}",
            status=answer["status"],
            payload=answer["payload"],
            cost_cents=answer["cost_cents"],
            type_json=_inlined(item.schema.type.to_json(), self._opened.program.schemas.types),
            validate=validate,
        )

    async def branches(self) -> list[str]:
        """The names of all branches."""
        return await self._run(lambda: self._opened.branches())

    async def detail(self, height: int) -> RecordDetail:
        """A record whole."""
        return await self._run(lambda: self._detail(height))

    def _detail(self, height: int) -> RecordDetail:
        from aos_core.replay import show_field

        from aos_tui.formatting import diagnostic, kind_text, pretty

        world = self._opened
        record, (first, last) = world.records[height], world.turn_bounds(height)
        frame = world.frames[world.frame_at(height)]
        plain = record.to_plain()
        shown = {name: show_field(name, of) for name, of in plain.items() if name != "k"}
        shown |= self._decoded(height)
        hashes = [
            f"root after this record  {world.at(height).root.hex()}",
            f"frame (head)            {frame.hash.hex()}",
            f"turn                    {first} to {last}",
        ]
        sections = [("Value", pretty(shown))]
        if stamps := self._stamps(height):
            sections.append(("Input", stamps))
        sections += [("Hashes", "\n".join(hashes)), ("CBOR", diagnostic(plain))]
        links = [] if record.by is None else [(self._link("caused by", record.by), record.by)]
        effects = [h for h in range(height + 1, last + 1) if world.records[h].by == height]
        links += [(self._link("led to", h), h) for h in effects]
        return RecordDetail(f"Record {height}  {kind_text(record)}", tuple(sections), tuple(links))

    def _link(self, label: str, height: int) -> str:
        from aos_tui.formatting import kind_text, plain, summary
        from aos_tui.glyphs import UNICODE

        record = self._opened.records[height]
        what = plain(summary(record, self._index, UNICODE))
        return f"{label} {height}  {kind_text(record)} {what}"

    def _stamps(self, height: int) -> str:
        """When and from where the input of a turn came, at its first record."""
        frame = self._opened.frames[self._opened.frame_at(height)]
        given = frame.body.get("input")
        if given is None or frame.height != height:
            return ""
        source = given.get("source")
        lines = [f"at_ns       {given['at_ns']}", f"logical_ns  {given['logical_ns']}"]
        if source is not None:
            lines.append(f"source      {source.get('scenario')} step {source.get('step')}")
        return "\n".join(lines)

    def _decoded(self, height: int) -> dict[str, Any]:
        """The fields of a record that have a schema, read by it."""
        world, record = self._opened, self._opened.records[height]
        view = world.at(height)
        match record.kind:
            case "event":
                schema = view.program.schemas[record["schema"]]
                return {"value": schema.to_host(schema.normalise(record["value"]))}
            case "step":
                data = view.state_bytes(record["reducer"], record.get("key") or b"")
                return {} if data is None else {
                    "state": view.decode_state(record["reducer"], data)
                }  # fmt: skip
            case "plan_step" if record.get("value") is not None:
                from aos_core.view import kinded_to_host

                return {"value": kinded_to_host(record["value"])}
        return {}

    # -- the thread -------------------------------------------------------------------------

    @property
    def _opened(self) -> World:
        assert self._world is not None, "the session is open"
        return self._world

    async def _run(self, act: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(self._pool, act)


def trouble_of(error: AosError) -> Trouble:
    """An error of the library as plain text."""
    place = ", ".join(f"{name} {value}" for name, value in error.where.items())
    return Trouble(error.message, place, error.hint or "")


def problems_of(error: AosError) -> list[Trouble]:
    """The problems of a world that does not load, each with its place."""
    from aos_core.air.load import Problem
    from aos_core.errors import CheckFailed

    if not isinstance(error, CheckFailed):
        return [trouble_of(error)]
    found = []
    for problem in error.problems:
        assert isinstance(problem, Problem)
        place = " ".join(part for part in (problem.file, problem.path) if part)
        found.append(Trouble(f"{problem.severity}: {problem.message}", place, problem.hint or ""))
    return found


def _whole_events(view: View) -> list[str]:
    """The routed events that are no mere arm of another."""
    targets = view.program.targets
    whole = [name for name, to in targets.items() if any(of.tag is None for of in to)]
    return whole or list(targets)


def _fault_of(turns: Iterator[Turn] | list[Turn]) -> str | None:
    """Play turns until one faults, and say how it did."""
    for made in turns:
        if made.fault:
            return _fault_text(made)
    return None


def _fault_text(made: Turn) -> str:
    record = next(record for record in made.records if record.kind == "fault")
    return f"the turn faulted, nothing changed: {record['code']}: {record['text']}"


def _inlined(node: Any, types: Any) -> Any:
    """A type as JSON with references to schemas replaced by what they name."""
    if not isinstance(node, dict):
        return node
    if set(node) == {"ref"}:
        return _inlined(types[node["ref"]].to_json(), types)
    return {name: _inlined(item, types) for name, item in node.items()}
