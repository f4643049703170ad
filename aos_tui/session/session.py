"""What one can do with an open world: write to it, branch it, play, prove, and look closer.

``showing`` says which height is shown and makes the snapshots.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from aos_tui.session import forms, reading
from aos_tui.session.exporting import Exporting

if TYPE_CHECKING:
    from pathlib import Path

    from aos_core.kernel.turn import Turn
    from aos_core.scenario import Player
    from aos_core.view import Pending


@dataclass(frozen=True, slots=True)
class Played:
    """What came of playing: faults and expectations that failed, expectations that held, and the
    steps that were passed over, for nothing was pending."""

    wrong: Sequence[str] = ()
    held: Sequence[str] = ()
    passed: Sequence[str] = ()


class Session(Exporting):
    """A world, the height it is shown at, and what one can do with it.

    Methods that change the world raise :class:`aos_core.errors.AosError`; the snapshot that says
    what did happen is made all the same.
    """

    _searching: object | None = None

    # -- writing ----------------------------------------------------------------------------

    async def fire(self, schema: str, value: Any) -> str | None:
        """Submit an event (host JSON). Returns the fault of its turn, if it had one."""
        return await self._act(lambda: reading.fault_of([self._opened.fire(schema, value)]))

    async def release(self, intents: Sequence[bytes]) -> str | None:
        """Deliver the prepared receipts of these intents, in this order; stops at a fault."""
        return await self._act(lambda: reading.fault_of(self._deliveries(intents)))

    async def shuffle(
        self, seed: int | None, shown: Sequence[bytes]
    ) -> tuple[int, list[int], str | None]:
        """Release ``shown`` (intent hashes) in the order of a seed. None: a new one, which gives
        another order than that where there is another.

        Returns the seed, the numbers in that order, and the fault, if there was one."""
        chosen = random.SystemRandom().randrange(10_000) if seed is None else seed

        def act() -> tuple[int, list[int], str | None]:
            from aos_core.scenario import shuffled

            self.begin_experiment()
            at, wanted = chosen, set(shown)
            pending = [item for item in self._opened.pending if item.intent_hash in wanted]
            order = shuffled(pending, at)
            while seed is None and len(pending) > 1 and _hashes(order) == list(shown):
                at += 1
                order = shuffled(pending, at)
            fault = reading.fault_of(self._deliveries(_hashes(order)))
            return at, [item.n for item in order], fault

        return await self._act(act)

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
            self.begin_experiment(anew=True)
            fault = reading.fault_of([self._opened.swap()])
            self._look_at_disk()
            return fault

        return await self._act(act)

    async def swap_risks(self) -> list[str]:
        """What the code on disk could not go on with, a line for each cell."""

        def look() -> list[str]:
            return [
                f"{of.reducer}: {of.code} at the event of record {of.height}: {of.text}"
                for of in self._opened.swap_risks()
            ]

        return await self._run(look)

    def _deliveries(self, intents: Sequence[bytes]) -> Iterator[Turn]:
        for intent in intents:
            yield self._opened.deliver(self._pending(intent).answer())

    # -- the scenario -----------------------------------------------------------------------

    async def play_step(self) -> Played:
        """Play the next step of the scenario; one that finds nothing is passed over."""

        def act() -> Played:
            player = self._need_player()
            seen = len(player.expectations)
            passed = _passed_over(player)
            fault = None if passed else reading.fault_of(player.play_step())
            return self._played(player, seen, fault, passed)

        return await self._act(act)

    async def play_all(self) -> Played:
        """Play to the end, ``options.pace`` seconds a turn, until :meth:`cancel`."""
        self._stop = False
        player = await self._run(self._need_player)
        seen, passed = len(player.expectations), list[str]()
        self.playing = True
        try:
            while player.next_step is not None:
                if skipped := await self._act(partial(_passed_over, player)):
                    passed += skipped
                    continue
                turns = player.step_turns()
                while (made := await self._act(partial(next, turns, None))) is not None:
                    if made.fault is not None:
                        return Played([reading.fault_text(made)])
                    if self._stop:
                        return Played()
                    await asyncio.sleep(self.options.pace)
        finally:
            self.playing = False
            if player.next_step is not None:
                # Half a step may be played: its source in the journal says so.
                await self._run(self._new_player)
                await self.refresh()
        return await self._run(lambda: self._played(player, seen, None, passed))

    def scenario_releases(self, *, to_end: bool) -> bool:
        """Whether the scenario's next step releases receipts, or any that is left."""
        step = None if self._player is None else self._player.next_step
        if self._player is None or step is None:
            return False
        left = self._player.scenario.steps[step.index :]
        return any(of.verb == "release" for of in (left if to_end else left[:1]))

    @property
    def at_scenario_end(self) -> bool:
        """Whether there is a scenario and all of it is played on this branch."""
        return self._player is not None and self._player.next_step is None

    def _need_player(self) -> Player:
        from aos_core.errors import UsageError

        if self._player is None:
            raise UsageError("this world has no scenario to play", hint="O lists its scenarios")
        return self._player

    def _played(
        self, player: Player, seen: int, fault: str | None, passed: Sequence[str]
    ) -> Played:
        from aos_core.scenario import check

        if fault is not None:
            return Played([fault])
        found = player.expectations[seen:]
        if player.next_step is None:
            found = [*found, *check(self._opened, player.scenario.expect, "at the end")]
        failed, held = ([of.text for of in found if of.ok == ok] for ok in (False, True))
        return Played(failed, held, passed)

    # -- for dialogs ------------------------------------------------------------------------

    async def event_choices(self) -> tuple[list[forms.EventChoice], str]:
        """The events one can fire, and the name of the one to begin with."""
        return await self._run(lambda: forms.event_choices(self._opened))

    def event_problem(self, schema: str, value: Any) -> str | None:
        """What is wrong with an event's value (host JSON), or None. Quick: for every key typed."""
        return forms.event_problem(self._opened, schema, value)

    def event_preview(self, schema: str, value: Any) -> str:
        """The canonical bytes of an event's value that fits, for people."""
        return forms.event_preview(self._opened, schema, value)

    async def receipt_form(self, intent: bytes) -> forms.ReceiptForm:
        """The form for the receipt of a pending effect."""
        return await self._run(lambda: forms.receipt_form(self._opened, self._pending(intent)))

    async def record_json(self, height: int) -> dict[str, Any]:
        """A record as host JSON."""

        def act() -> dict[str, Any]:
            assert self._reader is not None
            return self._reader.to_json(height)

        return await self._run(act)

    async def detail(self, height: int) -> reading.RecordDetail:
        """A record whole."""

        def act() -> reading.RecordDetail:
            assert self._reader is not None
            return reading.record_detail(self._opened, self._reader, self._index, height)

        return await self._run(act)

    async def search(self, text: str, first: int, last: int) -> list[int]:
        """The heights from ``first`` to ``last``, rising, that a filter finds. Raises
        :class:`UsageError` for a bad filter.

        In a thread of its own: there may be a million records. A newer search ends it; what it has
        found then is asked for by nobody."""
        from aos_core.filters import parse_filter

        wanted, history = parse_filter(text), self._opened.history
        mine = self._searching = object()

        def look() -> list[int]:
            found = wanted.heights(history, first, last)
            wished = itertools.takewhile(lambda _: self._searching is mine, found)
            return list(wished)

        return await asyncio.to_thread(look)

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


def _passed_over(player: Player) -> list[str]:
    """The next step in a few words, where it finds nothing: then it is passed over."""
    step = player.next_step
    if step is None or not player.finds_nothing:
        return []
    player.pass_over()
    return [player.describe(step)]


def _hashes(pending: Sequence[Pending]) -> list[bytes]:
    return [item.intent_hash for item in pending]
