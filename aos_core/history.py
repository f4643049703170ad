"""What a reader of the journal counts and looks up: numbers, ages, what was settled, causes.

None of it is state: it follows from the records, and is answered from the index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from aos_core import canon
from aos_core.chain import Chain, Records
from aos_core.errors import UsageError
from aos_core.index import Index, Part
from aos_core.kernel.records import Record
from aos_core.kernel.state import Intent, State
from aos_core.progress import Progress

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Asked:
    """An intent that was asked for: its number, and the height it was asked for at.

    ``manifest`` is the one that typed its params: that of the plan that asked, or for a reducer the
    one in force.
    """

    n: int
    intent: Intent
    hash: bytes
    since: int
    manifest: bytes


@dataclass(frozen=True, slots=True)
class Started:
    """A plan instance over time. ``number`` is what people call ``#0``; ``manifest`` is the one it
    started under and keeps; ``error`` and ``step`` say what it failed with, and where."""

    number: int
    id: bytes
    plan: str
    manifest: bytes
    started: int
    ended: int | None = None
    status: str = "running"
    error: str | None = None
    step: str | None = None


MOST_INTENTS = 20_000
"""So many are remembered."""


class History:
    """Answers about the records of a chain, up to its end; heights in records."""

    def __init__(self, index: Index, chain: Chain, records: Records) -> None:
        self._index, self._chain, self._records = index, chain, records
        self._ranges: list[tuple[int, int]] = []
        self._manifests: tuple[int, list[tuple[int, bytes]]] = -1, []
        self._intents: dict[int, Asked] = {}
        self._at = -1

    def catch_up(self, progress: Progress | None = None) -> None:
        """Bring the index to the end of the chain; questions do so by themselves."""
        self._ask(lambda: None, progress)

    def forget(self) -> None:
        """Ask the index anew: frames were taken back."""
        self._at = -1
        self._manifests = -1, []
        self._intents.clear()

    def _catch_up(self, progress: Progress | None) -> None:
        if self.ready:
            return
        part: Part | None = self._chain.part()
        ranges: list[tuple[int, int]] = []
        last = height = self._chain.height  # it may grow meanwhile
        while part is not None:
            ranges.append((self._index.follow(part, progress if not ranges else None), last))
            part = part.parent
            last = last if part is None or part.last is None else min(last, part.last)
        self._ranges, self._at = ranges, height

    @property
    def ready(self) -> bool:
        """Whether questions are answered at once: the index is at the end of the chain."""
        return self._at == self._chain.height and bool(self._ranges)

    # -- counts ------------------------------------------------------------------------------

    @property
    def inputs(self) -> int:
        """How many inputs there were."""
        return self._chain.count - len(self._chain.segments)

    @property
    def events(self) -> int:
        """How many events were submitted."""
        return self._ask(lambda: self._index.counters(*self._ranges[0]).events)

    def deliveries(self, intent: bytes) -> int:
        """How many receipts were delivered for an intent."""
        return sum(1 for _ in self.about(intent, "receipt"))

    def settled(self, intent: bytes, since: int = 0, until: int | None = None) -> bool:
        """Whether a receipt between two heights has settled an intent, however often it was asked
        for."""
        end = self._chain.height if until is None else until
        return any(
            self._records[height]["outcome"] in ("settled", "orphan")
            for height in self.about(intent, "receipt", since)
            if height <= end
        )

    def outcome(self, height: int) -> str | None:
        """What became of the receipt at a height: as the record has it, but one that came when its
        intent was settled is a ``duplicate`` where it says what an earlier one said, else ``late``.
        None where the history does not reach."""
        row = self._one("SELECT name FROM records WHERE branch = ? AND height = ?", height)
        return None if row is None else str(row[0])

    def last_step(self, scenario: str) -> int:
        """The last step of a scenario that an input came from; -1 for none."""

        query = "SELECT max(step) FROM turns WHERE branch = ? AND scenario = ? AND first <= ?"
        return max(self._numbers(query, scenario), default=-1)

    @property
    def last_scenario(self) -> str | None:
        """The scenario that the last input of all that came from one came from."""

        def ask() -> str | None:
            query = (
                "SELECT scenario FROM turns WHERE branch = ? AND scenario IS NOT NULL "
                "AND first <= ? ORDER BY first DESC LIMIT 1"
            )
            found = (self._index.row(query, *of) for of in self._ranges)
            return next((str(row[0]) for row in found if row is not None), None)

        return self._ask(ask)

    # -- intents -----------------------------------------------------------------------------

    def pending(self, state: State, height: int) -> list[Asked]:
        """What is pending in the state after record ``height``, in order of emission."""
        found = [self.asked(hash, height) for hash, _ in state.pending.items()]
        return sorted((of for of in found if of is not None), key=lambda of: of.since)

    def asked(self, intent: bytes, height: int) -> Asked | None:
        """When an intent was last asked for, up to a height."""
        at = self.last(intent, "intent", height)
        return None if at is None else self._asked(at)

    def all_asked(self, before: int | None = None) -> Iterator[Asked]:
        """Every intent that was asked for, up to and without height ``before``."""
        end = self._chain.height if before is None else before - 1
        return map(self._asked, self.of_kind("intent", 0, end))

    def _asked(self, height: int) -> Asked:
        """Remembered: what is pending is asked for again with every turn."""
        if (known := self._intents.get(height)) is not None:
            return known
        record = self._records[height]
        intent = _intent(record)
        instance = intent.origin.get("instance")
        started = None if instance is None else self.last(instance, "plan_started", height)
        manifest = self.manifest_at(height if started is None else started)
        if len(self._intents) >= MOST_INTENTS:
            self._intents.clear()
        found = Asked(self._number(height), intent, record["hash"], height, manifest)
        self._intents[height] = found
        return found

    def _number(self, height: int) -> int:
        row = self._one("SELECT number FROM records WHERE branch = ? AND height = ?", height)
        assert row is not None
        return int(row[0])

    # -- plans -------------------------------------------------------------------------------

    def plans(self, until: int) -> Iterator[Started]:
        """Every plan instance that has started by height ``until``, oldest first."""
        return map(self._started, self.of_kind("plan_started", 0, until))

    def last_plans(self, until: int, most: int) -> list[Started]:
        """The last ``most`` instances that have started by height ``until``, oldest first."""
        heights = self.of_kind("plan_started", 0, until, most=most)
        return [self._started(height) for height in heights]

    def plan(self, number: int, until: int) -> Started | None:
        """The instance of a number, if it has started by height ``until``."""

        query = (
            "SELECT height FROM records INDEXED BY by_kind WHERE branch = ? AND number = ?"
            " AND kind = 'plan_started' AND height <= ?"
        )
        height = self._latest(query, number, until=until)
        return None if height is None else self._started(height)

    def instance(self, id: bytes, height: int) -> Started | None:
        """The instance that had an identity at a height: one may be used again."""
        at = self.last(id, "plan_started", height)
        return None if at is None else self._started(at)

    def steps(self, started: Started, until: int) -> list[int]:
        """The heights, up to ``until``, at which steps of an instance moved."""
        end = until if started.ended is None else min(until, started.ended)
        return [of for of in self.about(started.id, "plan_step", started.started) if of <= end]

    def _started(self, height: int) -> Started:
        record = self._records[height]
        id, number = record["instance"], self._number(height)
        ended = next(iter(self.about(id, "plan_ended", height)), None)
        manifest = self.manifest_at(height)
        if ended is None:
            return Started(number, id, record["plan"], manifest, height)
        end = self._records[ended]
        return Started(
            number=number,
            id=id,
            plan=record["plan"],
            manifest=manifest,
            started=height,
            ended=ended,
            status=end["status"],
            error=end.get("error_code"),
            step=end.get("step"),
        )

    # -- causes ------------------------------------------------------------------------------

    def cause(self, height: int) -> int | None:
        """The record that led to record ``height``: of a receipt, the intent it answers."""
        row = self._one("SELECT cause FROM records WHERE branch = ? AND height = ?", height)
        found: int | None = None if row is None else row[0]
        return found

    def effects(self, height: int) -> list[int]:
        """The records that record ``height`` led to, rising."""
        query = "SELECT height FROM records WHERE branch = ? AND cause = ? AND height <= ?"
        return sorted(self._numbers(query, height))

    # -- records -----------------------------------------------------------------------------

    def manifest_at(self, height: int) -> bytes:
        """The manifest in force after record ``height``."""
        end = self._chain.height
        known, manifests = self._manifests
        if known != end:
            heights = [0, *self.of_kind("manifest_replaced", 0, end)]
            manifests = [(at, _manifest(self._records[at])) for at in heights]
            self._manifests = end, manifests
        return next(of for at, of in reversed(manifests) if at <= height)

    def of_kind(self, kind: str, first: int, last: int, *, most: int | None = None) -> list[int]:
        """The heights from ``first`` to ``last`` of the records of a kind, rising; the last
        ``most`` of them."""
        limit = "" if most is None else f" ORDER BY height DESC LIMIT {most}"
        query = (
            "SELECT height FROM records WHERE branch = ? AND kind = ? AND height >= ?"
            f" AND height <= ?{limit}"
        )
        found = sorted(self._numbers(query, kind, first, until=last))
        return found if most is None else found[-most:] if most else []

    def spread(self, kind: str, first: int, last: int, every: int) -> list[int]:
        """As :meth:`of_kind`, of each ``every`` heights the first."""
        query = (
            "SELECT min(height) FROM records WHERE branch = ? AND kind = ? AND height >= ?"
            f" AND height <= ? GROUP BY height / {every}"
        )
        return sorted(self._numbers(query, kind, first, until=last))

    def about(self, subject: bytes, kind: str, first: int = 0) -> list[int]:
        """The heights of the records of a kind about an intent, an instance, a key; rising."""
        query = (
            "SELECT height FROM records WHERE branch = ? AND subject = ? AND kind = ?"
            " AND height >= ? AND height <= ?"
        )
        return sorted(self._numbers(query, subject, kind, first))

    def last(self, subject: bytes, kind: str, height: int) -> int | None:
        """The height of the last such record up to a height."""
        query = (
            "SELECT max(height) FROM records WHERE branch = ? AND subject = ? AND kind = ?"
            " AND height <= ?"
        )
        return self._latest(query, subject, kind, until=height)

    def names(self, kind: str, until: int) -> list[str]:
        """The names, as the index keeps them, that records of a kind up to ``until`` have."""
        query = "SELECT DISTINCT name FROM records WHERE branch = ? AND kind = ? AND height <= ?"

        def ask() -> list[str]:
            return sorted(
                {
                    row[0]
                    for branch, last in self._ranges
                    for row in self._index.rows(query, branch, kind, min(last, until))
                    if row[0] is not None
                }
            )

        return self._ask(ask)

    def matching(self, where: str, given: tuple[Any, ...], until: int) -> list[int]:
        """The heights up to ``until`` of the records for which an SQL condition over the table
        ``records`` holds, rising."""
        query = f"SELECT height FROM records WHERE branch = ? AND ({where}) AND height <= ?"
        return sorted(self._numbers(query, *given, until=until))

    def _numbers(self, query: str, *given: Any, until: int | None = None) -> list[int]:
        """What a query finds, of every branch, whose first place is the branch, and whose last
        place is the last height to look at."""

        def ask() -> list[int]:
            found: list[int] = []
            for branch, last in self._ranges:
                end = last if until is None else min(last, until)
                rows = self._index.rows(query, branch, *given, end)
                found += (row[0] for row in rows if row[0] is not None)
            return found

        return self._ask(ask)

    def _latest(self, query: str, *given: Any, until: int) -> int | None:
        """As :meth:`_numbers`, the first number that is found on the way back from the end."""

        def ask() -> int | None:
            for branch, last in self._ranges:
                row = self._index.row(query, branch, *given, min(last, until))
                if row is not None and row[0] is not None:
                    return int(row[0])
            return None

        return self._ask(ask)

    def _one(self, query: str, height: int) -> tuple[Any, ...] | None:
        """The row of a record."""

        def ask() -> tuple[Any, ...] | None:
            inside = [branch for branch, last in self._ranges if height <= last]
            rows = (self._index.row(query, branch, height) for branch in reversed(inside))
            return next((row for row in rows if row is not None), None)

        return self._ask(ask)

    def _ask(self, ask: Callable[[], Found], progress: Progress | None = None) -> Found:
        """An answer, from an index that is up to date; one that is broken is made anew first."""
        try:
            return self._answer(ask, progress)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if isinstance(error, sqlite3.ProgrammingError):
                raise UsageError("the world is closed", code="closed") from error
            self._index.mend(error)
            self._at = -1
            return self._answer(ask, progress)

    def _answer(self, ask: Callable[[], Found], progress: Progress | None) -> Found:
        """An answer from rows that were there all the time: another process may drop a branch."""
        while True:
            self._catch_up(progress)
            ranges = self._ranges
            found = ask()
            if self._index.has(branch for branch, _ in ranges):
                return found
            self._at = -1


def _intent(record: Record) -> Intent:
    """The intent that a record tells of: its fields are all of it, the params readable."""
    return Intent(
        kind=record["kind"],
        params=canon.encode(record["params"]),
        cap=record["cap"],
        idempotency_key=record["idempotency_key"],
        origin=record["origin"],
    )


def _manifest(record: Record) -> bytes:
    found: bytes = record["manifest" if record.kind == "genesis" else "new"]
    return found
