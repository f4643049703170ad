"""Prepared receipts: the answers of a scenario, and those that answer themselves.

They vary in nothing: adapter ``scenario``, timings 0, JSON as compact UTF-8 in file order
(docs/scenarios.md, *Answers*). This one harness serves scenarios, command line, app and tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aos_core import canon
from aos_core.adapters.receipt import Receipt
from aos_core.air.schemas import Schema
from aos_core.errors import StoreDamaged, UsageError
from aos_core.kernel.state import Intent
from aos_core.scenario_file import Answer

ADAPTER = "scenario"
PREVIEW = 256
"""Characters of an HTTP body that its receipt shows as ``body_preview``, and of a model's answer
that its receipt shows as ``output_preview``."""

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
    found = facts(intent)
    for answer in answers:
        match = answer.match
        if not _matches(match, found):
            continue

        def nth(match: Mapping[str, Any] = match) -> int:
            return 1 + sum(_matches(match, facts(other)) for other in earlier())

        if "nth" not in match or match["nth"] == nth():
            return _answer(answer, intent, _Fields(found, nth), schema)
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


def _matches(match: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return all(found.get(name) == value for name, value in match.items() if name != "nth")


def _answer(answer: Answer, intent: Intent, fields: _Fields, schema: Schema) -> Receipt:
    payload: Any
    blobs: tuple[bytes, ...] = ()
    if answer.http is not None:
        payload, blobs = _http_payload(answer.http, fields)
    elif answer.llm is not None:
        payload, blobs = _llm_payload(answer.llm, answer.cost_cents, intent, fields)
    elif answer.payload is not None:
        payload = _with_preview(intent, schema.from_host(fields.fill(answer.payload)))
    elif answer.status == "ok":
        raise UsageError(
            f"the answer for {intent.kind} says no http, llm or payload",
            hint="give one of them, or a status of error or timeout",
        )
    else:
        payload = zero_payload(intent, schema)
    return Receipt(intent.hash, answer.status, payload, ADAPTER, answer.cost_cents, blobs=blobs)


def zero_payload(intent: Intent, schema: Schema) -> Any:
    """The zero value of a receipt schema; every HTTP answer has a preview besides."""
    return _with_preview(intent, schema.zero())


def _with_preview(intent: Intent, payload: Any) -> Any:
    if intent.kind != "http.request" or "body_preview" in payload:
        return payload
    return {**payload, "body_preview": ""}


def _http_payload(
    http: Mapping[str, Any], fields: _Fields
) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    body: bytes | None = None
    if "json" in http:
        filled = fields.fill(http["json"])
        body = json.dumps(filled, separators=(",", ":"), ensure_ascii=False).encode()
    elif "body" in http:
        body = fields.fill(http["body"]).encode()
    headers = fields.fill(http.get("headers", {}))
    return http_payload(http.get("status", 200), headers, body, ADAPTER)


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


def _llm_payload(
    llm: Mapping[str, Any], cost_cents: int | None, intent: Intent, fields: _Fields
) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """(receipt payload, blobs) of a model's answer: its message is a blob, as a live one is."""
    if intent.kind != "llm.generate":
        raise UsageError(f"an llm answer does not fit {intent.kind}", hint="give it a payload")
    text = fields.fill(llm["text"])
    message = {"role": "assistant", "content": text}
    output = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
    tokens = {name: llm.get(f"{name}_tokens", 0) for name in ("prompt", "completion")}
    payload = {
        "output_ref": canon.hash_text(canon.sha256(output)),
        "token_usage": tokens,
        "cost_cents": cost_cents or 0,
        "provider_id": canon.decode(intent.params)["provider"],
        "output_preview": text[:PREVIEW],
    }
    return payload, (output,)


class _Fields:
    """The template fields ``{url}``, ``{method}`` and ``{nth}`` of an answer's texts."""

    def __init__(self, facts: Mapping[str, Any], nth: Callable[[], int]) -> None:
        self._facts, self._nth = facts, nth

    def fill(self, value: Any) -> Any:
        """``value`` with every field in its texts filled in."""
        if isinstance(value, str):
            return _FIELD.sub(self._text, value)
        if isinstance(value, Mapping):
            return {key: self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        return value

    def _text(self, field: re.Match[str]) -> str:
        if field[1] == "nth":
            return str(self._nth())
        found: str = self._facts.get(field[1], "")
        return found


_FIELD = re.compile(r"\{(url|method|nth)\}")


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
