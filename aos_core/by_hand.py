"""Receipts written by hand, in scenarios, on the command line and in the app, as host JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aos_core import canon
from aos_core.adapters.prepared import ADAPTER, break_receipt
from aos_core.adapters.receipt import Receipt
from aos_core.air.host_json import bytes_from_host, utf8
from aos_core.air.misfit import Misfit
from aos_core.air.schemas import Schema
from aos_core.errors import CanonError, UsageError, ValueRejected
from aos_core.history import Asked
from aos_core.kernel.program import Program
from aos_core.kernel.turn import Turn
from aos_core.view import Pending
from aos_core.world import World

EDITED = "edited"
"""The adapter of a receipt by hand that names none."""
_RECEIPT = {"status", "payload", "payload_b64", "cost_cents", "adapter_id", "signature"}


def edited(item: Pending, receipt: Any) -> Receipt:
    """The receipt of host JSON ``{status?, payload, cost_cents?, adapter_id?, signature?}`` for a
    pending intent; ``payload_b64``, its CBOR, may stand for ``payload``.

    Raises :class:`UsageError` or :class:`ValueRejected` where it does not fit.
    """
    return by_hand(item.intent_hash, item.schema, receipt)


def by_hand(intent: bytes, schema: Schema, receipt: Any) -> Receipt:
    """As :func:`edited`, for the intent of this hash, whose receipts have this schema."""
    given = set(receipt) if isinstance(receipt, Mapping) else set()
    if len(given & {"payload", "payload_b64"}) != 1 or not given <= _RECEIPT:
        raise ValueRejected(
            "a receipt is {status, payload, cost_cents}", path="$",
            hint='for example {"status": "ok", "payload": {..}}; `aos pending --json` shows one',
        )  # fmt: skip
    if "payload" in given:
        payload = schema.from_host(receipt["payload"])
    else:
        payload = _decoded(bytes_of({"bytes_b64": receipt["payload_b64"]}, "payload_b64") or b"")
    return Receipt(
        intent,
        receipt.get("status", "ok"),
        payload,
        receipt.get("adapter_id", EDITED),
        receipt.get("cost_cents"),
        bytes_of(receipt.get("signature"), "signature"),
    )


def _decoded(payload: bytes) -> Any:
    try:
        return canon.decode_lenient(payload, canon.VALUE_DEPTH)
    except CanonError as error:
        raise ValueRejected(f"payload_b64 is {error.message}", path="$.payload_b64") from None


def broken(world: World, item: Pending, fault: str, **more: Any) -> Iterator[Turn]:
    """Answer a pending intent wrongly: ``error``, ``timeout``, ``duplicate``, ``late`` (a timeout,
    then the real one), ``malformed`` or ``never``; ``more`` goes to :meth:`World.deliver`.

    Raises :class:`Rejected` for ``malformed``, which the border is there to refuse, and
    :class:`UsageError` for an unknown fault, or one that needs a prepared answer without one."""
    needs_answer = fault in ("duplicate", "late") or item.prepared is not None
    receipt = item.answer() if needs_answer else Receipt(item.intent_hash, "ok", None, ADAPTER)
    for each in break_receipt(fault, receipt, item.intent, item.schema):
        yield world.deliver(each, **more)


def bytes_of(value: Any, name: str) -> bytes | None:
    """The bytes of a text or ``{"bytes_b64": ..}``; None of None. Raises :class:`ValueRejected`."""
    if value is None:
        return None
    try:
        return utf8(value) if isinstance(value, str) else bytes_from_host(value)
    except (Misfit, TypeError) as error:
        text = 'expected text or {"bytes_b64": ".."}'
        raise ValueRejected(f"{name}: {text}", path=f"$.{name}") from error


def asked_for(world: World, intent: str) -> Asked:
    """The last intent of this hash that a world asked for. Raises :class:`UsageError`."""
    if canon.is_hash_text(intent):
        asked = world.history.asked(canon.parse_hash(intent), world.height)
        if asked is not None:
            return asked
    raise UsageError(
        f"this world never asked for {intent}",
        hint="its hash follows from what asked for it: name a pending one by its number",
    )


def receipt_schema(asked: Asked, programs: Callable[[bytes], Program]) -> Schema:
    """The schema of an intent's receipts, as it was when it was asked for."""
    reducer = asked.intent.origin["kind"] == "reducer"
    return programs(asked.manifest).receipt_schema(asked.intent.kind, reducer=reducer)
