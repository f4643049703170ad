"""Hosts: who stamps inputs with time and entropy. The only place where the two enter.

A *live* host takes them from the system; a *simulated* one from a seed, by the formulas of
docs/journal-format.md (*Identities, entropy, time*), so that runs repeat exactly.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aos_core import canon
from aos_core.kernel.records import EventInput, Input, ReceiptInput


@dataclass(frozen=True, slots=True)
class Past:
    """What of the journal a host needs: when the world was created (nanoseconds since the epoch),
    and how many inputs, events, and deliveries of each intent there were."""

    created_ns: int
    inputs: int
    events: Callable[[], int]
    deliveries: Callable[[bytes], int]


Stamp = tuple[int, int, bytes]
"""(nanoseconds since the epoch, nanoseconds since genesis by the same clock, 64 bytes of entropy).

What was advanced, timers, and that logical time never falls are the world's own affair."""


class Host(Protocol):
    """Stamps inputs."""

    def created_ns(self) -> int:
        """The time of a new journal's header, nanoseconds since the epoch."""

    def elapsed_ns(self, past: Past) -> int:
        """Nanoseconds since genesis, now."""

    def stamp(self, input: Input, past: Past) -> Stamp:
        """The stamp of the next input."""


class LiveHost:
    """The system's clock and entropy."""

    def created_ns(self) -> int:
        return time.time_ns()

    def elapsed_ns(self, past: Past) -> int:
        return time.time_ns() - past.created_ns

    def stamp(self, input: Input, past: Past) -> Stamp:
        now = time.time_ns()
        return now, now - past.created_ns, os.urandom(64)


@dataclass(frozen=True, slots=True)
class SimulatedHost:
    """Time in steps from ``start_ns``, entropy from a seed."""

    seed: int = 0
    start_ns: int = 1_700_000_000_000_000_000
    step_ns: int = 1_000_000

    def created_ns(self) -> int:
        return self.start_ns

    def elapsed_ns(self, past: Past) -> int:
        return past.inputs * self.step_ns

    def stamp(self, input: Input, past: Past) -> Stamp:
        elapsed = self.elapsed_ns(past)
        return self.start_ns + elapsed, elapsed, self._entropy(input, past)

    def _entropy(self, input: Input, past: Past) -> bytes:
        match input:
            case EventInput():
                form = ["event", self.seed, past.events()]
            case ReceiptInput(intent=intent):
                form = ["receipt", self.seed, intent, past.deliveries(intent)]
            case _:
                form = ["manifest_replaced", self.seed, past.inputs]
        return hashlib.sha512(canon.encode(form)).digest()


def shuffle_key(seed: int, intent: bytes) -> bytes:
    """Sorting by this shuffles intents by seed."""
    return canon.digest(["shuffle", seed, intent])
