"""What a pane may know: one immutable picture of a world at one height.

Records are shared, not copied: a snapshot says how many of them it shows (``live + 1``), and
whoever reads stays below that. Nothing else in it grows with the history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from aos_core.air.parts import Difference, Part
    from aos_core.errors import AosError
    from aos_core.kernel.records import Record
    from aos_core.replay import Divergence
    from aos_core.view import Pending, PlanView
    from aos_core.world import World

Key = TypeVar("Key")
Found = TypeVar("Found")

NOTHING_LEFT = "nothing is left to release"
"""What stands for the next step of a scenario that would release what is no longer pending."""

MARKS = 512
"""So many parts the timeline tells apart, at most: what would fall together is marked once."""


NEWEST = 100
"""So many of the receipts that came last are known to a snapshot."""

MOST_KEPT = 40
"""So many kept states are worth a sign; where there are more, they are everywhere."""


class Row(NamedTuple):
    """A record, and the first and the last height of its turn."""

    record: Record
    first: int
    last: int


class Index:
    """What the records of a world say about each other, looked up when a pane asks; heights in
    records.

    A pane paints from here, so nothing here raises and nothing waits for an index that is being
    brought up to date: what cannot be read, or not yet, is as if it were not there. ``damaged`` is
    given the error where something cannot be read.
    """

    def __init__(self, world: World, damaged: Callable[[AosError], None]) -> None:
        self._world, self._damaged = world, damaged
        self._intents: dict[bytes, Record] = {}
        self._plans: dict[tuple[bytes, int], tuple[int, str]] = {}
        self._begun: dict[int, tuple[int, str]] = {}
        self._faults: list[int] = []
        self._seen = -1
        self._receipts: tuple[int, tuple[int, ...]] = -1, ()
        self._kept: tuple[int, list[int]] = -1, []
        self._forks: list[int] | None = None

    @property
    def ready(self) -> bool:
        """Whether all that can be told can be told now."""
        return self._world.history.ready

    def row(self, height: int) -> Row | None:
        """The record of a height with its turn; None where it cannot be read."""
        return self._read(
            lambda: Row(self._world.records[height], *self._world.turn_bounds(height))
        )

    def intent(self, hash: bytes) -> Record | None:
        """The record of an intent, the last where it was asked for more than once."""
        look = partial(self._intent, hash, self._world.height)
        return self._known(self._intents, hash, look)

    def intent_before(self, hash: bytes, height: int) -> Record | None:
        """As :meth:`intent`, up to a height."""
        return self._read(partial(self._intent, hash, height))

    def _intent(self, hash: bytes, until: int) -> Record | None:
        height = self._world.history.last(hash, "intent", until)
        return None if height is None else self._world.records[height]

    def outcome(self, height: int) -> str | None:
        """What became of a receipt, as ``History.outcome``; None where that cannot be told yet."""
        history = self._world.history
        return self._read(lambda: history.outcome(height)) if history.ready else None

    def plan(self, instance: bytes, height: int | None = None) -> tuple[int, str] | None:
        """(number, name) of the plan instance that had an identity at a height, or None for the
        end: one may be used again."""
        until = self._world.height if height is None else height

        def begun(at: int) -> tuple[int, str] | None:
            found = self._world.history.instance(instance, at)
            return None if found is None else (found.number, found.plan)

        def look() -> tuple[int, str] | None:
            at = self._world.history.last(instance, "plan_started", until)
            return None if at is None else self._known(self._begun, at, partial(begun, at))

        return self._known(self._plans, (instance, until), look)

    def last_fault(self, intent: bytes, height: int) -> int | None:
        """The height of the last fault, up to ``height``, that a receipt for ``intent`` caused."""

        def look() -> int | None:
            receipts = self._world.history.about(intent, "receipt")
            before = (at for at in reversed(receipts) if at < height)
            found = (at for at in before if self._world.records[at]["outcome"] == "faulted")
            return next((at + 1 for at in found), None)

        return self._read(look) if self._world.history.ready else None

    def bounds(self, height: int) -> tuple[int, int]:
        """(first, last) height of the turn of ``height``; a height that cannot be read stands by
        itself."""
        return self._read(lambda: self._world.turn_bounds(height)) or (height, height)

    def turn(self, number: int) -> tuple[int, int]:
        """(first, last) height of a turn, genesis being turn 0; nothing of it is read. (0, 0) where
        that cannot be told."""
        return self._read(lambda: self._world.turn(number)) or (0, 0)

    def turn_of(self, height: int) -> int:
        """The number of the turn of ``height``; nothing of it is read."""
        return self._read(lambda: self._world.turns_until(height)) or 0

    def records(self, first: int, last: int) -> Sequence[Record] | None:
        """The records of a turn; None where they cannot be read."""
        return self._read(lambda: self._world.records[first : last + 1])

    def faults(self, live: int) -> tuple[int, ...]:
        """The heights of faults up to ``live``, thinned out where there are many; for the thread
        that makes snapshots."""
        if self._seen < live:
            every = max(1, live // MARKS)
            new = self._world.history.spread("fault", self._seen + 1, live, every)
            self._faults = _thinned([*self._faults, *new], every)
            self._seen = live
        return tuple(self._faults)

    def receipts(self, live: int) -> tuple[int, ...]:
        """The heights of the newest receipts up to ``live``; for the thread that makes
        snapshots."""
        seen, found = self._receipts
        if seen != live:
            first = seen + 1 if seen < live else 0
            new = self._world.history.of_kind("receipt", first, live, most=NEWEST)
            found = (*(found if first else ()), *new)[-NEWEST:]
            self._receipts = live, found
        return found

    def landmarks(self, live: int, fails: int | None) -> Landmarks:
        """What the timeline shows; for the thread that makes snapshots."""
        return Landmarks(
            turns=self._world.turn_starts(live, MARKS),
            faults=self.faults(live),
            kept=self._kept_until(live),
            forks=self._leaving(),
            begins=self._world.begins(),
            fails=None if fails is None or fails > live else fails,
        )

    def forget_forks(self) -> None:
        """Branches have come or gone."""
        self._forks = None

    def _kept_until(self, live: int) -> list[int]:
        seen, found = self._kept
        if not seen <= live < seen + live // MARKS + 1:  # else nothing new could be told apart
            found = self._read(lambda: self._world.kept(MOST_KEPT)) or []
            self._kept = live, found
        return found

    def _leaving(self) -> list[int]:
        if self._forks is None:
            self._forks = self._read(self._world.leaving) or []
        return self._forks

    def _known(
        self, found: dict[Key, Found], key: Key, look: Callable[[], Found | None]
    ) -> Found | None:
        if key not in found and self._world.history.ready:
            if len(found) > _KEPT:
                found.clear()
            if (new := self._read(look)) is not None:
                found[key] = new
        return found.get(key)

    def _read(self, look: Callable[[], Found]) -> Found | None:
        from aos_core.errors import AosError, UsageError

        try:
            return look()
        except UsageError:
            return None  # the world was closed meanwhile: another takes its place
        except AosError as error:
            self._damaged(error)
            return None


_KEPT = 10_000
"""So many answers of a kind are remembered."""


def _thinned(heights: list[int], every: int) -> list[int]:
    """The first of each ``every`` heights."""
    if len(heights) <= MARKS:
        return heights
    return list({height // every: height for height in reversed(heights)}.values())[::-1]


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What the timeline shows of a history, as heights, rising, thinned out where there are many:
    where ``turns`` begin, ``faults``, after which heights states are ``kept``, other branches leave
    (``forks``), this branch ``begins``; and where the property that is watched first ``fails``, as
    far as is known."""

    turns: Sequence[int] = ()
    faults: Sequence[int] = ()
    kept: Sequence[int] = ()
    forks: Sequence[int] = ()
    begins: Sequence[int] = ()
    fails: int | None = None


