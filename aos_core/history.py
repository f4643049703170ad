"""What a reader of the journal counts: display numbers, ages, what was settled.

None of it is state: it follows from the records, and is built as they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aos_core import canon
from aos_core.frames import Frame
from aos_core.hosts import Past
from aos_core.kernel.records import Record
from aos_core.kernel.state import Intent


@dataclass(slots=True)
class Asked:
    """An intent over time: its number, the height it was asked for at, and that of its receipt.

    ``index`` counts all intents of the journal from 0; ``manifest`` is the one that typed its
    params: that of the plan that asked, or for a reducer the one in force.
    """

    index: int
    n: int
    intent: Intent
    hash: bytes
    since: int
    manifest: bytes
    until: int | None = None


@dataclass(slots=True)
class Started:
    """A plan instance over time. ``number`` is what people call ``#0``; ``manifest`` is the one it
    started under and keeps; ``error``, ``text`` and ``step`` say what it failed with, and where."""

    number: int
    id: bytes
    plan: str
    manifest: bytes
    started: int
    ended: int | None = None
    status: str = "running"
    error: str | None = None
    text: str | None = None
    step: str | None = None


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
    manifest: bytes = b""
    _open: dict[bytes, Asked] = field(default_factory=dict)
    _live: dict[bytes, Started] = field(default_factory=dict)
    _next: int = 1

    def add(self, frame: Frame, records: Iterable[Record]) -> None:
        """Take in a frame with its records."""
        self._count(frame.body.get("input"))
        for height, record in enumerate(records, frame.height):
            match record.kind:
                case "genesis":
                    self.manifest = record["manifest"]
                case "manifest_replaced":
                    self.manifest = record["new"]
                case "intent":
                    self._ask(record, height)
                case "receipt" if record["outcome"] in ("settled", "orphan"):
                    self.settled.add(record["intent"])
                    if (asked := self._open.pop(record["intent"], None)) is not None:
                        asked.until = height
                case "plan_started":
                    self._start(record, height)
                case "plan_ended":
                    started = self._live.pop(record["instance"])
                    started.ended, started.status = height, record["status"]
                    started.error, started.text = record.get("error_code"), record.get("text")
                    started.step = record.get("step")

    def _count(self, input: Mapping[str, Any] | None) -> None:
        if input is None:
            return
        self.inputs += 1
        self.events += input["k"] == "event"
        if input["k"] == "receipt":
            self.deliveries[input["intent"]] = self.deliveries.get(input["intent"], 0) + 1
        if (source := input.get("source")) is not None:
            self.sources.append(source)

    def _ask(self, record: Record, height: int) -> None:
        if not self._open:
            self._next = 1
        hash, intent = record["hash"], _intent(record)
        started = self._live.get(intent.origin.get("instance", b""))
        manifest = self.manifest if started is None else started.manifest
        asked = Asked(len(self.asked), self._next, intent, hash, height, manifest)
        self._next += 1
        self.asked.append(asked)
        self._open[hash] = asked

    def _start(self, record: Record, height: int) -> None:
        started = Started(
            len(self.plans), record["instance"], record["plan"], self.manifest, height
        )
        self.plans.append(started)
        self._live[started.id] = started

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

    def past(self, created_ns: int) -> Past:
        """What a host needs to stamp the next input."""
        return Past(created_ns, self.inputs, self.events, self.deliveries)


def _intent(record: Record) -> Intent:
    """The intent that a record tells of: its fields are all of it, the params readable."""
    return Intent(
        kind=record["kind"],
        params=canon.encode(record["params"]),
        cap=record["cap"],
        idempotency_key=record["idempotency_key"],
        origin=record["origin"],
    )
