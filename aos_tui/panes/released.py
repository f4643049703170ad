"""What became of receipts that were just released: read from the records of a newer snapshot."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aos_core.effect_words import target
from aos_core.plain import clip
from aos_tui.formatting import Piece, came_as, outcome, short_hash

if TYPE_CHECKING:
    from aos_core.kernel.records import Record
    from aos_tui.glyphs import Glyphs
    from aos_tui.snapshot import Index, Snapshot


@dataclass(frozen=True, slots=True)
class Released:
    """A receipt that is in the journal at ``height``. ``n``: the number its effect had; None where
    it was settled before. ``said``: its result in a few words; ``role``: how it went."""

    n: int | None
    height: int
    what: str
    said: str
    role: str

    def line(self, glyphs: Glyphs) -> list[Piece]:
        """Its line in the pane."""
        mark = {"good": glyphs.done, "bad": glyphs.failed}.get(self.role, glyphs.skipped)
        number = " " if self.n is None else str(self.n)
        return [
            (f" {number} {glyphs.receipt} ", "input"),
            (f"{mark} {self.said}", self.role),
            (f"  record {self.height}  ", ""),
            (self.what, "dim"),
        ]


def released(old: Snapshot, new: Snapshot) -> list[Released]:
    """What was released between two snapshots of a branch, in the order in which it came. One
    that faulted is not among them: it is still pending, and says so there."""
    if old.branch != new.branch or new.live <= old.live:
        return []
    numbers = {item.intent_hash: item.n for item in old.pending}
    found: list[Released] = []
    for height in new.receipts[bisect_right(new.receipts, old.live) :]:
        row = new.index.row(height)
        if row is None or row.record["outcome"] == "faulted":
            continue
        record = row.record
        words, role = _result(record, came_as(record, new.index, height))
        number = numbers.get(record["intent"])
        found.append(Released(number, height, _what(record, new.index), words, role))
    return found


def _what(record: Record, index: Index) -> str:
    intent = index.intent(record["intent"])
    if intent is None:
        return short_hash(record["intent"])
    return target(intent["kind"], intent["params"])


def _result(record: Record, came: str) -> tuple[str, str]:
    if came != "settled":
        return f"{came}, nothing changed", "wait"
    if record["status"] != "ok":
        return record["status"], "bad"
    payload = record["payload"]
    code = payload.get("status") if isinstance(payload, Mapping) else None
    said = str(code) if isinstance(code, int) else clip(outcome(payload), 30)
    return said or "ok", "good"
