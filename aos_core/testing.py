"""For tests of worlds: scenarios played, a clock that jumps, what must hold of any history.

With pytest the fixtures ``world``, ``play`` and ``clock`` come by themselves
(docs/testing-worlds.md, ``pytest_plugin.py``); nothing here needs pytest. What does not hold
raises :class:`AssertionError`, which says where.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from aos_core import canon
from aos_core.air.host_json import untyped_to_host
from aos_core.bisect import bisect
from aos_core.errors import AosError, UsageError
from aos_core.kernel.turn import Turn
from aos_core.present import NOTHING, changes
from aos_core.property import Property
from aos_core.scenario import (
    MOST_ORDERS,
    Order,
    Player,
    Run,
    check_orders,
    parse_order,
    run_scenario,
    shuffled,
)
from aos_core.scenario_file import Scenario, parse_scenario
from aos_core.view import Pending
from aos_core.words import plainly
from aos_core.world import World

__all__ = [
    "Clock",
    "Play",
    "assert_holds",
    "assert_last_turn",
    "assert_no_fault",
    "assert_order_free",
    "assert_replays",
    "assert_root",
    "parse_scenario",
    "play",
]

_MOST_DIFFERENCES = 5
_MOST_TIMERS = 10_000


class Play(Protocol):
    """What the fixture ``play`` gives: :func:`play` for the world of the test, closed after it."""

    def __call__(self, scenario: str | Scenario, order: str | Order | None = None) -> Run:
        """Play a scenario from the beginning. Raises as :func:`play`."""


def play(path: str | Path, scenario: str | Scenario, order: str | Order | None = None) -> Run:
    """Play a scenario in the world at ``path`` in memory, require all that it expects, and that it
    replays. It is one of the world's by its name, or what ``parse_scenario`` gives. ``order``: of
    its receipts, such as ``"2,3,1"``. The caller closes ``run.world``.

    Raises :class:`AssertionError` with everything that does not hold, and what playing raises.
    """
    chosen = parse_order(order) if isinstance(order, str) else order
    run = run_scenario(path, scenario, order=chosen, memory=True)
    wrong = [item.text for item in run.expectations if not item.ok]
    if run.report.divergence is not None:
        wrong.append(f"replay: {run.report.divergence.describe()}")
    if wrong:
        run.world.close()
        name = f"{run.world.files.config.name}, {run.scenario.name}"
        raise AssertionError("\n  ".join([f"{name} does not end as it says:", *wrong]))
    return run


class Clock:
    """The logical time of a world, in nanoseconds since genesis. It never waits: it jumps."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def now_ns(self) -> int:
        """What time it is."""
        return self._world.logical_now_ns

    def advance(self, seconds: float = 0, *, ns: int = 0) -> list[Turn]:
        """Let time pass, and deliver each timer that is due by then at its time, those included
        that are set on the way. Returns the turns of the timers. Raises :class:`UsageError` for
        less than nothing, :class:`AssertionError` where timers never end."""
        span = round(seconds * 1_000_000_000) + ns
        if span < 0:
            raise UsageError("time does not go back", hint="fork the world at an earlier height")
        until = self.now_ns + span
        turns = list(self._deliver_due(until))
        self._world.advance_to(until)
        return turns

    def jump(self) -> list[Turn]:
        """To the next timer, which is delivered with all that are due at its time. Raises
        :class:`UsageError` where no timer is set."""
        timers = self._timers()
        if not timers:
            raise UsageError("no timer is set, so there is no time to jump to")
        return self.advance(ns=max(0, _due(timers[0]) - self.now_ns))

    def _deliver_due(self, until: int) -> Iterator[Turn]:
        for _ in range(_MOST_TIMERS):
            timers = self._timers()
            if not timers or _due(timers[0]) > until:
                return
            yield self._world.deliver(timers[0].answer())
        raise AssertionError(f"{_MOST_TIMERS} timers came due, and there is always another one")

    def _timers(self) -> list[Pending]:
        """The timers that are set, the next one first; of one time in order of emission."""
        return sorted((of for of in self._world.pending if of.kind == "timer.set"), key=_due)


def _due(timer: Pending) -> int:
    due: int = canon.decode(timer.intent.params)["deliver_at_ns"]
    return due


def assert_replays(world: World) -> None:
    """Run the whole journal again: every record and every root must come out the same."""
    divergence = world.verify().divergence
    if divergence is not None:
        raise AssertionError(f"{world.branch} does not replay: {divergence.describe()}")


