"""The rows of the index of a journal: what is kept of a turn and of each of its records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aos_core.air.host_json import untyped_to_host
from aos_core.frames import Frame
from aos_core.kernel.records import show_field
from aos_core.row_words import asked_for, row_words

Row = tuple[int, int | None, str]
"""Of a record its height, its number, and what its line shows."""


@dataclass(slots=True)
class Counters:
    """What readers count, before some turn: events submitted, plan instances started, intents
    pending, and the number that the next intent gets."""

    events: int = 0
    plans: int = 0
    pending: int = 0
    next: int = 1


class Batch:
    """Rows to be written together. ``last`` finds what is written already: as ``Index._last``."""

    def __init__(
        self, branch: int, counters: Counters, last: Callable[[str, bytes, str], Row | None]
    ) -> None:
        self.branch, self.counters = branch, counters
        self.turns: list[tuple[Any, ...]] = []
        self.records: list[tuple[Any, ...]] = []
        self._last = last
        self._intents: dict[bytes, tuple[int | None, str]] = {}
        self._plans: dict[bytes, str] = {}
        self._said: set[bytes] = set()

    def take(self, frame: Frame) -> None:
        """Take in a frame, whole or not at all."""
        counters, rows = replace(self.counters), []
        for height, plain in enumerate(frame.records, frame.height):
            number = _count(counters, plain, height == frame.height)
            kind, name, subject = _record(plain)
            cause, said, shown = plain.get("by"), None, None
            if kind == "intent":
                about = asked_for(plain)
                self._intents[plain["hash"]] = height, about
                shown = f"{row_words(plain, '')}\n{about}"
            elif kind == "receipt":
                cause, about = self._intent(plain["intent"])
                said = _said(plain)
                name = self._outcome(plain["outcome"], said)
                shown = row_words(plain, about, name)
            elif kind == "plan_started":
                self._plans[plain["instance"]] = f"#{number}"
            if shown is None:
                shown = row_words(plain, self._plan(plain.get("instance")))
            rows.append(
                (self.branch, height, kind, name, subject, cause, frame.height, number,
                 record_text(plain), shown.casefold(), said)
            )  # fmt: skip
        if rows:
            self.turns.append((self.branch, *_turn(frame), *values(self.counters)))
        self.records += rows
        self.counters = counters

    def _intent(self, hash: bytes) -> tuple[int | None, str]:
        """When an intent was last asked for, and what its receipts are said to be for."""
        if (known := self._intents.get(hash)) is None:
            found = self._last("subject", hash, "intent")
            known = (None, "") if found is None else (found[0], found[2].rpartition("\n")[2])
            self._intents[hash] = known
        return known

    def _plan(self, instance: bytes | None) -> str:
        """What people call a plan instance: ``#0``."""
        if instance is None:
            return ""
        if (known := self._plans.get(instance)) is None:
            found = self._last("subject", instance, "plan_started")
            known = self._plans[instance] = "" if found is None else f"#{found[1]}"
        return known

    def _outcome(self, outcome: str, said: bytes) -> str:
        """Late receipts are told apart: one that says what was said before is a duplicate."""
        again = outcome == "late" and (
            said in self._said or self._last("said", said, "receipt") is not None
        )
        self._said.add(said)
        return "duplicate" if again else outcome


def values(of: Counters) -> tuple[int, int, int, int]:
    return of.events, of.plans, of.pending, of.next


def _turn(frame: Frame) -> tuple[Any, ...]:
    input: Mapping[str, Any] = frame.body.get("input") or {}
    source = input.get("source") or {}
    at_ns = input.get("at_ns", frame.body.get("created_ns"))
    step = source.get("step")
    return (
        frame.height,
        frame.last_height,
        frame.hash,
        at_ns if isinstance(at_ns, int) and at_ns < 2**63 else None,
        source.get("scenario"),
        step if isinstance(step, int) and step < 2**63 else None,
    )


def _count(counters: Counters, plain: Mapping[str, Any], is_input: bool) -> int | None:
    """Count a record; the number that people know it by: of an intent, of a plan instance."""
    match plain["k"]:
        case "event" if is_input:
            counters.events += 1
        case "intent":
            number = counters.next if counters.pending else 1
            counters.pending, counters.next = counters.pending + 1, number + 1
            return number
        case "receipt" if plain["outcome"] in ("settled", "orphan"):
            counters.pending -= 1
        case "plan_started":
            counters.plans += 1
            return counters.plans - 1
    return None


def _record(plain: Mapping[str, Any]) -> tuple[str, str | None, bytes | None]:
    """(kind, name, subject) of a record: what it is about."""
    kind = plain["k"]
    match kind:
        case "event":
            return kind, plain["schema"], None
        case "step":
            return kind, plain["reducer"], plain.get("key") or b""
        case "intent":
            return kind, plain["kind"], plain["hash"]
        case "receipt":
            return kind, plain["outcome"], plain["intent"]
        case "decision":
            return kind, plain["grant"], plain["intent"]
        case "plan_started":
            return kind, plain["plan"], plain["instance"]
        case "plan_step":
            return kind, plain["step"], plain["instance"]
        case "plan_ended":
            return kind, plain["status"], plain["instance"]
        case "fault":
            return kind, plain["code"], None
        case "manifest_replaced":
            return kind, None, plain["new"]
        case "genesis":
            return kind, plain["world"], plain["manifest"]
    return kind, None, None


def _said(plain: Mapping[str, Any]) -> bytes:
    """Stands for what a receipt says: for which intent, how it went, with what, at what cost."""
    said = [untyped_to_host(plain.get(name)) for name in _SAYS]
    return hashlib.sha256(_JSON(said).encode("utf-8", "surrogatepass")).digest()[:16]


_SAYS = ("intent", "status", "payload", "cost_cents")


def record_text(fields: Mapping[str, Any]) -> str:
    """The fields as JSON, hashes in their text form: a filter's ``text`` is looked for in it, and
    in what the record's line shows."""
    shown = {name: show_field(name, of) for name, of in fields.items() if name not in ("k", "by")}
    return _JSON(untyped_to_host(shown)).casefold()


_JSON = json.JSONEncoder(ensure_ascii=False).encode
