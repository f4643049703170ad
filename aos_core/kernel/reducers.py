"""What goes into a reducer's step and what comes out (air-v1, section 6; B-2, B-11, B-12)."""

from __future__ import annotations

from typing import Any, NamedTuple

from aos_core import canon
from aos_core.errors import CanonError, StepFault
from aos_core.kernel.modules import returned_bytes


class RaisedEvent(NamedTuple):
    schema: str
    value: bytes
    key: bytes | None


class RaisedEffect(NamedTuple):
    kind: str
    params: bytes
    cap_slot: str
    idempotency_key: bytes | None


class Output(NamedTuple):
    """What a step gave; ``state`` is the module's own bytes, or None to delete the cell."""

    state: bytes | None
    events: tuple[RaisedEvent, ...]
    effects: tuple[RaisedEffect, ...]


def event_hash(schema: str, value: bytes, key: bytes | None) -> bytes:
    """SHA-256 of canonical ``{schema, value, key?}``."""
    key_first = {} if key is None else {"key": key}
    return canon.digest_prepared({**key_first, "value": value, "schema": schema})


def _event(schema: str, value: bytes, key: bytes | None) -> dict[str, Any]:
    return {"schema": schema, "value": value} | ({} if key is None else {"key": key})


def envelope(
    state: bytes | None, schema: str, value: bytes, key: bytes | None, ctx: bytes | None
) -> bytes:
    """The input of a step: plain CBOR, members in this order, ``state`` always there (B-11)."""
    members: dict[str, Any] = {"version": 1, "state": state, "event": _event(schema, value, key)}
    if ctx is not None:
        members["ctx"] = ctx
    return canon.encode_prepared(members)


def legacy_envelope(state: bytes | None, schema: str, value: bytes, key: bytes | None) -> bytes:
    """The earlier envelope: ``ctx: {key, cell_mode}`` inline."""
    ctx = {"key": key, "cell_mode": key is not None}
    members = {"version": 1, "state": state, "event": _event(schema, value, None), "ctx": ctx}
    return canon.encode_ordered(members)


def parse_output(data: bytes) -> Output:
    """The output of a step. Raises :class:`StepFault` ``bad_output`` for what is none."""
    try:
        plain = canon.decode_lenient(data)
    except CanonError as error:
        raise _bad(f"the output is not CBOR: {error.message}") from None
    if not isinstance(plain, dict) or "state" not in plain:
        raise _bad("the output is not a map with a state")
    _bytes_or_none(plain, "ann")
    return Output(
        _bytes_or_none(plain, "state"),
        tuple([_raised_event(item) for item in _items(plain, "domain_events")]),
        tuple([_raised_effect(item) for item in _items(plain, "effects")]),
    )


def _raised_event(item: dict[str, Any]) -> RaisedEvent:
    value = _bytes(item.get("value"), "value")
    return RaisedEvent(_text(item, "schema"), value, _bytes_or_none(item, "key"))


def _raised_effect(item: dict[str, Any]) -> RaisedEffect:
    params = item["params_cbor"] if "params_cbor" in item else item.get("params")
    key = _bytes_or_none(item, "idempotency_key")
    if key is not None and len(key) != 32:
        raise _bad("an idempotency_key is 32 bytes")
    slot = "default" if item.get("cap_slot") is None else _text(item, "cap_slot")
    return RaisedEffect(_text(item, "kind"), _bytes(params, "params"), slot, key)


def _items(plain: dict[str, Any], name: str) -> list[dict[str, Any]]:
    items = plain.get(name)
    if items is None or items == []:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _bad(f"{name} is not a list of maps")
    return items


def _text(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise _bad(f"{name} is not a text")
    return value


def _bytes_or_none(item: dict[str, Any], name: str) -> bytes | None:
    value = item.get(name)
    return value if value is None or type(value) is bytes else _bytes(value, name)


def _bytes(value: Any, name: str) -> bytes:
    found = returned_bytes(value)
    if found is None:
        raise _bad(f"{name} is not a byte string")
    return found


def _bad(message: str) -> StepFault:
    return StepFault(message, code="bad_output")
