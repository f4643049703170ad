"""Values as the kernel and its records keep them, as host JSON for readers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.air.host_json import untyped_to_host
from aos_core.air.schemas import Schema
from aos_core.errors import ValueRejected


def typed_to_host(schema: Schema | None, value: Any) -> Any:
    """Host JSON of plain data by ``schema``; untyped where there is none or it does not fit."""
    if schema is not None:
        try:
            return schema.to_host(schema.normalise(value))
        except ValueRejected:
            pass
    return untyped_to_host(value)


def kinded_to_host(kinded: Any) -> Any:
    """Host JSON of a kinded value as records keep it: the kinds dropped."""
    if kinded in ("Null", "Unit", None):
        return None
    ((kind, data),) = kinded.items()
    if kind in ("List", "Set"):
        return [kinded_to_host(item) for item in data]
    if kind == "Record":
        return {name: kinded_to_host(item) for name, item in data.items()}
    if kind == "Map":
        return {json_key(kinded_to_host(key)): kinded_to_host(item) for key, item in data}
    return untyped_to_host(data)


def json_key(key: Any) -> str:
    """The member name for a key in host JSON: a text as it is, anything else as its JSON text."""
    return key if isinstance(key, str) else json.dumps(key, separators=(",", ":"))


def origin_json(origin: Mapping[str, Any]) -> dict[str, Any]:
    """An intent's origin as host JSON."""
    shown = dict(origin)
    if "instance" in shown:
        shown["instance"] = canon.hash_text(shown["instance"])
    if "key" in shown:
        shown["key"] = untyped_to_host(shown["key"])
    return shown


def receipt_json(receipt: Receipt, schema: Schema) -> dict[str, Any]:
    """A receipt as host JSON: ``{status, payload, cost_cents}``, as ``--receipt`` takes it."""
    try:
        payload = schema.to_host(schema.normalise(receipt.payload))
    except ValueRejected:
        payload = untyped_to_host(receipt.payload)
    return {"status": receipt.status, "payload": payload, "cost_cents": receipt.cost_cents}


def with_hashes(value: Any, is_intent: Callable[[bytes], bool]) -> Any:
    """Host JSON with each ``{"bytes_b64": ..}`` that is the hash of an intent as ``sha256:..``, the
    form that it has wherever else it is shown."""
    match value:
        case {"bytes_b64": str(data)} if len(value) == 1:
            try:
                raw = base64.b64decode(data, validate=True)
            except ValueError:  # text, of a field that is called so
                return value
            return canon.hash_text(raw) if len(raw) == 32 and is_intent(raw) else value
        case dict():
            return {name: with_hashes(of, is_intent) for name, of in value.items()}
        case list():
            return [with_hashes(of, is_intent) for of in value]
    return value
