"""Inputs and records: what goes into a turn and what comes out of it (journal-format.md, 5 and 6).

Both are immutable and validated when built, and both have one plain form: the maps that the
journal keeps and that ``aos journal --json`` prints under the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from aos_core import canon
from aos_core.air.host_json import untyped_to_host
from aos_core.errors import Rejected

KINDS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    # kind: (fields that must be there, fields that may be)
    "genesis": (("manifest", "world"), ()),
    "event": (("schema", "value", "hash"), ("key",)),
    "receipt": (
        ("intent", "adapter_id", "status", "payload", "outcome"),
        ("cost_cents", "signature"),
    ),
    "manifest_replaced": (("old", "new", "changed"), ("settings",)),
    "step": (("reducer", "before", "after"), ("key",)),
    "plan_started": (("instance", "plan"), ("correlation",)),
    "plan_step": (("instance", "step", "state"), ("value", "on")),
    "plan_ended": (("instance", "status"), ("result", "error_code", "step")),
    "decision": (("intent", "grant", "cap"), ("policy", "rule", "code")),
    "intent": (("hash", "kind", "params", "cap", "idempotency_key", "origin"), ()),
    "fault": (("code", "where", "text"), ()),
}
_FORMS: Final[Mapping[str, tuple[frozenset[str], tuple[str, ...]]]] = {
    kind: (frozenset(must), tuple(canon.key_order((*must, *may))))
    for kind, (must, may) in KINDS.items()
}
"""By kind: the fields that must be there, and all of them in canonical order."""

_LOOSE: Final[Mapping[str, tuple[str, ...]]] = {
    "receipt": ("payload",),
    "manifest_replaced": ("changed", "settings"),
    "plan_ended": ("result",),
    "fault": ("where",),
}
"""By kind: fields whose maps may be in any order and which may hold floats. What is in the others
was put in order when it was normalised."""

ABSENT: Final = object()
"""Stands where a field is not there, because null is a value of it."""

HASH_FIELDS: Final = frozenset(
    {"hash", "intent", "instance", "before", "after", "manifest", "old", "new", "idempotency_key"}
)
"""Fields that hold 32 bytes and are shown as ``sha256:..``."""

OUTCOMES: Final = ("settled", "late", "orphan", "faulted")
"""Of a receipt; ``faulted``: its turn faulted, so the intent is still pending. The whole list, for
those who describe or read the format."""

STATUSES: Final = ("ok", "error", "timeout")


_new, _set = object.__new__, object.__setattr__


@cache
def _order_given(kind: str, names: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    """The names of the fields of a record in canonical order, and whether null is a value of each.
    Raises ValueError for wrong ones. Every place that makes records gives the same names again."""
    must, order = _FORMS[kind]
    if not must <= set(names) <= set(order):
        raise ValueError(f"record {kind}: wrong fields {sorted(names)}")
    return tuple((name, name in must or name == "result") for name in order if name in names)


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the journal: its kind, the height of its cause in this turn, its fields, which
    stand in canonical order."""

    kind: str
    fields: Mapping[str, Any]
    by: int | None = None

    def __post_init__(self) -> None:
        must, order = _FORMS[self.kind]
        given = self.fields
        fields = {name: given[name] for name in order if name in given}
        if len(fields) != len(given) or not must <= fields.keys():
            raise ValueError(f"record {self.kind}: wrong fields {sorted(given)}")
        object.__setattr__(self, "fields", MappingProxyType(fields))

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def get(self, name: str) -> Any:
        """A field, or None."""
        return self.fields.get(name)

    def to_plain(self) -> dict[str, Any]:
        """The map that the journal keeps: ``k``, ``by`` where given, and the fields."""
        if self.by is None:
            return {"k": self.kind, **self.fields}
        return {"k": self.kind, "by": self.by, **self.fields}

    def to_prepared(self) -> dict[str, Any]:
        """The same, as ``canon.encode_prepared`` takes it."""
        plain = self.to_plain()
        for name in _LOOSE.get(self.kind, ()):
            if name in plain:
                plain[name] = canon.prepare(plain[name])
        return plain

    @classmethod
    def made(cls, kind: str, by: int | None, given: Mapping[str, Any]) -> Record:
        """A record of a turn. Optional fields that are None stay out, but for a result: null is
        a value. In one pass and past the dataclass's own constructor, which takes three times as
        long: a turn makes about eight."""
        fields = {}
        for name, keeps_none in _order_given(kind, tuple(given)):
            of = given[name]
            if of is not ABSENT and (keeps_none or of is not None):
                fields[name] = of
        record = _new(cls)
        _set(record, "kind", kind)
        _set(record, "fields", MappingProxyType(fields))
        _set(record, "by", by)
        return record

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Record:
        """The record of a journaled map. Raises :class:`Rejected` for one of no known form."""
        fields = {name: value for name, value in plain.items() if name not in ("k", "by")}
        kind = plain.get("k")
        if not isinstance(kind, str) or kind not in KINDS:
            raise Rejected(f"unknown kind of record {kind!r}")
        try:
            return cls(kind, fields, plain.get("by"))
        except ValueError as error:
            raise Rejected(str(error)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What enters from outside, stamped by the host.

    ``at_ns``: nanoseconds since the epoch. ``logical_ns``: nanoseconds since genesis, never
    falling. ``entropy``: 64 bytes. ``source``: the scenario step that caused it, if one did.
    """

    at_ns: int = 0
    logical_ns: int = 0
    entropy: bytes = bytes(64)
    source: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for name in ("at_ns", "logical_ns"):
            _check(is_nat(getattr(self, name)), name, "nanoseconds from 0 to 2^64 - 1")
        _check(type(self.entropy) is bytes and len(self.entropy) == 64, "entropy", "64 bytes")
        _check(self.source is None or isinstance(self.source, Mapping), "source", "a map")

    def stamped(
        self,
        at_ns: int,
        logical_ns: int,
        entropy: bytes,
        source: Mapping[str, Any] | None = None,
    ) -> Input:
        """The same input with the host's stamps."""
        return replace(self, at_ns=at_ns, logical_ns=logical_ns, entropy=entropy, source=source)

    def _from(self) -> dict[str, Any]:
        return {} if self.source is None else {"source": dict(self.source)}

    def to_plain(self) -> dict[str, Any]:
        """The map that the journal keeps, in canonical order but for ``source`` and
        ``settings``."""
        raise NotImplementedError

    def to_prepared(self) -> dict[str, Any]:
        """The same, as ``canon.encode_prepared`` takes it."""
        plain = self.to_plain()
        for name in ("source", "settings"):
            if name in plain:
                plain[name] = canon.prepare(plain[name])
        return plain


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInput(Input):
    """A domain event: schema name, CBOR of its value, optional key bytes."""

    schema: str
    value: bytes
    key: bytes | None = None

    def __post_init__(self) -> None:
        Input.__post_init__(self)
        _check(type(self.schema) is str, "schema", "the name of a schema")
        _check(type(self.value) is bytes, "value", "CBOR bytes")
        _check(isinstance(self.key, bytes | None), "key", "bytes")

    def to_plain(self) -> dict[str, Any]:
        return {
            "k": "event",
            **({} if self.key is None else {"key": self.key}),
            "at_ns": self.at_ns,
            "value": self.value,
            "schema": self.schema,
            **self._from(),
            "entropy": self.entropy,
            "logical_ns": self.logical_ns,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptInput(Input):
    """A receipt for an intent. ``payload`` is CBOR as it came. ``late``: the host found in the
    journal that this intent was settled before (the state no longer knows)."""

    intent: bytes
    adapter_id: str
    status: str
    payload: bytes
    cost_cents: int | None = None
    signature: bytes | None = None
    late: bool = False

    def __post_init__(self) -> None:
        Input.__post_init__(self)
        if self.status not in STATUSES:
            known = ", ".join(STATUSES)
            raise Rejected(f"receipt status {self.status!r} is none of {known}", path="$.status")
        _check(is_hash(self.intent), "intent", "an intent hash, 32 bytes")
        _check(type(self.adapter_id) is str, "adapter_id", "text")
        _check(type(self.payload) is bytes, "payload", "CBOR bytes")
        cost = self.cost_cents
        _check(cost is None or is_nat(cost), "cost_cents", "a whole number, not negative")
        _check(isinstance(self.signature, bytes | None), "signature", "bytes")
        _check(type(self.late) is bool, "late", "true or false")

    def to_plain(self) -> dict[str, Any]:
        return {
            "k": "receipt",
            "late": self.late,
            "at_ns": self.at_ns,
            "intent": self.intent,
            **self._from(),
            "status": self.status,
            "entropy": self.entropy,
            "payload": self.payload,
            **({} if self.signature is None else {"signature": self.signature}),
            "adapter_id": self.adapter_id,
            **({} if self.cost_cents is None else {"cost_cents": self.cost_cents}),
            "logical_ns": self.logical_ns,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestInput(Input):
    """Other definitions or modules from now on; ``changed`` names them, for people."""

    old: bytes
    new: bytes
    changed: tuple[str, ...]
    settings: Mapping[str, Any] | None = field(default=None)

    def __post_init__(self) -> None:
        Input.__post_init__(self)
        for name in ("old", "new"):
            _check(is_hash(getattr(self, name)), name, "a manifest hash, 32 bytes")
        _check(all(type(name) is str for name in self.changed), "changed", "a list of names")
        _check(isinstance(self.settings, Mapping | None), "settings", "a map")

    def to_plain(self) -> dict[str, Any]:
        return {
            "k": "manifest_replaced",
            "new": self.new,
            "old": self.old,
            "at_ns": self.at_ns,
            **self._from(),
            "changed": list(self.changed),
            "entropy": self.entropy,
            **({} if self.settings is None else {"settings": dict(self.settings)}),
            "logical_ns": self.logical_ns,
        }


def is_nat(value: object) -> bool:
    """Whether a value is an integer from 0 to 2^64 - 1."""
    return type(value) is int and 0 <= value <= canon.NAT_MAX


def is_hash(value: object) -> bool:
    """Whether a value is 32 bytes."""
    return type(value) is bytes and len(value) == 32


def _check(ok: bool, name: str, form: str) -> None:
    if not ok:
        raise Rejected(f"{name} of an input must be {form}", path=f"$.{name}")


def input_from_plain(plain: Mapping[str, Any]) -> Input:
    """The input of a journaled map. Raises :class:`Rejected` for one of no known form."""
    fields = {name: value for name, value in plain.items() if name != "k"}
    try:
        match plain.get("k"):
            case "event":
                return EventInput(**fields)
            case "receipt":
                return ReceiptInput(**fields)
            case "manifest_replaced":
                return ManifestInput(**{**fields, "changed": tuple(fields["changed"])})
    except (TypeError, KeyError) as error:
        raise Rejected(f"an input with wrong fields: {error}") from error
    raise Rejected(f"unknown kind of input {plain.get('k')!r}")


def show_field(name: str, value: Any) -> Any:
    """A field of a record as host JSON; hashes in their text form."""
    if isinstance(value, bytes) and len(value) == 32 and (name in HASH_FIELDS or name == "root"):
        return canon.hash_text(value)
    return untyped_to_host(value)
