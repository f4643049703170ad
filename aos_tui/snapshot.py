"""What a pane may know: one immutable picture of a world at one height.

Lists that only grow (records, turns, faults) are shared, not copied: a snapshot says how much of
them it shows (``live + 1`` records), and whoever reads stays below that.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_core.kernel.records import Record
    from aos_core.view import Pending, PlanView
    from aos_core.world import World


@dataclass(slots=True)
class Index:
    """What the records say about each other. Grows with the world; heights in records.

    ``faulted``: by intent, the fault records of the turns that its receipts began."""

    turns: list[int] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    faulted: dict[bytes, list[int]] = field(default_factory=dict)
    intents: dict[bytes, Record] = field(default_factory=dict)
    plans: dict[bytes, tuple[int, str]] = field(default_factory=dict)
    _frames: int = 0

    def extend(self, world: World) -> None:
        """Take in the frames that came since the last time."""
        for frame in world.frames[self._frames :]:
            if frame.records:
                self.turns.append(frame.height)
            for height in range(frame.height, frame.last_height + 1):
                self._add(height, world.records[height])
        self._frames = len(world.frames)

    def _add(self, height: int, record: Record) -> None:
        match record.kind:
            case "intent":
                self.intents[record["hash"]] = record
            case "plan_started":
                self.plans[record["instance"]] = (len(self.plans), record["plan"])
            case "receipt" if record["outcome"] == "faulted":
                self.faulted.setdefault(record["intent"], []).append(height + 1)
            case "fault":
                self.faults.append(height)

    def last_fault(self, intent: bytes, height: int) -> int | None:
        """The height of the last fault, up to ``height``, that a receipt for ``intent`` caused."""
        heights = self.faulted.get(intent, ())
        at = bisect.bisect_right(heights, height)
        return heights[at - 1] if at else None

    def bounds(self, height: int, live: int) -> tuple[int, int]:
        """(first, last) height of the turn of ``height``, where ``live`` is the last record."""
        at = bisect.bisect_right(self.turns, height)
        last = self.turns[at] - 1 if at < len(self.turns) else live
        return self.turns[at - 1], last


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
        return bisect.bisect_right(self.index.turns, self.live) - 1
