"""What a reader of the journal counts: display numbers, ages, what was settled.

None of it is state: it follows from the records, and is built as they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aos_core.frames import Frame
from aos_core.hosts import Past
from aos_core.kernel.records import Record
from aos_core.kernel.state import Intent


@dataclass(slots=True)
class Asked:
    """An intent over time: its number, the height it was asked for at, and that of its receipt.

    ``index`` counts all intents of the journal from 0.
    """

    index: int
    n: int
    intent: Intent
    hash: bytes
    since: int
    until: int | None = None


@dataclass(slots=True)
class Started:
    """A plan instance over time. ``number`` is what people call ``#0``."""

    number: int
    id: bytes
    plan: str
    started: int
    ended: int | None = None
    status: str = "running"
    error: str | None = None


@dataclass(slots=True)
class History:
    """Grows with :meth:`add`; heights in records."""

    asked: list[Asked] = field(default_factory=list)
    plans: list[Started] = field(default_factory=list)
    settled: set[bytes] = field(default_factory=set)
    deliveries: dict[bytes, int] = field(default_factory=dict)
    events: int = 0
    inputs: int = 0
    sources: list[Mapping[str, Any]] = field(default_factory=list)
    _open: dict[bytes, Asked] = field(default_factory=dict)
    _live: dict[bytes, Started] = field(default_factory=dict)
    _next: int = 1

    def add(self, frame: Frame, records: Iterable[Record], intents: Mapping[bytes, Intent]) -> None:
        """Take in a turn; ``intents`` are those it asked for, by hash."""
        self._count(frame.body.get("input"))
        for height, record in enumerate(records, frame.height):
            match record.kind:
                case "intent":
                    self._ask(record["hash"], intents[record["hash"]], height)
                case "receipt" if record["outcome"] in ("settled", "orphan"):
                    self.settled.add(record["intent"])
                    if (asked := self._open.pop(record["intent"], None)) is not None:
                        asked.until = height
                case "plan_started":
                    started = Started(len(self.plans), record["instance"], record["plan"], height)
                    self.plans.append(started)
                    self._live[started.id] = started
                case "plan_ended":
                    started = self._live.pop(record["instance"])
                    started.ended, started.status = height, record["status"]
                    started.error = record.get("error_code")

    def _count(self, input: Mapping[str, Any] | None) -> None:
        if input is None:
            return
        self.inputs += 1
        self.events += input["k"] == "event"
        if input["k"] == "receipt":
            self.deliveries[input["intent"]] = self.deliveries.get(input["intent"], 0) + 1
        if (source := input.get("source")) is not None:
            self.sources.append(source)

    def _ask(self, hash: bytes, intent: Intent, height: int) -> None:
        if not self._open:
            self._next = 1
        asked = Asked(len(self.asked), self._next, intent, hash, height)
        self._next += 1
        self.asked.append(asked)
        self._open[hash] = asked

    def pending(self) -> list[Asked]:
        """What is pending now, in order of emission."""
        return list(self._open.values())

    def pending_at(self, height: int) -> list[Asked]:
        """What was pending after record ``height``, in order of emission."""
        return [
            asked
            for asked in self.asked
            if asked.since <= height and (asked.until is None or height < asked.until)
        ]

    def past(self, created_ns: int, logical_ns: int) -> Past:
        """What a host needs to stamp the next input."""
        return Past(created_ns, logical_ns, self.inputs, self.events, self.deliveries)
