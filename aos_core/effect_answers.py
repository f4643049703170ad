"""Answers of a scenario for what a rehearsal asks for without a recorded receipt.

An answer comes in the moment its effect was asked for, before the next recorded input; a timer when
it is due, before the first recorded input that is not earlier. Its entropy comes from the
scenario's seed, so a rehearsal repeats exactly.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

from aos_core import canon
from aos_core.adapters.prepared import prepare
from aos_core.adapters.receipt import Receipt
from aos_core.errors import UsageError
from aos_core.hosts import Past, SimulatedHost
from aos_core.kernel.program import Program
from aos_core.kernel.records import Input, ReceiptInput
from aos_core.kernel.state import Intent
from aos_core.scenario_file import Scenario
from aos_core.store import Store


class Waiting(NamedTuple):
    """An effect that waits for its answer: logical time at which it is due, its number in order of
    emission, from 0, and the clocks of the input in whose turn it was asked for."""

    due_ns: int
    n: int
    at_ns: int
    logical_ns: int


class Answering:
    """Gives the answers of a scenario; of none where there is no scenario."""

    def __init__(self, store: Store, scenario: Scenario | None) -> None:
        self._store, self._scenario = store, scenario
        # All of the history, answered here or not: `nth` counts them, as it does where the scenario
        # is played. Nobody else's answer comes of that: each wait is for its own number.
        self._asked: list[Intent] = []
        self._waiting: list[Waiting] = []
        self._last: dict[bytes, int] = {}
        """The number of each that waits, by its hash."""
        # By content, so whoever asks for one gets those bytes, whichever answer brought them.
        self._blobs: dict[bytes, bytes] = {}

    def ask(self, intent: Intent, input: Input, *, alone: bool) -> None:
        """Take in an intent, asked for in the turn of ``input``; ``alone``: no receipt was
        recorded for it."""
        if self._scenario is None:
            return
        # What has this hash is asked for anew, so it is through with what it was asked for before.
        self._last.pop(intent.hash, None)
        if alone:
            self._last[intent.hash] = len(self._asked)
            timer = intent.kind == "timer.set"
            due = canon.decode(intent.params)["deliver_at_ns"] if timer else 0
            waiting = Waiting(due, len(self._asked), input.at_ns, input.logical_ns)
            heapq.heappush(self._waiting, waiting)
        self._asked.append(intent)

    def due(self, logical_ns: int) -> tuple[Waiting, Intent] | None:
        """The next one that is due by then, which waits no longer."""
        while self._waiting and self._waiting[0].due_ns <= logical_ns:
            waiting = heapq.heappop(self._waiting)
            intent = self._asked[waiting.n]
            if self._last.get(intent.hash) == waiting.n:
                del self._last[intent.hash]
                return waiting, intent
        return None

    def receipt(self, waiting: Waiting, program: Program) -> Receipt:
        """What the scenario answers; ``program`` types it. Raises :class:`UsageError` where it has
        nothing ready."""
        assert self._scenario is not None
        intent = self._asked[waiting.n]
        schema = program.receipt_schema(intent.kind, reducer=intent.origin["kind"] == "reducer")

        def earlier() -> list[Intent]:
            return self._asked[: waiting.n]

        receipt = prepare(self._scenario.answers, intent, earlier, schema, self._read_blob)
        if receipt is None:
            raise UsageError(f"scenario {self._scenario.name} has no answer for {intent.kind}")
        self._blobs |= {canon.sha256(blob): blob for blob in receipt.blobs}
        return receipt

    def stamped(self, waiting: Waiting, receipt: Receipt, logical_ns: int) -> Input:
        """The input of a receipt that comes when logical time is ``logical_ns``, or later where it
        is due later."""
        assert self._scenario is not None
        logical_ns = max(logical_ns, waiting.due_ns)
        input: ReceiptInput = receipt.to_input(late=False)
        past = Past(0, 0, lambda: 0, lambda _: waiting.n)
        _, _, entropy = SimulatedHost(self._scenario.seed).stamp(input, past)
        at_ns = waiting.at_ns + logical_ns - waiting.logical_ns
        return input.stamped(at_ns, logical_ns, entropy)

    def _read_blob(self, hash: bytes) -> bytes:
        found = self._blobs.get(hash)
        return self._store.get(hash, what="a blob") if found is None else found
