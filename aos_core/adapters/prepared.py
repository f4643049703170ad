"""Prepared receipts: the answers of a scenario, and those that answer themselves.

They vary in nothing: adapter ``scenario``, timings 0, JSON as compact UTF-8 in file order
(world-files.md). This one harness serves scenarios, command line, app and tests alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.air.codec import Schema
from aos_core.errors import StoreDamaged, UsageError
from aos_core.kernel.state import Intent
from aos_core.scenario_file import Answer

ADAPTER = "scenario"
PREVIEW = 256
"""Characters of an HTTP body that its receipt shows as ``body_preview``."""

ReadBlob = Callable[[bytes], bytes]


def prepare(
    answers: Sequence[Answer],
    intent: Intent,
    earlier: Callable[[], Sequence[Intent]],
    schema: Schema,
    read_blob: ReadBlob,
) -> Receipt | None:
    """The receipt prepared for ``intent``, or None where no answer matches.

    ``earlier`` gives the intents asked for before it, in order of emission; called only where
    an answer says ``nth``. ``schema``: that of its receipts. First match wins; timers and blobs
    answer themselves otherwise.
    """
    for answer in answers:
        match = answer.match
        if not _matches(match, intent):
            continue

        def nth(match: Mapping[str, Any] = match) -> int:
            return 1 + sum(_matches(match, other) for other in earlier())

        if "nth" not in match or match["nth"] == nth():
            return _answer(answer, intent, nth, schema)
    own = SELF_ANSWERING.get(intent.kind)
    return None if own is None else own(intent, canon.decode(intent.params), read_blob)


def facts(intent: Intent) -> dict[str, Any]:
    """What an answer can match: kind, cap, the origin's plan, step or reducer, url and method."""
    params, origin = canon.decode(intent.params), intent.origin
    found = {"kind": intent.kind, "cap": intent.cap, origin["kind"]: origin["name"]}
    found |= {"step": origin["step"]} if "step" in origin else {}
    if isinstance(params, dict):
        found |= {name: params[name] for name in ("url", "method") if name in params}
    return found


def _matches(match: Mapping[str, Any], intent: Intent) -> bool:
    found = facts(intent)
    return all(found.get(name) == value for name, value in match.items() if name != "nth")


def _answer(answer: Answer, intent: Intent, nth: Callable[[], int], schema: Schema) -> Receipt:
    blobs: tuple[bytes, ...] = ()
    if answer.http is not None:
        payload, blobs = _http_payload(answer.http, intent, nth)
    elif answer.payload is not None:
        payload = schema.from_host(dict(answer.payload))
    elif answer.status == "ok":
        raise UsageError(
            f"the answer for {intent.kind} says neither http nor payload",
            hint="give one of them, or a status of error or timeout",
        )
    else:
        payload = zero_payload(intent, schema)
    return Receipt(intent.hash, answer.status, payload, ADAPTER, answer.cost_cents, blobs=blobs)


def zero_payload(intent: Intent, schema: Schema) -> Any:
    """The zero value of a receipt schema; every HTTP answer has a preview besides."""
    zero = schema.zero()
    return {**zero, "body_preview": ""} if intent.kind == "http.request" else zero


def _http_payload(
    http: Mapping[str, Any], intent: Intent, nth: Callable[[], int]
) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    params = canon.decode(intent.params)
    fields: dict[str, Callable[[], str]] = {
        "{url}": lambda: params["url"],
        "{method}": lambda: params["method"],
        "{nth}": lambda: str(nth()),
    }
    body: bytes | None = None
    if "json" in http:
        filled = _fill(http["json"], fields)
        body = json.dumps(filled, separators=(",", ":"), ensure_ascii=False).encode()
    elif "body" in http:
        body = _fill(http["body"], fields).encode()
    return http_payload(http.get("status", 200), dict(http.get("headers", {})), body, ADAPTER)


def http_payload(
    status: int, headers: dict[str, str], body: bytes | None, adapter_id: str
) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """(receipt payload, blobs) of an HTTP answer."""
    text = (body or b"").decode(errors="replace")
    payload = {
        "status": status,
        "headers": headers,
        "body_ref": None if body is None else canon.hash_text(canon.sha256(body)),
        "timings": {"start_ns": 0, "end_ns": 0},
        "adapter_id": adapter_id,
        "body_preview": text[:PREVIEW],
    }
    return payload, () if body is None else (body,)


def _fill(value: Any, fields: Mapping[str, Callable[[], str]]) -> Any:
    if isinstance(value, str):
        for name, text in fields.items():
            if name in value:
                value = value.replace(name, text())
        return value
    if isinstance(value, dict):
        return {key: _fill(item, fields) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, fields) for item in value]
    return value


def _timer(intent: Intent, params: Any, read_blob: ReadBlob) -> Receipt:
    payload = {"delivered_at_ns": params["deliver_at_ns"], "key": params["key"]}
    return Receipt(intent.hash, "ok", payload, ADAPTER, 0)


def _blob_put(intent: Intent, params: Any, read_blob: ReadBlob) -> Receipt:
    data = params["bytes"]
    fits = canon.hash_text(canon.sha256(data)) == params["blob_ref"]
    payload = {"blob_ref": params["blob_ref"], "size": len(data)}
    blobs = (data,) if fits else ()
    return Receipt(intent.hash, "ok" if fits else "error", payload, ADAPTER, 0, blobs=blobs)


def _blob_get(intent: Intent, params: Any, read_blob: ReadBlob) -> Receipt:
    try:
        data, status = read_blob(canon.parse_hash(params["blob_ref"])), "ok"
    except StoreDamaged:
        data, status = b"", "error"
    payload = {"blob_ref": params["blob_ref"], "size": len(data), "bytes": data}
    return Receipt(intent.hash, status, payload, ADAPTER, 0)


SELF_ANSWERING: Mapping[str, Callable[[Intent, Any, ReadBlob], Receipt]] = {
    "timer.set": _timer,
    "blob.put": _blob_put,
    "blob.get": _blob_get,
}


def break_receipt(
    fault: str, receipt: Receipt, intent: Intent, schema: Schema
) -> tuple[Receipt, ...]:
    """What is delivered, one after the other, when ``receipt`` is broken by ``fault``.

    ``never``: nothing. ``duplicate``: twice. ``late``: a timeout now, the real one afterwards.
    ``malformed``: one that the border rejects.
    """
    match fault:
        case "never":
            return ()
        case "error" | "timeout":
            return (replace(receipt, status=fault, payload=zero_payload(intent, schema), blobs=()),)
        case "duplicate":
            return (receipt, receipt)
        case "late":
            return (*break_receipt("timeout", receipt, intent, schema), receipt)
        case "malformed":
            return (replace(receipt, payload=["not", "a", "receipt"], blobs=()),)
    raise UsageError(f"unknown fault {fault!r}")
