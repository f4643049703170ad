"""The state of a world: a small record over Merkle maps, under one root (journal-format.md, 7).

The state is bounded by what is alive: ended plan instances and settled intents are not in it.
Neither are heights, clocks, entropy, ages or display numbers, so two orders that mean the same
end in the same root. Of the past, only the order in which plans began to wait for one event is in
it, since they are woken in that order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from aos_core import canon
from aos_core.air.values import Value, to_kinded
from aos_core.merkle import MerkleMap


@dataclass(frozen=True, slots=True)
class Intent:
    """A requested effect. ``params`` are canonical bytes; ``cap`` names the grant.

    ``origin`` is ``{kind: "plan", name, instance, step}`` or ``{kind: "reducer", name, key}``.
    """

    kind: str
    params: bytes
    cap: str
    idempotency_key: bytes
    origin: Mapping[str, Any]
    _hash: list[bytes] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def hash(self) -> bytes:
        """The intent hash (air-v1, section 10). Computed once: a turn asks for it six times."""
        if not self._hash:
            form = {
                "cap": self.cap,
                "kind": self.kind,
                "params": self.params,
                "idempotency_key": self.idempotency_key,
            }
            self._hash.append(canon.digest_prepared(form))
        return self._hash[0]

    @classmethod
    def from_bytes(cls, data: bytes) -> Intent:
        """The intent of the bytes that a state keeps of it."""
        return cls(**canon.decode(data))

    def to_plain(self) -> dict[str, Any]:
        """The map that the state keeps, in canonical order."""
        return {
            "cap": self.cap,
            "kind": self.kind,
            "origin": _ordered(self.origin),
            "params": self.params,
            "idempotency_key": self.idempotency_key,
        }

    def __bytes__(self) -> bytes:
        return canon.SELF_DESCRIBE + canon.encode_prepared(self.to_plain())


class Held(NamedTuple):
    """A receipt that an instance holds: its status and normalised payload."""

    status: str
    payload: Any


_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Instance(NamedTuple):
    """A live plan instance. A named tuple: a turn makes a dozen, and ``_replace`` takes a quarter
    of the time that a frozen dataclass takes.

    ``known`` is the evaluator's value of ``input``. ``plan`` is the hash of the plan's definition,
    ``manifest`` the manifest it started under: it keeps both to its end. ``steps`` holds the state
    of every step that is no longer pending, ``values`` what finished steps gave, ``waits`` what
    waiting ones wait for (an intent hash or an event schema), ``receipts`` and ``events`` what has
    arrived and was not taken yet. ``encoded`` is the input and ``forms`` the kinded form of the
    values as they stand in its bytes, encoded once and not for every root.
    ``place``: where its event wait stands among those for the same event, from 1; 0 is none, or
    one that does not count yet. Who waits longer is woken first.
    ``status`` is its place in a turn (``lifecycle.INSTANCE``); between turns it is ``waiting``.
    """

    id: bytes
    name: str
    plan: bytes
    manifest: bytes
    input: Any
    known: Value
    encoded: canon.Encoded
    correlation: Value | None
    status: str = "new"
    steps: Mapping[str, str] = _NOTHING
    values: Mapping[str, Value] = _NOTHING
    forms: Mapping[str, canon.Encoded] = _NOTHING
    binds: Mapping[str, str] = _NOTHING
    vars: Mapping[str, Value] = _NOTHING
    statuses: Mapping[str, str] = _NOTHING
    waits: Mapping[str, bytes | str] = _NOTHING
    receipts: Mapping[bytes, Held] = _NOTHING
    events: Mapping[str, Value] = _NOTHING
    place: int = 0

    @property
    def listens_to(self) -> str | None:
        """The schema of the one event it waits for; None once that is here."""
        if self.events:
            return None
        return next((wait for wait in self.waits.values() if isinstance(wait, str)), None)

    def __bytes__(self) -> bytes:
        """Canonical bytes. The members stand in canonical order and what is in them was ordered
        when it was made, so nothing is walked: every turn that touches an instance pays this."""
        form: dict[str, Any] = {"plan": self.plan, "binds": _ordered(self.binds)}
        form["input"] = self.encoded
        if self.place > 1:
            form["place"] = self.place
        form["steps"] = _ordered(self.steps)
        form["waits"] = _ordered(self.waits)
        if self.events:
            events = {step: to_kinded(value) for step, value in self.events.items()}
            form["events"] = _ordered(events)
        form["values"] = _ordered(self.forms)
        form["manifest"] = self.manifest
        if self.receipts:
            form["receipts"] = {
                canon.hash_text(intent): canon.prepare(held._asdict())
                for intent, held in sorted(self.receipts.items())
            }
        if self.statuses:
            form["statuses"] = _ordered(self.statuses)
        if self.correlation is not None:
            form["correlation"] = to_kinded(self.correlation)
        return canon.SELF_DESCRIBE + canon.encode_prepared(form)


def _ordered(of: Mapping[str, Any]) -> dict[str, Any]:
    """A map with text keys, in canonical order."""
    return {key: of[key] for key in canon.key_order(of)}


class Standing:
    """Who waits, looked up: an index over plans and pending intents that goes from turn to turn.

    With thousands of live plans a turn would else look at every one of them. ``lines``: by event
    schema, (place, instance) of the waits in their order; some are over. ``asking``: how many
    pending intents each instance has asked for.
    """

    __slots__ = ("asking", "lines")

    def __init__(self, plans: MerkleMap[Instance], pending: MerkleMap[Intent]) -> None:
        self.asking = Counter[bytes]()
        for entry in pending.items():
            self.ask(entry[1])
        self.lines: dict[str, list[tuple[int, bytes]]] = {}
        waits = [(of.place, of.id, of.listens_to) for _, of in plans.items() if of.place]
        for place, id, event in sorted(waits):
            if event is not None:
                self.lines.setdefault(event, []).append((place, id))

    def ask(self, intent: Intent) -> None:
        """An intent is pending from now on."""
        if (id := intent.origin.get("instance")) is not None:
            self.asking[id] += 1

    def settle(self, intent: Intent) -> None:
        """It is pending no longer."""
        id = intent.origin.get("instance")
        if id is not None and (left := self.asking[id] - 1) > 0:
            self.asking[id] = left
        elif id is not None:
            del self.asking[id]


_NO_CELLS: MerkleMap[bytes] = MerkleMap()


class State(NamedTuple):
    """A world at one height. Every method gives a new state."""

    manifest: bytes
    cells: Mapping[str, MerkleMap[bytes]] = _NOTHING  # in canonical order
    plans: MerkleMap[Instance] = MerkleMap()
    pending: MerkleMap[Intent] = MerkleMap()
    standing: Sequence[Standing] = ()
    """At the end of a turn, what the next one takes up; in no root."""

    def take_standing(self) -> Standing | None:
        """Who goes on from this state takes what stands; anybody else works it out anew."""
        try:
            return self.standing.pop() if isinstance(self.standing, list) else None
        except IndexError:
            return None

    @property
    def root(self) -> bytes:
        """SHA-256 over the roots of the parts, 32 bytes."""
        return canon.digest_prepared(self.to_plain())

    def to_plain(self) -> dict[str, Any]:
        """The roots of the parts, in canonical order."""
        return {
            "cells": {name: cells.root for name, cells in self.cells.items() if cells},
            "plans": self.plans.root,
            "pending": self.pending.root,
            "manifest": self.manifest,
        }

    def cell(self, reducer: str, key: bytes) -> bytes | None:
        """The state bytes of a cell; the key of an unkeyed reducer is empty."""
        cells = self.cells.get(reducer)
        return None if cells is None else cells.get(key)

    def with_cell(self, reducer: str, key: bytes, data: bytes | None) -> State:
        """The state with a cell set, or deleted where ``data`` is None."""
        cells = self.cells.get(reducer) or _NO_CELLS
        changed = cells.delete(key) if data is None else cells.set(key, data)
        known = {**self.cells, reducer: changed}
        if len(known) > len(self.cells):
            known = _ordered(known)
        return State(self.manifest, MappingProxyType(known), self.plans, self.pending)

    def with_instance(self, instance: Instance) -> State:
        return self._with_plans(self.plans.set(instance.id, instance))

    def without_instance(self, id: bytes) -> State:
        return self._with_plans(self.plans.delete(id))

    def with_intent(self, intent: Intent) -> State:
        return self._with_pending(self.pending.set(intent.hash, intent))

    def without_intent(self, hash: bytes) -> State:
        return self._with_pending(self.pending.delete(hash))

    def with_manifest(self, manifest: bytes) -> State:
        return State(manifest, self.cells, self.plans, self.pending)

    def _with_plans(self, plans: MerkleMap[Instance]) -> State:
        return State(self.manifest, self.cells, plans, self.pending)

    def _with_pending(self, pending: MerkleMap[Intent]) -> State:
        return State(self.manifest, self.cells, self.plans, pending)