def assert_no_fault(world: World) -> None:
    """No turn of the whole history may have ended in a fault."""
    faults = world.history.of_kind("fault", 0, world.height)
    if faults:
        height = faults[0]
        record, why = world.records[height], world.detail(height)
        raise AssertionError(f"the turn of record {height} faults: {record['code']}: {why}")


def assert_holds(world: World, property: str) -> None:
    """A property (docs/properties.md, as JSON text) must hold at every height. Raises
    :class:`UsageError` where it cannot be read or evaluated."""
    found = bisect(Property.parse(property, world.program), world.at, world.height)
    if found.after is not None:
        read = Property.parse(property, world.program).evaluate(found.after)
        values = "; ".join(map(str, read))
        raise AssertionError(f"the property fails at record {found.height}: {values}")


def assert_root(world: World, root: str, *, definitions: str) -> None:
    """The state's root must be ``root``, where the world still runs the ``definitions`` of that
    manifest hash: with others the root is another whatever the states are, so nothing is said."""
    found = canon.hash_text(world.root)
    here = canon.hash_text(world.program.catalog.manifest_hash)
    if definitions == here and root != found:
        raise AssertionError(f"the root is {found}, not {root}")


def assert_last_turn(world: World, records: Sequence[object]) -> None:
    """The records of the last turn must be these, as the journal had them: bytes are
    ``{"bytes_b64": ..}``."""
    frame = world.frames[len(world.frames) - 1]
    found = [untyped_to_host(dict(of)) for of in frame.records]
    for index, (wanted, got) in enumerate(itertools.zip_longest(records, found)):
        for path, old, new in changes(wanted, got):
            height = frame.height + index
            place = f"record {height}{f', {path}' if path else ''}"
            raise AssertionError(f"{place}: {_shown(new)}, and not {_shown(old)} as in the journal")


def assert_order_free(of: World | Run) -> None:
    """Every order of the receipts must end in one root: all orders up to 120, else 120 by seed.

    Of a world: the prepared receipts of what is pending now, tried on forks; it must be in memory.
    Of a run: the receipts of each wave, the whole scenario played anew for each order.
    """
    if isinstance(of, Run):
        _require_order_free_run(of)
    else:
        _require_order_free_pending(of)


def _require_order_free_run(run: Run) -> None:
    base = run.world.twin()
    with base.fork(0, "as-it-says") as first:
        player = Player(first, run.scenario)
        while player.next_step is not None:
            player.play_step()
        found = check_orders(base, run.scenario, player.waves, first.root)
    if not found.ok:
        as_it_says = canon.hash_text(first.root)
        raise AssertionError(f"{found.text}, the order of {run.scenario.name} in {as_it_says}")


def _require_order_free_pending(world: World) -> None:
    if not world.in_memory:
        raise UsageError(
            "orders are tried on forks, which would stay on disk", hint="open it with memory=True"
        )
    first: tuple[str, bytes, dict[str, object]] | None = None
    for order in _orders(world.pending):
        name = ",".join(str(item.n) for item in order)
        try:
            root, states = _delivered(world, order)
        except AosError as error:
            raise AssertionError(f"order {name} ends in an error: {error}") from error
        if first is None:
            first = (name, root, states)
        elif root != first[1]:
            raise AssertionError(_difference(first[0], first[2], name, states))


def _orders(pending: Sequence[Pending]) -> Iterator[Sequence[Pending]]:
    if math.factorial(len(pending)) <= MOST_ORDERS:
        return itertools.permutations(pending)
    return (shuffled(pending, seed) for seed in range(MOST_ORDERS))


def _delivered(world: World, order: Sequence[Pending]) -> tuple[bytes, dict[str, object]]:
    """Root and states after the receipts came in an order; ``world`` stays as it is."""
    with world.fork(world.height, f"order-{len(world.branches())}") as fork:
        for item in order:
            fork.deliver(item.answer())
        return fork.root, fork.at(fork.height).states()


def _difference(one: str, before: dict[str, object], other: str, after: dict[str, object]) -> str:
    found = list(changes(before, after))
    lines = [f"order {other} does not end as order {one} does:"]
    for path, old, new in found[:_MOST_DIFFERENCES]:
        lines.append(f"{path}: {_shown(old)}, not {_shown(new)}")
    if not found:
        lines.append("in plans or pending effects; the states are the same")
    return "\n  ".join(lines)


def _shown(value: object) -> str:
    return "nothing" if value is NOTHING else plainly(value)
