"""Which effect of a rehearsal is which of the history, so that recorded receipts find their way.

Two intents belong together where they have one hash, whenever they are asked for. Else, within one
turn, where both come from the same origin (plan step of the same instance, cell of a reducer), are
of the same kind, and there is exactly one such on each side: what differs are params, cap or key.
Anything else would be a guess, and stays apart; where ``strict``, so do other params and caps.

Known are the pairs of all that the history has pending, however many, and the last that were
settled, for receipts that come late.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aos_core.canon import ZERO_HASH

REMEMBERED = 65_536
"""So many of the last that were settled are known: their receipts may come again."""

Source = tuple[Any, ...]
"""Kind and origin of an intent, comparable between the two sides."""


@dataclass(frozen=True, slots=True)
class Asking:
    """An ``intent`` record of either side, plain: its hash, its height there, and where it came
    from."""

    hash: bytes
    height: int
    source: Source
    record: Mapping[str, Any]

    @classmethod
    def of(cls, record: Mapping[str, Any], height: int, instance: bytes | None) -> Asking:
        """``record``: plain; ``instance``: of the history, for an intent of a plan."""
        origin = record["origin"]
        place = origin.get("step"), origin.get("key"), instance
        source = record["kind"], origin["kind"], origin["name"], *place
        return cls(record["hash"], height, source, record)

    def same_as(self, other: Asking) -> bool:
        """Whether both ask for the same, whatever they are called."""
        return all(self.record[name] == other.record[name] for name in ("params", "cap"))


class Met(NamedTuple):
    """What one turn has brought: intents of the rehearsal without a partner, now at least; and
    pairs of the history's and the rehearsal's that have two hashes."""

    alone: list[Asking]
    renamed: list[tuple[Asking, Asking]]


class _Last(OrderedDict[bytes, bytes]):
    """The last :data:`REMEMBERED` entries."""

    def remember(self, key: bytes, value: bytes) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > REMEMBERED:
            self.popitem(last=False)


@dataclass(slots=True)
class Pairs:
    """The intents of both sides so far. ``lost``, ``new``: those without a partner, by hash; what
    a receipt has settled is taken out by whoever tells of it."""

    strict: bool = False
    lost: dict[bytes, Asking] = field(default_factory=dict)
    new: dict[bytes, Asking] = field(default_factory=dict)
    _twins: dict[bytes, bytes] = field(default_factory=dict)
    _names: dict[bytes, bytes] = field(default_factory=dict)
    """Hashes and idempotency keys of the rehearsal that the history has otherwise."""
    _keys: dict[bytes, bytes] = field(default_factory=dict)
    """The idempotency key of each of these hashes."""
    _settled: _Last = field(default_factory=_Last)
    _dropped: _Last = field(default_factory=_Last)
    _old_names: _Last = field(default_factory=_Last)

    def ask(self, recorded: Iterable[Asking], made: Iterable[Asking]) -> Met:
        """Take in what one turn asked for on each side."""
        theirs = {of.hash: of for of in made}
        mine = []
        for of in recorded:
            if of.hash in theirs or of.hash in self.new:
                theirs.pop(of.hash, None)
                self._pair(of.hash, of.hash)
            else:
                mine.append(of)
        for hash in [hash for hash in theirs if hash in self.lost]:
            del theirs[hash]
            self._pair(hash, hash)
        met = self._pair_sources(mine, list(theirs.values()))
        self.new |= {of.hash: of for of in met.alone}
        return met

    def _pair_sources(self, mine: list[Asking], theirs: list[Asking]) -> Met:
        """Pair those that only one on each side can be."""
        once = [
            {source for source, count in Counter(of.source for of in side).items() if count == 1}
            for side in (mine, theirs)
        ]
        found = {of.source: of for of in theirs if of.source in once[0] & once[1]}
        renamed = []
        for of in mine:
            twin = found.get(of.source)
            if twin is not None and (not self.strict or of.same_as(twin)):
                self._pair(of.hash, twin.hash)
                self._name(of, twin)
                renamed.append((of, twin))
            else:
                self.lost[of.hash] = of
                self._twins.pop(of.hash, None)
        paired = {twin.hash for _, twin in renamed}
        return Met([of for of in theirs if of.hash not in paired], renamed)

    def twin(self, hash: bytes, *, late: bool) -> bytes | None:
        """The intent of the rehearsal for one of the history; None where there is none. ``late``:
        the history has settled it before."""
        found = self._twins.get(hash) or (self._settled.get(hash) if late else None)
        if found is None and late and hash not in self._dropped:
            return hash  # it had one hash, and both sides are through with it
        return found

    def meet(self, hash: bytes) -> None:
        """An intent that both sides have, however it was asked for."""
        self._pair(hash, hash)

    def settle(self, hash: bytes) -> None:
        """The history has settled an intent."""
        twin = self._twins.pop(hash, None)
        if twin is None:
            self._dropped.remember(hash, hash)
        elif twin != hash:
            self._settled.remember(hash, twin)
            for name in (twin, self._keys.pop(twin, None)):
                if name is not None and name in self._names:
                    self._old_names.remember(name, self._names.pop(name))

    def name(self, hash: bytes) -> bytes | None:
        """The hash or idempotency key that the history has for one of the rehearsal, where that is
        another."""
        return self._names.get(hash) or self._old_names.get(hash)

    @property
    def renames(self) -> bool:
        """Whether anything has another name."""
        return bool(self._names or self._old_names)

    def _name(self, mine: Asking, twin: Asking) -> None:
        key = twin.record["idempotency_key"]
        self._names[twin.hash], self._keys[twin.hash] = mine.hash, key
        if key != ZERO_HASH:  # that of every effect asked for without one
            self._names[key] = mine.record["idempotency_key"]

    def _pair(self, mine: bytes, theirs: bytes) -> None:
        self.lost.pop(mine, None)
        self.new.pop(theirs, None)
        self._dropped.pop(mine, None)
        self._twins[mine] = theirs
