"""Which effect of a rehearsal is which of the history, so that recorded receipts find their way.

Two intents belong together where they have one hash, whenever they are asked for. Else, within one
turn, where both come from the same origin (plan step of the same instance, cell of a reducer), are
of the same kind, and there is exactly one such on each side: what differs are params, cap or key.
Anything else would be a guess, and stays apart.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

REMEMBERED = 65_536
"""So many of the last pairs are known: for receipts that come late."""

Source = tuple[Any, ...]
"""Kind and origin of an intent, comparable between the two sides."""


@dataclass(frozen=True, slots=True)
class Asking:
    """An ``intent`` record of either side: its hash, its height there, and where it came from."""

    hash: bytes
    height: int
    source: Source

    @classmethod
    def of(cls, record: Mapping[str, Any], height: int, instance: bytes | None) -> Asking:
        """``record``: plain; ``instance``: of the history, for an intent of a plan."""
        origin = record["origin"]
        place = origin.get("step"), origin.get("key"), instance
        return cls(record["hash"], height, (record["kind"], origin["kind"], origin["name"], *place))


@dataclass(slots=True)
class Pairs:
    """The intents of both sides so far. ``lost``, ``new``: those without a partner, by hash; what
    a receipt has settled is taken out by whoever tells of it."""

    lost: dict[bytes, Asking] = field(default_factory=dict)
    new: dict[bytes, Asking] = field(default_factory=dict)
    _twins: OrderedDict[bytes, bytes] = field(default_factory=OrderedDict)

    def ask(self, recorded: Iterable[Asking], made: Iterable[Asking]) -> list[Asking]:
        """Take in what one turn asked for on each side; those of the rehearsal without a partner,
        now at least."""
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
        alone = self._pair_sources(mine, list(theirs.values()))
        self.new |= {of.hash: of for of in alone}
        return alone

    def _pair_sources(self, mine: list[Asking], theirs: list[Asking]) -> list[Asking]:
        """Pair those that only one on each side can be; the rest of ``theirs``."""
        once = [
            {source for source, count in Counter(of.source for of in side).items() if count == 1}
            for side in (mine, theirs)
        ]
        found = {of.source: of.hash for of in theirs if of.source in once[0] & once[1]}
        for of in mine:
            if of.source in found:
                self._pair(of.hash, found[of.source])
            else:
                self.lost[of.hash] = of
                self._twins.pop(of.hash, None)
        return [of for of in theirs if of.source not in found]

    def twin(self, hash: bytes) -> bytes | None:
        """The intent of the rehearsal for one of the history; None where there is none."""
        return self._twins.get(hash)

    def meet(self, hash: bytes) -> None:
        """An intent that both sides have, however it was asked for."""
        self._pair(hash, hash)

    def _pair(self, mine: bytes, theirs: bytes) -> None:
        self.lost.pop(mine, None)
        self.new.pop(theirs, None)
        self._twins[mine] = theirs
        self._twins.move_to_end(mine)
        if len(self._twins) > REMEMBERED:
            self._twins.popitem(last=False)
