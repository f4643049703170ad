"""What a rehearsal found, for programs and people (rehearse.py makes it)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aos_core import canon
from aos_core.diff import Change
from aos_core.replay import Divergence

MOST_LISTED = 1000
"""So many effects, faults and refusals are listed, the first ones; all of them are counted."""


@dataclass(slots=True)
class Listed:
    """What happened in one respect: all of it counted, the first ``MOST_LISTED`` kept as JSON."""

    count: int = 0
    items: list[dict[str, Any]] = field(default_factory=list)

    def add(self, item: dict[str, Any]) -> None:
        self.count += 1
        if len(self.items) < MOST_LISTED:
            self.items.append(item)

    def sorted(self) -> Listed:
        """The same by height; what has none first."""
        return Listed(self.count, sorted(self.items, key=lambda of: of["height"] or 0))


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What other code makes of a history.

    ``records`` the history has, ``changed`` of them come out otherwise or not at all, or are there
    only now; they are compared turn by turn. ``code``: names of the definitions that differ,
    ``left_out``: replacements of them in the history. ``first_difference``: heights are the
    history's, ``found_at`` is the height beside. ``diff``: of the states at the end, the history's
    before. ``effects_lost`` were asked for in the history, with the height of their ``receipt``,
    and are not now; ``effects_new`` are asked for now alone; ``effects_changed`` are asked for with
    other params or another cap, ``found``, and get the receipts that were recorded all the same.
    Faults ``new`` and ``gone``, and inputs ``refused`` at the border with this code. ``branch``: it
    was kept as.
    """

    records: int
    frames: int
    changed: int
    code: tuple[str, ...]
    left_out: int
    first_difference: Divergence | None
    found_at: int | None
    diff: tuple[Change, ...]
    effects_lost: Listed
    effects_new: Listed
    effects_changed: Listed
    faults_new: Listed
    faults_gone: Listed
    refused: Listed
    height: int
    root: bytes
    head: bytes | None = None
    branch: str | None = None

    @property
    def same(self) -> bool:
        """Whether nothing differs but what had to: manifest, module hashes and roots."""
        counts = (self.effects_lost, self.effects_new, self.refused)
        return not (self.changed or self.diff or any(of.count for of in counts))

    @property
    def summary(self) -> str:
        """``changes 3 of 1,204``."""
        if self.same:
            return f"changes nothing of {self.records:,}"
        return f"changes {self.changed:,} of {self.records:,}"

    def to_json(self) -> dict[str, Any]:
        """As ``aos rehearse --json`` prints it."""
        lists = (
            "effects_lost",
            "effects_new",
            "effects_changed",
            "faults_new",
            "faults_gone",
            "refused",
        )
        first = self.first_difference
        return {
            "same": self.same,
            **({} if first is None else {"first_difference": first.to_json()}),
            **({} if self.found_at is None else {"found_at": self.found_at}),
            "diff": [change.to_json() for change in self.diff],
            "changed": self.changed,
            "records": self.records,
            "frames": self.frames,
            "code": list(self.code),
            "left_out": self.left_out,
            **{name: getattr(self, name).items for name in lists},
            "counts": {name: getattr(self, name).count for name in lists},
            "height": self.height,
            "root": canon.hash_text(self.root),
            **({} if self.head is None else {"head": canon.hash_text(self.head)}),
            **({} if self.branch is None else {"branch": self.branch}),
        }
