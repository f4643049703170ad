"""``Reader``: a world on one branch, looked at.

``Prover`` (proving.py) adds the proof of it, ``Writer`` (writing.py) the way in, ``World`` other
branches. How it is opened stands in opening.py.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from aos_core.adapters.prepared import prepare
from aos_core.adapters.receipt import Receipt
from aos_core.air.schemas import Schema
from aos_core.chain import Records
from aos_core.errors import AosError
from aos_core.history import Asked, History
from aos_core.hosts import Past
from aos_core.index import Index
from aos_core.journal import Frames
from aos_core.kernel.state import Intent
from aos_core.opening import Opened
from aos_core.store import Store
from aos_core.travel import Travel
from aos_core.view import Pending, View


class Reader(Opened):
    """A world on one branch, to be looked at. Use as a context manager.

    May be used from several threads.
    """

    @property
    def frames(self) -> Frames:
        """Every frame, those before a fork too, read when it is asked for. Grows."""
        return self._chain.frames

    @property
    def records(self) -> Records:
        """Every record, by height, read when it is asked for. Grows."""
        return self._records

    @property
    def history(self) -> History:
        """What readers count and look up: intents, plans, what was settled, causes."""
        return self._history

    def has(self, head: bytes, height: int) -> bool:
        """Whether ``head`` names the history up to a height, the last of its turn. Raises
        :class:`JournalDamaged`."""
        return self._chain.has(head, height)

    @property
    def head(self) -> bytes:
        """The hash of the last frame: names the whole history."""
        return self._chain.last.hash

    @property
    def root(self) -> bytes:
        """The state's Merkle root, 32 bytes."""
        return self._state.root

    @property
    def waiting(self) -> int:
        """How many intents are pending."""
        return len(self._state.pending)

    @property
    def pending(self) -> list[Pending]:
        """What the world waits for, in order of emission."""
        return self.at(self.height).pending

    def state_warnings(self) -> list[str]:
        """States at the end that do not fit their schema, where ``[checks]`` says ``warn``."""
        return self.at(self.height).state_problems() if self.warns_of_states else []

    @property
    def warns_of_states(self) -> bool:
        """Whether ``[checks]`` says ``warn`` of states that do not fit their schema."""
        return self._moment.settings.state_schema == "warn"

    def state(self, reducer: str, key: Any = None) -> Any:
        """Host JSON of a reducer's state; see :meth:`View.state`."""
        return self.at(self.height).state(reducer, key)

    def at(self, height: int) -> View:
        """The world after record ``height``. Raises :class:`UsageError` out of range."""
        with self._mutex:
            state = self._state if height == self.height else self._travel.inside(height)
            return View(
                height,
                state,
                self.program_of,
                self._records,
                self._history,
                self._prepared,
                self.detail,
                self._known_pending,
            )

    def frame_at(self, height: int) -> int:
        """The index of the frame that holds record ``height``. Raises :class:`UsageError`."""
        return self._chain.index_at(height)

    def detail(self, height: int) -> str:
        """What went wrong at a ``fault`` or a failed ``plan_ended``, with names and numbers, where
        the record only gives a code: its turn is run again. Empty where nothing did. Raises as
        :meth:`at`."""
        record = self._records[height]
        if record.kind != "fault" and record.get("error_code") is None:
            return ""
        with self._mutex:
            return self._travel.turn(self._chain.index_at(height)).details.get(height, "")

    def turn_bounds(self, height: int) -> tuple[int, int]:
        """(first, last) height of the turn that record ``height`` is in."""
        index = self._chain.index_at(height)
        frame = self._chain.frame(index)
        return frame.height, frame.last_height

    def owner(self, height: int) -> str:
        """The name of the branch that record ``height`` was written on: this one, or one that it
        goes on from. Raises :class:`UsageError`."""
        return self._chain.owner(height)

    def turns_until(self, height: int) -> int:
        """How many turns have begun by ``height``, genesis aside."""
        return self._chain.turns_until(height)

    def turn(self, number: int) -> tuple[int, int]:
        """(first, last) height of a turn, without reading it; genesis is turn 0."""
        return self._chain.turn(number)

    def turn_starts(self, height: int, most: int) -> list[int]:
        """The heights up to ``height`` at which turns begin, rising, evenly thinned out where there
        are more than ``most``."""
        return self._chain.turn_starts(height, most)

    def begins(self) -> list[int]:
        """The heights after which this branch and its ancestors were forked, rising."""
        return self._chain.forks

    def leaving(self) -> list[int]:
        """The heights after which other branches were forked from this history, rising; only
        headers are read."""
        own = {segment.name for segment in self._chain.segments}
        found: set[int] = set()
        for name in self._disk.branches():
            with suppress(AosError):  # one that cannot be read is told where branches are listed
                parent = None if name in own else self._disk.ends(name)[0].body.get("parent")
                if parent is not None and self._chain.has(parent["head"], parent["height"]):
                    found.add(parent["height"])
        return sorted(found)

    def kept(self, most: int) -> list[int]:
        """The heights after which a state is kept, from which travel begins, rising. None where
        they are so many that a part of them, spread over the whole, is more than ``most``: then
        they are everywhere."""
        every = max(1, self.height // (2 * most))
        found = self._disk.snapshots.spread(self.height, every)
        if len(found) > most:
            return []
        return [height for height, head in found if self._chain.has(head, height)]

    def _prepared(self, asked: Asked, schema: Schema) -> Receipt | None:
        """The receipt that the scenario, or the effect itself, has ready."""
        answers = () if self.scenario is None else self.scenario.answers

        def earlier() -> list[Intent]:
            return [other.intent for other in self._history.all_asked(before=asked.since)]

        return prepare(answers, asked.intent, earlier, schema, self._disk.store.get)

    def blob(self, hash: bytes) -> bytes:
        """The bytes of a stored object. Raises :class:`StoreDamaged`."""
        return self._disk.store.get(hash, what="a blob")

    @property
    def store(self) -> Store:
        """Where blobs are kept, beside definitions and modules."""
        return self._disk.store

    @property
    def logical_now_ns(self) -> int:
        """The logical time of an input that would come now: nanoseconds since genesis."""
        with self._mutex:
            elapsed_ns = self.host.elapsed_ns(self._past()) + self._advanced_ns
            return max(elapsed_ns, self._moment.logical_ns)

    def _past(self) -> Past:
        created_ns: int = self._journal.header.body["created_ns"]
        return Past(created_ns, self._history.inputs, self._count_events, self._history.deliveries)

    def _count_events(self) -> int:
        """How many events were submitted; counted on, so that a turn need not ask the index."""
        if self._events is None:
            self._events = self._history.events
        return self._events

    @property
    def index(self) -> Index:
        """The tables that are derived from the journals of this world."""
        return self._disk.index

    @property
    def travel(self) -> Travel:
        """The states of this branch."""
        return self._travel