@dataclass(frozen=True, slots=True)
class Doing:
    """What opening a branch is doing, in the words of ``World.open``, and how far it is; an empty
    ``what`` before anything takes long."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Verified:
    """How far the chain is proven. ``state``: ``unverified``, ``running`` (``percent``), ``ok``
    (up to ``height``) or ``bad`` (``height`` is the first that is not; ``text`` says, over several
    lines, what differs or is damaged; ``divergence`` is what differs). ``before``: not now, but
    earlier, by what runs now, and the bytes are still the same."""

    state: str = "unverified"
    percent: int = 0
    height: int = 0
    text: str = ""
    divergence: Divergence | None = None
    before: bool = False


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
class Wish:
    """What one wants to see of the states. ``display``: ``tree``, ``json``, ``cbor`` or ``diff``;
    ``find``: only cells whose key has this text in it; ``at``: by keyed reducer the row of the cell
    one is at; ``cells``: those that are unfolded; ``documents``: so many states as text.
    ``marked``: whether to compare with the nearest marked height; None: the display says."""

    display: str = "tree"
    find: str = ""
    at: Mapping[str, int] = field(default_factory=dict)
    cells: frozenset[tuple[str, bytes]] = frozenset()
    documents: int = 50
    marked: bool | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The cells of a reducer, one with an empty key where it is not ``keyed``. ``keys`` are those
    that were searched for, sorted, of ``total``; ``names`` and decoded states, ``now`` and
    ``before``, are there of those that one looks at. ``changed`` have another state than before,
    ``gone`` had one and have none now."""

    reducer: str
    keyed: bool
    keys: Sequence[bytes]
    total: int
    names: Mapping[bytes, str]
    now: Mapping[bytes, Part]
    before: Mapping[bytes, Part]
    changed: frozenset[bytes]
    gone: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A state as text: ``title`` names it, ``lines`` are (text, role), ``whole`` makes all."""

    title: str
    lines: Sequence[tuple[str, str]]
    whole: Callable[[], str]


@dataclass(frozen=True, slots=True)
class States:
    """What was wished for of the states. They are compared with those at height ``against``;
    ``marked``: a marked one. ``more``: whether there are more documents or differences."""

    wish: Wish
    against: int
    marked: bool
    held: tuple[Held, ...] = ()
    documents: tuple[Document, ...] = ()
    differences: tuple[Difference, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A world at ``height``; ``live`` is its last height, ``root`` the state's root at ``height``,
    ``head`` names the whole history. ``states`` is what the state pane looks at. ``plan`` is the
    shown instance with its steps, one of ``plan_count``; ``plan_chosen``: by hand.
    ``plan_starts`` are (event, plan) of all that starts one. ``next_step`` says what the scenario
    would do next; ``disk_changes`` names the definitions on disk that differ from those in force,
    ``disk_problem`` why the files there do not load. ``lost``: whether the journal's file was
    deleted or moved while it was open. ``holds``: of the property that is watched ``holds``,
    ``fails`` or ``silent`` at this height; None where none is; ``fails_at``: the first height at
    which it fails, as far as was looked. ``marked`` are the heights that were marked, ``receipts``
    those of the last :data:`NEWEST` receipts, rising both. ``notices`` are warnings, ``news`` what
    others did that changes nothing here, in its order."""

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
    states: States
    pending: tuple[Pending, ...]
    plan_count: int
    plan: PlanView | None
    turns: int
    landmarks: Landmarks
    next_step: str | None
    first_events: tuple[str, ...]
    verified: Verified
    trouble: Trouble | None
    notices: tuple[str, ...]
    disk_changes: tuple[str, ...]
    writable: bool
    lost: bool = False
    progress: str | None = None
    holds: str | None = None
    fails_at: int | None = None
    plan_chosen: bool = False
    plan_starts: tuple[tuple[str, str], ...] = ()
    marked: tuple[int, ...] = ()
    news: tuple[str, ...] = ()
    disk_problem: str | None = None
    receipts: tuple[int, ...] = ()

    @property
    def place(self) -> int | None:
        """The height that one has gone to; None: the live end, which is followed."""
        return None if self.following else self.height

    @property
    def at_end(self) -> bool:
        """Whether what is shown is the live end, where one can go on."""
        return self.height == self.live
