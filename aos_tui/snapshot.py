"""What a pane may know: one immutable picture of a world at one height.

Lists that only grow (records, turns, faults) are shared, not copied: a snapshot says how much of
them it shows (``live + 1`` records), and whoever reads stays below that.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_core.kernel.records import Record
    from aos_core.view import Pending, PlanView
    from aos_core.world import World


class Index:
    """What the records of a world say about each other, looked up when a pane asks; heights in
    records. Raises what reading a damaged journal raises."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._intents: dict[bytes, Record | None] = {}
        self._plans: dict[bytes, tuple[int, str] | None] = {}
        self._faults: list[int] = []
        self._seen = -1

    def intent(self, hash: bytes) -> Record | None:
        """The record of an intent, the last where it was asked for more than once."""
        if self._intents.get(hash) is None:
            height = self._world.history.last(hash, "intent", self._world.height)
            self._intents[hash] = None if height is None else self._world.records[height]
        return self._intents[hash]

    def plan(self, instance: bytes) -> tuple[int, str] | None:
        """(number, name) of a plan instance."""
        if self._plans.get(instance) is None:
            found = self._world.history.instance(instance, self._world.height)
            self._plans[instance] = None if found is None else (found.number, found.plan)
        return self._plans[instance]

    def last_fault(self, intent: bytes, height: int) -> int | None:
        """The height of the last fault, up to ``height``, that a receipt for ``intent`` caused."""
        receipts = self._world.history.about(intent, "receipt")
        before = (at for at in reversed(receipts) if at < height)
        found = (at for at in before if self._world.records[at]["outcome"] == "faulted")
        return next((at + 1 for at in found), None)

    def bounds(self, height: int) -> tuple[int, int]:
        """(first, last) height of the turn of ``height``."""
        return self._world.turn_bounds(height)

    def faults(self, live: int) -> list[int]:
        """The heights of all faults up to ``live``."""
        if self._seen < live:
            self._faults += self._world.history.of_kind("fault", self._seen + 1, live)
            self._seen = live
        return self._faults[: bisect.bisect_right(self._faults, live)]

    def turns(self, live: int) -> int:
        """How many turns there were up to ``live``, genesis aside."""
        return self._world.turns_until(live)

    def turn_starts(self, live: int, most: int) -> list[int]:
        """Where turns begin up to ``live``, thinned out where there are more than ``most``."""
        return self._world.turn_starts(live, most)


@dataclass(frozen=True, slots=True)
class Verified:
    """How far the chain is proven. ``state``: ``unverified``, ``running`` (``percent``), ``ok``
    (up to ``height``) or ``bad`` (``height`` is the first that is not; ``text`` says, over several
    lines, what differs or is damaged)."""

    state: str = "unverified"
    percent: int = 0
    height: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a branch can only be read: what is wrong, where, and what to do."""

    message: str
    place: str
    hint: str

    @property
    def text(self) -> str:
        """Message, place and hint, a line each."""
        return "\n  ".join(part for part in (self.message, self.place, self.hint) if part)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A world at ``height``; ``live`` is its last height, ``root`` the state's root at ``height``,
    ``head`` names the whole history. ``before`` are the states one record earlier. ``plan`` is the
    chosen instance with its steps. ``next_step`` says what the scenario would do next;
    ``disk_changes`` names the definitions on disk that differ from those in force."""

    world: str
    branch: str
    scenario: str | None
    height: int
    live: int
    following: bool
    root: bytes
    head: bytes
    records: Sequence[Record]
    index: Index
    states: Mapping[str, Any]
    before: Mapping[str, Any]
    pending: tuple[Pending, ...]
    plans: tuple[PlanView, ...]
    plan: PlanView | None
    next_step: str | None
    first_events: tuple[str, ...]
    verified: Verified
    trouble: Trouble | None
    notices: tuple[str, ...]
    disk_changes: tuple[str, ...]
    writable: bool
    progress: str | None = None

    @property
    def at_end(self) -> bool:
        """Whether what is shown is the live end, where one can go on."""
        return self.height == self.live

    @property
    def turns(self) -> int:
        """How many turns there were, genesis aside."""
        return self.index.turns(self.live)
