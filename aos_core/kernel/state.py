"""The state of a world: a small record over Merkle maps, under one root (journal.md).

The state is bounded by what is alive: ended plan instances and settled intents are not in it.
Neither are heights, clocks, entropy, ages or display numbers, so two orders that mean the same
end in the same root. Of the past, only the order in which plans began to wait for one event is in
it, since they are woken in that order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

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

    @property
    def hash(self) -> bytes:
        """The intent hash (air-v1, section 10)."""
        return canon.digest(
            {
                "kind": self.kind,
                "params": self.params,
                "cap": self.cap,
                "idempotency_key": self.idempotency_key,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Intent:
        """The intent of the bytes that a state keeps of it."""
        return cls(**canon.decode(data))

    def to_plain(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "params": self.params,
            "cap": self.cap,
            "idempotency_key": self.idempotency_key,
            "origin": dict(self.origin),
        }

    def __bytes__(self) -> bytes:
        return canon.encode(self.to_plain())


@dataclass(frozen=True, slots=True)
class Held:
    """A receipt that an instance holds: its status and normalised payload."""

    status: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Instance:
    """A live plan instance.

    ``plan`` is the hash of the plan's definition, ``manifest`` the manifest it started under: it
    keeps both to its end. ``steps`` holds the state of every step that is no longer pending,
    ``values`` what finished steps gave, ``waits`` what waiting ones wait for (an intent hash or
    an event schema), ``receipts`` and ``events`` what has arrived and was not taken yet.
    ``place``: where its event wait stands among those for the same event, from 1; 0 is none, or
    one that does not count yet. Who waits longer is woken first.
    ``status`` is its place in a turn (``lifecycle.INSTANCE``); between turns it is ``waiting``.
    """

    id: bytes
    name: str
    plan: bytes
    manifest: bytes
    input: Any
    correlation: Value | None
    status: str = "new"
    steps: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)
    binds: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, Value] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    waits: Mapping[str, bytes | str] = field(default_factory=dict)
    receipts: Mapping[bytes, Held] = field(default_factory=dict)
    events: Mapping[str, Value] = field(default_factory=dict)
    place: int = 0

    @property
    def listens_to(self) -> str | None:
        """The schema of the one event it waits for; None once that is here."""
        if self.events:
            return None
        return next((wait for wait in self.waits.values() if isinstance(wait, str)), None)

    def __bytes__(self) -> bytes:
        optional = {
            "correlation": None if self.correlation is None else to_kinded(self.correlation),
            "statuses": dict(self.statuses),
            "receipts": {
                canon.hash_text(intent): {"status": receipt.status, "payload": receipt.payload}
                for intent, receipt in self.receipts.items()
            },
            "events": {step: to_kinded(value) for step, value in self.events.items()},
            "place": self.place if self.place > 1 else None,
        }
        return canon.encode(
            {
                "plan": self.plan,
                "manifest": self.manifest,
                "input": self.input,
                "steps": dict(self.steps),
                "values": {step: to_kinded(value) for step, value in self.values.items()},
                "binds": dict(self.binds),
                "waits": dict(self.waits),
                **{name: value for name, value in optional.items() if value},
            }
        )


@dataclass(frozen=True, slots=True)
class State:
    """A world at one height. Every method gives a new state."""

    manifest: bytes
    cells: Mapping[str, MerkleMap[bytes]] = field(default_factory=lambda: MappingProxyType({}))
    plans: MerkleMap[Instance] = field(default_factory=MerkleMap)
    pending: MerkleMap[Intent] = field(default_factory=MerkleMap)

    @property
    def root(self) -> bytes:
        """SHA-256 over the roots of the parts, 32 bytes."""
        return canon.digest(self.to_plain())

    def to_plain(self) -> dict[str, Any]:
        """The roots of the parts."""
        return {
            "manifest": self.manifest,
            "cells": {name: cells.root for name, cells in self.cells.items() if cells},
            "plans": self.plans.root,
            "pending": self.pending.root,
        }

    def cell(self, reducer: str, key: bytes) -> bytes | None:
        """The state bytes of a cell; the key of an unkeyed reducer is empty."""
        cells = self.cells.get(reducer)
        return None if cells is None else cells.get(key)

    def with_cell(self, reducer: str, key: bytes, data: bytes | None) -> State:
        """The state with a cell set, or deleted where ``data`` is None."""
        cells = self.cells.get(reducer, MerkleMap[bytes]())
        changed = cells.delete(key) if data is None else cells.set(key, data)
        return replace(self, cells=MappingProxyType({**self.cells, reducer: changed}))

    def with_instance(self, instance: Instance) -> State:
        return replace(self, plans=self.plans.set(instance.id, instance))

    def without_instance(self, id: bytes) -> State:
        return replace(self, plans=self.plans.delete(id))

    def with_intent(self, intent: Intent) -> State:
        return replace(self, pending=self.pending.set(intent.hash, intent))

    def without_intent(self, hash: bytes) -> State:
        return replace(self, pending=self.pending.delete(hash))

    def with_manifest(self, manifest: bytes) -> State:
        return replace(self, manifest=manifest)
